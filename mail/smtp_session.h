/*
 * One SMTP session of our own, from the connection to QUIT: implicit TLS or
 * STARTTLS with the relay's name verified, login by mail/sasl.h, SMTPUTF8,
 * one message after the other.
 *
 * Every answer is waited for before the next command is said, so whatever is
 * there beforehand was not asked for and ends the session: a relay, or
 * somebody on the way, cannot answer ahead of TLS.
 *
 * smtp_session.c knows what was said, and so what is certain: nothing is
 * accepted before the first octet of the final dot has been handed over, and
 * after that only the relay's answer tells (ER-10).
 */
#ifndef MAIL_SMTP_SESSION_H
#define MAIL_SMTP_SESSION_H

#include "mail/submit.h"

struct job;
struct sasl_login;
struct smtp_session;
struct tls_client;

struct smtp_session_conf {
	const char *host;
	int64_t port;
	enum conf_tls tls;
	struct tls_client *client; /* NULL where tls is NONE */
	enum conf_auth auth;
	int64_t timeout_ms; /* for connecting and for each answer */
	/* Once it is true, no connection is waited for any longer (lib/turn.h);
	 * what a relay was handed has its time.  NULL: never. */
	bool (*is_ending)(void);
};

struct smtp_mail {
	const char *from, *to;
	struct span message;
	bool utf8; /* an address needs SMTPUTF8 */
};

/* What came of one step; where it failed, *out says how. */
enum smtp_step {
	SMTP_DONE,
	SMTP_REFUSED, /* the relay has answered no; the session goes on */
	SMTP_LOST,    /* no session any more, or none that makes sense */
};

/* Connects, greets, TLS: a session to be closed, or NULL.  `deadline` is for
 * all of it, and for what follows until smtp_session_limit(). */
struct smtp_session *smtp_session_open(struct job *j,
    const struct smtp_session_conf *conf, int64_t deadline,
    struct submit_result *out);
/* Says QUIT if there is still somebody to say it to.  NULL-safe. */
void smtp_session_close(struct smtp_session *s);
void smtp_session_limit(struct smtp_session *s, int64_t deadline);

enum smtp_step smtp_session_login(struct smtp_session *s, struct job *j,
    const struct sasl_login *login, struct submit_result *out);

/* Is the session as we left it: open, and silent? */
bool smtp_session_is_quiet(struct smtp_session *s);
bool smtp_session_offers_utf8(const struct smtp_session *s);
/* Messages that were begun in this session. */
unsigned smtp_session_count(const struct smtp_session *s);

/*
 * One message, checked before.  *out is the outcome.  SMTP_LOST: with *clean
 * nothing of it has been handed over, so another session may begin anew.
 */
enum smtp_step smtp_session_mail(struct smtp_session *s, struct job *j,
    const struct smtp_mail *mail, struct submit_result *out, bool *clean);

#endif
