#include "config.h"

#include "src/live_link.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "pki/ocsp_request.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define SILENT_MS 5000
#define FD_MAX (1 << 20)

static int
add_pair(struct job *j, struct live_ends *one, struct live_ends *other)
{
	int fds[2];

	if (fd_message_pair(j, fds) < 0)
		return -1;
	one->fds[one->n++] = fds[0];
	other->fds[other->n++] = fds[1];
	return 0;
}

int
live_pairs_make(struct job *j, size_t listeners, struct live_pairs *out)
{
	*out = (struct live_pairs){ .responder = { .n = 0 } };
	if (add_pair(j, &out->responder, &out->issuer) < 0)
		return -1;
	for (size_t i = 0; i < listeners && i < HTTP_SOCKETS_MAX; i++)
		if (add_pair(j, &out->responder, &out->web) < 0)
			return -1;
	return 0;
}

int
live_ends_parse(const char *text, struct live_ends *out)
{
	struct span rest = span_str(text);

	*out = (struct live_ends){ .n = 0 };
	while (rest.n > 0) {
		size_t comma = span_find(rest, 0, ',');
		int64_t fd;

		if (out->n == COUNT(out->fds) ||
		    span_to_int(span_cut(rest, 0, comma), 3, FD_MAX, &fd) < 0)
			return -1;
		out->fds[out->n++] = (int)fd;
		rest = span_from(rest, comma < rest.n ? comma + 1 : rest.n);
	}
	return out->n > 0 ? 0 : -1;
}

const char *
live_ends_text(struct arena *a, const struct live_ends *ends)
{
	struct buf b;

	buf_init(&b, a, 16 * (1 + HTTP_SOCKETS_MAX));
	for (size_t i = 0; i < ends->n; i++)
		buf_addf(&b, "%s%d", i > 0 ? "," : "", ends->fds[i]);
	return b.p;
}

int
live_take(struct job *j, int fd, size_t max, struct span *message)
{
	char *room = arena_alloc(j->arena, max + 1);
	ssize_t n = read(fd, room, max + 1);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;
	/* One that is too long was cut: it is nothing. */
	*message = span_mem(room, (size_t)n > max ? 0 : (size_t)n);
	return 1;
}

int
live_give(int fd, struct span message)
{
	ssize_t n;

	do
		n = write(fd, message.p, message.n);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)message.n ? 0 : -1;
}

int
live_tell(struct arena *a, int fd, enum live_kind kind, struct span body)
{
	struct buf b;

	buf_init(&b, a, 1 + OCSP_RESPONSE_MAX);
	buf_add_char(&b, (char)kind);
	buf_add(&b, body);
	return buf_ok(&b) ? live_give(fd, buf_span(&b)) : -1;
}

int
live_told(struct span message, enum live_kind *kind, struct span *body)
{
	if (message.n < 2 ||
	    (message.p[0] != LIVE_SAMPLE &&
		(message.p[0] != LIVE_KEY || message.n > 1 + LIVE_KEY_MAX)))
		return -1;
	*kind = (enum live_kind)message.p[0];
	*body = span_from(message, 1);
	return 0;
}

/* --- questions ------------------------------------------------------------ */

static struct span
number_octets(struct arena *a, uint64_t number)
{
	return span_mem(
	    arena_memdup(a, &number, LIVE_NUMBER_LEN), LIVE_NUMBER_LEN);
}

struct span
live_reply(struct arena *a, struct span number, struct span response)
{
	struct buf b;

	buf_init(&b, a, LIVE_NUMBER_LEN + OCSP_RESPONSE_MAX);
	buf_add(&b, number);
	buf_add(&b, response);
	return buf_ok(&b) ? buf_span(&b) : (struct span){ NULL, 0 };
}

int
live_question(struct span message, struct span *number, struct span *request)
{
	if (message.n <= LIVE_NUMBER_LEN ||
	    message.n > LIVE_NUMBER_LEN + OCSP_REQUEST_MAX)
		return -1;
	*number = span_cut(message, 0, LIVE_NUMBER_LEN);
	*request = span_from(message, LIVE_NUMBER_LEN);
	return 0;
}

/* Numbers of a process before this one are others: what it asked may be
 * answered yet. */
void
live_asker_init(struct live_asker *a, int fd)
{
	*a = (struct live_asker){ .fd = fd };
	rnd_bytes(&a->number, sizeof(a->number));
}

/* The answer to this number, if it is there by then: 1, 0, -1. */
static int
wait_for(struct job *j, const struct live_asker *a, struct span number,
    int64_t until_ms, struct span *response)
{
	struct span message;
	int found;

	while ((found = live_take(j, a->fd, LIVE_NUMBER_LEN + OCSP_RESPONSE_MAX,
		    &message)) >= 0) {
		struct pollfd p = { .fd = a->fd, .events = POLLIN };
		int64_t left = until_ms - clock_mono_ms();

		if (found == 1 && message.n > LIVE_NUMBER_LEN &&
		    span_starts(message, number)) {
			*response = span_from(message, LIVE_NUMBER_LEN);
			return 1;
		}
		if (found == 0 && left <= 0)
			return 0;
		if (found == 0)
			(void)poll(&p, 1, (int)left);
	}
	return -1;
}

int
live_ask(struct job *j, struct live_asker *a, struct span request,
    struct span *response)
{
	int64_t now = clock_mono_ms();
	struct span number = number_octets(j->arena, ++a->number);
	struct span question = live_reply(j->arena, number, request);

	if (now < a->silent_until_ms)
		return -1;
	if (question.n > 0 && live_give(a->fd, question) == 0 &&
	    wait_for(j, a, number, now + LIVE_ASK_MS, response) == 1)
		return 0;
	/* Lists are served by the same thread. */
	a->silent_until_ms = clock_mono_ms() + SILENT_MS;
	return -1;
}
