#include "config.h"

#include "src/ca_conf.h"

#include "acme/offer.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "pki/ca_profile.h"
#include "pki/profile.h"
#include "pki/token_key.h"

struct ca_files
ca_conf_certificates(const struct conf *conf)
{
	return (struct ca_files){ .certificate = conf->issuer.ca_certificate,
		.chain = conf->issuer.ca_chain,
		.is_public = conf->mode == CONF_MODE_PUBLIC };
}

struct token_place
ca_conf_token(const struct conf *conf, const struct conf_token *t)
{
	return (struct token_place){ .module = t->module,
		.token = t->token,
		.label = t->label,
		.id = t->id,
		.pin_file = t->pin_file,
		.is_public = conf->mode == CONF_MODE_PUBLIC,
		.statement = t->certificate == NULL ? "none" : t->certificate };
}

struct ca_files
ca_conf_files(struct arena *keep, const struct conf *conf)
{
	const struct conf_issuer *i = &conf->issuer;
	struct ca_files files = ca_conf_certificates(conf);
	struct token_place *place;

	files.key = i->ca_key;
	files.passphrase_file = i->ca_key_passphrase_file;
	if (i->key.module == NULL)
		return files;
	place = arena_alloc(keep, sizeof(*place));
	*place = ca_conf_token(conf, &i->key);
	files.token = place;
	return files;
}

void
ca_conf_use_pin(struct arena *keep, struct ca_files *files, struct span pin,
    bool is_by_hand)
{
	struct token_place *place;

	if (files->token == NULL)
		return;
	place = arena_memdup(keep, files->token, sizeof(*place));
	place->pin = pin;
	place->is_by_hand = is_by_hand;
	files->token = place;
}

void
ca_conf_use_signer(struct ca_files *files, const struct remote_key *remote)
{
	if (files->token == NULL || remote == NULL)
		return;
	files->token = NULL;
	files->remote = remote;
}

const char *
ca_conf_profile_problem(struct job *j, const struct ca *ca)
{
	const char *problem = NULL, *name;

	for (size_t i = 0;
	     problem == NULL && (name = profile_offered(j->conf, i)) != NULL;
	     i++)
		problem = ca_profile_problem(
		    j->arena, ca, profile_find(j->conf, span_str(name)));
	return problem;
}

int
ca_conf_profiles_check(struct job *j, const struct ca *ca)
{
	const char *problem;

	if (j->conf->mode != CONF_MODE_PUBLIC)
		return 0;
	problem = ca_conf_profile_problem(j, ca);
	return problem == NULL ? 0 : job_fail(j, ERR_INTERNAL, "%s", problem);
}
