#include "config.h"

#include "acme/identifier.h"

#include <inttypes.h>
#include <string.h>

#include "acme/policy.h"
#include "acme/refusals.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"

/* AC-83: an object with string type and string value. */
static int
read_one(struct job *j, const struct json *object, struct identifier *out)
{
	const struct json *type = json_get(object, "type");
	const struct json *value = json_get(object, "value");

	if (json_type(type) != JSON_T_STRING ||
	    json_type(value) != JSON_T_STRING)
		return job_fail(j, ERR_MALFORMED,
		    "each identifier must be an object with the strings type "
		    "and value");
	out->type = json_string(type);
	out->value = json_string(value);
	return 0;
}

static int
read_shape(struct job *j, const struct json *payload, struct identifier **out,
    size_t *count)
{
	const struct json *array = json_get(payload, "identifiers");
	struct identifier *list;

	*count = json_type(array) == JSON_T_ARRAY ? json_count(array) : 0;
	if (*count == 0)
		return job_fail(
		    j, ERR_MALFORMED, "identifiers must be a non-empty array");
	list = arena_calloc(j->arena, *count, sizeof(*list));
	for (size_t i = 0; i < *count; i++) {
		if (read_one(j, json_at(array, i), &list[i]) < 0)
			return -1;
	}
	*out = list;
	return 0;
}

/* L-7: a value with @ can never be a host name. */
static bool
is_email(const struct conf *conf, const struct identifier *id)
{
	if (span_eq_str(id->type, "email"))
		return true;
	return conf->compat_dns_mailbox && span_eq_str(id->type, "dns") &&
	       span_find(id->value, 0, '@') < id->value.n;
}

static int
check_syntax(struct job *j, const struct conf *conf, struct identifier *id)
{
	struct addr_policy policy = policy_addr(conf);

	if (!is_email(conf, id))
		return job_fail(j, ERR_UNSUPPORTED_IDENTIFIER,
		    "only identifiers of type email are supported");
	if (span_find(id->value, 0, '*') < id->value.n) /* AC-86 */
		return job_fail(j, ERR_MALFORMED,
		    "wildcards are not allowed in email identifiers");
	return addr_parse(j, id->value, &policy, &id->addr);
}

static bool
is_among(
    const struct identifier *list, size_t count, const struct identifier *id)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].addr.canonical, id->addr.canonical) == 0)
			return true;
	return false;
}

/*
 * AC-89: exactly equal canonical forms are one identifier, the first: the good
 * ones so far are the list's first *kept.  The store is asked about as many as
 * an order may hold; of more than that the order is refused anyway.
 */
static int
take_one(struct job *j, const struct conf *conf, const struct conf_list *allow,
    struct identifier *list, size_t i, size_t *kept)
{
	struct identifier id = list[i];

	if (check_syntax(j, conf, &id) < 0)
		return -1;
	if (is_among(list, *kept, &id))
		return 0;
	if (*kept < (size_t)conf->max_identifiers &&
	    policy_check(j, conf, allow, &id.addr) < 0)
		return -1;
	list[(*kept)++] = id;
	return 0;
}

int
identifier_parse(struct job *j, const struct conf *conf,
    const struct conf_list *allow, const struct json *payload,
    struct response *resp, struct identifier **out, size_t *count)
{
	struct refusals refused;
	size_t kept = 0;

	if (read_shape(j, payload, out, count) < 0)
		return -1;
	refusals_init(&refused, j);
	for (size_t i = 0; i < *count; i++) {
		if (take_one(j, conf, allow, *out, i, &kept) < 0) {
			struct identifier *id = &(*out)[i];

			if (!err_is_theirs(j->err.kind))
				return -1;
			refusals_add(&refused, j, &id->type, &id->value);
		}
	}
	if (refusals_end(
		&refused, j, resp, "several identifiers were refused") < 0)
		return -1;
	*count = kept;
	if (*count > (size_t)conf->max_identifiers)
		return job_fail(j, ERR_MALFORMED,
		    "at most %" PRId64 " identifiers per order",
		    conf->max_identifiers);
	return 0;
}

int
identifier_parse_one(struct job *j, const struct conf *conf,
    const struct conf_list *allow, const struct json *payload,
    struct response *resp, struct identifier *out)
{
	struct refusals refused;

	if (json_get(payload, "identifiers") != NULL)
		return job_fail(j, ERR_MALFORMED,
		    "an authorization has one identifier, in the member "
		    "identifier");
	if (read_one(j, json_get(payload, "identifier"), out) < 0)
		return -1;
	refusals_init(&refused, j);
	if (check_syntax(j, conf, out) < 0 ||
	    policy_check(j, conf, allow, &out->addr) < 0) {
		if (!err_is_theirs(j->err.kind))
			return -1;
		refusals_add(&refused, j, &out->type, &out->value);
	}
	return refusals_end(&refused, j, resp, "");
}
