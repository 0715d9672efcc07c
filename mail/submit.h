/*
 * Handing a message to the relay.
 *
 * One message, one recipient.  The outcome is the relay's word for that
 * recipient after the final dot, or why there is none.
 *
 * There are two ways, and submit.c decides between them:
 * - libesmtp (mail/submit_esmtp.h) for a relay reached in clear on this host
 *   or by STARTTLS, without a login or with PLAIN or LOGIN named;
 * - sessions of our own (mail/submit_direct.h) for implicit TLS, for the other
 *   logins (of which the best is chosen where none is named), and for every
 *   mail to a mailbox that needs SMTPUTF8; and for a relay whose answers
 *   libesmtp has shown that it cannot read.
 * doc/decisions says why it is not libcurl.
 */
#ifndef MAIL_SUBMIT_H
#define MAIL_SUBMIT_H

#include "lib/buf.h"
#include "lib/conf.h"
#include "mail/token.h"

struct job;
struct submit;

struct submit_conf {
	const char *host;
	int64_t port;
	enum conf_tls tls;   /* NONE (loopback only), STARTTLS, IMPLICIT */
	const char *ca_file; /* NULL: the system's */
	const char *user;    /* NULL: no AUTH */
	struct span password;
	enum conf_auth auth;
	struct token_conf token; /* instead of a password */
	int64_t timeout_ms;      /* for connecting and for each answer */
	bool (*is_ending)(void); /* mail/smtp_session.h */
};

enum submit_outcome {
	SUBMIT_ACCEPTED,
	SUBMIT_TEMPORARY, /* 4yz, or no connection: nothing was accepted */
	SUBMIT_PERMANENT, /* 5yz for the recipient or the message */
	SUBMIT_UNKNOWN,   /* broken off after the final dot (ER-10) */
	SUBMIT_CUT_OFF,   /* by our own end: nothing was accepted */
};

struct submit_result {
	enum submit_outcome outcome;
	char code[24];    /* "550 5.1.1", "" without an SMTP answer (AC-119) */
	char answer[256]; /* for the log and evidence only, printable ASCII */
	/* What a client may be told instead of the code, or NULL (ER-20). */
	const char *reason;
};

int submit_new(
    struct job *j, const struct submit_conf *conf, struct submit **out);
typedef int submit_send_fn(void *ctx, struct job *j, const char *from,
    const char *to, struct span message, struct submit_result *out);
/* For tests: the same interface over a function. */
struct submit *submit_new_custom(submit_send_fn *send, void *ctx);
void submit_free(struct submit *s);

/*
 * Sends `message` (CRLF line ends, checked) with envelope sender `from` to
 * `to`, both canonical mailboxes.  0 with *out; -1 only for our own faults.
 * SMTPUTF8 is asked for only if an address needs it (ER-20).
 */
int submit_send(struct submit *s, struct job *j, const char *from,
    const char *to, struct span message, struct submit_result *out);

/*
 * Connects, TLS, AUTH, QUIT: 0, or -1 with the job's error saying what failed
 * and what would be right.  For `countersign check`.  *utf8 (or NULL): does
 * the relay offer SMTPUTF8?
 */
int submit_check(struct submit *s, struct job *j, bool *utf8);

/* When there is nothing to send: ends a session that nobody uses. */
void submit_idle(struct submit *s);

#endif
