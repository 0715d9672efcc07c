#include "config.h"

#include "db/audit_chain.h"

#include <inttypes.h>

#include "db/audit_mark.h"
#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/hex.h"

/* --- links ---------------------------------------------------------------- */

static void
add_number(struct sha256_ctx *c, uint64_t value)
{
	unsigned char octets[8];

	for (int i = 7; i >= 0; i--, value >>= 8)
		octets[i] = (unsigned char)(value & 0xff);
	sha256_add(c, span_mem(octets, sizeof(octets)));
}

static void
add_field(struct sha256_ctx *c, struct span field)
{
	add_number(c, field.n);
	sha256_add(c, field);
}

void
audit_link_hash(struct arena *a, const uint8_t before[SHA256_LEN],
    const struct audit_link *l, uint8_t out[SHA256_LEN])
{
	struct sha256_ctx *c = sha256_new(a);

	add_field(c, span_mem(before, SHA256_LEN));
	add_number(c, (uint64_t)l->seq);
	add_number(c, (uint64_t)l->at_ms);
	add_field(c, l->actor);
	add_field(c, l->event);
	add_field(c, l->object);
	add_field(c, l->result);
	add_number(c, l->has_detail ? 1 : 0);
	add_field(c, l->detail);
	sha256_finish(c, out);
}

void
audit_link_read(struct query *q, struct audit_link *out)
{
	const char *detail;

	*out = (struct audit_link){ .seq = query_int(q) };
	out->at_ms = query_int(q);
	out->actor = span_str(query_text(q));
	out->event = span_str(query_text(q));
	out->object = span_str(query_text(q));
	out->result = span_str(query_text(q));
	detail = query_text(q);
	out->detail = span_str(detail);
	out->has_detail = detail != NULL;
	out->stored = query_bytes(q);
}

/* --- gaps ----------------------------------------------------------------- */

#define GAP_COLUMNS                                                            \
	"from_seq, to_seq, before_hash, after_hash, newest_at, purged_at, "    \
	"seal, spki_sha256, signature"
#define GAP "SELECT " GAP_COLUMNS " FROM audit_gap WHERE "

static int
gap_get(struct job *j, const char *sql, int64_t seq, struct audit_gap *out)
{
	struct query q;
	int found = query_first(&q, j, sql, ARGS(v_int(seq)));

	if (found == 1) {
		*out = (struct audit_gap){ .from_seq = query_int(&q) };
		out->to_seq = query_int(&q);
		out->before = query_bytes(&q);
		out->after = query_bytes(&q);
		out->newest_at = query_int(&q);
		out->purged_at = query_int(&q);
		out->seal = query_bytes(&q);
		out->spki_sha256 = query_bytes(&q);
		out->signature = query_bytes(&q);
	}
	query_end(&q);
	return found;
}

int
audit_gap_from(struct job *j, int64_t from_seq, struct audit_gap *out)
{
	return gap_get(j, GAP "from_seq = $1", from_seq, out);
}

int
audit_gap_to(struct job *j, int64_t to_seq, struct audit_gap *out)
{
	return gap_get(j, GAP "to_seq = $1", to_seq, out);
}

int
audit_gap_after(struct job *j, int64_t seq, struct audit_gap *out)
{
	return gap_get(
	    j, GAP "from_seq > $1 ORDER BY from_seq LIMIT 1", seq, out);
}

int
audit_gap_any_signed(struct job *j)
{
	struct audit_gap g;

	return gap_get(j,
	    GAP "from_seq >= $1 AND signature IS NOT NULL "
		"ORDER BY from_seq DESC LIMIT 1",
	    0, &g);
}

const char *
audit_gap_text(struct job *j, const struct audit_gap *g)
{
	char newest[CLOCK_RFC3339_MAX], purged[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(g->newest_at, newest);
	clock_format_rfc3339(g->purged_at, purged);
	return arena_printf(j->arena,
	    "countersign audit gap 2\nrecords %" PRId64 " to %" PRId64
	    "\nbefore %s\nafter %s\nnewest %s\npurged %s\n",
	    g->from_seq, g->to_seq, hex_dup(j->arena, g->before),
	    hex_dup(j->arena, g->after), newest, purged);
}

bool
audit_gap_is_sealed(
    struct job *j, const struct seal_key *k, const struct audit_gap *g)
{
	const struct span text = span_str(audit_gap_text(j, g));

	return seal_verify(k, &text, 1, g->seal);
}

int
audit_gap_is_signed(
    struct job *j, const struct audit_verifier *v, const struct audit_gap *g)
{
	return v->verify(v->ctx, g->spki_sha256, span_str(audit_gap_text(j, g)),
	    g->signature);
}

int
audit_gap_put(struct job *j, const struct seal_key *k,
    const struct audit_signer *signer, const struct audit_gap *g)
{
	const struct span text = span_str(audit_gap_text(j, g));
	struct span key = { NULL, 0 }, signature = { NULL, 0 };
	uint8_t seal[SEAL_LEN];

	seal_make(k, &text, 1, seal);
	if (signer != NULL) {
		key = signer->spki_sha256;
		if (signer->sign(j, signer->ctx, text, &signature) < 0)
			return -1;
	}
	if (store_change(j, NULL,
		"DELETE FROM audit_gap WHERE from_seq >= $1 AND from_seq <= $2",
		ARGS(v_int(g->from_seq), v_int(g->to_seq))) < 0)
		return -1;
	return store_change(j, NULL,
	    "INSERT INTO audit_gap (" GAP_COLUMNS ") "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	    ARGS(v_int(g->from_seq), v_int(g->to_seq), v_bytes(g->before),
		v_bytes(g->after), v_int(g->newest_at), v_int(g->purged_at),
		v_bytes(span_mem(seal, SEAL_LEN)), v_bytes(key),
		v_bytes(signature)));
}
