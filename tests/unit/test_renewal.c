/* Renewal information (AC-7, AC-17, AC-165 to AC-169, PK-190 to PK-193). */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <string.h>

#include "acme/certid.h"
#include "acme/renewal.h"
#include "db/store_incident.h"
#include "db/store_revoke.h"
#include "lib/count.h"
#include "tests/unit/acme_certs.h"
#include "tests/unit/vectors.h"

#define DAY 86400
#define PREFIX "/acme/renewal-info/"

/* --- the arithmetic ------------------------------------------------------- */

/* AC-168: validity from 0, in seconds. */
static void
test_window(void **state)
{
	static const struct {
		int64_t v, start, end;
	} rows[] = {
		/* a year: centre at 2/3, width 1/50 */
		{ 365 * DAY, 20708639, 21339359 },
		/* ten days: a third; one second less: a half */
		{ 10 * DAY, 567359, 584639 },
		{ 10 * DAY - 1, 423360, 440639 },
		{ DAY, 42335, 44063 },
		/* so short that the width is nothing: still a window */
		{ 50, 24, 25 },
		{ 49, 24, 25 },
		{ 2, 0, 1 },
		{ 1, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct renewal_facts f = { 0, rows[i].v - 1, 0, 0 };
		struct renewal_window w = renewal_window(&f, 0);

		unit_case("%zu", i);
		assert_int_equal(w.start, rows[i].start);
		assert_int_equal(w.end, rows[i].end);
	}
}

/* AC-168, PK-190, PK-191: for each validity that can be configured. */
static void
test_window_of_days(void **state)
{
	(void)state;
	for (int64_t days = 1; days <= 818; days++) {
		struct renewal_facts f = { FIXTURE_NOW,
			FIXTURE_NOW + days * DAY - 1, 0, 0 };
		struct renewal_window w = renewal_window(&f, FIXTURE_NOW);

		unit_case("%d days", (int)days);
		assert_true(w.start < w.end);
		assert_true(w.start > f.not_before);
		assert_true(w.end < f.not_after);
		assert_int_equal(w.end - w.start, days * DAY / 50);
		/* a person may have to answer a mail */
		if (days >= 60)
			assert_true(w.end <= f.not_after - 14 * DAY);
	}
}

/* PK-192: in the past, whenever it was revoked, and by whatever clock. */
static void
test_window_revoked(void **state)
{
	static const int64_t at[] = { -1000000, -1, 0, 1, 1000 };

	(void)state;
	for (size_t i = 0; i < COUNT(at); i++) {
		struct renewal_facts f = { FIXTURE_NOW - 10,
			FIXTURE_NOW + 365 * DAY, FIXTURE_NOW + at[i], 0 };
		struct renewal_window w = renewal_window(&f, FIXTURE_NOW);

		unit_case("%zu", i);
		assert_true(w.start < w.end);
		assert_true(w.end < FIXTURE_NOW);
		assert_true(w.end - w.start <= 3600);
	}
}

/* PK-192: by the time that is left; the rest of the validity does not matter,
 * and a revoked one stays in the past. */
static void
test_window_incident(void **state)
{
	static const struct {
		int64_t left, start, end;
	} rows[] = {
		{ 5 * DAY, 0, 5 * DAY - DAY / 2 },
		{ DAY + 1, 0, DAY + 1 - DAY / 2 },
		{ DAY, -3601, -1 },
		{ 1, -3601, -1 },
		{ -DAY, -3601, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct renewal_facts f = { FIXTURE_NOW - 10,
			FIXTURE_NOW + 365 * DAY, 0,
			FIXTURE_NOW + rows[i].left };
		struct renewal_window w = renewal_window(&f, FIXTURE_NOW);

		unit_case("%zu", i);
		assert_int_equal(w.start - FIXTURE_NOW, rows[i].start);
		assert_int_equal(w.end - FIXTURE_NOW, rows[i].end);
		f.revoked_at = FIXTURE_NOW - 5;
		w = renewal_window(&f, FIXTURE_NOW);
		assert_true(w.start < w.end && w.end < f.revoked_at);
	}
}

/* PK-190, PK-191, PK-220: what another CA suggests, within bounds. */
static void
test_window_of_other(void **state)
{
	static const struct {
		const char *name;
		int64_t days, start, end;   /* theirs, in days */
		int64_t our_start, our_end; /* in days; -1: as without it */
	} rows[] = {
		{ "as it is", 100, 50, 60, 50, 60 },
		{ "at once", 100, 0, 5, 0, 5 },
		{ "in the past, in an incident", 100, -3, 10, 0, 10 },
		{ "up to the end", 100, 80, 100, 66, 86 },
		{ "after the end", 100, 90, 200, 0, 86 },
		{ "up to the end, no time for a person", 50, 45, 50, 44, 49 },
		{ "too narrow", 100, 40, 41, 39, 41 },
		{ "hardly after it began", 100, -10, 1, 0, 2 },
		{ "before the certificate", 100, -10, 0, -1, -1 },
		{ "when it is over", 100, 100, 110, -1, -1 },
		{ "none", 100, 0, 0, -1, -1 },
		{ "backwards", 100, 60, 50, -1, -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct renewal_facts f = { FIXTURE_NOW,
			FIXTURE_NOW + rows[i].days * DAY - 1, 0, 0 };
		const struct renewal_window others = { FIXTURE_NOW +
							   rows[i].start * DAY,
			FIXTURE_NOW + rows[i].end * DAY };
		struct renewal_window own = renewal_window(&f, FIXTURE_NOW);
		struct renewal_window w =
		    renewal_window_of(&f, &others, FIXTURE_NOW);

		unit_case("%s", rows[i].name);
		assert_true(w.start < w.end && w.start >= f.not_before &&
			    w.end <= f.not_after);
		assert_true(w.end - w.start >= own.end - own.start);
		if (rows[i].our_end < 0) {
			assert_int_equal(w.start, own.start);
			assert_int_equal(w.end, own.end);
			continue;
		}
		assert_in_range(w.start + 1,
		    FIXTURE_NOW + rows[i].our_start * DAY,
		    FIXTURE_NOW + rows[i].our_start * DAY + DAY);
		assert_in_range(w.end + 1, FIXTURE_NOW + rows[i].our_end * DAY,
		    FIXTURE_NOW + rows[i].our_end * DAY + DAY);
		/* What happens here counts more. */
		f.revoked_at = FIXTURE_NOW - 5;
		w = renewal_window_of(&f, &others, FIXTURE_NOW);
		assert_true(w.end < f.revoked_at);
	}
}

/* --- the resource --------------------------------------------------------- */

static struct answer
get(struct job *j, const char *certid)
{
	return front_send(j, METHOD_GET,
	    arena_printf(j->arena, PREFIX "%s", certid), SPAN(""), NULL);
}

/* AC-165, AC-167, AC-169 */
static void
test_resource(struct job *j)
{
	const struct json *window;
	struct test_cert c;
	struct answer a, head;
	const char *id;

	front_open(j);
	c = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	id = certid_format(j, CERTS_CA, c.serial);
	a = get(j, id);
	front_expect(&a, 200, "", NULL);
	assert_false(a.changed);
	assert_int_equal(json_count(a.doc), 1);
	window = json_get(a.doc, "suggestedWindow");
	assert_int_equal(json_count(window), 2);
	/* FIXTURE_NOW + the year's row of test_window */
	assert_true(span_eq_str(
	    json_string(json_get(window, "start")), "2027-09-12T00:23:59Z"));
	assert_true(span_eq_str(
	    json_string(json_get(window, "end")), "2027-09-19T07:35:59Z"));
	assert_string_equal(front_header(&a, "Retry-After", 0), "21600");
	assert_string_equal(
	    front_header(&a, "Content-Type", 0), "application/json");
	head = front_send(j, METHOD_HEAD,
	    arena_printf(j->arena, PREFIX "%s", id), SPAN(""), NULL);
	front_expect(&head, 200, "", NULL);
	assert_string_equal(head.body.p, a.body.p);

	/* to its last second */
	front_set_time(j, c.not_after);
	a = get(j, id);
	front_expect(&a, 200, "", NULL);
	front_set_time(j, c.not_after + 1);
	a = get(j, id);
	front_expect(&a, 404, "malformed", "no such certificate");
	front_close();
}

/* AC-168, PK-192: with a page that says why, if there is one. */
static void
test_revoked(struct job *j)
{
	struct revocation r = { 4, "operator", { NULL, 0 } };
	struct test_cert c;
	struct answer a;
	const char *id;

	front_open(j);
	c = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	id = certid_format(j, CERTS_CA, c.serial);
	front_conf()->renewal_explanation_url = "https://ca.example/why";
	a = get(j, id);
	assert_null(json_get(a.doc, "explanationURL"));
	front_set_time(j, FIXTURE_NOW + 100 * DAY);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_revoke_cert(j, c.id, &r), 1);
	EXPECT(j, store_commit(j), 0);
	a = get(j, id);
	front_expect(&a, 200, "", NULL);
	assert_string_equal(
	    front_str(&a, "explanationURL"), "https://ca.example/why");
	assert_true(span_eq_str(
	    json_string(json_get(json_get(a.doc, "suggestedWindow"), "end")),
	    "2027-04-25T07:59:59Z"));
	front_conf()->renewal_explanation_url = NULL;
	a = get(j, id);
	assert_int_equal(json_count(a.doc), 1);
	front_close();
}

static void
open_incident(struct job *j, const char *account_id)
{
	struct incident i = { .id = "incident",
		.cause = "misissued",
		.selector = "{}",
		.reason = 4,
		.known_at = j->now,
		.deadline = j->now + 5 * DAY,
		.opened_by = "me" };
	struct incident_selector s = { .account_id = account_id };
	int64_t count;

	COMMITTED(j, store_incident_open(j, &i, &s, i.deadline, &count));
}

/* PK-192, PK-193: the header says of every certificate that there is one, the
 * window of which. */
static void
test_incident(struct job *j)
{
	const char *id, *other_id;
	struct test_cert c, other;
	struct answer a;

	front_open(j);
	c = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	other = certs_issued(j, FRONT_ACCOUNT_ID, "csr-p256");
	id = certid_format(j, CERTS_CA, c.serial);
	other_id = certid_format(j, CERTS_CA, other.serial);
	front_conf()->renewal_explanation_url = "https://ca.example/why";
	open_incident(j, FRONT_ACCOUNT_ID);
	fixture_sql(
	    j, arena_printf(j->arena,
		   "DELETE FROM incident_cert WHERE cert_id = '%s'", other.id));
	a = get(j, id);
	front_expect(&a, 200, "", NULL);
	assert_string_equal(front_header(&a, "Retry-After", 0), "3600");
	assert_string_equal(
	    front_str(&a, "explanationURL"), "https://ca.example/why");
	assert_true(span_eq_str(
	    json_string(json_get(json_get(a.doc, "suggestedWindow"), "start")),
	    "2027-01-15T08:00:00Z"));
	assert_true(span_eq_str(
	    json_string(json_get(json_get(a.doc, "suggestedWindow"), "end")),
	    "2027-01-19T20:00:00Z"));
	a = get(j, other_id);
	assert_string_equal(front_header(&a, "Retry-After", 0), "3600");
	assert_null(json_get(a.doc, "explanationURL"));
	assert_true(span_eq_str(
	    json_string(json_get(json_get(a.doc, "suggestedWindow"), "end")),
	    "2027-09-19T07:35:59Z"));
	COMMITTED(j, store_incident_finish(j, "incident"));
	a = get(j, id);
	assert_string_equal(front_header(&a, "Retry-After", 0), "21600");
	assert_null(json_get(a.doc, "explanationURL"));
	front_conf()->renewal_explanation_url = NULL;
	front_close();
}

/* AC-166, AC-167: the vectors of ari_certid: none is ours; the bad ones. */
static void
test_vectors(struct job *j)
{
	json_t *v;
	size_t i;
	struct answer a;

	front_open(j);
	json_array_foreach (vectors_at("ari_certid/valid"), i, v) {
		unit_case("%s", vectors_str(v, "name"));
		a = get(j, vectors_str(v, "certid"));
		front_expect(&a, 404, "malformed", "no such certificate");
	}
	json_array_foreach (vectors_at("ari_certid/invalid"), i, v) {
		unit_case("%s", vectors_str(v, "why"));
		a = get(j, vectors_str(v, "certid"));
		front_expect(
		    &a, 400, "malformed", "not a certificate identifier");
	}
	assert_true(i > 0);
	front_close();
}

/* AC-7: nobody signs here. */
static void
test_methods(struct job *j)
{
	static const enum method refused[] = { METHOD_POST, METHOD_OTHER };
	const char *path =
	    PREFIX "whC0OzE6Bm45631FRb5T4D0RRBk.APDh0sO0pZaHeGlaSzwtHg8";
	struct answer a;

	front_open(j);
	for (size_t i = 0; i < COUNT(refused); i++) {
		a = front_send(j, refused[i], path, SPAN(""), NULL);
		front_expect(&a, 405, "malformed", NULL);
		assert_string_equal(
		    front_header(&a, "Allow", 0), "GET, HEAD, OPTIONS");
	}
	a = front_send(j, METHOD_OPTIONS, path, SPAN(""), NULL);
	front_expect(&a, 204, "", NULL);
	assert_string_equal(front_header(&a, "Allow", 0), "GET, HEAD, OPTIONS");
	assert_string_equal(front_header(&a, "Access-Control-Allow-Methods", 0),
	    "GET, HEAD, OPTIONS");
	front_close();
}

/* AC-180: a budget of its own. */
static void
test_rate(struct job *j)
{
	struct answer a;

	front_conf()->limits.renewal_info_rate = 1;
	front_conf()->limits.request_rate = 1000;
	front_conf()->limits.request_burst = 1000;
	front_open(j);
	a = get(j, "AA.AQ");
	front_expect(&a, 404, "malformed", NULL);
	a = get(j, "AA.AQ");
	front_expect(&a, 429, "rateLimited", NULL);
	a = front_send(j, METHOD_GET, "/acme/directory", SPAN(""), NULL);
	front_expect(&a, 200, "", NULL);
	front_close();
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_window),
	cmocka_unit_test(test_window_of_days),
	cmocka_unit_test(test_window_revoked),
	cmocka_unit_test(test_window_incident),
	cmocka_unit_test(test_window_of_other),
	STORE_TEST(test_resource),
	STORE_TEST_SQLITE(test_revoked),
	STORE_TEST(test_incident),
	STORE_TEST_SQLITE(test_vectors),
	STORE_TEST_SQLITE(test_methods),
	STORE_TEST_SQLITE(test_rate),
};
UNIT_MAIN(tests)
