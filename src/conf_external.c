#include "config.h"

#include "src/conf_external.h"
#include "src/conf_pin.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "src/hook.h"
#include "src/https_client.h"

#include <string.h>

struct external {
	struct arena *arena;
	const struct conf *conf;
	conf_check_fn *report;
	void *ctx;
};

static void
wrong(const struct external *x, const char *option, const char *message)
{
	x->report(x->ctx, option, message);
}

/* --- our own key ---------------------------------------------------------- */

/* A file, or a token with all that is needed to find the key in it. */
static void
check_own_key(const struct external *x)
{
	const struct conf_issuer *i = &x->conf->issuer;
	const struct {
		const char *name, *value;
	} parts[] = { { "issuer.key_token", i->key.token },
		{ "issuer.key_label", i->key.label },
		{ "issuer.key_id", i->key.id } };
	const char *problem;

	if ((i->ca_key == NULL) == (i->key.module == NULL)) {
		wrong(x, "issuer.ca_key",
		    "set either it or issuer.key_module: where the issuing "
		    "CA's key is");
		return;
	}
	if ((i->audit_key == NULL) != (i->audit_public_keys == NULL))
		wrong(x, "issuer.audit_key",
		    "and issuer.audit_public_keys are set together: the "
		    "private key signs, and the public ones verify");
	if (i->ca_key != NULL && i->ca_key_passphrase_file == NULL)
		wrong(x, "issuer.ca_key_passphrase",
		    "must be set: the file with the passphrase of "
		    "issuer.ca_key");
	for (size_t k = 0; k < COUNT(parts); k++) {
		if ((i->key.module == NULL) != (parts[k].value == NULL))
			wrong(x, parts[k].name,
			    "must be set with issuer.key_module, and only "
			    "with it");
	}
	problem = conf_pin_problem(x->conf, &i->key);
	if (problem != NULL)
		wrong(x, "issuer.key_pin", problem);
	if (i->key.id != NULL && !conf_token_id_is_good(i->key.id))
		wrong(x, "issuer.key_id", CONF_TOKEN_ID_RULE);
}

/* PK-195 */
static void
check_public_key(const struct external *x)
{
	if (x->conf->issuer.ca_key != NULL)
		wrong(x, "issuer.ca_key",
		    "a key in a file cannot be used in public mode: set "
		    "issuer.key_module, or run with mode = private");
	else if (x->conf->issuer.key.certificate == NULL)
		wrong(x, "issuer.key_module_certificate",
		    "must say in public mode which validation the token has");
}

static void
check_own_ca(const struct external *x)
{
	check_own_key(x);
	if (x->conf->issuer.crl_file == NULL)
		wrong(x, "issuer.crl_file",
		    "is missing. Where each new list is written, for the web "
		    "server behind crl_url.");
	if (x->conf->mode == CONF_MODE_PUBLIC)
		check_public_key(x);
}

/* --- another CA ----------------------------------------------------------- */

static void
check_acme(const struct external *x, const struct conf_upstream *e)
{
	if (e->directory == NULL)
		wrong(x, "external.directory",
		    "is missing. https URL of the other CA's ACME directory.");
	else if (!span_starts(span_str(e->directory), SPAN("https://")))
		wrong(x, "external.directory", "must be an https:// URL");
	if (e->account_key == NULL)
		wrong(x, "external.account_key",
		    "is missing. File with the key of the account there.");
	if ((e->eab_kid == NULL) != (e->eab_key_file == NULL))
		wrong(x, "external.eab_kid",
		    "eab_kid and eab_key_file go together");
}

static void
check_hook(const struct external *x, const struct conf_upstream *e)
{
	if (e->hook.n == 0)
		wrong(x, "external.hook",
		    "is missing. Program, by absolute path, and its "
		    "arguments.");
	else if (e->hook.v[0][0] != '/')
		wrong(x, "external.hook",
		    arena_printf(
			x->arena, "%s must be an absolute path", e->hook.v[0]));
	else if (e->hook.n > HOOK_WORDS_MAX)
		wrong(x, "external.hook",
		    arena_printf(
			x->arena, "has more than %d words", HOOK_WORDS_MAX));
}

static void
check_cmp(const struct external *x, const struct conf_upstream *e)
{
	const struct {
		const char *name, *value;
	} parts[] = { { "external.cmp_certificate", e->cmp_certificate },
		{ "external.cmp_key", e->cmp_key },
		{ "external.cmp_server", e->cmp_server } };

	if (e->cmp_url == NULL)
		wrong(x, "external.cmp_url",
		    "is missing. URL that takes the other CA's CMP messages.");
	else if (!http_url_is_good(e->cmp_url))
		wrong(x, "external.cmp_url",
		    "must be an http:// or https:// URL");
	for (size_t k = 0; k < COUNT(parts); k++)
		if (parts[k].value == NULL)
			wrong(x, parts[k].name,
			    "is missing. CMP messages are signed, both ways.");
}

/* Who sets them believes that the other CA issues, or is asked that way. */
static void
check_kind(const struct external *x)
{
	const struct conf_upstream *e = &x->conf->external;
	const struct {
		const char *name, *kind;
		int of;
		bool is_set;
	} parts[] = {
		{ "external.hook", "hook", CONF_EXTERNAL_HOOK, e->hook.n > 0 },
		{ "external.directory", "acme", CONF_EXTERNAL_ACME,
		    e->directory != NULL },
		{ "external.account_key", "acme", CONF_EXTERNAL_ACME,
		    e->account_key != NULL },
		{ "external.eab_kid", "acme", CONF_EXTERNAL_ACME,
		    e->eab_kid != NULL },
		{ "external.cmp_url", "cmp", CONF_EXTERNAL_CMP,
		    e->cmp_url != NULL },
		{ "external.cmp_certificate", "cmp", CONF_EXTERNAL_CMP,
		    e->cmp_certificate != NULL },
		{ "external.cmp_key", "cmp", CONF_EXTERNAL_CMP,
		    e->cmp_key != NULL },
		{ "external.cmp_server", "cmp", CONF_EXTERNAL_CMP,
		    e->cmp_server != NULL },
	};

	for (size_t k = 0; k < COUNT(parts); k++)
		if (parts[k].is_set && (int)e->kind != parts[k].of)
			wrong(x, parts[k].name,
			    arena_printf(x->arena,
				"is for external.kind = %s, which is another; "
				"set that, or leave this option out",
				parts[k].kind));
}

/* PK-220: key, lists and OCSP answers are that CA's. */
static void
check_nothing_own(const struct external *x)
{
	const struct conf_issuer *i = &x->conf->issuer;
	const struct {
		const char *name;
		bool is_set;
	} parts[] = { { "issuer.ca_key", i->ca_key != NULL },
		{ "issuer.key_module", i->key.module != NULL },
		{ "issuer.crl_file", i->crl_file != NULL },
		{ "issuer.crl_shards", i->crl_shards > 1 },
		{ "issuer.ocsp_url", i->ocsp_url != NULL } };

	for (size_t k = 0; k < COUNT(parts); k++) {
		if (parts[k].is_set)
			wrong(x, parts[k].name,
			    "must not be set where another CA issues "
			    "(external.kind): key, lists and OCSP answers are "
			    "that CA's");
	}
}

/* PK-112: that CA composes the subject. */
static void
check_numbers(const struct external *x)
{
	for (size_t k = 0; k < x->conf->profile_section_count; k++)
		if (x->conf->profile_sections[k].subject_number)
			wrong(x, "profile.subject_number",
			    arena_printf(x->arena,
				"must not be set (profile %s) where another CA "
				"issues (external.kind): the subject is that "
				"CA's",
				x->conf->profile_sections[k].name));
}

static void
check_other_ca(const struct external *x)
{
	const struct conf_upstream *e = &x->conf->external;

	if (e->kind == CONF_EXTERNAL_ACME)
		check_acme(x, e);
	else if (e->kind == CONF_EXTERNAL_CMP)
		check_cmp(x, e);
	else
		check_hook(x, e);
	check_nothing_own(x);
	check_numbers(x);
	if (e->user != NULL && e->login.database == NULL)
		wrong(x, "external.user",
		    "needs external.database: a SQLite file belongs to the "
		    "user of the other roles, and so does their login");
	/* PK-9: SBR 3.2.2 lets nobody else do the validation. */
	if (x->conf->mode == CONF_MODE_PUBLIC && !e->same_operator)
		wrong(x, "external.same_operator",
		    "must be yes in public mode: the proof of control over a "
		    "mailbox may not be delegated, so whoever runs this server "
		    "has to run that CA as well");
}

void
conf_external_check(
    struct arena *a, const struct conf *c, conf_check_fn *report, void *ctx)
{
	const struct external x = { a, c, report, ctx };

	check_kind(&x);
	if (c->external.kind == CONF_EXTERNAL_NONE)
		check_own_ca(&x);
	else
		check_other_ca(&x);
}
