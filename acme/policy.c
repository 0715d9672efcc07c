#include "config.h"

#include "acme/policy.h"

#include <string.h>

#include "db/store_suppressed.h"
#include "lib/conf.h"
#include "lib/job.h"

static bool
domain_matches(const char *entry, const char *domain)
{
	struct span e = span_str(entry), d = span_str(domain);

	if (e.n == 0 || e.p[0] != '.')
		return span_caseeq(e, d);
	return d.n > e.n && span_caseeq(span_from(d, d.n - e.n), e);
}

/* Most mail systems deliver alice+x to alice. */
static struct span
without_suffix(struct span local)
{
	return span_cut(local, 0, span_find(local, local.n > 0, '+'));
}

static bool
entry_matches(const char *entry, const struct addr *addr, bool fold)
{
	const char *at = strrchr(entry, '@');
	struct span local;

	if (at == NULL)
		return domain_matches(entry, addr->domain);
	local = span_mem(entry, (size_t)(at - entry));
	if (!span_caseeq_str(span_str(at + 1), addr->domain))
		return false;
	if (!fold)
		return span_eq_str(local, addr->local);
	return span_caseeq_str(local, addr->local) ||
	       span_caseeq(local, without_suffix(span_str(addr->local)));
}

static bool
list_matches(const struct conf_list *list, const struct addr *addr, bool fold)
{
	for (size_t i = 0; i < list->n; i++) {
		if (entry_matches(list->v[i], addr, fold))
			return true;
	}
	return false;
}

bool
policy_allows(const struct conf *conf, const struct addr *addr)
{
	if (list_matches(&conf->deny, addr, true))
		return false;
	return conf->allow.n == 0 || list_matches(&conf->allow, addr, false);
}

bool
policy_list_allows(const struct conf_list *list, const struct addr *addr)
{
	return list == NULL || list_matches(list, addr, false);
}

/* A local part that looks like an encoded word would be decoded by whoever
 * reads the reply's From: nobody could prove it. */
static bool
looks_encoded(const struct addr *addr)
{
	struct span local = span_str(addr->local);

	return span_has(local, SPAN("=?"));
}

/* PK-87: alice+x@ is alice@, and letters' case makes no other function; what
 * is approved is approved as it stands. */
static bool
needs_approval(const struct conf *conf, const struct addr *addr)
{
	struct span local = without_suffix(span_str(addr->local));

	for (size_t i = 0; i < conf->reserved_local_parts.n; i++)
		if (span_caseeq_str(local, conf->reserved_local_parts.v[i]))
			return !list_matches(&conf->approved, addr, false);
	return false;
}

int
policy_check(struct job *j, const struct conf *conf,
    const struct conf_list *allow, const struct addr *addr)
{
	struct suppressed s;
	int found = 0;

	if (policy_allows(conf, addr) && policy_list_allows(allow, addr) &&
	    !looks_encoded(addr) && !needs_approval(conf, addr))
		found = store_suppressed_find(
		    j, addr_counted(j, addr->canonical), &s);
	else
		found = 1;
	if (found > 0)
		return job_fail(j, ERR_REJECTED_IDENTIFIER,
		    "this server does not issue for the requested "
		    "identifier");
	return found;
}

struct addr_policy
policy_addr(const struct conf *conf)
{
	return (struct addr_policy){
		.utf8_local = conf->utf8_mailboxes,
		.reserved_domains = conf->allow_reserved_domains,
		.is_public = conf->mode == CONF_MODE_PUBLIC,
	};
}

bool
policy_offers_new_authz(const struct conf *conf)
{
	return conf->preauthorization && conf->authz_valid_life > 0;
}
