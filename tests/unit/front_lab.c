#include "config.h"

#include "tests/unit/front_lab.h"

#include <string.h>

#include "db/store_admin.h"
#include "lib/clock.h"
#include "src/admin_session.h"
#include "tests/unit/admin_lab.h"
#include "tests/unit/pki_lab.h"

struct front_lab front_lab;

void
front_lab_add(struct job *j, const char *name, struct span key, bool is_proven)
{
	const struct admin_key k = { .spki = key };
	const struct conf *conf = j->conf;

	admin_lab_add(j, name, ADMIN_AUDITOR, &k, SPAN(PASSWORD));
	j->conf = conf;
	if (is_proven)
		COMMITTED(j, store_admin_key_prove(j, name, key));
}

void
front_lab_start(struct job *j)
{
	role_lab_init(&front_lab.role, j);
	front_lab.role.conf.database = "postgresql:"; /* its disk is not ours */
	front_lab.role.conf.ca_name = "Example <CA>";
	front_lab.role.conf.issuer.ca_certificate =
	    arena_printf(j->arena, "%s/issuing.pem", lab_ca_folder("p384"));
	front_lab.role.conf.issuer.crl_url = "http://crl.ca.test/issuing.crl";
	front_lab.role.conf.issuer.crl_shards = 1;
	front_lab.role.conf.admin.session_idle = IDLE;
	j->conf = &front_lab.role.conf;
	front_lab_add(j, "alice", ALICE, true);
	front_lab_add(j, "bob", BOB, true);
	admin_front_free(front_lab.front);
	front_lab.front = admin_front_new();
}

struct response
front_lab_ask(struct job *j, struct admin_query q)
{
	struct response r;

	job_recover(j);
	j->now = clock_now();
	q.host = SPAN("admin.test:8443");
	q.address = "192.0.2.1";
	admin_front_answer(j, front_lab.front, &q, &r);
	job_recover(j);
	unit_case(
	    "%s %.*s: %d", q.method, (int)q.target.n, q.target.p, r.status);
	return r;
}

struct response
front_lab_post(struct job *j, const char *path, struct span key,
    const char *cookie, const char *form)
{
	return front_lab_ask(
	    j, (struct admin_query){ .method = "POST",
		   .target = span_str(path),
		   .origin = SPAN("https://admin.test:8443"),
		   .content_type = SPAN("application/x-www-form-urlencoded"),
		   .client_key = key,
		   .cookie = span_str(cookie),
		   .body = span_str(form) });
}

struct response
front_lab_get(
    struct job *j, const char *target, struct span key, const char *cookie)
{
	return front_lab_ask(j, (struct admin_query){ .method = "GET",
				    .target = span_str(target),
				    .client_key = key,
				    .cookie = span_str(cookie) });
}

const char *
front_lab_field(const struct response *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (strcmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return "";
}

const char *
front_lab_cookie(struct job *j, const struct response *r)
{
	const char *set = front_lab_field(r, "Set-Cookie");
	size_t n = strcspn(set, ";");

	assert_true(n > ADMIN_TOKEN_LEN);
	return arena_printf(j->arena, "a=b; %.*s; c=d", (int)n, set);
}

const char *
front_lab_log_in(struct job *j, const char *name, struct span key)
{
	struct response r = front_lab_post(j, "/login", key, "",
	    arena_printf(j->arena, "name=%s&%s", name, PASSWORD_FORM));

	assert_int_equal(r.status, 303);
	assert_string_equal(front_lab_field(&r, "Location"), "/");
	return front_lab_cookie(j, &r);
}

const char *
front_lab_page(struct job *j, const char *target, const char *cookie)
{
	struct response r = front_lab_get(j, target, ALICE, cookie);

	assert_int_equal(r.status, 200);
	return r.body.p;
}

void
front_lab_expect(const char *text, const char *what)
{
	if (strstr(text, what) == NULL)
		fail_msg("no \"%s\" in:\n%s", what, text);
}
