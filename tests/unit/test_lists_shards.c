/*
 * More lists than one for a CA: PK-153 to PK-155, PK-163, L-62, L-66.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "lib/conf.h"
#include "pki/crl.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"
#include "tests/unit/list_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

#define HOUR 3600
#define DAY (24 * HOUR)

/* PK-153 to PK-155, L-62: from one to four; who was in the first stays. */
static void
test_shards(struct job *j)
{
	struct crl_input l[4];
	struct list_lab lab;
	const char *a, *b;

	list_lab_init(&lab, j);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	a = list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	list_lab_publish(&lab);
	EXPECT(j, crl_read(j, lab.issuer.ca, list_lab_file(&lab, 0), &l[0]), 0);
	assert_null(l[0].point);

	lab.conf.issuer.crl_shards = 4;
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	lab.cert_url = "http://crl.example.com/issuing-3.crl";
	b = list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	fixture_sql(j, "UPDATE cert SET shard = 3 WHERE id = 'cert2'");
	lab.cert_url = LAB_CRL_URL;
	status_lab_at(j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, a, 1);
	status_lab_revoke(j, b, 5);
	assert_int_equal(list_lab_publish(&lab), 4);
	for (int64_t s = 0; s < 4; s++) {
		EXPECT(j,
		    crl_read(j, lab.issuer.ca, list_lab_file(&lab, s), &l[s]),
		    0);
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
	status_lab_at(j, FIXTURE_NOW + 2 * HOUR);
	status_lab_revoke(j, list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY), 0);
	assert_int_equal(list_lab_publish(&lab), 1);

	/* PK-163: one that cannot be made keeps none of the others */
	status_lab_at(j, FIXTURE_NOW + 3 * HOUR);
	fixture_sql(
	    j, "UPDATE cert SET revoked_at = 0, reason = 0 WHERE id = 'cert1'");
	fixture_sql(j, "UPDATE cert SET list_due_at = 1 WHERE id = 'cert3'");
	a = list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	fixture_sql(j, "UPDATE cert SET shard = 3 WHERE id = 'cert4'");
	status_lab_revoke(j, a, 4);
	assert_int_equal(issuer_list_step(&lab.issuer, j), 1);
	assert_int_equal(issuer_list_step(&lab.issuer, j), 1);
	assert_int_equal(issuer_list_step(&lab.issuer, j), -1);
	assert_non_null(strstr(j->err.text, "L-66"));
	job_recover(j);
	EXPECT(j, crl_read(j, lab.issuer.ca, list_lab_file(&lab, 3), &l[3]), 0);
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
	const struct span der = list_lab_file(&lab, 2);
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

/* PK-155, L-62: with one list the URL may change, and the list is everybody's;
 * one of several would not be that of who names the former URL. */
static void
test_grows_after_move(struct job *j)
{
	struct list_lab lab;

	list_lab_init(&lab, j);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	lab.conf.issuer.crl_url = "http://crl.example.com/new.crl";
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	lab.cert_url = lab.conf.issuer.crl_url;
	list_lab_cert(&lab, FIXTURE_NOW + 400 * DAY);
	status_lab_revoke(j, "cert1", 1);
	unit_log_begin();
	list_lab_publish(&lab);
	assert_null(strstr(unit_log_end(), "not ours"));
	assert_true(list_lab_has(&lab, 0, "0101"));

	lab.conf.issuer.crl_shards = 3;
	assert_int_equal(issuer_list_start(&lab.issuer, j), -1);
	assert_non_null(strstr(j->err.text, "(PK-155)"));
	assert_non_null(strstr(j->err.text, "http://crl.example.com/new.crl"));
	job_recover(j);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM crl_shard"), 1);
	/* a longer URL that begins with it is another one */
	fixture_sql(j, "DELETE FROM cert WHERE id = 'cert1'");
	lab.cert_url = "http://crl.example.com/new.crl2";
	list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(issuer_list_start(&lab.issuer, j), -1);
	job_recover(j);

	/* the last second, and the first that is free */
	status_lab_at(j, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(issuer_list_start(&lab.issuer, j), -1);
	job_recover(j);
	status_lab_at(j, FIXTURE_NOW + 365 * DAY + 1);
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

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_shards),
	STORE_TEST(test_grows_after_move),
	cmocka_unit_test(test_shard_of),
};
UNIT_MAIN(tests)
