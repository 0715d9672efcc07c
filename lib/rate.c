#include "config.h"

#include "lib/rate.h"

#include <assert.h>
#include <inttypes.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"

#define RATE_COUNT_MAX 1000000
#define RATE_SECS_MAX ((int64_t)366 * 86400)
#define MS 1000

/* --- as text -------------------------------------------------------------- */

static const struct {
	char letter;
	int64_t secs;
} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };

#define UNIT_COUNT COUNT(units)

static int
parse_time(struct span text, int64_t *secs)
{
	int64_t factor = 1;

	for (size_t i = 0; text.n > 0 && i < UNIT_COUNT; i++) {
		if (ascii_lower(text.p[text.n - 1]) == units[i].letter) {
			factor = units[i].secs;
			text.n--;
			break;
		}
	}
	if (span_to_int(text, 1, RATE_SECS_MAX, secs) < 0 ||
	    *secs > RATE_SECS_MAX / factor)
		return -1;
	*secs *= factor;
	return 0;
}

static int
parse_one(struct span text, struct conf_rate *out)
{
	size_t slash = span_find(text, 0, '/');

	if (slash == text.n || span_to_int(span_cut(text, 0, slash), 1,
				   RATE_COUNT_MAX, &out->count) < 0)
		return -1;
	return parse_time(span_from(text, slash + 1), &out->secs);
}

/* Two limits over one time would share one memory, and the looser one would
 * write it last. */
static bool
has_time(const struct conf_rates *rates, int64_t secs)
{
	for (size_t i = 0; i < rates->n; i++)
		if (rates->v[i].secs == secs)
			return true;
	return false;
}

int
rates_parse(struct span text, struct conf_rates *out)
{
	*out = (struct conf_rates){ .n = 0 };
	text = span_trim(text);
	if (span_eq_str(text, "none"))
		return 0;
	while (text.n > 0) {
		size_t end = span_find(text, 0, ' ');
		struct conf_rate one;

		if (out->n == CONF_RATES_MAX ||
		    parse_one(span_cut(text, 0, end), &one) < 0 ||
		    has_time(out, one.secs))
			return -1;
		out->v[out->n++] = one;
		text = span_trim(span_from(text, end + 1));
	}
	return out->n > 0 ? 0 : -1;
}

void
rates_format(const struct conf_rates *rates, struct buf *out)
{
	if (rates->n == 0)
		buf_add_str(out, "none");
	for (size_t i = 0; i < rates->n; i++) {
		const struct conf_rate *r = &rates->v[i];
		size_t k = 0;

		/* In hours up to two days, as people say it. */
		while (r->secs % units[k].secs != 0 ||
		       (units[k].letter == 'd' && r->secs < 2 * units[k].secs))
			k++;
		buf_addf(out, "%s%" PRId64 "/%" PRId64 "%c", i > 0 ? " " : "",
		    r->count, r->secs / units[k].secs, units[k].letter);
	}
}

/* --- buckets -------------------------------------------------------------- */

/* How long one takes to come back; rounded up, so that never more than
 * `count` fit into an empty time. */
static int64_t
one_ms(const struct conf_rate *r)
{
	return (r->secs * MS + r->count - 1) / r->count;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* An empty bucket is full after its time.  What says more comes from a clock
 * that was ahead; from one that was far ahead it says nothing, or the subject
 * would have to wait until that day. */
static int64_t
start_of(const struct conf_rate *r, int64_t full_at_ms, int64_t now_ms)
{
	if (full_at_ms > now_ms + 2 * r->count * one_ms(r))
		return now_ms;
	return later(full_at_ms, now_ms);
}

int64_t
bucket_wait(
    const struct conf_rate *r, int64_t full_at_ms, int64_t now_ms, int64_t n)
{
	int64_t full_at = start_of(r, full_at_ms, now_ms) + n * one_ms(r);

	return later(full_at - r->count * one_ms(r) - now_ms, 0);
}

int64_t
bucket_take(
    const struct conf_rate *r, int64_t full_at_ms, int64_t now_ms, int64_t n)
{
	int64_t full_at = start_of(r, full_at_ms, now_ms) + n * one_ms(r);
	int64_t empty = now_ms + r->count * one_ms(r);

	return full_at < empty ? full_at : empty;
}

/* --- windows -------------------------------------------------------------- */

/* The moments that still count, oldest first; a text that is none of ours
 * counts as an empty one, and so does a moment that is further ahead than the
 * window is long: the clock was wrong then. */
static size_t
read_takes(const struct conf_rate *r, const char *takes, int64_t now,
    int64_t out[WINDOW_COUNT_MAX])
{
	struct span text = span_str(takes);
	size_t count = 0;

	while (text.n > 0 && count < WINDOW_COUNT_MAX) {
		size_t end = span_find(text, 0, ' ');
		int64_t at;

		if (span_to_int(span_cut(text, 0, end), 0, INT64_MAX, &at) < 0)
			return 0;
		if (at > now - r->secs && at <= now + r->secs)
			out[count++] = at;
		text = span_from(text, end + 1);
	}
	return count;
}

int64_t
window_wait(
    const struct conf_rate *r, const char *takes, int64_t now, int64_t n)
{
	int64_t at[WINDOW_COUNT_MAX];
	int64_t used = (int64_t)read_takes(r, takes, now, at);
	int64_t over = used + n - r->count; /* so many have to leave first */

	assert(r->count <= WINDOW_COUNT_MAX);
	if (over <= 0)
		return 0;
	if (over > used)
		return r->secs;
	return later(at[over - 1] + r->secs - now, 1);
}

const char *
window_take(struct job *j, const struct conf_rate *r, const char *takes,
    int64_t now, int64_t n)
{
	int64_t at[WINDOW_COUNT_MAX];
	int64_t used = (int64_t)read_takes(r, takes, now, at);
	int64_t skip = later(used + n - r->count, 0);
	struct buf b;

	buf_init(&b, j->arena, (WINDOW_COUNT_MAX + 1) * 21);
	for (int64_t i = skip; i < used + n && i < skip + r->count; i++)
		buf_addf(&b, "%s%" PRId64, b.n > 0 ? " " : "",
		    i < used ? at[i] : now);
	return b.p;
}
