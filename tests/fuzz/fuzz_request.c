/*
 * Whole requests over a real store.  The first octet of the input says what
 * the rest is; lines end with LF:
 *
 *	R  target, then the body as it is
 *	H  target, protected header, then the payload; both are signed with
 *	   the account's key, and NONCE in the header becomes a fresh one
 *	P  target, then the payload, signed under a right header
 *	A  the fields Accept, Content-Type and Content-Encoding of a request
 *	J  a proof that a key is compromised, as JSON (acme/key_report.h)
 *	K  the same as a certificate request
 *
 * What a request writes is rolled back.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acme/acme.h"
#include "acme/download.h"
#include "acme/nonce.h"
#include "db/store_account.h"
#include "db/store_order.h"
#include "db/store_reply.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "tests/unit/acme_signer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define BASE "https://acme.ca.example"
#define ACCOUNT "Yl1nV0mJq3bQx8cT7hZp2A"
#define DAY (24 * 3600)

static const char *offered[] = { "mailbox-multipurpose", "mailbox-signing" };

static const struct conf conf = {
	.base_url = BASE,
	.max_identifiers = 10,
	.utf8_mailboxes = true,
	.compat_dns_mailbox = true,
	.authz_pending_life = DAY,
	.authz_valid_life = 3 * DAY,
	.order_life = 3 * DAY,
	.challenge_mail_delay = 5,
	.profile = "mailbox-multipurpose",
	.profiles = { offered, 2 },
	.allow_not_after = { offered, 1 },
	.issuer = { .validity_days = 365, .clock_allowance = 300 },
	.tos_url = "https://ca.example/terms",
	.web.nonce_ttl = 7200,
	.sender.from = "acme@ca.example",
	.sender.tagged = true,
};

static struct job job;
static struct acme *acme;
static const struct client_key *key;
static char folder[] = "/tmp/countersign-fuzz-XXXXXX";

static void
must(bool ok)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_request: %s\n", job.err.text);
	abort();
}

static void
remove_folder(void)
{
	static const char *const names[] = { "db", "db-wal", "db-shm" };
	char path[100];

	store_close(job.store);
	job_done(&job);
	acme_free(acme);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

static void
add_account(void)
{
	struct account account = {
		.id = ACCOUNT,
		.thumbprint = "fT26vE0E3DeU7mip-j9tKoY8PIAYw6UGWg_2yBJpAsw",
		.jwk = key->jwk,
		.contact = "[]",
		.created_at = job.now,
		.tos_agreed_at = job.now,
	};

	must(store_account_create(&job, &account) == 0);
}

static void
add_order(const char *id, const char *authz, const char *challenge)
{
	struct order_identifier ident = {
		.type = "email",
		.value = "alice@example.com",
		.is_new = true,
		.authz = {
			.id = authz,
			.account_id = ACCOUNT,
			.order_id = id,
			.mailbox = "alice@example.com",
			.ident_type = "email",
			.ident_value = "alice@example.com",
			.created_at = job.now,
			.expires_at = job.now + DAY,
			.challenge = {
				.id = challenge,
				.token_part2 = arena_printf(
				    job.arena, "%sabcdefghij", challenge),
				.thumbprint = "x",
				.from = arena_printf(job.arena,
				    "acme+%s@ca.example", challenge),
				.message_id = arena_printf(job.arena,
				    "<%s@ca.example>", challenge),
			},
		},
	};
	struct order order = {
		.id = id,
		.account_id = ACCOUNT,
		.profile = conf.profile,
		.created_at = job.now,
		.life_until = job.now + 3 * DAY,
		.identifiers = &ident,
		.identifier_count = 1,
	};

	ident.authz.challenge.token_part1 =
	    span_str(arena_printf(job.arena, "%s0123456789", challenge));
	must(store_order_create(&job, &order, job.now) == 0);
}

static void
validate(const char *challenge)
{
	static const uint8_t sum[32] = { 1 };
	struct reply_record r = {
		.source = "test",
		.br_version = "1.0.16",
		.uidvalidity = 1,
		.uid = 1,
		.challenge_id = challenge,
		.arrival = job.now,
		.verdict = VERDICT_MATCH,
		.code = "test",
		.detail = "test",
		.evidence = "{}",
		.raw = span_str("raw"),
		.raw_sha256 = span_mem(sum, sizeof(sum)),
		.covered_hash = span_mem(sum, sizeof(sum)),
		.seal = span_mem(sum, sizeof(sum)),
	};
	enum verdict applied;
	struct authz authz;

	must(store_reply_record(&job, &r, job.now + 3 * DAY, &applied) == 0);
	must(store_challenge_post(&job, challenge, job.now + 3 * DAY, &authz) ==
	     0);
}

/* The account of the vectors, a pending order and a ready one. */
static void
start(void)
{
	char url[100];
	struct store *store;

	log_open("fuzz", LOG_LEVEL_ERROR);
	must(mkdtemp(folder) != NULL);
	snprintf(url, sizeof(url), "sqlite:%s/db", folder);
	job_init(&job, NULL, &conf);
	atexit(remove_folder);
	must(store_migrate(&job, url) == 0);
	must(store_open(&job, url, &store) == 0);
	job.store = store;
	acme = acme_new(&conf);
	key = client_key("acct-es256-A");
	must(store_begin(&job) == 0);
	add_account();
	add_order("5tGm8QkqS0y4w1nZb7Rf2Q", "0Jm9f3kQd2bWZr6uXn1s5A",
	    "8m1zq0c2Tn6sYv4Ew9Kx3g");
	add_order("AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg",
	    "AAAAAAAAAAAAAAAAAAAAAw");
	validate("AAAAAAAAAAAAAAAAAAAAAw");
	must(store_commit(&job) == 0);
}

static struct span
next_line(struct span *rest)
{
	size_t end = span_find(*rest, 0, '\n');
	struct span line = span_cut(*rest, 0, end);

	*rest = span_from(*rest, end + 1);
	return line;
}

/* Without NUL, which no C string of the signing client could hold. */
static const char *
text(struct span s)
{
	return span_dup(job.arena, span_cut(s, 0, span_find(s, 0, '\0')));
}

static const char *
with_nonce(struct span header)
{
	size_t at = span_find_span(header, 0, SPAN("NONCE"));
	char nonce[NONCE_LEN + 1];

	if (at == header.n)
		return text(header);
	nonce_issue(acme->nonces, nonce);
	return arena_printf(job.arena, "%s%s%s", text(span_cut(header, 0, at)),
	    nonce, text(span_from(header, at + 5)));
}

static const char *
right_header(struct span target)
{
	char nonce[NONCE_LEN + 1];

	nonce_issue(acme->nonces, nonce);
	if (span_eq(target, SPAN("/acme/new-acct")))
		return arena_printf(job.arena,
		    "{\"alg\":\"ES256\",\"jwk\":%s,\"nonce\":\"%s\","
		    "\"url\":\"%s%s\"}",
		    key->jwk, nonce, BASE, text(target));
	return arena_printf(job.arena,
	    "{\"alg\":\"ES256\",\"kid\":\"%s/acme/acct/%s\","
	    "\"nonce\":\"%s\",\"url\":\"%s%s\"}",
	    BASE, ACCOUNT, nonce, BASE, text(target));
}

static void
run(struct request *req)
{
	struct response resp;
	int result = acme_prepare(acme, &job, req, &resp);

	if (result == 0 && acme_writes(req)) {
		must(store_begin(&job) == 0);
		(void)acme_handle(acme, &job, req, &resp);
		store_rollback(&job);
	} else if (result == 0) {
		(void)acme_handle(acme, &job, req, &resp);
	}
	/* Nothing that a client sends is a fault of ours. */
	if (job.err.kind != ERR_NONE && !err_is_theirs(job.err.kind))
		must(false);
	acme_finish(acme, &job, req, &resp);
	if (!buf_ok(&resp.body) || resp.status < 200 || resp.status >= 500)
		abort();
}

static void
run_input(char mode, struct span rest)
{
	struct request req = {
		.method = METHOD_POST,
		.method_name = "POST",
		.content_type = SPAN("application/jose+json"),
		.target = SPAN("/acme/new-order"),
		.client_address = "192.0.2.7",
	};
	struct span header;

	switch (mode) {
	case 'R':
		req.target = next_line(&rest);
		req.body = rest;
		break;
	case 'H':
		req.target = next_line(&rest);
		header = next_line(&rest);
		req.body =
		    client_jws(&job, key, with_nonce(header), text(rest));
		break;
	case 'P':
		req.target = next_line(&rest);
		req.body =
		    client_jws(&job, key, right_header(req.target), text(rest));
		break;
	case 'J':
	case 'K':
		req.target = SPAN(PATH_REPORT);
		req.content_type = mode == 'J' ? SPAN("application/json")
					       : SPAN("application/pkcs10");
		req.body = rest;
		break;
	default:
		req.accept = next_line(&rest);
		req.content_type = next_line(&rest);
		req.content_encoding = rest;
		(void)accept_prefers_der(req.accept);
		break;
	}
	run(&req);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (acme == NULL)
		start();
	if (n == 0)
		return 0;
	run_input((char)data[0], span_mem(data + 1, n - 1));
	job_reset(&job);
	return 0;
}
