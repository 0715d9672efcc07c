/*
 * When the issuer makes revocation lists, and that they get out: PK-141,
 * PK-156 to PK-160, PK-162, PK-182, PK-183, PK-204, AC-159.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <inttypes.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db/store_cert.h"
#include "db/store_crl.h"
#include "db/store_incident.h"
#include "db/store_key.h"
#include "db/store_private.h"
#include "db/store_revoke.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "pki/ca.h"
#include "pki/crl.h"
#include "pki/key.h"
#include "src/list_watch.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define HOUR 3600
#define DAY (24 * HOUR)
#define SPKI SPAN("the key")

struct lab {
	struct job *j;
	struct conf conf;
	struct issuer issuer;
	const char *account;
	const char *cert_url; /* of the list that make_cert() names */
	unsigned certs;
};

static void
at(struct lab *lab, int64_t now)
{
	clock_set(now);
	lab->j->now = now;
}

static void
lab_init(struct lab *lab, struct job *j)
{
	*lab = (struct lab){ .j = j };
	lab->issuer.ca = lab_ca("p256");
	lab->issuer.seal = status_lab_seal_key(j);
	lab->conf.issuer.crl_file =
	    arena_printf(j->arena, "%s/test_lists.crl", lab_ca_folder("p256"));
	unlink(lab->conf.issuer.crl_file);
	/* of the same test on the other database */
	unlink(arena_printf(j->arena, "%s/other.crl", lab_ca_folder("p256")));
	for (int64_t s = 1; s < 4; s++)
		unlink(arena_printf(j->arena, "%s/test_lists-%d.crl",
		    lab_ca_folder("p256"), (int)s));
	lab->conf.issuer.crl_shards = 1;
	lab->conf.issuer.crl_url = LAB_CRL_URL;
	lab->cert_url = LAB_CRL_URL;
	j->conf = &lab->conf;
	at(lab, FIXTURE_NOW);
	lab->account = fixture_account(j);
}

/* A certificate of this issuer that ends then: its id. */
static const char *
make_cert(struct lab *lab, int64_t not_after)
{
	struct job *j = lab->j;
	unsigned n = ++lab->certs;
	const char *id = arena_printf(j->arena, "cert%u", n);
	const char *serial = arena_printf(j->arena, "01%02x", n);
	struct cert c = {
		.id = id,
		.order_id = fixture_order(j, lab->account, 1)->id,
		.account_id = lab->account,
		.ca_label = ca_key_label(lab->issuer.ca),
		.serial = serial,
		.profile = "mailbox-multipurpose",
		.profile_sha256 = SPAN("profile"),
		.tbs = status_lab_tbs(j, lab->issuer.ca, serial, FIXTURE_NOW,
		    not_after, lab->cert_url),
		.signature_alg = SPAN("alg"),
		.lint_report = "{}",
		.br_version = "1.0.16",
		.spki_sha256 = SPKI,
		.not_before = FIXTURE_NOW,
		.not_after = not_after,
	};
	bool taken;

	status_lab_seal(j, lab->issuer.seal, &c);
	COMMITTED(j, store_cert_reserve(j, &c, &taken));
	COMMITTED(j, store_cert_record(j, id, SPAN("der"), span_str(id)));
	return id;
}

static void
revoke_one(struct lab *lab, const char *id, int64_t reason)
{
	struct revocation r = { reason, "operator", { NULL, 0 } };
	struct job *j = lab->j;

	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_revoke_cert(j, id, &r), 1);
	EXPECT(j, store_commit(j), 0);
}

/* Until nothing is due: how many lists were signed. */
static int64_t
publish_all(struct lab *lab)
{
	static const char count[] =
	    "SELECT COUNT(*) FROM crl WHERE der IS NOT NULL";
	int64_t before = fixture_count(lab->j, count);
	int result;

	while ((result = issuer_list_step(&lab->issuer, lab->j)) == 1)
		continue;
	EXPECT(lab->j, result, 0);
	return fixture_count(lab->j, count) - before;
}

static int64_t
due(struct lab *lab)
{
	int64_t when;

	EXPECT(lab->j, issuer_list_due(&lab->issuer, lab->j, &when), 0);
	return when;
}

/* "0101:4 0103:0" as the file has it. */
static const char *
listed(struct lab *lab)
{
	struct job *j = lab->j;
	struct span der;
	const unsigned char *p;
	X509_CRL *crl;
	struct buf b;

	EXPECT(j, file_read(j, lab->conf.issuer.crl_file, 100000, &der), 0);
	p = (const unsigned char *)der.p;
	crl = d2i_X509_CRL(NULL, &p, (long)der.n);
	assert_non_null(crl);
	buf_init(&b, j->arena, 10000);
	for (int i = 0; i < sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
	     i++) {
		X509_REVOKED *r =
		    sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), i);
		ASN1_ENUMERATED *reason =
		    X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);

		buf_addf(&b, "%s%04llx:%ld", i > 0 ? " " : "",
		    (unsigned long long)ASN1_INTEGER_get(
			X509_REVOKED_get0_serialNumber(r)),
		    reason == NULL ? 0 : ASN1_ENUMERATED_get(reason));
		ASN1_ENUMERATED_free(reason);
	}
	X509_CRL_free(crl);
	return b.p;
}

/* PK-156, PK-182: at once, then collected; and every 24 hours. */
static void
test_times(struct job *j)
{
	struct lab lab;
	const char *a, *b, *c;

	lab_init(&lab, j);
	assert_int_equal(due(&lab), 0);
	assert_int_equal(publish_all(&lab), 1);
	assert_string_equal(listed(&lab), "");
	assert_int_equal(due(&lab), FIXTURE_NOW + DAY);
	a = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	b = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	c = make_cert(&lab, FIXTURE_NOW + 365 * DAY);

	/* long after the last list: now */
	at(&lab, FIXTURE_NOW + HOUR);
	revoke_one(&lab, b, 4);
	assert_true(j->wake & 1u << ROLE_ISSUER);
	assert_int_equal(due(&lab), j->now);
	assert_int_equal(publish_all(&lab), 1);
	assert_string_equal(listed(&lab), "0102:4");
	assert_int_equal(due(&lab), j->now + DAY);

	/* soon after it: collected */
	at(&lab, FIXTURE_NOW + HOUR + 1);
	revoke_one(&lab, a, 0);
	assert_int_equal(due(&lab), FIXTURE_NOW + HOUR + 5);
	assert_int_equal(publish_all(&lab), 0);
	at(&lab, FIXTURE_NOW + HOUR + 4);
	revoke_one(&lab, c, 9);
	assert_int_equal(due(&lab), FIXTURE_NOW + HOUR + 5);
	at(&lab, FIXTURE_NOW + HOUR + 5);
	assert_int_equal(publish_all(&lab), 1);
	assert_string_equal(listed(&lab), "0101:0 0102:4 0103:9");

	/* nothing new: a day later */
	at(&lab, FIXTURE_NOW + HOUR + 5 + DAY - 1);
	assert_int_equal(publish_all(&lab), 0);
	at(&lab, FIXTURE_NOW + HOUR + 5 + DAY);
	assert_int_equal(publish_all(&lab), 1);
	assert_string_equal(listed(&lab), "0101:0 0102:4 0103:9");
}

/* Takes all rows of lists away each second, so that one seems to be due: how
 * many were signed. */
static int64_t
flood(struct lab *lab, int seconds)
{
	int64_t before = ceiling_sum(&lab->issuer.lists, lab->j->now);

	for (int k = 0; k < seconds; k++) {
		at(lab, lab->j->now + 1);
		fixture_sql(lab->j, "DELETE FROM crl");
		for (int n = 0; n < 2; n++)
			EXPECT(lab->j,
			    issuer_list_step(&lab->issuer, lab->j) < 0, false);
	}
	return ceiling_sum(&lab->issuer.lists, lab->j->now) - before;
}

static int64_t
count_holds(struct job *j)
{
	return fixture_count(j, "SELECT COUNT(*) FROM issuance_stop "
				"WHERE scope = 'signing' AND value = 'lists'");
}

/* PK-204: whoever makes lists due all the time gets no more than the limit, one
 * alarm is given, and a revocation gets out all the same. */
static void
test_ceiling(struct job *j)
{
	struct lab lab;
	const char *log;

	lab_init(&lab, j);
	fixture_sql(j, "DELETE FROM issuance_stop");
	lab.conf.issuer.max_lists_per_hour = 3;
	unit_log_begin();
	assert_int_equal(flood(&lab, 10), 3);
	log = strstr(unit_log_end(), "event=\"signing on hold\"");
	assert_non_null(log);
	assert_null(strstr(log + 1, "event=\"signing on hold\""));
	assert_non_null(strstr(log,
	    "3 signatures of lists within an hour; issuer.max_lists_per_hour "
	    "is 3"));
	assert_int_equal(count_holds(j), 1);

	/* the reserve: one in five minutes, with what was revoked */
	revoke_one(&lab, make_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	assert_int_equal(due(&lab), FIXTURE_NOW + 303);
	at(&lab, FIXTURE_NOW + 290);
	assert_int_equal(flood(&lab, 12), 0);
	assert_int_equal(flood(&lab, 10), 1);
	assert_string_equal(listed(&lab), "0101:4");

	/* the row is taken away, too: it is put there again */
	fixture_sql(j, "DELETE FROM issuance_stop");
	at(&lab, FIXTURE_NOW + 600);
	assert_int_equal(flood(&lab, 10), 1);
	assert_int_equal(count_holds(j), 1);

	/* time alone does not lift it */
	at(&lab, FIXTURE_NOW + 3 * HOUR);
	assert_int_equal(flood(&lab, 10), 1);

	/* an admin does */
	fixture_sql(j, "DELETE FROM issuance_stop");
	lab.conf.issuer.max_lists_per_hour = 100;
	at(&lab, FIXTURE_NOW + 4 * HOUR);
	assert_int_equal(flood(&lab, 10), 10);
	assert_int_equal(count_holds(j), 0);
}

/* PK-204: the limits follow from what is normal. */
static void
test_ceilings(void **state)
{
	struct conf_issuer c = { .crl_shards = 2, .max_per_hour = 1000 };

	(void)state;
	assert_int_equal(ceiling_max_lists(&c), 1600);
	assert_int_equal(ceiling_max_answers(&c, 0), 16000);
	assert_int_equal(ceiling_max_answers(&c, 50000), 416000);
	assert_int_equal(ceiling_max_responders(&c), 500);
	c.max_lists_per_hour = 10;
	c.max_answers_per_hour = 11;
	c.max_responders_per_hour = 12;
	assert_int_equal(ceiling_max_lists(&c), 10);
	assert_int_equal(ceiling_max_answers(&c, 50000), 11);
	assert_int_equal(ceiling_max_responders(&c), 12);
}

static void
test_pauses(void **state)
{
	(void)state;
	assert_int_equal(issuer_list_pause(0), 5);
	assert_int_equal(issuer_list_pause(400), 5);
	assert_int_equal(issuer_list_pause(2000000), 105);
	assert_int_equal(issuer_list_pause(100000000), 300);
	assert_int_equal(issuer_list_pause(SIZE_MAX), 300);
}

/* AC-157, PK-158: another reason is news too. */
static void
test_reason_changes(struct job *j)
{
	struct revocation r = { 1, "key", { NULL, 0 } };
	struct lab lab;
	const char *a;

	lab_init(&lab, j);
	a = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	revoke_one(&lab, a, 5);
	publish_all(&lab);
	assert_string_equal(listed(&lab), "0101:5");
	at(&lab, FIXTURE_NOW + HOUR);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_revoke_for_compromise(j, a, &r), 1);
	EXPECT(j, store_commit(j), 0);
	assert_int_equal(publish_all(&lab), 1);
	assert_string_equal(listed(&lab), "0101:1");
	/* as reasons go, it goes no further */
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_revoke_for_compromise(j, a, &r), 0);
	EXPECT(j, store_revoke_cert(j, a, &r), 0);
	EXPECT(j, store_commit(j), 0);
	assert_int_equal(publish_all(&lab), 0);
}

/* AC-159, PK-182: stopped after the commit, before the file; a file that
 * cannot be written; a file that was removed. */
static void
test_file(struct job *j)
{
	struct lab lab;
	const char *file;

	lab_init(&lab, j);
	file = lab.conf.issuer.crl_file;
	EXPECT(j, issuer_list_step(&lab.issuer, j), 1);
	assert_int_equal(access(file, F_OK), -1);
	lab.issuer.written[0] = 0; /* a new process */
	EXPECT(j, issuer_list_step(&lab.issuer, j), 1);
	assert_string_equal(listed(&lab), "");
	EXPECT(j, issuer_list_step(&lab.issuer, j), 0);

	at(&lab, FIXTURE_NOW + HOUR);
	revoke_one(&lab, make_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	lab.conf.issuer.crl_file = "/nonexistent/folder/list.crl";
	EXPECT(j, issuer_list_step(&lab.issuer, j), 1);
	for (int i = 0; i < 2; i++) {
		EXPECT(j, issuer_list_step(&lab.issuer, j), -1);
		job_recover(j);
	}
	lab.conf.issuer.crl_file = file;
	assert_int_equal(publish_all(&lab), 0);
	assert_string_equal(listed(&lab), "0101:4");

	unlink(file);
	assert_int_equal(publish_all(&lab), 0);
	assert_string_equal(listed(&lab), "0101:4");
}

static bool
says(const char *log, const char *event, int64_t seconds)
{
	char text[128];

	snprintf(text, sizeof(text), "event=\"%s\" seconds=%" PRId64 " ", event,
	    seconds);
	return strstr(log, text) != NULL;
}

/* PK-157, PK-182: a revocation is published when the list with it is out; the
 * row and the signature end no clock. */
static void
test_late(struct job *j)
{
	struct lab lab;
	const char *file, *log;

	lab_init(&lab, j);
	file = lab.conf.issuer.crl_file;
	publish_all(&lab);
	at(&lab, FIXTURE_NOW + HOUR);
	revoke_one(&lab, make_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);

	/* signed in time, and not written */
	lab.conf.issuer.crl_file = "/nonexistent/folder/list.crl";
	at(&lab, FIXTURE_NOW + HOUR + 600);
	unit_log_begin();
	EXPECT(j, issuer_list_step(&lab.issuer, j), 1);
	EXPECT(j, issuer_list_step(&lab.issuer, j), -1);
	log = unit_log_end();
	assert_null(strstr(log, "late"));
	job_recover(j);
	at(&lab, FIXTURE_NOW + HOUR + 600 + 601);
	unit_log_begin();
	EXPECT(j, issuer_list_step(&lab.issuer, j), -1);
	assert_true(says(unit_log_end(), "revocation list late", 601));
	job_recover(j);
	lab.conf.issuer.crl_file = file;
	assert_string_equal(listed(&lab), "");
	unit_log_begin();
	assert_int_equal(publish_all(&lab), 0);
	assert_true(says(unit_log_end(), "revocation list late", 601));
	assert_string_equal(listed(&lab), "0101:4");

	/* a new process finds it out, and the hour it is of is no matter */
	at(&lab, FIXTURE_NOW + 2 * HOUR);
	lab.issuer.written[0] = 0;
	unit_log_begin();
	assert_int_equal(publish_all(&lab), 0);
	assert_null(strstr(unit_log_end(), "late"));
}

/* PK-182, PK-183: the issuer is dead or hangs, and the web role says so: after
 * ten minutes, once an hour, until the list is made. */
static void
test_watched(struct job *j)
{
	static const struct {
		int64_t after; /* the revocation */
		bool alarm;
	} rows[] = { { 0, false }, { 540, false }, { 600, false },
		{ 659, false }, { 660, true }, { 720, false }, { 4200, false },
		{ 4260, true } };
	struct list_watch w = { 0 };
	struct lab lab;

	lab_init(&lab, j);
	publish_all(&lab);
	revoke_one(&lab, make_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		unit_case("%d", (int)rows[k].after);
		at(&lab, FIXTURE_NOW + rows[k].after);
		unit_log_begin();
		EXPECT(j, list_watch_look(&w, j), 0);
		assert_int_equal(
		    says(unit_log_end(), "revocation waits for its list",
			rows[k].after),
		    rows[k].alarm);
	}
	publish_all(&lab);
	at(&lab, FIXTURE_NOW + 2 * DAY);
	unit_log_begin();
	EXPECT(j, list_watch_look(&w, j), 0);
	assert_null(strstr(unit_log_end(), "waits"));
	/* A number that was never signed: another CA has none such. */
	revoke_one(&lab, make_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	fixture_sql(j, "UPDATE cert SET issued_at = 0");
	for (int k = 1; k >= 0; k--) {
		lab.conf.external.kind =
		    k == 1 ? CONF_EXTERNAL_HOOK : CONF_EXTERNAL_NONE;
		at(&lab, FIXTURE_NOW + 3 * DAY - k * 60);
		unit_log_begin();
		EXPECT(j, list_watch_look(&w, j), 0);
		assert_int_equal(
		    strstr(unit_log_end(), "waits for its list") != NULL,
		    k == 0);
	}
}

/* PK-156: the issuer has stopped; at half of the list's life and at three
 * quarters of it the log says so. */
static void
test_grows_old(struct job *j)
{
	static const struct {
		int64_t age;
		const char *event;
	} rows[] = { { 84 * HOUR - 1, NULL },
		{ 84 * HOUR, "error event=\"revocation list old\"" },
		{ 126 * HOUR - 1, "error event=\"revocation list old\"" },
		{ 126 * HOUR, "error event=\"revocation list ends soon\"" },
		{ 8 * DAY, "error event=\"revocation list ends soon\"" } };
	struct status_service *s;
	struct lab lab;

	lab_init(&lab, j);
	publish_all(&lab);
	EXPECT(j, status_service_new(j, j->arena, &lab.conf, &s), 0);
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		const char *log;

		unit_case("%zu", k);
		at(&lab, FIXTURE_NOW + rows[k].age);
		unit_log_begin();
		status_report(j, s);
		log = unit_log_end();
		if (rows[k].event == NULL)
			assert_null(strstr(log, "event="));
		else
			assert_non_null(strstr(log, rows[k].event));
	}
	at(&lab, FIXTURE_NOW + 8 * DAY);
	publish_all(&lab);
	unit_log_begin();
	status_report(j, s);
	assert_null(strstr(unit_log_end(), "event="));
}

/* All that an issuer does by itself until then; a file that cannot be written
 * is tried again. */
static void
run_until(struct lab *lab, int64_t until)
{
	struct job *j = lab->j;

	for (;;) {
		int64_t next, incident_at;

		while (issuer_list_step(&lab->issuer, j) == 1)
			continue;
		job_recover(j);
		if (issuer_incident_step(&lab->issuer, j) == 1)
			continue;
		next = due(lab);
		if (store_incident_next_due(j, &incident_at) == 1 &&
		    incident_at < next)
			next = incident_at;
		if (next > until || j->now >= until)
			break;
		at(lab, next > j->now ? next : j->now + 60);
	}
	at(lab, until);
}

static void
open_incident(struct lab *lab, const char *id, int64_t deadline)
{
	const struct incident i = { .id = id,
		.cause = "terms",
		.selector = "{}",
		.reason = 4,
		.known_at = lab->j->now,
		.deadline = deadline,
		.opened_by = "one" };
	const struct incident_selector s = { .profile =
						 "mailbox-multipurpose" };
	struct job *j = lab->j;
	int64_t count;

	COMMITTED(j, store_incident_open(j, &i, &s, j->now, &count));
	assert_int_equal(count, 3);
}

static int64_t
lateness(struct lab *lab)
{
	return fixture_count(lab->j, "SELECT COUNT(*) FROM audit "
				     "WHERE event = 'incident late'");
}

/* PK-157, PK-185: at the deadline the file that is served has all of the set;
 * where it has not, the incident is not finished before it has, and its row,
 * the audit and the log say that it is late. */
static void
test_incident_deadline(struct job *j)
{
	struct lab lab;
	struct incident i;
	const char *file, *log;
	int64_t deadline;

	lab_init(&lab, j);
	file = lab.conf.issuer.crl_file;
	for (int k = 0; k < 3; k++)
		make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	deadline = FIXTURE_NOW + 5 * DAY;
	open_incident(&lab, "i", deadline);
	run_until(&lab, deadline - 2 * HOUR);
	assert_string_equal(listed(&lab), "");
	run_until(&lab, deadline);
	assert_string_equal(listed(&lab), "0101:4 0102:4 0103:4");
	EXPECT(j, store_incident_by_id(j, "i", &i), 1);
	assert_true(i.finished_at > 0 && i.finished_at < deadline);
	assert_int_equal(i.late_at, 0);
	assert_int_equal(lateness(&lab), 0);

	for (int k = 0; k < 3; k++)
		make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	deadline += DAY / 2;
	open_incident(&lab, "late", deadline);
	lab.conf.issuer.crl_file = "/nonexistent/folder/list.crl";
	run_until(&lab, deadline);
	EXPECT(j, store_incident_by_id(j, "late", &i), 1);
	assert_int_equal(i.finished_at, 0);
	assert_int_equal(i.late_at, 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM cert WHERE "
			     "revoked_at > 0 AND list_due_at IS NULL"),
	    6);
	unit_log_begin();
	run_until(&lab, deadline + HOUR);
	log = strstr(unit_log_end(), "event=\"incident late\"");
	assert_non_null(log);
	assert_null(strstr(log + 1, "event=\"incident late\""));
	assert_int_equal(lateness(&lab), 1);
	EXPECT(j, store_incident_by_id(j, "late", &i), 1);
	assert_int_equal(i.finished_at, 0);
	assert_int_equal(i.late_at, deadline + 1);
	lab.conf.issuer.crl_file = file;
	run_until(&lab, deadline + 2 * HOUR);
	EXPECT(j, store_incident_by_id(j, "late", &i), 1);
	assert_true(i.finished_at > deadline);
}

/* PK-162 */
static void
test_sizes(void **state)
{
	static const struct {
		size_t octets;
		const char *event;
	} rows[] = { { 999999, NULL },
		{ 1000000, "warning event=\"revocation list large\" " },
		{ 9999999, "warning event=\"revocation list large\" " },
		{ 10000000, "error event=\"revocation list too large\" " } };
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct crl list = { .shard = 3,
			.der = { "", rows[i].octets } };
		const char *log;

		unit_case("%zu", rows[i].octets);
		unit_log_begin();
		issuer_list_warn_of_size(&list);
		log = unit_log_end();
		if (rows[i].event == NULL) {
			assert_string_equal(log, "");
			continue;
		}
		assert_non_null(strstr(log, rows[i].event));
		assert_non_null(strstr(log, "shard=3 "));
		assert_non_null(strstr(log, "issuer.crl_shards"));
	}
}

/* Another machine has made a list: its file is this one's too. */
static void
test_other_issuer(struct job *j)
{
	struct lab lab, other;

	lab_init(&lab, j);
	publish_all(&lab);
	other = lab;
	other.conf.issuer.crl_file =
	    arena_printf(j->arena, "%s/other.crl", lab_ca_folder("p256"));
	at(&lab, FIXTURE_NOW + HOUR);
	revoke_one(&lab, make_cert(&lab, FIXTURE_NOW + 365 * DAY), 3);
	j->conf = &other.conf;
	assert_int_equal(publish_all(&other), 1);
	assert_string_equal(listed(&lab), "");
	j->conf = &lab.conf;
	assert_int_equal(publish_all(&lab), 0);
	assert_string_equal(listed(&lab), "0101:3");
}

/* A list with a lesser number ends no waiting: the greater one, which is the
 * one that counts, may have been collected before it. */
static void
test_overtaken(struct job *j)
{
	struct revoked *rows;
	struct crl list;
	struct lab lab;
	int64_t number, when;
	const char *label;
	size_t count;

	lab_init(&lab, j);
	label = ca_key_label(lab.issuer.ca);
	publish_all(&lab);
	revoke_one(&lab, make_cert(&lab, FIXTURE_NOW + 365 * DAY), 3);
	list = (struct crl){ .ca_label = label };
	EXPECT(j, store_cert_revoked(j, &list, 0, &rows, &count), 0);
	assert_int_equal(count, 1);
	assert_true(rows[0].is_due);
	COMMITTED(j, store_crl_reserve(j, &list, 0, &number));
	list.number = number - 1;
	COMMITTED(j, store_cert_listed(j, &list, rows, count));
	EXPECT(j, store_crl_due(j, label, 0, &when), 1);
	list.number = number;
	COMMITTED(j, store_cert_listed(j, &list, rows, count));
	EXPECT(j, store_crl_due(j, label, 0, &when), 0);

	/* and one with a reason that is not the row's any more */
	fixture_sql(j, "UPDATE cert SET list_due_at = 1, reason = 1");
	COMMITTED(j, store_cert_listed(j, &list, rows, count));
	EXPECT(j, store_crl_due(j, label, 0, &when), 1);
}

/* PK-160: on one list more than it lives. */
static void
test_expired_entry(struct job *j)
{
	struct lab lab;
	const char *a, *b;

	lab_init(&lab, j);
	publish_all(&lab);
	a = make_cert(&lab, FIXTURE_NOW + HOUR);
	b = make_cert(&lab, FIXTURE_NOW + 2 * HOUR);
	revoke_one(&lab, a, 0);
	at(&lab, FIXTURE_NOW + 60);
	publish_all(&lab);
	assert_string_equal(listed(&lab), "0101:0");
	/* The issuer was down for four days: still. */
	at(&lab, FIXTURE_NOW + 2 * HOUR);
	revoke_one(&lab, b, 0);
	at(&lab, FIXTURE_NOW + 4 * DAY);
	assert_int_equal(publish_all(&lab), 1);
	assert_string_equal(listed(&lab), "0101:0 0102:0");
	at(&lab, FIXTURE_NOW + 5 * DAY);
	assert_int_equal(publish_all(&lab), 1);
	assert_string_equal(listed(&lab), "");
}

/* PK-159: committed by a machine whose clock is ahead. */
static void
test_clock_ahead(struct job *j)
{
	struct lab lab;
	const char *a;

	lab_init(&lab, j);
	a = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	at(&lab, FIXTURE_NOW + 3);
	revoke_one(&lab, a, 4);
	at(&lab, FIXTURE_NOW);
	assert_int_equal(publish_all(&lab), 1);
	assert_string_equal(listed(&lab), "0101:4");
}

/* PK-158: whatever is in the row, the list is published. */
static void
test_improper_reason(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j);
	revoke_one(&lab, make_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	for (int64_t reason = 0; reason < 5; reason++)
		revoke_one(&lab, make_cert(&lab, FIXTURE_NOW + 365 * DAY),
		    (int64_t[]){ 2, 6, 10, -1, 260 }[reason]);
	assert_int_equal(publish_all(&lab), 1);
	assert_string_equal(
	    listed(&lab), "0101:4 0102:0 0103:0 0104:0 0105:0 0106:0");
}

/* PK-181: signed while its key was being blocked. */
static void
test_sweep(struct job *j)
{
	struct lab lab;
	struct cert row;
	const char *a;

	lab_init(&lab, j);
	publish_all(&lab);
	COMMITTED(
	    j, store_key_block(j, KEY_BY_SPKI(SPKI), "some account", "test"));
	a = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	at(&lab, FIXTURE_NOW + DAY);
	publish_all(&lab);
	assert_string_equal(listed(&lab), "");
	COMMITTED(j, store_key_block(j, KEY_BY_SPKI(SPKI), NULL, "test"));
	at(&lab, FIXTURE_NOW + 2 * DAY);
	publish_all(&lab);
	assert_string_equal(listed(&lab), "0101:1");
	EXPECT(j, store_cert_by_id(j, a, NULL, &row), 1);
	assert_string_equal(row.revoked_by, "issuer");
	assert_int_equal(row.revoked_at, j->now);
}

/* --- shards --------------------------------------------------------------- */

static struct span
file_of(struct lab *lab, int64_t shard)
{
	struct span der;

	EXPECT(lab->j,
	    file_read(lab->j,
		status_shard_file(lab->j->arena, &lab->conf.issuer, shard),
		100000, &der),
	    0);
	return der;
}

/* AC-158: very many at once: one list shows all of them, and they are noted as
 * listed in more than one transaction. */
static void
test_very_many(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j);
	fixture_certs(j, lab.account, "2500");
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE cert SET ca_label = '%s', serial = '01' || "
		   "CAST(100000 + CAST(substr(id, 2) AS BIGINT) AS TEXT), "
		   "revoked_at = %d, reason = 4, revoked_by = 'operator', "
		   "list_due_at = %d",
		   ca_key_label(lab.issuer.ca), FIXTURE_NOW, FIXTURE_NOW));
	assert_int_equal(publish_all(&lab), 1);
	assert_int_equal(
	    fixture_count(
		j, "SELECT COUNT(*) FROM cert WHERE list_due_at IS NOT NULL"),
	    0);
}

/* As a ceremony makes it (PK-209, step 10). */
static void
ceremony_list(struct lab *lab, struct crl *out)
{
	struct job *j = lab->j;
	const struct crl_input in = { .number = CRL_NUMBER_OF_CEREMONY,
		.this_update = j->now,
		.next_update = crl_next_update(j->now) };

	*out = (struct crl){ .ca_label = ca_key_label(lab->issuer.ca),
		.number = (int64_t)in.number,
		.this_update = in.this_update,
		.next_update = in.next_update };
	EXPECT(j, crl_sign(j, lab->issuer.ca, &in, &out->der), 0);
}

static int
import(struct job *j, const struct crl *list)
{
	int result;

	EXPECT(j, store_begin(j), 0);
	result = store_crl_import(j, list);
	EXPECT(j, store_commit(j), 0);
	return result;
}

static int64_t
numbers(struct job *j, const char *which)
{
	return fixture_count(
	    j, arena_printf(j->arena, "SELECT %s(number) FROM crl", which));
}

/* PK-209: who never heard of the ceremony makes no second list of its number;
 * told late, it changes nothing. */
static void
test_not_imported(struct job *j)
{
	struct crl first;
	struct lab lab;

	lab_init(&lab, j);
	ceremony_list(&lab, &first);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	at(&lab, FIXTURE_NOW + HOUR);
	assert_int_equal(publish_all(&lab), 1);
	assert_int_equal(numbers(j, "MIN"), 2);
	assert_int_equal(import(j, &first), 1);
	assert_int_equal(publish_all(&lab), 0);
	assert_false(span_eq(file_of(&lab, 0), first.der));
	at(&lab, FIXTURE_NOW + 2 * DAY);
	assert_int_equal(publish_all(&lab), 1);
	assert_int_equal(numbers(j, "MAX"), 3);
	assert_int_equal(numbers(j, "COUNT"), 3);
}

/* PK-209, PK-156: it is published as it is, until the next one is due. */
static void
test_imported(struct job *j)
{
	struct crl first, other;
	struct lab lab;

	lab_init(&lab, j);
	ceremony_list(&lab, &first);
	assert_int_equal(import(j, &first), 1);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	at(&lab, FIXTURE_NOW + HOUR);
	assert_int_equal(publish_all(&lab), 0);
	assert_true(span_eq(file_of(&lab, 0), first.der));
	/* given again, and another one of this number */
	assert_int_equal(import(j, &first), 0);
	ceremony_list(&lab, &other);
	assert_int_equal(import(j, &other), CRL_IS_OTHER);
	at(&lab, FIXTURE_NOW + DAY);
	assert_int_equal(publish_all(&lab), 1);
	assert_int_equal(numbers(j, "MAX"), 2);
	assert_false(span_eq(file_of(&lab, 0), first.der));
	/* long ago: the octets of an old list are not kept */
	fixture_sql(j, "UPDATE crl SET der = NULL WHERE number = 1");
	assert_int_equal(import(j, &first), CRL_IS_UNKNOWN);
}

static size_t
published(struct job *j)
{
	return (size_t)fixture_count(j, "SELECT COUNT(*) FROM audit WHERE "
					"event = 'revocation list published'");
}

/* PK-156, PK-182: the service begins days later.  The list is not late, since
 * nobody waited; and once it is over it is not put out, whether the next one
 * can be made or not. */
static void
test_imported_old(struct job *j)
{
	struct crl_input out;
	struct crl first;
	struct lab lab;

	lab_init(&lab, j);
	ceremony_list(&lab, &first);
	assert_int_equal(import(j, &first), 1);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	at(&lab, first.next_update - 1);
	unit_log_begin();
	EXPECT(j, issuer_list_step(&lab.issuer, j), 1);
	assert_null(strstr(unit_log_end(), "late"));
	assert_true(span_eq(file_of(&lab, 0), first.der));
	assert_int_equal(published(j), 1);

	/* a process that knows nothing of it, and cannot make another */
	assert_int_equal(unlink(lab.conf.issuer.crl_file), 0);
	lab.issuer.written[0] = 0;
	revoke_one(&lab, make_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	fixture_sql(j, "ALTER TABLE blocked_key RENAME TO away");
	at(&lab, first.next_update);
	unit_log_begin();
	assert_int_equal(issuer_list_step(&lab.issuer, j), -1);
	assert_null(strstr(unit_log_end(), "late"));
	job_recover(j);
	EXPECT(j, issuer_list_restore(&lab.issuer, j), 0);
	assert_false(file_is_regular(lab.conf.issuer.crl_file));
	assert_int_equal(published(j), 1);
	fixture_sql(j, "ALTER TABLE away RENAME TO blocked_key");
	assert_int_equal(publish_all(&lab), 1);
	EXPECT(j, crl_read(j, lab.issuer.ca, file_of(&lab, 0), &out), 0);
	assert_true(out.number > CRL_NUMBER_OF_CEREMONY);
	assert_int_equal(published(j), 2);
}

/* PK-153: what is served knows more than a database that was emptied.  The
 * list of a ceremony is no reason to refuse one that is new. */
static void
test_emptied(struct job *j)
{
	static const char empty[] =
	    "DELETE FROM crl; DELETE FROM crl_shard; DELETE FROM cert";
	struct crl first;
	struct lab lab;
	const char *id;

	lab_init(&lab, j);
	at(&lab, FIXTURE_NOW - HOUR);
	ceremony_list(&lab, &first);
	at(&lab, FIXTURE_NOW);
	EXPECT(j, file_write(j, lab.conf.issuer.crl_file, 0644, first.der), 0);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	fixture_sql(j, "DELETE FROM crl_shard");
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	id = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(publish_all(&lab), 1);
	at(&lab, FIXTURE_NOW + HOUR);
	revoke_one(&lab, id, 1);
	assert_int_equal(publish_all(&lab), 1);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	fixture_sql(j, empty);
	assert_int_equal(issuer_list_start(&lab.issuer, j), -1);
	assert_non_null(strstr(j->err.text,
	    "the database knows nothing of this CA, which has signed list "
	    "number 3 in "));
	assert_non_null(strstr(j->err.text, "restore the database"));
	job_recover(j);
	assert_int_equal(fixture_count(j, "SELECT count(*) FROM crl_shard"), 0);
	assert_int_equal(
	    unlink(status_shard_file(j->arena, &lab.conf.issuer, 0)), 0);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
}

/* PK-153 to PK-155, L-62: from one to four; who was in the first stays. */
static void
test_shards(struct job *j)
{
	struct crl_input l[4];
	struct lab lab;
	const char *a, *b;

	lab_init(&lab, j);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	a = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	publish_all(&lab);
	EXPECT(j, crl_read(j, lab.issuer.ca, file_of(&lab, 0), &l[0]), 0);
	assert_null(l[0].point);

	lab.conf.issuer.crl_shards = 4;
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	lab.cert_url = "http://crl.example.com/issuing-3.crl";
	b = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	fixture_sql(j, "UPDATE cert SET shard = 3 WHERE id = 'cert2'");
	lab.cert_url = LAB_CRL_URL;
	at(&lab, FIXTURE_NOW + HOUR);
	revoke_one(&lab, a, 1);
	revoke_one(&lab, b, 5);
	assert_int_equal(publish_all(&lab), 4);
	for (int64_t s = 0; s < 4; s++) {
		EXPECT(
		    j, crl_read(j, lab.issuer.ca, file_of(&lab, s), &l[s]), 0);
		assert_string_equal(l[s].point,
		    status_shard_url(j->arena, &lab.conf.issuer, s));
		assert_int_equal(l[s].count, s == 0 || s == 3);
		if (s > 0)
			assert_true(l[s].number > l[s - 1].number);
	}
	assert_string_equal(l[3].point, "http://crl.example.com/issuing-3.crl");
	assert_int_equal(l[0].entries[0].reason, 1);
	assert_int_equal(l[3].entries[0].reason, 5);

	/* only one of them waits */
	at(&lab, FIXTURE_NOW + 2 * HOUR);
	revoke_one(&lab, make_cert(&lab, FIXTURE_NOW + 365 * DAY), 0);
	assert_int_equal(publish_all(&lab), 1);

	/* PK-163: one that cannot be made keeps none of the others */
	at(&lab, FIXTURE_NOW + 3 * HOUR);
	fixture_sql(
	    j, "UPDATE cert SET revoked_at = 0, reason = 0 WHERE id = 'cert1'");
	fixture_sql(j, "UPDATE cert SET list_due_at = 1 WHERE id = 'cert3'");
	a = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	fixture_sql(j, "UPDATE cert SET shard = 3 WHERE id = 'cert4'");
	revoke_one(&lab, a, 4);
	assert_int_equal(issuer_list_step(&lab.issuer, j), 1);
	assert_int_equal(issuer_list_step(&lab.issuer, j), 1);
	assert_int_equal(issuer_list_step(&lab.issuer, j), -1);
	assert_non_null(strstr(j->err.text, "L-66"));
	job_recover(j);
	EXPECT(j, crl_read(j, lab.issuer.ca, file_of(&lab, 3), &l[3]), 0);
	assert_int_equal(l[3].count, 2);

	/* PK-154: never fewer; PK-155: never by another URL */
	lab.conf.issuer.crl_shards = 3;
	assert_int_equal(issuer_list_start(&lab.issuer, j), -1);
	assert_non_null(strstr(j->err.text, "PK-154"));
	job_recover(j);
	lab.conf.issuer.crl_shards = 4;
	lab.conf.issuer.crl_url = "http://other.example.com/issuing.crl";
	assert_int_equal(issuer_list_start(&lab.issuer, j), -1);
	assert_non_null(strstr(j->err.text, "PK-155"));
	job_recover(j);
	/* openssl's own reader: critical, user certificates only */
	const struct span der = file_of(&lab, 2);
	const unsigned char *p = (const unsigned char *)der.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.n);
	int critical;
	ISSUING_DIST_POINT *idp = X509_CRL_get_ext_d2i(
	    crl, NID_issuing_distribution_point, &critical, NULL);
	assert_int_equal(critical, 1);
	assert_true(idp->onlyuser > 0 && idp->onlyCA <= 0 &&
		    idp->onlyattr <= 0 && idp->indirectCRL <= 0 &&
		    idp->onlysomereasons == NULL);
	ISSUING_DIST_POINT_free(idp);
	X509_CRL_free(crl);
}

static bool
is_listed(struct lab *lab, int64_t shard, const char *serial)
{
	struct job *j = lab->j;
	struct crl_input l;

	EXPECT(j, crl_read(j, lab->issuer.ca, file_of(lab, shard), &l), 0);
	return crl_find(&l, lab_hex(j, serial)) != NULL;
}

static int64_t
count_strays(struct job *j)
{
	return fixture_count(j,
	    "SELECT COUNT(*) FROM audit WHERE event = 'revocation rows' "
	    "AND result = 'not ours'");
}

static int64_t
count_spoiled(struct job *j)
{
	return fixture_count(j,
	    "SELECT COUNT(*) FROM audit WHERE event = 'revocation rows' "
	    "AND result = 'spoiled'");
}

static void
spoil(struct job *j, const char *id, const char *serial)
{
	fixture_sql(j,
	    arena_printf(j->arena,
		"UPDATE cert SET serial = '%s' WHERE id = '%s'", serial, id));
}

/* L-62, L-65: a row that says another list than its certificate, or another
 * number.  It is told, keeps nothing else from being published, and can be put
 * right. */
static void
test_strays(struct job *j)
{
	struct lab lab;
	const char *log;

	lab_init(&lab, j);
	lab.conf.issuer.crl_shards = 2;
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	for (int i = 0; i < 3; i++)
		make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	publish_all(&lab);
	assert_int_equal(count_strays(j), 0);

	at(&lab, FIXTURE_NOW + HOUR);
	fixture_sql(j, "UPDATE cert SET shard = 1 WHERE id = 'cert1'");
	fixture_sql(j, "UPDATE cert SET serial = '0155' WHERE id = 'cert2'");
	revoke_one(&lab, "cert1", 1);
	revoke_one(&lab, "cert2", 1);
	revoke_one(&lab, "cert3", 1);
	unit_log_begin();
	publish_all(&lab);
	log = unit_log_end();
	assert_non_null(strstr(log, "serial=0101 shard=1 error=\"its "
				    "certificate names another list"));
	assert_non_null(strstr(log, "cert=cert2 shard=0 serial=\"0155\" "
				    "listed_as=0102"));
	assert_null(strstr(log, "serial=0103 shard"));
	assert_int_equal(count_strays(j), 1);
	assert_int_equal(count_spoiled(j), 1);
	assert_true(is_listed(&lab, 0, "0102"));
	assert_false(is_listed(&lab, 0, "0155"));
	assert_true(is_listed(&lab, 0, "0103"));
	assert_false(is_listed(&lab, 0, "0101"));

	/* The next list has it for the second time. */
	at(&lab, FIXTURE_NOW + 25 * HOUR);
	unit_log_begin();
	publish_all(&lab);
	log = unit_log_end();
	assert_null(strstr(log, "not ours"));
	assert_non_null(strstr(log, "cert=cert2 shard=0"));
	assert_int_equal(count_strays(j), 1);
	assert_true(is_listed(&lab, 0, "0102"));

	/* L-66 does not hold it on a list that is not its own. */
	at(&lab, FIXTURE_NOW + 26 * HOUR);
	fixture_sql(j, "UPDATE cert SET shard = 0, list_due_at = 1 "
		       "WHERE id = 'cert1'");
	publish_all(&lab);
	assert_true(is_listed(&lab, 0, "0101"));
	at(&lab, FIXTURE_NOW + 51 * HOUR);
	publish_all(&lab);
	assert_false(is_listed(&lab, 1, "0101"));
	assert_int_equal(count_strays(j), 1);

	/* Put right, it is as any other. */
	spoil(j, "cert2", "0102");
	at(&lab, FIXTURE_NOW + 76 * HOUR);
	unit_log_begin();
	publish_all(&lab);
	assert_null(strstr(unit_log_end(), "cert2"));
	assert_true(is_listed(&lab, 0, "0102"));
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
					  "WHERE list_due_at > 0"),
	    0);
}

/* L-65: a row whose number can be no certificate's: what it holds, under the
 * issuer's seal, says which one was meant.  The list is made, with that. */
static void
test_spoiled(struct job *j)
{
	static const char *const numbers[] = { "no number", "0", "", "8102",
		"010201020102010201020102010201020102010201", "01aB" };
	struct lab lab;
	const char *log;

	lab_init(&lab, j);
	make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	make_cert(&lab, FIXTURE_NOW + 30 * DAY);
	revoke_one(&lab, "cert1", 1);
	revoke_one(&lab, "cert2", 1);
	for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
		at(&lab, FIXTURE_NOW + (int64_t)k * HOUR);
		spoil(j, "cert2", numbers[k]);
		fixture_sql(j, "UPDATE cert SET list_due_at = 1");
		unit_log_begin();
		assert_int_equal(publish_all(&lab), 1);
		log = unit_log_end();
		assert_non_null(strstr(log, "revocation row spoiled"));
		assert_non_null(strstr(log, "cert=cert2 shard=0 serial="));
		assert_non_null(strstr(log, "listed_as=0102"));
		assert_true(is_listed(&lab, 0, "0101"));
		assert_true(is_listed(&lab, 0, "0102"));
		assert_int_equal(count_spoiled(j), k + 1);
		assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
						  "WHERE list_due_at > 0"),
		    0);
	}
	/* PK-160, L-66: it leaves when its certificate has ended. */
	at(&lab, FIXTURE_NOW + 30 * DAY + HOUR);
	assert_int_equal(publish_all(&lab), 1);
	assert_true(is_listed(&lab, 0, "0102"));
	at(&lab, FIXTURE_NOW + 32 * DAY);
	assert_int_equal(publish_all(&lab), 1);
	assert_false(is_listed(&lab, 0, "0102"));
	assert_true(is_listed(&lab, 0, "0101"));
}

/* L-65, L-66: nothing in the row is the issuer's, so no certificate is known
 * that could be listed; the others' revocations get out, and it stays due. */
static void
test_spoiled_whole(struct job *j)
{
	struct lab lab;
	const char *log;

	lab_init(&lab, j);
	for (int i = 0; i < 2; i++)
		make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	fixture_sql(j, "UPDATE cert SET evidence = '{}' WHERE id = 'cert2'");
	spoil(j, "cert2", "no number");
	revoke_one(&lab, "cert1", 1);
	revoke_one(&lab, "cert2", 1);
	unit_log_begin();
	assert_int_equal(publish_all(&lab), 1);
	log = unit_log_end();
	assert_non_null(strstr(log, "cert=cert2 shard=0"));
	assert_non_null(strstr(log, "listed_as=none"));
	assert_true(is_listed(&lab, 0, "0101"));
	assert_false(is_listed(&lab, 0, "0102"));
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM cert "
					  "WHERE list_due_at > 0"),
	    1);
	/* No list after the other for it, but one when it is put right. */
	at(&lab, FIXTURE_NOW + HOUR);
	assert_int_equal(publish_all(&lab), 0);
	spoil(j, "cert2", "0102");
	fixture_sql(j,
	    "UPDATE cert SET list_due_at = 1, evidence = (SELECT evidence FROM "
	    "cert c WHERE c.id = 'cert1') WHERE id = 'cert2'");
	assert_int_equal(publish_all(&lab), 1);
	assert_true(is_listed(&lab, 0, "0102"));
}

/* PK-151: a number that is one, of another length than those beside it, of
 * which nobody knows better. */
static void
test_short_number(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j);
	for (int i = 0; i < 3; i++)
		make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	spoil(j, "cert2", "0101ff");
	fixture_sql(j, "UPDATE cert SET evidence = '{}' WHERE id = 'cert2'");
	for (int i = 1; i <= 3; i++)
		revoke_one(&lab, arena_printf(j->arena, "cert%d", i), 1);
	assert_int_equal(publish_all(&lab), 1);
	assert_true(is_listed(&lab, 0, "0101"));
	assert_true(is_listed(&lab, 0, "0101ff"));
	assert_true(is_listed(&lab, 0, "0103"));
}

/* PK-155, L-62: with one list the URL may change, and the list is everybody's;
 * one of several would not be that of who names the former URL. */
static void
test_grows_after_move(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	lab.conf.issuer.crl_url = "http://crl.example.com/new.crl";
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	lab.cert_url = lab.conf.issuer.crl_url;
	make_cert(&lab, FIXTURE_NOW + 400 * DAY);
	revoke_one(&lab, "cert1", 1);
	unit_log_begin();
	publish_all(&lab);
	assert_null(strstr(unit_log_end(), "not ours"));
	assert_true(is_listed(&lab, 0, "0101"));

	lab.conf.issuer.crl_shards = 3;
	assert_int_equal(issuer_list_start(&lab.issuer, j), -1);
	assert_non_null(strstr(j->err.text, "(PK-155)"));
	assert_non_null(strstr(j->err.text, "http://crl.example.com/new.crl"));
	job_recover(j);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM crl_shard"), 1);
	/* a longer URL that begins with it is another one */
	fixture_sql(j, "DELETE FROM cert WHERE id = 'cert1'");
	lab.cert_url = "http://crl.example.com/new.crl2";
	make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(issuer_list_start(&lab.issuer, j), -1);
	job_recover(j);

	/* the last second, and the first that is free */
	at(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(issuer_list_start(&lab.issuer, j), -1);
	job_recover(j);
	at(&lab, FIXTURE_NOW + 365 * DAY + 1);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM crl_shard"), 3);
}

/* PK-154: each gets its share, by the number alone. */
static void
test_shard_of(void **state)
{
	struct conf_issuer c = { .crl_shards = 4 };
	unsigned counts[4] = { 0 };
	(void)state;

	for (unsigned i = 0; i < 65536; i++) {
		uint8_t serial[3] = { 1, (uint8_t)(i >> 8), (uint8_t)i };

		counts[status_shard_of(&c, span_mem(serial, 3))]++;
	}
	for (size_t s = 0; s < 4; s++)
		assert_int_equal(counts[s], 16384);
	c.crl_shards = 1;
	assert_int_equal(status_shard_of(&c, SPAN("\1\2\3")), 0);
}

/* PK-163, L-66: no entry is lost by whoever can write rows; what is gone from
 * the database is still in the file. */
static void
test_taken_back(struct job *j)
{
	static const char *const attacks[] = {
		"UPDATE cert SET revoked_at = 0, reason = 0",
		"UPDATE cert SET revoked_at = 0, shard = 1",
		"UPDATE cert SET revoked_at = 0, not_after = 1",
	};
	struct lab lab;
	struct span before;

	lab_init(&lab, j);
	publish_all(&lab);
	at(&lab, FIXTURE_NOW + HOUR);
	revoke_one(&lab, make_cert(&lab, FIXTURE_NOW + 365 * DAY), 1);
	publish_all(&lab);
	before = file_of(&lab, 0);
	fixture_sql(j, "CREATE TABLE kept AS SELECT * FROM cert");
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		unit_case("%s", attacks[i]);
		fixture_sql(j, attacks[i]);
		at(&lab, FIXTURE_NOW + (int64_t)(i + 2) * DAY);
		assert_int_equal(issuer_list_step(&lab.issuer, j), -1);
		assert_non_null(strstr(j->err.text, "L-66"));
		job_recover(j);
		/* with the row of the list, too */
		fixture_sql(j, "DELETE FROM crl WHERE der IS NOT NULL");
		assert_int_equal(issuer_list_step(&lab.issuer, j), -1);
		assert_non_null(strstr(j->err.text, "L-66"));
		job_recover(j);
		assert_true(span_eq(file_of(&lab, 0), before));
		fixture_sql(j, "DELETE FROM cert");
		fixture_sql(j, "INSERT INTO cert SELECT * FROM kept");
	}
	/* as it was: the number goes on from the file's */
	assert_int_equal(publish_all(&lab), 1);
	assert_string_equal(listed(&lab), "0101:1");
	fixture_sql(j, "DROP TABLE kept");
}

/* PK-141, PK-183: a key that is away, or signs what does not verify: the
 * former list stays, and the alarm does not wait for the signature. */
static void
test_cannot_sign(struct job *j)
{
	struct lab lab;
	struct span before;

	lab_init(&lab, j);
	publish_all(&lab);
	before = file_of(&lab, 0);
	at(&lab, FIXTURE_NOW + HOUR);
	revoke_one(&lab, make_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	for (size_t i = 0; i < 2; i++) {
		struct ca odd = *lab.issuer.ca;
		const struct ca *right = lab.issuer.ca;

		unit_case("%s", i == 0 ? "away" : "another key");
		odd.signer.key = i == 0 ? NULL
					: signing_key_new(j->arena,
					      lab_key(KEY_TYPE_P256, 0));
		lab.issuer.ca = &odd;
		at(&lab, FIXTURE_NOW + HOUR + 601 + (int64_t)i);
		unit_log_begin();
		EXPECT(j, issuer_list_step(&lab.issuer, j), -1);
		assert_true(says(
		    unit_log_end(), "revocation list late", 601 + (int64_t)i));
		job_recover(j);
		lab.issuer.ca = right;
		assert_true(span_eq(file_of(&lab, 0), before));
	}
	assert_int_equal(publish_all(&lab), 1);
	assert_string_equal(listed(&lab), "0101:4");
}

/* PK-163: an older list of this CA under a new number takes nothing back. */
static void
test_old_list_again(struct job *j)
{
	struct lab lab;
	const char *a;

	lab_init(&lab, j);
	publish_all(&lab);
	a = make_cert(&lab, FIXTURE_NOW + 365 * DAY);
	at(&lab, FIXTURE_NOW + HOUR);
	revoke_one(&lab, a, 1);
	publish_all(&lab);
	for (int is_restarted = 0; is_restarted < 2; is_restarted++) {
		fixture_sql(j,
		    "INSERT INTO crl (ca_label, shard, number, this_update, "
		    "next_update, der) SELECT ca_label, 0, "
		    "(SELECT MAX(number) FROM crl) + 7, this_update, "
		    "next_update, der FROM crl WHERE number = 1");
		if (is_restarted)
			lab.issuer.written[0] = 0;
		at(&lab, j->now + 1);
		publish_all(&lab);
		assert_string_equal(listed(&lab), "0101:1");
	}
	/* the same number, other contents: until the next list */
	fixture_sql(j, "UPDATE crl SET der = (SELECT der FROM crl WHERE "
		       "number = 1) WHERE number > 1 AND der IS NOT NULL");
	lab.issuer.written[0] = 0;
	at(&lab, j->now + 1);
	publish_all(&lab);
	assert_string_equal(listed(&lab), "0101:1");
}

/* A list in the database that this CA did not sign is never written out. */
static void
test_foreign_list(struct job *j)
{
	struct lab lab;
	struct span before;

	lab_init(&lab, j);
	publish_all(&lab);
	before = file_of(&lab, 0);
	at(&lab, FIXTURE_NOW + HOUR);
	fixture_sql(j, "INSERT INTO crl (ca_label, shard, number, this_update, "
		       "next_update, der) SELECT ca_label, 0, number + 5, 1, "
		       "next_update, der FROM crl");
	fixture_sql(j, "UPDATE crl SET der = substr(der, 1, 40) "
		       "WHERE number > 5");
	assert_int_equal(issuer_list_step(&lab.issuer, j), -1);
	job_recover(j);
	assert_true(span_eq(file_of(&lab, 0), before));
	/* and one that says that it is over keeps no other from coming out */
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE crl SET this_update = %" PRId64 ", next_update = 2 "
		   "WHERE number > 5",
		   j->now + DAY));
	assert_int_equal(publish_all(&lab), 1);
	assert_int_equal(numbers(j, "MAX"), 8);
	assert_false(span_eq(file_of(&lab, 0), before));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_shard_of),
	STORE_TEST(test_very_many),
	STORE_TEST(test_not_imported),
	STORE_TEST(test_imported),
	STORE_TEST(test_imported_old),
	STORE_TEST(test_emptied),
	STORE_TEST(test_shards),
	STORE_TEST(test_strays),
	STORE_TEST(test_spoiled),
	STORE_TEST(test_spoiled_whole),
	STORE_TEST(test_short_number),
	STORE_TEST(test_grows_after_move),
	STORE_TEST(test_taken_back),
	STORE_TEST(test_old_list_again),
	STORE_TEST(test_foreign_list),
	cmocka_unit_test(test_pauses),
	STORE_TEST(test_times),
	STORE_TEST(test_ceiling),
	cmocka_unit_test(test_ceilings),
	STORE_TEST(test_reason_changes),
	STORE_TEST(test_file),
	STORE_TEST(test_late),
	STORE_TEST(test_incident_deadline),
	STORE_TEST(test_watched),
	STORE_TEST(test_grows_old),
	STORE_TEST(test_cannot_sign),
	cmocka_unit_test(test_sizes),
	STORE_TEST(test_other_issuer),
	STORE_TEST(test_overtaken),
	STORE_TEST(test_expired_entry),
	STORE_TEST(test_clock_ahead),
	STORE_TEST(test_improper_reason),
	STORE_TEST(test_sweep),
};
UNIT_MAIN(tests)
