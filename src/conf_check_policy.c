#include "config.h"

#include "src/conf_check_parts.h"

#include "acme/offer.h"
#include "acme/route.h"
#include "lib/addr.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/rate.h"
#include "pki/profile.h"

#include <stdint.h>
#include <string.h>

/* An order that may hold so many mailboxes must be possible. */
void
conf_check_limits(struct check *c)
{
	const struct conf_limits *l = &c->conf->limits;
	const struct {
		const char *option;
		const struct conf_rates *rates;
	} by_order[] = {
		{ "limits.mails_to_domain", &l->mails_to_domain },
		{ "limits.mails_by_account", &l->mails_by_account },
		{ "limits.mails_by_address", &l->mails_by_address },
		{ "limits.mails_total", &l->mails_total },
	};

	for (size_t i = 0; i < COUNT(by_order); i++)
		for (size_t k = 0; k < by_order[i].rates->n; k++)
			if (by_order[i].rates->v[k].count <
			    c->conf->max_identifiers)
				conf_wrong(c, by_order[i].option,
				    "is below policy.max_identifiers (%lld), "
				    "so such an order could never be placed; "
				    "raise the one or lower the other",
				    (long long)c->conf->max_identifiers);
	if (l->pending_authorizations < c->conf->max_identifiers)
		conf_wrong(c, "limits.pending_authorizations",
		    "is below policy.max_identifiers (%lld); raise it",
		    (long long)c->conf->max_identifiers);
	/* Counted in memory, for each address: one bucket. */
	if (l->failed_authentications.n > 1)
		conf_wrong(c, "limits.failed_authentications",
		    "takes one number and time, as in \"100/10m\", or none");
}

/* AC-189: a window keeps each of its moments. */
void
conf_check_windows(
    struct check *c, const char *option, const struct conf_rates *rates)
{
	for (size_t i = 0; i < rates->n; i++)
		if (rates->v[i].secs >= 86400 &&
		    rates->v[i].count > WINDOW_COUNT_MAX)
			conf_wrong(c, option,
			    "may hold at most %d for a day or longer",
			    WINDOW_COUNT_MAX);
}

/* An entry that no mailbox can ever match would be passed over in silence. */
static void
check_entry(struct check *c, const char *option, const char *entry)
{
	const char *at = strrchr(entry, '@');
	struct span domain = span_str(at == NULL ? entry : at + 1);
	const char *canonical;
	struct job j;

	if (at == NULL && domain.n > 0 && domain.p[0] == '.')
		domain = span_from(domain, 1);
	job_init(&j, NULL, NULL);
	if (at == entry || addr_domain(&j, domain, &canonical) < 0)
		conf_wrong(c, option,
		    "%s is neither a domain (example.org), nor all below one "
		    "(.example.org), nor a mailbox (alice@example.org)",
		    entry);
	else if (!span_caseeq_str(domain, canonical))
		conf_wrong(
		    c, option, "%s: write the domain as %s", entry, canonical);
	job_done(&j);
}

/* What no CAA record can hold stands for nobody: each mailbox whose domain has
 * such records would be refused. */
static void
check_identity(struct check *c, const char *name)
{
	const char *canonical;
	struct job j;

	job_init(&j, NULL, NULL);
	if (addr_domain(&j, span_str(name), &canonical) < 0)
		conf_wrong(c, "policy.caa_identities",
		    "\"%s\" is no domain (ca.example.org)", name);
	else if (!span_caseeq_str(span_str(name), canonical))
		conf_wrong(c, "policy.caa_identities",
		    "%s: write the domain as %s", name, canonical);
	job_done(&j);
}

static void
check_local_part(struct check *c, const char *text)
{
	if (text[0] == '\0' || span_has_control(span_str(text)))
		conf_wrong(c, "policy.reserved_local_parts",
		    "\"%s\" is no local part, such as postmaster", text);
	else if (strchr(text, '@') != NULL)
		conf_wrong(c, "policy.reserved_local_parts",
		    "%s is a mailbox; write what stands before its @", text);
}

void
conf_check_lists(struct check *c)
{
	for (size_t i = 0; i < c->conf->allow.n; i++)
		check_entry(c, "policy.allow", c->conf->allow.v[i]);
	for (size_t i = 0; i < c->conf->deny.n; i++)
		check_entry(c, "policy.deny", c->conf->deny.v[i]);
	for (size_t i = 0; i < c->conf->approved.n; i++) {
		const char *entry = c->conf->approved.v[i];

		check_entry(c, "policy.approved", entry);
		if (strchr(entry, '@') == NULL)
			conf_wrong(c, "policy.approved",
			    "%s is a domain; each mailbox is approved by "
			    "itself",
			    entry);
	}
	for (size_t i = 0; i < c->conf->reserved_local_parts.n; i++)
		check_local_part(c, c->conf->reserved_local_parts.v[i]);
	for (size_t i = 0; i < c->conf->caa_identities.n; i++)
		check_identity(c, c->conf->caa_identities.v[i]);
}

void
conf_check_ocsp(struct check *c)
{
	const struct conf_issuer *i = &c->conf->issuer;

	if (i->ocsp_url != NULL && i->ocsp_folder == NULL)
		conf_wrong(c, "issuer.ocsp_folder",
		    "must be set, since issuer.ocsp_url is");
	if (i->ocsp_mode != CONF_OCSP_LIVE)
		return;
	if (i->ocsp_url == NULL)
		conf_wrong(
		    c, "issuer.ocsp_mode", "live answers need issuer.ocsp_url");
	if (c->conf->web.status_listen.n == 0)
		conf_wrong(c, "issuer.ocsp_mode",
		    "live answers are given on web.status_listen; set it");
}

static const char *
known_profiles(struct check *c)
{
	const char *name;
	struct buf b;

	buf_init(&b, c->arena, 900);
	for (size_t i = 0; (name = profile_name(c->conf, i)) != NULL; i++)
		buf_addf(&b, "%s%s", i == 0 ? "" : ", ", name);
	return b.p;
}

static void
check_profile_list(
    struct check *c, const char *option, const struct conf_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		if (profile_find(c->conf, span_str(list->v[i])) == NULL)
			conf_wrong(c, option, "%s is no profile; there are %s",
			    list->v[i], known_profiles(c));
		else if (conf_list_has_before(list, list->v[i], i))
			conf_wrong(c, option, "has %s twice", list->v[i]);
	}
}

/* AC-142, AC-161, AC-164 */
void
conf_check_profiles(struct check *c)
{
	const struct conf *conf = c->conf;
	const struct conf_list *stopped = &conf->profiles_stopped;
	const char *name;

	check_profile_list(c, "policy.profiles", &conf->profiles);
	check_profile_list(c, "policy.profiles_stopped", stopped);
	check_profile_list(c, "policy.allow_not_after", &conf->allow_not_after);
	if (conf->profile == NULL)
		return;
	if (profile_find(conf, span_str(conf->profile)) == NULL)
		conf_wrong(c, "policy.profile",
		    "%s is no profile; there are %s", conf->profile,
		    known_profiles(c));
	else if (conf->profiles.n > 0 && !conf_list_has_before(&conf->profiles,
					     conf->profile, SIZE_MAX))
		conf_wrong(c, "policy.profiles",
		    "lacks %s, which is policy.profile: add it, or make one of "
		    "the list the default (%s)",
		    conf->profile, known_profiles(c));
	for (size_t i = 0; (name = profile_offered(conf, i)) != NULL; i++)
		if (conf_list_has_before(stopped, name, SIZE_MAX))
			conf_wrong(c, "policy.profiles_stopped",
			    "%s is still offered; stop offering it first",
			    name);
}

/* AC-148.  Each is linked by the others. */
void
conf_check_alternates(struct check *c)
{
	const struct conf_list *list = &c->conf->issuer.alternate_chains;

	if (list->n > ACME_ALTERNATES_MAX)
		conf_wrong(c, "issuer.alternate_chains", "are more than %d",
		    ACME_ALTERNATES_MAX);
	conf_check_absolute(c, "issuer.alternate_chains", list);
}

static bool
is_sha256(const char *text)
{
	return strspn(text, "0123456789abcdef") == strlen(text) &&
	       strlen(text) == 64;
}

void
conf_check_accounts(struct check *c)
{
	const struct conf *conf = c->conf;

	if (conf->tos_binding && conf->tos_url == NULL)
		conf_wrong(c, "tos_binding",
		    "needs tos_url: the terms that are binding");
	if (conf->tos_sha256 != NULL && !is_sha256(conf->tos_sha256))
		conf_wrong(c, "tos_sha256",
		    "must be 64 hexadecimal digits in lower case, as sha256sum "
		    "prints them");
	if (conf->tos_sha256 != NULL && conf->tos_url == NULL)
		conf_wrong(
		    c, "tos_sha256", "needs tos_url: where the document is");
	if (conf->eab_required && conf->web.eab_key_file == NULL)
		conf_wrong(c, "policy.eab_required",
		    "needs web.eab_key_file: the key that the secrets in the "
		    "database are encrypted with");
}

/* An id is added to each, and the whole compared with a record (PK-40). */
void
conf_check_account_prefixes(struct check *c)
{
	const struct conf_list *list = &c->conf->caa_account_prefixes;

	for (size_t i = 0; i < list->n; i++) {
		struct span prefix = span_str(list->v[i]);

		/* No value of a CAA parameter has a blank, a semicolon or
		 * anything beyond ASCII (RFC 8659 4.2). */
		if (!span_starts(prefix, SPAN("https://")) ||
		    prefix.p[prefix.n - 1] != '/' || !span_is_ascii(prefix) ||
		    span_find(prefix, 0, ' ') < prefix.n ||
		    span_find(prefix, 0, ';') < prefix.n)
			conf_wrong(c, "policy.caa_account_prefixes",
			    "each must be a URL that ends with a slash, such "
			    "as https://old.example.org/acme/acct/");
	}
}

void
conf_check_public(struct check *c)
{
	const struct conf *conf = c->conf;

	if (conf->mode != CONF_MODE_PUBLIC)
		return;
	if (conf->caa_identities.n == 0)
		conf_wrong(c, "policy.caa_identities",
		    "must not be empty in public mode");
	if (!conf->caa_enforce)
		conf_wrong(
		    c, "policy.caa_enforce", "must be yes in public mode");
	if (conf->allow_reserved_domains)
		conf_wrong(c, "policy.allow_reserved_domains",
		    "must be no in public mode");
	if (conf->weak_keys == NULL)
		conf_wrong(c, "policy.weak_keys",
		    "must be set in public mode: keys of Debian's broken "
		    "generator and published ones must be known (PK-74)");
	if (conf->external.kind == CONF_EXTERNAL_NONE &&
	    conf->issuer.ca_issuers_url == NULL)
		conf_wrong(c, "issuer.ca_issuers_url",
		    "must be set in public mode: each certificate says where "
		    "that of its CA is (PK-105)");
	/* PK-10: who agreed to which document, before an order is accepted. */
	if (conf->tos_url == NULL)
		conf_wrong(c, "tos_url", "must be set in public mode");
	if (conf->tos_sha256 == NULL)
		conf_wrong(c, "tos_sha256",
		    "must be set in public mode: which document accounts "
		    "agreed to is recorded (PK-10)");
	if (!conf->tos_binding)
		conf_wrong(c, "tos_binding",
		    "must be yes in public mode: accounts agree to the terms "
		    "before they order (PK-10)");
}
