/*
 * The ACME client against a server that a script plays: nonces and their
 * retry (AC-55, AC-56), accounts (AC-65, AC-66, AC-68), refusals (AC-91,
 * AC-192), the chain's media type (AC-146).
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/count.h"
#include "pki/ossl.h"
#include "src/acme_client.h"
#include "src/remote.h"
#include "tests/unit/acme_play.h"

struct play {
	struct peer_tls *tls;
	struct peer *server;
	struct acme_client *client;
	const char *base;
};

/*
 * Two peers, because a directory's text holds the port: one says where, the
 * other is the server.
 */
static struct play
open_play(const struct peer_step *steps, const char *meta)
{
	struct job *j = unit_job();
	struct acme_client_conf conf = { .account_key = ossl_own_pkey(j->arena,
					     EVP_EC_gen("prime256v1")) };
	struct play p = { .tls = peer_tls_new("127.0.0.1") };
	struct peer *directory;

	p.server = peer_start(steps, p.tls);
	p.base =
	    arena_printf(j->arena, "https://127.0.0.1:%d", peer_port(p.server));
	const struct peer_step where[] = {
		EXCHANGE("GET /directory ", "200 OK", JSON,
		    arena_printf(j->arena,
			"{\"newNonce\":\"%s/nonce\",\"newAccount\":\"%s/acct\","
			"\"newOrder\":\"%s/order\",\"meta\":{%s}}",
			p.base, p.base, p.base, meta)),
		END
	};
	directory = peer_start(where, p.tls);
	conf.ca_file = peer_tls_ca_file(p.tls);
	conf.directory = arena_printf(
	    j->arena, "https://127.0.0.1:%d/directory", peer_port(directory));
	if (acme_client_new(j, &conf, &p.client) < 0)
		fail_msg("%s", j->err.text);
	peer_stop(directory);
	peer_free(directory);
	return p;
}

/* All that was expected was asked for, and nothing else. */
static void
close_play(struct play *p, int connections)
{
	acme_client_free(p->client);
	peer_stop(p->server);
	assert_string_equal(peer_complaint(p->server), "");
	assert_int_equal(peer_connections(p->server), connections);
	peer_free(p->server);
	peer_tls_free(p->tls);
}

static const struct acme_client_account nobody = { 0 };

/* --- nonces -------------------------------------------------------------- */

/* A refused nonce is not the end, and the answer brings the next one. */
static void
test_bad_nonce(void **state)
{
	const struct peer_step steps[] = { FRESH_NONCE,
		EXCHANGE("POST /acct ", "400 Bad Request",
		    PROBLEM NONCE("next"), PROBLEM_OF("badNonce", "")),
		FOUND, END };
	struct play p = open_play(steps, "");
	bool made;

	(void)state;
	assert_int_equal(
	    acme_client_account(p.client, unit_job(), &nobody, &made), 0);
	assert_false(made);
	close_play(&p, 3);
}

/* One without its next nonce: that is fetched. */
static void
test_bad_nonce_alone(void **state)
{
	const struct peer_step steps[] = { FRESH_NONCE,
		EXCHANGE("POST /acct ", "400 Bad Request", PROBLEM,
		    PROBLEM_OF("badNonce", "")),
		FRESH_NONCE, FOUND, END };
	struct play p = open_play(steps, "");
	bool made;

	(void)state;
	assert_int_equal(
	    acme_client_account(p.client, unit_job(), &nobody, &made), 0);
	close_play(&p, 4);
}

static void
test_bad_nonce_for_ever(void **state)
{
#define REFUSED                                                                \
	EXCHANGE("POST /acct ", "400 Bad Request", PROBLEM NONCE("next"),      \
	    PROBLEM_OF("badNonce", ""))
	const struct peer_step steps[] = { FRESH_NONCE, REFUSED, REFUSED,
		REFUSED, REFUSED, END };
	struct play p = open_play(steps, "");
	bool made;

	(void)state;
	assert_int_equal(
	    acme_client_account(p.client, unit_job(), &nobody, &made), -1);
	assert_job_error(unit_job(), ERR_BAD_NONCE, NULL);
	close_play(&p, 5);
}

/* A nonce in another alphabet is as good as none. */
static void
test_no_nonce(void **state)
{
	const struct peer_step steps[] = {
		EXCHANGE("HEAD /nonce ", "200 OK", NONCE("a+b"), ""), END
	};
	struct play p = open_play(steps, "");
	bool made;

	(void)state;
	assert_int_equal(
	    acme_client_account(p.client, unit_job(), &nobody, &made), -1);
	assert_job_error(unit_job(), ERR_MALFORMED, NULL);
	assert_non_null(strstr(unit_job()->err.text, "no nonce"));
	close_play(&p, 1);
}

/* --- accounts ------------------------------------------------------------ */

#define NOT_FOUND                                                              \
	EXCHANGE("POST /acct ", "400 Bad Request", PROBLEM NONCE("next"),      \
	    PROBLEM_OF("accountDoesNotExist", ""))

static void
test_new_account(void **state)
{
	static const char *const contacts[] = { "mailto:alice@user.test" };
	const struct acme_client_account agreed = {
		.contacts = contacts, .contact_count = 1, .accept_terms = true
	};
	const struct peer_step steps[] = { FRESH_NONCE, NOT_FOUND,
		EXCHANGE("POST /acct ", "201 Created",
		    JSON ACCOUNT NONCE("third"), "{\"status\":\"valid\"}"),
		END };
	struct play p =
	    open_play(steps, "\"termsOfService\":\"https://ca.test/terms\"");
	bool made;

	(void)state;
	assert_int_equal(
	    acme_client_account(p.client, unit_job(), &agreed, &made), 0);
	assert_true(made);
	close_play(&p, 3);
}

/* Nothing is agreed to in silence. */
static void
test_terms(void **state)
{
	const struct peer_step steps[] = { FRESH_NONCE, NOT_FOUND, END };
	struct play p =
	    open_play(steps, "\"termsOfService\":\"https://ca.test/terms\"");
	bool made;

	(void)state;
	assert_int_equal(
	    acme_client_account(p.client, unit_job(), &nobody, &made), -1);
	assert_job_error(unit_job(), ERR_USER_ACTION_REQUIRED, NULL);
	assert_non_null(strstr(unit_job()->err.text, "https://ca.test/terms"));
	assert_non_null(strstr(unit_job()->err.text, "--accept-terms"));
	close_play(&p, 2);
}

static void
test_binding(void **state)
{
	const struct peer_step steps[] = { FRESH_NONCE, NOT_FOUND, END };
	struct play p = open_play(steps, "\"externalAccountRequired\":true");
	bool made;

	(void)state;
	assert_int_equal(
	    acme_client_account(p.client, unit_job(), &nobody, &made), -1);
	assert_job_error(unit_job(), ERR_EXTERNAL_ACCOUNT_REQUIRED, NULL);
	close_play(&p, 2);
}

/* What a server says of itself in another shape than RFC 8555 7.1.1 and the
 * profiles draft have it is as if it said nothing. */
static void
test_odd_meta(void **state)
{
	static const char *const odd[] = { "[\"a\",\"b\"]", "\"a\"", "7",
		"true", "null", "{}" };
	const struct peer_step steps[] = { END };

	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++) {
		struct job *j = unit_job();
		struct play p;

		unit_case("%s", odd[i]);
		p = open_play(
		    steps, arena_printf(j->arena,
			       "\"profiles\":%s,\"termsOfService\":[%s],"
			       "\"externalAccountRequired\":\"%zu\"",
			       odd[i], odd[i], i));
		assert_int_equal(
		    acme_client_check_profile(p.client, j, NULL), 0);
		assert_int_equal(
		    acme_client_check_profile(p.client, j, "a"), -1);
		assert_non_null(strstr(j->err.text, "it has: none"));
		close_play(&p, 0);
	}
}

static void
test_dead_account(void **state)
{
	const struct peer_step steps[] = { FRESH_NONCE,
		EXCHANGE("POST /acct ", "200 OK", JSON ACCOUNT NONCE("n"),
		    "{\"status\":\"deactivated\"}"),
		END };
	struct play p = open_play(steps, "");
	bool made;

	(void)state;
	assert_int_equal(
	    acme_client_account(p.client, unit_job(), &nobody, &made), -1);
	assert_non_null(strstr(unit_job()->err.text, "--account-key"));
	close_play(&p, 2);
}

/* --- refusals ------------------------------------------------------------ */

#define SUBPROBLEM                                                             \
	",\"subproblems\":[{\"type\":\"urn:ietf:params:acme:error:caa\","      \
	"\"detail\":\"no\",\"identifier\":{\"type\":\"email\",\"value\":"      \
	"\"alice@user.test\"}}]"

/* How a refused order becomes an error. */
static void
refused_order(const char *status, const char *fields, const char *body,
    enum err_kind kind, const char *const *words)
{
	static const char *const mailboxes[] = { "alice@user.test" };
	const struct peer_step steps[] = { FRESH_NONCE, FOUND,
		EXCHANGE("POST /order ", status, fields, body), END };
	struct play p = open_play(steps, "");
	struct job *j = unit_job();
	struct remote_order order;
	bool made;

	assert_int_equal(acme_client_account(p.client, j, &nobody, &made), 0);
	assert_int_equal(acme_client_order(p.client, j,
			     &(struct acme_client_wish){
				 .mailboxes = mailboxes, .mailbox_count = 1 },
			     &order),
	    -1);
	assert_int_equal(j->err.kind, kind);
	for (; *words != NULL; words++)
		if (strstr(j->err.text, *words) == NULL &&
		    strstr(acme_client_details(p.client), *words) == NULL)
			fail_msg(
			    "\"%s\" is not in \"%s\"", *words, j->err.text);
	job_recover(j);
	close_play(&p, 3);
}

static void
test_refusals(void **state)
{
	static const struct {
		const char *status, *fields, *body;
		enum err_kind kind;
		const char *words[4];
	} cases[] = {
		{ "403 Forbidden", PROBLEM,
		    PROBLEM_OF("rejectedIdentifier", SUBPROBLEM),
		    ERR_REJECTED_IDENTIFIER,
		    { "rejectedIdentifier: because", "403",
			"  - alice@user.test: caa: no\n" } },
		{ "429 Too Many", PROBLEM "Retry-After: 60\r\n",
		    PROBLEM_OF("rateLimited", ""), ERR_RATE_LIMITED,
		    { "again in 60 seconds" } },
		{ "403 Forbidden", PROBLEM,
		    PROBLEM_OF("userActionRequired",
			",\"instance\":\"https://ca.test/agree\""),
		    ERR_USER_ACTION_REQUIRED, { "https://ca.test/agree" } },
		{ "500 Oops", PROBLEM, PROBLEM_OF("serverInternal", ""),
		    ERR_BUSY, { "serverInternal: because" } },
		{ "503 Busy", "", "", ERR_BUSY, { "503" } },
		{ "400 Bad", PROBLEM, "{\"type\":\"about:blank\"}",
		    ERR_MALFORMED, { "about:blank" } },
		{ "404 Not Found", "Content-Type: text/html\r\n",
		    "<html>\x1b[2J", ERR_MALFORMED,
		    { "404", "ACME directory" } },
		{ "302 Found", "Location: /login\r\n", "", ERR_MALFORMED,
		    { "302", "refers to /login", "not followed" } },
		{ "308 Permanent", "Location: https://ca.test/acme\r\n",
		    "moved", ERR_MALFORMED,
		    { "308", "refers to https://ca.test/acme", "/directory" } },
		{ "301 Moved", "", "moved", ERR_MALFORMED,
		    { "301", "refers to another place" } },
		{ "403 Forbidden", PROBLEM,
		    PROBLEM_OF("externalAccountRequired", ""),
		    ERR_EXTERNAL_ACCOUNT_REQUIRED,
		    { "externalAccountRequired: because", "operator" } },
		{ "201 Created", JSON, "[]", ERR_MALFORMED,
		    { "not a JSON object" } },
		{ "201 Created", JSON ACCOUNT, "{}", ERR_MALFORMED,
		    { "status" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s %s", cases[i].status, cases[i].body);
		refused_order(cases[i].status, cases[i].fields, cases[i].body,
		    cases[i].kind, cases[i].words);
	}
}

/* --- the chain ----------------------------------------------------------- */

static void
test_chain(void **state)
{
	const struct peer_step steps[] = { FRESH_NONCE, FOUND,
		EXCHANGE("POST /cert ", "200 OK",
		    "Content-Type: application/pem-certificate-chain\r\n" NONCE(
			"n"),
		    "-----BEGIN"),
		EXCHANGE("POST /cert ", "200 OK", JSON, "{}"), END };
	struct play p = open_play(steps, "");
	struct job *j = unit_job();
	struct span pem;
	const char *url;
	bool made;

	(void)state;
	url = arena_printf(j->arena, "%s/cert", p.base);
	assert_int_equal(acme_client_account(p.client, j, &nobody, &made), 0);
	assert_int_equal(acme_client_chain(p.client, j, url, &pem), 0);
	assert_span_equal(pem, "-----BEGIN");
	assert_int_equal(acme_client_chain(p.client, j, url, &pem), -1);
	assert_job_error(j, ERR_MALFORMED, NULL);
	close_play(&p, 4);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_bad_nonce),
	cmocka_unit_test(test_bad_nonce_alone),
	cmocka_unit_test(test_bad_nonce_for_ever),
	cmocka_unit_test(test_no_nonce),
	cmocka_unit_test(test_new_account),
	cmocka_unit_test(test_terms),
	cmocka_unit_test(test_binding),
	cmocka_unit_test(test_odd_meta),
	cmocka_unit_test(test_dead_account),
	cmocka_unit_test(test_refusals),
	cmocka_unit_test(test_chain),
};

UNIT_MAIN(tests)
