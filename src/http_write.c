#include "config.h"

#include "src/http_private.h"

#include "lib/clock.h"
#include "lib/conf.h"
#include "src/wake.h"

#include <microhttpd.h>

static int
apply_write(struct write_item *item)
{
	struct exchange *x = (struct exchange *)(void *)item;

	return acme_handle(x->http->acme, &x->job, &x->request, &x->response);
}

static void
note_undone(struct write_item *item)
{
	struct exchange *x = (struct exchange *)(void *)item;

	acme_undone(x->http->acme, &x->job, &x->request);
}

/*
 * A finalize that was committed waits a moment for the issuer, so that most
 * clients get their certificate's URL in the same answer (AC-143).
 */
static bool
park(struct exchange *x)
{
	struct http *h = x->http;
	int64_t wait_ms = x->job.conf->web.finalize_wait * 1000;
	bool parked = false;

	if (x->job.err.kind != ERR_NONE || wait_ms == 0 ||
	    acme_refresh(h->acme, &x->job, &x->request, &x->response) != 0)
		return false;
	pthread_mutex_lock(&h->lock);
	if (!h->stopping) {
		x->park_until = clock_mono_ms() + wait_ms;
		x->next_parked = h->parked;
		h->parked = x;
		parked = true;
	}
	pthread_mutex_unlock(&h->lock);
	if (parked)
		wake_send(1u << ROLE_WEB);
	return parked;
}

static void
answer_and_resume(struct exchange *x)
{
	acme_finish(x->http->acme, &x->job, &x->request, &x->response);
	x->answered = true;
	MHD_resume_connection(x->connection);
}

static void
write_done(struct write_item *item)
{
	struct exchange *x = (struct exchange *)(void *)item;

	if (!park(x))
		answer_and_resume(x);
}

static struct exchange *
take_parked(struct http *h)
{
	struct exchange *list;

	pthread_mutex_lock(&h->lock);
	list = h->parked;
	h->parked = NULL;
	pthread_mutex_unlock(&h->lock);
	return list;
}

static void
park_again(struct http *h, struct exchange *x)
{
	pthread_mutex_lock(&h->lock);
	x->next_parked = h->parked;
	h->parked = x;
	pthread_mutex_unlock(&h->lock);
}

int64_t
http_parked_tend(struct http *h, struct store *store, int64_t most)
{
	struct exchange *next, *x = take_parked(h);
	int64_t now = clock_mono_ms(), soonest = most;

	for (; x != NULL; x = next) {
		int waits;

		next = x->next_parked;
		x->job.store = store;
		waits = acme_refresh(
			    h->acme, &x->job, &x->request, &x->response) == 0;
		/* It is committed: a fault in looking is no refusal. */
		job_recover(&x->job);
		if (!waits || x->park_until <= now) {
			answer_and_resume(x);
			continue;
		}
		if (x->park_until - now < soonest)
			soonest = x->park_until - now;
		park_again(h, x);
	}
	return soonest;
}

void
http_parked_end(struct http *h)
{
	struct exchange *next;

	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	pthread_mutex_unlock(&h->lock);
	for (struct exchange *x = take_parked(h); x != NULL; x = next) {
		next = x->next_parked;
		answer_and_resume(x);
	}
}

void
http_write(struct exchange *x)
{
	x->item.job = &x->job;
	x->item.apply = apply_write;
	x->item.undone = note_undone;
	x->item.done = write_done;
	/* Before the writer can resume it. */
	MHD_suspend_connection(x->connection);
	if (writer_add(x->http->writer, &x->item) < 0)
		answer_and_resume(x);
}
