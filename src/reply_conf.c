#include "config.h"

#include "src/reply_conf.h"

#include "lib/addr.h"

#include <string.h>

static const struct conf_domain *
domain_find(const struct conf_validator *v, const char *mailbox)
{
	const char *domain = addr_domain_of(mailbox);

	for (size_t i = 0; i < v->domain_count; i++)
		if (strcmp(v->domains[i].name, domain) == 0)
			return &v->domains[i];
	return NULL;
}

struct reply_policy
reply_policy_of(const struct conf *conf, const char *mailbox)
{
	const struct conf_validator *v = &conf->validator;
	const struct conf_domain *d =
	    mailbox != NULL ? domain_find(v, mailbox) : NULL;
	struct reply_policy p = { .message_max = (size_t)v->max_message,
		.coverage = v->coverage,
		.require_dnssec = v->require_dnssec };

	if (d != NULL) {
		p.coverage = d->coverage;
		p.require_dnssec = d->require_dnssec;
	}
	return p;
}
