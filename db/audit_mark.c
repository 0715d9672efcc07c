#include "config.h"

#include "db/audit_mark.h"

#include <inttypes.h>
#include <stdio.h>

#include "db/audit_chain.h"
#include "db/store_audit.h"
#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/seal.h"

#define MARK_COLUMNS "seq, at, hash, seal, spki_sha256, signature"
#define MARK "SELECT " MARK_COLUMNS " FROM audit_mark "

static int
get(struct job *j, const char *sql, int64_t seq, struct audit_mark *out)
{
	struct query q;
	int found = query_first(&q, j, sql, ARGS(v_int(seq)));

	if (found == 1) {
		*out = (struct audit_mark){ .seq = query_int(&q) };
		out->at = query_int(&q);
		out->hash = query_bytes(&q);
		out->seal = query_bytes(&q);
		out->spki_sha256 = query_bytes(&q);
		out->signature = query_bytes(&q);
	}
	query_end(&q);
	return found;
}

int
audit_mark_after(struct job *j, int64_t seq, struct audit_mark *out)
{
	return get(j, MARK "WHERE seq > $1 ORDER BY seq LIMIT 1", seq, out);
}

int
audit_mark_newest(struct job *j, struct audit_mark *out)
{
	return get(j, MARK "WHERE seq >= $1 ORDER BY seq DESC LIMIT 1", 0, out);
}

int
audit_mark_newest_signed(struct job *j, struct audit_mark *out)
{
	return get(j,
	    MARK "WHERE seq >= $1 AND signature IS NOT NULL "
		 "ORDER BY seq DESC LIMIT 1",
	    0, out);
}

/* 1 and when the newest of the first ones that went was written, 0, -1. */
static int
is_purged(struct job *j, int64_t *since)
{
	struct audit_gap g = { .newest_at = 0 };
	int found = audit_gap_after(j, 0, &g);

	*since = found != 1 ? 0 : g.newest_at > 0 ? g.newest_at : 1;
	return found;
}

int
audit_mark_is_late(struct job *j, bool are_signed, int64_t *since)
{
	struct audit_mark newest = { .seq = 0 };
	int64_t at_ms;
	int found = are_signed ? audit_mark_newest_signed(j, &newest)
			       : audit_mark_newest(j, &newest);

	*since = 0;
	if (found < 0)
		return -1;
	if (found == 0 && are_signed && is_purged(j, since) != 0)
		return *since > 0 ? 1 : -1;
	found = store_get_int(j, &at_ms,
	    "SELECT at_ms FROM audit WHERE seq > $1 ORDER BY seq LIMIT 1",
	    ARGS(v_int(newest.seq)));
	if (found != 1)
		return found;
	*since = at_ms / 1000;
	return *since < j->now - AUDIT_MARK_LATE_SECS;
}

#define FIELDS 4
struct statement {
	char seq[24], at[24];
	struct span fields[FIELDS];
};

static void
statement_of(const struct audit_mark *m, struct statement *s)
{
	snprintf(s->seq, sizeof(s->seq), "%" PRId64, m->seq);
	snprintf(s->at, sizeof(s->at), "%" PRId64, m->at);
	s->fields[0] = SPAN("countersign audit head 1");
	s->fields[1] = span_str(s->seq);
	s->fields[2] = span_str(s->at);
	s->fields[3] = m->hash;
}

bool
audit_mark_is_sealed(const struct seal_key *k, const struct audit_mark *m)
{
	struct statement s;

	statement_of(m, &s);
	return seal_verify(k, s.fields, FIELDS, m->seal);
}

const char *
audit_mark_text(struct job *j, const struct audit_mark *m)
{
	char at[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(m->at, at);
	return arena_printf(j->arena,
	    "countersign audit head 2\nrecord %" PRId64 "\nat %s\nsha256 %s\n",
	    m->seq, at, hex_dup(j->arena, m->hash));
}

static int
sign(struct job *j, const struct audit_signer *signer, struct audit_mark *m)
{
	if (signer == NULL)
		return 0;
	m->spki_sha256 = signer->spki_sha256;
	return signer->sign(
	    j, signer->ctx, span_str(audit_mark_text(j, m)), &m->signature);
}

static int
head_get(struct job *j, struct audit_mark *out)
{
	struct query q;
	int found;

	if (audit_head_write(j) < 0)
		return -1;
	found = query_first(&q, j,
	    "SELECT seq, hash FROM audit_head WHERE id = 1 AND seq > 0",
	    NO_ARGS);
	if (found == 1) {
		*out = (struct audit_mark){ .seq = query_int(&q) };
		out->hash = query_bytes(&q);
		out->at = j->now;
	}
	query_end(&q);
	return found;
}

int
audit_mark_put(struct job *j, const struct seal_key *k,
    const struct audit_signer *signer, struct audit_mark *out)
{
	uint8_t *seal = arena_alloc(j->arena, SEAL_LEN);
	struct audit_mark before = { .seq = 0 };
	struct statement s;
	int found = head_get(j, out);

	if (found <= 0)
		return found;
	if (audit_mark_newest(j, &before) < 0)
		return -1;
	if (before.seq == out->seq) {
		if (!audit_mark_is_sealed(k, &before))
			return job_fail(j, ERR_INTERNAL,
			    "audit: the head of row %" PRId64
			    " carries no good seal",
			    before.seq);
		*out = before;
		return 1;
	}
	statement_of(out, &s);
	seal_make(k, s.fields, FIELDS, seal);
	out->seal = span_mem(seal, SEAL_LEN);
	if (sign(j, signer, out) < 0)
		return -1;
	return store_change(j, NULL,
		   "INSERT INTO audit_mark (" MARK_COLUMNS ") "
		   "VALUES ($1, $2, $3, $4, $5, $6)",
		   ARGS(v_int(out->seq), v_int(out->at), v_bytes(out->hash),
		       v_bytes(out->seal), v_bytes(out->spki_sha256),
		       v_bytes(out->signature))) < 0
		   ? -1
		   : 1;
}

/* --- the first one -------------------------------------------------------- */

/* Those whose seal is good.  *records: that they stand for. */
static int
sign_gaps(struct job *j, const struct seal_key *k,
    const struct audit_signer *signer, int64_t *gaps, int64_t *records)
{
	struct audit_gap g = { .from_seq = 0 };
	int found = audit_gap_after(j, 0, &g);

	for (*gaps = *records = 0; found == 1;
	     found = audit_gap_after(j, g.from_seq, &g)) {
		if (g.signature.n > 0 || !audit_gap_is_sealed(j, k, &g))
			continue;
		if (audit_gap_put(j, k, signer, &g) < 0)
			return -1;
		++*gaps;
		*records += g.to_seq - g.from_seq + 1;
	}
	return found;
}

int
audit_mark_begin(
    struct job *j, const struct seal_key *k, const struct audit_signer *signer)
{
	struct audit_mark m;
	int64_t gaps, records;
	int found = audit_mark_newest_signed(j, &m);

	if (found != 0)
		return found < 0 ? -1 : 0;
	if (sign_gaps(j, k, signer, &gaps, &records) < 0)
		return -1;
	return store_audit_add(j, "issuer", "audit signatures begin", "audit",
		   "ok",
		   arena_printf(j->arena,
		       "{\"gaps\":%" PRId64 ",\"purged\":%" PRId64 "}", gaps,
		       records)) < 0
		   ? -1
		   : 1;
}
