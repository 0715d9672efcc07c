#include "config.h"

#include "src/relied.h"

#include <string.h>

#include "db/store_audit.h"
#include "db/store_cert.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"

#define MEMBER "relied_on"
#define SEAL_MEMBER "relied_on_seal"
#define ITEMS_MAX 4000

struct relied_row
relied_row(struct job *j, const char *id, struct span seal)
{
	return (struct relied_row){ id, hex_dup(j->arena, seal) };
}

static struct relied_row
copy_row(struct job *j, const struct relied_row *r)
{
	if (r->id == NULL)
		return (struct relied_row){ .id = NULL };
	return (struct relied_row){ arena_strdup(j->arena, r->id),
		arena_strdup(j->arena, r->seal) };
}

struct relied_list
relied_copy(struct job *j, const struct relied_list *l)
{
	struct relied_list out = { .n = l->n };

	out.v = arena_calloc(j->arena, l->n + 1, sizeof(*out.v));
	for (size_t i = 0; i < l->n; i++)
		out.v[i] = (struct relied){
			.authz_id = arena_strdup(j->arena, l->v[i].authz_id),
			.reply = copy_row(j, &l->v[i].reply),
			.caa = copy_row(j, &l->v[i].caa),
			.key_seen = copy_row(j, &l->v[i].key_seen),
		};
	return out;
}

/* --- the seal ------------------------------------------------------------- */

#define FIELDS_OF_ONE 7
#define FIELDS_OF_ALL 2

static struct span
text_of(const char *s)
{
	return span_str(s == NULL ? "" : s);
}

static struct span *
add_row(struct span *at, const struct relied_row *r)
{
	*at++ = text_of(r->id);
	*at++ = text_of(r->seal);
	return at;
}

/* An order has one certificate. */
static struct span *
fields_of(struct job *j, const char *order_id, const struct relied_list *l,
    size_t *count)
{
	struct span *all = arena_calloc(
	    j->arena, FIELDS_OF_ALL + l->n * FIELDS_OF_ONE, sizeof(*all));
	struct span *at = all;

	*at++ = SPAN("countersign relied on 1");
	*at++ = span_str(order_id);
	for (size_t i = 0; i < l->n; i++) {
		*at++ = text_of(l->v[i].authz_id);
		at = add_row(at, &l->v[i].reply);
		at = add_row(at, &l->v[i].caa);
		at = add_row(at, &l->v[i].key_seen);
	}
	*count = (size_t)(at - all);
	return all;
}

static bool
is_sealed(struct job *j, const struct seal_key *k, const char *order_id,
    const struct relied_list *l, const struct json *object)
{
	uint8_t seal[SEAL_LEN];
	size_t count;
	const struct span *fields = fields_of(j, order_id, l, &count);

	return hex_parse_fixed(json_string(json_get(object, SEAL_MEMBER)), seal,
		   SEAL_LEN) == 0 &&
	       seal_verify(k, fields, count, span_mem(seal, sizeof(seal)));
}

/* --- as JSON -------------------------------------------------------------- */

static const struct {
	const char *id, *seal;
} names[] = {
	{ "reply", "reply_seal" },
	{ "caa", "caa_seal" },
	{ "key_seen", "key_seen_seal" },
};
#define NAMES COUNT(names)

static void
put_one(struct json_out *o, const struct relied *r)
{
	const struct relied_row *const rows[NAMES] = { &r->reply, &r->caa,
		&r->key_seen };

	json_object_begin(o);
	json_member_str(o, "authorization", r->authz_id);
	for (size_t i = 0; i < NAMES; i++) {
		if (rows[i]->id == NULL)
			continue;
		json_member_str(o, names[i].id, rows[i]->id);
		json_member_str(o, names[i].seal, rows[i]->seal);
	}
	json_object_end(o);
}

void
relied_put(struct json_out *o, struct job *j, const struct seal_key *k,
    const char *order_id, const struct relied_list *l)
{
	uint8_t seal[SEAL_LEN];
	size_t count;
	const struct span *fields = fields_of(j, order_id, l, &count);

	seal_make(k, fields, count, seal);
	json_key(o, MEMBER);
	json_array_begin(o);
	for (size_t i = 0; i < l->n; i++)
		put_one(o, &l->v[i]);
	json_array_end(o);
	json_member_str(
	    o, SEAL_MEMBER, hex_dup(j->arena, span_mem(seal, sizeof(seal))));
}

static const char *
member(struct job *j, const struct json *o, const char *name)
{
	const struct json *v = json_get(o, name);

	return json_type(v) == JSON_T_STRING
		   ? span_dup(j->arena, json_string(v))
		   : NULL;
}

static void
read_one(struct job *j, const struct json *o, struct relied *r)
{
	struct relied_row *const rows[NAMES] = { &r->reply, &r->caa,
		&r->key_seen };

	*r = (struct relied){ .authz_id = member(j, o, "authorization") };
	for (size_t i = 0; i < NAMES; i++)
		*rows[i] = (struct relied_row){ member(j, o, names[i].id),
			member(j, o, names[i].seal) };
}

int
relied_read(struct job *j, const struct seal_key *seal, const char *order_id,
    const struct json *object, struct relied_list *out)
{
	const struct json *list = json_get(object, MEMBER);

	*out = (struct relied_list){ .n = json_count(list) };
	if (json_type(list) == JSON_T_ABSENT)
		return 0;
	out->v = arena_calloc(j->arena, out->n + 1, sizeof(*out->v));
	for (size_t i = 0; i < out->n; i++)
		read_one(j, json_at(list, i), &out->v[i]);
	if (seal != NULL && !is_sealed(j, seal, order_id, out, object))
		return job_fail(j, ERR_UNAUTHORIZED,
		    "what the certificate of order %s rests on does not carry "
		    "the issuer's seal",
		    order_id);
	return 1;
}

int
relied_parse(struct job *j, const struct seal_key *seal, const char *order_id,
    const char *text, struct relied_list *out)
{
	const struct json *object;

	if (json_parse_many(j, span_str(text), "evidence", ITEMS_MAX, &object) <
	    0)
		return -1;
	return relied_read(j, seal, order_id, object, out);
}

/* --- on record ------------------------------------------------------------ */

#define HASH_MEMBER "evidence_sha256"
#define DETAIL_MAX ((size_t)1024)

static const char *
hash_of(struct job *j, const struct cert *c)
{
	uint8_t sum[SHA256_LEN];

	sha256(text_of(c->evidence), sum);
	return hex_dup(j->arena, span_mem(sum, sizeof(sum)));
}

const char *
relied_audit_detail(struct job *j, const struct cert *c)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, DETAIL_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_str(&o, "serial", c->serial);
	json_member_str(&o, HASH_MEMBER, hash_of(j, c));
	json_object_end(&o);
	return b.p;
}

/* The hash that this record gives for it; empty: none. */
static struct span
recorded_hash(struct job *j, const struct audit_row *r, const struct cert *c)
{
	const struct json *detail;

	if (strcmp(r->event, "certificate") != 0 ||
	    strcmp(r->result, "issued") != 0 || r->detail == NULL)
		return (struct span){ NULL, 0 };
	if (json_parse_object(j, span_str(r->detail), "detail", &detail) < 0) {
		job_recover(j);
		return (struct span){ NULL, 0 };
	}
	if (!span_eq_str(json_string(json_get(detail, "serial")), c->serial))
		return (struct span){ NULL, 0 };
	return json_string(json_get(detail, HASH_MEMBER));
}

int
relied_is_recorded(struct job *j, const struct cert *c)
{
	const char *object = arena_printf(j->arena, "order:%s", c->order_id);
	enum relied_record result = RELIED_NO_RECORD;
	struct audit_row *rows;
	size_t count;

	if (store_audit_list(j, object, &rows, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct span hash = recorded_hash(j, &rows[i], c);

		if (hash.n == 0)
			continue;
		if (!span_eq_str(hash, hash_of(j, c)))
			return RELIED_CHANGED;
		result = RELIED_RECORDED;
	}
	return (int)result;
}

/* --- reading it ----------------------------------------------------------- */

const struct relied *
relied_find(const struct relied_list *l, const char *authz_id)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].authz_id != NULL &&
		    strcmp(l->v[i].authz_id, authz_id) == 0)
			return &l->v[i];
	return NULL;
}

bool
relied_is(struct job *j, const struct relied_row *named, const char *id,
    struct span seal)
{
	return named->id != NULL && named->seal != NULL &&
	       strcmp(named->id, id) == 0 &&
	       span_eq_str(span_str(hex_dup(j->arena, seal)), named->seal);
}
