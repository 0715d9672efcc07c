#include "config.h"

#include "mail/submit_esmtp.h"

#include <auth-client.h>
#include <errno.h>
#include <libesmtp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/turn.h"
#include "mail/credential.h"
#include "mail/dial.h"
#include "mail/esmtp_session.h"
#include "mail/esmtp_verdict.h"

/* libesmtp's PLAIN and LOGIN copy into arrays of this size. */
#define CREDENTIAL_MAX 255
/* Each answer may take the configured time, all together so often: longer and
 * the sender's lease would run out, and another one would send the mail. */
#define ANSWERS_PER_SESSION 3

/* --- what libesmtp does to its surroundings ------------------------------ */

/*
 * It looks for client certificates below $HOME, uses what it finds there
 * after it has freed it, and gives up on TLS when it may not look.
 */
static const char *const home_variables[] = { "HOME", "XDG_CONFIG_DIR" };
enum { HOME_COUNT = 2 };

static void
hide_home(char *saved[HOME_COUNT])
{
	for (int i = 0; i < HOME_COUNT; i++) {
		const char *value = getenv(home_variables[i]);

		saved[i] = value == NULL ? NULL : xstrdup(value);
		setenv(home_variables[i], "/nonexistent", 1);
	}
}

static void
restore_home(char *saved[HOME_COUNT])
{
	for (int i = 0; i < HOME_COUNT; i++) {
		if (saved[i] == NULL)
			unsetenv(home_variables[i]);
		else
			setenv(home_variables[i], saved[i], 1);
		free(saved[i]);
	}
}

/* --- a session ----------------------------------------------------------- */

static int
open_listener(struct job *j, char where[32])
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, len) < 0 ||
	    listen(fd, 4) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) < 0) {
		job_fail(
		    j, ERR_INTERNAL, "loopback socket: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	snprintf(where, 32, "127.0.0.1:%d", ntohs(sin.sin_port));
	return fd;
}

struct reading {
	struct span message;
	bool given;
};

/* The whole message at once; NULL `n` begins again. */
static const char *
give_message(void **ctx, int *n, void *arg)
{
	struct reading *r = arg;

	(void)ctx;
	if (n == NULL) {
		r->given = false;
		return NULL;
	}
	*n = r->given ? 0 : (int)r->message.n;
	r->given = true;
	return r->message.p;
}

static void
play(struct esmtp_session *x, const char *where, const char *from,
    const char *to, struct reading *reading, struct submit_result *out)
{
	smtp_session_t session = smtp_create_session();
	smtp_message_t message = smtp_add_message(session);
	smtp_recipient_t recipient;
	char *home[HOME_COUNT];

	smtp_set_reverse_path(message, from);
	smtp_set_messagecb(message, give_message, reading);
	recipient = smtp_add_recipient(message, to);
	esmtp_session_watch(session, x, where);
	hide_home(home);
	/* Its result says nothing: 1 even when nothing was sent. */
	smtp_start_session(session);
	restore_home(home);
	/* A greeting that it cannot read it does not answer with QUIT. */
	if (!x->quitting)
		x->error = smtp_errno();
	esmtp_verdict(x, smtp_recipient_status(recipient),
	    smtp_message_transfer_status(message),
	    smtp_reverse_path_status(message), out);
	smtp_destroy_session(session);
}

/* Connects and plays; a relay that cannot be reached is a result, not a
 * fault. */
static int
run(struct submit_esmtp *s, struct job *j, struct esmtp_session *x,
    const char *from, const char *to, struct span message,
    struct submit_result *out)
{
	const struct turn until = { clock_mono_ms() + s->timeout_ms,
		s->is_ending };
	struct reading reading = { message, false };
	char where[32];

	if (dial_tcp(j, s->host, s->port, s->tls == CONF_TLS_NONE, &until,
		&x->relay) < 0) {
		esmtp_verdict_unreached(j->err.text, out);
		job_recover(j);
		return 0;
	}
	x->listener = open_listener(j, where);
	if (x->listener < 0) {
		close(x->relay);
		return -1;
	}
	x->asked_at = clock_mono_ms();
	x->deadline = x->asked_at + ANSWERS_PER_SESSION * s->timeout_ms;
	x->auth = s->user == NULL ? NULL : esmtp_session_auth(x);
	s->client.why[0] = '\0';
	s->session = x;
	play(x, where, from, to, &reading, out);
	s->session = NULL;
	if (x->auth != NULL)
		auth_destroy_context(x->auth);
	if (x->listener >= 0)
		close(x->listener);
	close(x->relay);
	if (s->tls == CONF_TLS_STARTTLS)
		tls_client_error(&s->client);
	return 0;
}

/* A code is something that could be read. */
static bool
is_unreadable(const struct esmtp_session *x, const struct submit_result *r)
{
	return r->outcome == SUBMIT_TEMPORARY && r->code[0] == '\0' &&
	       esmtp_verdict_is_unreadable(x);
}

int
submit_esmtp_send(struct submit_esmtp *s, struct job *j, const char *from,
    const char *to, struct span message, struct submit_result *out,
    bool *unreadable)
{
	struct esmtp_session x = {
		.submit = s, .relay = -1, .listener = -1, .taken = -1
	};
	int result;

	*out = (struct submit_result){ .outcome = SUBMIT_TEMPORARY };
	result = run(s, j, &x, from, to, message, out);
	*unreadable = is_unreadable(&x, out);
	return result;
}

int
submit_esmtp_check(struct submit_esmtp *s, struct job *j, bool *unreadable)
{
	static const char probe[] = "postmaster@localhost";
	struct esmtp_session x = { .submit = s,
		.relay = -1,
		.listener = -1,
		.taken = -1,
		.only_check = true };
	struct submit_result result;

	*unreadable = false;
	/* The session ends before these addresses are sent. */
	if (run(s, j, &x, probe, probe, SPAN(""), &result) < 0)
		return -1;
	if (x.got_through)
		return 0;
	*unreadable = is_unreadable(&x, &result);
	return job_fail(j, ERR_INTERNAL, "relay %s port %lld: %s%s%s", s->host,
	    (long long)s->port, result.answer,
	    result.code[0] == '\0' ? "" : ", code ", result.code);
}

/* --- making one ---------------------------------------------------------- */

/* The mechanisms are plug-ins that are loaded at first use: now, while the
 * process may still open files, and so that a missing one is noticed. */
static int
load_mechanisms(struct job *j)
{
	auth_context_t auth = esmtp_session_auth(NULL);
	int plain, login;

	if (auth == NULL)
		return job_fail(j, ERR_INTERNAL, "relay login: no memory");
	plain = auth_set_mechanism(auth, "PLAIN");
	login = auth_set_mechanism(auth, "LOGIN");
	auth_destroy_context(auth);
	if (!plain && !login)
		return job_fail(j, ERR_INTERNAL,
		    "relay login: libesmtp's plug-ins for PLAIN and LOGIN are "
		    "not installed");
	return 0;
}

int
submit_esmtp_new(
    struct job *j, const struct submit_conf *conf, struct submit_esmtp **out)
{
	struct submit_esmtp *s = xcalloc(1, sizeof(*s));

	s->port = conf->port;
	s->tls = conf->tls;
	s->auth = conf->auth;
	s->timeout_ms = conf->timeout_ms;
	s->is_ending = conf->is_ending;
	if (dial_host(conf->host, s->host) < 0) {
		job_fail(j, ERR_INTERNAL, "relay host: not a host name");
		goto fail;
	}
	if (conf->user != NULL &&
	    (credential_copy(j, "user", span_str(conf->user), CREDENTIAL_MAX,
		 &s->user) < 0 ||
		credential_copy(j, "password", conf->password, CREDENTIAL_MAX,
		    &s->password) < 0 ||
		load_mechanisms(j) < 0))
		goto fail;
	if (conf->tls == CONF_TLS_STARTTLS) {
		if (tls_client_init(j, conf->ca_file, conf->host, &s->client) <
		    0)
			goto fail;
		esmtp_session_watch_tls(s);
	}
	*out = s;
	return 0;
fail:
	submit_esmtp_free(s);
	return -1;
}

void
submit_esmtp_free(struct submit_esmtp *s)
{
	if (s == NULL)
		return;
	if (s->password != NULL)
		wipe(s->password, strlen(s->password));
	free(s->password);
	free(s->user);
	tls_client_done(&s->client);
	free(s);
}
