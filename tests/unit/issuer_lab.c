#include "config.h"

#include "tests/unit/issuer_lab.h"

#include <unistd.h>

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
