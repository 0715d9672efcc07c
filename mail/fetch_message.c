/*
 * Loading messages.  Asking and reading are two steps, so that the server can
 * be asked for the next ones while those before are judged: then neither waits
 * for the other.
 */
#include "config.h"

#include "mail/fetch_session.h"

#include <assert.h>
#include <libetpan/libetpan.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"

/* What may come beside the messages, and around each. */
#define MESSAGE_EXTRA ((size_t)64 << 10)
#define MESSAGE_FRAME 512
/* Of a command: each UID in it has at most ten digits. */
#define COMMAND_MAX (FETCH_MESSAGES_MAX * 11 + 100)

/* --- asking -------------------------------------------------------------- */

static void
add_uids(struct buf *b, const uint32_t *uids, size_t n)
{
	for (size_t i = 0, k; i < n; i = k + 1) {
		for (k = i; k + 1 < n && uids[k + 1] == uids[k] + 1;)
			k++;
		buf_addf(b, i == 0 ? "%u" : ",%u", (unsigned)uids[i]);
		if (k > i)
			buf_addf(b, ":%u", (unsigned)uids[k]);
	}
}

/* (mailimap_uid_fetch() would wait for the answer.) */
static int
ask(struct fetch *f, struct job *j, const struct fetch_ahead *a)
{
	mailstream *stream = f->imap->imap_stream;
	struct buf b;

	buf_init(&b, j->arena, COMMAND_MAX);
	buf_add_str(&b, "UID FETCH ");
	add_uids(&b, a->uids, a->count);
	buf_addf(
	    &b, " (UID RFC822.SIZE BODY.PEEK[]<0.%u>)\r\n", (unsigned)a->max);
	assert(buf_ok(&b));
	fetch_begin(f);
	if (mailimap_send_current_tag(f->imap) != MAILIMAP_NO_ERROR ||
	    mailstream_write(stream, b.p, b.n) != (ssize_t)b.n ||
	    mailstream_flush(stream) < 0)
		return fetch_lost(f, j, "UID FETCH");
	f->ahead = *a;
	return 0;
}

static struct fetch_ahead
plan(const struct fetch_item *items, size_t count, size_t max)
{
	struct fetch_ahead a = { .count = count, .max = max };

	assert(count <= FETCH_MESSAGES_MAX && max <= UINT32_MAX);
	for (size_t i = 0; i < count; i++) {
		assert(i == 0 || items[i].uid > items[i - 1].uid);
		a.uids[i] = items[i].uid;
		a.octets +=
		    (items[i].size < max ? items[i].size : max) + MESSAGE_FRAME;
	}
	if (count == 1)
		a.octets = max;
	return a;
}

static bool
is_same(const struct fetch_ahead *a, const struct fetch_ahead *b)
{
	return a->count == b->count && a->max == b->max &&
	       a->octets == b->octets &&
	       memcmp(a->uids, b->uids, a->count * sizeof(a->uids[0])) == 0;
}

/* --- reading ------------------------------------------------------------- */

/* Is this all of the message?  As many octets as were asked for are all of
 * it only if the server says so. */
static bool
is_whole(const struct fetch_seen *seen, size_t max)
{
	if (seen->body.n > max || (seen->has_size && seen->item.size > max))
		return false;
	return seen->body.n < max || (seen->has_size && seen->item.size == max);
}

static void
take_messages(struct job *j, clist *responses, const uint32_t *uids, size_t n,
    size_t max, struct fetch_body *out)
{
	for (clistiter *i = clist_begin(responses); i != NULL;
	     i = clist_next(i)) {
		struct fetch_seen seen = fetch_read_response(clist_content(i));
		const uint32_t *uid;
		struct fetch_body *b;

		if (!seen.has_uid || !seen.has_body)
			continue;
		uid = bsearch(
		    &seen.item.uid, uids, n, sizeof(*uids), fetch_compare_uids);
		b = uid == NULL ? NULL : &out[uid - uids];
		if (b == NULL || b->is_there)
			continue;
		b->is_there = true;
		b->is_whole = is_whole(&seen, max);
		if (b->is_whole)
			b->raw = span_mem(
			    arena_memdup(j->arena, seen.body.p, seen.body.n),
			    seen.body.n);
	}
}

static int
result_of(const struct mailimap_response *response)
{
	const struct mailimap_response_done *done = response->rsp_resp_done;

	if (done->rsp_type != MAILIMAP_RESP_DONE_TYPE_TAGGED)
		return MAILIMAP_ERROR_FATAL;
	return done->rsp_data.rsp_tagged->rsp_cond_state->rsp_type ==
		       MAILIMAP_RESP_COND_STATE_OK
		   ? MAILIMAP_NO_ERROR
		   : MAILIMAP_ERROR_UID_FETCH;
}

/* The answer to what was asked.  A server that ignores the range is stopped
 * after so many octets. */
static int
read_answer(struct fetch *f, clist **out)
{
	struct mailimap_response *response = NULL;
	int r;

	*out = NULL;
	fetch_begin_within(f, f->ahead.octets + MESSAGE_EXTRA);
	f->ahead.count = 0;
	if (mailimap_read_line(f->imap) == NULL)
		return MAILIMAP_ERROR_STREAM;
	r = mailimap_parse_response(f->imap, &response);
	if (r != MAILIMAP_NO_ERROR)
		return r;
	*out = f->imap->imap_response_info->rsp_fetch_list;
	f->imap->imap_response_info->rsp_fetch_list = NULL;
	r = result_of(response);
	mailimap_response_free(response);
	return r;
}

static int
receive(struct fetch *f, struct job *j, struct fetch_body *out)
{
	const struct fetch_ahead a = f->ahead;
	clist *responses;
	int result =
	    fetch_result(f, j, read_answer(f, &responses), "UID FETCH");

	if (responses == NULL)
		return result;
	if (result == 0 && out != NULL)
		take_messages(j, responses, a.uids, a.count, a.max, out);
	mailimap_fetch_list_free(responses);
	return result;
}

/* --- for callers --------------------------------------------------------- */

int
fetch_ready(struct fetch *f, struct job *j)
{
	if (fetch_need_connection(f, j) < 0)
		return -1;
	/* What was asked for, and is not wanted any more. */
	if (f->ahead.count > 0 && receive(f, j, NULL) < 0) {
		if (!fetch_is_connected(f))
			return -1;
		job_recover(j);
	}
	return 0;
}

static int
read_messages(struct fetch *f, struct job *j, const struct fetch_ahead *a,
    struct fetch_body *out)
{
	memset(out, 0, a->count * sizeof(*out));
	if (fetch_need_connection(f, j) < 0)
		return -1;
	if (a->count == 0)
		return 0;
	if (!is_same(a, &f->ahead) &&
	    (fetch_ready(f, j) < 0 || ask(f, j, a) < 0))
		return -1;
	return receive(f, j, out);
}

int
fetch_message(
    struct fetch *f, struct job *j, uint32_t uid, size_t max, struct span *out)
{
	const struct fetch_item item = { .uid = uid };
	const struct fetch_ahead a = plan(&item, 1, max);
	struct fetch_body found;

	if (read_messages(f, j, &a, &found) < 0)
		return -1;
	if (!found.is_whole)
		return 0;
	*out = found.raw;
	return 1;
}

int
fetch_messages(struct fetch *f, struct job *j, const struct fetch_item *items,
    size_t count, size_t max, struct fetch_body *out)
{
	const struct fetch_ahead a = plan(items, count, max);

	return read_messages(f, j, &a, out);
}

int
fetch_messages_ahead(struct fetch *f, struct job *j,
    const struct fetch_item *items, size_t count, size_t max)
{
	const struct fetch_ahead a = plan(items, count, max);

	if (fetch_ready(f, j) < 0)
		return -1;
	return count == 0 ? 0 : ask(f, j, &a);
}
