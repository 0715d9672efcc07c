/*
 * Validations that were made for a former key of the account (AC-82, PK-44,
 * PK-205): they count where the stored requests prove, signature by
 * signature, that this key handed over to the one that signed; rows alone
 * prove nothing.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "lib/count.h"
#include "lib/hex.h"
#include "src/jose.h"
#include "src/relied.h"

/* A is the key that the reply proved; M is nobody's that the account's holder
 * ever agreed to. */
enum who { NONE, A, B, C, M, WHO_COUNT };

struct key {
	struct evp_pkey_st *pkey;
	const char *jwk, *thumbprint;
};

struct lab {
	struct role_lab role;
	struct key keys[WHO_COUNT];
};

/* One row of account_key: what it says of the former key, and the request. */
struct step {
	enum who from, to;     /* of the request; from NONE: no more rows */
	enum who row;          /* whose key the row holds; NONE: `from` */
	enum who outer, inner; /* who signs; NONE: from, to */
	enum who old;          /* oldKey; NONE: from */
	bool other_account;    /* the kid is another's */
	bool other_inner;      /* … or the account in the inner payload */
	bool other_server;
	bool other_inner_url;
	bool is_finalize; /* the request is one to finalize the order */
	bool is_cut;
};

#define STEP(a, b)                                                             \
	{                                                                      \
		.from = (a), .to = (b)                                         \
	}

static const struct {
	const char *name;
	bool opens;
	enum who signer, now;
	struct step steps[4];
} cases[] = {
	{ "the key never changed", true, A, A, { { .from = NONE } } },
	{ "changed after the reply", true, B, B, { STEP(A, B) } },
	{ "changed after finalize", true, A, B, { STEP(A, B) } },
	{ "changed twice after the reply", true, C, C,
	    { STEP(A, B), STEP(B, C) } },
	{ "changed before and after finalize", true, B, C,
	    { STEP(A, B), STEP(B, C) } },
	{ "changed and changed back", true, A, A, { STEP(A, B), STEP(B, A) } },
	{ "by way of the first key", true, C, C,
	    { STEP(A, B), STEP(B, A), STEP(A, C) } },
	{ "a broken row before the good one", true, B, B,
	    { { .from = A, .to = M, .outer = M }, STEP(A, B) } },

	{ "no row at all", false, B, B, { { .from = NONE } } },
	{ "a key of nobody's", false, M, M, { { .from = NONE } } },
	{ "handed over by the thief", false, M, M,
	    { { .from = A, .to = M, .outer = M } } },
	{ "the new key did not sign", false, M, M,
	    { { .from = A, .to = M, .inner = A } } },
	{ "the row holds the thief's key", false, M, M,
	    { { .from = M, .to = M, .row = A } } },
	{ "another key under the first one's request", false, M, M,
	    { { .from = A, .to = B, .row = M } } },
	{ "a good change, then the thief", false, M, M,
	    { STEP(A, B), { .from = B, .to = M, .outer = M } } },
	{ "the step between is missing", false, C, C, { STEP(B, C) } },
	{ "the other direction", false, B, B, { STEP(B, A) } },
	{ "rows in another order", false, C, C, { STEP(B, C), STEP(A, B) } },
	{ "another account's change", false, B, B,
	    { { .from = A, .to = B, .other_account = true } } },
	{ "another account inside", false, B, B,
	    { { .from = A, .to = B, .other_inner = true } } },
	{ "another server's change", false, B, B,
	    { { .from = A, .to = B, .other_server = true } } },
	{ "another url inside", false, B, B,
	    { { .from = A, .to = B, .other_inner_url = true } } },
	{ "another old key inside", false, B, B,
	    { { .from = A, .to = B, .old = C } } },
	{ "a request of another kind", false, B, B,
	    { { .from = A, .to = B, .is_finalize = true } } },
	{ "a part of the request", false, B, B,
	    { { .from = A, .to = B, .is_cut = true } } },
	{ "signed by a key that is in no row", false, B, A,
	    { { .from = NONE } } },
};

static enum who
or_else(enum who given, enum who usual)
{
	return given != NONE ? given : usual;
}

static void
lab_init(struct lab *lab, struct job *j)
{
	role_lab_init(&lab->role, j);
	role_lab_finalize(&lab->role);
	for (size_t i = A; i < WHO_COUNT; i++) {
		struct key *k = &lab->keys[i];

		k->pkey = i == A ? lab->role.key : role_lab_key(&lab->role);
		EXPECT(j, jose_jwk(j, k->pkey, &k->jwk), 0);
		EXPECT(j, jose_thumbprint(j, k->pkey, &k->thumbprint), 0);
	}
}

static struct span
sign(struct lab *lab, enum who who, const char *header, struct span payload)
{
	struct span jws = { NULL, 0 };

	EXPECT(lab->role.j,
	    jose_sign(lab->role.j, lab->keys[who].pkey, span_str(header),
		payload, &jws),
	    0);
	return jws;
}

static struct span
request_of(struct lab *lab, const struct step *s)
{
	struct job *j = lab->role.j;
	const char *base = s->other_server ? "https://acme.other.example"
					   : lab->role.conf.base_url;
	const char *kid = arena_printf(j->arena, "%s/acme/acct/%s", base,
	    s->other_account ? "AAAAAAAAAAAAAAAAAAAAAA" : lab->role.account.id);
	const char *url = arena_printf(j->arena, "%s/acme/key-change", base);
	struct span inner, outer;

	if (s->is_finalize)
		return role_lab_request(&lab->role,
		    &(struct role_lab_request){
			.key = lab->keys[s->from].pkey },
		    SPAN("a CSR"));
	inner = sign(lab, or_else(s->inner, s->to),
	    arena_printf(j->arena,
		"{\"alg\":\"ES256\",\"jwk\":%s,\"url\":\"%s%s\"}",
		lab->keys[s->to].jwk, url, s->other_inner_url ? "/" : ""),
	    span_str(
		arena_printf(j->arena, "{\"account\":\"%s%s\",\"oldKey\":%s}",
		    kid, s->other_inner ? "A" : "",
		    lab->keys[or_else(s->old, s->from)].jwk)));
	outer = sign(lab, or_else(s->outer, s->from),
	    arena_printf(j->arena,
		"{\"alg\":\"ES256\",\"kid\":\"%s\",\"nonce\":\"AA\","
		"\"url\":\"%s\"}",
		kid, url),
	    inner);
	return s->is_cut ? span_cut(outer, 0, outer.n - 9) : outer;
}

/* Whoever can write rows writes any. */
static void
add_row(struct lab *lab, size_t place, const struct step *s)
{
	struct job *j = lab->role.j;
	const struct key *k = &lab->keys[or_else(s->row, s->from)];
	struct span request = request_of(lab, s);
	char *hex = arena_alloc(j->arena, 2 * request.n + 1);

	hex_format(hex, request);
	fixture_sql(j,
	    arena_printf(j->arena,
		"INSERT INTO account_key (account_id, place, thumbprint, jwk, "
		"request, retired_at) VALUES ('%s', %zu, '%s', '%s', "
		"%s%s'%s, 1)",
		lab->role.account.id, place, k->thumbprint, k->jwk,
		fixture_is_pgsql() ? "'\\x" : "x'", hex,
		fixture_is_pgsql() ? "::bytea" : ""));
}

static void
test_chain(struct job *j)
{
	struct lab lab;

	lab_init(&lab, j);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct order *o = fixture_reread(j, lab.role.order);
		const struct key *now = &lab.keys[cases[i].now];
		enum gate g = GATE_WAIT;

		unit_case("%s", cases[i].name);
		fixture_sql(j, "DELETE FROM account_key");
		fixture_sql(
		    j, arena_printf(j->arena,
			   "UPDATE account SET thumbprint = '%s', jwk = '%s'",
			   now->thumbprint, now->jwk));
		for (size_t k = 0; cases[i].steps[k].from != NONE; k++)
			add_row(&lab, k, &cases[i].steps[k]);
		o->csr_jws = role_lab_request(&lab.role,
		    &(struct role_lab_request){
			.key = lab.keys[cases[i].signer].pkey },
		    o->csr);
		EXPECT(j,
		    issuer_gate(&lab.role.issuer, j, o,
			&(struct relied_list){ .n = 0 }, &g),
		    0);
		assert_int_equal(g, cases[i].opens ? GATE_OPEN : GATE_CLOSED);
		if (!cases[i].opens)
			assert_job_error(j, ERR_UNAUTHORIZED, NULL);
		job_recover(j);
	}
}

/* ER-8, AC-82, AC-115, AC-124: what was mailed before the key changed and is
 * answered for the old key is neither a success nor a failure; for the new
 * one it is a match. */
static void
test_reply_for_former_key(struct job *j)
{
	struct role_lab_reply old = { .thumbprint = NULL };
	struct lab lab;

	role_lab_init(&lab.role, j);
	fixture_sql(
	    j, arena_printf(j->arena, "UPDATE challenge SET thumbprint = '%s'",
		   lab.role.account.thumbprint));
	role_lab_send(&lab.role);
	role_lab_post(&lab.role);
	lab.keys[B].pkey = role_lab_key(&lab.role);
	EXPECT(j, jose_jwk(j, lab.keys[B].pkey, &lab.keys[B].jwk), 0);
	EXPECT(j, jose_thumbprint(j, lab.keys[B].pkey, &lab.keys[B].thumbprint),
	    0);
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE account SET thumbprint = '%s', jwk = '%s'",
			   lab.keys[B].thumbprint, lab.keys[B].jwk));
	old.thumbprint = lab.role.account.thumbprint;
	assert_int_equal(
	    role_lab_take(&lab.role, role_lab_reply(&lab.role, &old)),
	    VERDICT_STALE_KEY);
	assert_int_equal(role_lab_authz(&lab.role)->failed_at, 0);
	assert_int_equal(role_lab_authz(&lab.role)->valid_at, 0);
	old.thumbprint = lab.keys[B].thumbprint;
	assert_int_equal(
	    role_lab_take(&lab.role, role_lab_reply(&lab.role, &old)),
	    VERDICT_MATCH);
	assert_int_not_equal(role_lab_authz(&lab.role)->valid_at, 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_chain),
	STORE_TEST(test_reply_for_former_key),
};

UNIT_MAIN(tests)
