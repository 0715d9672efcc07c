#include "config.h"

#include "src/cmd_check.h"

#include "acme/offer.h"
#include "db/store.h"
#include "lib/aead.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/seal.h"
#include "pki/effective.h"
#include "pki/key.h"
#include "pki/profile.h"
#include "pki/token_key.h"
#include "pki/weakkeys.h"
#include "src/audit_keys.h"
#include "src/ca_check.h"
#include "src/ca_conf.h"
#include "src/ca_life.h"
#include "src/database.h"
#include "src/external_check.h"
#include "src/key_files.h"
#include "src/key_make.h"
#include "src/linter_check.h"
#include "src/pins.h"
#include "src/signer_files.h"

#include <stdio.h>

static void
key_file(void *ctx, const char *message)
{
	struct check *c = ctx;

	if (c->conf->mode == CONF_MODE_PUBLIC)
		cmd_check_bad(c, "key files", message);
	else
		cmd_check_warn(c, "key files", message);
}

void
cmd_check_key_files(struct check *c)
{
	struct job j;

	job_init(&j, NULL, c->conf);
	if (key_files_check(&j, key_file, c) == 0)
		cmd_check_good(c, "key files", "");
	job_done(&j);
}

int
cmd_check_seal(struct check *c, struct job *j)
{
	const struct seal_key *key;

	return seal_key_load(j, j->arena, c->conf->seal_key_file, &key);
}

/* PK-21: the CA is looked at elsewhere. */
int
cmd_check_audit_keys(struct check *c, struct job *j)
{
	const struct audit_signer *signer;

	(void)c;
	return audit_keys_signer(j, j->arena, NULL, &signer);
}

/* PK-74 */
int
cmd_check_weak_keys(struct check *c, struct job *j)
{
	const struct weakkeys *w;

	return weakkeys_load(j, j->arena, c->conf->weak_keys, &w);
}

int
cmd_check_eab(struct check *c, struct job *j)
{
	const struct aead_key *key;

	return aead_key_load(j, j->arena, c->conf->web.eab_key_file, &key);
}

/* With its key; without, where nobody is there who has the PIN (PK-199). */
static int
find_ca(struct check *c, struct job *j, struct ca_files *files)
{
	struct span pin;
	int asked = pins_ask(j, &c->conf->issuer.key, &pin);

	*files = ca_conf_files(j->arena, c->conf);
	if (asked > 0)
		ca_conf_use_pin(j->arena, files, pin, true);
	if (asked != 0 || files->token == NULL ||
	    files->token->pin_file != NULL)
		return asked < 0 ? -1 : 0;
	*files = ca_conf_certificates(c->conf);
	cmd_check_warn(c, "key of the issuing CA",
	    "not looked at: its PIN is in no file, and there is no terminal "
	    "to ask at");
	return 0;
}

int
cmd_check_ca(struct check *c, struct job *j)
{
	struct ca_files files;
	const struct ca *ca;
	const char *problem;
	bool is_over;

	if (find_ca(c, j, &files) < 0 || ca_load(j, j->arena, &files, &ca) < 0)
		return -1;
	problem = ca_conf_profile_problem(j, ca);
	if (problem != NULL && c->conf->mode == CONF_MODE_PUBLIC)
		return job_fail(j, ERR_INTERNAL, "%s", problem);
	if (problem != NULL)
		cmd_check_warn(c, "issuing CA", problem);
	problem = ca_life_advice(j, ca_not_after(ca), &is_over);
	if (problem != NULL && is_over)
		return job_fail(j, ERR_INTERNAL, "%s", problem);
	if (problem != NULL)
		cmd_check_warn(c, "issuing CA", problem);
	return 0;
}

/* PK-202 */
void
cmd_check_signer_files(struct check *c)
{
	static const char what[] = "files of the CA's token";
	const char *problem = signer_files_problem(c->keep, c->conf);
	struct conf_list files;

	if (c->conf->issuer.key.module == NULL)
		return;
	if (problem != NULL)
		cmd_check_bad(c, what, problem);
	else if (!signer_files(c->keep, c->conf, &files))
		cmd_check_warn(c, what,
		    "the module may read and write all whose modes allow it: "
		    "set signer.files");
	else
		cmd_check_good(c, what, files.v[0]);
}

/* PK-177 */
void
cmd_check_responder_key(struct check *c)
{
	static const char what[] = "key of the OCSP responder";
	struct job j;
	int found;

	job_init(&j, NULL, c->conf);
	found = key_make_check(&j);
	if (found < 0)
		cmd_check_bad(c, what, j.err.text);
	else if (found == 0)
		cmd_check_warn(c, what,
		    "not looked at: its PIN is in no file, and there is no "
		    "terminal to ask at");
	else
		cmd_check_good(c, what, c->conf->responder.key.token);
	job_done(&j);
}

/* PK-3 */
void
cmd_check_upcoming(struct check *c)
{
	const struct effective *rules[EFFECTIVE_COUNT];
	struct job j;

	job_init(&j, NULL, c->conf);
	size_t n = effective_upcoming(c->conf, j.now, rules);

	for (size_t i = 0; i < n; i++)
		cmd_check_warn(c, "rules to come",
		    arena_printf(j.arena, "from %s: %s (%s): %s", rules[i]->day,
			rules[i]->rule, rules[i]->source, rules[i]->advice));
	job_done(&j);
}

static void
tell_of_ca(void *ctx, enum remark level, const char *what, const char *text)
{
	struct check *c = ctx;

	remark(&c->remarks, level, what, text);
}

/* What the CAs of the configuration owe. */
void
cmd_check_dues(struct check *c)
{
	struct store_login login;
	struct job j;

	job_init(&j, NULL, c->conf);
	if (database_login(&j, DATABASE_OWNER, &login) == 0 &&
	    store_open_as(&j, &login, &j.store) == 0) {
		ca_check(&j, tell_of_ca, c);
		store_close(j.store);
		j.store = NULL;
	}
	job_done(&j);
}

int
cmd_check_other_ca(struct check *c, struct job *j)
{
	(void)c;
	return external_check(j);
}

static void
tell_linter(void *ctx, const struct lint_answer *a)
{
	char what[20 + LINTER_NAME_MAX];
	char detail[LINT_DETAIL_MAX + 1];

	snprintf(what, sizeof(what), "linter %.*s", (int)a->name.n, a->name.p);
	if (a->has_failed) {
		snprintf(detail, sizeof(detail), "%.*s", (int)a->detail.n,
		    a->detail.p);
		cmd_check_bad(ctx, what, detail);
	} else {
		snprintf(detail, sizeof(detail), "%.*s", (int)a->version.n,
		    a->version.p);
		cmd_check_good(ctx, what, detail);
	}
	fflush(stdout);
}

/* PK-140: a line for each. */
void
cmd_check_linters(struct check *c)
{
	const char *left;
	struct job j;

	job_init(&j, NULL, c->conf);
	left = linter_check_left(j.arena, c->conf);
	if (left != NULL)
		cmd_check_warn(c, "linters",
		    arena_printf(
			j.arena, "none judges %s: see the option lints", left));
	if (linter_check(&j, tell_linter, c) < 0)
		cmd_check_bad(c, "linters", j.err.text);
	job_done(&j);
}
