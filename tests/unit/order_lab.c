#include "config.h"

#include "tests/unit/order_lab.h"

struct answer
order_lab_new(struct job *j, const char *identifiers)
{
	return front_post(j, FRONT_NEW_ORDER,
	    arena_printf(j->arena, "{\"identifiers\":%s}", identifiers));
}

const char *
order_lab_authz_url(const struct answer *a, size_t i)
{
	const struct json *list = json_get(a->doc, "authorizations");

	assert_true(i < json_count(list));
	return json_string(json_at(list, i)).p;
}

struct answer
order_lab_read(struct job *j, const char *url)
{
	return front_post(j, front_path(url), "");
}

const struct json *
order_lab_challenge(const struct answer *authz)
{
	const struct json *list = json_get(authz->doc, "challenges");

	assert_int_equal(json_count(list), 1);
	return json_at(list, 0);
}

const char *
order_lab_member(const struct json *object, const char *name)
{
	const struct json *v = json_get(object, name);

	if (json_type(v) != JSON_T_STRING)
		fail_msg("no string %s", name);
	return json_string(v).p;
}
