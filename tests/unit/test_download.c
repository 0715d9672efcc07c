/*
 * Downloads of certificates and their chains (AC-143 to AC-151) over a real
 * store.
 */
#include "config.h"

#include "tests/unit/acme_front.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/certid.h"
#include "acme/download.h"
#include "db/store_cert.h"
#include "db/store_incident.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "tests/unit/acme_certs.h"
#include "tests/unit/order_lab.h"
#include "tests/unit/vectors.h"

#define HOUR 3600

/* A certificate's DER from its PEM, the `n`-th of the text. */
static struct span
der_of(struct job *j, const char *pem, int n)
{
	const char *begin = "-----BEGIN CERTIFICATE-----\n";
	struct span der;
	const char *p = pem - 1;

	for (int i = 0; i <= n; i++) {
		p = strstr(p + 1, begin);
		assert_non_null(p);
	}
	p += strlen(begin);
	assert_int_equal(
	    b64_parse_fws(
		j->arena, span_mem(p, (size_t)(strstr(p, "-----") - p)), &der),
	    0);
	return der;
}

/* The order's certificate, as the issuer commits it. */
static const char *
issue(struct job *j, const char *order_url, struct span der)
{
	static const uint8_t sum[32] = { 1 };
	struct cert c = fixture_cert(
	    j, order_url + strlen(FRONT_BASE "/acme/order/"), FRONT_ACCOUNT_ID);
	bool taken;

	c.id = "q7Vh2Lr9Tz0bNc4mKd8e1w";
	COMMITTED(j, store_cert_reserve(j, &c, &taken));
	COMMITTED(
	    j, store_cert_record(j, c.id, der, span_mem(sum, sizeof(sum))));
	return c.id;
}

static struct answer
download_der(struct job *j, const char *url)
{
	static const struct request req = {
		.content_type = SPAN_INIT("application/jose+json"),
		.accept = SPAN_INIT("application/pkix-cert"),
	};
	const char *header = arena_printf(j->arena,
	    "{\"alg\":\"ES256\",\"kid\":\"%s\",\"nonce\":\"%s\",\"url\":\"%"
	    "s\"}",
	    FRONT_KID, front_nonce(j), url);

	return front_send(j, METHOD_POST, front_path(url),
	    client_jws(j, client_key("acct-es256-A"), header, ""), &req);
}

/* AC-96, AC-97, AC-145 to AC-149, AC-175 */
static void
test_download(struct job *j)
{
	const char *pem =
	    vectors_str(vectors_at("revocation"), "chain_download_body");
	struct acme_chain chain = {
		.ca_label = "aabb",
		.issuer_url = "http://ca.example/issuing.cer",
	};
	const char *order, *url, *kid;
	struct span leaf = der_of(j, pem, 0);
	struct answer a;

	front_open(j);
	order = order_lab_ready(j);
	order_lab_finalize(j, order, order_lab_csr("good"));
	issue(j, order, leaf);
	a = front_post(j, front_path(order), "");
	assert_string_equal(front_str(&a, "status"), "valid");
	assert_string_equal(front_str(&a, "expires"), "2028-01-15T08:00:00Z");
	url = front_str(&a, "certificate");
	a = order_lab_finalize(j, order, order_lab_csr("good"));
	front_expect(&a, 403, "orderNotReady", "the order is valid");

	/* Without its chain nothing is served. */
	a = front_post(j, front_path(url), "");
	front_expect(&a, 500, "serverInternal", NULL);
	chain.pem = span_str(strstr(pem + 1, "-----BEGIN"));
	acme_set_chain(front_acme(), &chain);
	a = front_post(j, front_path(url), "");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(a.body.p, pem);
	assert_string_equal(front_header(&a, "Content-Type", 0),
	    "application/pem-certificate-chain");

	a = download_der(j, url);
	front_expect(&a, 200, "", NULL);
	assert_true(span_eq(a.body, leaf));
	assert_string_equal(
	    front_header(&a, "Content-Type", 0), "application/pkix-cert");
	assert_string_equal(front_header(&a, "Link", 0),
	    "<http://ca.example/issuing.cer>;rel=\"up\"");

	a = front_post(j, front_path(url), "{}");
	front_expect(&a, 400, "malformed", "this resource can only be read");
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	kid = front_header(&a, "Location", 0);
	a = front_post_as(j, "acct-es256-B", kid, front_path(url), "");
	front_expect(&a, 404, "malformed", "no such certificate");
	front_close();
}

/* The URLs of the Link fields with rel="alternate", one after the other. */
static const char *
alternates(struct job *j, const struct answer *a)
{
	static const char end[] = ">;rel=\"alternate\"";
	const char *link, *p;
	struct buf b;

	buf_init(&b, j->arena, 4096);
	for (size_t i = 0; (link = front_header(a, "Link", i)) != NULL; i++) {
		p = strstr(link, end);
		if (p != NULL)
			buf_addf(&b, "%.*s ", (int)(p - strrchr(link, '/')) - 1,
			    strrchr(link, '/') + 1);
	}
	return b.p;
}

/* AC-16, AC-147, AC-150: a certificate keeps its chain and its issuer when
 * another CA has taken over, and stays readable after its end, when that CA is
 * not configured any more. */
static void
test_former_chain(struct job *j)
{
	const char *pem =
	    vectors_str(vectors_at("revocation"), "chain_download_body");
	const char *rest = strstr(pem + 1, "-----BEGIN");
	static const struct span others[] = { SPAN_INIT("alternate\n") };
	const struct acme_former formers[] = {
		{ SPAN_INIT("wrong\n"), "ccdd", "http://ca.example/wrong.cer" },
		{ span_str(rest), "aabb", "http://ca.example/old.cer" },
	};
	struct acme_chain chain = { .pem = SPAN_INIT("new\n"),
		.ca_label = "eeff",
		.issuer_url = "http://ca.example/new.cer",
		.alternates = others,
		.alternate_count = 1,
		.formers = formers,
		.former_count = 2 };
	const char *order, *url;
	struct span leaf = der_of(j, pem, 0);
	struct answer a;

	front_open(j);
	order = order_lab_ready(j);
	order_lab_finalize(j, order, order_lab_csr("good"));
	issue(j, order, leaf);
	a = front_post(j, front_path(order), "");
	url = front_str(&a, "certificate");
	acme_set_chain(front_acme(), &chain);
	a = front_post(j, front_path(url), "");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(a.body.p, pem);
	assert_string_equal(alternates(j, &a), "");
	a = download_der(j, url);
	front_expect(&a, 200, "", NULL);
	assert_true(span_eq(a.body, leaf));
	assert_string_equal(front_header(&a, "Link", 0),
	    "<http://ca.example/old.cer>;rel=\"up\"");

	/* A mistake of the operator's, while somebody may need the chain. */
	chain.former_count = 1;
	acme_set_chain(front_acme(), &chain);
	a = front_post(j, front_path(url), "");
	front_expect(&a, 500, "serverInternal", NULL);
	a = download_der(j, url);
	front_expect(&a, 200, "", NULL);
	assert_null(strstr(front_header(&a, "Link", 0), "rel=\"up\""));
	front_set_time(j, j->now + (int64_t)2 * 366 * 86400);
	a = front_post(j, front_path(url), "");
	front_expect(&a, 200, "", NULL);
	assert_int_equal(a.body.n, rest - pem);
	assert_memory_equal(a.body.p, pem, a.body.n);
	front_close();
}

/* AC-147 */
static void
test_accept(void **state)
{
	static const struct {
		const char *accept;
		bool der;
	} rows[] = {
		{ "", false },
		{ "*/*", false },
		{ "application/pkix-cert", true },
		{ "Application/PKIX-Cert", true },
		{ "application/pem-certificate-chain", false },
		{ "application/pkix-cert, */*", false },
		{ "application/pkix-cert, */*;q=0.9", true },
		{ "application/pkix-cert;q=0.5, */*;q=0.9", false },
		{ "application/pkix-cert, application/*;q=0.8", true },
		{ "*/*;q=0.9, application/pkix-cert;q=0.6, application/*;q=0.5",
		    true },
		{ "application/*;q=0.9, application/pkix-cert;q=0.6, */*;q=0.5",
		    false },
		{ "application/pkix-cert,application/pem-certificate-chain",
		    false },
		{ "application/pem-certificate-chain;q=0.3 , "
		  "application/pkix-cert ; q=0.31",
		    true },
		{ "application/pem-certificate-chain;q=0,"
		  "application/pkix-cert;q=0.001,*/*",
		    true },
		{ "application/pkix-cert;q=0", false },
		{ "application/pkix-cert;q=1.000", true },
		{ "application/pkix-cert;q=1.001", false },
		{ "application/pkix-cert;q=0.0001", false },
		{ "application/pkix-cert;q=x", false },
		{ "application/pkix-cert;q=", false },
		{ "application/pkix-cert;q=-1", false },
		{ "application/pkix-cert;q=0,5", false },
		{ "application/pkcs7-mime", false },
		{ ",;,;;q=,,", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span all = span_str(rows[i].accept);

		unit_case("%s", rows[i].accept);
		assert_int_equal(accept_prefers_der(all), rows[i].der);
		for (size_t n = 0; n < all.n; n++)
			(void)accept_prefers_der(span_cut(all, 0, n));
	}
}

/* AC-16, AC-148, AC-175: other chains for the same leaf. */
static void
test_alternates(struct job *j)
{
	const char *pem =
	    vectors_str(vectors_at("revocation"), "chain_download_body");
	const char *rest = strstr(pem + 1, "-----BEGIN");
	static const struct span others[] = { SPAN_INIT("first\n"),
		SPAN_INIT("second\n") };
	struct acme_chain chain = {
		.ca_label = "aabb", .alternates = others, .alternate_count = 2
	};
	const char *order, *url, *leaf;
	struct answer a;

	front_open(j);
	chain.pem = span_str(rest);
	acme_set_chain(front_acme(), &chain);
	order = order_lab_ready(j);
	order_lab_finalize(j, order, order_lab_csr("good"));
	issue(j, order, der_of(j, pem, 0));
	a = front_post(j, front_path(order), "");
	url = front_path(front_str(&a, "certificate"));
	leaf = span_dup(j->arena, span_mem(pem, (size_t)(rest - pem)));
	a = front_post(j, url, "");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(a.body.p, pem);
	assert_string_equal(alternates(j, &a), "1 2 ");
	a = front_post(j, arena_printf(j->arena, "%s/1", url), "");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(
	    a.body.p, arena_printf(j->arena, "%sfirst\n", leaf));
	assert_string_equal(alternates(j, &a),
	    arena_printf(j->arena, "%s 2 ", strrchr(url, '/') + 1));
	a = front_post(j, arena_printf(j->arena, "%s/2", url), "");
	assert_string_equal(
	    a.body.p, arena_printf(j->arena, "%ssecond\n", leaf));
	for (int i = 3; i < 100; i += 48) {
		a = front_post(j, arena_printf(j->arena, "%s/%d", url, i), "");
		front_expect(&a, 404, "malformed", "no such certificate");
	}
	a = front_post(j, "/acme/cert/AAAAAAAAAAAAAAAAAAAAAA/1", "");
	front_expect(&a, 404, "malformed", "no such certificate");

	/* Of another CA, there are none. */
	chain.ca_label = "another";
	acme_set_chain(front_acme(), &chain);
	a = front_post(j, arena_printf(j->arena, "%s/1", url), "");
	front_expect(&a, 404, "malformed", "no such certificate");
	front_close();
}

/* PK-194, AC-188: a certificate that an incident takes away is replaced without
 * counting, also when the incident has done its work before the CSR comes; one
 * that stays after all, or that its holder revokes, is not. */
static void
test_replacement_in_incident(struct job *j)
{
	static const struct {
		const char *sql;
		int status;
	} ends[] = {
		{ "UPDATE incident SET deadline = deadline", 200 },
		{ "UPDATE incident SET due_at = NULL, finished_at = 5; "
		  "UPDATE cert SET revoked_at = 4000000000, "
		  "revoked_by = 'incident:i'",
		    200 },
		{ "UPDATE incident SET due_at = NULL, cancelled_at = 5", 429 },
		{ "UPDATE incident SET due_at = NULL, cancelled_at = 5; "
		  "UPDATE cert SET revoked_at = 4000000000, "
		  "revoked_by = 'account:" FRONT_ACCOUNT_ID "'",
		    429 },
	};
	const struct incident incident = { .id = "i",
		.cause = "misissued",
		.selector = "{}",
		.reason = 4,
		.deadline = FIXTURE_NOW + 120 * HOUR,
		.opened_by = "me" };
	const struct incident_selector all = { .account_id = FRONT_ACCOUNT_ID };
	struct test_cert c = { .account_id = FRONT_ACCOUNT_ID,
		.key = "csr-p256",
		.mailbox = "alice@example.com",
		.not_before = FIXTURE_NOW,
		.not_after = FIXTURE_NOW + 8760 * HOUR };
	struct answer a;
	const char *url;
	int64_t count;

	front_conf()->limits.certificates =
	    (struct conf_rates){ { { 1, 1000 * 24 * HOUR } }, 1 };
	front_open(j);
	(void)order_lab_ready(j);
	certs_issue(j, &c);
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE authz SET mailbox = '%s' WHERE order_id = '%s'",
		   c.mailbox, c.order_id));
	COMMITTED(
	    j, store_incident_open(j, &incident, &all, j->now + HOUR, &count));
	assert_int_equal(count, 1);
	fixture_sql(j,
	    "INSERT INTO bucket (name, subject, full_at_ms) VALUES "
	    "('certificates/86400000', 'alice@example.com', 1886400000000)");
	for (size_t i = 0; i < COUNT(ends); i++) {
		unit_case("%s", ends[i].sql);
		fixture_sql(j, "UPDATE cert SET replaced_by = NULL, "
			       "revoked_at = 0, revoked_by = NULL; "
			       "UPDATE incident SET due_at = 1, "
			       "finished_at = 0, cancelled_at = 0");
		a = front_post(j, FRONT_NEW_ORDER,
		    arena_printf(j->arena,
			"{\"identifiers\":[" ALICE "],\"replaces\":\"%s\"}",
			certid_format(j, CERTS_CA, c.serial)));
		front_expect(&a, 201, "", NULL);
		url = front_header(&a, "Location", 0);
		/* AC-170: one order at a time, whoever asks. */
		a = front_post(j, FRONT_NEW_ORDER,
		    arena_printf(j->arena,
			"{\"identifiers\":[" ALICE "],\"replaces\":\"%s\"}",
			certid_format(j, CERTS_CA, c.serial)));
		front_expect(&a, 409, "alreadyReplaced", NULL);
		fixture_sql(j, ends[i].sql);
		a = order_lab_finalize(j, url, order_lab_csr("good"));
		assert_int_equal(a.status, ends[i].status);
		assert_string_equal(order_lab_status(j, url),
		    ends[i].status == 200 ? "processing" : "ready");
	}
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_replacement_in_incident),
	STORE_TEST_SQLITE(test_alternates),
	STORE_TEST(test_download),
	STORE_TEST_SQLITE(test_former_chain),
	cmocka_unit_test(test_accept),
};
UNIT_MAIN(tests)
