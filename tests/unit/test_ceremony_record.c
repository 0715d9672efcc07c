/*
 * What a ceremony's bundle tells, in the audit of the service (PK-19, PK-22):
 * once, however often it is given.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/store_audit.h"
#include "db/store_crl.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "pki/ceremony_bundle.h"
#include "pki/certview.h"
#include "src/ceremony_record.h"
#include "tests/unit/ceremony_lab.h"
#include "tests/unit/pki_lab.h"

/* Which were made by changing rows, so that the chain does not verify. */
static bool has_former_marks;

static struct span
bundle_of(struct job *j, const char *dir)
{
	struct bundle *b = arena_alloc(j->arena, sizeof *b);
	struct span tar;

	if (ceremony_bundle_make(j, dir, b, &tar) < 0)
		fail_msg("%s", j->err.text);
	return tar;
}

static const char *
object_of(struct job *j, const char *path)
{
	struct ceremony_cert c;
	struct span id;

	if (ceremony_cert_read(j, path, &c) < 0)
		fail_msg("%s", j->err.text);
	assert_int_equal(certview_subject_key_id(&c.view, &id), 1);
	return arena_printf(j->arena, "ca:%s", hex_dup(j->arena, id));
}

/* How many records of this object have the event. */
static size_t
events(struct job *j, const char *object, const char *event)
{
	struct audit_row *rows;
	size_t count, n = 0;

	EXPECT(j, store_audit_list(j, object, &rows, &count), 0);
	for (size_t i = 0; i < count; i++)
		n += strcmp(rows[i].event, event) == 0;
	return n;
}

static void
record_tar(struct job *j, struct span tar, size_t fresh,
    struct ceremony_recorded *done)
{
	int64_t count;

	if (ceremony_record(j, tar, done) < 0)
		fail_msg("%s", j->err.text);
	assert_int_equal(done->fresh, fresh);
	if (!has_former_marks)
		EXPECT(j, store_audit_verify(j, &count), 0);
}

static void
record(struct job *j, struct span tar, size_t fresh)
{
	struct ceremony_recorded done;

	record_tar(j, tar, fresh, &done);
	assert_int_equal(done.other_count, 0);
	assert_null(done.refusal);
}

static void
test_record(struct job *j)
{
	const char *dir = ceremony_lab_dir(j);
	const char *root = arena_printf(j->arena, "%s/root", dir);
	struct ceremony c = ceremony_lab(j, root);
	struct ceremony_backup b = { .dir = ceremony_lab_dir(j) };
	struct ceremony_recorded done;
	struct audit_row *rows;
	const char *above, *own;
	struct crl list;
	struct span first, second;
	size_t count;

	j->now = LAB_NOW;
	ceremony_lab_whole(j, dir, NULL, NULL);
	above = object_of(j, arena_printf(j->arena, "%s/root.pem", root));
	own =
	    object_of(j, arena_printf(j->arena, "%s/issuing/issuing.pem", dir));
	first = bundle_of(j, dir);
	record(j, first, 9);
	assert_int_equal(events(j, above, "CA key generated"), 1);
	assert_int_equal(events(j, above, "CA key not backed up"), 1);
	assert_int_equal(events(j, above, "CA certificate issued"), 1);
	assert_int_equal(events(j, above, "revocation list signed"), 1);
	assert_int_equal(events(j, own, "CA key generated"), 1);
	assert_int_equal(events(j, own, "CA certificate issued"), 1);
	assert_int_equal(events(j, own, "CA certificate imported"), 1);
	EXPECT(j, store_audit_list(j, above, &rows, &count), 0);
	assert_non_null(strstr(rows[0].detail, "root key: made in a file"));
	assert_non_null(strstr(rows[0].detail, "Ann and Bob"));
	/* PK-209, step 10 */
	assert_int_equal(events(j, own, "revocation list signed"), 1);
	assert_int_equal(fixture_count(j, "SELECT count(*) FROM crl"), 1);
	EXPECT(j, store_crl_latest(j, own + strlen("ca:"), 0, &list), 1);
	assert_int_equal(list.number, 1);
	assert_true(span_eq(list.der,
	    ceremony_lab_read(
		j, arena_printf(j->arena, "%s/issuing", dir), "issuing.crl")));
	record(j, first, 0);
	assert_int_equal(events(j, above, "CA key generated"), 1);
	assert_int_equal(fixture_count(j, "SELECT count(*) FROM crl"), 1);
	/* on record by a version that did not take it */
	fixture_sql(j, "DELETE FROM crl");
	record(j, first, 0);
	assert_int_equal(fixture_count(j, "SELECT count(*) FROM crl"), 1);
	/* What came later, alone. */
	if (ceremony_root_crl(&c, NULL, 0) < 0)
		fail_msg("%s", j->err.text);
	second = bundle_of(j, dir);
	record(j, second, 1);
	record(j, second, 0);
	assert_int_equal(events(j, above, "revocation list signed"), 2);
	assert_int_equal(events(j, own, "CA key generated"), 1);
	assert_int_equal(mkdir(b.dir, 0700), 0);
	c.backup = &b;
	if (ceremony_backup_act(&c) < 0)
		fail_msg("%s", j->err.text);
	record(j, bundle_of(j, dir), 2);
	assert_int_equal(events(j, above, "CA key backed up"), 1);
	assert_int_equal(events(j, above, "CA key restored"), 1);
	assert_int_equal(ceremony_record(j, first, &done), -1);
	assert_int_equal(j->err.kind, ERR_CONFLICT);
	assert_non_null(strstr(j->err.text, "older bundle"));
}

/* --- folders -------------------------------------------------------------- */

static void
refused(struct job *j, struct span tar, const char *why)
{
	struct ceremony_recorded done;
	int64_t before = fixture_count(j, "SELECT count(*) FROM audit");

	assert_int_equal(ceremony_record(j, tar, &done), -1);
	assert_int_equal(j->err.kind, ERR_CONFLICT);
	assert_non_null(strstr(j->err.text, why));
	job_recover(j);
	assert_int_equal(
	    fixture_count(j, "SELECT count(*) FROM audit"), before);
}

static void
copy(struct job *j, const char *from, const char *to, const char *name)
{
	if (file_write(j, arena_printf(j->arena, "%s/%s", to, name), 0400,
		ceremony_lab_read(j, from, name)) < 0)
		fail_msg("%s", j->err.text);
}

static int
import(struct job *j, const char *dir, struct ceremony *c)
{
	return ceremony_import(c, arena_printf(j->arena, "%s/signed.pem", dir),
	    arena_printf(j->arena, "%s/root/root.pem", dir));
}

/* Another machine: the issuing CA's key from its backup, and no transcript. */
static struct ceremony
restored_folder(struct job *j, const char *dir)
{
	const char *from = arena_printf(j->arena, "%s/issuing", dir);
	struct ceremony c = ceremony_lab(j, ceremony_lab_dir(j));

	assert_int_equal(import(j, dir, &c), -1);
	job_recover(j);
	copy(j, from, c.dir, "issuing-key.pem");
	copy(j, from, c.dir, "ca-passphrase");
	if (import(j, dir, &c) < 0)
		fail_msg("%s", j->err.text);
	return c;
}

/* The same lines in a chain of their own, behind another beginning. */
static const char *
forged_folder(struct job *j, const char *from, const char *without)
{
	const char *to = ceremony_lab_dir(j);
	struct span text = ceremony_lab_read(j, from, "transcript");
	struct transcript t;

	assert_int_equal(
	    system(arena_printf(j->arena, "cp -r %s %s", from, to)), 0);
	assert_int_equal(
	    unlink(arena_printf(j->arena, "%s/transcript", to)), 0);
	EXPECT(j,
	    transcript_open(j, arena_printf(j->arena, "%s/transcript", to), &t),
	    0);
	for (size_t at = 0; at < text.n;) {
		size_t end = span_find(text, at, '\n');
		struct span line =
		    span_cut(text, at + TRANSCRIPT_TIME_LEN, end);

		line = span_cut(
		    line, 0, span_find_span(line, 0, SPAN(" sha256=")));
		if (t.count == 0)
			line = SPAN("folder: of nobody");
		if (!span_starts(line, span_str(without)))
			EXPECT(j,
			    transcript_add(
				j, &t, "%s", span_dup(j->arena, line)),
			    0);
		at = end + 1;
	}
	return to;
}

static void
record_other(struct job *j, struct span tar, size_t fresh, const char *what)
{
	struct ceremony_recorded done;

	record_tar(j, tar, fresh, &done);
	assert_int_equal(done.other_count, 1);
	assert_non_null(strstr(done.others[0], what));
}

/* PK-19: a folder with the restored key has its own transcript, which is on
 * record beside the first one's, and neither goes back. */
static void
test_other_folder(struct job *j)
{
	const char *dir = ceremony_lab_dir(j);
	const char *issuing = arena_printf(j->arena, "%s/issuing", dir);
	const char *own;
	struct ceremony first = ceremony_lab(j, issuing), other;
	struct span first_bundle, other_bundle;

	j->now = LAB_NOW;
	ceremony_lab_whole(j, dir, NULL, NULL);
	own = object_of(j, arena_printf(j->arena, "%s/issuing.pem", issuing));
	first_bundle = bundle_of(j, issuing);
	record(j, bundle_of(j, dir), 9);
	other = restored_folder(j, dir);
	other_bundle = bundle_of(j, other.dir);
	record_other(j, other_bundle, 2, "not made there (restored)");
	own = arena_printf(j->arena, "ceremony:%s", own + strlen("ca:"));
	assert_int_equal(events(j, own, "ceremony folder added"), 1);
	record(j, other_bundle, 0);
	record(j, first_bundle, 0);
	/* both go on, and neither goes back */
	if (import(j, dir, &other) < 0 || import(j, dir, &first) < 0)
		fail_msg("%s", j->err.text);
	record(j, bundle_of(j, issuing), 2);
	record(j, bundle_of(j, other.dir), 2);
	refused(j, other_bundle, "it is an older bundle");
	refused(j, first_bundle, "it is an older bundle");
	assert_int_equal(events(j, own, "ceremony folder added"), 1);
}

/* An older transcript is not another folder's, whatever it begins with; nor is
 * one that went on from it. */
static void
test_posing_folder(struct job *j)
{
	const char *dir = ceremony_lab_dir(j);
	const char *issuing = arena_printf(j->arena, "%s/issuing", dir);
	const char *old = ceremony_lab_dir(j);
	struct ceremony now = ceremony_lab(j, issuing);
	struct ceremony fork = ceremony_lab(j, old);

	j->now = LAB_NOW;
	ceremony_lab_whole(j, dir, NULL, NULL);
	assert_int_equal(
	    system(arena_printf(j->arena, "cp -r %s %s", issuing, old)), 0);
	if (import(j, dir, &now) < 0)
		fail_msg("%s", j->err.text);
	record(j, bundle_of(j, dir), 11);
	refused(j, bundle_of(j, old), "it is an older bundle");
	refused(j, bundle_of(j, forged_folder(j, old, "nothing")),
	    "says that the key of ca:");
	if (ceremony_request(&fork, &ceremony_lab_issuing, "p384") < 0 ||
	    import(j, dir, &fork) < 0)
		fail_msg("%s", j->err.text);
	refused(j, bundle_of(j, old), "went on from an older transcript");
	/* That it leaves out who made the key is what the line shows. */
	record_other(j,
	    bundle_of(j, forged_folder(j, old, "issuing key: made")), 5,
	    "not made there (restored)");
}

/* As versions wrote marks that did not tell folders apart. */
static void
forget_folders(struct job *j)
{
	has_former_marks = true;
	fixture_sql(j,
	    "UPDATE audit SET detail = replace(detail, '\"folder\":', "
	    "'\"former\":')");
}

static void
test_former_marks(struct job *j)
{
	const char *dir = ceremony_lab_dir(j);
	const char *issuing = arena_printf(j->arena, "%s/issuing", dir);
	struct ceremony c = ceremony_lab(j, issuing);
	struct ceremony_recorded done;
	struct span older, old, newer, other;

	j->now = LAB_NOW;
	ceremony_lab_whole(j, dir, NULL, NULL);
	older = bundle_of(j, issuing);
	if (import(j, dir, &c) < 0)
		fail_msg("%s", j->err.text);
	old = bundle_of(j, issuing);
	if (import(j, dir, &c) < 0)
		fail_msg("%s", j->err.text);
	newer = bundle_of(j, issuing);
	other = bundle_of(j, restored_folder(j, dir).dir);
	EXPECT(j, ceremony_record(j, old, &done), 0);
	forget_folders(j);
	record(j, old, 0);
	refused(j, older, "has a line that is on record");
	record(j, newer, 2);
	refused(j, old, "it is an older bundle");
	forget_folders(j);
	refused(j, old, "it is an older bundle");
	record_other(j, other, 2, "not made there (restored)");
	record(j, newer, 0);
	refused(j, old, "it is an older bundle");
	has_former_marks = false;
}

/* --- lists ---------------------------------------------------------------- */

static void
record_refused(struct job *j, struct span tar, size_t fresh, const char *why)
{
	struct ceremony_recorded done;
	int64_t count;

	if (ceremony_record(j, tar, &done) < 0)
		fail_msg("%s", j->err.text);
	assert_int_equal(done.fresh, fresh);
	assert_int_equal(done.lists, 0);
	assert_non_null(done.refusal);
	assert_non_null(strstr(done.refusal, why));
	EXPECT(j, store_audit_verify(j, &count), 0);
}

#define IS_OTHER "another list has this number"

/* PK-209: another list has the number.  What happened is on record all the
 * same, and so is the list that was not taken. */
static void
test_other_list(struct job *j)
{
	const char *dir = ceremony_lab_dir(j);
	const char *own, *label, *mark;
	struct audit_row *rows;
	struct crl list = { .number = 1, .next_update = 2 };
	struct span tar;
	size_t count;

	j->now = LAB_NOW;
	ceremony_lab_whole(j, dir, NULL, NULL);
	own =
	    object_of(j, arena_printf(j->arena, "%s/issuing/issuing.pem", dir));
	label = own + strlen("ca:");
	mark = arena_printf(j->arena, "ceremony-list:%s", label);
	list.ca_label = label;
	list.der = SPAN("another");
	COMMITTED(j, store_crl_import(j, &list) == CRL_IS_NEW ? 0 : -1);
	tar = bundle_of(j, dir);
	record_refused(j, tar, 9, IS_OTHER);
	assert_int_equal(events(j, own, "CA key generated"), 1);
	assert_int_equal(events(j, mark, "ceremony list refused"), 1);
	record_refused(j, tar, 0, IS_OTHER);
	assert_int_equal(events(j, mark, "ceremony list refused"), 1);
	EXPECT(j, store_audit_list(j, mark, &rows, &count), 0);
	assert_string_equal(rows[0].result, IS_OTHER);
	assert_non_null(strstr(rows[0].detail, "\"sha256\":\""));
	EXPECT(j, store_crl_latest(j, label, 0, &list), 1);
	assert_span_equal(list.der, "another");
	/* its octets are not kept: not without, but with its hash */
	fixture_sql(j, "UPDATE crl SET der = NULL");
	record_refused(j, tar, 0, "cannot be compared");
	COMMITTED(j, store_audit_add(j, "operator", "ceremony list recorded",
			 mark, "ok", "{\"number\":1,\"sha256\":\"00\"}"));
	record_refused(j, tar, 0, IS_OTHER);
	fixture_sql(j, "DELETE FROM crl");
	record_refused(j, tar, 0, IS_OTHER);
	assert_int_equal(fixture_count(j, "SELECT count(*) FROM crl"), 0);
}

/* The same list, of which the hash is left. */
static void
test_old_list(struct job *j)
{
	const char *dir = ceremony_lab_dir(j);
	struct span tar;
	const char *mark;

	j->now = LAB_NOW;
	ceremony_lab_whole(j, dir, NULL, NULL);
	mark = arena_printf(j->arena, "ceremony-list:%s",
	    object_of(
		j, arena_printf(j->arena, "%s/issuing/issuing.pem", dir)) +
		strlen("ca:"));
	tar = bundle_of(j, dir);
	record(j, tar, 9);
	assert_int_equal(events(j, mark, "ceremony list recorded"), 1);
	fixture_sql(j, "UPDATE crl SET der = NULL");
	record(j, tar, 0);
	assert_int_equal(events(j, mark, "ceremony list recorded"), 1);
	assert_int_equal(events(j, mark, "ceremony list refused"), 0);
}

static void
test_refused(struct job *j)
{
	const struct ca_subject name = { "DE", "Example Mail GmbH",
		CEREMONY_REHEARSAL "Example Root CA" };
	struct ceremony c = ceremony_lab(j, ceremony_lab_dir(j));
	struct ceremony_recorded done;
	struct audit_row *rows;
	struct span tar;
	size_t count;

	j->now = LAB_NOW;
	if (ceremony_init_root(&c, &name, "p384") < 0)
		fail_msg("%s", j->err.text);
	tar = bundle_of(j, c.dir);
	assert_int_equal(ceremony_record(j, tar, &done), -1);
	assert_non_null(strstr(j->err.text, "PK-213"));
	job_recover(j);
	/* One octet of the transcript. */
	char *changed = arena_memdup(j->arena, tar.p, tar.n);
	size_t at = span_find_span(tar, 0, SPAN("root key: made"));
	assert_true(at < tar.n);
	changed[at] ^= 1;
	assert_int_equal(
	    ceremony_record(j, span_mem(changed, tar.n), &done), -1);
	job_recover(j);
	EXPECT(j,
	    store_audit_list(j,
		object_of(j, arena_printf(j->arena, "%s/root.pem", c.dir)),
		&rows, &count),
	    0);
	assert_int_equal(count, 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_record),
	STORE_TEST(test_other_folder),
	STORE_TEST(test_posing_folder),
	STORE_TEST(test_former_marks),
	STORE_TEST(test_other_list),
	STORE_TEST(test_old_list),
	STORE_TEST(test_refused),
};
UNIT_MAIN(tests)
