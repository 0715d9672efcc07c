/*
 * One session of libesmtp, watched: what it must not be trusted with is done
 * where it calls back, and what was seen there is kept for the verdict
 * (mail/esmtp_verdict.h).
 *
 * Connection and listener belong to the caller, who closes what is left of
 * them; libesmtp's own descriptor is only replaced, and closed by it.
 */
#ifndef MAIL_ESMTP_SESSION_H
#define MAIL_ESMTP_SESSION_H

#include "lib/conf.h"
#include "mail/dial.h"
#include "mail/smtp_text.h"
#include "mail/tls_client.h"

struct auth_context;
struct smtp_session;
struct ssl_st;

/* A relay, and how to log in there. */
struct submit_esmtp {
	char host[DIAL_HOST_MAX + 1];
	int64_t port;
	enum conf_tls tls;
	enum conf_auth auth;
	char *user; /* NULL: no login */
	char *password;
	int64_t timeout_ms;      /* for each answer */
	bool (*is_ending)(void); /* the process ends: no more waiting */
	struct tls_client client;
	struct esmtp_session *session; /* the running one, for the handshake */
};

#define ESMTP_LAST_MAX 4096

/* One message on its way there; descriptors are -1 where there is none. */
struct esmtp_session {
	struct submit_esmtp *submit;
	int relay;    /* connected, ours */
	int listener; /* where libesmtp connects to */
	int taken;    /* its descriptor, which we replaced */
	bool shuttered;
	int64_t deadline; /* on clock_mono_ms() */
	struct auth_context *auth;
	struct ssl_st *ssl;
	bool only_check; /* stop where the mail would begin */
	/* What was seen. */
	struct smtp_answers answers;
	size_t octets;
	bool logging_in, logged_in;
	bool quitting;
	bool got_through; /* everything before the mail worked */
	bool moving;      /* octets of the message were handed over */
	bool answered;    /* and their end was answered */
	int64_t asked_at; /* when an answer began to be waited for */
	int error;        /* why libesmtp gave up by itself, or 0 */
	/* What came since the message moves by DATA: the answer to its end,
	 * which libesmtp may not be able to read.  (To BDAT there are several
	 * answers, of which only one says that.) */
	bool by_data;
	char last[ESMTP_LAST_MAX];
	size_t last_n;
	/* Why we ended it, or "". */
	char why[256];
	int refused_code; /* an answer that goes with it */
	char refused_text[160];
};

/* A login by PLAIN or LOGIN with the relay's user and password: NULL if there
 * is no memory for one. */
struct auth_context *esmtp_session_auth(struct esmtp_session *x);

/* Before libesmtp begins with `session`, which connects to `where`, our
 * listener. */
void esmtp_session_watch(
    struct smtp_session *session, struct esmtp_session *x, const char *where);

/* Once for a relay with TLS, when its context is made. */
void esmtp_session_watch_tls(struct submit_esmtp *s);

#endif
