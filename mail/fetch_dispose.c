#include "config.h"

#include "mail/fetch_session.h"

#include <libetpan/libetpan.h>
#include <stdlib.h>

#include "lib/arena.h"
#include "lib/job.h"

/* --- sets ---------------------------------------------------------------- */

int
fetch_compare_uids(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct mailimap_set *
fetch_make_set(const uint32_t *uids, size_t n)
{
	struct mailimap_set *set = mailimap_set_new_empty();

	for (size_t i = 0; i < n;) {
		size_t k = i;

		while (k + 1 < n && uids[k + 1] == uids[k] + 1)
			k++;
		mailimap_set_add_interval(set, uids[i], uids[k]);
		i = k + 1;
	}
	return set;
}

/* --- disposing ----------------------------------------------------------- */

static int
add_flag(struct fetch *f, struct mailimap_set *set, struct mailimap_flag *flag)
{
	struct mailimap_flag_list *flags = mailimap_flag_list_new_empty();
	struct mailimap_store_att_flags *att;
	int r;

	mailimap_flag_list_add(flags, flag);
	att = mailimap_store_att_flags_new_add_flags_silent(flags);
	fetch_begin(f);
	r = mailimap_uid_store(f->imap, set, att);
	mailimap_store_att_flags_free(att);
	return r;
}

static int
delete_set(struct fetch *f, struct mailimap_set *set)
{
	int r = add_flag(f, set, mailimap_flag_new_deleted());

	/* Without UIDPLUS there is only the command that also removes what
	 * others have marked: so what we marked stays until they do. */
	if (r != MAILIMAP_NO_ERROR || !fetch_has(f, "UIDPLUS"))
		return r;
	fetch_begin(f);
	return mailimap_uid_expunge(f->imap, set);
}

static int
move_once(struct fetch *f, struct mailimap_set *set)
{
	int r;

	fetch_begin(f);
	if (fetch_has(f, "MOVE"))
		return mailimap_uid_move(f->imap, set, f->processed);
	r = mailimap_uid_copy(f->imap, set, f->processed);
	return r == MAILIMAP_NO_ERROR ? delete_set(f, set) : r;
}

static int
move_set(struct fetch *f, struct mailimap_set *set)
{
	int r = move_once(f, set);

	if (r != MAILIMAP_ERROR_UID_MOVE && r != MAILIMAP_ERROR_UID_COPY)
		return r;
	/* The folder may be missing: made, and once more. */
	fetch_begin(f);
	if (!fetch_is_refusal(mailimap_create(f->imap, f->processed)))
		r = move_once(f, set);
	return r;
}

static int
dispose_batch(struct fetch *f, struct job *j, const uint32_t *uids, size_t n)
{
	struct mailimap_set *set = fetch_make_set(uids, n);
	int r = MAILIMAP_NO_ERROR;

	switch (f->conf.disposal) {
	case CONF_DISPOSAL_MOVE:
		r = move_set(f, set);
		break;
	case CONF_DISPOSAL_FLAG:
		r = add_flag(f, set, mailimap_flag_new_seen());
		break;
	case CONF_DISPOSAL_DELETE:
		r = delete_set(f, set);
		break;
	}
	mailimap_set_free(set);
	return fetch_result(f, j, r,
	    f->conf.disposal == CONF_DISPOSAL_MOVE
		? "moving to the processed folder"
		: "marking as processed");
}

int
fetch_dispose(
    struct fetch *f, struct job *j, const uint32_t *uids, size_t count)
{
	uint32_t *sorted;

	if (fetch_ready(f, j) < 0)
		return -1;
	if (count == 0)
		return 0;
	sorted = arena_memdup(j->arena, uids, count * sizeof(*uids));
	qsort(sorted, count, sizeof(*sorted), fetch_compare_uids);
	for (size_t i = 0; i < count; i += FETCH_UIDS_MAX)
		if (dispose_batch(f, j, sorted + i,
			count - i < FETCH_UIDS_MAX ? count - i
						   : FETCH_UIDS_MAX) < 0)
			return -1;
	return 0;
}
