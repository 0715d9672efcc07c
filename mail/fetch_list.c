#include "config.h"

#include "mail/fetch_session.h"

#include <libetpan/libetpan.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"

static int64_t
seconds_of(const struct mailimap_date_time *t)
{
	struct clock_date d;
	int zone;

	if (t == NULL || t->dt_year < 1970 || t->dt_year > 9999 ||
	    t->dt_month < 1 || t->dt_month > 12 || t->dt_day < 1 ||
	    t->dt_day > 31 || t->dt_hour < 0 || t->dt_hour > 23 ||
	    t->dt_min < 0 || t->dt_min > 59 || t->dt_sec < 0 ||
	    t->dt_sec > 60 || t->dt_zone < -2400 || t->dt_zone > 2400)
		return 0;
	zone = t->dt_zone / 100 * 60 + t->dt_zone % 100;
	d = (struct clock_date){ .year = t->dt_year,
		.month = t->dt_month,
		.day = t->dt_day,
		.hour = t->dt_hour,
		.minute = t->dt_min,
		.second = t->dt_sec };
	return clock_secs(&d) - zone * 60;
}

static void
read_attribute(
    const struct mailimap_msg_att_static *att, struct fetch_seen *out)
{
	switch (att->att_type) {
	case MAILIMAP_MSG_ATT_UID:
		out->has_uid = true;
		out->item.uid = att->att_data.att_uid;
		break;
	case MAILIMAP_MSG_ATT_RFC822_SIZE:
		out->has_size = true;
		out->item.size = att->att_data.att_rfc822_size;
		break;
	case MAILIMAP_MSG_ATT_INTERNALDATE:
		out->item.internal_date =
		    seconds_of(att->att_data.att_internal_date);
		break;
	case MAILIMAP_MSG_ATT_BODY_SECTION:
		if (att->att_data.att_body_section == NULL ||
		    att->att_data.att_body_section->sec_body_part == NULL)
			break;
		out->has_body = true;
		out->body =
		    span_mem(att->att_data.att_body_section->sec_body_part,
			att->att_data.att_body_section->sec_length);
		break;
	default:
		break;
	}
}

struct fetch_seen
fetch_read_response(const struct mailimap_msg_att *response)
{
	struct fetch_seen out = { 0 };

	for (clistiter *i = clist_begin(response->att_list); i != NULL;
	     i = clist_next(i)) {
		const struct mailimap_msg_att_item *item = clist_content(i);

		if (item->att_type == MAILIMAP_MSG_ATT_ITEM_STATIC)
			read_attribute(item->att_data.att_static, &out);
	}
	return out;
}

static int
by_uid(const void *a, const void *b)
{
	const struct fetch_item *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

static size_t
collect_items(
    struct job *j, clist *responses, uint32_t after, struct fetch_item **out)
{
	size_t n = 0, kept = 0;
	struct fetch_item *items = arena_calloc(
	    j->arena, (size_t)clist_count(responses) + 1, sizeof(*items));

	for (clistiter *i = clist_begin(responses); i != NULL;
	     i = clist_next(i)) {
		struct fetch_seen seen = fetch_read_response(clist_content(i));

		/* "9:*" always has the last message, whatever its UID. */
		if (seen.has_uid && seen.has_size && seen.item.uid > after)
			items[n++] = seen.item;
	}
	qsort(items, n, sizeof(*items), by_uid);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || items[kept - 1].uid != items[i].uid)
			items[kept++] = items[i];
	*out = items;
	return kept;
}

static struct mailimap_fetch_type *
list_attributes(void)
{
	struct mailimap_fetch_type *type =
	    mailimap_fetch_type_new_fetch_att_list_empty();

	mailimap_fetch_type_new_fetch_att_list_add(
	    type, mailimap_fetch_att_new_uid());
	mailimap_fetch_type_new_fetch_att_list_add(
	    type, mailimap_fetch_att_new_rfc822_size());
	mailimap_fetch_type_new_fetch_att_list_add(
	    type, mailimap_fetch_att_new_internaldate());
	return type;
}

/* Up to where to search, so that the answer is within its bounds; 0: to the
 * end, as most folders have few messages, or few are over `after`. */
static uint32_t
search_end(const struct fetch *f, uint32_t after)
{
	const struct mailimap_selection_info *folder =
	    f->imap->imap_selection_info;

	if (folder->sel_exists <= FETCH_SEARCH_MAX ||
	    folder->sel_uidnext <= FETCH_SEARCH_MAX ||
	    folder->sel_uidnext - FETCH_SEARCH_MAX <= after)
		return 0;
	return after + FETCH_SEARCH_MAX;
}

/* All UIDs over `after` and, unless that is 0, up to `end`, ascending, asked
 * from the server: 0 or -1. */
static int
search(struct fetch *f, struct job *j, uint32_t after, uint32_t end,
    uint32_t **out, size_t *count)
{
	struct mailimap_search_key *key = mailimap_search_key_new_uid(
	    mailimap_set_new_interval(after + 1, end));
	clist *found = NULL;
	uint32_t *uids;
	size_t n = 0;
	int r;

	fetch_begin(f);
	r = mailimap_uid_search(f->imap, NULL, key, &found);
	mailimap_search_key_free(key);
	if (fetch_result(f, j, r, "UID SEARCH") < 0) {
		if (found != NULL)
			mailimap_search_result_free(found);
		return -1;
	}
	uids = xmalloc((found == NULL ? 1 : (size_t)clist_count(found) + 1) *
		       sizeof(*uids));
	for (clistiter *i = found == NULL ? NULL : clist_begin(found);
	     i != NULL; i = clist_next(i)) {
		const uint32_t *uid = clist_content(i);

		/* "9:*" always has the last message, whatever its UID. */
		if (*uid > after && (end == 0 || *uid <= end))
			uids[n++] = *uid;
	}
	if (found != NULL)
		mailimap_search_result_free(found);
	qsort(uids, n, sizeof(*uids), fetch_compare_uids);
	*out = uids;
	*count = n;
	return 0;
}

/* Those of the backlog over `after`; the server is asked when it has none. */
static int
look_at_backlog(struct fetch *f, struct job *j, uint32_t after)
{
	struct fetch_backlog *b = &f->backlog;

	while (b->at < b->count && b->uids[b->at] <= after)
		b->at++;
	if (b->at < b->count)
		return 0;
	/* What of a part is not there any more must not be asked for again. */
	if (after < b->end)
		after = b->end;
	do {
		fetch_forget_backlog(f);
		b->end = search_end(f, after);
		if (search(f, j, after, b->end, &b->uids, &b->count) < 0)
			return -1;
		after = b->end;
	} while (b->count == 0 && b->end != 0);
	return 0;
}

/*
 * The UIDs to list.  After an announcement there are few, and every round
 * trip counts (ER-34); else a backlog may be large, so its UIDs are asked
 * for once, and listed part by part.
 */
static int
choose_set(struct fetch *f, struct job *j, uint32_t after, size_t max,
    struct mailimap_set **out)
{
	struct fetch_backlog *b = &f->backlog;
	size_t left;

	*out = NULL;
	if (f->announced && b->at == b->count && b->end == 0) {
		*out = mailimap_set_new_interval(after + 1, 0);
		return 0;
	}
	if (look_at_backlog(f, j, after) < 0)
		return -1;
	left = b->count - b->at;
	if (left == 0)
		return 0;
	if (left > max)
		left = max;
	*out = fetch_make_set(b->uids + b->at, left);
	b->at += left;
	f->has_more = b->at < b->count || b->end != 0;
	return 0;
}

int
fetch_list(struct fetch *f, struct job *j, uint32_t after, size_t max,
    struct fetch_item **items, size_t *count)
{
	struct mailimap_fetch_type *type;
	struct mailimap_set *set;
	clist *responses = NULL;
	int r;

	*items = NULL;
	*count = 0;
	if (fetch_ready(f, j) < 0)
		return -1;
	/* What is announced from here on, this list may not have. */
	f->imap->imap_selection_info->sel_has_exists = 0;
	if (after == UINT32_MAX || max == 0)
		return 0;
	f->has_more = false;
	if (choose_set(f, j, after, max, &set) < 0)
		return -1;
	f->announced = false;
	if (set == NULL)
		return 0;
	type = list_attributes();
	fetch_begin(f);
	r = mailimap_uid_fetch(f->imap, set, type, &responses);
	mailimap_set_free(set);
	mailimap_fetch_type_free(type);
	if (fetch_result(f, j, r, "UID FETCH") < 0) {
		if (responses != NULL)
			mailimap_fetch_list_free(responses);
		return -1;
	}
	*count = collect_items(j, responses, after, items);
	mailimap_fetch_list_free(responses);
	if (*count > max) {
		*count = max;
		f->has_more = true;
	}
	return 0;
}

bool
fetch_has_more(const struct fetch *f)
{
	return f->has_more;
}
