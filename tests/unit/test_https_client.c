/*
 * The client's HTTPS against servers that play tricks: what libcurl could do
 * and must not (redirects, proxies, .netrc), and TLS that must not succeed.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "src/https_client.h"
#include "tests/unit/peer.h"

#define REQUEST                                                                \
	{ PEER_TLS, NULL },                                                    \
	{                                                                      \
		PEER_LINES, "\r\n"                                             \
	}
#define ANSWER(text)                                                           \
	{ PEER_SEND, text }, { PEER_SILENCE, NULL },                           \
	{                                                                      \
		PEER_END, NULL                                                 \
	}

struct exchange {
	struct peer *peer;
	struct https_response r;
	int result;
};

/* One GET; `ca_file` NULL: the peer's own authority. */
static struct exchange
get(const struct peer_step *steps, const char *name, const char *ca_file,
    size_t max)
{
	struct job *j = unit_job();
	struct peer_tls *tls = peer_tls_new(name);
	struct exchange x = { .peer = peer_start(steps, tls) };
	struct https_client_conf conf = {
		.ca_file = ca_file != NULL ? ca_file : peer_tls_ca_file(tls),
		.language = "de",
		.user_agent = "test",
		.timeout_ms = 60000,
	};
	struct https_request request = { .method = HTTPS_GET,
		.url = arena_printf(
		    j->arena, "https://127.0.0.1:%d/path", peer_port(x.peer)),
		.answer_max = max };
	struct https_client *c;

	assert_int_equal(https_client_new(j, &conf, &c), 0);
	x.result = https_client_send(c, j, &request, &x.r);
	https_client_free(c);
	peer_stop(x.peer);
	peer_tls_free(tls);
	return x;
}

static void
test_answer(void **state)
{
	static const struct peer_step steps[] = { REQUEST,
		ANSWER("HTTP/1.1 103 Early Hints\r\n"
		       "Replay-Nonce: early\r\n\r\n"
		       "HTTP/1.1 201 Created\r\n"
		       "Content-Type: application/json; charset=utf-8\r\n"
		       "REPLAY-nonce:  abc-_  \r\n"
		       "Location: https://ca.test/acct/1\r\n"
		       "Retry-After: 7\r\n"
		       "Connection: close\r\n"
		       "Content-Length: 5\r\n\r\nhello") };
	struct exchange x = get(steps, "127.0.0.1", NULL, 5);

	(void)state;
	assert_int_equal(x.result, 0);
	assert_int_equal(x.r.status, 201);
	assert_span_equal(x.r.body, "hello");
	assert_string_equal(x.r.content_type, "application/json");
	assert_string_equal(x.r.replay_nonce, "abc-_");
	assert_string_equal(x.r.location, "https://ca.test/acct/1");
	assert_int_equal(x.r.retry_after, 7);
	assert_true(peer_heard(x.peer, "GET /path HTTP/1.1\r\n"));
	assert_true(peer_heard(x.peer, "Accept-Language: de\r\n"));
	assert_false(peer_heard(x.peer, "Expect:"));
	peer_free(x.peer);
}

static void
test_missing_fields(void **state)
{
	static const struct peer_step steps[] = { REQUEST,
		ANSWER("HTTP/1.1 200 OK\r\n"
		       "Location: a\tb\r\n"
		       "Replay-Nonce: \xc3\xa4\r\n"
		       "Connection: close\r\nContent-Length: 0\r\n\r\n") };
	struct exchange x = get(steps, "127.0.0.1", NULL, 10);

	(void)state;
	assert_int_equal(x.result, 0);
	assert_null(x.r.location);
	assert_null(x.r.replay_nonce);
	assert_string_equal(x.r.content_type, "");
	assert_int_equal(x.r.retry_after, -1);
	peer_free(x.peer);
}

static unsigned asked;

/* The signal comes while it waits. */
static bool
ends_soon(void)
{
	return ++asked > 1;
}

/* A stop waits neither for who says nothing nor for who is not there. */
static void
test_ending(void **state)
{
	static const struct peer_step mute[] = { { PEER_SILENCE, NULL },
		{ PEER_END, NULL } };
	static const struct peer_step no_answer[] = { REQUEST,
		{ PEER_SILENCE, NULL }, { PEER_END, NULL } };
	struct peer_tls *tls = peer_tls_new("127.0.0.1");
	struct peer *peers[] = { peer_start(mute, tls),
		peer_start(no_answer, tls) };
	struct peer_deaf *deaf = peer_deaf_new();
	const int ports[] = { peer_port(peers[0]), peer_port(peers[1]),
		peer_deaf_port(deaf) };
	const struct https_client_conf conf = {
		.ca_file = peer_tls_ca_file(tls),
		.user_agent = "test",
		.timeout_ms = 600000,
		.is_ending = ends_soon,
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct https_request request = { .method = HTTPS_GET,
			.url = arena_printf(
			    j->arena, "https://127.0.0.1:%d/", ports[i]),
			.answer_max = 10 };
		int64_t begun = clock_mono_ms();
		struct https_response r;
		struct https_client *c;

		asked = 0;
		assert_int_equal(https_client_new(j, &conf, &c), 0);
		assert_int_equal(https_client_send(c, j, &request, &r), -1);
		assert_int_equal(j->err.kind, ERR_BUSY);
		/* curl's own limit for connecting is 20 s. */
		assert_in_range(clock_mono_ms() - begun, 0, 15000);
		assert_true(asked > 1);
		https_client_free(c);
		job_recover(j);
	}
	peer_deaf_free(deaf);
	for (size_t i = 0; i < 2; i++) {
		peer_stop(peers[i]);
		peer_free(peers[i]);
	}
	peer_tls_free(tls);
}

/* A redirect is an answer like any other. */
static void
test_redirect(void **state)
{
	static const struct peer_step steps[] = { REQUEST,
		ANSWER("HTTP/1.1 302 Found\r\nLocation: /other\r\n"
		       "Connection: close\r\nContent-Length: 0\r\n\r\n") };
	struct exchange x = get(steps, "127.0.0.1", NULL, 10);

	(void)state;
	assert_int_equal(x.result, 0);
	assert_int_equal(x.r.status, 302);
	assert_int_equal(peer_connections(x.peer), 1);
	assert_false(peer_heard(x.peer, "/other"));
	peer_free(x.peer);
}

static void
test_too_large(void **state)
{
	static const struct peer_step steps[] = { REQUEST,
		ANSWER("HTTP/1.1 200 OK\r\nConnection: close\r\n"
		       "Content-Length: 11\r\n\r\nhello world") };
	struct exchange x = get(steps, "127.0.0.1", NULL, 10);

	(void)state;
	assert_int_equal(x.result, -1);
	assert_job_error(unit_job(), ERR_INTERNAL, NULL);
	assert_non_null(strstr(unit_job()->err.text, "larger"));
	peer_free(x.peer);
}

/* Neither the environment's proxy nor its .netrc. */
static void
test_environment(void **state)
{
	static const struct peer_step steps[] = { REQUEST,
		ANSWER("HTTP/1.1 200 OK\r\nConnection: close\r\n"
		       "Content-Length: 0\r\n\r\n") };
	struct exchange x;
	FILE *f;

	(void)state;
	f = fopen(unit_path(".netrc"), "w");
	assert_non_null(f);
	fputs("default login alice password secret\n", f);
	fclose(f);
	setenv("HOME", unit_folder(), 1);
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	x = get(steps, "127.0.0.1", NULL, 10);
	unsetenv("https_proxy");
	unsetenv("HTTPS_PROXY");
	unsetenv("ALL_PROXY");
	assert_int_equal(x.result, 0);
	assert_false(peer_heard(x.peer, "Authorization"));
	peer_free(x.peer);
}

static void
refuse_tls(const char *name, const char *ca_file)
{
	static const struct peer_step steps[] = { REQUEST,
		ANSWER("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") };
	struct exchange x = get(steps, name, ca_file, 10);

	assert_int_equal(x.result, -1);
	assert_job_error(unit_job(), ERR_INTERNAL, NULL);
	assert_non_null(strstr(unit_job()->err.text, "not trusted"));
	assert_false(peer_heard(x.peer, "GET"));
	peer_free(x.peer);
}

static void
test_wrong_name(void **state)
{
	(void)state;
	refuse_tls("ca.test", NULL);
}

static void
test_wrong_authority(void **state)
{
	struct peer_tls *other = peer_tls_new("127.0.0.1");

	(void)state;
	refuse_tls("127.0.0.1", peer_tls_ca_file(other));
	peer_tls_free(other);
}

/* No answer is worth another try. */
static void
test_broken_off(void **state)
{
	static const struct peer_step steps[] = { REQUEST,
		{ PEER_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx" },
		{ PEER_RESET, NULL }, { PEER_END, NULL } };
	struct exchange x = get(steps, "127.0.0.1", NULL, 10);

	(void)state;
	assert_int_equal(x.result, -1);
	assert_job_error(unit_job(), ERR_BUSY, NULL);
	peer_free(x.peer);
}

static void
test_bad_url(void **state)
{
	const struct https_client_conf conf = { .user_agent = "test",
		.timeout_ms = 1000 };
	const struct https_request request = { .method = HTTPS_GET,
		.url = "file:///etc/passwd",
		.answer_max = 10 };
	struct https_response r;
	struct https_client *c;

	(void)state;
	assert_int_equal(https_client_new(unit_job(), &conf, &c), 0);
	assert_int_equal(https_client_send(c, unit_job(), &request, &r), -1);
	assert_job_error(unit_job(), ERR_INTERNAL, NULL);
	https_client_free(c);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_answer),
	cmocka_unit_test(test_missing_fields),
	cmocka_unit_test(test_ending),
	cmocka_unit_test(test_redirect),
	cmocka_unit_test(test_too_large),
	cmocka_unit_test(test_environment),
	cmocka_unit_test(test_wrong_name),
	cmocka_unit_test(test_wrong_authority),
	cmocka_unit_test(test_broken_off),
	cmocka_unit_test(test_bad_url),
};

UNIT_MAIN(tests)
