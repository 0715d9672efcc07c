#include "config.h"

#include "src/cmd_check.h"

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "mail/smime_signer.h"
#include "mail/smime_trust.h"
#include "mail/submit.h"
#include "src/intake_check.h"
#include "src/relay.h"
#include "src/wording.h"

#include <inttypes.h>

#define TIMEOUT_MS 15000

static void
bad_texts(void *ctx, const char *message)
{
	cmd_check_bad(ctx, "texts of the mail", message);
}

void
cmd_check_texts(struct check *c)
{
	if (wording_check(c->conf, bad_texts, c) == 0)
		cmd_check_good(c, "texts of the mail", "");
}

int
cmd_check_smime(struct check *c, struct job *j)
{
	const struct conf_sender *s = &c->conf->sender;
	struct smime_files files = { s->smime_certificate, s->smime_key };
	const struct smime_signer *signer;
	char until[CLOCK_RFC3339_MAX];

	if (smime_signer_load(j, j->arena, &files, s->from, &signer) < 0)
		return -1;
	if (!smime_signer_ends_soon(signer, j->now))
		return 0;
	clock_format_rfc3339(signer->not_after, until);
	return job_fail(j, ERR_INTERNAL,
	    "%s ends at %s: replace it and start countersignd again",
	    files.certificate, until);
}

int
cmd_check_relay(struct check *c, struct job *j)
{
	const struct conf_sender *s = &c->conf->sender;
	struct submit *submit;
	bool wanted = c->conf->utf8_mailboxes, utf8 = false;
	int result;

	if (relay_new(j, s, TIMEOUT_MS, &submit) < 0)
		return -1;
	result = submit_check(submit, j, wanted ? &utf8 : NULL);
	submit_free(submit);
	if (result < 0)
		return -1;
	/* ER-20 */
	if (wanted && !utf8)
		return job_fail(j, ERR_INTERNAL,
		    "relay %s port %" PRId64 " works, but does not offer "
		    "SMTPUTF8: orders for mailboxes beyond ASCII would fail; "
		    "let it (Postfix: smtputf8_enable = yes), or set "
		    "policy.utf8_mailboxes = no to refuse them at once",
		    s->relay_host, s->relay_port);
	return 0;
}

static int
check_intake(struct check *c, struct job *j)
{
	return intake_check(j, &c->intake);
}

void
cmd_check_intakes(struct check *c)
{
	char room[INTAKE_NAME_MAX];
	const char *name;
	struct job j;

	job_init(&j, NULL, c->conf);
	for (size_t i = 0; i < intake_count(c->conf); i++) {
		c->intake = intake_at(c->conf, i, room);
		name = intake_check_name(&j, &c->intake);
		if (name != NULL)
			cmd_check_run(c, name, check_intake);
	}
	job_done(&j);
}

/* Whoever is traced back to them: a list that has run out says nothing any
 * more, and then (smime_revocation = hard) nobody's signature counts. */
int
cmd_check_smime_trust(struct check *c, struct job *j)
{
	const struct conf_validator *v = &c->conf->validator;
	char until[CLOCK_RFC3339_MAX];
	struct smime_trust *t;
	int64_t end;

	if (smime_trust_load(j, v->smime_roots, &v->smime_crls, &t) < 0)
		return -1;
	end = smime_trust_next_update(t);
	smime_trust_free(t);
	if (v->smime_revocation == CONF_REVOCATION_OFF || end > j->now)
		return 0;
	clock_format_rfc3339(end, until);
	return job_fail(j, ERR_INTERNAL,
	    "a revocation list of smime_crls has run out (%s): fetch the new "
	    "one and send countersignd SIGHUP",
	    until);
}
