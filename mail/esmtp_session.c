#include "config.h"

#include "mail/esmtp_session.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* After openssl/ssl.h: it then declares smtp_starttls_set_ctx(). */
#include <auth-client.h>
#include <libesmtp.h>

#include "lib/clock.h"
#include "lib/count.h"

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
 */

/* All answers of a session together: a relay needs two or three thousand. */
#define ANSWER_OCTETS_MAX 65536
#define ACCEPT_MS 1000

/* Ends the session whatever libesmtp would like to do next.  The first
 * reason stays. */
static void
stop_session(struct esmtp_session *x, const char *why)
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
close_shutter(struct esmtp_session *x)
{
	int never_readable = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (never_readable < 0)
		return;
	x->shuttered = dup3(never_readable, x->taken, O_CLOEXEC) >= 0;
	close(never_readable);
}

static void
open_shutter(struct esmtp_session *x)
{
	if (x->shuttered && dup3(x->relay, x->taken, O_CLOEXEC) < 0)
		stop_session(x, "could not hand over the connection");
	x->shuttered = false;
}

/* A polite end for a session that has shown what it should. */
static void
say_quit(struct esmtp_session *x)
{
	static const char quit[] = "QUIT\r\n";

	if (x->ssl != NULL)
		SSL_write(x->ssl, quit, sizeof(quit) - 1);
	else
		(void)!send(x->relay, quit, sizeof(quit) - 1, MSG_NOSIGNAL);
}

static void
check_patience(struct esmtp_session *x)
{
	if (clock_mono_ms() > x->deadline)
		stop_session(x, "the relay took too long altogether");
}

/* Answers that came before they were asked for stay in libesmtp's buffer and
 * would be believed as said inside TLS. */
static void
check_injected(struct esmtp_session *x)
{
	if (x->answers.complete > 1 || x->answers.after > 0)
		stop_session(x,
		    "the relay, or somebody on the way, sent more than it "
		    "was asked before TLS began");
}

static void
before_tls(struct esmtp_session *x, struct span command)
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
before_mail(struct esmtp_session *x)
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
expect_answer(struct esmtp_session *x)
{
	x->asked_at = clock_mono_ms();
	x->last_n = 0;
}

/*
 * All is said.  The answer to QUIT is of no interest, and not waited for: what
 * the relay has accepted is to be recorded at once (ER-10).
 */
static void
begin_end(struct esmtp_session *x)
{
	x->quitting = true;
	x->error = smtp_errno();
	shutdown(x->relay, SHUT_RD);
}

static void
on_write(struct esmtp_session *x, struct span command)
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
	/* In a pipeline it is the last one. */
	x->by_data |= !x->moving && span_ends(command, SPAN("DATA\r\n"));
	if (span_casestarts(command, SPAN("QUIT")))
		begin_end(x);
	else
		expect_answer(x);
	smtp_answers_expect(&x->answers);
}

static void
keep_last(struct esmtp_session *x, struct span bytes)
{
	bytes = span_cut(bytes, 0, sizeof(x->last) - x->last_n);
	memcpy(x->last + x->last_n, bytes.p, bytes.n);
	x->last_n += bytes.n;
}

static void
on_read(struct esmtp_session *x, struct span bytes)
{
	unsigned before = x->answers.complete;

	x->octets += bytes.n;
	if (x->octets > ANSWER_OCTETS_MAX)
		stop_session(x, "the relay sent more than it may");
	if (x->quitting)
		return;
	smtp_answers_add(&x->answers, bytes);
	if (x->moving && x->by_data)
		keep_last(x, bytes);
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
	struct esmtp_session *x = arg;

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

/* What connects is established on its own side first: on a machine that has
 * other work this side may not know of it yet. */
static int
accept_soon(int listener, struct sockaddr_in *from)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };
	socklen_t len = sizeof(*from);

	if (poll(&p, 1, ACCEPT_MS) <= 0)
		return -1;
	return accept4(listener, (struct sockaddr *)from, &len, SOCK_CLOEXEC);
}

static void
take_over_connection(struct esmtp_session *x)
{
	struct sockaddr_in from = { 0 };
	int fd = -1, accepted;

	/* Somebody else on this host may have connected first. */
	while (fd < 0 && (accepted = accept_soon(x->listener, &from)) >= 0) {
		fd = find_descriptor(&from);
		if (fd >= 0 && dup3(x->relay, fd, O_CLOEXEC) < 0)
			fd = -1;
		x->taken = fd;
		close(accepted);
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
	struct esmtp_session *x = arg;
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
		expect_answer(x);
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

static struct esmtp_session *
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
	struct esmtp_session *x = session_of(ssl);
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
	struct esmtp_session *x = session_of(ssl);

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
	struct esmtp_session *x = arg;
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

struct auth_context *
esmtp_session_auth(struct esmtp_session *x)
{
	auth_context_t auth = auth_create_context();

	if (auth != NULL) {
		auth_set_mechanism_flags(auth, AUTH_PLUGIN_PLAIN, 0);
		auth_set_interact_cb(auth, on_credentials, x);
	}
	return auth;
}

void
esmtp_session_watch(
    smtp_session_t session, struct esmtp_session *x, const char *where)
{
	static const int timeouts[] = { Timeout_GREETING, Timeout_ENVELOPE,
		Timeout_DATA, Timeout_TRANSFER, Timeout_DATA2 };

	smtp_set_server(session, where);
	for (size_t i = 0; i < COUNT(timeouts); i++)
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

void
esmtp_session_watch_tls(struct submit_esmtp *s)
{
	SSL_CTX_set_info_callback(s->client.ctx, on_handshake);
	SSL_CTX_set_msg_callback(s->client.ctx, on_record);
}
