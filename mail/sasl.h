/*
 * Logging in, without any connection: what is said in which order by the
 * mechanisms that mail servers offer (RFC 4422).
 *
 *	m = sasl_pick(CONF_AUTH_AUTO, &login, offered)
 *	s = sasl_new(j, m, &login)
 *	sasl_initial(s, &text)   … "AUTH name text", if it has one
 *	sasl_answer(s, challenge, &text)   … for each challenge
 *	sasl_is_proven(s)   … after the server's yes
 *
 * Texts are octets; the protocol around them does the base64.  They live in
 * the job's arena and are wiped with it.
 *
 * SCRAM is without channel binding; the server's certificate is verified
 * wherever it is used beyond this host.
 */
#ifndef MAIL_SASL_H
#define MAIL_SASL_H

#include "lib/buf.h"
#include "lib/conf.h"

struct job;
struct sasl;

enum sasl_mechanism {
	SASL_NONE,
	SASL_PLAIN,         /* RFC 4616 */
	SASL_LOGIN,         /* never a standard, everywhere */
	SASL_SCRAM_SHA_1,   /* RFC 5802 */
	SASL_SCRAM_SHA_256, /* RFC 7677 */
	SASL_XOAUTH2,       /* Google's and Microsoft's */
	SASL_OAUTHBEARER,   /* RFC 7628 */
	SASL_COUNT
};

struct sasl_login {
	const char *user;
	struct span secret; /* password, or … */
	bool is_token;
	const char *host; /* as configured; OAUTHBEARER tells it */
	int64_t port;
};

/* The registered name: "SCRAM-SHA-256". */
const char *sasl_name(enum sasl_mechanism m);
enum sasl_mechanism sasl_find(struct span name); /* or SASL_NONE */
/*
 * The best of those that the server offers (bits 1u << mechanism) and the
 * configuration allows, or SASL_NONE.  SCRAM only for ASCII logins: how others
 * are to be prepared (RFC 4013) is not done here.
 */
enum sasl_mechanism sasl_pick(
    enum conf_auth wanted, const struct sasl_login *login, unsigned offered);
/* Those that the configuration allows, for people: "PLAIN or LOGIN". */
const char *sasl_wanted(enum conf_auth wanted, bool is_token);

/* One exchange, in the job's arena; the login is borrowed. */
struct sasl *sasl_new(
    struct job *j, enum sasl_mechanism m, const struct sasl_login *login);
/* 1 and the first text; 0 if the server speaks first. */
int sasl_initial(struct sasl *s, struct span *out);
/* 0 and the answer; -1 with *why: end the exchange. */
int sasl_answer(
    struct sasl *s, struct span challenge, struct span *out, const char **why);
/* The server says yes: has it shown what the mechanism asks of it? */
bool sasl_is_proven(const struct sasl *s);

#endif
