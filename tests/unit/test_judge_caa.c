/*
 * CAA checks of a whole order as one round: each domain once (MP-9); and what
 * clients see while they go on.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>
#include <unistd.h>

#include "acme/status.h"
#include "db/store_caa_round.h"
#include "lib/count.h"
#include "lib/json.h"
#include "src/corroborate.h"
#include "src/dossier.h"
#include "src/evidence.h"
#include "src/judge_caa.h"
#include "src/perspective_client.h"
#include "tests/unit/peer.h"

#define PERSPECTIVES 5
#define MAILBOXES 10
#define DOSSIER_MAX ((size_t)4 << 20)

static const char *const codes[PERSPECTIVES] = { "a", "b", "c", "d", "e" };
static const char *const rirs[PERSPECTIVES] = { "ripe", "arin", "apnic", "ripe",
	"lacnic" };

struct world {
	struct role_lab lab;
	struct conf_perspective perspectives[PERSPECTIVES];
	struct peer_tls *tls;
	struct peer *peers[PERSPECTIVES];
	const struct order *order;
};

/* Perspectives that are there, and say nothing of use: what they would say is
 * other tests'. */
static void
world_init(struct world *w, struct job *j)
{
	static const struct peer_step steps[] = {
		{ PEER_TLS, NULL },
		{ PEER_EXPECT, "POST /countersign/perspective/1 HTTP/1.1\r\n" },
		{ PEER_LINES, "\r\n" },
		{ PEER_SEND, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" },
		{ PEER_SILENCE, NULL },
		{ PEER_END, NULL },
	};

	role_lab_init(&w->lab, j);
	w->tls = peer_tls_new("127.0.0.1");
	for (size_t i = 0; i < PERSPECTIVES; i++) {
		struct conf_perspective *p = &w->perspectives[i];

		*p = (struct conf_perspective){ .name = codes[i],
			.rir = rirs[i] };
		p->certificate = p->key = peer_tls_client_file(w->tls);
		p->ca_file = peer_tls_ca_file(w->tls);
		w->peers[i] = peer_start(steps, w->tls);
		p->url = arena_printf(j->arena,
		    "https://127.0.0.1:%d/countersign/perspective/1",
		    peer_port(w->peers[i]));
	}
	w->lab.conf.mpic = (struct conf_mpic){ .policy = CONF_MPIC_RECORD,
		.perspectives = w->perspectives,
		.perspective_count = PERSPECTIVES };
	EXPECT(j, perspective_client_new(j, &w->lab.validator.perspectives), 0);
}

static void
world_done(struct world *w)
{
	perspective_client_free(w->lab.validator.perspectives);
	for (size_t i = 0; i < PERSPECTIVES; i++)
		peer_free(w->peers[i]);
	peer_tls_free(w->tls);
}

/* An order whose mailboxes are all proven, by the reply of the lab's. */
static void
prove_all(struct world *w)
{
	struct job *j = w->lab.j;

	w->order = fixture_order(j, w->lab.account.id, MAILBOXES);
	for (size_t i = 0; i < MAILBOXES; i++)
		fixture_sql(j,
		    arena_printf(j->arena,
			"INSERT INTO reply (id, source, uidvalidity, uid, "
			"challenge_id, arrival, recorded_at, verdict, "
			"evidence, br_version, raw, raw_sha256, covered_hash, "
			"seal) "
			"SELECT 'copy%zu', source, uidvalidity, uid + %zu, "
			"'%s', arrival, recorded_at, verdict, evidence, "
			"br_version, raw, raw_sha256, covered_hash, seal "
			"FROM reply "
			"WHERE challenge_id = '%s'",
			i, i + 1, w->order->identifiers[i].authz.challenge.id,
			w->lab.order->identifiers[0].authz.challenge.id));
}

static void
request_all(struct world *w)
{
	struct job *j = w->lab.j;

	for (size_t i = 0; i < MAILBOXES; i++)
		COMMITTED(
		    j, store_caa_request(j, w->order->identifiers[i].authz.id,
			   w->order->id, j->now));
	fixture_sql(j,
	    "UPDATE caa SET domain = 'sub.example.org' WHERE checked_at = 0 "
	    "AND mailbox IN ('mailbox0@example.org', 'mailbox3@example.org', "
	    "'mailbox4@example.org', 'mailbox7@example.org', "
	    "'mailbox8@example.org')");
}

static int64_t
answered(struct job *j)
{
	return fixture_count(j,
	    "SELECT COUNT(*) FROM caa WHERE checked_at > 0 "
	    "AND result = 'permit' AND trace LIKE '%corroboration%'");
}

/* MP-9: ten mailboxes in two domains are two calls to each perspective, and
 * each call asks for both kinds; all ten checks are recorded. */
static void
test_one_round(struct job *j)
{
	struct world w;
	struct caa_row c;

	world_init(&w, j);
	role_lab_finalize(&w.lab);
	fixture_sql(j, "DELETE FROM caa");
	prove_all(&w);
	request_all(&w);
	/* Those of another order are another round. */
	COMMITTED(j, store_caa_request(j, w.lab.order->identifiers[0].authz.id,
			 w.lab.order->id, j->now + 1));
	EXPECT(j, judge_caa(&w.lab.validator, j), 1);
	assert_int_equal(answered(j), MAILBOXES);
	/* PK-19: what they say, also where it is recorded only; with the
	 * check that was before. */
	assert_int_equal(
	    fixture_count(j,
		"SELECT COUNT(*) FROM audit WHERE event = 'corroboration' AND "
		"actor = 'validator' AND object LIKE 'authz:%' AND "
		"result = 'silent' AND detail LIKE "
		"'{\"asked\":5,\"agree\":0,%'"),
	    MAILBOXES + 1);
	EXPECT(j, judge_caa(&w.lab.validator, j), 0);
	for (size_t i = 0; i < MAILBOXES; i++) {
		EXPECT(j,
		    store_caa_latest(j, w.order->identifiers[i].authz.id, &c),
		    1);
		assert_non_null(strstr(
		    c.trace, arena_printf(j->arena,
				 "\"caa\":{\"domain\":\"%s\"", c.domain)));
		/* PK-17: how many of the domain it is about. */
		assert_non_null(strstr(c.trace, "\"mailboxes\":5,"));
	}
	while (perspective_client_waits(w.lab.validator.perspectives))
		judge_caa_late(&w.lab.validator, j);
	for (size_t i = 0; i < PERSPECTIVES; i++) {
		peer_stop(w.peers[i]);
		/* One of them is asked by role_lab_finalize(). */
		assert_int_equal(peer_connections(w.peers[i]), 1 + 2);
		assert_true(
		    peer_heard(w.peers[i], "\"domain\":\"sub.example.org\""));
		assert_true(peer_heard(w.peers[i], "\"dkim\":{\"selector\":"));
	}
	world_done(&w);
}

/* MP-9: and the round after it is made anew, for all (PK-49). */
static void
test_next_round(struct job *j)
{
	struct world w;

	world_init(&w, j);
	role_lab_finalize(&w.lab);
	prove_all(&w);
	request_all(&w);
	EXPECT(j, judge_caa(&w.lab.validator, j), 1);
	role_lab_at(&w.lab, j->now + 4000);
	request_all(&w);
	EXPECT(j, judge_caa(&w.lab.validator, j), 1);
	assert_int_equal(answered(j), 1 + 2 * MAILBOXES);
	while (perspective_client_waits(w.lab.validator.perspectives))
		judge_caa_late(&w.lab.validator, j);
	for (size_t i = 0; i < PERSPECTIVES; i++) {
		peer_stop(w.peers[i]);
		assert_int_equal(peer_connections(w.peers[i]), 1 + 2 + 2);
	}
	world_done(&w);
}

static int64_t
permitted(struct job *j)
{
	return fixture_count(
	    j, "SELECT COUNT(*) FROM caa WHERE result = 'permit'");
}

/* PK-28: one domain of the order whose name server is ill keeps the others
 * from nothing, and is asked again alone. */
static void
ill(struct role_lab *lab)
{
	lab->caa_status = lab->queries <= 3 ? DNS_TEMPORARY : DNS_NODATA;
}

static void
test_one_is_ill(struct job *j)
{
	struct world w;

	world_init(&w, j);
	role_lab_finalize(&w.lab);
	fixture_sql(j, "DELETE FROM caa");
	perspective_client_free(w.lab.validator.perspectives);
	w.lab.validator.perspectives = NULL;
	prove_all(&w);
	request_all(&w);
	w.lab.queries = 0;
	w.lab.during_query = ill;
	/* The first domain three times; then the other one. */
	EXPECT(j, judge_caa(&w.lab.validator, j), 1);
	assert_int_equal(permitted(j), MAILBOXES / 2);
	EXPECT(j, judge_caa(&w.lab.validator, j), 0);
	role_lab_at(&w.lab, j->now + 60);
	EXPECT(j, judge_caa(&w.lab.validator, j), 1);
	assert_int_equal(permitted(j), MAILBOXES);
	world_done(&w);
}

/* --- what a client sees meanwhile ---------------------------------------- */

static void
expect_status(struct role_lab *lab, enum challenge_status challenge,
    enum authz_status authz, enum order_status order)
{
	struct authz *a = role_lab_authz(lab);

	assert_int_equal(challenge_status(a, lab->j->now), challenge);
	assert_int_equal(authz_status(a, lab->j->now), authz);
	assert_int_equal(
	    order_status(fixture_reread(lab->j, lab->order), lab->j->now),
	    order);
}

/* Sent, posted, and the reply is good. */
static void
prove(struct world *w)
{
	role_lab_send(&w->lab);
	role_lab_post(&w->lab);
	assert_int_equal(role_lab_take(&w->lab, role_lab_reply(&w->lab, NULL)),
	    VERDICT_MATCH);
}

static void
expect_waiting(struct world *w)
{
	expect_status(
	    &w->lab, CHALLENGE_PROCESSING, AUTHZ_PENDING, ORDER_PENDING);
}

/* What the challenge shows: a problem of this type, whose detail begins so. */
static void
expect_error(struct world *w, const char *type, const char *detail)
{
	struct job *j = w->lab.j;
	const struct deadline *missed;
	const char *error =
	    challenge_error(role_lab_authz(&w->lab), j->now, &missed);
	const struct json *problem;

	assert_null(missed);
	assert_non_null(error);
	EXPECT(
	    j, json_parse_object(j, span_str(error), "problem", &problem), 0);
	assert_true(span_eq_str(json_string(json_get(problem, "type")),
	    arena_printf(j->arena, "urn:ietf:params:acme:error:%s", type)));
	assert_true(span_starts(
	    json_string(json_get(problem, "detail")), span_str(detail)));
}

/* After a round that comes to nothing: nobody is asked before that time. */
static void
expect_next(struct world *w, int64_t pause)
{
	struct job *j = w->lab.j;
	int64_t at = 0;

	EXPECT(j, store_caa_next_due(j, &at), 1);
	assert_int_equal(at, j->now + pause);
	role_lab_at(&w->lab, at - 1);
	EXPECT(j, judge_caa(&w->lab.validator, j), 0);
	expect_waiting(w);
	role_lab_at(&w->lab, at);
}

static const char no_quorum[] =
    "corroboration: too many of the other networks "
    "that were asked about example.org could not be "
    "asked";

/* PK-55, PK-1: each attempt that was followed by another is there, with what
 * each perspective said, under the seal. */
static void
expect_rounds(struct world *w, size_t expected)
{
	const struct seal_key *seal = w->lab.validator.seal;
	struct job *j = w->lab.j;
	struct caa_row check, *rounds;
	struct dossier d;
	struct buf b;
	size_t n;

	EXPECT(j, store_caa_latest(j, role_lab_authz(&w->lab)->id, &check), 1);
	EXPECT(j, store_caa_rounds(j, &check, &rounds, &n), 0);
	assert_int_equal(n, expected);
	for (size_t i = 0; i < n; i++) {
		struct caa_row other = rounds[i];

		assert_int_equal(rounds[i].attempts, i + 1);
		assert_string_equal(rounds[i].result, "fail");
		assert_string_equal(rounds[i].br_version, BR_VERSION);
		assert_non_null(strstr(rounds[i].trace, "\"corroboration\":"));
		assert_true(evidence_caa_round_is_sealed(seal, &rounds[i]));
		assert_false(evidence_caa_is_sealed(seal, &rounds[i]));
		other.attempts++;
		assert_false(evidence_caa_round_is_sealed(seal, &other));
		other = rounds[i];
		other.br_version = "older";
		assert_false(evidence_caa_round_is_sealed(seal, &other));
	}
	assert_int_equal(dossier_load(j, check.authz_id, &d), 1);
	EXPECT(j, dossier_verify(j, &d, seal, NULL), 0);
	assert_string_equal(d.verdict, "ok");
	buf_init(&b, j->arena, DOSSIER_MAX);
	EXPECT(j, dossier_text(j, &d, &b), 0);
	assert_non_null(strstr(b.p, "    attempt 3 at "));
	assert_non_null(strstr(b.p, "      perspective "));
	fixture_sql(j, "UPDATE caa_round SET result = 'permit' "
		       "WHERE attempt = 2");
	assert_int_equal(dossier_load(j, check.authz_id, &d), 1);
	EXPECT(j, dossier_verify(j, &d, seal, NULL), 0);
	assert_non_null(strstr(d.verdict, "attempt 2 of the CAA check"));
}

/* PK-46, MP-6: nobody is told `valid` without the quorum; the client learns why
 * it waits, and after the last round that there is none. */
static void
test_held(struct job *j)
{
	static const int64_t pauses[] = { 30, 120, 600 };
	struct world w;

	world_init(&w, j);
	w.lab.conf.mpic.policy = CONF_MPIC_ENFORCE;
	prove(&w);
	expect_waiting(&w);
	assert_int_equal(
	    challenge_retry_after(role_lab_authz(&w.lab), j->now), 1);
	for (size_t i = 0; i < COUNT(pauses); i++) {
		unit_case("round %zu", i);
		EXPECT(j, judge_caa(&w.lab.validator, j), 1);
		expect_waiting(&w);
		expect_error(&w, "serverInternal", no_quorum);
		expect_next(&w, pauses[i]);
	}
	assert_int_equal(
	    challenge_retry_after(role_lab_authz(&w.lab), j->now), 60);
	j->wake = 0;
	EXPECT(j, judge_caa(&w.lab.validator, j), 1);
	assert_true(j->wake & 1u << ROLE_WEB);
	expect_status(&w.lab, CHALLENGE_INVALID, AUTHZ_INVALID, ORDER_INVALID);
	expect_error(&w, "serverInternal", no_quorum);
	EXPECT(j, judge_caa(&w.lab.validator, j), 0);
	expect_rounds(&w, 3);
	world_done(&w);
}

/* MP-6: the quorum of a later round makes it valid, and no earlier error is
 * shown; AC-98: no other order shares what waits. */
static void
test_held_then_valid(struct job *j)
{
	const struct deadline *missed;
	struct world w;
	struct authz a;

	world_init(&w, j);
	w.lab.conf.mpic.policy = CONF_MPIC_ENFORCE;
	prove(&w);
	EXPECT(j, judge_caa(&w.lab.validator, j), 1);
	expect_next(&w, 30);
	EXPECT(j,
	    store_authz_reusable(j, w.lab.account.id, "mailbox0@example.org",
		NULL, j->now + 900, &a),
	    0);
	perspective_client_free(w.lab.validator.perspectives);
	w.lab.validator.perspectives = NULL;
	EXPECT(j, judge_caa(&w.lab.validator, j), 1);
	expect_status(&w.lab, CHALLENGE_VALID, AUTHZ_VALID, ORDER_READY);
	assert_null(challenge_error(role_lab_authz(&w.lab), j->now, &missed));
	EXPECT(j,
	    store_authz_reusable(j, w.lab.account.id, "mailbox0@example.org",
		NULL, j->now + 900, &a),
	    1);
	world_done(&w);
}

/* PK-46, PK-28: where the quorum decides, a name server that stays ill is no
 * permission either: nobody could be asked to confirm anything. */
static void
ill_for_ever(struct role_lab *lab)
{
	lab->caa_status = DNS_TEMPORARY;
}

static void
test_held_and_ill(struct job *j)
{
	static const int64_t pauses[] = { 5, 10, 30, 120, 600 };
	struct world w;

	world_init(&w, j);
	w.lab.conf.mpic.policy = CONF_MPIC_ENFORCE;
	prove(&w);
	w.lab.during_query = ill_for_ever;
	for (size_t i = 0; i < COUNT(pauses); i++) {
		unit_case("try %zu", i);
		EXPECT(j, judge_caa(&w.lab.validator, j), 1);
		expect_error(&w, "dns", "the CAA records of example.org");
		expect_next(&w, pauses[i]);
	}
	EXPECT(j, judge_caa(&w.lab.validator, j), 1);
	expect_status(&w.lab, CHALLENGE_INVALID, AUTHZ_INVALID, ORDER_INVALID);
	expect_error(&w, "dns", "the CAA records of example.org");
	world_done(&w);
}

/* PK-28: where it does not, an early failure changes nothing. */
static void
test_ill_not_held(struct job *j)
{
	struct world w;

	world_init(&w, j);
	prove(&w);
	w.lab.during_query = ill_for_ever;
	for (int i = 0; i < 3; i++) {
		EXPECT(j, judge_caa(&w.lab.validator, j), 1);
		expect_status(
		    &w.lab, CHALLENGE_VALID, AUTHZ_VALID, ORDER_READY);
		role_lab_at(&w.lab, j->now + 10);
	}
	EXPECT(j, judge_caa(&w.lab.validator, j), 0);
	world_done(&w);
}

/* PK-46, AC-128: nobody is asked at all, since no validator runs: the
 * challenge's life is the end, and what comes after it changes nothing. */
static void
test_held_to_the_end(struct job *j)
{
	struct world w;
	const struct deadline *missed;
	int64_t end;

	world_init(&w, j);
	w.lab.conf.mpic.policy = CONF_MPIC_ENFORCE;
	prove(&w);
	end = role_lab_authz(&w.lab)->expires_at;
	role_lab_at(&w.lab, end - 1);
	expect_waiting(&w);
	role_lab_at(&w.lab, end);
	expect_status(&w.lab, CHALLENGE_INVALID, AUTHZ_INVALID, ORDER_INVALID);
	assert_null(challenge_error(role_lab_authz(&w.lab), j->now, &missed));
	assert_ptr_equal(missed, &deadline_of_quorum);
	perspective_client_free(w.lab.validator.perspectives);
	w.lab.validator.perspectives = NULL;
	EXPECT(j, judge_caa(&w.lab.validator, j), 1);
	expect_status(&w.lab, CHALLENGE_INVALID, AUTHZ_INVALID, ORDER_INVALID);
	world_done(&w);
}

/* A reply of the last second has its round as well; no other follows it when
 * the time would be over by then. */
static void
test_held_at_the_last_moment(struct job *j)
{
	struct world w;

	world_init(&w, j);
	w.lab.conf.mpic.policy = CONF_MPIC_ENFORCE;
	role_lab_send(&w.lab);
	role_lab_post(&w.lab);
	role_lab_at(&w.lab, role_lab_authz(&w.lab)->expires_at - 1);
	w.lab.arrival = j->now;
	assert_int_equal(
	    role_lab_take(&w.lab, role_lab_reply(&w.lab, NULL)), VERDICT_MATCH);
	role_lab_at(&w.lab, j->now + 1);
	EXPECT(j, judge_caa(&w.lab.validator, j), 1);
	expect_next(&w, 30);
	EXPECT(j, judge_caa(&w.lab.validator, j), 1);
	expect_status(&w.lab, CHALLENGE_INVALID, AUTHZ_INVALID, ORDER_INVALID);
	expect_error(&w, "serverInternal", no_quorum);
	world_done(&w);
}

/* What they have answered is seen at once: never first one, then the other. */
static void
test_released(struct job *j)
{
	static const char forbid[] = "\0\11issuemail;";

	for (int denied = 0; denied < 2; denied++) {
		struct world w;

		unit_case("%d", denied);
		world_init(&w, j);
		w.lab.conf.mpic.policy = CONF_MPIC_ENFORCE;
		prove(&w);
		expect_status(
		    &w.lab, CHALLENGE_PROCESSING, AUTHZ_PENDING, ORDER_PENDING);
		perspective_client_free(w.lab.validator.perspectives);
		w.lab.validator.perspectives = NULL;
		if (denied) {
			w.lab.caa_status = DNS_OK;
			w.lab.caa = span_mem(forbid, sizeof(forbid) - 1);
		}
		j->wake = 0;
		EXPECT(j, judge_caa(&w.lab.validator, j), 1);
		assert_true(j->wake & 1u << ROLE_WEB);
		if (denied)
			expect_status(&w.lab, CHALLENGE_INVALID, AUTHZ_INVALID,
			    ORDER_INVALID);
		else
			expect_status(
			    &w.lab, CHALLENGE_VALID, AUTHZ_VALID, ORDER_READY);
		world_done(&w);
	}
}

/* PK-28: the reply came, and the records forbid it, before the client POSTs:
 * it is not told `valid` either. */
static void
test_denied_before_post(struct job *j)
{
	static const char forbid[] = "\0\11issuemail;";
	struct role_lab lab;

	role_lab_init(&lab, j);
	role_lab_send(&lab);
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, NULL)), VERDICT_MATCH);
	lab.caa_status = DNS_OK;
	lab.caa = span_mem(forbid, sizeof(forbid) - 1);
	EXPECT(j, judge_caa(&lab.validator, j), 1);
	expect_status(&lab, CHALLENGE_INVALID, AUTHZ_INVALID, ORDER_INVALID);
	role_lab_post(&lab);
	expect_status(&lab, CHALLENGE_INVALID, AUTHZ_INVALID, ORDER_INVALID);
}

/* ER-34: where nobody decides but ourselves nothing waits; MP-8: nor where
 * perspectives are only listened to. */
static void
test_not_held(struct job *j)
{
	for (int recorded = 0; recorded < 2; recorded++) {
		struct world w;

		unit_case("%d", recorded);
		world_init(&w, j);
		if (!recorded)
			w.lab.conf.mpic =
			    (struct conf_mpic){ .policy = CONF_MPIC_ENFORCE };
		prove(&w);
		expect_status(
		    &w.lab, CHALLENGE_VALID, AUTHZ_VALID, ORDER_READY);
		world_done(&w);
	}
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_one_round),
	STORE_TEST_SQLITE(test_next_round),
	STORE_TEST_SQLITE(test_one_is_ill),
	STORE_TEST(test_held),
	STORE_TEST(test_held_then_valid),
	STORE_TEST_SQLITE(test_held_and_ill),
	STORE_TEST_SQLITE(test_ill_not_held),
	STORE_TEST(test_held_to_the_end),
	STORE_TEST_SQLITE(test_held_at_the_last_moment),
	STORE_TEST(test_released),
	STORE_TEST(test_denied_before_post),
	STORE_TEST_SQLITE(test_not_held),
};

UNIT_MAIN(tests)
