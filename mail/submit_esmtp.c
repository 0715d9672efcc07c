#include "config.h"

#include "mail/submit_esmtp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* After openssl/ssl.h: it then declares smtp_starttls_set_ctx(). */
#include <auth-client.h>
#include <libesmtp.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/turn.h"
#include "mail/credential.h"
#include "mail/dial.h"
#include "mail/smtp_text.h"
#include "mail/tls_client.h"

/*
 * What libesmtp does is the protocol's commands in their order.  What it must
 * not be trusted with is done here, at four places where it calls back:
 *
 * - Connecting (no deadline, no IPv6 address, a name from DNS): it connects
 *   to a socket of our own on the loopback; when it says "connected", that
 *   descriptor is replaced by our connection to the relay.  It also makes the
 *   connection ours to shut down, which is how a session is ended from
 *   within a callback.
 * - Bytes that it writes and reads (the monitor): answers sent ahead of
 *   STARTTLS, anything but EHLO and STARTTLS before TLS, a mail before the
 *   login, an end to patience with a peer that sends an octet at a time.
 * - The handshake: our context, our name for the peer.
 * - Events: did the message begin to move, was its end answered?
 *
 * Its verdict is taken from the recipient's and the message's status only,
 * and "accepted" only when all three agree.
 */

/* libesmtp's PLAIN and LOGIN copy into arrays of this size. */
#define CREDENTIAL_MAX 255
/* Each answer may take the configured time, all together so often: longer and
 * the sender's lease would run out, and another one would send the mail. */
#define ANSWERS_PER_SESSION 3
/* All answers of a session together: a relay needs two or three thousand. */
#define ANSWER_OCTETS_MAX 65536

struct submit_esmtp {
	char host[DIAL_HOST_MAX + 1];
	int64_t port;
	enum conf_tls tls;
	enum conf_auth auth;
	char *user;
	char *password;
	int64_t timeout_ms;
	bool (*is_ending)(void);
	struct tls_client client;
	struct session *session; /* the running one, for the handshake */
};

struct session {
	struct submit_esmtp *submit;
	int relay;    /* connected, ours */
	int listener; /* where libesmtp connects to */
	int taken;    /* its descriptor, which we replaced */
	bool shuttered;
	int64_t deadline;
	auth_context_t auth;
	SSL *ssl;
	bool only_check; /* stop where the mail would begin */
	/* What was seen. */
	struct smtp_answers answers;
	size_t octets;
	bool logging_in, logged_in;
	bool quitting;
	bool got_through; /* everything before the mail worked */
	bool moving;      /* octets of the message were handed over */
	bool answered;    /* and their end was answered */
	/* Why we ended it, or "". */
	char why[256];
	int refused_code; /* an answer that goes with it */
	char refused_text[160];
};

/* --- the callbacks ------------------------------------------------------- */

/* Ends the session whatever libesmtp would like to do next.  The first
 * reason stays. */
static void
stop_session(struct session *x, const char *why)
{
	if (x->why[0] == '\0')
		snprintf(x->why, sizeof(x->why), "%s", why);
	shutdown(x->relay, SHUT_RDWR);
}

/*
 * After a handshake of TLS 1.3 the server may send session tickets.  They make
 * the connection readable; libesmtp takes that for the answer to its EHLO,
 * waits for the rest of it, and has not sent EHLO yet.  So from the handshake
 * to that EHLO its descriptor is one that can be written to and never read.
 * (Tickets come before any answer; later there are none.)
 */
static void
close_shutter(struct session *x)
{
	int never_readable = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (never_readable < 0)
		return;
	x->shuttered = dup3(never_readable, x->taken, O_CLOEXEC) >= 0;
	close(never_readable);
}

static void
open_shutter(struct session *x)
{
	if (x->shuttered && dup3(x->relay, x->taken, O_CLOEXEC) < 0)
		stop_session(x, "could not hand over the connection");
	x->shuttered = false;
}

/* A polite end for a session that has shown what it should. */
static void
say_quit(struct session *x)
{
	static const char quit[] = "QUIT\r\n";

	if (x->ssl != NULL)
		SSL_write(x->ssl, quit, sizeof(quit) - 1);
	else
		(void)!send(x->relay, quit, sizeof(quit) - 1, MSG_NOSIGNAL);
}

static void
check_patience(struct session *x)
{
	if (clock_mono_ms() > x->deadline)
		stop_session(x, "the relay took too long altogether");
}

/* Answers that came before they were asked for stay in libesmtp's buffer and
 * would be believed as said inside TLS. */
static void
check_injected(struct session *x)
{
	if (x->answers.complete > 1 || x->answers.after > 0)
		stop_session(x,
		    "the relay, or somebody on the way, sent more than it "
		    "was asked before TLS began");
}

static void
before_tls(struct session *x, struct span command)
{
	check_injected(x);
	if (!span_casestarts(command, SPAN("STARTTLS\r\n")) &&
	    !span_casestarts(command, SPAN("EHLO ")) &&
	    !span_casestarts(command, SPAN("HELO ")) &&
	    !span_casestarts(command, SPAN("QUIT")))
		stop_session(x, "there is no TLS to send this in");
}

/* A login that failed does not stop libesmtp: it would try to send without,
 * and the refusal would look like one of the recipient. */
static void
before_mail(struct session *x)
{
	if (x->submit->user != NULL && !x->logged_in) {
		stop_session(x, x->submit->auth == CONF_AUTH_LOGIN
				    ? "the relay offers no login by LOGIN"
				    : "the relay offers no login by PLAIN");
		return;
	}
	x->got_through = true;
	if (x->only_check) {
		say_quit(x);
		shutdown(x->relay, SHUT_RDWR);
	}
}

static void
on_write(struct session *x, struct span command)
{
	open_shutter(x);
	if (x->submit->tls == CONF_TLS_STARTTLS && x->ssl == NULL)
		before_tls(x, command);
	if (span_casestarts(command, SPAN("AUTH ")))
		x->logging_in = true;
	if (span_casestarts(command, SPAN("MAIL FROM:"))) {
		x->logging_in = false;
		before_mail(x);
	}
	/* What is answered to this is not what ended the session. */
	x->quitting |= span_casestarts(command, SPAN("QUIT"));
	smtp_answers_expect(&x->answers);
}

static void
on_read(struct session *x, struct span bytes)
{
	unsigned before = x->answers.complete;

	x->octets += bytes.n;
	if (x->octets > ANSWER_OCTETS_MAX)
		stop_session(x, "the relay sent more than it may");
	if (x->quitting)
		return;
	smtp_answers_add(&x->answers, bytes);
	if (!x->logging_in || x->answers.complete == before)
		return;
	if (x->answers.code == 235) {
		x->logged_in = true;
		x->refused_code = 0;
		x->why[0] = '\0';
	} else if (x->answers.code >= 400 && x->answers.code != 501 &&
		   x->refused_code == 0) {
		/* 501 answers the "*" that ends a mechanism that we do not
		 * take part in. */
		snprintf(x->refused_text, sizeof(x->refused_text), "%.150s",
		    x->answers.text);
		smtp_text_hide_login(
		    x->refused_text, span_str(x->submit->password));
		snprintf(x->why, sizeof(x->why),
		    "the relay refused the login of %.60s: %d %.120s",
		    x->submit->user, x->answers.code, x->refused_text);
		x->refused_code = x->answers.code;
	}
}

static void
monitor(const char *bytes, int n, int writing, void *arg)
{
	struct session *x = arg;

	if (n <= 0)
		return;
	check_patience(x);
	if (writing == SMTP_CB_WRITING)
		on_write(x, span_mem(bytes, (size_t)n));
	else if (writing == SMTP_CB_READING)
		on_read(x, span_mem(bytes, (size_t)n));
}

static bool
is_same_address(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_family == b->sin_family && a->sin_port == b->sin_port &&
	       a->sin_addr.s_addr == b->sin_addr.s_addr;
}

/* libesmtp's descriptor: the one whose other end we just accepted. */
static int
find_descriptor(const struct sockaddr_in *own)
{
	struct rlimit limit = { 1024, 1024 };
	int end;

	getrlimit(RLIMIT_NOFILE, &limit);
	end = limit.rlim_cur > 65536 ? 65536 : (int)limit.rlim_cur;
	for (int fd = 0; fd < end; fd++) {
		struct sockaddr_in sin = { 0 };
		socklen_t len = sizeof(sin);

		if (getsockname(fd, (struct sockaddr *)&sin, &len) == 0 &&
		    len == sizeof(sin) && is_same_address(&sin, own))
			return fd;
	}
	return -1;
}

static void
take_over_connection(struct session *x)
{
	struct sockaddr_in from = { 0 };
	socklen_t len = sizeof(from);
	int fd = -1, accepted;

	/* Somebody else on this host may have connected first. */
	while (
	    fd < 0 && (accepted = accept4(x->listener, (struct sockaddr *)&from,
			   &len, SOCK_CLOEXEC)) >= 0) {
		fd = find_descriptor(&from);
		if (fd >= 0 && dup3(x->relay, fd, O_CLOEXEC) < 0)
			fd = -1;
		x->taken = fd;
		close(accepted);
		len = sizeof(from);
	}
	/* Without its listener what libesmtp holds is a dead connection. */
	close(x->listener);
	x->listener = -1;
	if (fd < 0)
		stop_session(x, "could not hand over the connection");
}

static void
on_event(smtp_session_t session, int event, void *arg, ...)
{
	struct session *x = arg;
	va_list ap;

	(void)session;
	va_start(ap, arg);
	switch (event) {
	case SMTP_EV_CONNECT:
		take_over_connection(x);
		break;
	case SMTP_EV_EXTNA_STARTTLS:
		stop_session(x, "the relay does not offer STARTTLS");
		break;
	case SMTP_EV_WRONG_PEER_CERTIFICATE:
		/* It compares with the address that it connected to.  The
		 * handshake has verified the relay's name. */
		/* NOLINTNEXTLINE(clang-analyzer-valist.*): it has begun */
		*va_arg(ap, int *) = 1;
		break;
	case SMTP_EV_STARTTLS_OK:
		/* NOLINTNEXTLINE(clang-analyzer-valist.*): it has begun */
		x->ssl = va_arg(ap, SSL *);
		close_shutter(x);
		break;
	case SMTP_EV_MESSAGEDATA:
		x->moving = true;
		break;
	case SMTP_EV_MESSAGESENT:
		x->answered = x->moving;
		break;
	case SMTP_EV_DISCONNECT:
		x->ssl = NULL;
		break;
	default:
		break;
	}
	va_end(ap);
}

static struct session *
session_of(const SSL *ssl)
{
	struct tls_client *client = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct submit_esmtp *s =
	    (struct submit_esmtp *)(void *)((char *)client -
					    offsetof(
						struct submit_esmtp, client));

	return s->session;
}

/* OpenSSL calls this when libesmtp begins the handshake. */
static void
on_handshake(const SSL *ssl, int where, int result)
{
	struct session *x = session_of(ssl);
	SSL *own;

	(void)result;
	if (where != SSL_CB_HANDSHAKE_START || x == NULL || x->ssl != NULL)
		return;
	check_injected(x);
	/* It is given as const, but there is no other place where the object
	 * that libesmtp made can be prepared. */
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): the pointer is meant */
	memcpy(&own, &ssl, sizeof(own));
	tls_client_prepare(&x->submit->client, own);
}

/* Called for each record: while the message moves the monitor is silent. */
static void
on_record(int is_write, int version, int type, const void *bytes, size_t n,
    SSL *ssl, void *arg)
{
	struct session *x = session_of(ssl);

	(void)is_write;
	(void)version;
	(void)type;
	(void)bytes;
	(void)n;
	(void)arg;
	if (x != NULL)
		check_patience(x);
}

static const char *
wanted_mechanism(const struct submit_esmtp *s)
{
	return s->auth == CONF_AUTH_LOGIN ? "LOGIN" : "PLAIN";
}

/* libesmtp asks for user name and password. */
static int
on_credentials(
    auth_client_request_t request, char **result, int fields, void *arg)
{
	struct session *x = arg;
	const char *mechanism = auth_mechanism_name(x->auth);

	/* It would also take part in CRAM-MD5 and NTLM. */
	if (strcasecmp(mechanism, wanted_mechanism(x->submit)) != 0)
		return 0;
	if (x->submit->tls != CONF_TLS_NONE && x->ssl == NULL)
		return 0;
	for (int i = 0; i < fields; i++) {
		if ((request[i].flags & AUTH_PASS) != 0)
			result[i] = x->submit->password;
		else if ((request[i].flags & AUTH_USER) != 0)
			result[i] = x->submit->user;
		else
			return 0;
	}
	return 1;
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

static auth_context_t
make_auth(struct session *x)
{
	auth_context_t auth = auth_create_context();

	if (auth != NULL) {
		auth_set_mechanism_flags(auth, AUTH_PLUGIN_PLAIN, 0);
		auth_set_interact_cb(auth, on_credentials, x);
	}
	return auth;
}

static void
set_up(smtp_session_t session, struct session *x, const char *where)
{
	static const int timeouts[] = { Timeout_GREETING, Timeout_ENVELOPE,
		Timeout_DATA, Timeout_TRANSFER, Timeout_DATA2 };

	smtp_set_server(session, where);
	for (size_t i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++)
		smtp_set_timeout(session,
		    timeouts[i] | Timeout_OVERRIDE_RFC2822_MINIMUM,
		    (long)x->submit->timeout_ms);
	smtp_set_eventcb(session, on_event, x);
	smtp_set_monitorcb(session, monitor, x, 0);
	if (x->submit->tls == CONF_TLS_STARTTLS) {
		/* Its own context is used after it was freed in a second
		 * session; and it verifies little. */
		smtp_starttls_set_ctx(session, x->submit->client.ctx);
		smtp_starttls_enable(session, Starttls_REQUIRED);
	} else {
		smtp_starttls_enable(session, Starttls_DISABLED);
	}
	if (x->auth != NULL)
		smtp_auth_set_context(session, x->auth);
}

static void
set_result(struct submit_result *out, enum submit_outcome outcome,
    const char *code, const char *answer)
{
	out->outcome = outcome;
	snprintf(out->code, sizeof(out->code), "%s", code);
	smtp_text_clean(out->answer, sizeof(out->answer), answer);
}

static void
set_status(struct submit_result *out, enum submit_outcome outcome,
    const smtp_status_t *st)
{
	struct smtp_enhanced e = { st->enh_class, st->enh_subject,
		st->enh_detail };
	const char *text = st->text == NULL ? "" : st->text;

	set_result(out, outcome, "", text);
	smtp_code_format(out->code, st->code, &e, text);
}

/* The recipient's or the message's refusal; 530 and its kin say that we may
 * not send at all (RFC 4954 6), 421 that the relay is going away. */
static enum submit_outcome
refusal(int code)
{
	if (code == 530 || code == 534 || code == 535 || code == 538)
		return SUBMIT_TEMPORARY;
	return code >= 500 ? SUBMIT_PERMANENT : SUBMIT_TEMPORARY;
}

static void
judge_unsent(const struct session *x, struct submit_result *out)
{
	static const struct smtp_enhanced none;
	char text[160];
	int code = x->refused_code;

	if (x->why[0] != '\0') {
		set_result(out, SUBMIT_TEMPORARY, "", x->why);
		smtp_code_format(out->code, code, &none, x->refused_text);
		return;
	}
	if (x->answers.code >= 400) {
		set_result(out, SUBMIT_TEMPORARY, "", x->answers.text);
		smtp_code_format(
		    out->code, x->answers.code, &none, x->answers.text);
		return;
	}
	if (x->submit->client.why[0] != '\0')
		snprintf(
		    text, sizeof(text), "TLS: %.150s", x->submit->client.why);
	else
		snprintf(text, sizeof(text),
		    "the connection ended, or nothing was answered in time");
	set_result(out, SUBMIT_TEMPORARY, "", text);
}

/* `to`, `message` and `from` as libesmtp saw them answered, in the order in
 * which the answers decide. */
static void
judge(const struct session *x, const smtp_status_t *to,
    const smtp_status_t *message, const smtp_status_t *from,
    struct submit_result *out)
{
	if (x->moving && message->code / 100 == 2 && to->code / 100 == 2 &&
	    x->answered)
		set_status(out, SUBMIT_ACCEPTED, message);
	else if (to->code >= 400)
		set_status(out, refusal(to->code), to);
	else if (from->code >= 400)
		/* Our sender was refused: no word about the recipient, unless
		 * the message is too large for the relay. */
		set_status(out,
		    from->code == 552 ? SUBMIT_PERMANENT : SUBMIT_TEMPORARY,
		    from);
	else if (message->code >= 400)
		set_status(out, refusal(message->code), message);
	else if (x->moving)
		/* ER-10: the dot may have arrived. */
		set_result(out, SUBMIT_UNKNOWN, "",
		    x->why[0] != '\0'
			? x->why
			: "the connection ended before the relay answered "
			  "to the end of the message");
	else
		judge_unsent(x, out);
}

static void
play(struct session *x, const char *where, const char *from, const char *to,
    struct reading *reading, struct submit_result *out)
{
	smtp_session_t session = smtp_create_session();
	smtp_message_t message = smtp_add_message(session);
	smtp_recipient_t recipient;
	char *home[HOME_COUNT];

	smtp_set_reverse_path(message, from);
	smtp_set_messagecb(message, give_message, reading);
	recipient = smtp_add_recipient(message, to);
	set_up(session, x, where);
	hide_home(home);
	/* Its result says nothing: 1 even when nothing was sent. */
	smtp_start_session(session);
	restore_home(home);
	judge(x, smtp_recipient_status(recipient),
	    smtp_message_transfer_status(message),
	    smtp_reverse_path_status(message), out);
	smtp_destroy_session(session);
}

/* Connects and plays; a relay that cannot be reached is a result, not a
 * fault. */
static int
run(struct submit_esmtp *s, struct job *j, struct session *x, const char *from,
    const char *to, struct span message, struct submit_result *out)
{
	const struct turn until = { clock_mono_ms() + s->timeout_ms,
		s->is_ending };
	struct reading reading = { message, false };
	char where[32];

	if (dial_tcp(j, s->host, s->port, s->tls == CONF_TLS_NONE, &until,
		&x->relay) < 0) {
		set_result(out, SUBMIT_TEMPORARY, "", j->err.text);
		job_recover(j);
		return 0;
	}
	x->listener = open_listener(j, where);
	if (x->listener < 0) {
		close(x->relay);
		return -1;
	}
	x->deadline = clock_mono_ms() + ANSWERS_PER_SESSION * s->timeout_ms;
	x->auth = s->user == NULL ? NULL : make_auth(x);
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

int
submit_esmtp_send(struct submit_esmtp *s, struct job *j, const char *from,
    const char *to, struct span message, struct submit_result *out)
{
	struct session x = {
		.submit = s, .relay = -1, .listener = -1, .taken = -1
	};

	*out = (struct submit_result){ .outcome = SUBMIT_TEMPORARY };
	return run(s, j, &x, from, to, message, out);
}

int
submit_esmtp_check(struct submit_esmtp *s, struct job *j)
{
	static const char probe[] = "postmaster@localhost";
	struct session x = { .submit = s,
		.relay = -1,
		.listener = -1,
		.taken = -1,
		.only_check = true };
	struct submit_result result;

	/* The session ends before these addresses are sent. */
	if (run(s, j, &x, probe, probe, SPAN(""), &result) < 0)
		return -1;
	if (x.got_through)
		return 0;
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
	auth_context_t auth = make_auth(NULL);
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
		SSL_CTX_set_info_callback(s->client.ctx, on_handshake);
		SSL_CTX_set_msg_callback(s->client.ctx, on_record);
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
