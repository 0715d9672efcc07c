#include "config.h"

#include "src/ceremony_record.h"

#include <string.h>

#include "db/store_audit.h"
#include "db/store_crl.h"
#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "pki/ceremony_bundle.h"
#include "src/ceremony_mark.h"
#include "src/command.h"
#include "src/worker.h"

#define DETAIL_MAX 16384

static int
add_event(struct job *j, const struct ceremony_story *s,
    const struct ceremony_event *e)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "time", e->time);
	json_member_str(&w, "line", e->text);
	if (e->persons != NULL)
		json_member_str(&w, "persons", e->persons);
	json_member_str(&w, "transcript", s->name);
	json_member_str(&w, "sha256", s->hashes[e->line - 1]);
	json_object_end(&w);
	return store_audit_add(j, command_operator(j), e->event,
	    arena_printf(j->arena, "ca:%s", e->label), "ok", b.p);
}

/* In a transaction.  1 if there is something new. */
static int
record_story(struct job *j, const char *bundle, const struct ceremony_story *s,
    struct ceremony_recorded *out)
{
	struct ceremony_mark known;

	if (s->line_count == 0)
		return 0;
	if (ceremony_mark_add(j, bundle, s) < 0 ||
	    ceremony_mark_find(j, s, &known) < 0)
		return -1;
	if (known.lines == s->line_count)
		return 0;
	if (known.lines == 0 && known.others > 0 &&
	    ceremony_mark_other(j, s, &out->others[out->other_count++]) < 0)
		return -1;
	for (size_t i = 0; i < s->event_count; i++) {
		if (s->events[i].line <= known.lines)
			continue;
		if (add_event(j, s, &s->events[i]) < 0)
			return -1;
		out->fresh++;
	}
	return 1;
}

/* --- the first list (PK-209, step 10) ------------------------------------- */

#define LIST_TAKEN "ceremony list recorded"
#define LIST_REFUSED "ceremony list refused"

/* What is on record of a CA's first list.  The record outlives the octets. */
struct list_mark {
	const char *object;
	const char *sha256; /* of the one that is given */
	const char *taken;  /* of the one that was taken over; NULL: none */
	bool is_refused;    /* this one was, and the audit says so */
};

static int
read_list_mark(struct job *j, const struct audit_row *row, struct list_mark *m)
{
	const struct json *detail;
	struct span hash = { NULL, 0 };

	if (json_parse_object(
		j, span_str(row->detail), "audit record", &detail) < 0 ||
	    json_get_string(j, detail, "sha256", &hash) < 0)
		return -1;
	if (strcmp(row->event, LIST_TAKEN) == 0)
		m->taken = span_dup(j->arena, hash);
	else if (span_eq_str(hash, m->sha256))
		m->is_refused = true;
	return 0;
}

static int
find_list_mark(
    struct job *j, const struct ceremony_story *s, struct list_mark *m)
{
	struct audit_row *rows;
	uint8_t digest[SHA256_LEN];
	size_t count;

	sha256(s->list.der, digest);
	*m = (struct list_mark){ .object = arena_printf(
				     j->arena, "ceremony-list:%s", s->label),
		.sha256 = hex_dup(j->arena, span_mem(digest, sizeof digest)) };
	if (store_audit_list(j, m->object, &rows, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (read_list_mark(j, &rows[i], m) < 0)
			return -1;
	return 0;
}

static int
add_list_mark(struct job *j, const struct ceremony_story *s,
    const struct list_mark *m, const char *refusal)
{
	return store_audit_add(j, command_operator(j),
	    refusal == NULL ? LIST_TAKEN : LIST_REFUSED, m->object,
	    refusal == NULL ? "ok" : refusal,
	    arena_printf(j->arena, "{\"number\":%lld,\"sha256\":\"%s\"}",
		(long long)s->list.number, m->sha256));
}

/* By its octets, or where those are not kept by what the audit says. */
static int
take_list(
    struct job *j, const struct ceremony_story *s, const struct list_mark *m)
{
	const struct crl list = { .ca_label = s->label,
		.number = s->list.number,
		.this_update = s->list.this_update,
		.next_update = s->list.next_update,
		.der = s->list.der };
	int is;

	if (m->taken != NULL && strcmp(m->taken, m->sha256) != 0)
		return CRL_IS_OTHER;
	is = store_crl_import(j, &list);
	return is == CRL_IS_UNKNOWN && m->taken != NULL ? CRL_IS_THERE : is;
}

/* The list has no point, as that of a CA without shards. */
static int
import_list(struct job *j, const struct ceremony_story *s,
    struct ceremony_recorded *out)
{
	struct list_mark m;
	const char *refusal = NULL;
	int is;

	if (s->list.der.n == 0)
		return 0;
	if (find_list_mark(j, s, &m) < 0 || (is = take_list(j, s, &m)) < 0)
		return -1;
	out->lists += is == CRL_IS_NEW;
	if (is == CRL_IS_OTHER)
		refusal = "another list has this number";
	else if (is == CRL_IS_UNKNOWN)
		refusal = "cannot be compared: the octets of the list with "
			  "this number are not kept";
	if (refusal != NULL)
		out->refusal = arena_printf(j->arena,
		    "list number %lld of CA %s (SHA-256 %s): %s",
		    (long long)s->list.number, s->label, m.sha256, refusal);
	if (refusal != NULL ? m.is_refused : m.taken != NULL)
		return 0;
	out->has_judged = true;
	return add_list_mark(j, s, &m, refusal);
}

/* --- all of it ------------------------------------------------------------ */

static int
record_all(struct job *j, const char *bundle, const struct ceremony_story *s,
    size_t count, struct ceremony_recorded *out)
{
	for (size_t i = 0; i < count; i++) {
		int is_new = record_story(j, bundle, &s[i], out);

		if (is_new < 0 || import_list(j, &s[i], out) < 0)
			return -1;
		out->known += is_new == 0;
	}
	return 0;
}

int
ceremony_record(struct job *j, struct span tar, struct ceremony_recorded *out)
{
	struct bundle *b = arena_alloc(j->arena, sizeof *b);
	struct ceremony_story stories[CEREMONY_STORIES_MAX];
	const char *lints;
	size_t count;

	*out = (struct ceremony_recorded){ .fresh = 0 };
	if (ceremony_bundle_check(j, tar, b, &lints) < 0 ||
	    ceremony_events(j, b, stories, &count) < 0 || store_begin(j) < 0)
		return -1;
	if (record_all(j, b->sha256, stories, count, out) < 0)
		return worker_undo(j);
	if (out->known < count || out->lists > 0 || out->has_judged)
		return store_commit(j);
	store_rollback(j);
	return 0;
}
