#include "config.h"

#include "mail/fetch_stream.h"

#include <errno.h>
#include <libetpan/libetpan.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/turn.h"
#include "mail/fetch_guard.h"
#include "mail/smtp_text.h"
#include "mail/tls_client.h"

struct fetch_stream {
	int fd;
	SSL *ssl;
	struct turn turn;
	size_t octets_left;
	bool broken;
	char why[256];
	struct fetch_guard guard;
};

struct fetch_stream *
fetch_stream_new(int take_fd)
{
	struct fetch_stream *s = xcalloc(1, sizeof(*s));

	s->fd = take_fd;
	return s;
}

void
fetch_stream_free(struct fetch_stream *s)
{
	if (s == NULL)
		return;
	if (s->ssl != NULL && !s->broken)
		SSL_shutdown(s->ssl);
	SSL_free(s->ssl);
	ERR_clear_error();
	close(s->fd);
	free(s);
}

void
fetch_stream_limit(struct fetch_stream *s, int64_t deadline, size_t octets)
{
	s->turn.deadline = deadline;
	s->octets_left = octets;
}

void
fetch_stream_end_when(struct fetch_stream *s, bool (*is_ending)(void))
{
	s->turn.is_ending = is_ending;
}

const char *
fetch_stream_why(const struct fetch_stream *s)
{
	return s->why;
}

/* The first reason is the one that tells. */
static int
fail(struct fetch_stream *s, const char *why)
{
	if (!s->broken)
		snprintf(s->why, sizeof(s->why), "%s", why);
	s->broken = true;
	return -1;
}

static void
quote(const char *said, char out[256])
{
	char text[160];

	smtp_text_clean(text, sizeof(text), said);
	snprintf(out, 256, "the server said: %s", text);
}

void
fetch_stream_end(struct fetch_stream *s, const char *said)
{
	char why[sizeof(s->why)];

	quote(said, why);
	fail(s, why);
}

void
fetch_stream_say_farewell(struct fetch_stream *s)
{
	if (s->guard.farewell[0] != '\0')
		quote(s->guard.farewell, s->why);
}

static int
wait_for(struct fetch_stream *s, short events)
{
	int found = turn_wait(&s->turn, s->fd, events);

	if (found > 0)
		return 0;
	return fail(s,
	    found == 0 ? "the server did not answer in time" : strerror(errno));
}

/* After an SSL_… call that gave `result` <= 0: 0 to try again, or -1. */
static int
retry(struct fetch_stream *s, int result)
{
	int e = SSL_get_error(s->ssl, result);
	const char *reason;

	if (e == SSL_ERROR_WANT_READ)
		return wait_for(s, POLLIN);
	if (e == SSL_ERROR_WANT_WRITE)
		return wait_for(s, POLLOUT);
	/* Not every server says goodbye before it closes. */
	reason = ERR_GET_REASON(ERR_peek_error()) ==
			 SSL_R_UNEXPECTED_EOF_WHILE_READING
		     ? NULL
		     : ERR_reason_error_string(ERR_peek_error());
	fail(s, e == SSL_ERROR_SSL && reason != NULL
		    ? reason
		    : "the server closed the connection");
	ERR_clear_error();
	return -1;
}

int
fetch_stream_start_tls(struct fetch_stream *s, struct tls_client *tls)
{
	s->ssl = SSL_new(tls->ctx);
	if (s->ssl == NULL || SSL_set_fd(s->ssl, s->fd) != 1)
		return fail(s, "TLS: no memory");
	SSL_set_mode(s->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
				 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	tls_client_prepare(tls, s->ssl);
	for (;;) {
		int result = SSL_connect(s->ssl);
		int e;

		if (result == 1)
			return 0;
		e = SSL_get_error(s->ssl, result);
		if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE) {
			char why[220];

			snprintf(
			    why, sizeof(why), "TLS: %s", tls_client_error(tls));
			return fail(s, why);
		}
		if (wait_for(s, e == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT) <
		    0)
			return -1;
	}
}

ssize_t
fetch_stream_read(struct fetch_stream *s, void *out, size_t room)
{
	if (s->broken)
		return -1;
	if (s->octets_left == 0)
		return fail(s, "the server sent more than it may");
	if (room > s->octets_left)
		room = s->octets_left;
	if (room > INT32_MAX)
		room = INT32_MAX;
	for (;;) {
		ssize_t n = s->ssl != NULL ? SSL_read(s->ssl, out, (int)room)
					   : recv(s->fd, out, room, 0);

		if (n > 0) {
			s->octets_left -= (size_t)n;
			return n;
		}
		/* An end is an error too: libetpan would go on with what it
		 * has. */
		if (s->ssl != NULL) {
			if (retry(s, (int)n) < 0)
				return -1;
		} else if (n == 0) {
			return fail(s, "the server closed the connection");
		} else if (errno == EAGAIN) {
			if (wait_for(s, POLLIN) < 0)
				return -1;
		} else if (errno != EINTR) {
			return fail(s, strerror(errno));
		}
	}
}

ssize_t
fetch_stream_write(struct fetch_stream *s, const void *p, size_t n)
{
	if (s->broken)
		return -1;
	if (n > INT32_MAX)
		n = INT32_MAX;
	for (;;) {
		ssize_t done = s->ssl != NULL ? SSL_write(s->ssl, p, (int)n)
					      : send(s->fd, p, n, MSG_NOSIGNAL);

		if (done > 0)
			return done;
		if (s->ssl != NULL) {
			if (retry(s, (int)done) < 0)
				return -1;
		} else if (errno == EAGAIN) {
			if (wait_for(s, POLLOUT) < 0)
				return -1;
		} else if (errno != EINTR) {
			return fail(s, strerror(errno));
		}
	}
}

/* Is there something for the reader?  A readable socket may hold nothing but
 * what TLS says to itself (a session ticket, new keys, half a record). */
static bool
has_octets(struct fetch_stream *s)
{
	char octet;
	int result, e;

	if (s->ssl == NULL)
		return true;
	result = SSL_peek(s->ssl, &octet, 1);
	if (result > 0)
		return true;
	/* An error is the reader's to find. */
	e = SSL_get_error(s->ssl, result);
	ERR_clear_error();
	return e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE;
}

int
fetch_stream_wait(struct fetch_stream *s, int wake_fd, int64_t deadline)
{
	for (;;) {
		struct pollfd p[2] = { { s->fd, POLLIN, 0 },
			{ wake_fd, POLLIN, 0 } };
		int64_t left = deadline - clock_mono_ms();
		int n;

		if (s->broken)
			return -1;
		/* poll() does not see what TLS has already read. */
		if (s->ssl != NULL && SSL_has_pending(s->ssl) && has_octets(s))
			return 1;
		if (left <= 0)
			return 0;
		n = poll(p, wake_fd < 0 ? 1 : 2,
		    left > INT32_MAX ? INT32_MAX : (int)left);
		if (n < 0 && errno != EINTR)
			return fail(s, strerror(errno));
		if (n <= 0)
			continue;
		if (p[0].revents != 0 && has_octets(s))
			return 1;
		if (wake_fd >= 0 && p[1].revents != 0)
			return 2;
	}
}

/* --- the driver ---------------------------------------------------------- */

static ssize_t
driver_read(mailstream_low *low, void *out, size_t room)
{
	struct fetch_stream *s = low->data;
	ssize_t n = fetch_stream_read(s, out, room);
	const char *why;

	if (n <= 0)
		return n;
	why = fetch_guard_see(&s->guard, span_mem(out, (size_t)n));
	return why == NULL ? n : fail(s, why);
}

static ssize_t
driver_write(mailstream_low *low, const void *p, size_t n)
{
	return fetch_stream_write(low->data, p, n);
}

static int
driver_close(mailstream_low *low)
{
	(void)low;
	return 0;
}

static int
driver_get_fd(mailstream_low *low)
{
	return ((struct fetch_stream *)low->data)->fd;
}

static void
driver_free(mailstream_low *low)
{
	free(low);
}

static void
driver_cancel(mailstream_low *low)
{
	(void)low;
}

static struct mailstream_cancel *
driver_get_cancel(mailstream_low *low)
{
	(void)low;
	return NULL;
}

struct _mailstream_low *
fetch_stream_low(struct fetch_stream *s)
{
	static mailstream_low_driver driver = {
		.mailstream_read = driver_read,
		.mailstream_write = driver_write,
		.mailstream_close = driver_close,
		.mailstream_get_fd = driver_get_fd,
		.mailstream_free = driver_free,
		.mailstream_cancel = driver_cancel,
		.mailstream_get_cancel = driver_get_cancel,
	};

	return mailstream_low_new(s, &driver);
}
