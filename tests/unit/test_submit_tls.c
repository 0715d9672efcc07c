/*
 * Submission through libesmtp over TLS: nothing is said to a relay that is not
 * verified, nothing is believed that was said before TLS began (AC-119).
 */
#include "config.h"

#include "mail/submit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/count.h"
#include "tests/unit/peer.h"
#include "tests/unit/submit_lab.h"
#include "tests/unit/unit.h"

#define AUTH_EHLO                                                              \
	{ PEER_TLS, NULL }, { PEER_EXPECT, "EHLO " },                          \
	{                                                                      \
		PEER_SEND, "250-relay.test\r\n250 AUTH PLAIN LOGIN\r\n"        \
	}
static const struct peer_step good_tls[] = { TLS_EHLO,
	{ PEER_SEND, "220 go\r\n" }, AUTH_EHLO, { PEER_EXPECT, LOGIN_PLAIN },
	{ PEER_SEND, "235 2.7.0 welcome\r\n" }, FROM_OK, TO_OK, DATA_OK,
	{ PEER_SEND, "250 ok\r\n" }, BYE };

static void
test_tls(void **state)
{
	struct peer_tls *tls = peer_tls_new("localhost");
	struct peer *p = peer_start(good_tls, tls);
	struct submit *s =
	    submit_lab_make(&(struct set_up){ .tls = CONF_TLS_STARTTLS,
		.port = peer_port(p),
		.user = "user",
		.auth = CONF_AUTH_PLAIN,
		.ca_file = peer_tls_ca_file(tls) });
	struct submit_result r;

	(void)state;
	/* Often: libesmtp's own context would be used after it was freed, and
	 * a session ticket would now and then be taken for an answer. */
	for (int i = 0; i < 40; i++) {
		r = send_one(s);
		assert_string_equal(r.answer, "ok");
		assert_int_equal(r.outcome, SUBMIT_ACCEPTED);
		assert_string_equal(r.code, "250");
	}
	submit_free(s);
	peer_stop(p);
	assert_string_equal(peer_complaint(p), "");
	assert_string_equal(peer_sni(p), "localhost");
	assert_true(peer_heard(p, STUFFED));
	peer_free(p);
	peer_tls_free(tls);
}

/* An address as the relay's host: verified as an address, no SNI. */
static void
test_tls_address(void **state)
{
	struct peer_tls *tls = peer_tls_new("127.0.0.1");
	struct peer *p;
	struct submit_result r;

	(void)state;
	r = try_script(good_tls, tls,
	    (struct set_up){ .tls = CONF_TLS_STARTTLS,
		.user = "user",
		.auth = CONF_AUTH_PLAIN,
		.host = "127.0.0.1",
		.ca_file = peer_tls_ca_file(tls) },
	    &p);
	assert_int_equal(r.outcome, SUBMIT_ACCEPTED);
	assert_string_equal(peer_sni(p), "");
	peer_free(p);
	peer_tls_free(tls);
}

static const struct peer_step refused_tls[] = { TLS_EHLO,
	{ PEER_SEND, "220 go\r\n" }, { PEER_TLS, NULL }, { PEER_SILENCE, NULL },
	{ PEER_END, NULL } };
/* Trap: an answer ahead of the handshake is believed inside TLS. */
static const struct peer_step injected[] = { TLS_EHLO,
	{ PEER_SEND,
	    "220 go\r\n250-relay.test\r\n250 AUTH PLAIN\r\n235 ok\r\n" },
	{ PEER_TLS, NULL }, { PEER_SILENCE, NULL }, { PEER_END, NULL } };
static const struct peer_step injected_part[] = { TLS_EHLO,
	{ PEER_SEND, "220 go\r\n2" }, { PEER_TLS, NULL },
	{ PEER_SILENCE, NULL }, { PEER_END, NULL } };
/* The same one command earlier. */
static const struct peer_step injected_early[] = { GREET,
	{ PEER_SEND, "250-relay.test\r\n250 STARTTLS\r\n220 go\r\n250-x\r\n"
		     "250 AUTH PLAIN\r\n" },
	{ PEER_EXPECT, "STARTTLS" }, { PEER_TLS, NULL }, { PEER_SILENCE, NULL },
	{ PEER_END, NULL } };
static const struct peer_step not_offered[] = { GREET,
	{ PEER_SEND, "250-relay.test\r\n250 AUTH PLAIN\r\n" }, BYE };
static const struct peer_step helo_only[] = { GREET,
	{ PEER_SEND, "502 no EHLO here\r\n" }, { PEER_EXPECT, "HELO " },
	{ PEER_SEND, "250 hello\r\n" }, BYE };
static const struct peer_step tls_unavailable[] = { TLS_EHLO,
	{ PEER_SEND, "454 4.7.0 TLS not available\r\n" }, BYE };

static void
test_tls_refused(void **state)
{
	struct peer_tls *tls = peer_tls_new("localhost");
	struct peer_tls *other = peer_tls_new("localhost");
	struct peer_tls *wrong = peer_tls_new("mail.example.org");
	const struct submit_lab_refusal cases[] = {
		{ "untrusted", refused_tls, tls, peer_tls_ca_file(other),
		    CONF_TLS_STARTTLS, "certificate refused" },
		{ "another name", refused_tls, wrong, peer_tls_ca_file(wrong),
		    CONF_TLS_STARTTLS, "it should name localhost" },
		{ "system store", refused_tls, tls, NULL, CONF_TLS_STARTTLS,
		    "certificate refused" },
		{ "injected", injected, tls, peer_tls_ca_file(tls),
		    CONF_TLS_STARTTLS, "before TLS began" },
		{ "injected, an octet", injected_part, tls,
		    peer_tls_ca_file(tls), CONF_TLS_STARTTLS,
		    "before TLS began" },
		{ "injected, early", injected_early, tls, peer_tls_ca_file(tls),
		    CONF_TLS_STARTTLS, "before TLS began" },
		{ "not offered", not_offered, tls, peer_tls_ca_file(tls),
		    CONF_TLS_STARTTLS, "does not offer STARTTLS" },
		{ "no EHLO", helo_only, tls, peer_tls_ca_file(tls),
		    CONF_TLS_STARTTLS, "does not offer STARTTLS" },
		{ "454", tls_unavailable, tls, peer_tls_ca_file(tls),
		    CONF_TLS_STARTTLS, "TLS not available" },
	};

	(void)state;
	submit_lab_refuses(cases, COUNT(cases), CONF_AUTH_PLAIN);
	peer_tls_free(tls);
	peer_tls_free(other);
	peer_tls_free(wrong);
}

/* Trap: with a $HOME that it may not look into, or with a certificate there,
 * libesmtp gives up or uses freed memory. */
static void
test_home(void **state)
{
	struct peer_tls *tls = peer_tls_new("localhost");
	const char *before = getenv("HOME");
	char *saved =
	    before == NULL ? NULL : arena_strdup(unit_job()->arena, before);
	struct peer *p;
	struct submit_result r;

	(void)state;
	/* Not a folder: stat() below it fails with something else than "there
	 * is none". */
	assert_int_equal(setenv("HOME", "/dev/null", 1), 0);
	r = try_script(good_tls, tls,
	    (struct set_up){ .tls = CONF_TLS_STARTTLS,
		.user = "user",
		.auth = CONF_AUTH_PLAIN,
		.ca_file = peer_tls_ca_file(tls) },
	    &p);
	assert_int_equal(r.outcome, SUBMIT_ACCEPTED);
	assert_string_equal(getenv("HOME"), "/dev/null");
	peer_free(p);
	if (saved != NULL)
		setenv("HOME", saved, 1);
	peer_tls_free(tls);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_tls),
	cmocka_unit_test(test_tls_address),
	cmocka_unit_test(test_tls_refused),
	cmocka_unit_test(test_home),
};
UNIT_MAIN(tests)
