#include "config.h"

#include "tests/unit/order_lab.h"

#include <string.h>

#include "tests/unit/acme_mailbox.h"
#include "tests/unit/vectors.h"

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

const char *
order_lab_alice(struct job *j)
{
	struct answer a = order_lab_new(j, "[" ALICE "]");

	front_expect(&a, 201, "", NULL);
	return front_header(&a, "Location", 0);
}

const char *
order_lab_ready(struct job *j)
{
	const char *url = order_lab_alice(j), *challenge_url;
	struct answer a = order_lab_read(j, url);

	if (strcmp(front_str(&a, "status"), "ready") == 0)
		return url;
	a = order_lab_read(j, order_lab_authz_url(&a, 0));
	challenge_url = order_lab_member(order_lab_challenge(&a), "url");
	mailbox_reply(j, challenge_url, VERDICT_MATCH);
	a = front_post(j, front_path(challenge_url), "{}");
	front_expect(&a, 200, "", NULL);
	return url;
}

const char *
order_lab_csr(const char *name)
{
	return vectors_str(
	    vectors_named(vectors_at("finalize_csr/cases"), name), "csr_b64u");
}

struct answer
order_lab_finalize(struct job *j, const char *order_url, const char *csr_b64u)
{
	return front_post(j,
	    arena_printf(j->arena, "%s/finalize", front_path(order_url)),
	    arena_printf(j->arena, "{\"csr\":\"%s\"}", csr_b64u));
}

const char *
order_lab_status(struct job *j, const char *order_url)
{
	struct answer a = order_lab_read(j, order_url);

	front_expect(&a, 200, "", NULL);
	return front_str(&a, "status");
}
