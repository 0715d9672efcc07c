#include "config.h"

#include "src/caa_rules.h"

#include <string.h>

#include "db/store_caa.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json.h"

struct caa_policy
caa_rules_policy(const struct conf *conf)
{
	return (struct caa_policy){ .issuer_domains = &conf->caa_identities,
		.flag1_critical = conf->caa_flag1_critical,
		.account_prefixes = &conf->caa_account_prefixes,
		.ignore_unknown = conf->caa_ignore_unknown };
}

const char *
caa_rules_account(struct job *j, const char *account_id)
{
	return arena_printf(
	    j->arena, "%s/acme/acct/%s", j->conf->base_url, account_id);
}

static struct conf_list
read_list(struct job *j, const struct json *list)
{
	size_t n = json_count(list);
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): a row of pointers */
	const char **v = arena_calloc(j->arena, n + 1, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = span_dup(j->arena, json_string(json_at(list, i)));
	return (struct conf_list){ v, n };
}

int
caa_rules_read(struct job *j, const char *trace, struct caa_rules *out)
{
	const struct json *t, *account, *issuers;

	*out = (struct caa_rules){ .account_url = "" };
	if (caa_trace_parse(j, trace, &t) < 0)
		return -1;
	account = json_get(t, "account");
	issuers = json_get(t, "issuer_domains");
	if (json_type(account) != JSON_T_STRING ||
	    json_type(issuers) != JSON_T_ARRAY)
		return job_fail(j, ERR_UNAUTHORIZED,
		    "the CAA check does not say by which rules it was made");
	out->account_url = span_dup(j->arena, json_string(account));
	out->issuer_domains = read_list(j, issuers);
	out->account_prefixes = read_list(j, json_get(t, "account_prefixes"));
	out->policy = (struct caa_policy){
		.issuer_domains = &out->issuer_domains,
		.flag1_critical = json_bool(json_get(t, "flag1_critical")),
		.account_prefixes = &out->account_prefixes,
		.ignore_unknown = json_bool(json_get(t, "ignore_unknown")),
	};
	return 0;
}

static bool
same_list(const struct conf_list *a, const struct conf_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

int
caa_rules_hold(struct job *j, const struct caa_row *c)
{
	const struct caa_policy now = caa_rules_policy(j->conf);
	struct caa_rules then;

	if (caa_rules_read(j, c->trace, &then) < 0)
		return -1;
	return strcmp(then.account_url, caa_rules_account(j, c->account_id)) ==
		   0 &&
	       same_list(&then.issuer_domains, now.issuer_domains) &&
	       same_list(&then.account_prefixes, now.account_prefixes) &&
	       then.policy.flag1_critical == now.flag1_critical &&
	       then.policy.ignore_unknown == now.ignore_unknown;
}
