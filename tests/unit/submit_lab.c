#include "config.h"

#include "tests/unit/submit_lab.h"

#include "tests/unit/unit.h"

/* Generous: no test passes or fails because a machine is slow. */
#define TIMEOUT_MS 60000

struct submit *
submit_lab_make(const struct set_up *u)
{
	struct submit_conf conf = { .host =
					u->host == NULL ? "localhost" : u->host,
		.port = u->port,
		.tls = u->tls,
		.ca_file = u->ca_file,
		.user = u->user,
		.password = SPAN("s3cret"),
		.auth = u->auth,
		.token = { .file = u->token_file, .command = u->token_command },
		.timeout_ms = u->timeout_ms == 0 ? TIMEOUT_MS : u->timeout_ms,
		.is_ending = u->is_ending };
	struct submit *s = NULL;

	if (submit_new(unit_job(), &conf, &s) < 0)
		fail_msg("%s", unit_job()->err.text);
	return s;
}

struct submit_result
send_one(struct submit *s)
{
	struct submit_result result;

	if (submit_send(s, unit_job(), FROM, TO, SPAN(MESSAGE), &result) < 0)
		fail_msg("%s", unit_job()->err.text);
	return result;
}

struct submit_result
try_script(const struct peer_step *script, struct peer_tls *tls,
    struct set_up u, struct peer **heard)
{
	struct peer *p = peer_start(script, tls);
	struct submit_result result;
	struct submit *s;

	u.port = peer_port(p);
	s = submit_lab_make(&u);
	result = send_one(s);
	submit_free(s);
	peer_stop(p);
	*heard = p;
	return result;
}

void
submit_lab_refuses(
    const struct submit_lab_refusal *cases, size_t count, enum conf_auth auth)
{
	for (size_t i = 0; i < count; i++) {
		struct peer *p;
		struct submit_result r;

		unit_case("%s", cases[i].name);
		r = try_script(cases[i].script, cases[i].tls,
		    (struct set_up){ .tls = cases[i].kind,
			.user = "user",
			.auth = auth,
			.ca_file = cases[i].ca_file },
		    &p);
		assert_int_equal(r.outcome, SUBMIT_TEMPORARY);
		if (strstr(r.answer, cases[i].expected) == NULL)
			fail_msg("\"%s\"", r.answer);
		assert_false(peer_heard(p, "AUTH"));
		assert_false(peer_heard(p, "AHVzZXIAczNjcmV0"));
		assert_false(peer_heard(p, "MAIL"));
		peer_free(p);
	}
}
