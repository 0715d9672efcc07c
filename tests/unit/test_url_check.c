/*
 * countersign ca check-urls (PK-133) against what the issuer makes and the web
 * role answers, and against what a wrong installation would answer; and the
 * list of the CA above, whose end is told in time (PK-212).
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>
#include <unistd.h>

#include "db/store_cert.h"
#include "db/store_url.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "pki/ca.h"
#include "pki/certview.h"
#include "pki/ocsp_answer.h"
#include "src/answers.h"
#include "src/ca_check.h"
#include "src/role_issuer.h"
#include "src/root_list.h"
#include "src/status_answer.h"
#include "src/url_check.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define HOUR ((int64_t)3600)
#define DAY (24 * HOUR)
#define NUMBER "010203"
#define CRL "application/pkix-crl"
#define CERT "application/pkix-cert"
#define OCSP "application/ocsp-response"

/* What answers in place of the service. */
struct instead {
	enum ca_url_kind kind;
	enum https_method method;
	int status;       /* 0: as the service has it */
	const char *type; /* NULL: the same */
	struct span body; /* p NULL: the same */
	const char *said; /* of the problem */
};

struct lab {
	struct job *j;
	struct conf conf;
	struct issuer issuer;
	struct url_subject subject;
	struct ca_url *urls;
	size_t count;
	const struct instead *instead;
	size_t requests;
};

static const char *
path_of(struct job *j, const char *name)
{
	return arena_printf(j->arena, "%s/%s", lab_ca_folder("p384"), name);
}

static const struct ca_url *
url_of(const struct lab *lab, enum ca_url_kind kind)
{
	for (size_t i = 0; i < lab->count; i++)
		if (lab->urls[i].kind == kind)
			return &lab->urls[i];
	fail_msg("no URL of kind %d", kind);
	return NULL;
}

/* The service itself, without the sockets between. */
static int
send_it(void *ctx, struct job *j, const struct https_request *request,
    struct https_response *out)
{
	struct lab *lab = ctx;
	const struct instead *x = lab->instead;
	struct status_query q = {
		.method = request->method == HTTPS_POST ? "POST" : "GET",
		.target = status_url_path(request->url),
		.body = request->body
	};
	struct status_service *service;
	struct status_result r;

	lab->requests++;
	EXPECT(j, status_service_new(j, j->arena, &lab->conf, &service), 0);
	status_answer(j, service, &q, &r);
	if (r.fd >= 0) {
		assert_int_equal(lseek(r.fd, 0, SEEK_SET), 0);
		EXPECT(j,
		    fd_read_all(j, r.fd, "list", request->answer_max, &r.body),
		    0);
		close(r.fd);
	}
	*out = (struct https_response){ .status = r.status,
		.body = r.body,
		.content_type = status_lab_header(&r, "Content-Type") };
	if (x == NULL || request->method != x->method ||
	    !span_starts(
		span_str(request->url), span_str(url_of(lab, x->kind)->url)))
		return 0;
	if (x->status != 0)
		out->status = x->status;
	if (x->type != NULL)
		out->content_type = x->type;
	if (x->body.p != NULL)
		out->body = x->body;
	return 0;
}

static void
lab_init(struct lab *lab, struct job *j)
{
	*lab = (struct lab){ .j = j };
	lab->issuer.ca = lab_ca("p384");
	lab->issuer.seal = status_lab_seal_key(j);
	lab->issuer.answers = answers_new(j->arena);
	lab->conf.issuer = status_lab_conf(j, "p384");
	lab->conf.issuer.root_crl = path_of(j, "root.crl");
	j->conf = &lab->conf;
	status_lab_at(lab->j, FIXTURE_NOW);
	EXPECT(j,
	    url_subject_load(j, j->arena, &lab->conf.issuer, &lab->subject), 0);
	lab->subject.send = send_it;
	lab->subject.ctx = lab;
	ca_urls_list(j->arena, &lab->conf.issuer, &lab->subject.above,
	    &lab->urls, &lab->count);
	status_lab_run(lab->j, &lab->issuer);
}

static void
lab_end(struct lab *lab)
{
	answers_free(lab->issuer.answers);
}

static const char *
make_cert(struct lab *lab)
{
	struct job *j = lab->j;
	struct cert c = status_lab_reserve(
	    j, &(struct status_lab_cert){ .ca = lab->issuer.ca,
		   .seal = lab->issuer.seal,
		   .id = "cert1",
		   .serial = NUMBER,
		   .not_before = FIXTURE_NOW - DAY,
		   .not_after = FIXTURE_NOW + 100 * DAY });

	EXPECT(j, status_is_ready(&lab->issuer, j, &c), 1);
	COMMITTED(j, store_cert_record(j, c.id, SPAN("der"), SPAN("hash")));
	return c.id;
}

static void
expect_good(struct lab *lab, enum ca_url_kind kind, const char *found)
{
	const char *said = "";

	EXPECT(lab->j,
	    url_check(lab->j, &lab->subject, url_of(lab, kind), &said), 0);
	if (strstr(said, found) == NULL)
		fail_msg("%s, not %s", said, found);
}

static void
expect_wrong(struct lab *lab, enum ca_url_kind kind, const char *why)
{
	const char *said = "";

	EXPECT(lab->j,
	    url_check(lab->j, &lab->subject, url_of(lab, kind), &said), -1);
	if (strstr(lab->j->err.text, why) == NULL)
		fail_msg("%s, not %s", lab->j->err.text, why);
	job_recover(lab->j);
}

/* PK-133: each URL, before there is a certificate and after; all of them are
 * this installation's, those of the CA above too. */
static void
test_answered(struct job *j)
{
	struct lab lab;
	const char *id;

	lab_init(&lab, j);
	assert_int_equal(lab.count, 5);
	expect_good(&lab, CA_URL_LIST, "number 2, good until 2027-01-22T");
	expect_good(&lab, CA_URL_CERTIFICATE, "issuing CA");
	expect_good(&lab, CA_URL_OCSP, "no certificate yet");
	expect_good(&lab, CA_URL_ABOVE_LIST, "good until 2027-11-18T");
	expect_good(&lab, CA_URL_ABOVE_CERTIFICATE, "CA above");
	assert_int_equal(lab.requests, 6);
	id = make_cert(&lab);
	expect_good(&lab, CA_URL_OCSP, "about certificate " NUMBER);
	status_lab_revoke(j, id, 4);
	/* the answer follows within a minute, and is good until then */
	expect_good(&lab, CA_URL_OCSP, "about certificate");
	status_lab_at(lab.j, FIXTURE_NOW + HOUR);
	status_lab_run(lab.j, &lab.issuer);
	expect_good(&lab, CA_URL_OCSP, "about certificate");
	expect_good(&lab, CA_URL_LIST, "number 3");
	lab_end(&lab);
}

/* PK-133: whatever else answers there. */
static void
test_refused(struct job *j)
{
	struct span issuing = { NULL, 0 }, list = { NULL, 0 };
	struct lab lab;

	lab_init(&lab, j);
	EXPECT(j, file_read(j, lab.conf.issuer.crl_file, 1 << 20, &list), 0);
	issuing = lab.subject.above.ca;
	const struct instead table[] = {
		{ CA_URL_LIST, HTTPS_GET, 404, NULL, { NULL, 0 }, "404" },
		{ CA_URL_LIST, HTTPS_GET, 302, NULL, { NULL, 0 }, "302" },
		{ CA_URL_LIST, HTTPS_GET, 0, "text/html", { NULL, 0 },
		    "Content-Type" },
		{ CA_URL_LIST, HTTPS_GET, 0, NULL, SPAN("<html>"), "L-60" },
		{ CA_URL_LIST, HTTPS_GET, 0, NULL,
		    span_cut(list, 0, list.n - 1), "L-60" },
		{ CA_URL_CERTIFICATE, HTTPS_GET, 0, NULL,
		    lab.subject.above.issuer, "ca_certificate" },
		{ CA_URL_CERTIFICATE, HTTPS_GET, 0, NULL, SPAN(""),
		    "not the certificate" },
		{ CA_URL_ABOVE_CERTIFICATE, HTTPS_GET, 0, NULL, issuing,
		    "ca_chain" },
		{ CA_URL_ABOVE_LIST, HTTPS_GET, 0, NULL, list, "another CA" },
		{ CA_URL_ABOVE_LIST, HTTPS_GET, 0, NULL, SPAN("\x30"),
		    "not a revocation list" },
		{ CA_URL_OCSP, HTTPS_GET, 0, NULL,
		    ocsp_error_response(OCSP_TRY_LATER), "GET: a number" },
		{ CA_URL_OCSP, HTTPS_POST, 0, NULL,
		    ocsp_error_response(OCSP_MALFORMED), "POST: a number" },
		{ CA_URL_OCSP, HTTPS_POST, 405, NULL, { NULL, 0 },
		    "POST: HTTP status 405" },
		{ CA_URL_OCSP, HTTPS_GET, 0, NULL, SPAN("\x30\x00"),
		    "not an OCSP response" },
	};
	for (size_t i = 0; i < COUNT(table); i++) {
		lab.instead = &table[i];
		expect_wrong(&lab, table[i].kind, table[i].said);
	}
	lab.instead = NULL;
	lab_end(&lab);
}

/* The signature of an answer or a list is looked at: one octet flips in it. */
static void
test_forged(struct job *j)
{
	const struct https_request ask = { .method = HTTPS_GET,
		.url = "http://crl.example.com/root.crl",
		.answer_max = 1 << 20 };
	struct instead x = { CA_URL_ABOVE_LIST, HTTPS_GET, 0, NULL, { NULL, 0 },
		NULL };
	struct https_response r;
	struct lab lab;
	char *copy;

	lab_init(&lab, j);
	EXPECT(j, send_it(&lab, j, &ask, &r), 0);
	copy = arena_memdup(j->arena, r.body.p, r.body.n);
	copy[r.body.n - 1] ^= 1;
	x.body = span_mem(copy, r.body.n);
	lab.instead = &x;
	expect_wrong(&lab, CA_URL_ABOVE_LIST, "signature");
	EXPECT(j, file_read(j, lab.conf.issuer.crl_file, 1 << 20, &x.body), 0);
	copy = arena_memdup(j->arena, x.body.p, x.body.n);
	copy[x.body.n - 1] ^= 1;
	x.body.p = copy;
	x.kind = CA_URL_LIST;
	expect_wrong(&lab, CA_URL_LIST, "does not verify");
	lab_end(&lab);
}

/* Good octets that came too late, or of another database. */
static void
test_not_fresh(struct job *j)
{
	struct instead x = { CA_URL_LIST, HTTPS_GET, 0, NULL, { NULL, 0 },
		NULL };
	const char *id;
	struct lab lab;

	lab_init(&lab, j);
	id = make_cert(&lab);
	EXPECT(j, file_read(j, lab.conf.issuer.crl_file, 1 << 20, &x.body), 0);
	status_lab_at(lab.j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, id, 4);
	status_lab_run(lab.j, &lab.issuer);
	lab.instead = &x;
	/* a cache may keep it for an hour */
	expect_good(&lab, CA_URL_LIST, "number 2");
	status_lab_at(lab.j, FIXTURE_NOW + 3 * HOUR);
	expect_wrong(&lab, CA_URL_LIST, "is an old one; the newest is 3");
	status_lab_at(lab.j, FIXTURE_NOW + 8 * DAY);
	expect_wrong(&lab, CA_URL_LIST, "has run out");
	/* answers of before, while nobody makes new ones */
	expect_wrong(&lab, CA_URL_OCSP, "response status 3");
	status_lab_at(lab.j, FIXTURE_NOW - 2 * HOUR);
	expect_wrong(&lab, CA_URL_LIST, "in the future");
	status_lab_at(lab.j, FIXTURE_NOW + HOUR);
	lab.instead = NULL;
	/* PK-169: the answer says something else than the row */
	fixture_sql(j, "UPDATE cert SET revoked_at = 0");
	expect_wrong(&lab, CA_URL_OCSP, "database says otherwise");
	fixture_sql(j, "DELETE FROM crl");
	expect_wrong(&lab, CA_URL_LIST, "another installation");
	lab_end(&lab);
}

/* PK-133: what must have been answered in public mode, and what is advice. */
static void
test_needed(struct job *j)
{
	struct lab lab;
	struct urls needed;
	const char *url;

	lab_init(&lab, j);
	EXPECT(j, ca_urls_needed(j, j->arena, &lab.conf, &needed), 0);
	assert_int_equal(needed.n, 0);
	EXPECT(j, urls_missing(j, &needed, &url), 0);
	lab.conf.mode = CONF_MODE_PUBLIC;
	EXPECT(j, ca_urls_needed(j, j->arena, &lab.conf, &needed), 0);
	assert_int_equal(needed.n, 5);
	for (size_t i = 0; i < needed.n; i++) {
		EXPECT(j, urls_missing(j, &needed, &url), 1);
		assert_string_equal(url, lab.urls[i].url);
		COMMITTED(
		    j, store_url_pass(j, ca_key_label(lab.issuer.ca), url));
	}
	EXPECT(j, urls_missing(j, &needed, &url), 0);
	/* another one than was answered */
	lab.conf.issuer.crl_url = "http://crl.example.com/new.crl";
	EXPECT(j, ca_urls_needed(j, j->arena, &lab.conf, &needed), 0);
	EXPECT(j, urls_missing(j, &needed, &url), 1);
	assert_string_equal(url, lab.conf.issuer.crl_url);
	/* PK-220: the other CA's URLs are its own */
	lab.conf.external.kind = CONF_EXTERNAL_HOOK;
	EXPECT(j, ca_urls_needed(j, j->arena, &lab.conf, &needed), 0);
	assert_int_equal(needed.n, 0);
	lab_end(&lab);
}

/* --- countersign check ---------------------------------------------------- */

struct told {
	struct job *j;
	const char *text;
};

static void
tell(void *ctx, enum remark level, const char *what, const char *text)
{
	static const char *const words[] = { "ok", "warn", "WRONG" };
	struct told *t = ctx;

	t->text = arena_printf(
	    t->j->arena, "%s%s %s: %s\n", t->text, words[level], what, text);
}

static const char *
check(struct lab *lab)
{
	struct told t = { lab->j, "" };

	ca_check(lab->j, tell, &t);
	return t.text;
}

static void
test_check(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j);
	assert_non_null(strstr(check(&lab),
	    "warn URLs in certificates: " LAB_CRL_URL " was never seen"));
	lab.conf.mode = CONF_MODE_PUBLIC;
	assert_non_null(strstr(check(&lab), "WRONG URLs in certificates"));
	for (size_t i = 0; i < lab.count; i++)
		COMMITTED(j, store_url_pass(j, ca_key_label(lab.issuer.ca),
				 lab.urls[i].url));
	assert_non_null(strstr(check(&lab), "ok URLs in certificates"));
	lab_end(&lab);
}

/* --- the list of the CA above --------------------------------------------- */

static const char *
log_of_day(struct lab *lab, int64_t now)
{
	status_lab_at(lab->j, now);
	unit_log_begin();
	EXPECT(lab->j, root_list_step(&lab->issuer, lab->j), 0);
	return unit_log_end();
}

/* PK-212, PK-156: every day from 60 days before the end, until the new list is
 * there. */
static void
test_reminder(struct job *j)
{
	const char *problem;
	struct span old = { NULL, 0 };
	struct lab lab;
	int64_t end;

	lab_init(&lab, j);
	lab.conf.issuer.root_crl = path_of(j, "watched.crl");
	EXPECT(j, file_read(j, path_of(j, "root.crl"), 1 << 20, &old), 0);
	EXPECT(j, file_write(j, lab.conf.issuer.root_crl, 0644, old), 0);
	EXPECT(j, root_list_look(j, &problem, &end), 0);
	assert_null(problem);
	assert_non_null(strstr(check(&lab), "ok list of the CA above"));
	lab.issuer.root_list_at = 0;
	assert_string_equal(log_of_day(&lab, end - 60 * DAY - 1), "");
	assert_non_null(strstr(log_of_day(&lab, end - 59 * DAY), "in 59 days"));
	assert_string_equal(log_of_day(&lab, end - 59 * DAY + HOUR), "");
	assert_non_null(strstr(log_of_day(&lab, end - 58 * DAY), "in 58 days"));
	assert_non_null(strstr(check(&lab), "WRONG list of the CA above"));
	assert_non_null(strstr(log_of_day(&lab, end + 1), "has run out"));
	/* the list of another CA does not end it, nor what is no list */
	EXPECT(j, file_read(j, lab.conf.issuer.crl_file, 1 << 20, &old), 0);
	EXPECT(j, file_write(j, lab.conf.issuer.root_crl, 0644, old), 0);
	assert_non_null(strstr(log_of_day(&lab, end + 2 * DAY), "another CA"));
	unlink(lab.conf.issuer.root_crl);
	assert_non_null(strstr(log_of_day(&lab, end + 4 * DAY), "watched.crl"));
	/* as good as new */
	EXPECT(j, file_read(j, path_of(j, "root.crl"), 1 << 20, &old), 0);
	EXPECT(j, file_write(j, lab.conf.issuer.root_crl, 0644, old), 0);
	assert_string_equal(log_of_day(&lab, end - 200 * DAY), "");
	unlink(lab.conf.issuer.root_crl);
	lab.conf.issuer.root_crl = NULL;
	assert_string_equal(log_of_day(&lab, end + 9 * DAY), "");
	assert_non_null(strstr(check(&lab), "warn list of the CA above"));
	lab_end(&lab);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_answered),
	STORE_TEST(test_refused),
	STORE_TEST_SQLITE(test_forged),
	STORE_TEST(test_not_fresh),
	STORE_TEST(test_needed),
	STORE_TEST_SQLITE(test_check),
	STORE_TEST_SQLITE(test_reminder),
};

UNIT_MAIN(tests)
