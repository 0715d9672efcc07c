/*
 * L-66, PK-153: a database that was restored from a backup which is older than
 * the list that is served: nothing that was revoked is lost, and what is on
 * the list comes back into the database.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>
#include <unistd.h>

#include "db/store_cert.h"
#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "pki/crl.h"
#include "src/crl_take.h"
#include "src/role_issuer.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define DAY ((int64_t)86400)
#define LIST_MAX ((size_t)100000)

struct lab {
	struct job *j;
	struct conf conf;
	struct issuer issuer;
	const char *account;
};

static void
make_cert(struct lab *lab, const char *serial)
{
	struct job *j = lab->j;
	const struct cert c = status_lab_reserve(
	    j, &(struct status_lab_cert){ .ca = lab->issuer.ca,
		   .seal = lab->issuer.seal,
		   .account = lab->account,
		   .id = serial,
		   .serial = serial,
		   .not_before = j->now,
		   .not_after = j->now + 300 * DAY });

	COMMITTED(j, store_cert_record(j, c.id, SPAN("der"), span_str(c.id)));
}

static void
revoke_one(struct lab *lab, const char *id, int reason)
{
	struct revocation r = { reason, "operator", { NULL, 0 } };

	EXPECT(lab->j, store_begin(lab->j), 0);
	EXPECT(lab->j, store_revoke_cert(lab->j, id, &r), 1);
	EXPECT(lab->j, store_commit(lab->j), 0);
}

static struct crl_input
served(struct lab *lab)
{
	struct job *j = lab->j;
	struct crl_input l;
	struct span der;

	EXPECT(j, file_read(j, lab->conf.issuer.crl_file, LIST_MAX, &der), 0);
	EXPECT(j, crl_read(j, lab->issuer.ca, der, &l), 0);
	return l;
}

/* "0101:4 0103:1" */
static const char *
listed(struct lab *lab)
{
	const struct crl_input l = served(lab);
	const char *text = "";

	for (size_t i = 0; i < l.count; i++)
		text = arena_printf(lab->j->arena, "%s%s%s:%d", text,
		    i > 0 ? " " : "",
		    hex_dup(lab->j->arena, l.entries[i].serial),
		    l.entries[i].reason);
	return text;
}

/*
 * The backup has 0101, revoked, and 0103 and 0105; the list has 0103 and 0105
 * too, which were revoked later, and 0102 and 0107, which were issued later.
 */
static void
restore(struct lab *lab, struct job *j)
{
	*lab = (struct lab){ .j = j };
	lab->conf.issuer = status_lab_conf(j, "p256");
	lab->issuer.ca = lab_ca("p256");
	lab->issuer.seal = status_lab_seal_key(j);
	j->conf = &lab->conf;
	status_lab_at(j, FIXTURE_NOW);
	lab->account = fixture_account(j);
	for (size_t k = 0; k < 3; k++)
		make_cert(
		    lab, (const char *const[]){ "0101", "0103", "0105" }[k]);
	revoke_one(lab, "0101", 4);
	status_lab_run(j, &lab->issuer);
	status_lab_at(j, FIXTURE_NOW + DAY);
	make_cert(lab, "0102");
	make_cert(lab, "0107");
	revoke_one(lab, "0102", 1);
	revoke_one(lab, "0103", 5);
	revoke_one(lab, "0105", 1);
	revoke_one(lab, "0107", 4);
	status_lab_run(j, &lab->issuer);
	assert_string_equal(listed(lab), "0101:4 0102:1 0103:5 0105:1 0107:4");
	fixture_sql(j,
	    "DELETE FROM cert WHERE id IN ('0102', '0107'); "
	    "UPDATE cert SET revoked_at = 0, reason = 0, revoked_by = NULL, "
	    "list_due_at = NULL, ocsp_due_at = NULL WHERE id <> '0101'; "
	    "DELETE FROM crl WHERE number > 2");
	status_lab_at(j, FIXTURE_NOW + 2 * DAY);
}

/* Refused until it is taken over: whoever can write rows takes none back. */
static void
test_take(struct job *j)
{
	struct crl_input before, after;
	struct crl_taken t;
	struct lab lab;

	restore(&lab, j);
	before = served(&lab);
	assert_int_equal(issuer_list_step(&lab.issuer, j), -1);
	assert_non_null(strstr(j->err.text, "countersign crl take"));
	job_recover(j);
	EXPECT(j, crl_take(j, lab.issuer.ca, "operator:ann", &t), 0);
	assert_int_equal(t.lists, 1);
	assert_int_equal(t.revoked, 2);
	assert_int_equal(t.known, 1);
	assert_int_equal(t.unknown, 2);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at = "
			     "1800172800 AND revoked_by = 'operator:ann' AND "
			     "((id = '0103' AND reason = 5) OR (id = '0105' "
			     "AND reason = 1))"),
	    2);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM blocked_key"), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'certificate revoked'"),
	    2);
	assert_int_equal(
	    fixture_count(j, "SELECT MAX(number) FROM crl WHERE der IS NOT "
			     "NULL"),
	    before.number);
	unit_log_begin();
	status_lab_run(j, &lab.issuer);
	assert_non_null(strstr(unit_log_end(), "revocation lost"));
	after = served(&lab);
	assert_true(after.number > before.number);
	assert_string_equal(listed(&lab), "0101:4 0102:1 0103:5 0105:1 0107:4");
	/* Twice is once; and what no row has goes on from list to list. */
	EXPECT(j, crl_take(j, lab.issuer.ca, "operator:ann", &t), 0);
	assert_int_equal(t.revoked, 0);
	assert_int_equal(t.known, 3);
	status_lab_at(j, FIXTURE_NOW + 4 * DAY);
	status_lab_run(j, &lab.issuer);
	assert_true(served(&lab).number > after.number);
	assert_string_equal(listed(&lab), "0101:4 0102:1 0103:5 0105:1 0107:4");
}

static void
refused(struct lab *lab, struct crl_taken *t, enum err_kind kind)
{
	struct job *j = lab->j;

	assert_int_equal(crl_take(j, lab->issuer.ca, "operator", t), -1);
	assert_int_equal(j->err.kind, kind);
	job_recover(j);
}

static void
test_no_list(struct job *j)
{
	struct crl_taken t;
	struct lab lab;

	restore(&lab, j);
	EXPECT(j,
	    file_write(j, lab.conf.issuer.crl_file, 0644, SPAN("another")), 0);
	refused(&lab, &t, ERR_INTERNAL);
	assert_int_equal(unlink(lab.conf.issuer.crl_file), 0);
	refused(&lab, &t, ERR_CONFLICT);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0"),
	    1);
}

/* What was made meanwhile has its number: the revocations are taken, and it is
 * said. */
static void
test_other_list(struct job *j)
{
	struct crl_taken t;
	struct lab lab;

	restore(&lab, j);
	fixture_sql(j, "UPDATE crl SET number = 3 WHERE number = 2");
	refused(&lab, &t, ERR_CONFLICT);
	assert_int_equal(t.revoked, 2);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_take),
	STORE_TEST(test_no_list),
	STORE_TEST(test_other_list),
};
UNIT_MAIN(tests)
