#include "config.h"

#include "src/sign_link.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/log.h"
#include "lib/rnd.h"
#include "pki/remote_key.h"
#include "src/sign_frame.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A device in the network may be slow to say that it is there. */
#define READY_MS 10000
#define AGAIN_MS 2000 /* while nobody answers */
#define SIGN_MS 30000
#define PAUSE_MAX_SECS 60 /* PK-200 */

struct sign_link {
	struct remote_key key;
	int fd;
	enum role who;
	int64_t pause; /* seconds; 0: it answers */
	int64_t retry_at;
	char why[ERR_TEXT_MAX];
};

/* --- nobody answers ------------------------------------------------------- */

static int
away(struct job *j, struct sign_link *l, const char *why)
{
	l->pause = l->pause == 0 ? 1 : l->pause * 2;
	if (l->pause > PAUSE_MAX_SECS)
		l->pause = PAUSE_MAX_SECS;
	l->retry_at = j->now + l->pause;
	snprintf(l->why, sizeof(l->why), "%s", why);
	log_error("signer away",
	    "error=\"%s\" next=\"look at what the role %s says; it is "
	    "asked again in %lld s, and what waits for a signature goes on "
	    "waiting\"",
	    l->why, role_name(l->who), (long long)l->pause);
	return job_fail(j, ERR_BUSY, "%s", l->why);
}

/* A clock that was set back in the meantime makes no pause longer. */
static bool
is_resting(const struct job *j, const struct sign_link *l)
{
	return j->now < l->retry_at && l->retry_at - j->now <= l->pause;
}

static void
back(struct sign_link *l)
{
	if (l->pause > 0)
		log_info("signer back", "pause=%lld", (long long)l->pause);
	l->pause = 0;
	l->retry_at = 0;
}

/* --- one question --------------------------------------------------------- */

/* 1 and an answer, 0: none by then, -1: none will come. */
static int
take(struct job *j, const struct sign_link *l, int64_t until_ms,
    struct span *message)
{
	char *room = arena_alloc(j->arena, SIGN_ANSWER_MAX);

	for (;;) {
		struct pollfd p = { .fd = l->fd, .events = POLLIN };
		ssize_t n = read(l->fd, room, SIGN_ANSWER_MAX);
		int64_t left = until_ms - clock_mono_ms();

		if (n > 0) {
			*message = span_mem(room, (size_t)n);
			return 1;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return -1;
		if (left <= 0)
			return 0;
		(void)poll(&p, 1, (int)left);
	}
}

/* Does the supervisor say that nobody reads any more?  Other messages are to
 * earlier questions, or to an issuer before this one. */
static bool
has_ended(struct job *j, const struct sign_link *l)
{
	struct span message;
	struct sign_answer a;

	while (take(j, l, 0, &message) > 0) {
		if (sign_answer_read(j, message, &a) == 0 &&
		    a.outcome == SIGN_GONE)
			return true;
		job_recover(j);
	}
	return false;
}

static int
give(struct job *j, const struct sign_link *l, struct span message,
    int64_t until_ms, const char **why)
{
	while (write(l->fd, message.p, message.n) != (ssize_t)message.n) {
		struct pollfd p = { .fd = l->fd, .events = POLLIN | POLLOUT };
		int64_t left = until_ms - clock_mono_ms();

		if ((errno != EAGAIN && errno != EINTR) || left <= 0)
			return -1;
		if (poll(&p, 1, (int)left) > 0 && (p.revents & POLLIN) != 0 &&
		    has_ended(j, l)) {
			*why = "the signer has ended";
			return -1;
		}
	}
	return 0;
}

static int
send_question(struct job *j, const struct sign_link *l, struct sign_question *q,
    struct span tbs, int64_t until_ms, const char **why)
{
	struct span message;

	*why = "the signer takes no questions";
	q->total = tbs.n;
	do {
		q->part = span_cut(tbs, q->at, q->at + SIGN_PART_MAX);
		if (sign_question_write(j, q, &message) < 0)
			return -1;
		if (give(j, l, message, until_ms, why) < 0)
			return 1;
		q->at += q->part.n;
	} while (q->at < tbs.n);
	return 0;
}

/* The answer to this one: 0; or 1 and why there is none. */
static int
wait_for(struct job *j, const struct sign_link *l,
    const uint8_t id[SIGN_ID_LEN], int64_t until_ms, struct sign_answer *a,
    const char **why)
{
	struct span message;

	*why = "the signer does not answer";
	while (take(j, l, until_ms, &message) > 0) {
		if (sign_answer_read(j, message, a) < 0) {
			log_error("signer not understood", "error=\"%s\"",
			    j->err.text);
			job_recover(j);
		} else if (a->outcome == SIGN_GONE) {
			*why = "the signer has ended";
			return 1;
		} else if (memcmp(a->id, id, SIGN_ID_LEN) == 0) {
			return 0;
		}
	}
	return 1;
}

static int
result_of(struct job *j, const struct sign_answer *a, struct span *octets)
{
	static const enum err_kind kinds[SIGN_OUTCOMES] = {
		[SIGN_BUSY] = ERR_BUSY,
		[SIGN_REFUSED] = ERR_REFUSED,
		[SIGN_FAILED] = ERR_INTERNAL,
		[SIGN_GONE] = ERR_BUSY,
	};

	if (a->outcome != SIGN_DONE)
		return job_fail(j, kinds[a->outcome], "%.*s", (int)a->octets.n,
		    a->octets.p);
	*octets = a->octets;
	return 0;
}

static int
ask(struct job *j, struct sign_link *l, const char *label, char tag,
    struct span tbs, int wait_ms, struct span *octets)
{
	struct sign_question q = { .tag = tag, .label = span_str(label) };
	int64_t until_ms = clock_mono_ms() + wait_ms;
	struct sign_answer a;
	const char *why = NULL;
	int result;

	if (is_resting(j, l))
		return job_fail(j, ERR_BUSY, "%s", l->why);
	rnd_bytes(q.id, sizeof(q.id));
	result = send_question(j, l, &q, tbs, until_ms, &why);
	if (result == 0)
		result = wait_for(j, l, q.id, until_ms, &a, &why);
	if (result < 0)
		return -1;
	if (result > 0)
		return away(j, l, why);
	back(l);
	return result_of(j, &a, octets);
}

/* --- the key -------------------------------------------------------------- */

/* Nobody answered, or one has ended since: there may be another by now. */
static bool
may_be_gone(struct job *j, const struct sign_link *l)
{
	bool ended = false;

	while (has_ended(j, l))
		ended = true;
	return ended || l->pause > 0;
}

static int
ready_by(struct job *j, struct sign_link *l, const char *label, int wait_ms)
{
	struct span nothing = { NULL, 0 };

	return ask(j, l, label, SIGN_IS_READY, nothing, wait_ms, &nothing);
}

static int
ready(struct job *j, void *context, const char *label)
{
	struct sign_link *l = context;

	return ready_by(j, l, label, may_be_gone(j, l) ? AGAIN_MS : READY_MS);
}

/* Who may be dead is not waited for as long as a signature may take. */
static int
sign(struct job *j, void *context, const char *label, char tag, struct span tbs,
    struct span *signature)
{
	struct sign_link *l = context;

	if (may_be_gone(j, l) && ready_by(j, l, label, AGAIN_MS) < 0)
		return -1;
	return ask(j, l, label, tag, tbs, SIGN_MS, signature);
}

const struct remote_key *
sign_link_new(struct arena *keep, int fd, enum role who)
{
	struct sign_link *l = arena_alloc(keep, sizeof(*l));

	*l = (struct sign_link){
		.key = { sign, ready, l }, .fd = fd, .who = who
	};
	return &l->key;
}

void
sign_link_gone(int fd)
{
	struct sign_answer a = { .outcome = SIGN_GONE };
	struct span message;
	struct job j;

	job_init(&j, NULL, NULL);
	if (sign_answer_write(&j, &a, &message) == 0 &&
	    write(fd, message.p, message.n) != (ssize_t)message.n)
		log_debug("issuer not told", "error=\"%s\"", strerror(errno));
	job_done(&j);
}
