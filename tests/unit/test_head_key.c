/*
 * Keys of the audit's heads and gaps (PK-21, decision 34): who signs, with
 * which public keys it verifies, when the key is replaced, what is wrong with a
 * file, and which gaps nobody else can make.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/audit_chain.h"
#include "db/audit_mark.h"
#include "db/store_audit.h"
#include "db/store_purge.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "pki/head_key.h"
#include "src/audit_keys.h"
#include "tests/unit/pki_lab.h"

static const char *
path(struct job *j, const char *name)
{
	return arena_printf(j->arena, "%s/%s", lab_folder(), name);
}

static void
make(struct job *j, const char *name)
{
	const char *private = path(j, arena_printf(j->arena, "%s.key", name));
	const char *public = path(j, arena_printf(j->arena, "%s.pub", name));

	unlink(private);
	unlink(public);
	EXPECT(j, head_key_create(j, private, public), 0);
}

static void
append(struct job *j, const char *to, const char *from)
{
	struct span text;
	FILE *f = fopen(path(j, to), "a");

	assert_non_null(f);
	EXPECT(j, file_read(j, path(j, from), 4096, &text), 0);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	assert_int_equal(fclose(f), 0);
}

static const struct audit_signer *
signer(struct job *j)
{
	const struct audit_signer *s = NULL;

	EXPECT(j, audit_keys_signer(j, j->arena, lab_ca("p256"), &s), 0);
	assert_non_null(s);
	return s;
}

static const struct audit_verifier *
verifier(struct job *j)
{
	const struct audit_verifier *v = NULL;

	EXPECT(j, audit_keys_verifier(j, j->arena, &v), 0);
	assert_non_null(v);
	return v;
}

/* The key is replaced: what the former one signed still verifies. */
static void
test_rollover(struct job *j)
{
	static struct conf conf;
	const struct audit_signer *s;
	const struct audit_verifier *v;
	struct span text = SPAN("the head"), old, new, first;

	j->conf = &conf;
	conf.issuer.audit_key = path(j, "first.key");
	conf.issuer.audit_public_keys = path(j, "all.pub");
	unlink(conf.issuer.audit_public_keys);
	make(j, "first");
	make(j, "second");
	append(j, "all.pub", "first.pub");
	s = signer(j);
	first = s->spki_sha256;
	EXPECT(j, s->sign(j, s->ctx, text, &old), 0);
	v = verifier(j);
	assert_int_equal(v->verify(v->ctx, first, text, old), 1);
	assert_int_equal(v->verify(v->ctx, first, SPAN("the heat"), old), 0);
	assert_int_equal(v->verify(v->ctx, first, text, SPAN("x")), 0);
	assert_int_equal(v->verify(v->ctx, SPAN("other"), text, old), -1);

	conf.issuer.audit_key = path(j, "second.key");
	EXPECT(j, audit_keys_signer(j, j->arena, lab_ca("p256"), &s), -1);
	assert_non_null(strstr(j->err.text, "-pubout, appended to it"));
	job_recover(j);
	append(j, "all.pub", "second.pub");
	s = signer(j);
	EXPECT(j, s->sign(j, s->ctx, text, &new), 0);
	v = verifier(j);
	assert_int_equal(v->verify(v->ctx, s->spki_sha256, text, new), 1);
	assert_int_equal(v->verify(v->ctx, s->spki_sha256, text, old), 0);
	assert_int_equal(v->verify(v->ctx, first, text, old), 1);
}

static void
test_not_configured(struct job *j)
{
	static struct conf conf;
	const struct audit_verifier *v;
	const struct audit_signer *s;

	j->conf = &conf;
	EXPECT(j, audit_keys_signer(j, j->arena, NULL, &s), 0);
	assert_null(s);
	EXPECT(j, audit_keys_verifier(j, j->arena, &v), 0);
	assert_null(v);
}

/* Whatever is wrong, the error says what would be right. */
static void
test_wrong_files(struct job *j)
{
	static const struct {
		const char *octets, *says;
	} cases[] = {
		{ "", "public keys in PEM" },
		{ "nothing of the kind\n", "public keys in PEM" },
		{ "-----BEGIN PUBLIC KEY-----\nAAAA\n"
		  "-----END PUBLIC KEY-----\n",
		    "public keys in PEM" },
	};
	static struct conf conf;
	const struct audit_verifier *v;
	const struct audit_signer *s;

	j->conf = &conf;
	make(j, "good");
	conf.issuer.audit_key = path(j, "good.key");
	conf.issuer.audit_public_keys = path(j, "bad.pub");
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].octets);
		EXPECT(j,
		    file_write(
			j, path(j, "bad.pub"), 0644, span_str(cases[i].octets)),
		    0);
		EXPECT(j, audit_keys_verifier(j, j->arena, &v), -1);
		assert_non_null(strstr(j->err.text, cases[i].says));
		job_recover(j);
	}
	/* A good one, and something broken behind it. */
	unlink(path(j, "bad.pub"));
	append(j, "bad.pub", "good.pub");
	EXPECT(j, audit_keys_verifier(j, j->arena, &v), 0);
	EXPECT(j,
	    file_write(j, path(j, "tail"), 0644,
		SPAN("-----BEGIN PUBLIC KEY-----\nAAAA\n")),
	    0);
	append(j, "bad.pub", "tail");
	EXPECT(j, audit_keys_verifier(j, j->arena, &v), -1);
	job_recover(j);
	conf.issuer.audit_key = path(j, "good.pub");
	assert_int_equal(chmod(path(j, "good.pub"), 0400), 0);
	EXPECT(j, audit_keys_signer(j, j->arena, NULL, &s), -1);
	assert_non_null(strstr(j->err.text, "a private key in PEM"));
	job_recover(j);
	/* What others may read is no secret. */
	conf.issuer.audit_key = path(j, "good.key");
	assert_int_equal(chmod(path(j, "good.key"), 0444), 0);
	EXPECT(j, audit_keys_signer(j, j->arena, NULL, &s), -1);
	job_recover(j);
}

/* --- gaps ----------------------------------------------------------------- */

#define LATER (FIXTURE_NOW + AUDIT_KEPT_MIN_SECS)
#define CLEAR                                                                  \
	"DELETE FROM audit; DELETE FROM audit_gap; DELETE FROM audit_mark; "   \
	"UPDATE audit_head SET seq = 0, hash = NULL"

static const struct seal_key *
seal(struct job *j)
{
	static const uint8_t octets[32] = "what the validator has too";

	return seal_key_new(j->arena, octets);
}

static void
at(struct job *j, int64_t now)
{
	clock_set(now);
	j->now = now;
}

static void
note(struct job *j, const char *object)
{
	COMMITTED(j, store_audit_add(j, "web", "x", object, "ok", NULL));
}

static void
purge(struct job *j, const struct audit_signer *signer)
{
	const struct purge_rules rules = { .retention = AUDIT_KEPT_MIN_SECS,
		.seal = seal(j),
		.signer = signer };
	struct purge_walk w;

	purge_walk_init(&w);
	while (!w.is_done)
		COMMITTED(j, store_purge(j, PURGE_AUDIT, &rules, 20, &w));
}

/* As the issuer does; 1 if it was the first one. */
static int
put_head(struct job *j, const struct audit_signer *signer)
{
	struct audit_mark m;
	int begins;

	EXPECT(j, store_begin(j), 0);
	begins = audit_mark_begin(j, seal(j), signer);
	EXPECT(j, audit_mark_put(j, seal(j), signer, &m), 1);
	EXPECT(j, store_commit(j), 0);
	return begins;
}

static void
use_keys(struct job *j, struct conf *conf)
{
	*conf = (struct conf){ .issuer.audit_key = path(j, "first.key"),
		.issuer.audit_public_keys = path(j, "all.pub") };
	j->conf = conf;
	unlink(conf->issuer.audit_public_keys);
	make(j, "first");
	append(j, "all.pub", "first.pub");
}

/* Records 1 to 6, of which 4 and 6 stay: what the CA's key did. */
static void
six(struct job *j)
{
	fixture_sql(j, CLEAR);
	at(j, FIXTURE_NOW);
	for (int i = 1; i <= 6; i++)
		note(j, i == 4 || i == 6 ? "ca:a" : "mailbox:a");
}

/* Of them 1 to 3 and 5 were purged; 7 tells that signatures begin, 8 is the
 * newest; heads of 7 and 8. */
static void
signed_chain(struct job *j)
{
	six(j);
	at(j, LATER);
	assert_int_equal(put_head(j, signer(j)), 1);
	note(j, "ca:a");
	assert_int_equal(put_head(j, signer(j)), 0);
	purge(j, signer(j));
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit_gap"), 2);
}

/* What whoever has the seal's key can do: records up to that one go. */
static void
forge(struct job *j, const struct audit_signer *signer, int64_t to, int64_t age)
{
	static const uint8_t zeros[SHA256_LEN];
	struct audit_gap g = { .from_seq = 1,
		.to_seq = to,
		.before = span_mem(zeros, SHA256_LEN),
		.newest_at = LATER - age,
		.purged_at = LATER };
	struct audit_mark m = { .seq = 0 };

	/* The hash of the record, from what is there. */
	fixture_sql(j,
	    arena_printf(j->arena,
		"DELETE FROM audit_mark WHERE seq = 1; INSERT INTO audit_mark "
		"(seq, at, hash, seal) SELECT 1, 1, hash, hash FROM audit "
		"WHERE seq = %d",
		(int)to));
	EXPECT(j, audit_mark_after(j, 0, &m), 1);
	fixture_sql(j, "DELETE FROM audit_mark WHERE seq = 1");
	g.after = m.hash;
	COMMITTED(j, audit_gap_put(j, seal(j), signer, &g));
	fixture_sql(j, arena_printf(j->arena,
			   "DELETE FROM audit WHERE seq <= %d", (int)to));
}

static int
verify(struct job *j, bool has_keys)
{
	const struct audit_trust trust = { seal(j),
		has_keys ? verifier(j) : NULL };
	int64_t count, purged;

	return store_audit_verify_with(j, &trust, &count, &purged);
}

#define GONE "audit: row 1 is missing, and what says that it was purged "
static void
refuses(struct job *j, const char *error)
{
	assert_int_equal(verify(j, true), -1);
	assert_job_error(j, ERR_INTERNAL, error);
	job_recover(j);
}

/* PK-21: whoever has the seal's key, and can write all rows, cannot make a gap:
 * neither with the heads that there were, nor with the newest alone. */
static void
test_PK_21_forged_gap(struct job *j)
{
	static const char *const heads[] = { "seq > 0", "seq = 8", "seq = 7",
		"seq < 0" };
	static struct conf conf;

	use_keys(j, &conf);
	for (size_t i = 0; i < COUNT(heads); i++) {
		unit_case("heads kept: %s", heads[i]);
		signed_chain(j);
		EXPECT(j, verify(j, true), 0);
		fixture_sql(
		    j, arena_printf(j->arena,
			   "DELETE FROM audit_mark WHERE NOT (%s)", heads[i]));
		forge(j, NULL, i == 3 ? 4 : 6, AUDIT_KEPT_MIN_SECS);
		EXPECT(j, verify(j, false), 0);
		refuses(j, GONE "is not signed");
	}
}

/* A signature is of one gap, by a known key; and the issuer, too, purges
 * nothing before its time. */
static void
test_PK_21_signature_of_a_gap(struct job *j)
{
	static struct conf conf;

	use_keys(j, &conf);
	signed_chain(j);
	fixture_sql(j,
	    "UPDATE audit_gap SET signature = (SELECT signature FROM "
	    "audit_gap WHERE from_seq = 5)");
	EXPECT(j, verify(j, false), 0);
	refuses(j, GONE "carries no good signature");
	fixture_sql(j, "UPDATE audit_gap SET spki_sha256 = after_hash");
	refuses(j, GONE "is signed by a key that is not among those of "
			"issuer.audit_public_keys");
	signed_chain(j);
	forge(j, signer(j), 6, AUDIT_KEPT_MIN_SECS);
	EXPECT(j, verify(j, true), 0);
	signed_chain(j);
	forge(j, signer(j), 6, AUDIT_KEPT_MIN_SECS - 1);
	refuses(j, GONE "does not say that it was two years old");
}

/* Everything that is signed deleted, and all records but the newest: the next
 * look finds it, and so does, in a record, whoever looks after the issuer has
 * signed again. */
static void
test_PK_21_nothing_signed(struct job *j)
{
	struct audit_row *rows;
	static struct conf conf;
	int64_t since;
	size_t count;

	use_keys(j, &conf);
	signed_chain(j);
	EXPECT(j, audit_mark_is_late(j, true, &since), 0);
	fixture_sql(j, "DELETE FROM audit_mark");
	forge(j, NULL, 7, AUDIT_KEPT_MIN_SECS);
	EXPECT(j, verify(j, true), 0);
	EXPECT(j, audit_mark_is_late(j, true, &since), 1);
	assert_int_equal(since, FIXTURE_NOW);
	EXPECT(j, audit_mark_is_late(j, false, &since), 0);
	assert_int_equal(put_head(j, signer(j)), 1);
	EXPECT(j, store_audit_list(j, "audit", &rows, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(rows[0].event, "audit signatures begin");
	assert_string_equal(rows[0].detail, "{\"gaps\":1,\"purged\":7}");
	assert_int_equal(rows[0].at_ms, LATER * 1000);
}

/* Gaps of before there was a key get its signature with the first head; one
 * that somebody else made gets none, not by what is purged beside it either. */
static void
test_PK_21_gaps_of_before(struct job *j)
{
	static struct conf conf;

	use_keys(j, &conf);
	six(j);
	at(j, LATER);
	note(j, "ca:a");
	purge(j, NULL);
	EXPECT(j, verify(j, true), 0);
	assert_int_equal(put_head(j, signer(j)), 1);
	EXPECT(j, verify(j, true), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit_gap "
					  "WHERE signature IS NOT NULL"),
	    2);

	six(j);
	at(j, LATER);
	note(j, "ca:a");
	purge(j, NULL);
	fixture_sql(j, "UPDATE audit_gap SET seal = after_hash");
	assert_int_equal(put_head(j, signer(j)), 1);
	refuses(j, GONE "carries no good seal");

	six(j);
	assert_int_equal(put_head(j, signer(j)), 1);
	forge(j, NULL, 2, AUDIT_KEPT_MIN_SECS);
	at(j, LATER);
	note(j, "ca:a");
	purge(j, signer(j));
	assert_int_equal(fixture_count(j, "SELECT to_seq FROM audit_gap "
					  "WHERE from_seq = 3"),
	    3);
	refuses(j, GONE "is not signed");
}

/* Another key goes on with what the former one signed, and grows it. */
static void
test_PK_21_gap_and_rollover(struct job *j)
{
	static struct conf conf;

	use_keys(j, &conf);
	signed_chain(j);
	make(j, "second");
	append(j, "all.pub", "second.pub");
	conf.issuer.audit_key = path(j, "second.key");
	assert_int_equal(put_head(j, signer(j)), 0);
	EXPECT(j, verify(j, true), 0);
	COMMITTED(j, store_key_ended(j, "a", FIXTURE_NOW));
	at(j, LATER + 31 * (int64_t)86400);
	purge(j, signer(j));
	assert_int_equal(fixture_count(j, "SELECT to_seq FROM audit_gap"), 6);
	EXPECT(j, verify(j, true), 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_PK_21_forged_gap),
	STORE_TEST(test_PK_21_signature_of_a_gap),
	STORE_TEST(test_PK_21_nothing_signed),
	STORE_TEST(test_PK_21_gaps_of_before),
	STORE_TEST(test_PK_21_gap_and_rollover),
	STORE_TEST_SQLITE(test_rollover),
	STORE_TEST_SQLITE(test_not_configured),
	STORE_TEST_SQLITE(test_wrong_files),
};
UNIT_MAIN(tests)
