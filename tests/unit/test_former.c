/*
 * After a switch to another issuing CA the former one's list and answers go on
 * until its last certificate has ended (PK-156, PK-160, PK-168, PK-169).
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <openssl/ocsp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_destroyed.h"
#include "db/store_incident.h"
#include "db/store_revoke.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "pki/ca.h"
#include "pki/ca_key_end.h"
#include "pki/crl.h"
#include "src/crl_take.h"
#include "src/former.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"
#include "tests/unit/former_lab.h"
#include "tests/unit/status_lab.h"

#define HOUR ((int64_t)3600)
#define DAY (24 * HOUR)

static int64_t
count_lists(struct former_lab *lab, const struct ca *ca)
{
	return fixture_count(
	    lab->j, arena_printf(lab->j->arena,
			"SELECT COUNT(*) FROM crl WHERE der IS NOT NULL "
			"AND ca_label = '%s'",
			ca_key_label(ca)));
}

/* How many entries the former CA's list has, which it has signed. */
static size_t
entries(struct former_lab *lab)
{
	struct crl_input l;
	struct span der;

	EXPECT(lab->j,
	    file_read(lab->j, lab->former.issuer.crl_file, 1 << 20, &der), 0);
	EXPECT(lab->j, crl_read(lab->j, lab->old, der, &l), 0);
	return l.count;
}

static int64_t
due(struct former_lab *lab)
{
	int64_t when;

	EXPECT(lab->j, former_due(&lab->issuer, lab->j, &when), 0);
	return when;
}

static void
revoke_it(struct former_lab *lab)
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
	struct former_lab lab;

	former_lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, false);
	former_lab_run(&lab);
	assert_int_equal(count_lists(&lab, lab.old), 1);
	assert_int_equal(count_lists(&lab, lab.issuer.ca), 1);
	assert_int_equal(entries(&lab), 0);
	assert_int_equal(due(&lab), FIXTURE_NOW + DAY);
	status_lab_at(lab.j, FIXTURE_NOW + HOUR);
	revoke_it(&lab);
	assert_int_equal(due(&lab), FIXTURE_NOW + HOUR);
	former_lab_run(&lab);
	assert_int_equal(count_lists(&lab, lab.old), 2);
	assert_int_equal(count_lists(&lab, lab.issuer.ca), 1);
	assert_int_equal(entries(&lab), 1);
	status_lab_at(lab.j, FIXTURE_NOW + HOUR + DAY);
	former_lab_run(&lab);
	assert_int_equal(count_lists(&lab, lab.old), 3);
	assert_int_equal(entries(&lab), 1);
	former_lab_end(&lab);
}

/* PK-156, PK-160: one list after the end of all its certificates, and no
 * more. */
static void
test_ends(struct job *j)
{
	struct former_lab lab;
	int64_t end = FIXTURE_NOW + 10 * DAY + HOUR;

	former_lab_init(&lab, j, end, false);
	revoke_it(&lab);
	for (int day = 0; day <= 11; day++) {
		status_lab_at(lab.j, FIXTURE_NOW + day * DAY);
		former_lab_run(&lab);
		assert_int_equal(entries(&lab), 1);
	}
	assert_int_equal(count_lists(&lab, lab.old), 12);
	assert_int_equal(due(&lab), INT64_MAX);
	status_lab_at(lab.j, FIXTURE_NOW + 40 * DAY);
	former_lab_run(&lab);
	assert_int_equal(count_lists(&lab, lab.old), 12);
	/* its own lists do not end */
	assert_int_equal(count_lists(&lab, lab.issuer.ca), 13);
	former_lab_end(&lab);
}

static void
destroy_key(struct former_lab *lab)
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
	struct former_lab lab;
	int64_t before;

	former_lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, false);
	former_lab_run(&lab);
	before = count_lists(&lab, lab.old);
	assert_true(before > 0);
	destroy_key(&lab);
	status_lab_at(lab.j, FIXTURE_NOW + 2 * DAY);
	former_lab_run(&lab);
	assert_int_equal(count_lists(&lab, lab.old), before);
	assert_true(count_lists(&lab, lab.issuer.ca) > 1);
	assert_int_equal(due(&lab), INT64_MAX);
	former_lab_end(&lab);
}

static struct status_result
fetch(struct former_lab *lab, const char *method, const char *target,
    struct span body)
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
ask(struct former_lab *lab, const struct ca *ca)
{
	struct span request =
	    status_lab_request(lab->j, ca, EVP_sha256(), FORMER_LAB_NUMBER, 1);
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
	struct former_lab lab;

	former_lab_init(&lab, j, FIXTURE_NOW + DAY, true);
	former_lab_run(&lab);
	assert_int_equal(ask(&lab, lab.old), V_OCSP_CERTSTATUS_GOOD);
	assert_int_equal(ask(&lab, lab.issuer.ca), -1);
	revoke_it(&lab);
	former_lab_run(&lab);
	assert_int_equal(ask(&lab, lab.old), V_OCSP_CERTSTATUS_REVOKED);
	assert_int_equal(fetch(&lab, "GET", "/old.crl", SPAN("")).status, 200);
	assert_int_equal(fetch(&lab, "GET", "/new.crl", SPAN("")).status, 200);
	assert_int_equal(
	    fetch(&lab, "GET", "/other.crl", SPAN("")).status, 404);
	/* after the last list there is nothing to answer */
	status_lab_at(lab.j, FIXTURE_NOW + 3 * DAY);
	former_lab_run(&lab);
	assert_int_equal(due(&lab), INT64_MAX);
	former_lab_end(&lab);
}

/* PK-156, PK-207: the section of a CA whose key was destroyed stays; its last
 * list and answers are served, from the database if need be, and nothing is
 * signed.  That certificates outlive them is told every day. */
static void
test_rest(struct job *j)
{
	struct former_lab lab;
	struct issuer again;
	int64_t lists;

	former_lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, true);
	revoke_it(&lab);
	former_lab_run(&lab);
	lists = count_lists(&lab, lab.old);
	assert_non_null(strstr(former_lab_check(&lab), "ok list good until"));
	former_lab_end(&lab);
	destroy_key(&lab);
	lab.former.issuer.ca_key = "/nonexistent";
	assert_int_equal(former_lab_start_again(&lab, &again), 0);
	former_close(&again);
	lab.former.issuer.ca_key = NULL;
	lab.former.issuer.ca_key_passphrase_file = NULL;
	assert_int_equal(former_lab_start_again(&lab, &again), 0);
	lab.issuer = again;
	EXPECT(j, unlink(lab.former.issuer.crl_file), 0);
	EXPECT(j,
	    unlink(status_segment_file(
		j->arena, &lab.former.issuer, status_segment_of(SPAN("\x03")))),
	    0);
	unit_log_begin();
	former_lab_run(&lab);
	assert_non_null(strstr(unit_log_end(), "certificates of it are valid"));
	assert_int_equal(entries(&lab), 1);
	assert_int_equal(ask(&lab, lab.old), V_OCSP_CERTSTATUS_REVOKED);
	assert_int_equal(fetch(&lab, "GET", "/old.crl", SPAN("")).status, 200);
	assert_non_null(
	    strstr(former_lab_check(&lab), "not ok its key was destroyed"));
	unit_log_begin();
	former_lab_run(&lab);
	assert_null(strstr(unit_log_end(), "certificates of it are valid"));
	status_lab_at(lab.j, FIXTURE_NOW + 9 * DAY);
	unit_log_begin();
	former_lab_run(&lab);
	assert_non_null(strstr(unit_log_end(), "its last list ended"));
	assert_int_equal(count_lists(&lab, lab.old), lists);
	/* nothing that has run out is given out as an answer */
	assert_int_equal(ask(&lab, lab.old), -1);
	former_lab_end(&lab);
}

/* PK-207: without a certificate that outlives the list there is no alarm. */
static void
test_rest_is_enough(struct job *j)
{
	struct former_lab lab;

	former_lab_init(&lab, j, FIXTURE_NOW + DAY, false);
	former_lab_run(&lab);
	destroy_key(&lab);
	unit_log_begin();
	former_lab_run(&lab);
	assert_null(strstr(unit_log_end(), "certificates of it are valid"));
	assert_non_null(strstr(former_lab_check(&lab),
	    "ok its key was destroyed, nothing is signed"));
	/* PK-157: but for a revocation that it cannot tell. */
	revoke_it(&lab);
	assert_non_null(
	    strstr(former_lab_check(&lab), "not ok its key was destroyed"));
	assert_non_null(strstr(former_lab_check(&lab),
	    " and 1 revoked since that list is on none: "));
	former_lab_end(&lab);
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
	struct former_lab lab;
	int64_t count;

	former_lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, false);
	former_lab_run(&lab);
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
	former_lab_end(&lab);
}

/* L-66: after a restore what its list has comes back into the database, also
 * where another CA issues by now. */
static void
test_taken(struct job *j)
{
	struct crl_taken t;
	struct former_lab lab;
	int result;

	former_lab_init(&lab, j, FIXTURE_NOW + 300 * DAY, false);
	revoke_it(&lab);
	former_lab_run(&lab);
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
		former_lab_run(&lab);
		assert_int_equal(entries(&lab), 1);
	}
	/* what is wrong names the section */
	EXPECT(j,
	    file_write(j, lab.former.issuer.crl_file, 0644, SPAN("another")),
	    0);
	assert_int_equal(crl_take(j, &lab.issuer, "operator", &t), -1);
	assert_non_null(strstr(j->err.text, "former_ca old"));
	job_recover(j);
	former_lab_end(&lab);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_taken),
	STORE_TEST(test_incident),
	STORE_TEST(test_goes_on),
	STORE_TEST(test_ends),
	STORE_TEST(test_destroyed),
	STORE_TEST(test_served),
	STORE_TEST(test_rest),
	STORE_TEST(test_rest_is_enough),
};

UNIT_MAIN(tests)
