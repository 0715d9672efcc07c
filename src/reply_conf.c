#include "config.h"

#include "src/reply_conf.h"

#include "lib/addr.h"
#include "lib/orgdomain.h"
#include "src/evidence_smime.h"

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

/* MA-40: the organisational domain, if it is above. */
static const char *
parent_of(const char *domain)
{
	const char *parent = orgdomain_of(domain);

	return strcmp(parent, domain) == 0 ? NULL : parent;
}

struct reply_policy
reply_policy_of(const struct conf *conf, const char *mailbox)
{
	const struct conf_validator *v = &conf->validator;
	const struct conf_domain *d =
	    mailbox != NULL ? domain_find(v, mailbox) : NULL;
	struct reply_policy p = { .message_max = (size_t)v->max_message,
		.coverage = v->coverage,
		.require_dnssec = v->require_dnssec,
		.own_server = { v->trusted_authserv_id,
		    (size_t)v->trusted_hops },
		.spf_if_to_unsigned = v->spf_if_to_unsigned,
		.message_id_rewritten = conf->sender.relay_rewrites_message_id,
		.smime = { .mode = v->smime,
		    .revocation = v->smime_revocation,
		    .is_own = evidence_smime_is_own } };

	if (d != NULL) {
		p.coverage = d->coverage;
		p.require_dnssec = d->require_dnssec;
		p.spf_if_to_unsigned = d->spf_if_to_unsigned;
		p.allow_testing = d->allow_testing_key;
		if (d->accept_parent)
			p.parent = parent_of(d->name);
		p.smime.mode = d->smime;
		p.smime.instead_of_dkim = d->smime_instead_of_dkim;
	}
	return p;
}
