#include "config.h"

#include "src/ca_urls.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "pki/ca_above.h"
#include "pki/ca_key_end.h"
#include "src/status_place.h"

#define OTHERS 4 /* beside the shards */

static void
add(struct ca_url *list, size_t *n, enum ca_url_kind kind, const char *url)
{
	if (url != NULL)
		list[(*n)++] = (struct ca_url){ kind, url, 0 };
}

void
ca_urls_list(struct arena *keep, const struct conf_issuer *c,
    const struct ca_above *above, struct ca_url **out, size_t *count)
{
	struct ca_url *list =
	    arena_calloc(keep, (size_t)c->crl_shards + OTHERS, sizeof(*list));
	size_t n = 0;

	for (int64_t s = 0; s < c->crl_shards; s++)
		list[n++] = (struct ca_url){ CA_URL_LIST,
			status_shard_url(keep, c, s), s };
	add(list, &n, CA_URL_CERTIFICATE, c->ca_issuers_url);
	add(list, &n, CA_URL_OCSP, c->ocsp_url);
	add(list, &n, CA_URL_ABOVE_LIST, above->crl_url);
	add(list, &n, CA_URL_ABOVE_CERTIFICATE, above->issuer_url);
	*out = list;
	*count = n;
}

int
ca_urls_of_issuer(struct job *j, struct arena *keep, const struct conf *conf,
    struct urls *out)
{
	const struct conf_issuer *c = &conf->issuer;
	struct ca_key_facts facts;
	struct ca_above above;
	struct ca_url *list;
	const char **v;
	size_t n;

	*out = (struct urls){ .n = 0 };
	if (conf->external.kind != CONF_EXTERNAL_NONE)
		return 0;
	if (ca_key_facts(j, c->ca_certificate, &facts) < 0 ||
	    ca_above_read(j, keep, c->ca_certificate, c->ca_chain, &above) < 0)
		return -1;
	ca_urls_list(keep, c, &above, &list, &n);
	v = arena_calloc(keep, n, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i] = list[i].url;
	*out = (struct urls){ arena_strdup(keep, facts.label), v, n };
	return 0;
}

int
ca_urls_needed(struct job *j, struct arena *keep, const struct conf *conf,
    struct urls *out)
{
	*out = (struct urls){ .n = 0 };
	return conf->mode == CONF_MODE_PUBLIC
		   ? ca_urls_of_issuer(j, keep, conf, out)
		   : 0;
}
