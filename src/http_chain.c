#include "config.h"

#include "src/http_chain.h"

#include "acme/route.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/key.h"
#include "src/ca_urls.h"

static int
load_alternates(struct job *j, struct arena *keep, const struct ca *ca,
    struct acme_chain *chain)
{
	const struct conf_list *files = &j->conf->issuer.alternate_chains;
	struct span *list = arena_calloc(keep, files->n + 1, sizeof(*list));

	for (size_t i = 0; i < files->n; i++) {
		if (ca_alternate_load(j, keep, ca, files->v[i], &list[i]) < 0)
			return -1;
	}
	chain->alternates = list;
	chain->alternate_count = files->n;
	return 0;
}

/* The key is the issuer's alone. */
static int
load_ca(struct job *j, struct arena *keep, const struct conf_issuer *c,
    const struct ca **out)
{
	struct ca_files files = { .certificate = c->ca_certificate,
		.chain = c->ca_chain };

	return ca_load(j, keep, &files, out);
}

static bool
load_former(struct job *j, struct arena *keep, const struct conf_former *c,
    struct acme_former *f)
{
	struct log_text q;
	const struct ca *ca;

	if (load_ca(j, keep, &c->issuer, &ca) < 0) {
		log_warning("chain of a former CA not read",
		    "name=%s error=%s next=\"its certificates cannot be "
		    "downloaded; if it has ended, remove the section "
		    "former_ca\"",
		    c->name, log_text(&q, j->err.text));
		job_recover(j);
		return false;
	}
	f->pem = ca_chain_pem(ca);
	f->ca_label = ca_key_label(ca);
	f->issuer_url = c->issuer.ca_issuers_url;
	return true;
}

static void
load_formers(struct job *j, struct arena *keep, struct acme_chain *chain)
{
	const struct conf *conf = j->conf;
	struct acme_former *list =
	    arena_calloc(keep, conf->former_count + 1, sizeof(*list));

	for (size_t i = 0; i < conf->former_count; i++)
		if (load_former(
			j, keep, &conf->formers[i], &list[chain->former_count]))
			chain->former_count++;
	chain->formers = list;
}

int
http_chain_load(struct job *j, struct arena *keep, const struct ca **ca,
    struct acme_chain *out)
{
	const struct conf_issuer *c = &j->conf->issuer;

	*out = (struct acme_chain){ .issuer_url = c->ca_issuers_url };
	if (load_ca(j, keep, c, ca) < 0 ||
	    ca_urls_needed(j, keep, j->conf, &out->urls) < 0 ||
	    load_alternates(j, keep, *ca, out) < 0)
		return -1;
	load_formers(j, keep, out);
	out->pem = ca_chain_pem(*ca);
	out->ca_label = ca_key_label(*ca);
	out->not_after = ca_not_after(*ca);
	return 0;
}
