/*
 * The daily look at all unexpired certificates (PK-188): what is right stays
 * alone; keys that are blocked or weak by now, and what a lint finds today,
 * open an incident in draft, which has no effect until it is confirmed.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "db/store_cert.h"
#include "db/store_incident.h"
#include "db/store_notice.h"
#include "db/store_recheck.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "pki/ca.h"
#include "pki/keycheck.h"
#include "pki/profile.h"
#include "pki/weakkeys.h"
#include "src/former.h"
#include "src/incident_lint.h"
#include "src/incident_open.h"
#include "src/linters_hold.h"
#include "src/profile_watch.h"
#include "src/role_linter.h"
#include "tests/unit/issuer_lab.h"
#include "tests/unit/linter_lab.h"
#include "tests/unit/pki_lab.h"

#define DAY INT64_C(86400)

/* A whole walk: so many incidents in draft are there afterwards. */
static void
walk(struct role_lab *lab, int64_t drafts)
{
	struct job *j = lab->j;
	struct recheck r;
	int64_t count;

	EXPECT(j, issuer_recheck_start(&lab->issuer, j), 0);
	EXPECT(j, issuer_recheck_step(&lab->issuer, j), 1); /* the one */
	EXPECT(j, issuer_recheck_step(&lab->issuer, j), 1); /* the end */
	EXPECT(j, issuer_recheck_step(&lab->issuer, j), 0);
	EXPECT(j, store_incident_drafts(j, &count), 0);
	assert_int_equal(count, drafts);
	EXPECT(j, store_recheck_get(j, &r), 1);
	assert_int_equal(r.checked, 1);
	assert_int_equal(r.started_at, 0);
	assert_int_equal(r.due_at, j->now + DAY);
}

static struct incident
only_incident(struct job *j)
{
	struct incident *list;
	size_t count;

	EXPECT(j, store_incident_list(j, 10, &list, &count), 0);
	assert_int_equal(count, 1);
	return list[0];
}

/* Nothing is wrong: nothing happens, tomorrow again, and at a start only if
 * the rules are others. */
static void
test_nothing(struct job *j)
{
	struct role_lab lab;
	struct recheck r;
	int64_t at;

	issuer_lab_issue(&lab, j);
	EXPECT(j, issuer_recheck_due(j, &at), 0);
	EXPECT(j, issuer_recheck_step(&lab.issuer, j), 0);
	walk(&lab, 0);
	EXPECT(j, store_recheck_get(j, &r), 1);
	assert_int_equal(r.unlinted, 0);
	EXPECT(j, issuer_recheck_due(j, &at), 1);
	assert_int_equal(at, FIXTURE_NOW + DAY);
	EXPECT(j, issuer_recheck_start(&lab.issuer, j), 0);
	EXPECT(j, issuer_recheck_step(&lab.issuer, j), 0);
	role_lab_at(&lab, at);
	walk(&lab, 0);
	fixture_sql(j, "UPDATE recheck SET rules = 'of the last version'");
	walk(&lab, 0);
	/* Neither revoked nor expired ones. */
	fixture_sql(j, "UPDATE cert SET revoked_at = 1, not_after = 1");
	fixture_sql(j, "UPDATE recheck SET due_at = 1");
	EXPECT(j, issuer_recheck_step(&lab.issuer, j), 1);
	EXPECT(j, store_recheck_get(j, &r), 1);
	assert_int_equal(r.checked, 0);
}

/* A key on today's list of weak keys: 24 hours, and nothing before somebody
 * has confirmed it. */
static void
test_weak(struct job *j)
{
	struct role_lab lab;
	struct cert c = issuer_lab_issue(&lab, j);
	struct span spki = lab_spki(j, lab_key(KEY_TYPE_P256, 0)), bits;
	enum key_type type;
	uint8_t hash[SHA256_LEN];
	const char *path = arena_printf(j->arena, "%s/weak-keys", lab_folder());
	const char *line;
	struct recheck_finding *found;
	struct notice_counts notices;
	struct incident i;
	int64_t at;
	size_t count;

	walk(&lab, 0);
	assert_int_equal(spki_split(spki, &type, &bits), 0);
	sha256(bits, hash);
	line = arena_printf(
	    j->arena, "%s\n", hex_dup(j->arena, span_mem(hash, 10)));
	sha256(span_str(line), hash);
	assert_int_equal(
	    file_write(j, path, 0644,
		span_str(
		    arena_printf(j->arena, "countersign weak keys 1 %s\n%s",
			hex_dup(j->arena, span_mem(hash, SHA256_LEN)), line))),
	    0);
	EXPECT(j, weakkeys_load(j, j->arena, path, &lab.issuer.weak_keys), 0);
	walk(&lab, 1);
	i = only_incident(j);
	assert_true(incident_is_draft(&i));
	assert_string_equal(i.cause, "weak-key");
	assert_int_equal(i.deadline, FIXTURE_NOW + DAY);
	assert_int_equal(i.cert_count, 1);
	EXPECT(j, store_recheck_list(j, i.id, 10, &found, &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(found[0].cert_id, c.id);
	assert_non_null(strstr(found[0].detail, "weak"));

	/* No effect yet: no window moves, no mail, no revocation. */
	EXPECT(j, store_incident_any_open(j), 0);
	EXPECT(j, store_incident_deadline(j, c.id, &at), 0);
	EXPECT(j, store_notice_count(j, i.id, &notices), 0);
	assert_int_equal(notices.all, 0);
	role_lab_at(&lab, FIXTURE_NOW + 2 * DAY);
	EXPECT(j, issuer_incident_step(&lab.issuer, j), 0);
	/* It is found again, and is the same. */
	walk(&lab, 1);

	COMMITTED(j, incident_confirm(j, &i, "operator:one"));
	i = only_incident(j);
	assert_false(incident_is_draft(&i));
	EXPECT(j, store_incident_deadline(j, c.id, &at), 1);
	EXPECT(j, store_notice_count(j, i.id, &notices), 0);
	assert_int_equal(notices.all, 1);
	assert_true(issuer_incident_step(&lab.issuer, j) > 0);
	EXPECT(j, store_cert_by_id(j, c.id, NULL, &c), 1);
	assert_true(c.revoked_at > 0);
	assert_int_equal(store_begin(j), 0);
	assert_int_equal(incident_confirm(j, &i, "operator:one"), -1);
	job_recover(j);
	store_rollback(j);
}

/* A key that was blocked past its certificates. */
static void
test_blocked(struct job *j)
{
	struct role_lab lab;
	struct incident i;

	issuer_lab_issue(&lab, j);
	fixture_sql(j,
	    "INSERT INTO blocked_key (spki_sha256, account_id, blocked_at, "
	    "source) SELECT spki_sha256, '', 1, 'a list' FROM cert");
	walk(&lab, 1);
	i = only_incident(j);
	assert_string_equal(i.cause, "key-compromise");
	assert_int_equal(i.reason, 1);
	/* Two cancel it, as any. */
	COMMITTED(j, store_incident_ask_cancel(j, i.id, "operator:one"));
	COMMITTED(j, store_incident_cancel(j, i.id, "operator:two"));
	role_lab_at(&lab, FIXTURE_NOW + DAY);
	walk(&lab, 0);
	/* Found for another cause, it is told again. */
	fixture_sql(j, "UPDATE recheck_finding SET cause = 'misissued'");
	role_lab_at(&lab, FIXTURE_NOW + 2 * DAY);
	walk(&lab, 1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM incident"), 2);
}

static int64_t
count_row_told(struct job *j)
{
	return fixture_count(j,
	    "SELECT COUNT(*) FROM audit WHERE event = 'certificate row' "
	    "AND result = 'spoiled'");
}

/* L-62: a row that says otherwise than its certificate is found before anybody
 * revokes it.  It is no fault of the certificate: no incident. */
static void
test_row(struct job *j)
{
	static const struct {
		const char *column, *wrong;
	} rows[] = { { "serial", "'0155'" }, { "serial", "'no number'" },
		{ "shard", "1" }, { "shard", "-1" },
		{ "not_after", "not_after + 1" }, { "spki_sha256", "sha256" } };
	struct role_lab lab;
	int64_t at = FIXTURE_NOW;

	issuer_lab_issue(&lab, j);
	walk(&lab, 0);
	assert_int_equal(count_row_told(j), 0);
	fixture_sql(j, "CREATE TABLE former AS SELECT * FROM cert");
	for (size_t k = 0; k < COUNT(rows); k++) {
		const char *log;

		fixture_sql(j, arena_printf(j->arena, "UPDATE cert SET %s = %s",
				   rows[k].column, rows[k].wrong));
		role_lab_at(&lab, at += DAY);
		unit_log_begin();
		walk(&lab, 0);
		log = unit_log_end();
		assert_non_null(strstr(log, "certificate row spoiled"));
		assert_non_null(strstr(
		    log, arena_printf(j->arena, "column=%s", rows[k].column)));
		assert_int_equal(count_row_told(j), k + 1);
		fixture_sql(
		    j, arena_printf(j->arena,
			   "UPDATE cert SET %s = (SELECT %s FROM former)",
			   rows[k].column, rows[k].column));
	}
	fixture_sql(j, "DROP TABLE former");
}

/* However many they are: the log tells of ten, and one record of all. */
static void
test_many_rows(struct job *j)
{
	struct role_lab lab;
	struct recheck r;
	const char *log;

	issuer_lab_issue(&lab, j);
	fixture_sql(j, "UPDATE cert SET shard = 1");
	EXPECT(j, issuer_recheck_start(&lab.issuer, j), 0);
	for (int k = 9; k <= 10; k++) {
		/* As those before left it, under way. */
		fixture_sql(
		    j, arena_printf(j->arena,
			   "UPDATE recheck SET started_at = %lld, spoiled = %d",
			   (long long)j->now, k));
		unit_log_begin();
		EXPECT(j, issuer_recheck_step(&lab.issuer, j), 1);
		log = unit_log_end();
		assert_int_equal(
		    strstr(log, "certificate row spoiled") != NULL, k < 10);
		EXPECT(j, store_recheck_get(j, &r), 1);
		assert_int_equal(r.spoiled, k + 1);
		assert_int_equal(count_row_told(j), k - 9);
		unit_log_begin();
		EXPECT(j, issuer_recheck_step(&lab.issuer, j), 1);
		log = unit_log_end();
		assert_non_null(strstr(
		    log, arena_printf(j->arena,
			     "certificate rows spoiled\" certificates=%d "
			     "told=10 ",
			     k + 1)));
		assert_int_equal(count_row_told(j), k - 8);
		fixture_sql(j, "UPDATE recheck SET due_at = 1, after_id = ''");
	}
	assert_int_equal(
	    fixture_count(j,
		"SELECT COUNT(*) FROM audit WHERE object = "
		"'certificates' AND detail = '{\"count\":\"11\"}'"),
	    1);
	/* The next walk counts anew. */
	role_lab_at(&lab, j->now + DAY);
	walk(&lab, 0);
	EXPECT(j, store_recheck_get(j, &r), 1);
	assert_int_equal(r.spoiled, 1);
}

/* With several lists: that of the row's number is not the one that the
 * certificate names (PK-155). */
static void
test_row_of_other_list(struct job *j)
{
	struct role_lab lab;

	issuer_lab_issue(&lab, j);
	lab.conf.issuer.crl_shards = 3;
	walk(&lab, 0);
	assert_int_equal(count_row_told(j), 0);
	fixture_sql(j, "UPDATE cert SET shard = 2");
	role_lab_at(&lab, FIXTURE_NOW + DAY);
	walk(&lab, 0);
	assert_int_equal(count_row_told(j), 1);
}

/* The lints of today refuse what those of then let through: here the purpose
 * is not mail.  With another profile of that name there is nothing to go by. */
static void
test_lint(struct job *j)
{
	struct role_lab lab;
	struct cert c;
	struct recheck_finding *found;
	struct incident i;
	struct recheck r;
	size_t count;

	c = issuer_lab_issue(&lab, j);
	issuer_lab_spoil_purpose(j, c.der);
	walk(&lab, 1);
	i = only_incident(j);
	assert_string_equal(i.cause, "misissued");
	assert_int_equal(i.deadline, FIXTURE_NOW + 5 * DAY);
	EXPECT(j, store_recheck_list(j, i.id, 10, &found, &count), 0);
	assert_int_equal(count, 1);
	assert_non_null(strstr(found[0].detail, "lint L-"));

	/* What it was made by is not on record. */
	fixture_sql(j, "UPDATE cert SET profile_sha256 = spki_sha256");
	role_lab_at(&lab, FIXTURE_NOW + DAY);
	walk(&lab, 1);
	EXPECT(j, store_recheck_get(j, &r), 1);
	assert_int_equal(r.unlinted, 1);
}

/* PK-188: after an edit it is linted by what it was issued under. */
static void
test_edited(struct job *j)
{
	const struct profile *before =
	    profile_find(NULL, SPAN("mailbox-multipurpose"));
	struct profile after = *before;
	struct role_lab lab;
	struct recheck r;
	struct cert c;

	c = issuer_lab_issue(&lab, j);
	/* What is right today was not right then, and the other way round. */
	after.subject = SUBJECT_EMPTY;
	after.client_auth = !before->client_auth;
	lab.conf.own_profiles = &after;
	lab.conf.own_profile_count = 1;
	walk(&lab, 0);
	EXPECT(j, store_recheck_get(j, &r), 1);
	assert_int_equal(r.unlinted, 1);
	lab.conf.own_profile_count = 0;
	EXPECT(j, profile_watch(j), 0);
	lab.conf.own_profile_count = 1;
	EXPECT(j, profile_watch(j), 0);
	role_lab_at(&lab, FIXTURE_NOW + DAY);
	walk(&lab, 0);
	EXPECT(j, store_recheck_get(j, &r), 1);
	assert_int_equal(r.unlinted, 0);
	/* And it is linted indeed. */
	issuer_lab_spoil_purpose(j, c.der);
	role_lab_at(&lab, FIXTURE_NOW + 2 * DAY);
	walk(&lab, 1);
	assert_string_equal(only_incident(j).cause, "misissued");
}

/* PK-188: after a switch to another CA the former one's certificates are looked
 * at as before, by its own certificate; a CA that no section names is not
 * known. */
static void
test_former_ca(struct job *j)
{
	struct conf_former former = { .name = "old" };
	struct issuer command = { .ca = NULL };
	struct incident_lint_set set;
	struct role_lab lab;
	struct recheck r;
	struct cert c = issuer_lab_issue(&lab, j);

	lab.issuer.ca = lab_ca("p384");
	walk(&lab, 0);
	EXPECT(j, store_recheck_get(j, &r), 1);
	assert_int_equal(r.unlinted, 1);

	former.issuer = (struct conf_issuer){
		.ca_certificate = arena_printf(
		    j->arena, "%s/issuing.pem", lab_ca_folder("p256")),
		.ca_chain = arena_printf(
		    j->arena, "%s/root.pem", lab_ca_folder("p256")),
		.crl_shards = 1,
	};
	lab.conf.formers = &former;
	lab.conf.former_count = 1;
	EXPECT(j, former_open_to_look(j, j->arena, &lab.issuer), 0);
	assert_non_null(former_of(&lab.issuer, c.ca_label));
	assert_null(former_of(&lab.issuer, "another"));
	role_lab_at(&lab, j->now + DAY);
	walk(&lab, 0);
	EXPECT(j, store_recheck_get(j, &r), 1);
	assert_int_equal(r.unlinted, 0);

	/* Also when nothing is issued here any more. */
	issuer_lab_spoil_purpose(j, c.der);
	lab.conf.external.kind = CONF_EXTERNAL_ACME;
	role_lab_at(&lab, j->now + DAY);
	walk(&lab, 1);
	assert_string_equal(only_incident(j).cause, "misissued");
	/* As a command sees it. */
	command.ca = lab.issuer.ca;
	EXPECT(j, former_open_to_look(j, j->arena, &command), 0);
	EXPECT(j, incident_lint_find(&command, j, "L-31", &set), 0);
	assert_int_equal(set.unlinted, 0);
	former.issuer.ca_certificate = "/nonexistent";
	assert_int_equal(former_open_to_look(j, j->arena, &command), -1);
	assert_non_null(strstr(j->err.text, "former_ca old"));
	job_recover(j);
}

/* PK-136, PK-188: others' linters look again; while one fails the walk stands
 * still and says so, and what one refuses today is a draft. */
static void
test_linters(struct job *j)
{
	struct linters_hold hold = { .fd = -1 };
	struct role_lab lab;
	struct recheck r;
	pid_t pid;

	issuer_lab_issue(&lab, j);
	lab.issuer.linters = &hold;
	linter_lab_add(j, &lab.conf, "zl", LINTER_LAB_PASS, 60);
	EXPECT(j, linter_start(j, &pid, &hold.fd), 0);
	walk(&lab, 0);
	role_lab_at(&lab, j->now + DAY);
	linter_lab_change(j, "zl", "exit 1");
	fixture_sql(j, "UPDATE cert SET shard = 1");
	unit_log_begin();
	EXPECT(j, issuer_recheck_step(&lab.issuer, j), 1);
	/* What it says of the row it would say again each time. */
	assert_null(strstr(unit_log_end(), "certificate row spoiled"));
	assert_int_equal(count_row_told(j), 0);
	EXPECT(j, store_recheck_get(j, &r), 1);
	assert_int_equal(r.checked, 0);
	assert_string_equal(r.after_id, "");
	assert_true(r.due_at > j->now);
	EXPECT(j, issuer_recheck_step(&lab.issuer, j), 0);
	/* Orders do not wait for that. */
	assert_int_equal(linters_hold_left(&hold, j), 0);
	linter_lab_change(
	    j, "zl", "cat >/dev/null; echo '{\"e_b\":{\"result\":\"error\"}}'");
	role_lab_at(&lab, r.due_at);
	EXPECT(j, issuer_recheck_step(&lab.issuer, j), 1);
	EXPECT(j, issuer_recheck_step(&lab.issuer, j), 1);
	EXPECT(j, issuer_recheck_step(&lab.issuer, j), 0);
	EXPECT(j, store_recheck_get(j, &r), 1);
	assert_int_equal(r.checked, 1);
	assert_int_equal(r.spoiled, 1);
	assert_int_equal(count_row_told(j), 1);
	assert_string_equal(only_incident(j).cause, "misissued");
	linter_stop(pid, hold.fd);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_nothing),
	STORE_TEST(test_former_ca),
	STORE_TEST(test_linters),
	STORE_TEST(test_weak),
	STORE_TEST(test_blocked),
	STORE_TEST(test_row),
	STORE_TEST(test_many_rows),
	STORE_TEST(test_row_of_other_list),
	STORE_TEST(test_lint),
	STORE_TEST(test_edited),
};

UNIT_MAIN(tests)
