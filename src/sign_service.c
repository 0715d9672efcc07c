#include "config.h"

#include "src/sign_service.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "lib/utf8.h"
#include "pki/key.h"
#include "pki/remote_key.h"
#include "pki/responder_key.h"
#include "pki/token_key.h"
#include "src/ca_conf.h"
#include "src/pins.h"
#include "src/sign_cap.h"
#include "src/sign_frame.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define GIVE_MS 1000
#define PART_MS 5000 /* between two parts of a question */
/* Four times the parts of the largest question: what a socket holds of earlier
 * ones is less. */
#define MESSAGES_MAX ((int)(4 * SIGN_TBS_MAX / SIGN_PART_MAX))

struct held {
	const char *former; /* its section's name; NULL: the issuing CA's */
	const struct ca *ca;
	struct responder_key *responder; /* in place of a CA's (PK-177) */
	const char *label;
	struct sign_cap cap;
};

/* --- its keys ------------------------------------------------------------- */

/* As root: the PIN is read, and nothing of the module's runs yet. */
static int
add_key(struct job *j, struct arena *keep, struct sign_service *s,
    const struct conf_issuer *conf, const struct pin_given *pin,
    const char *former)
{
	struct conf *own = arena_alloc(keep, sizeof(*own));
	struct held *k = &s->keys[s->n];
	struct ca_files files;

	*own = *j->conf;
	own->issuer = *conf;
	files = ca_conf_files(keep, own);
	files.is_signer = true;
	if (pin != NULL)
		ca_conf_use_pin(keep, &files, pin->octets, pin->is_by_hand);
	/* Rules for new CAs do not end what a former one owes. */
	files.is_public = files.is_public && former == NULL;
	*k = (struct held){ .former = former };
	if (ca_load(j, keep, &files, &k->ca) < 0)
		return -1;
	k->label = ca_key_label(k->ca);
	s->n++;
	return 0;
}

/* A former CA may have ended, and a destroyed key's PIN may be gone (PK-207):
 * the issuer knows what is right. */
static void
add_former(struct job *j, struct arena *keep, struct sign_service *s,
    const struct conf_former *f, const struct pin_given *pin)
{
	if (f->issuer.key.module == NULL ||
	    add_key(j, keep, s, &f->issuer, pin, f->name) == 0)
		return;
	log_warning("former CA's key not held",
	    "name=%s error=\"%s\" next=\"nothing, if it has ended or its key "
	    "is destroyed\"",
	    f->name, j->err.text);
	job_recover(j);
}

int
sign_service_open(struct job *j, struct arena *keep, struct sign_service *s)
{
	const struct conf *conf = j->conf;
	struct pins_given pins;

	if (pins_receive(j, s->pins_fd, &pins) < 0)
		return -1;
	s->keys = arena_calloc(keep, 1 + conf->former_count, sizeof(*s->keys));
	s->n = 0;
	if (conf->issuer.key.module != NULL &&
	    add_key(j, keep, s, &conf->issuer, pins_find(&pins, 0), NULL) < 0)
		return -1;
	for (size_t i = 0; i < conf->former_count; i++)
		add_former(
		    j, keep, s, &conf->formers[i], pins_find(&pins, i + 1));
	return 0;
}

int
sign_service_open_responder(
    struct job *j, struct arena *keep, struct sign_service *s)
{
	const struct conf_token *t = &j->conf->responder.key;
	struct token_place *place = arena_alloc(keep, sizeof(*place));
	const struct pin_given *pin;
	struct pins_given pins;

	if (pins_receive(j, s->pins_fd, &pins) < 0)
		return -1;
	*place = ca_conf_token(j->conf, t);
	pin = pins_find(&pins, PINS_RESPONDER);
	if (pin != NULL) {
		place->pin = pin->octets;
		place->is_by_hand = pin->is_by_hand;
	}
	s->keys = arena_calloc(keep, 1, sizeof(*s->keys));
	s->keys[0].label = arena_strdup(keep, t->id);
	s->n = 1;
	return responder_key_prepare(j, keep, place, &s->keys[0].responder);
}

static int
ready(struct job *j, const struct held *k)
{
	return k->responder != NULL ? responder_key_ready(j, k->responder)
				    : ca_ready(j, k->ca);
}

/* What a module says when its sockets are refused, or its files, does not show
 * it. */
static int
say_why(struct job *j, const struct held *k)
{
	bool is_responder = k->responder != NULL;
	const struct conf_signer *reach =
	    is_responder ? &j->conf->responder.reach : &j->conf->signer;
	bool may_help =
	    j->err.kind == ERR_BUSY && reach->network != CONF_NETWORK_ANY;
	const char *why = arena_strdup(j->arena, j->err.text);
	enum err_kind kind = j->err.kind;

	job_recover(j);
	return job_fail(j, kind, "%s%s%s", why,
	    !may_help      ? ""
	    : is_responder ? "; a device that is reached over the network "
			     "needs responder.network = any"
			   : "; a device that is reached over the network "
			     "needs signer.network = any",
	    is_responder && reach->files.n == 0
		? "; what the module reads and writes has to stand in "
		  "responder.files"
		: "");
}

/* PK-199: the next start would try its PIN again, and at the third the device
 * locks. */
static int
say_who(struct job *j, const char *former)
{
	const char *why = arena_strdup(j->arena, j->err.text);

	job_recover(j);
	return job_fail(j, ERR_REFUSED, "former_ca %s: %s", former, why);
}

int
sign_service_log_in(struct job *j, const struct sign_service *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct held *k = &s->keys[i];

		if (ready(j, k) == 0)
			continue;
		if (k->former == NULL)
			return say_why(j, k);
		if (j->err.kind == ERR_REFUSED)
			return say_who(j, k->former);
		log_warning("former CA's key not ready",
		    "name=%s error=\"%s\" next=\"nothing, if it is destroyed\"",
		    k->former, j->err.text);
		job_recover(j);
	}
	return 0;
}

/* --- one question --------------------------------------------------------- */

static struct held *
find_key(const struct sign_service *s, struct span label)
{
	for (size_t i = 0; i < s->n; i++)
		if (span_eq_str(label, s->keys[i].label))
			return &s->keys[i];
	return NULL;
}

static int
judge(struct job *j, const struct sign_service *s,
    const struct sign_question *q, struct span tbs, struct span *signature)
{
	struct held *k = find_key(s, q->label);

	if (k == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "the signer has no key %.*s: start countersignd again "
		    "after a change of keys",
		    (int)q->label.n, q->label.p);
	if (q->tag == SIGN_IS_READY)
		return ready(j, k);
	/* It issues nothing any more (PK-156). */
	if (k->former != NULL && q->tag == REMOTE_SUBSCRIBER)
		return job_fail(j, ERR_INTERNAL,
		    "refused to sign: former_ca %s issues nothing", k->former);
	if (sign_cap_check(j, &k->cap, q->tag) < 0 ||
	    (k->responder != NULL
		    ? responder_key_signature(
			  j, k->responder, q->tag, tbs, signature)
		    : ca_signature(j, k->ca, q->tag, tbs, signature)) < 0)
		return -1;
	sign_cap_count(&k->cap, j->now, q->tag);
	return 0;
}

static enum sign_outcome
outcome_of(enum err_kind kind)
{
	return kind == ERR_BUSY      ? SIGN_BUSY
	       : kind == ERR_REFUSED ? SIGN_REFUSED
				     : SIGN_FAILED;
}

/* Who does not read it waits no more. */
static void
give(struct job *j, int fd, const struct sign_answer *a)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	struct span message;

	if (sign_answer_write(j, a, &message) < 0 ||
	    (poll(&p, 1, GIVE_MS) >= 0 &&
		write(fd, message.p, message.n) != (ssize_t)message.n))
		log_error("answer not sent", "error=\"%s\"",
		    j->err.kind != ERR_NONE ? j->err.text : strerror(errno));
}

static void
answer(struct job *j, const struct sign_service *s,
    const struct sign_question *q, struct span tbs)
{
	struct sign_answer a = { .outcome = SIGN_DONE };

	memcpy(a.id, q->id, sizeof(a.id));
	if (judge(j, s, q, tbs, &a.octets) < 0) {
		struct span text =
		    span_str(arena_strdup(j->arena, j->err.text));
		bool is_text = utf8_is_valid(text) && !span_has_control(text);

		a.outcome = outcome_of(j->err.kind);
		a.octets = is_text ? text : SPAN("what it said is no text");
		if (a.outcome == SIGN_FAILED)
			log_error("not signed", "error=\"%s\"", j->err.text);
		job_recover(j);
	}
	give(j, s->fd, &a);
}

/* --- all of them ---------------------------------------------------------- */

static bool
waits_for_more(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, PART_MS) > 0;
}

/*
 * 1 with the newest question, which alone somebody waits for; 0 where there is
 * none, -1 when nobody asks any more.  Who asks more than it ever needs to is
 * answered in between, with memory given back.
 */
static int
take(struct job *j, int fd, struct sign_incoming *in)
{
	char *room = arena_alloc(j->arena, SIGN_FRAME_MAX + 1);
	int found = 0;

	for (int messages = 0; messages < MESSAGES_MAX;) {
		ssize_t n = read(fd, room, SIGN_FRAME_MAX + 1);
		struct sign_question part;

		if (n == 0)
			return -1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			if (errno != EAGAIN || !in->is_partial ||
			    !waits_for_more(fd))
				return found;
			continue;
		}
		messages++;
		if (sign_question_read(j, span_mem(room, (size_t)n), &part) ==
		    0) {
			found = sign_incoming_add(in, &part);
			continue;
		}
		log_error(
		    "question not understood", "error=\"%s\"", j->err.text);
		job_recover(j);
	}
	return found;
}

/* The size of what may be asked again and again stays small. */
int
sign_service_step(const struct sign_service *s, const struct conf *conf)
{
	struct sign_incoming in;
	struct job j;
	int found;

	job_init(&j, NULL, conf);
	sign_incoming_init(&j, &in);
	found = take(&j, s->fd, &in);
	j.now = clock_now();
	if (found > 0)
		answer(&j, s, &in.head, buf_span(&in.tbs));
	job_done(&j);
	return found;
}

void
sign_service_limits(struct sign_service *s, const struct conf *conf)
{
	for (size_t i = 0; i < s->n; i++) {
		struct held *k = &s->keys[i];
		const struct conf_issuer *own =
		    k->former == NULL ? &conf->issuer : NULL;

		for (size_t n = 0; n < conf->former_count && own == NULL; n++)
			if (k->former != NULL &&
			    strcmp(conf->formers[n].name, k->former) == 0)
				own = &conf->formers[n].issuer;
		if (own != NULL)
			sign_cap_set(&k->cap, own, conf->issuer.max_per_hour);
	}
}

void
sign_service_resume(struct sign_service *s)
{
	if (s->ends == 0)
		return;
	log_warning("ceilings are lower",
	    "ends=%lld next=\"find out why the signer has ended; an hour later "
	    "they are what they were\"",
	    (long long)s->ends);
	for (size_t i = 0; i < s->n; i++)
		sign_cap_resume(&s->keys[i].cap, clock_now(), s->ends);
}
