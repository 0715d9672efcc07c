#include "config.h"

#include "db/audit_chain.h"

#include <inttypes.h>
#include <stdio.h>

#include "db/store_private.h"

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

#define GAP                                                                    \
	"SELECT from_seq, to_seq, before_hash, after_hash, seal "              \
	"FROM audit_gap WHERE "

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
		out->seal = query_bytes(&q);
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

#define GAP_FIELDS 5
struct gap_statement {
	char from[24], to[24];
	struct span fields[GAP_FIELDS];
};

static void
gap_statement(const struct audit_gap *g, struct gap_statement *s)
{
	snprintf(s->from, sizeof(s->from), "%" PRId64, g->from_seq);
	snprintf(s->to, sizeof(s->to), "%" PRId64, g->to_seq);
	s->fields[0] = SPAN("countersign audit gap 1");
	s->fields[1] = span_str(s->from);
	s->fields[2] = span_str(s->to);
	s->fields[3] = g->before;
	s->fields[4] = g->after;
}

bool
audit_gap_is_sealed(const struct seal_key *k, const struct audit_gap *g)
{
	struct gap_statement s;

	gap_statement(g, &s);
	return seal_verify(k, s.fields, GAP_FIELDS, g->seal);
}

int
audit_gap_put(
    struct job *j, const struct seal_key *k, const struct audit_gap *g)
{
	struct gap_statement s;
	uint8_t seal[SEAL_LEN];

	gap_statement(g, &s);
	seal_make(k, s.fields, GAP_FIELDS, seal);
	if (store_change(j, NULL,
		"DELETE FROM audit_gap WHERE from_seq >= $1 AND from_seq <= $2",
		ARGS(v_int(g->from_seq), v_int(g->to_seq))) < 0)
		return -1;
	return store_change(j, NULL,
	    "INSERT INTO audit_gap (from_seq, to_seq, before_hash, "
	    "after_hash, seal) VALUES ($1, $2, $3, $4, $5)",
	    ARGS(v_int(g->from_seq), v_int(g->to_seq), v_bytes(g->before),
		v_bytes(g->after), v_bytes(span_mem(seal, SEAL_LEN))));
}
