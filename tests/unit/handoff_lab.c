#include "config.h"

#include "tests/unit/handoff_lab.h"

#include <string.h>

#include "db/store_cert.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "src/handoff.h"
#include "src/judge_caa.h"
#include "src/worker.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/unit.h"
#include "tests/unit/upstream_double.h"

#define DAY INT64_C(86400)

#define CLEAN                                                                  \
	"DELETE FROM upstream_window;"                                         \
	"DELETE FROM withdrawal; DELETE FROM handoff;"                         \
	"DELETE FROM issuance_stop;"                                           \
	"DELETE FROM caa; DELETE FROM reply; DELETE FROM spool;"               \
	"DELETE FROM part1; DELETE FROM outbox; DELETE FROM challenge;"        \
	"DELETE FROM order_identifier; DELETE FROM authz; DELETE FROM cert;"   \
	"DELETE FROM orders; DELETE FROM account; DELETE FROM blocked_key"

/* The CA's certificate, and no key: the one of lab_ca() is the double's. */
static const struct ca *
keyless_ca(struct job *j)
{
	const char *folder = lab_ca_folder("p256");
	struct ca_files files = {
		.certificate = arena_printf(j->arena, "%s/issuing.pem", folder),
		.chain = arena_printf(j->arena, "%s/root.pem", folder),
		.lints = true,
	};
	const struct ca *ca = NULL;

	(void)lab_ca("p256");
	EXPECT(j, ca_load(j, j->arena, &files, &ca), 0);
	assert_null(ca->signer.key);
	return ca;
}

/* An order that waits for the issuer, which has no key. */
void
handoff_lab_begin(struct handoff_lab *lab, struct job *j)
{
	struct lab_csr c;

	fixture_sql(j, CLEAN);
	upstream_double_init();
	role_lab_init(&lab->role, j);
	lab->role.issuer.ca = keyless_ca(j);
	lab->role.issuer.handoff = handoff_key(j->arena, lab->role.issuer.seal);
	lab->role.conf.issuer.crl_url = LAB_CRL_URL;
	lab->role.conf.issuer.validity_days = 365;
	lab->role.conf.issuer.clock_allowance = 300;
	lab->role.conf.issuer.serial_octet = 1;
	lab->role.conf.external =
	    (struct conf_upstream){ .kind = CONF_EXTERNAL_HOOK,
		    .max_wait = DAY };
	lab->upstream = (struct upstream_role){ .ops = &upstream_double_ops,
		.seal = lab->role.issuer.handoff,
		.ca_label = ca_key_label(lab->role.issuer.ca) };
	fixture_sql(j, "UPDATE orders SET profile = 'mailbox-multipurpose'");
	role_lab_send(&lab->role);
	role_lab_post(&lab->role);
	assert_int_equal(
	    role_lab_take(&lab->role, role_lab_reply(&lab->role, NULL)),
	    VERDICT_MATCH);
	EXPECT(j, judge_caa(&lab->role.validator, j), 1);
	c = lab_csr(j, lab_key(KEY_TYPE_P256, 0), HANDOFF_LAB_MAILBOX);
	c.key_usage = 0x11;
	role_lab_request_take(&lab->role, lab_csr_make(j, &c));
}

static void
run_step(worker_step_fn *step, void *role, struct job *j)
{
	for (int i = 0; i < 10; i++) {
		int r = step(role, j);

		if (r < 0)
			fail_msg("%s", j->err.text);
		job_recover(j);
		if (r == 0)
			return;
	}
	fail_msg("never idle");
}

void
handoff_lab_issuer(struct handoff_lab *lab)
{
	run_step(issuer_step, &lab->role.issuer, lab->role.j);
}

void
handoff_lab_upstream(struct handoff_lab *lab)
{
	run_step(upstream_step, &lab->upstream, lab->role.j);
}

void
handoff_lab_all(struct handoff_lab *lab)
{
	handoff_lab_issuer(lab);
	handoff_lab_upstream(lab);
	handoff_lab_issuer(lab);
}

struct handoff
handoff_lab_row(struct handoff_lab *lab)
{
	struct handoff h = { 0 };

	EXPECT(lab->role.j,
	    store_handoff_by_order(lab->role.j, lab->role.order->id, &h), 1);
	return h;
}

struct order *
handoff_lab_order(struct handoff_lab *lab)
{
	return fixture_reread(lab->role.j, lab->role.order);
}

void
handoff_lab_expect_issued(struct handoff_lab *lab)
{
	struct order *o = handoff_lab_order(lab);

	if (o->cert_id == NULL)
		fail_msg("not issued: %s", o->error != NULL ? o->error : "-");
	assert_int_equal(handoff_lab_row(lab).stage, HANDOFF_DONE);
}

void
handoff_lab_expect_ended(struct handoff_lab *lab, const char *type)
{
	struct order *o = handoff_lab_order(lab);
	struct cert c;

	assert_non_null(o->error);
	if (strstr(o->error, type) == NULL)
		fail_msg("not %s: %s", type, o->error);
	EXPECT(lab->role.j, store_cert_by_order(lab->role.j, o->id, &c), 0);
}
