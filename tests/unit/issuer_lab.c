#include "config.h"

#include "tests/unit/issuer_lab.h"

#include <unistd.h>

#include "db/store_cert.h"
#include "lib/hex.h"
#include "pki/keycheck.h"
#include "src/judge_caa.h"
#include "tests/unit/pki_lab.h"

void
issuer_lab_clean(struct job *j)
{
	fixture_sql(j,
	    "DELETE FROM caa; DELETE FROM reply; DELETE FROM spool;"
	    "DELETE FROM part1; DELETE FROM outbox; DELETE FROM challenge;"
	    "DELETE FROM order_identifier; DELETE FROM authz;"
	    "DELETE FROM cert; DELETE FROM orders; DELETE FROM account;"
	    "DELETE FROM issuance_stop; DELETE FROM report");
}

void
issuer_lab_conf(struct job *j, struct conf_issuer *conf)
{
	conf->crl_url = LAB_CRL_URL;
	conf->crl_shards = 1;
	conf->crl_file = arena_printf(j->arena, "%s/issuing.crl", lab_folder());
	(void)unlink(conf->crl_file); /* of the test before */
	conf->validity_days = 365;
	conf->clock_allowance = 300;
	conf->serial_octet = 1;
}

void
issuer_lab_init(struct role_lab *lab, struct job *j, const struct ca *ca)
{
	role_lab_init(lab, j);
	lab->issuer.ca = ca;
	issuer_lab_conf(j, &lab->conf.issuer);
	fixture_sql(j, "UPDATE orders SET profile = 'mailbox-multipurpose'");
}

void
issuer_lab_prove(struct role_lab *lab)
{
	role_lab_send(lab);
	role_lab_post(lab);
	assert_int_equal(
	    role_lab_take(lab, role_lab_reply(lab, NULL)), VERDICT_MATCH);
	EXPECT(lab->j, judge_caa(&lab->validator, lab->j), 1);
}

void
issuer_lab_run(struct role_lab *lab)
{
	int r;

	for (int i = 0; i < 5; i++) {
		r = issuer_step(&lab->issuer, lab->j);
		if (r < 0)
			fail_msg("%s", lab->j->err.text);
		job_recover(lab->j);
		if (r == 0)
			return;
	}
	fail_msg("never idle");
}

struct cert
issuer_lab_issue(struct role_lab *lab, struct job *j)
{
	struct lab_csr csr;
	struct cert c = { .id = NULL };
	int r;

	issuer_lab_init(lab, j, lab_ca("p256"));
	issuer_lab_prove(lab);
	csr = lab_csr(j, lab_key(KEY_TYPE_P256, 0), ISSUER_LAB_MAILBOX);
	role_lab_request_take(lab, lab_csr_make(j, &csr));
	while ((r = issuer_step(&lab->issuer, j)) > 0)
		;
	assert_int_equal(r, 0);
	EXPECT(j, store_cert_by_order(j, lab->order->id, &c), 1);
	assert_true(c.issued_at > 0);
	return c;
}

void
issuer_lab_spoil_purpose(struct job *j, struct span der)
{
	static const struct span mail =
	    SPAN_INIT("\x2b\x06\x01\x05\x05\x07\x03\x04");
	char *octets = arena_memdup(j->arena, der.p, der.n);
	size_t at = span_find_span(der, 0, mail);

	assert_true(at < der.n);
	octets[at + mail.n - 1] = 3;
	fixture_sql(j, arena_printf(j->arena,
			   fixture_is_pgsql() ? "UPDATE cert SET der = '\\x%s'"
					      : "UPDATE cert SET der = x'%s'",
			   hex_dup(j->arena, span_mem(octets, der.n))));
}
