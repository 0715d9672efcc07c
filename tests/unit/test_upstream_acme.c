/*
 * Another CA through ACME, played by a script: PK-45 (a stop that comes while
 * it is spoken to), PK-219 (what it says of the account), and the choice of a
 * profile there.
 */
#include "config.h"

#include "tests/unit/acme_play.h"

#include <openssl/ec.h>

#include "db/store_handoff.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "pki/ossl.h"
#include "src/handoff.h"
#include "src/upstream.h"

#define ORDER(status, finalize)                                                \
	"{\"status\":\"" status "\",\"authorizations\":"                       \
	"[\"https://ca.test/authz/1\"],\"finalize\":\"" finalize "\"}"

struct play {
	struct peer_tls *tls;
	struct peer *server, *directory;
	struct conf conf;
	struct upstream upstream;
	const char *base;
};

/* In p->tls, which the caller has made. */
static void
open_play(struct play *p, const struct peer_step *steps, const char *meta)
{
	struct job *j = unit_job();

	p->upstream.account_key =
	    ossl_own_pkey(j->arena, EVP_EC_gen("prime256v1"));
	p->server = peer_start(steps, p->tls);
	p->base = arena_printf(
	    j->arena, "https://127.0.0.1:%d", peer_port(p->server));
	const struct peer_step where[] = {
		EXCHANGE("GET /directory ", "200 OK", JSON,
		    arena_printf(j->arena,
			"{\"newNonce\":\"%s/nonce\",\"newAccount\":\"%s/acct\","
			"\"newOrder\":\"%s/order\",\"meta\":{%s}}",
			p->base, p->base, p->base, meta)),
		END
	};
	p->directory = peer_start(where, p->tls);
	p->conf.external.kind = CONF_EXTERNAL_ACME;
	p->conf.external.ca_file = peer_tls_ca_file(p->tls);
	p->conf.external.directory = arena_printf(j->arena,
	    "https://127.0.0.1:%d/directory", peer_port(p->directory));
	j->conf = &p->conf;
}

/* All that was expected was asked for, and nothing else. */
static void
close_play(struct play *p, int connections)
{
	peer_stop(p->directory);
	peer_free(p->directory);
	peer_stop(p->server);
	assert_string_equal(peer_complaint(p->server), "");
	assert_int_equal(peer_connections(p->server), connections);
	peer_free(p->server);
	peer_tls_free(p->tls);
}

static const char *const mailboxes[] = { "alice@example.org" };

/* What stands in the way when it is looked for the second time. */
static enum handoff_bar second_look;
static struct handoff_request request;

static int
look(struct job *j, void *ctx)
{
	(void)j;
	(void)ctx;
	request.bar = second_look;
	return 0;
}

static void
new_request(enum handoff_bar bar)
{
	request = (struct handoff_request){ .csr = SPAN("csr"),
		.mailboxes = mailboxes,
		.mailbox_count = 1,
		.look = look };
	second_look = bar;
}

/* PK-45, PK-204: between the order's "ready" and the word that has it signed;
 * and with nothing in the way. */
static void
test_stopped_meanwhile(void **state)
{
	static const struct {
		enum handoff_bar bar;
		enum upstream_outcome outcome;
		int finalized;
	} rows[] = { { HANDOFF_FREE, UPSTREAM_PENDING, 1 },
		{ HANDOFF_STOPPED, UPSTREAM_BARRED, 0 },
		{ HANDOFF_OLD, UPSTREAM_BARRED, 0 },
		{ HANDOFF_ENDED, UPSTREAM_BARRED, 0 } };
	const struct peer_step signs[] = {
		EXCHANGE("POST /finalize ", "200 OK", JSON NONCE("fourth"),
		    ORDER("processing", "https://ca.test/finalize")),
		END
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct play p = { .tls = peer_tls_new("127.0.0.1") };
		struct peer *last = peer_start(signs, p.tls);
		const struct peer_step steps[] = { FRESH_NONCE, FOUND,
			EXCHANGE("POST /order/1 ", "200 OK",
			    JSON NONCE("third"),
			    arena_printf(unit_job()->arena,
				ORDER("ready", "https://127.0.0.1:%d/finalize"),
				peer_port(last))),
			END };
		struct handoff h = { .order_id = "order" };
		struct upstream_answer a;

		unit_case("%zu", i);
		open_play(&p, steps, "");
		new_request(rows[i].bar);
		h.token = arena_printf(unit_job()->arena, "%s/order/1", p.base);
		upstream_acme_ops.poll(
		    &p.upstream, unit_job(), &h, &request, &a);
		assert_int_equal(a.outcome, rows[i].outcome);
		peer_stop(last);
		assert_int_equal(peer_connections(last), rows[i].finalized);
		peer_free(last);
		close_play(&p, 3);
	}
}

/* A request that was never sent before. */
static struct upstream_answer
ask_anew(struct play *p)
{
	struct handoff h = { .order_id = "order" };
	struct upstream_answer a;

	new_request(HANDOFF_FREE);
	upstream_acme_ops.issue(&p->upstream, unit_job(), &h, &request, &a);
	return a;
}

/* One that takes no nonce of its own is asked again, wherever it says so: the
 * next directory may be that of a machine that does.  Any other word about the
 * account is final (PK-219). */
static void
test_account_refused(void **state)
{
#define SAYS(type, nonce)                                                      \
	EXCHANGE("POST /acct ", "400 Bad Request", PROBLEM NONCE(nonce),       \
	    PROBLEM_OF(type, ""))
	const struct peer_step never[] = { FRESH_NONCE, SAYS("badNonce", "n2"),
		SAYS("badNonce", "n3"), SAYS("badNonce", "n4"),
		SAYS("badNonce", "n5"), END };
	const struct peer_step unknown[] = { FRESH_NONCE,
		SAYS("unauthorized", "n2"), END };
	const struct {
		const struct peer_step *steps;
		int connections;
		enum upstream_outcome outcome;
		const char *next;
	} rows[] = {
		{ never, 5, UPSTREAM_UNKNOWN, "it is asked again until" },
		{ unknown, 2, UPSTREAM_REFUSED, "the order has failed" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct play p = { .tls = peer_tls_new("127.0.0.1") };
		struct upstream_answer a;

		unit_case("%zu", i);
		open_play(&p, rows[i].steps, "");
		unit_log_begin();
		a = ask_anew(&p);
		assert_non_null(strstr(unit_log_end(), rows[i].next));
		assert_int_equal(a.outcome, rows[i].outcome);
		close_play(&p, rows[i].connections);
	}
}

/* One that its directory does not offer is never asked for. */
static void
test_profile(void **state)
{
	static const struct {
		const char *meta, *profile;
		bool is_offered;
	} rows[] = {
		{ "\"profiles\":{\"smime\":\"S/MIME\",\"other\":\"x\"}",
		    "other", true },
		{ "\"profiles\":{\"smime\":\"S/MIME\"}", "smim", false },
		{ "", "smime", false },
		{ "", NULL, true },
	};
	const struct peer_step asked[] = { FRESH_NONCE, FOUND,
		EXCHANGE("POST /order ", "201 Created",
		    JSON NONCE("third") "Location: https://ca.test/order/1\r\n",
		    ORDER("pending", "https://ca.test/finalize")),
		END };
	const struct peer_step not_asked[] = { FRESH_NONCE, FOUND, END };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct play p = { .tls = peer_tls_new("127.0.0.1") };
		struct upstream_answer a;

		unit_case("%zu", i);
		open_play(
		    &p, rows[i].is_offered ? asked : not_asked, rows[i].meta);
		p.conf.external.profile = rows[i].profile;
		a = ask_anew(&p);
		if (rows[i].is_offered) {
			assert_int_equal(a.outcome, UPSTREAM_STARTED);
			assert_string_equal(a.token, "https://ca.test/order/1");
		} else {
			assert_int_equal(a.outcome, UPSTREAM_REFUSED);
			assert_int_equal(a.kind, ERR_INTERNAL);
		}
		close_play(&p, rows[i].is_offered ? 3 : 2);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_stopped_meanwhile),
	cmocka_unit_test(test_account_refused),
	cmocka_unit_test(test_profile),
};
UNIT_MAIN(tests)
