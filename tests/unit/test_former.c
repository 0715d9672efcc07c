/*
 * After a switch to another issuing CA the former one's list and answers go on
 * until its last certificate has ended (PK-156, PK-160, PK-168, PK-169).
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_destroyed.h"
#include "db/store_incident.h"
#include "db/store_revoke.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "pki/ca.h"
#include "pki/ca_key_end.h"
#include "pki/crl.h"
#include "src/answers.h"
#include "src/ca_check.h"
#include "src/conf_former.h"
#include "src/crl_take.h"
#include "src/former.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define HOUR ((int64_t)3600)
#define DAY (24 * HOUR)
#define NUMBER "010203"

struct lab {
	struct job *j;
	struct conf conf;
	struct conf_former former;
	struct issuer issuer;
	const struct ca *old; /* the former CA */
	const char *cert;     /* its certificate */
};

static const char *
path_of(struct job *j, const char *type, const char *name)
{
	return arena_printf(j->arena, "%s/%s", lab_ca_folder(type), name);
}

static struct conf_issuer
conf_of(struct job *j, const char *type, const char *name)
{
	static unsigned n;

	n++;
	return (struct conf_issuer){
		.ca_certificate = path_of(j, type, "issuing.pem"),
		.ca_chain = path_of(j, type, "root.pem"),
		.ca_key = path_of(j, type, "issuing-key.pem"),
		.ca_key_passphrase_file = path_of(j, type, "ca-passphrase"),
		.crl_shards = 1,
		.crl_url = arena_printf(
		    j->arena, "http://crl.example.com/%s.crl", name),
		.crl_file = path_of(
		    j, type, arena_printf(j->arena, "%s%u.crl", name, n)),
		.ocsp_url = "http://ocsp.example.com/ocsp",
		.ocsp_folder =
		    path_of(j, type, arena_printf(j->arena, "%s%u", name, n)),
		.max_per_hour = 1000,
	};
}

/* A certificate that the former CA has issued. */
static void
make_cert(struct lab *lab, int64_t not_after)
{
	struct job *j = lab->j;
	struct cert c =
	    status_lab_reserve(j, &(struct status_lab_cert){ .ca = lab->old,
				      .seal = lab->issuer.seal,
				      .id = "cert1",
				      .serial = NUMBER,
				      .not_before = FIXTURE_NOW - DAY,
				      .not_after = not_after });

	COMMITTED(j, store_cert_record(j, c.id, SPAN("der"), SPAN("hash")));
	lab->cert = c.id;
}

static void
lab_init(struct lab *lab, struct job *j, int64_t not_after, bool ocsp)
{
	*lab = (struct lab){ .j = j };
	lab->old = lab_ca("p384");
	lab->issuer.ca = lab_ca("p256");
	lab->issuer.seal = status_lab_seal_key(j);
	lab->conf.issuer = conf_of(j, "p256", "new");
	lab->former = (struct conf_former){ "old", conf_of(j, "p384", "old") };
	lab->conf.formers = &lab->former;
	lab->conf.former_count = 1;
	if (!ocsp)
		lab->former.issuer.ocsp_url = NULL;
	j->conf = &lab->conf;
	status_lab_at(lab->j, FIXTURE_NOW);
	make_cert(lab, not_after);
	EXPECT(j, former_open(j, j->arena, &lab->issuer), 0);
	EXPECT(j, former_start(&lab->issuer, j), 0);
}

static void
lab_end(struct lab *lab)
{
	former_close(&lab->issuer);
}

/* The issuer's work, all of it: its own lists, and the former CA's. */
static void
run(struct lab *lab)
{
	int result;

	while ((result = issuer_step(&lab->issuer, lab->j)) > 0)
		continue;
	EXPECT(lab->j, result, 0);
	assert_ptr_equal(lab->j->conf, &lab->conf);
}

static int64_t
count_lists(struct lab *lab, const struct ca *ca)
{
	return fixture_count(
	    lab->j, arena_printf(lab->j->arena,
			"SELECT COUNT(*) FROM crl WHERE der IS NOT NULL "
			"AND ca_label = '%s'",
			ca_key_label(ca)));
}

/* How many entries the former CA's list has, which it has signed. */
static size_t
entries(struct lab *lab)
{
	struct crl_input l;
	struct span der;

	EXPECT(lab->j,
	    file_read(lab->j, lab->former.issuer.crl_file, 1 << 20, &der), 0);
	EXPECT(lab->j, crl_read(lab->j, lab->old, der, &l), 0);
	return l.count;
}

static int64_t
due(struct lab *lab)
{
	int64_t when;

	EXPECT(lab->j, former_due(&lab->issuer, lab->j, &when), 0);
	return when;
}

static void
revoke_it(struct lab *lab)
{
	struct revocation r = { 4, "operator", { NULL, 0 } };
	struct job *j = lab->j;

	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_revoke_cert(j, lab->cert, &r), 1);
	EXPECT(j, store_commit(j), 0);
}

/* PK-156: every day, and at once after a revocation. */
static void
test_goes_on(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, false);
	run(&lab);
	assert_int_equal(count_lists(&lab, lab.old), 1);
	assert_int_equal(count_lists(&lab, lab.issuer.ca), 1);
	assert_int_equal(entries(&lab), 0);
	assert_int_equal(due(&lab), FIXTURE_NOW + DAY);
	status_lab_at(lab.j, FIXTURE_NOW + HOUR);
	revoke_it(&lab);
	assert_int_equal(due(&lab), FIXTURE_NOW + HOUR);
	run(&lab);
	assert_int_equal(count_lists(&lab, lab.old), 2);
	assert_int_equal(count_lists(&lab, lab.issuer.ca), 1);
	assert_int_equal(entries(&lab), 1);
	status_lab_at(lab.j, FIXTURE_NOW + HOUR + DAY);
	run(&lab);
	assert_int_equal(count_lists(&lab, lab.old), 3);
	assert_int_equal(entries(&lab), 1);
	lab_end(&lab);
}

/* PK-156, PK-160: one list after the end of all its certificates, and no
 * more. */
static void
test_ends(struct job *j)
{
	struct lab lab;
	int64_t end = FIXTURE_NOW + 10 * DAY + HOUR;

	lab_init(&lab, j, end, false);
	revoke_it(&lab);
	for (int day = 0; day <= 11; day++) {
		status_lab_at(lab.j, FIXTURE_NOW + day * DAY);
		run(&lab);
		assert_int_equal(entries(&lab), 1);
	}
	assert_int_equal(count_lists(&lab, lab.old), 12);
	assert_int_equal(due(&lab), INT64_MAX);
	status_lab_at(lab.j, FIXTURE_NOW + 40 * DAY);
	run(&lab);
	assert_int_equal(count_lists(&lab, lab.old), 12);
	/* its own lists do not end */
	assert_int_equal(count_lists(&lab, lab.issuer.ca), 13);
	lab_end(&lab);
}

static void
destroy_key(struct lab *lab)
{
	struct job *j = lab->j;
	struct destroyed_key k = { .ca_label = "x",
		.spki = SPAN("its octets"),
		.method = "file",
		.witnesses = "[]",
		.asked_by = "alice",
		.asked_at = FIXTURE_NOW };
	struct ca_key_facts facts;

	EXPECT(
	    j, ca_key_facts(j, lab->former.issuer.ca_certificate, &facts), 0);
	k.spki_sha256 = span_mem(facts.sha256, sizeof(facts.sha256));
	COMMITTED(j, store_destroyed_ask(j, &k));
	COMMITTED(j, store_destroyed_begin(j, k.spki_sha256, "bob"));
}

/* PK-207: nothing more by a key that was destroyed, though this process has a
 * copy, and the CA of today goes on. */
static void
test_destroyed(struct job *j)
{
	struct lab lab;
	int64_t before;

	lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, false);
	run(&lab);
	before = count_lists(&lab, lab.old);
	assert_true(before > 0);
	destroy_key(&lab);
	status_lab_at(lab.j, FIXTURE_NOW + 2 * DAY);
	run(&lab);
	assert_int_equal(count_lists(&lab, lab.old), before);
	assert_true(count_lists(&lab, lab.issuer.ca) > 1);
	assert_int_equal(due(&lab), INT64_MAX);
	lab_end(&lab);
}

struct told {
	struct job *j;
	const char *text;
};

static void
tell(void *ctx, enum remark level, const char *what, const char *text)
{
	struct told *t = ctx;

	if (strcmp(what, "former CA old") == 0 || strncmp(what, "CA ", 3) == 0)
		t->text = arena_printf(t->j->arena, "%s %s",
		    level == REMARK_OK ? "ok" : "not ok", text);
}

/* What countersign check says of it. */
static const char *
check(struct lab *lab)
{
	struct told t = { lab->j, "" };

	ca_check(lab->j, tell, &t);
	return t.text;
}

/* The issuer, started again with the section as it is now. */
static int
start_again(struct lab *lab, struct issuer *again)
{
	*again = lab->issuer;
	again->former_count = 0;
	EXPECT(lab->j, former_open(lab->j, lab->j->arena, again), 0);
	return former_start(again, lab->j);
}

/* L-53, PK-119: the laboratory's two CAs have one name and two keys.  In public
 * mode that is no start. */
static void
test_two_of_one_name(struct job *j)
{
	struct issuer again;
	struct lab lab;

	lab_init(&lab, j, FIXTURE_NOW + 100 * DAY, false);
	assert_int_equal(lab.issuer.former_count, 1);
	lab.conf.mode = CONF_MODE_PUBLIC;
	again = lab.issuer;
	again.former_count = 0;
	EXPECT(j, former_open(j, j->arena, &again), -1);
	assert_job_error(j, ERR_INTERNAL,
	    "former_ca old: the issuing CA has its CN, and another key (L-53, "
	    "PK-119): give each CA a name of its own");
	job_recover(j);
	/* The same key, in a later certificate, has the same name. */
	again.ca = lab.old;
	EXPECT(j, former_open(j, j->arena, &again), 0);
	former_close(&again);
	lab_end(&lab);
}

static struct status_result
fetch(struct lab *lab, const char *method, const char *target, struct span body)
{
	struct status_query q = {
		.method = method, .target = span_str(target), .body = body
	};
	struct status_service *service;
	struct status_result r;
	struct job *j = lab->j;

	EXPECT(j, status_service_new(j, j->arena, &lab->conf, &service), 0);
	status_answer(j, service, &q, &r);
	if (r.fd >= 0)
		close(r.fd);
	return r;
}

static int
ask(struct lab *lab, const struct ca *ca)
{
	struct span request =
	    status_lab_request(lab->j, ca, EVP_sha256(), NUMBER, 1);
	struct status_result got;
	const unsigned char *p;
	OCSP_RESPONSE *response;
	int status = -1;

	got = fetch(lab, "POST", "/ocsp", request);
	p = (const unsigned char *)got.body.p;
	response = d2i_OCSP_RESPONSE(NULL, &p, (long)got.body.n);
	assert_non_null(response);
	if (OCSP_response_status(response) == 0) {
		OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);

		status = OCSP_single_get0_status(
		    OCSP_resp_get0(basic, 0), NULL, NULL, NULL, NULL);
		OCSP_BASICRESP_free(basic);
	}
	OCSP_RESPONSE_free(response);
	return status;
}

/* PK-168, PK-169: its answers at a URL that both CAs have, and its list. */
static void
test_served(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j, FIXTURE_NOW + DAY, true);
	run(&lab);
	assert_int_equal(ask(&lab, lab.old), V_OCSP_CERTSTATUS_GOOD);
	assert_int_equal(ask(&lab, lab.issuer.ca), -1);
	revoke_it(&lab);
	run(&lab);
	assert_int_equal(ask(&lab, lab.old), V_OCSP_CERTSTATUS_REVOKED);
	assert_int_equal(fetch(&lab, "GET", "/old.crl", SPAN("")).status, 200);
	assert_int_equal(fetch(&lab, "GET", "/new.crl", SPAN("")).status, 200);
	assert_int_equal(
	    fetch(&lab, "GET", "/other.crl", SPAN("")).status, 404);
	/* after the last list there is nothing to answer */
	status_lab_at(lab.j, FIXTURE_NOW + 3 * DAY);
	run(&lab);
	assert_int_equal(due(&lab), INT64_MAX);
	lab_end(&lab);
}

/* PK-156, PK-207: the section of a CA whose key was destroyed stays; its last
 * list and answers are served, from the database if need be, and nothing is
 * signed.  That certificates outlive them is told every day. */
static void
test_rest(struct job *j)
{
	struct lab lab;
	struct issuer again;
	int64_t lists;

	lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, true);
	revoke_it(&lab);
	run(&lab);
	lists = count_lists(&lab, lab.old);
	assert_non_null(strstr(check(&lab), "ok list good until"));
	lab_end(&lab);
	destroy_key(&lab);
	lab.former.issuer.ca_key = "/nonexistent";
	assert_int_equal(start_again(&lab, &again), 0);
	former_close(&again);
	lab.former.issuer.ca_key = NULL;
	lab.former.issuer.ca_key_passphrase_file = NULL;
	assert_int_equal(start_again(&lab, &again), 0);
	lab.issuer = again;
	EXPECT(j, unlink(lab.former.issuer.crl_file), 0);
	EXPECT(j,
	    unlink(status_segment_file(
		j->arena, &lab.former.issuer, status_segment_of(SPAN("\x03")))),
	    0);
	unit_log_begin();
	run(&lab);
	assert_non_null(strstr(unit_log_end(), "certificates of it are valid"));
	assert_int_equal(entries(&lab), 1);
	assert_int_equal(ask(&lab, lab.old), V_OCSP_CERTSTATUS_REVOKED);
	assert_int_equal(fetch(&lab, "GET", "/old.crl", SPAN("")).status, 200);
	assert_non_null(strstr(check(&lab), "not ok its key was destroyed"));
	unit_log_begin();
	run(&lab);
	assert_null(strstr(unit_log_end(), "certificates of it are valid"));
	status_lab_at(lab.j, FIXTURE_NOW + 9 * DAY);
	unit_log_begin();
	run(&lab);
	assert_non_null(strstr(unit_log_end(), "its last list ended"));
	assert_int_equal(count_lists(&lab, lab.old), lists);
	/* nothing that has run out is given out as an answer */
	assert_int_equal(ask(&lab, lab.old), -1);
	lab_end(&lab);
}

/* PK-207: without a certificate that outlives the list there is no alarm. */
static void
test_rest_is_enough(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j, FIXTURE_NOW + DAY, false);
	run(&lab);
	destroy_key(&lab);
	unit_log_begin();
	run(&lab);
	assert_null(strstr(unit_log_end(), "certificates of it are valid"));
	assert_non_null(
	    strstr(check(&lab), "ok its key was destroyed, nothing is signed"));
	/* PK-157: but for a revocation that it cannot tell. */
	revoke_it(&lab);
	assert_non_null(strstr(check(&lab), "not ok its key was destroyed"));
	assert_non_null(
	    strstr(check(&lab), " and 1 revoked since that list is on none: "));
	lab_end(&lab);
}

static void
complain(void *ctx, const char *option, const char *message)
{
	struct told *t = ctx;

	t->text =
	    arena_printf(t->j->arena, "%s%s: %s\n", t->text, option, message);
}

static const char *
complaints(struct lab *lab)
{
	struct told t = { lab->j, "" };

	conf_former_check(lab->j->arena, &lab->conf, complain, &t);
	return t.text;
}

/* PK-207: a section without any key is one whose key was destroyed. */
static void
test_section(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j, FIXTURE_NOW + DAY, false);
	assert_string_equal(complaints(&lab), "");
	lab.former.issuer.ca_key_passphrase_file = NULL;
	assert_non_null(strstr(complaints(&lab), "ca_key_passphrase"));
	lab.former.issuer.key.module = "/m.so";
	assert_non_null(
	    strstr(complaints(&lab), "set either it or key_module"));
	lab.former.issuer.ca_key = NULL;
	assert_non_null(strstr(complaints(&lab), "key_token"));
	lab.former.issuer.key.module = NULL;
	assert_string_equal(complaints(&lab), "");
	lab_end(&lab);
}

/* One that has ended keeps nobody from starting; one that cannot be loaded
 * does, by name. */
static void
test_open(struct job *j)
{
	struct lab lab;
	struct issuer again = { 0 };

	lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, false);
	status_lab_at(lab.j, ca_not_after(lab.old) + 1);
	EXPECT(j, former_open(j, j->arena, &again), 0);
	assert_int_equal(again.former_count, 0);
	status_lab_at(lab.j, FIXTURE_NOW);
	lab.former.issuer.ca_key = "/nonexistent";
	EXPECT(j, start_again(&lab, &again), -1);
	assert_non_null(strstr(j->err.text, "former_ca old"));
	assert_non_null(strstr(j->err.text, "/nonexistent"));
	job_recover(j);
	former_close(&again);
	lab.former.issuer.ca_key = NULL;
	EXPECT(j, start_again(&lab, &again), -1);
	assert_non_null(strstr(j->err.text, "set ca_key or key_module"));
	job_recover(j);
	former_close(&again);
	assert_non_null(strstr(check(&lab), "not ok set ca_key"));
	lab.former.issuer.ca_certificate = "/nonexistent";
	EXPECT(j, former_open(j, j->arena, &again), -1);
	assert_non_null(strstr(j->err.text, "former_ca old"));
	job_recover(j);
	lab_end(&lab);
}

/* PK-156: who changes the CA and leaves out the section hears of it, every day
 * while certificates of that CA are valid. */
static void
test_left(struct job *j)
{
	struct lab lab;
	const char *log, *said;

	lab_init(&lab, j, FIXTURE_NOW + 3 * DAY, false);
	unit_log_begin();
	run(&lab);
	assert_null(strstr(unit_log_end(), "CA without a section"));
	assert_null(strstr(check(&lab), "no section of the configuration"));

	lab_end(&lab);
	lab.conf.former_count = 0;
	lab.issuer.left_told_at = 0; /* a new process */
	unit_log_begin();
	run(&lab);
	log = unit_log_end();
	said = strstr(log, "CA without a section");
	assert_non_null(said);
	assert_non_null(strstr(said, ca_key_label(lab.old)));
	assert_null(strstr(said, ca_key_label(lab.issuer.ca)));
	assert_non_null(strstr(
	    check(&lab), arena_printf(j->arena,
			     "not ok certificates of it are valid until "
			     "%s, and no section of the configuration",
			     clock_rfc3339(j->arena, FIXTURE_NOW + 3 * DAY))));
	unit_log_begin();
	run(&lab);
	assert_null(strstr(unit_log_end(), "CA without a section"));
	status_lab_at(j, FIXTURE_NOW + 3 * DAY);
	unit_log_begin();
	run(&lab);
	assert_non_null(strstr(unit_log_end(), "CA without a section"));
	status_lab_at(j, FIXTURE_NOW + 4 * DAY);
	unit_log_begin();
	run(&lab);
	assert_null(strstr(unit_log_end(), "CA without a section"));
	assert_null(strstr(check(&lab), "no section of the configuration"));
}

/* PK-156: a former CA's list that has ended is no good news. */
static void
test_late(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, false);
	run(&lab);
	assert_non_null(strstr(check(&lab), "ok list good until"));
	status_lab_at(j, FIXTURE_NOW + 7 * DAY);
	assert_non_null(strstr(check(&lab), "not ok its list ended at "));
	run(&lab);
	assert_null(strstr(check(&lab), "its list ended"));
	lab_end(&lab);
}

static int64_t
finished(struct job *j)
{
	return fixture_count(j, "SELECT COUNT(*) FROM incident "
				"WHERE finished_at > 0");
}

/* PK-157, PK-185: an incident about a former CA's certificates is finished
 * when that CA's list is where it is fetched. */
static void
test_incident(struct job *j)
{
	const struct incident i = { .id = "inc",
		.cause = "terms",
		.selector = "{}",
		.reason = 4,
		.known_at = FIXTURE_NOW,
		.deadline = FIXTURE_NOW,
		.opened_by = "one" };
	const struct incident_selector s = { .profile =
						 "mailbox-multipurpose" };
	struct lab lab;
	int64_t count;

	lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, false);
	run(&lab);
	EXPECT(j, unlink(lab.former.issuer.crl_file), 0);
	EXPECT(j, mkdir(lab.former.issuer.crl_file, 0700), 0);
	status_lab_at(j, FIXTURE_NOW + HOUR);
	COMMITTED(j, store_incident_open(j, &i, &s, j->now, &count));
	assert_int_equal(count, 1);
	for (int k = 0; k < 30; k++) {
		status_lab_at(j, j->now + 10);
		if (issuer_step(&lab.issuer, j) < 0)
			job_recover(j);
	}
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE revoked_at > 0 "
			     "AND list_due_at IS NULL"),
	    1);
	assert_int_equal(finished(j), 0);
	EXPECT(j, rmdir(lab.former.issuer.crl_file), 0);
	for (int k = 0; k < 30; k++) {
		status_lab_at(j, j->now + 10);
		EXPECT(j, issuer_step(&lab.issuer, j) < 0, 0);
	}
	assert_int_equal(entries(&lab), 1);
	assert_int_equal(finished(j), 1);
	lab_end(&lab);
}

/* L-66: after a restore what its list has comes back into the database, also
 * where another CA issues by now. */
static void
test_taken(struct job *j)
{
	struct crl_taken t;
	struct lab lab;
	int result;

	lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, false);
	revoke_it(&lab);
	run(&lab);
	assert_int_equal(entries(&lab), 1);
	for (int k = 0; k < 2; k++) {
		unit_case("%d", k);
		fixture_sql(j, "UPDATE cert SET revoked_at = 0, reason = 0, "
			       "revoked_by = NULL, list_due_at = NULL");
		status_lab_at(j, FIXTURE_NOW + (2 * k + 1) * DAY);
		while ((result = former_step(&lab.issuer, j)) > 0)
			continue;
		assert_int_equal(result, -1);
		assert_non_null(strstr(j->err.text, "countersign crl take"));
		job_recover(j);
		lab.conf.external.kind =
		    k == 0 ? CONF_EXTERNAL_NONE : CONF_EXTERNAL_HOOK;
		EXPECT(j, crl_take(j, &lab.issuer, "operator", &t), 0);
		assert_ptr_equal(j->conf, &lab.conf);
		assert_int_equal(t.lists, 2 - k);
		assert_int_equal(t.revoked, 1);
		assert_int_equal(t.unknown, 0);
		lab.conf.external.kind = CONF_EXTERNAL_NONE;
		run(&lab);
		assert_int_equal(entries(&lab), 1);
	}
	/* what is wrong names the section */
	EXPECT(j,
	    file_write(j, lab.former.issuer.crl_file, 0644, SPAN("another")),
	    0);
	assert_int_equal(crl_take(j, &lab.issuer, "operator", &t), -1);
	assert_non_null(strstr(j->err.text, "former_ca old"));
	job_recover(j);
	lab_end(&lab);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_taken),
	STORE_TEST(test_incident),
	STORE_TEST(test_left),
	STORE_TEST(test_late),
	STORE_TEST(test_goes_on),
	STORE_TEST(test_ends),
	STORE_TEST(test_destroyed),
	STORE_TEST(test_served),
	STORE_TEST_SQLITE(test_section),
	STORE_TEST(test_rest),
	STORE_TEST(test_rest_is_enough),
	STORE_TEST(test_open),
	STORE_TEST_SQLITE(test_two_of_one_name),
};

UNIT_MAIN(tests)
