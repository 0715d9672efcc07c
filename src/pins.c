#include "config.h"

#include "src/pins.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/locked.h"
#include "lib/log.h"
#include "src/console.h"
#include "src/frame.h"
#include "src/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* An empty pipe takes so many octets at once. */
#define GIVEN_MAX 65536
#define HEAD_LEN 5 /* key, how it came, length */

struct held_pin {
	size_t key;
	bool is_typed;
	bool was_given;
	size_t n; /* 0: forgotten */
	char octets[PINS_OCTETS_MAX];
};

struct pins {
	struct held_pin *v; /* locked */
	size_t n;
};

/* --- taking them ---------------------------------------------------------- */

static bool inherited[CONF_PIN_FD_MAX + 1];

void
pins_note_descriptors(void)
{
	for (int fd = 3; fd <= CONF_PIN_FD_MAX; fd++)
		inherited[fd] = fcntl(fd, F_GETFD) >= 0;
}

static enum pins_of
owner_of(size_t key)
{
	return key == PINS_RESPONDER ? PINS_OF_RESPONDER : PINS_OF_CAS;
}

static const struct conf_token *
token_of(const struct conf *c, size_t key)
{
	if (key == PINS_RESPONDER)
		return &c->responder.key;
	return key == 0 ? &c->issuer.key : &c->formers[key - 1].issuer.key;
}

static bool
is_wanted(const struct conf_token *t)
{
	return t->module != NULL && (t->pin_fd > 0 || t->pin_ask);
}

static int
read_descriptor(struct job *j, int fd, struct span *out)
{
	const char *name = arena_printf(j->arena, "descriptor %d", fd);
	int result;

	if (!inherited[fd])
		return job_fail(j, ERR_INTERNAL,
		    "key_pin_fd: descriptor %d is not open: start countersignd "
		    "with it, as in %d<FILE",
		    fd, fd);
	log_info("PIN is read", "descriptor=%d", fd);
	result = fd_read_secret(j, fd, name, PINS_OCTETS_MAX + 1, out);
	/* Nothing else is read from it, and no child has it. */
	close(fd);
	inherited[fd] = false;
	return result;
}

static const char *
prompt_of(struct job *j, const struct conf_token *t)
{
	return arena_printf(
	    j->arena, "PIN of token %s, key %s: ", t->token, t->label);
}

static int
read_console(struct job *j, const struct conf_token *t, struct span *out)
{
	int found = console_ask_secret(j, prompt_of(j, t), out);

	return found != 0 ? found
			  : job_fail(j, ERR_INTERNAL,
				"key_pin_ask: there is no terminal to ask at: "
				"start countersignd from one, or use key_pin "
				"or key_pin_fd");
}

static int
take(struct job *j, const struct conf_token *t, struct held_pin *to)
{
	struct span pin = { NULL, 0 };
	int result = t->pin_ask ? read_console(j, t, &pin)
				: read_descriptor(j, (int)t->pin_fd, &pin);

	if (result < 0)
		return -1;
	if (pin.n == 0 || pin.n > PINS_OCTETS_MAX)
		return job_fail(j, ERR_INTERNAL,
		    "the PIN of token %s has %s octets: 1 to %d are possible",
		    t->token, pin.n == 0 ? "no" : "too many", PINS_OCTETS_MAX);
	to->is_typed = t->pin_ask;
	to->n = pin.n;
	memcpy(to->octets, pin.p, pin.n);
	return 0;
}

/* What it was read into is wiped at once; the outer job may last. */
static int
take_one(struct job *j, size_t key, struct held_pin *to)
{
	struct job own;
	int result;

	job_init(&own, NULL, j->conf);
	to->key = key;
	result = take(&own, token_of(j->conf, key), to);
	if (result < 0)
		(void)job_fail(j, own.err.kind, "%s", own.err.text);
	job_done(&own);
	return result;
}

/* In the sequence in which a person is asked: the responder's last. */
static size_t
key_at(const struct conf *c, size_t i)
{
	return i > c->former_count ? PINS_RESPONDER : i;
}

int
pins_take(struct job *j, struct arena *keep, struct pins **out)
{
	size_t keys = 2 + j->conf->former_count, wanted = 0;
	struct pins *p;
	void *room;

	*out = NULL;
	for (size_t i = 0; i < keys; i++)
		wanted += is_wanted(token_of(j->conf, key_at(j->conf, i)));
	if (wanted == 0)
		return 0;
	if (wanted > GIVEN_MAX / (HEAD_LEN + PINS_OCTETS_MAX))
		return job_fail(j, ERR_INTERNAL, "too many PINs: use key_pin");
	if (locked_alloc(j, keep, wanted * sizeof(*p->v), &room) < 0)
		return -1;
	p = arena_alloc(keep, sizeof(*p));
	*p = (struct pins){ .v = room };
	for (size_t i = 0; i < keys; i++) {
		size_t key = key_at(j->conf, i);

		if (is_wanted(token_of(j->conf, key)) &&
		    take_one(j, key, &p->v[p->n++]) < 0)
			return -1;
	}
	*out = p;
	return 0;
}

bool
pins_were_taken(const struct pins *p, enum pins_of whose)
{
	for (size_t i = 0; p != NULL && i < p->n; i++)
		if (owner_of(p->v[i].key) == whose)
			return true;
	return false;
}

void
pins_forget(struct pins *p, enum pins_of whose)
{
	for (size_t i = 0; p != NULL && i < p->n; i++)
		if (owner_of(p->v[i].key) == whose) {
			wipe(p->v[i].octets, sizeof(p->v[i].octets));
			p->v[i].n = 0;
		}
}

/* --- from one process to the other ---------------------------------------- */

static void
add_pin(struct buf *b, const struct held_pin *pin)
{
	buf_add_char(b, (char)(pin->key >> 8));
	buf_add_char(b, (char)pin->key);
	/* Once: later ones are not typed for the start that they serve. */
	buf_add_char(b, pin->is_typed && !pin->was_given ? 1 : 0);
	buf_add_char(b, (char)(pin->n >> 8));
	buf_add_char(b, (char)pin->n);
	buf_add(b, span_mem(pin->octets, pin->n));
}

static bool
is_held(const struct held_pin *pin, enum pins_of whose)
{
	return owner_of(pin->key) == whose && pin->n > 0;
}

static int
fill(struct job *j, struct pins *p, enum pins_of whose, int to)
{
	struct job own;
	struct buf b;
	int result = 0;

	job_init(&own, NULL, j->conf);
	buf_init_secret(&b, own.arena, GIVEN_MAX);
	for (size_t i = 0; i < p->n; i++)
		if (is_held(&p->v[i], whose))
			add_pin(&b, &p->v[i]);
	if (!buf_ok(&b) || write(to, b.p, b.n) != (ssize_t)b.n)
		result = job_fail(j, ERR_INTERNAL, "PINs for the signer: %s",
		    strerror(errno));
	for (size_t i = 0; i < p->n && result == 0; i++)
		p->v[i].was_given |= is_held(&p->v[i], whose);
	job_done(&own);
	return result;
}

static bool
has_some(const struct pins *p, enum pins_of whose)
{
	for (size_t i = 0; p != NULL && i < p->n; i++)
		if (is_held(&p->v[i], whose))
			return true;
	return false;
}

int
pins_give(struct job *j, struct pins *p, enum pins_of whose, int *fd)
{
	int ends[2], result;

	*fd = -1;
	if (!has_some(p, whose))
		return 0;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return job_fail(j, ERR_INTERNAL, "pipe: %s", strerror(errno));
	result = fill(j, p, whose, ends[1]);
	close(ends[1]);
	if (result < 0) {
		close(ends[0]);
		return -1;
	}
	*fd = ends[0];
	return 0;
}

static size_t
take_two(struct frame_reader *r)
{
	size_t high = frame_take_octet(r);

	return high << 8 | frame_take_octet(r);
}

static int
parse(struct job *j, struct span message, struct pins_given *out)
{
	struct frame_reader r = { .left = message };

	out->v =
	    arena_calloc(j->arena, message.n / HEAD_LEN + 1, sizeof(*out->v));
	while (r.left.n > 0 && !r.failed) {
		struct pin_given *g = &out->v[out->n++];

		g->key = take_two(&r);
		g->is_by_hand = frame_take_octet(&r) == 1;
		g->octets = frame_take(&r, take_two(&r));
	}
	return r.failed ? job_fail(j, ERR_INTERNAL,
			      "what the supervisor gave are no PINs")
			: 0;
}

static int
read_all(struct job *j, int fd, struct buf *b)
{
	char *room = arena_alloc_secret(j->arena, GIVEN_MAX);
	ssize_t n;

	while ((n = read(fd, room, GIVEN_MAX)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return job_fail(j, ERR_INTERNAL,
			    "PINs from the supervisor: %s", strerror(errno));
		buf_add(b, span_mem(room, (size_t)n));
	}
	return 0;
}

int
pins_receive(struct job *j, int fd, struct pins_given *out)
{
	struct buf b;
	int result;

	*out = (struct pins_given){ NULL, 0 };
	if (fd < 0)
		return 0;
	buf_init_secret(&b, j->arena, GIVEN_MAX);
	result = read_all(j, fd, &b);
	close(fd);
	return result < 0 ? -1 : parse(j, buf_span(&b), out);
}

const struct pin_given *
pins_find(const struct pins_given *g, size_t key)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].key == key)
			return &g->v[i];
	return NULL;
}

/* --- for commands --------------------------------------------------------- */

int
pins_ask(struct job *j, const struct conf_token *t, struct span *out)
{
	*out = SPAN("");
	if (!is_wanted(t))
		return 0;
	privilege_no_dumps();
	return console_ask_secret(j, prompt_of(j, t), out);
}
