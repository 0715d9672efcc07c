/* Accounts from their terms to their end (AC-72 to AC-75, AC-80 to AC-82). */
#include "config.h"

#include <string.h>

#include "acme/jwk.h"
#include "acme/nonce.h"
#include "acme/route.h"
#include "db/store_account.h"
#include "db/store_key.h"
#include "db/store_outbox.h"
#include "db/store_reply.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "tests/unit/acme_certs.h"
#include "tests/unit/acme_front.h"
#include "tests/unit/vectors.h"

#define KEY_CHANGE "/acme/key-change"
#define ACCOUNT_PATH "/acme/acct/" FRONT_ACCOUNT_ID
#define ORDERS_PATH ACCOUNT_PATH "/orders"
#define TERMS "https://ca.example/terms"

/* --- terms ---------------------------------------------------------------- */

/* AC-72 */
static void
test_changed_terms(struct job *j)
{
	static const char *const free_targets[][2] = {
		{ ACCOUNT_PATH, "" },
		{ ACCOUNT_PATH, "{}" },
		{ ORDERS_PATH, "" },
		{ "/acme/directory", "" },
	};
	static const char order[] = "{\"identifiers\":[{\"type\":\"email\","
				    "\"value\":\"alice@example.org\"}]}";
	struct answer a;

	front_conf()->tos_url = TERMS;
	front_conf()->tos_binding = true;
	front_open(j);
	a = front_post(j, FRONT_NEW_ORDER, order);
	front_expect(
	    &a, 403, "userActionRequired", "the terms of service have changed");
	assert_string_equal(front_str(&a, "instance"), TERMS);
	assert_string_equal(front_header(&a, "Link", 0),
	    "<" TERMS ">;rel=\"terms-of-service\"");
	/* step 16 comes before 17 */
	a = front_post(j, FRONT_NEW_ORDER, "[");
	front_expect(&a, 403, "userActionRequired", NULL);
	a = front_post(j, ACCOUNT_PATH, "{\"contact\":[]}");
	front_expect(&a, 403, "userActionRequired", NULL);
	for (size_t i = 0; i < COUNT(free_targets); i++) {
		unit_case("%s %s", free_targets[i][0], free_targets[i][1]);
		a = front_post(j, free_targets[i][0], free_targets[i][1]);
		front_expect(&a, 200, "", NULL);
	}
	COMMITTED(j, store_account_agree(j, FRONT_ACCOUNT_ID, TERMS, NULL));
	a = front_post(j, FRONT_NEW_ORDER, order);
	front_expect(&a, 201, "", NULL);
	front_close();

	/* PK-10: the same place, another document */
	front_conf()->tos_url = TERMS;
	front_conf()->tos_sha256 = "cafe";
	front_conf()->tos_binding = true;
	front_open_again(j);
	a = front_post(j, FRONT_NEW_ORDER, order);
	front_expect(&a, 403, "userActionRequired", NULL);
	COMMITTED(j, store_account_agree(j, FRONT_ACCOUNT_ID, TERMS, "cafe"));
	a = front_post(j, FRONT_NEW_ORDER, order);
	front_expect(&a, 201, "", NULL);
	front_conf()->tos_sha256 = "beef";
	a = front_post(j, FRONT_NEW_ORDER, order);
	front_expect(&a, 403, "userActionRequired", NULL);
	front_close();

	/* other terms, and a page about them */
	front_conf()->tos_url = TERMS "/2";
	front_conf()->tos_change_url = "https://ca.example/agree";
	front_conf()->tos_binding = true;
	front_open_again(j);
	a = front_post(j, FRONT_NEW_ORDER, order);
	front_expect(&a, 403, "userActionRequired", NULL);
	assert_string_equal(
	    front_str(&a, "instance"), "https://ca.example/agree");
	a = front_post(j, ACCOUNT_PATH, "{\"status\":\"deactivated\"}");
	front_expect(&a, 200, "", NULL);
	front_close();

	front_conf()->tos_url = TERMS "/3";
	front_open_again(j);
	fixture_sql(j, "UPDATE account SET deactivated_at = 0");
	a = front_post(j, FRONT_NEW_ORDER, order); /* not binding */
	front_expect(&a, 201, "", NULL);
	front_close();
}

/* --- the list of orders --------------------------------------------------- */

static const char *
next_of(const struct answer *a)
{
	const char *link;

	for (size_t i = 0; (link = front_header(a, "Link", i)) != NULL; i++)
		if (strstr(link, "rel=\"next\"") != NULL)
			return link;
	return NULL;
}

static const char *
target_of(struct job *j, const char *link)
{
	return front_path(arena_printf(
	    j->arena, "%.*s", (int)strcspn(link, ">") - 1, link + 1));
}

/* AC-6, AC-50, AC-75 */
static void
test_orders_paged(struct job *j)
{
	const char *seen[250], *target = ORDERS_PATH;
	size_t count = 0;

	front_open(j);
	for (int i = 0; i < 250; i++) {
		j->now = FIXTURE_NOW + i / 7;
		fixture_order(j, FRONT_ACCOUNT_ID, 1);
	}
	for (size_t page = 0; page < 3; page++) {
		struct answer a = front_post(j, target, "");
		const struct json *list = json_get(a.doc, "orders");

		front_expect(&a, 200, "", NULL);
		assert_int_equal(json_count(list), page < 2 ? 100 : 50);
		for (size_t i = 0; i < json_count(list); i++) {
			const char *url = json_string(json_at(list, i)).p;

			for (size_t k = 0; k < count; k++)
				assert_string_not_equal(seen[k], url);
			seen[count++] = url;
		}
		assert_int_equal(next_of(&a) != NULL, page < 2);
		if (page < 2)
			target = target_of(j, next_of(&a));
	}
	assert_int_equal(count, 250);
	/* newest first */
	assert_non_null(strstr(seen[0], "/acme/order/"));
	assert_int_equal(
	    fixture_count(
		j, arena_printf(j->arena,
		       "SELECT created_at FROM orders WHERE id = '%s'",
		       strrchr(seen[0], '/') + 1)),
	    FIXTURE_NOW + 249 / 7);
	front_close();
}

/* AC-75, AC-176: a cursor is its account's; the list nobody else's. */
static void
test_orders_cursor(struct job *j)
{
	static const char *const bad[] = { "", "x",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" };
	const char *target, *cursor, *kid;
	struct answer a;

	front_open(j);
	for (int i = 0; i < 101; i++)
		fixture_order(j, FRONT_ACCOUNT_ID, 1);
	a = front_post(j, ORDERS_PATH, "");
	target = target_of(j, next_of(&a));
	cursor = strchr(target, '?');
	a = front_post(j, target, "");
	front_expect(&a, 200, "", NULL);
	assert_int_equal(json_count(json_get(a.doc, "orders")), 1);
	front_close(); /* another process takes it too */
	front_open_again(j);
	a = front_post(j, target, "");
	front_expect(&a, 200, "", NULL);

	for (size_t i = 0; i < COUNT(bad); i++) {
		unit_case("%s", bad[i]);
		a = front_post(j,
		    arena_printf(j->arena, ORDERS_PATH "?cursor=%s", bad[i]),
		    "");
		front_expect(&a, 400, "malformed", "unknown cursor");
	}
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT, "{}");
	kid = arena_strdup(j->arena, front_header(&a, "Location", 0));
	a = front_post_as(j, "acct-es256-B", kid,
	    arena_printf(j->arena, "%s/orders%s", front_path(kid), cursor), "");
	front_expect(&a, 400, "malformed", "unknown cursor");
	a = front_post_as(j, "acct-es256-B", kid, target, "");
	front_expect(&a, 403, "unauthorized",
	    "this account URL belongs to another account");
	a = front_post_as(j, "acct-es256-B", kid,
	    "/acme/acct/AAAAAAAAAAAAAAAAAAAAAA/orders", "");
	front_expect(&a, 403, "unauthorized",
	    "this account URL belongs to another account");
	a = front_post(j, ORDERS_PATH, "{}");
	front_expect(&a, 400, "malformed", "this resource can only be read");
	front_close();
}

/* AC-75: invalid ones and expired certificates are not in it; reading past
 * many of them ends. */
static void
test_orders_ended(struct job *j)
{
	struct order *o[4];
	struct answer a;
	const char *target = ORDERS_PATH;
	int pages = 0;

	front_open(j);
	for (size_t i = 0; i < 4; i++)
		o[i] = fixture_order(j, FRONT_ACCOUNT_ID, 1);
	COMMITTED(j, store_order_fail(j, o[0]->id, "{}"));
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE orders SET cert_id = 'x', cert_not_after = %d "
		   "WHERE id = '%s'",
		   FIXTURE_NOW, o[1]->id));
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE orders SET cert_id = 'x', cert_not_after = %d "
		   "WHERE id = '%s'",
		   FIXTURE_NOW + 1, o[2]->id));
	a = front_post(j, target, "");
	front_expect(&a, 200, "", NULL);
	assert_int_equal(json_count(json_get(a.doc, "orders")), 2);

	for (int i = 0; i < 1100; i++)
		fixture_order(j, FRONT_ACCOUNT_ID, 1);
	fixture_sql(j,
	    "UPDATE authz SET deactivated_at = 1 WHERE order_id NOT IN "
	    "(SELECT id FROM orders WHERE cert_id IS NOT NULL)");
	for (; pages < 10 && target != NULL; pages++) {
		a = front_post(j, target, "");
		front_expect(&a, 200, "", NULL);
		target = next_of(&a) != NULL ? target_of(j, next_of(&a)) : NULL;
	}
	assert_in_range(pages, 2, 4);
	front_close();
}

/* --- the end -------------------------------------------------------------- */

static void
check_ended(
    struct job *j, const struct order *waiting, const struct order *processing)
{
	const struct order *o = fixture_reread(j, waiting);

	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM part1"), 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM spool"), 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM outbox WHERE "
			     "due_at IS NOT NULL OR closed_at = 0"),
	    0);
	assert_int_equal(o->identifiers[0].authz.deactivated_at, j->now);
	o = fixture_reread(j, processing);
	assert_int_equal(o->failed_at, 0);
	assert_int_equal(
	    fixture_count(j,
		"SELECT COUNT(*) FROM orders WHERE issue_due_at IS NOT NULL"),
	    1);
}

/* AC-49, AC-73, 17.2: whatever waits is dropped, what is decided is not. */
static void
test_deactivation(struct job *j)
{
	struct order *waiting, *processing, *valid;
	struct outbox_mail mail;
	struct answer a;

	front_open(j);
	waiting = fixture_order(j, FRONT_ACCOUNT_ID, 2);
	processing = fixture_order(j, FRONT_ACCOUNT_ID, 1);
	valid = fixture_order(j, FRONT_ACCOUNT_ID, 1);
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE authz SET valid_at = 1, valid_until = %d "
			   "WHERE order_id IN ('%s', '%s')",
			   FIXTURE_NOW + 1000, valid->id, processing->id));
	COMMITTED(j,
	    store_order_finalize(j, processing->id, SPAN("csr"), SPAN("jws")));
	/* one mail is in the sender's hands */
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_outbox_lease(j, j->now + 60, &mail), 1);
	EXPECT(j, store_outbox_spool(j, mail.challenge_id, SPAN("mail")), 0);
	EXPECT(j, store_commit(j), 0);

	a = front_post(j, ACCOUNT_PATH, "{\"status\":\"deactivated\"}");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(front_str(&a, "status"), "deactivated");
	fixture_sql(j, arena_printf(j->arena,
			   "DELETE FROM part1 WHERE challenge_id = '%s'",
			   processing->identifiers[0].authz.challenge.id));
	fixture_sql(j, arena_printf(j->arena,
			   "DELETE FROM part1 WHERE challenge_id = '%s'",
			   valid->identifiers[0].authz.challenge.id));
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE outbox SET due_at = NULL, closed_at = 1 "
			   "WHERE order_id IN ('%s', '%s')",
			   valid->id, processing->id));
	check_ended(j, waiting, processing);
	assert_int_equal(
	    fixture_reread(j, valid)->identifiers[0].authz.deactivated_at,
	    j->now);
	/* The leased mail: the answer of the relay changes nothing. */
	EXPECT(j, store_outbox_is_open(j, mail.challenge_id), 0);
	REFUSED(j,
	    store_outbox_retry(j, mail.challenge_id, j->now + 60, "451", "{}"),
	    ERR_CONFLICT);
	COMMITTED(j, store_outbox_sent(j, mail.challenge_id, "250", 60));
	check_ended(j, waiting, processing);

	a = front_post(j, ACCOUNT_PATH, "{\"status\":\"deactivated\"}");
	front_expect(&a, 401, "unauthorized", "account is deactivated");
	a = front_post(j, ORDERS_PATH, "");
	front_expect(&a, 401, "unauthorized", "account is deactivated");
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit WHERE "
					  "event = 'account deactivated'"),
	    1);
	front_close();
}

/* AC-73: a late reply changes nothing, and is kept as late. */
static void
test_late_reply(struct job *j)
{
	enum verdict applied;
	struct order *o;
	struct answer a;

	front_open(j);
	o = fixture_order(j, FRONT_ACCOUNT_ID, 1);
	a = front_post(j, ACCOUNT_PATH, "{\"status\":\"deactivated\"}");
	front_expect(&a, 200, "", NULL);
	COMMITTED(
	    j, store_reply_record(j,
		   &(struct reply_record){ .source = "test",
		       .br_version = "1.0.16",
		       .uidvalidity = 1,
		       .uid = 1,
		       .challenge_id = o->identifiers[0].authz.challenge.id,
		       .arrival = j->now,
		       .verdict = VERDICT_MATCH,
		       .code = "test",
		       .detail = "test",
		       .evidence = "{}",
		       .raw = SPAN("mail"),
		       .raw_sha256 = SPAN("hash"),
		       .covered_hash = SPAN("hash"),
		       .seal = SPAN("seal") },
		   j->now + 1000, &applied));
	assert_int_equal(applied, VERDICT_LATE);
	assert_int_equal(
	    fixture_reread(j, o)->identifiers[0].authz.challenge.proven_at, 0);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply WHERE "
					  "verdict = 'late' AND seal IS NULL"),
	    1);
	front_close();
}

/* AC-74, 17.1 */
static void
test_revocation(struct job *j)
{
	struct answer a;
	int64_t ended;

	front_open(j);
	fixture_order(j, FRONT_ACCOUNT_ID, 3);
	COMMITTED(j, store_account_revoke(j, FRONT_ACCOUNT_ID, &ended));
	assert_int_equal(ended, 3);
	a = front_post(j, ACCOUNT_PATH, "");
	front_expect(&a, 401, "unauthorized", "account is revoked");
	REFUSED(
	    j, store_account_revoke(j, FRONT_ACCOUNT_ID, &ended), ERR_CONFLICT);
	REFUSED(j, store_account_deactivate(j, FRONT_ACCOUNT_ID, &ended),
	    ERR_CONFLICT);
	REFUSED(j, store_account_revoke(j, "absent", &ended), ERR_CONFLICT);

	fixture_sql(j, "UPDATE account SET revoked_at = 0, deactivated_at = 1");
	COMMITTED(j, store_account_revoke(j, FRONT_ACCOUNT_ID, &ended));
	assert_int_equal(ended, 0);
	front_close();
}

/* --- keys ----------------------------------------------------------------- */

/* AC-80 with `key_change` */
static void
test_key_change_vectors(struct job *j)
{
	const char *first = NULL;
	size_t i;
	json_t *v;

	front_open(j);
	json_array_foreach (vectors_at("key_change"), i, v) {
		const json_t *expect = vectors_get(v, "expect");
		int status =
		    (int)json_integer_value(vectors_get(expect, "status"));
		struct answer a;

		unit_case("%s", vectors_str(v, "name"));
		nonce_test_accept(front_acme(), VECTOR_NONCE);
		a = front_send(j, METHOD_POST, KEY_CHANGE,
		    vectors_dump(j, vectors_get(v, "outer_body")), NULL);
		front_expect(&a, status,
		    status == 200 ? "" : vectors_str(expect, "type"), NULL);
		if (vectors_get(expect, "location") != NULL)
			assert_string_equal(front_header(&a, "Location", 0),
			    vectors_str(expect, "location"));
		if (status != 200)
			continue;
		/* back to the key that the next vector begins with */
		first = json_dup(j, json_get(a.doc, "status"));
		assert_string_equal(first, "\"valid\"");
		fixture_sql(j,
		    "UPDATE account SET (thumbprint, jwk) = (SELECT "
		    "thumbprint, jwk FROM account_key WHERE place = 0)");
		fixture_sql(j, "DELETE FROM account_key");
	}
	assert_non_null(first);
	front_close();
}

/* From one key to another; `alg` of the inner JWS. */
static struct answer
change_key_by(struct job *j, const char *from, const char *to, const char *alg)
{
	const struct client_key *old = client_key(from), *new = client_key(to);
	struct span inner = client_jws(j, new,
	    arena_printf(j->arena, "{\"alg\":\"%s\",\"jwk\":%s,\"url\":\"%s\"}",
		alg, new->jwk, FRONT_BASE KEY_CHANGE),
	    arena_printf(j->arena, "{\"account\":\"%s\",\"oldKey\":%s}",
		FRONT_KID, old->jwk));

	return front_post_as(
	    j, from, FRONT_KID, KEY_CHANGE, span_dup(j->arena, inner));
}

/* As its holder asks for it. */
static struct answer
change_key(struct job *j, const char *from, const char *to)
{
	return change_key_by(j, from, to, client_key(to)->alg);
}

/* AC-80 step 3, AC-38: which ones would be right. */
static void
test_inner_algorithm(struct job *j)
{
	static const char *const bad[] = { "none", "HS256", "PS256", "es256" };
	struct answer a;

	front_open(j);
	for (size_t i = 0; i < COUNT(bad); i++) {
		unit_case("%s", bad[i]);
		a = change_key_by(j, "acct-es256-A", "acct-es256-B", bad[i]);
		front_expect(&a, 400, "badSignatureAlgorithm", NULL);
		assert_string_equal(json_dup(j, json_get(a.doc, "algorithms")),
		    "[\"ES256\",\"ES384\",\"ES512\",\"EdDSA\",\"Ed25519\","
		    "\"RS256\"]");
	}
	front_close();
}

/* AC-81: the new key from the next request on, the old one for nothing; it is
 * free again, and can come back. */
static void
test_key_change(struct job *j)
{
	struct former_key *former;
	struct answer a;
	size_t count;

	front_open(j);
	fixture_order(j, FRONT_ACCOUNT_ID, 1);
	a = change_key(j, "acct-es256-A", "acct-es256-B");
	front_expect(&a, 200, "", NULL);
	assert_string_equal(front_header(&a, "Location", 0), FRONT_KID);
	a = front_post(j, ORDERS_PATH, "");
	front_expect(&a, 400, "malformed", "JWS signature does not verify");
	a = front_post_as(j, "acct-es256-B", FRONT_KID, ORDERS_PATH, "");
	front_expect(&a, 200, "", NULL);
	assert_int_equal(json_count(json_get(a.doc, "orders")), 1);
	a = front_post_jwk(j, "acct-es256-B", FRONT_NEW_ACCOUNT,
	    "{\"onlyReturnExisting\":true}");
	assert_string_equal(front_header(&a, "Location", 0), FRONT_KID);
	/* by the old key the account can no longer be found */
	a = front_post_jwk(j, "acct-es256-A", FRONT_NEW_ACCOUNT,
	    "{\"onlyReturnExisting\":true}");
	front_expect(&a, 400, "accountDoesNotExist", NULL);
	a = change_key(j, "acct-es256-B", "acct-ed25519");
	front_expect(&a, 200, "", NULL);
	a = change_key(j, "acct-ed25519", "acct-es256-A");
	front_expect(&a, 200, "", NULL);

	EXPECT(j,
	    store_account_former_keys(j, FRONT_ACCOUNT_ID, 2, &former, &count),
	    0);
	assert_int_equal(count, 2);
	assert_non_null(strstr(former[1].jwk, "OKP"));
	assert_int_equal(former[0].retired_at, j->now);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM audit WHERE "
					  "event = 'account key changed'"),
	    3);
	front_close();
}

/* AC-44, AC-80 step 10, AC-135, AC-177 */
static void
test_key_refused(struct job *j)
{
	uint8_t hash[SHA256_LEN], bare[SHA256_LEN];
	const struct json *object;
	const struct jwk *jwk;
	struct answer a;

	front_open(j);
	a = front_post_jwk(j, "acct-es384", FRONT_NEW_ACCOUNT, "{}");
	front_expect(&a, 201, "", NULL);
	fixture_sql(j, "UPDATE account SET revoked_at = 1 WHERE id <> "
		       "'" FRONT_ACCOUNT_ID "'");
	a = change_key(j, "acct-es256-A", "acct-es384");
	front_expect(&a, 409, "malformed", "the new key is in use");
	assert_non_null(front_header(&a, "Location", 0));

	EXPECT(j,
	    json_parse_object(
		j, span_str(client_key("acct-es512")->jwk), "jwk", &object),
	    0);
	EXPECT(j, jwk_read(j, object, &jwk), 0);
	EXPECT(j, jwk_spki_sha256(j, jwk, hash, bare), 0);
	COMMITTED(
	    j, store_key_block(j, KEY_BY_SPKI(span_mem(hash, sizeof(hash))),
		   NULL, "operator"));
	a = change_key(j, "acct-es256-A", "acct-es512");
	front_expect(
	    &a, 400, "badPublicKey", "the key is known to be compromised");
	a = front_post_jwk(j, "acct-es512", FRONT_NEW_ACCOUNT, "{}");
	front_expect(
	    &a, 400, "badPublicKey", "the key is known to be compromised");
	fixture_sql(j, "DELETE FROM blocked_key");
	/* PK-76: blocked in another encoding. */
	COMMITTED(
	    j, store_key_block(j,
		   &(struct key_hash){ SPAN("another SubjectPublicKeyInfo"),
		       span_mem(bare, sizeof(bare)) },
		   NULL, "operator"));
	a = front_post_jwk(j, "acct-es512", FRONT_NEW_ACCOUNT, "{}");
	front_expect(
	    &a, 400, "badPublicKey", "the key is known to be compromised");
	fixture_sql(j, "DELETE FROM blocked_key");
	/* PK-74: on the list of those that everybody knows. */
	acme_set_weak_keys(
	    front_acme(), certs_weak_list(j, span_mem(bare, sizeof(bare))));
	a = front_post_jwk(j, "acct-es512", FRONT_NEW_ACCOUNT, "{}");
	front_expect(
	    &a, 400, "badPublicKey", "the key is known to be compromised");
	a = change_key(j, "acct-es256-A", "acct-es512");
	front_expect(
	    &a, 400, "badPublicKey", "the key is known to be compromised");
	acme_set_weak_keys(front_acme(), NULL);
	a = front_post_jwk(j, "acct-es512", FRONT_NEW_ACCOUNT, "{}");
	front_expect(&a, 201, "", NULL);
	front_close();
}

/* A request between acme_prepare() and its transaction when the account ends
 * or its key changes. */
static void
test_overtaken(struct job *j)
{
	static const char *const changes[] = {
		"UPDATE account SET deactivated_at = 1",
		"UPDATE account SET thumbprint = 'another'",
		"DELETE FROM account",
	};
	static const char *const errors[] = { "account is deactivated",
		"JWS signature does not verify", "no such account" };
	const struct client_key *k = client_key("acct-es256-A");

	for (size_t i = 0; i < COUNT(changes); i++) {
		struct request req = { .method = METHOD_POST,
			.method_name = "POST",
			.target = SPAN(FRONT_NEW_ORDER),
			.content_type = SPAN("application/jose+json"),
			.client_address = "192.0.2.7" };
		struct response resp = { 0 };

		unit_case("%s", changes[i]);
		fixture_sql(j, "DELETE FROM account");
		front_open(j);
		req.body = client_jws(j, k,
		    arena_printf(j->arena,
			"{\"alg\":\"ES256\",\"kid\":\"%s\",\"nonce\":\"%s\","
			"\"url\":\"%s\"}",
			FRONT_KID, front_nonce(j), FRONT_BASE FRONT_NEW_ORDER),
		    "{\"identifiers\":[{\"type\":\"email\","
		    "\"value\":\"alice@example.org\"}]}");
		EXPECT(j, acme_prepare(front_acme(), j, &req, &resp), 0);
		fixture_sql(j, changes[i]);
		EXPECT(j, store_begin(j), 0);
		assert_int_equal(acme_handle(front_acme(), j, &req, &resp), -1);
		assert_string_equal(j->err.text, errors[i]);
		job_recover(j);
		store_rollback(j);
		front_close();
	}
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_changed_terms),
	STORE_TEST(test_orders_paged),
	STORE_TEST(test_orders_cursor),
	STORE_TEST(test_orders_ended),
	STORE_TEST(test_deactivation),
	STORE_TEST(test_late_reply),
	STORE_TEST(test_revocation),
	STORE_TEST(test_key_change_vectors),
	STORE_TEST(test_inner_algorithm),
	STORE_TEST(test_key_change),
	STORE_TEST(test_key_refused),
	STORE_TEST(test_overtaken),
};
UNIT_MAIN(tests)
