#include "config.h"

#include "src/ceremony_mark.h"

#include <string.h>

#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/ceremony_events.h"
#include "src/command.h"

#define DETAIL_MAX 16384
#define PAGE 100
#define RECORDED "ceremony recorded"
#define KEY_MADE "CA key generated"

static const char *
object_of(struct job *j, const struct ceremony_story *s)
{
	return arena_printf(j->arena, "ceremony:%s", s->label);
}

int
ceremony_mark_add(
    struct job *j, const char *bundle, const struct ceremony_story *s)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "transcript", s->name);
	json_member_str(&w, "folder", s->hashes[0]);
	json_member_int(&w, "lines", (int64_t)s->line_count);
	json_member_str(&w, "last", s->hashes[s->line_count - 1]);
	json_member_str(&w, "bundle", bundle);
	json_object_end(&w);
	return store_audit_add(
	    j, command_operator(j), RECORDED, object_of(j, s), "ok", b.p);
}

/* --- reading records ------------------------------------------------------ */

struct look {
	struct job *j;
	const struct ceremony_story *story;
	struct ceremony_mark *out;
};
typedef int look_fn(const struct look *l, const struct audit_row *row,
    const struct json *detail);

static int
look_at_row(const struct look *l, const struct audit_row *row, look_fn *look)
{
	const struct json *detail;

	if (row->detail == NULL)
		return 0;
	return json_parse_object(
		   l->j, span_str(row->detail), "audit record", &detail) < 0
		   ? -1
		   : look(l, row, detail);
}

/* Every record of the object, oldest first; without the newest, which
 * ceremony_mark_add() has made, if `is_but_last`. */
static int
look_at(
    const struct look *l, const char *object, bool is_but_last, look_fn *look)
{
	struct audit_row *rows, *held = NULL;
	size_t count;

	do {
		if (store_audit_list_after(l->j, object,
			held == NULL ? 0 : held->seq, PAGE, &rows, &count) < 0)
			return -1;
		for (size_t i = 0; i < count; held = &rows[i++])
			if (held != NULL && look_at_row(l, held, look) < 0)
				return -1;
	} while (count == PAGE);
	return held == NULL || is_but_last ? 0 : look_at_row(l, held, look);
}

/* --- marks ---------------------------------------------------------------- */

static bool
is_line(const struct ceremony_story *s, int64_t n, struct span hash)
{
	return n > 0 && (uint64_t)n <= s->line_count &&
	       span_eq_str(hash, s->hashes[n - 1]);
}

static int
is_older(const struct look *l, int64_t n)
{
	return job_fail(l->j, ERR_CONFLICT,
	    "%s: line %lld of this folder's transcript that is on record for "
	    "ca:%s is not in it: it is an older bundle, or the folder went on "
	    "from an older transcript; nothing was recorded",
	    l->story->name, (long long)n, l->story->label);
}

/* Versions before this one did not say which folder, and knew one of each CA:
 * it is this one if one of its marks is of these lines.  If none is, and it is
 * an older transcript of that folder, its events show it. */
static int
look_at_mark(const struct look *l, const struct audit_row *row,
    const struct json *detail)
{
	const struct ceremony_story *s = l->story;
	struct span folder = { NULL, 0 }, last = { NULL, 0 };
	int64_t n = 0;
	int has_folder;

	if (strcmp(row->event, RECORDED) != 0)
		return 0;
	if (json_get_integer(l->j, detail, "lines", &n) < 0 ||
	    json_get_string(l->j, detail, "last", &last) < 0 ||
	    (has_folder = json_get_string(l->j, detail, "folder", &folder)) < 0)
		return -1;
	if (is_line(s, n, last)) {
		l->out->lines = (size_t)n;
		return 0;
	}
	if (has_folder == 1 ? span_eq_str(folder, s->hashes[0])
			    : l->out->lines > 0)
		return is_older(l, n);
	l->out->others++;
	return 0;
}

/* --- of another folder ---------------------------------------------------- */

static const struct ceremony_event *
find_own_event(const struct ceremony_story *s, const char *event)
{
	for (size_t i = 0; i < s->event_count; i++)
		if (strcmp(s->events[i].event, event) == 0 &&
		    strcmp(s->events[i].label, s->label) == 0)
			return &s->events[i];
	return NULL;
}

static bool
has_event_line(const struct ceremony_story *s, struct span hash)
{
	for (size_t i = 0; i < s->event_count; i++)
		if (span_eq_str(hash, s->hashes[s->events[i].line - 1]))
			return true;
	return false;
}

/*
 * A line's hash is that of all lines before it, so one that is on record is of
 * a folder that is.  And a key is made once: with its beginning written anew,
 * an older transcript would still have to leave out that it made the key.
 */
static int
look_at_event(const struct look *l, const struct audit_row *row,
    const struct json *detail)
{
	const struct ceremony_story *s = l->story;
	struct span hash = { NULL, 0 };

	if (json_get_string(l->j, detail, "sha256", &hash) < 0)
		return -1;
	if (has_event_line(s, hash))
		return job_fail(l->j, ERR_CONFLICT,
		    "%s: has a line that is on record for ca:%s, and not what "
		    "followed it: it is an older bundle, or the folder went on "
		    "from an older transcript; nothing was recorded",
		    s->name, s->label);
	if (strcmp(row->event, KEY_MADE) == 0 &&
	    find_own_event(s, KEY_MADE) != NULL)
		return job_fail(l->j, ERR_CONFLICT,
		    "%s: says that the key of ca:%s was made in this folder, "
		    "and the transcript of another folder, which is on record, "
		    "says so of that one: one of them is not true; nothing was "
		    "recorded",
		    s->name, s->label);
	return 0;
}

int
ceremony_mark_find(
    struct job *j, const struct ceremony_story *s, struct ceremony_mark *out)
{
	const struct look l = { .j = j, .story = s, .out = out };

	*out = (struct ceremony_mark){ .lines = 0 };
	if (look_at(&l, object_of(j, s), true, look_at_mark) < 0)
		return -1;
	if (out->lines > 0)
		return 0;
	return look_at(&l, arena_printf(j->arena, "ca:%s", s->label), false,
	    look_at_event);
}

int
ceremony_mark_other(
    struct job *j, const struct ceremony_story *s, const char **line)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "transcript", s->name);
	json_member_str(&w, "folder", s->hashes[0]);
	json_member_str(&w, "began", s->began);
	json_member_bool(&w, "made", find_own_event(s, KEY_MADE) != NULL);
	json_member_str(&w, "last", s->hashes[s->line_count - 1]);
	json_object_end(&w);
	*line = arena_printf(j->arena,
	    "%s is of another folder of ca:%s than those on record: begun %s, "
	    "the key %s; its last hash, which is to be the one on paper: %s",
	    s->name, s->label, s->began,
	    find_own_event(s, KEY_MADE) != NULL ? "made there"
						: "not made there (restored)",
	    s->hashes[s->line_count - 1]);
	return store_audit_add(j, command_operator(j), "ceremony folder added",
	    object_of(j, s), "ok", b.p);
}
