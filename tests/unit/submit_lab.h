/*
 * For the tests of submission: one message, the relays that it meets as
 * scripts (tests/unit/peer.h), and how to reach them.
 *
 *	SCRIPT(greylisted, GREET, SAY("250 relay.test"), FROM_OK, WAIT("RCPT"),
 *	    SAY("450 4.2.0 later"), WAIT("RSET"), SAY("250 ok"), BYE);
 *	r = try_script(greylisted, NULL,
 *	    (struct set_up){ .tls = CONF_TLS_NONE }, &p);
 *	… peer_heard(p, "DATA") …
 *	peer_free(p);
 */
#ifndef TESTS_UNIT_SUBMIT_LAB_H
#define TESTS_UNIT_SUBMIT_LAB_H

#include "mail/submit.h"
#include "tests/unit/peer.h"

#define FROM "acme+tag@ca.test"
#define TO "alice@user.test"
/* The body has what DATA must stuff; two signatures, as the sender has. */
#define HEADER(to)                                                             \
	"DKIM-Signature: v=1; a=rsa-sha256\r\n"                                \
	"DKIM-Signature: v=1; a=ed25519-sha256\r\n"                            \
	"From: acme+tag@ca.test\r\nTo: " to "\r\n"                             \
	"Subject: ACME: part1\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\n"    \
	"Message-ID: <1@ca.test>\r\nAuto-Submitted: auto-generated;\r\n"       \
	"\ttype=acme\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
#define MESSAGE HEADER(TO) "line\r\n.\r\n..two\r\n.three\r\n\r\n"
#define STUFFED HEADER(TO) "line\r\n..\r\n...two\r\n..three\r\n\r\n.\r\n"

/* How the relay is reached; what is 0 or NULL has a default. */
struct set_up {
	enum conf_tls tls;
	enum conf_auth auth; /* AUTO with a user: not by libesmtp */
	const char *host;    /* localhost */
	const char *ca_file;
	const char *user; /* whose password is "s3cret" */
	const char *token_file;
	struct conf_list token_command;
	int64_t timeout_ms; /* one so long that no test meets it */
	bool (*is_ending)(void);
	int port;
};

/* For submit_free(). */
struct submit *submit_lab_make(const struct set_up *u);
/* MESSAGE from FROM to TO. */
struct submit_result send_one(struct submit *s);
/* One mail to a relay that plays this, with what it heard: for peer_free(). */
struct submit_result try_script(const struct peer_step *script,
    struct peer_tls *tls, struct set_up u, struct peer **heard);

/* A relay that is not to be trusted with anything. */
struct submit_lab_refusal {
	const char *name;
	const struct peer_step *script;
	struct peer_tls *tls;
	const char *ca_file;
	enum conf_tls kind;
	const char *expected; /* in what is said of it */
};
/* It hears neither a login nor a mail; `auth` as in struct set_up. */
void submit_lab_refuses(
    const struct submit_lab_refusal *cases, size_t count, enum conf_auth auth);

/* --- pieces of scripts ---------------------------------------------------- */

#define SCRIPT(name, ...) static const struct peer_step name[] = { __VA_ARGS__ }
#define SAY(text)                                                              \
	{                                                                      \
		PEER_SEND, text "\r\n"                                         \
	}
#define WAIT(text)                                                             \
	{                                                                      \
		PEER_EXPECT, text                                              \
	}
#define CUT                                                                    \
	{                                                                      \
		PEER_END, NULL                                                 \
	}
#define HOLD                                                                   \
	{ PEER_SILENCE, NULL },                                                \
	{                                                                      \
		PEER_END, NULL                                                 \
	}
#define NEXT                                                                   \
	{                                                                      \
		PEER_NEXT, NULL                                                \
	}
#define GREET SAY("220 relay.test ESMTP"), WAIT("EHLO ")
#define PLAIN_EHLO GREET, SAY("250-relay.test\r\n250 HELP")
#define TLS_EHLO GREET, SAY("250-relay.test\r\n250 STARTTLS"), WAIT("STARTTLS")
/* "\0user\0s3cret" */
#define LOGIN_PLAIN "AUTH PLAIN AHVzZXIAczNjcmV0\r\n"
#define LOG_IN                                                                 \
	GREET, SAY("250-relay.test\r\n250 AUTH PLAIN"), WAIT(LOGIN_PLAIN),     \
	    SAY("235 2.7.0 ok")
#define FROM_OK WAIT("MAIL FROM:<" FROM ">\r\n"), SAY("250 2.1.0 ok")
#define TO_OK WAIT("RCPT TO:<" TO ">\r\n"), SAY("250 2.1.5 ok")
#define DATA_OK                                                                \
	WAIT("DATA\r\n"), SAY("354 go"),                                       \
	{                                                                      \
		PEER_LINES, ".\r\n"                                            \
	}
#define MAIL_OK FROM_OK, TO_OK, DATA_OK, SAY("250 2.0.0 queued as 1")
#define BYE WAIT("QUIT\r\n"), SAY("221 bye"), HOLD

#endif
