/*
 * Audit records go by dates of their own too (PK-22): what concerns a
 * subscriber not before the subscriber's records, what a CA key did not before
 * the key has ended, everything else as a security event.  In the chain a
 * sealed and signed gap takes their place (db/audit_chain.h).
 */
#include "config.h"

#include <string.h>

#include "db/audit_chain.h"
#include "db/audit_mark.h"
#include "db/store_crl.h"
#include "db/store_private.h"
#include "db/store_purge_rows.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"

/* What cannot end soon comes up again after a while. */
#define LONG_PAUSE (30 * PURGE_DAY)

struct record {
	struct audit_link link;
	int64_t keep_from;
};

/* --- dates ---------------------------------------------------------------- */

/* A statement that gives the date that the row's object keeps it from, or
 * nothing: $1 its id.  pause: the date is not known yet, ask again then. */
#define NUMBERED "report:"
/* How far a ceremony of that CA is on record (src/ceremony_record.c). */
#define CEREMONY "ceremony:"
#define PROFILE "profile:"
static const struct {
	const char *prefix, *sql;
	int64_t pause;
} objects[] = {
	{ "order:",
	    "SELECT COALESCE(c.not_after, 1) FROM orders o "
	    "LEFT JOIN cert c ON c.order_id = o.id "
	    "WHERE o.id = $1 AND o.keep_from IS NOT NULL",
	    PURGE_DAY },
	{ "authz:", "SELECT keep_from FROM authz WHERE id = $1", PURGE_DAY },
	{ "incident:", "SELECT keep_from FROM incident WHERE id = $1",
	    PURGE_DAY },
	{ NUMBERED, "SELECT keep_from FROM report WHERE number = $1",
	    PURGE_DAY },
	/* While the account has a certificate: what it agreed to, its keys. */
	{ "account:",
	    "SELECT 1 FROM orders WHERE account_id = $1 AND failed_at = 0 "
	    "AND is_preauth = 0 AND cert_id IS NOT NULL "
	    "AND keep_from IS NOT NULL LIMIT 1",
	    LONG_PAUSE },
	{ "cert:", "SELECT not_after FROM cert WHERE id = $1", PURGE_DAY },
	/* What another CA made and nobody got. */
	{ "withdrawal:", "SELECT not_after FROM withdrawal WHERE id = $1",
	    PURGE_DAY },
};

/* Until when the key is known to have been of use: the end of the last
 * certificate by it, its last list, or 0. */
static int
key_used_at(struct job *j, const char *ca_label, int64_t *at)
{
	int64_t list = 0;

	*at = 0;
	if (store_get_int(j, at,
		"SELECT not_after FROM cert WHERE ca_label = $1 "
		"ORDER BY not_after DESC LIMIT 1",
		ARGS(v_text(ca_label))) < 0 ||
	    store_get_int(j, &list,
		"SELECT this_update FROM crl WHERE ca_label = $1 "
		"AND der IS NOT NULL AND aside_at = 0 "
		"ORDER BY number DESC LIMIT 1",
		ARGS(v_text(ca_label))) < 0)
		return -1;
	*at = later(*at, list);
	return 0;
}

/* PK-22: what a CA key did.  One that was said to have ended and went on has
 * not ended then. */
static int
key_end(struct job *j, const char *ca_label, int64_t retention, int64_t *due)
{
	int64_t ended, used;
	int found = store_get_int(j, &ended,
	    "SELECT ended_at FROM ca_key_end WHERE ca_label = $1",
	    ARGS(v_text(ca_label)));

	if (found < 0 || key_used_at(j, ca_label, &used) < 0)
		return -1;
	*due = later(*due,
	    found > 0 ? later(ended, used) + retention : j->now + LONG_PAUSE);
	return 0;
}

/* PK-19, PK-22: profiles say what the CA keys made, all of them. */
static int
keys_end(struct job *j, int64_t retention, int64_t *due)
{
	struct ca_end *all;
	size_t count;

	if (store_shard_cas(j, &all, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (key_end(j, all[i].ca_label, retention, due) < 0)
			return -1;
	return 0;
}

static int
record_due(struct job *j, const struct record *r,
    const struct purge_rules *rules, int64_t *due)
{
	const char *object = span_dup(j->arena, r->link.object);
	int64_t from = 0;

	*due = r->link.at_ms / 1000 + rules->retention;
	if (strncmp(object, "ca:", 3) == 0)
		return key_end(j, object + 3, rules->retention, due);
	if (strncmp(object, PROFILE, sizeof PROFILE - 1) == 0)
		return keys_end(j, rules->retention, due);
	if (strncmp(object, CEREMONY, sizeof CEREMONY - 1) == 0)
		return key_end(
		    j, object + sizeof CEREMONY - 1, rules->retention, due);
	for (size_t i = 0; i < COUNT(objects); i++) {
		size_t n = strlen(objects[i].prefix);
		int64_t number;
		int found;

		if (strncmp(object, objects[i].prefix, n) != 0)
			continue;
		if (strcmp(objects[i].prefix, NUMBERED) != 0)
			found = store_get_int(
			    j, &from, objects[i].sql, ARGS(v_text(object + n)));
		else if (span_to_int(
			     span_str(object + n), 1, INT64_MAX, &number) == 0)
			found = store_get_int(
			    j, &from, objects[i].sql, ARGS(v_int(number)));
		else /* a CAA report, which has an id */
			found = 0;
		if (found < 0)
			return -1;
		if (found > 0)
			*due = later(*due, from + rules->retention);
		/* As long as it is there at all. */
		if (found > 0 && *due <= j->now)
			*due = j->now + objects[i].pause;
	}
	return 0;
}

/* --- leaving the chain ---------------------------------------------------- */

static int
hash_of_row(struct job *j, int64_t seq, struct span *hash)
{
	struct query q;
	int found = query_first(
	    &q, j, "SELECT hash FROM audit WHERE seq = $1", ARGS(v_int(seq)));

	if (found == 1)
		*hash = query_bytes(&q);
	query_end(&q);
	return found;
}

static int
spoiled(struct job *j, int64_t seq)
{
	return job_fail(j, ERR_INTERNAL,
	    "audit: row %lld does not follow the one before it; nothing of "
	    "the chain is purged",
	    (long long)seq);
}

/* A gap that only the seal vouches for does not become part of a signed one. */
static bool
is_joined(const struct purge_rules *rules, const struct audit_gap *beside)
{
	return (rules->signer != NULL) == (beside->signature.n > 0);
}

/* The gap that the row at `seq` makes, with those beside it. */
static int
gap_around(struct job *j, const struct purge_rules *rules,
    const struct audit_link *l, struct audit_gap *g)
{
	static const uint8_t zeros[SHA256_LEN];
	struct audit_gap beside;
	int found = audit_gap_to(j, l->seq - 1, &beside);

	*g = (struct audit_gap){ .from_seq = l->seq,
		.to_seq = l->seq,
		.after = l->stored,
		.newest_at = l->at_ms / 1000,
		.purged_at = j->now };
	if (found < 0)
		return -1;
	if (found > 0 && is_joined(rules, &beside)) {
		g->from_seq = beside.from_seq;
		g->before = beside.before;
		g->newest_at = later(g->newest_at, beside.newest_at);
		g->purged_at = later(g->purged_at, beside.purged_at);
	} else if (found > 0) {
		g->before = beside.after;
	} else if (l->seq == 1) {
		g->before = span_mem(zeros, SHA256_LEN);
	} else if (hash_of_row(j, l->seq - 1, &g->before) <= 0) {
		return j->err.kind != ERR_NONE ? -1 : spoiled(j, l->seq);
	}
	found = audit_gap_from(j, l->seq + 1, &beside);
	if (found > 0 && is_joined(rules, &beside)) {
		g->to_seq = beside.to_seq;
		g->after = beside.after;
		g->newest_at = later(g->newest_at, beside.newest_at);
		g->purged_at = later(g->purged_at, beside.purged_at);
	}
	return found < 0 ? -1 : 0;
}

static bool
is_ours(struct job *j, const struct purge_rules *rules,
    const struct audit_gap *beside)
{
	if (!audit_gap_is_sealed(j, rules->seal, beside))
		return false;
	return rules->signer == NULL || beside->signature.n == 0 ||
	       audit_gap_is_signed(j, rules->signer->verifier, beside) == 1;
}

/* A head that lies in a gap is not looked at any more. */
static int
head_verify(struct job *j, const struct audit_link *l)
{
	struct audit_mark m;
	int found = audit_mark_after(j, l->seq - 1, &m);

	if (found == 1 && m.seq == l->seq && !span_eq(m.hash, l->stored))
		return spoiled(j, l->seq);
	return found < 0 ? -1 : 0;
}

/* A record that was changed must not go as if it had been in order, nor
 * beside a gap that somebody else made. */
static int
link_verify(
    struct job *j, const struct purge_rules *rules, const struct audit_link *l)
{
	struct audit_gap beside;
	struct span before = { NULL, 0 };
	uint8_t start[SHA256_LEN] = { 0 }, hash[SHA256_LEN];
	int found = audit_gap_to(j, l->seq - 1, &beside);

	if (found > 0 && !is_ours(j, rules, &beside))
		return spoiled(j, l->seq);
	if (found > 0)
		before = beside.after;
	else if (found == 0 && l->seq > 1)
		found = hash_of_row(j, l->seq - 1, &before);
	if (found < 0)
		return -1;
	if (l->seq > 1 && before.n != SHA256_LEN)
		return spoiled(j, l->seq);
	if (l->seq > 1)
		memcpy(start, before.p, SHA256_LEN);
	audit_link_hash(j->arena, start, l, hash);
	if (!span_eq(l->stored, span_mem(hash, SHA256_LEN)))
		return spoiled(j, l->seq);
	found = audit_gap_from(j, l->seq + 1, &beside);
	if (found > 0 &&
	    (!is_ours(j, rules, &beside) || !span_eq(beside.before, l->stored)))
		return spoiled(j, l->seq);
	return found < 0 ? -1 : head_verify(j, l);
}

static int
record_delete(
    struct job *j, const struct purge_rules *rules, const struct audit_link *l)
{
	struct audit_gap g;

	if (link_verify(j, rules, l) < 0 || gap_around(j, rules, l, &g) < 0 ||
	    audit_gap_put(j, rules->seal, rules->signer, &g) < 0)
		return -1;
	return store_change(
	    j, NULL, "DELETE FROM audit WHERE seq = $1", ARGS(v_int(l->seq)));
}

/* --- the walk ------------------------------------------------------------- */

static int
records(struct job *j, int64_t until, const struct purge_walk *w, int64_t max,
    struct record *rows, int64_t *count)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT " AUDIT_LINK_COLUMNS ", keep_from FROM audit "
	    "WHERE keep_from <= $1 AND (keep_from, seq) > ($2, $3) "
	    "ORDER BY keep_from, seq LIMIT $4",
	    ARGS(v_int(until), v_int(w->at), v_int(w->seq), v_int(max)));

	for (*count = 0; found == 1; found = query_next(&q)) {
		struct record *r = &rows[(*count)++];

		audit_link_read(&q, &r->link);
		r->keep_from = query_int(&q);
	}
	query_end(&q);
	return found;
}

/* 1 it went (or would), 0 it stays, -1. */
static int
look(struct job *j, const struct purge_rules *rules, const struct record *r,
    int64_t newest)
{
	int64_t due;

	if (record_due(j, r, rules, &due) < 0)
		return -1;
	/* The head says what the newest record is. */
	if (r->link.seq >= newest)
		due = later(due, j->now + PURGE_DAY);
	if (due <= j->now)
		return rules->dry || record_delete(j, rules, &r->link) == 0
			   ? 1
			   : -1;
	return rules->dry ? 0
			  : store_change(j, NULL,
				"UPDATE audit SET keep_from = $2 WHERE seq = "
				"$1",
				ARGS(v_int(r->link.seq),
				    v_int(due - rules->retention)));
}

int
purge_audit(struct job *j, const struct purge_rules *rules, int64_t max,
    struct purge_walk *w)
{
	struct record *rows =
	    arena_calloc(j->arena, (size_t)max, sizeof(*rows));
	int64_t count, newest;
	int found;

	w->is_done = true;
	/* Without the key nobody can say that it was us. */
	if (rules->seal == NULL && !rules->dry)
		return 0;
	if (audit_head_write(j) < 0)
		return -1;
	found = store_get_int(
	    j, &newest, "SELECT seq FROM audit_head WHERE id = 1", NO_ARGS);
	if (found <= 0)
		return found;
	if (records(j, j->now - rules->retention, w, max, rows, &count) < 0)
		return -1;
	for (int64_t i = 0; i < count; i++) {
		int went = look(j, rules, &rows[i], newest);

		if (went < 0)
			return -1;
		w->purged += went;
		w->at = rows[i].keep_from;
		w->seq = rows[i].link.seq;
	}
	w->is_done = count < max;
	return 0;
}

/* --- the end of a CA key -------------------------------------------------- */

/* Is it known that the key was of use after that?  Neither its certificates
 * nor its lists come from a key that is gone. */
static int
check_end(struct job *j, const char *ca_label, int64_t at)
{
	int64_t used;

	if (key_used_at(j, ca_label, &used) < 0)
		return -1;
	if (used >= j->now)
		return job_fail(j, ERR_CONFLICT,
		    "%s: certificates by this key have not expired; its lists "
		    "are needed until then",
		    ca_label);
	if (used <= at)
		return 0;
	return job_fail(j, ERR_CONFLICT,
	    "%s: at %s a certificate by this key was valid, or it signed a "
	    "list; give a time that is not earlier",
	    ca_label, clock_rfc3339(j->arena, used));
}

int
store_key_ended(struct job *j, const char *ca_label, int64_t at)
{
	int64_t one;
	int found = store_get_int(j, &one,
	    "SELECT 1 FROM audit WHERE object = $1 LIMIT 1",
	    ARGS(v_text(arena_printf(j->arena, "ca:%s", ca_label))));

	if (found < 0)
		return -1;
	if (found == 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s: no audit record names such a CA key; give the "
		    "subject key identifier in its certificate, in hexadecimal "
		    "without colons",
		    ca_label);
	if (check_end(j, ca_label, at) < 0)
		return -1;
	return store_change(j, NULL,
	    "INSERT INTO ca_key_end (ca_label, ended_at) VALUES ($1, $2) "
	    "ON CONFLICT (ca_label) DO UPDATE SET ended_at = $2 "
	    "WHERE ca_key_end.ended_at < $2",
	    ARGS(v_text(ca_label), v_int(at)));
}
