#include "config.h"

#include "src/role_responder.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/log.h"
#include "pki/key.h"
#include "pki/ocsp_request.h"
#include "src/bare_role.h"
#include "src/ca_conf.h"
#include "src/live_answer.h"
#include "src/sign_link.h"
#include "src/wake.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>

/* The issuer may be busy, away, or at its ceiling (PK-204). */
#define KEY_AGAIN_MS 10000
#define POLL_MS 60000
#define REPORT_SECS 3600

struct service {
	const struct live_ends *ends;
	const struct conf *conf;
	const struct ca *ca;
	struct live *live;
	int signer_fd;     /* -1: keys are made here */
	int64_t ask_at_ms; /* for a certificate, again */
	int64_t reported_at;
};

/* --- its certificate ------------------------------------------------------ */

/* Of a key that is away who has it tells. */
static void
tell_failure(struct job *j)
{
	if (j->err.kind != ERR_BUSY && j->err.kind != ERR_REFUSED)
		log_error("no OCSP key", "error=\"%s\"", j->err.text);
	job_recover(j);
}

static void
ask_certificate(struct job *j, struct service *s)
{
	struct span request;
	int wanted;

	if (clock_mono_ms() < s->ask_at_ms)
		return;
	wanted = live_key(j, s->live, &request);
	if (wanted == 0)
		return;
	s->ask_at_ms = clock_mono_ms() + KEY_AGAIN_MS;
	if (wanted < 0) {
		tell_failure(j);
		return;
	}
	/* What does not fit was asked already. */
	if (live_tell(j->arena, s->ends->fds[0], LIVE_KEY, request) == 0)
		wake_send(1U << ROLE_ISSUER);
}

/* One that is not taken is no loss: another one follows. */
static void
give_sample(struct job *j, struct service *s)
{
	struct span response;

	if (live_take_sample(j, s->live, &response) &&
	    live_tell(j->arena, s->ends->fds[0], LIVE_SAMPLE, response) == 0)
		wake_send(1U << ROLE_ISSUER);
}

static int
take_certificate(struct job *j, struct service *s)
{
	struct span der = { NULL, 0 };
	int found = live_take(j, s->ends->fds[0], LIVE_CERTIFICATE_MAX, &der);

	if (found <= 0)
		return found;
	if (live_adopt(j, s->live, der) < 0) {
		/* Of a process before this one, most likely. */
		log_warning("certificate of an OCSP responder not taken",
		    "error=\"%s\"", j->err.text);
		job_recover(j);
		return 1;
	}
	s->ask_at_ms = 0;
	log_info("OCSP answers are live", "listeners=%zu", s->ends->n - 1);
	return 1;
}

/* --- questions ------------------------------------------------------------ */

static int
answer_one(struct job *j, struct service *s, int fd)
{
	struct span message, number, request;
	int found = live_take(
	    j, fd, LIVE_NUMBER_LEN + (size_t)OCSP_REQUEST_MAX, &message);

	if (found <= 0)
		return found;
	if (live_question(message, &number, &request) < 0)
		return 1;
	/* Who does not read it waits no more. */
	(void)live_give(
	    fd, live_reply(j->arena, number, live_answer(j, s->live, request)));
	return 1;
}

/* Each in a job of its own: what strangers ask stays small.  -1: nobody asks
 * any more. */
static int
serve_fd(struct service *s, size_t i)
{
	int found;

	do {
		struct job j;

		job_init(&j, NULL, s->conf);
		found = i == 0 ? take_certificate(&j, s)
			       : answer_one(&j, s, s->ends->fds[i]);
		job_done(&j);
	} while (found > 0);
	return found;
}

static void
tend(struct service *s)
{
	struct job j;

	job_init(&j, NULL, s->conf);
	ask_certificate(&j, s);
	give_sample(&j, s);
	if (j.now >= s->reported_at + REPORT_SECS) {
		uint64_t count = live_take_count(s->live);

		s->reported_at = j.now;
		if (count > 0)
			log_info("OCSP answers signed for clients",
			    "count=%" PRIu64, count);
	}
	job_done(&j);
}

static int
wait_ms(const struct service *s)
{
	int64_t left = s->ask_at_ms - clock_mono_ms();

	if (clock_now() < live_key_due(s->live))
		return POLL_MS;
	return left < 0 ? 0 : left > POLL_MS ? POLL_MS : (int)left;
}

static void
serve(struct arena *keep, const struct conf *conf, void *ctx)
{
	struct service *s = ctx;
	struct pollfd polled[1 + HTTP_SOCKETS_MAX];
	bool is_asked = true;

	s->conf = conf;
	s->live = live_new(keep, &conf->issuer, s->ca);
	if (s->signer_fd >= 0)
		live_use_key(s->live,
		    sign_link_new(keep, s->signer_fd, ROLE_OCSP_SIGNER),
		    conf->responder.key.id);
	s->reported_at = clock_now();
	while (is_asked) {
		tend(s);
		for (size_t i = 0; i < s->ends->n; i++)
			polled[i] = (struct pollfd){ .fd = s->ends->fds[i],
				.events = POLLIN };
		if (poll(polled, s->ends->n, wait_ms(s)) < 0 && errno != EINTR)
			break;
		for (size_t i = 0; i < s->ends->n && is_asked; i++)
			if (polled[i].revents != 0)
				is_asked = serve_fd(s, i) == 0;
	}
	live_free(s->live);
}

/* The CA as those see it who have not its key. */
static int
load_ca(struct job *j, struct arena *keep, void *ctx)
{
	struct ca_files files = ca_conf_certificates(j->conf);
	struct service *s = ctx;

	return ca_load(j, keep, &files, &s->ca);
}

int
responder_main(const struct bare_start *start, const struct live_ends *ends,
    int signer_fd, const int wake[ROLE_COUNT])
{
	struct service s = { .ends = ends, .signer_fd = signer_fd };
	const struct bare_role role = { .role = ROLE_RESPONDER,
		.open = load_ca,
		.serve = serve,
		.ctx = &s };

	wake_adopt(wake, ROLE_ISSUER);
	for (size_t i = 0; i < ends->n; i++)
		fd_set_cloexec(ends->fds[i], true);
	if (signer_fd >= 0)
		fd_set_cloexec(signer_fd, true);
	return bare_role_main(&role, start);
}
