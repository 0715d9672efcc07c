#include "config.h"

#include "tests/unit/role_lab.h"

#include <inttypes.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/rnd.h"
#include "mail/reply.h"
#include "pki/ossl.h"
#include "src/jose.h"
#include "src/judge.h"
#include "src/judge_caa.h"
#include "src/relied.h"
#include "tests/unit/dkim_lab.h"

#define KEY "ed25519"
#define KEY_NAME "sel._domainkey.example.org"
#define TAGS LAB_TAGS_OF("ed25519-sha256", "example.org", "sel", LAB_NAMES)

static const struct conf lab_conf = {
	.base_url = "https://acme.ca.example",
	.ca_name = "Example CA",
	.max_identifiers = 10,
	.authz_pending_life = 24 * 3600,
	.authz_valid_life = 72 * 3600,
	.order_life = 72 * 3600,
	.challenge_mail_gap = 60,
	.caa_enforce = true,
	.sender = { .from = "acme@ca.example",
	    .tagged = true,
	    .default_language = "en" },
	.validator = { .max_message = 256 * 1024, .dns_total_ms = 20000 },
	.issuer = { .caa_max_age = 3600, .max_per_hour = 1000 },
};

static int
lab_query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	struct role_lab *lab = ctx;

	lab->queries++;
	if (lab->during_query != NULL)
		lab->during_query(lab);
	*out = (struct dns_answer){
		.status = DNS_NODATA, .name = name, .canonical = name
	};
	out->rdata = arena_calloc(j->arena, 1, sizeof(*out->rdata));
	if (type == DNS_TYPE_CAA) {
		out->status = lab->caa_status;
		out->rdata[0] = lab->caa;
	} else if (type == DNS_TYPE_TXT && strcmp(name, KEY_NAME) == 0) {
		out->status = lab->key_status;
		out->rdata[0] = lab_rdata(j, span_str(lab_record(j, KEY)));
	}
	out->count = out->status == DNS_OK;
	out->ttl = lab->ttl;
	return 0;
}

static int
lab_submit(void *ctx, struct job *j, const char *from, const char *to,
    struct span message, struct submit_result *out)
{
	struct role_lab *lab = ctx;

	(void)j;
	lab->submissions++;
	if (lab->during_submission != NULL)
		lab->during_submission(lab);
	lab->sent_from = arena_strdup(lab->j->arena, from);
	lab->sent_to = arena_strdup(lab->j->arena, to);
	lab->sent = span_mem(
	    arena_memdup(lab->j->arena, message.p, message.n), message.n);
	*out = lab->answer;
	return 0;
}

static void
release_resolver(void *r)
{
	resolver_free(r);
}

static void
release_submit(void *s)
{
	submit_free(s);
}

struct evp_pkey_st *
role_lab_key(struct role_lab *lab)
{
	EVP_PKEY *key = ossl_own_pkey(lab->j->arena, EVP_EC_gen("P-256"));

	assert_non_null(key);
	return key;
}

void
role_lab_account(
    struct role_lab *lab, struct evp_pkey_st *key, struct account *out)
{
	struct job *j = lab->j;
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);

	rnd_id(id);
	*out =
	    (struct account){ .id = id, .contact = "[]", .created_at = j->now };
	EXPECT(j, jose_jwk(j, key, &out->jwk), 0);
	EXPECT(j, jose_thumbprint(j, key, &out->thumbprint), 0);
	COMMITTED(j, store_account_create(j, out));
}

void
role_lab_at(struct role_lab *lab, int64_t now)
{
	clock_set(now);
	lab->j->now = now;
}

void
role_lab_job_like(struct job *j, const struct job *other)
{
	job_init(j, other->store, other->conf);
	j->now = other->now;
}

void
role_lab_init(struct role_lab *lab, struct job *j)
{
	static const uint8_t key[32] = "a seal key of thirty-two octets";
	static int64_t labs;

	/* Several in one database share the mailbox. */
	*lab = (struct role_lab){ .j = j,
		.uid = ++labs * 1000,
		.conf = lab_conf,
		.caa_status = DNS_NODATA,
		.ttl = 300,
		.answer = { .outcome = SUBMIT_ACCEPTED,
		    .code = "250 2.0.0",
		    .answer = "250 2.0.0 ok" } };
	j->conf = &lab->conf;
	role_lab_at(lab, FIXTURE_NOW);
	lab->key = role_lab_key(lab);
	role_lab_account(lab, lab->key, &lab->account);
	lab->order = fixture_order(j, lab->account.id, 1);
	lab->arrival = j->now;
	lab->validator.resolver = arena_own(
	    j->arena, resolver_new_custom(lab_query, lab), release_resolver);
	lab->validator.seal = seal_key_new(j->arena, key);
	/* As if read: no roots for S/MIME. */
	lab->validator.smime.conf = &lab->conf;
	lab->issuer.seal = lab->validator.seal;
	lab->sender.submit = arena_own(
	    j->arena, submit_new_custom(lab_submit, lab), release_submit);
}

/* --- messages ------------------------------------------------------------ */

static const char *
digest_text(struct role_lab *lab, const struct role_lab_reply *how)
{
	const struct challenge *c = &lab->order->identifiers[0].authz.challenge;
	uint8_t octets[SHA256_LEN];

	reply_digest(c->token_part1, span_str(c->token_part2),
	    span_str(how->thumbprint != NULL ? how->thumbprint
					     : lab->account.thumbprint),
	    octets);
	octets[0] ^= how->is_wrong;
	return b64url_dup(lab->j->arena, span_mem(octets, sizeof(octets)));
}

static const char *
or_else(const char *text, const char *other)
{
	return text != NULL ? text : other;
}

struct span
role_lab_reply(struct role_lab *lab, const struct role_lab_reply *given)
{
	static const struct role_lab_reply good;
	const struct lab_signature signature = { .tags = TAGS, .key = KEY };
	const struct role_lab_reply *how = given != NULL ? given : &good;
	const struct challenge *c = &lab->order->identifiers[0].authz.challenge;
	struct span message;
	struct buf b;

	buf_init(&b, lab->j->arena, 65536);
	buf_addf(&b,
	    "%sFrom: %s\r\nTo: %s\r\nSubject: Re: ACME: %.*s\r\n"
	    "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
	    "Message-ID: <reply@example.org>\r\nIn-Reply-To: %s\r\n"
	    "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n",
	    or_else(how->more, ""), or_else(how->from, "mailbox0@example.org"),
	    or_else(how->to, c->from), (int)c->token_part1.n, c->token_part1.p,
	    c->message_id);
	if (how->body != NULL)
		buf_add_str(&b, how->body);
	else if (how->is_empty)
		buf_add_str(&b, "I do not know what you want.\r\n");
	else
		buf_addf(&b,
		    "-----BEGIN ACME RESPONSE-----\r\n%s\r\n"
		    "-----END ACME RESPONSE-----\r\n",
		    digest_text(lab, how));
	message = buf_span(&b);
	if (!how->is_unsigned)
		message = lab_sign(lab->j, message, &signature);
	if (how->is_broken) {
		char *copy = span_dup(lab->j->arena, message);

		copy[message.n - 10] ^= 1;
		message = span_mem(copy, message.n);
	}
	return message;
}

struct span
role_lab_report(struct role_lab *lab, const char *to, const char *action,
    const char *status, const char *message_id)
{
	const char *text = arena_printf(lab->j->arena,
	    "From: MAILER-DAEMON@mx.example.org\r\nTo: %s\r\n"
	    "Subject: Undelivered Mail Returned to Sender\r\n"
	    "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
	    "Message-ID: <bounce@mx.example.org>\r\n"
	    "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    " boundary=\"b1\"\r\n\r\n"
	    "--b1\r\nContent-Type: text/plain\r\n\r\nA report.\r\n\r\n"
	    "--b1\r\nContent-Type: message/delivery-status\r\n\r\n"
	    "Reporting-MTA: dns; mx.example.org\r\n\r\n"
	    "Final-Recipient: rfc822; mailbox0@example.org\r\n"
	    "Action: %s\r\nStatus: %s\r\n\r\n"
	    "--b1\r\nContent-Type: text/rfc822-headers\r\n\r\n"
	    "Message-ID: %s\r\n\r\n--b1--\r\n",
	    to, action, status, message_id);

	return span_str(text);
}

/* --- steps --------------------------------------------------------------- */

void
role_lab_send(struct role_lab *lab)
{
	EXPECT(lab->j, sender_step(&lab->sender, lab->j), 1);
}

void
role_lab_post(struct role_lab *lab)
{
	struct authz a;

	COMMITTED(lab->j, store_challenge_post(lab->j,
			      lab->order->identifiers[0].authz.challenge.id,
			      lab->j->now + lab->conf.authz_valid_life, &a));
}

void
role_lab_processing(struct role_lab *lab, struct job *j)
{
	role_lab_init(lab, j);
	role_lab_send(lab);
	role_lab_post(lab);
	j->wake = 0;
}

void
role_lab_cert(struct role_lab *lab, int64_t not_after)
{
	fixture_sql(lab->j,
	    arena_printf(lab->j->arena,
		"INSERT INTO cert (id, order_id, account_id, ca_label, serial, "
		"profile, profile_sha256, tbs, signature_alg, lint_report, "
		"evidence, br_version, spki_sha256, not_before, not_after, "
		"reserved_at, issued_at) VALUES ('c1', '%s', '%s', 'aa', 's1', "
		"'p', 'x', 'x', 'x', '{}', '{}', '1.0.16', 'key', %d, %" PRId64
		", %d, %d)",
		lab->order->id, lab->account.id, FIXTURE_NOW, not_after,
		FIXTURE_NOW, FIXTURE_NOW));
	EXPECT(lab->j, sender_step(&lab->sender, lab->j), 1);
	lab->submissions = 0;
}

enum verdict
role_lab_take(struct role_lab *lab, struct span raw)
{
	struct received m = { .source = ROLE_LAB_SOURCE,
		.uidvalidity = 1,
		.uid = ++lab->uid,
		.arrival = lab->arrival,
		.raw = raw };
	enum verdict verdict = VERDICT_UNKNOWN;

	EXPECT(
	    lab->j, validator_take(&lab->validator, lab->j, &m, &verdict), 0);
	return verdict;
}

void
role_lab_finalize(struct role_lab *lab)
{
	role_lab_send(lab);
	role_lab_post(lab);
	assert_int_equal(
	    role_lab_take(lab, role_lab_reply(lab, NULL)), VERDICT_MATCH);
	EXPECT(lab->j, judge_caa(&lab->validator, lab->j), 1);
	role_lab_request_take(lab, SPAN("a CSR"));
}

enum gate
role_lab_gate(struct role_lab *lab)
{
	enum gate g = GATE_WAIT;
	struct order *o = fixture_reread(lab->j, lab->order);

	EXPECT(lab->j,
	    issuer_gate(
		&lab->issuer, lab->j, o, &(struct relied_list){ .n = 0 }, &g),
	    0);
	return g;
}

struct span
role_lab_request(
    struct role_lab *lab, const struct role_lab_request *given, struct span csr)
{
	static const struct role_lab_request good;
	const struct role_lab_request *how = given != NULL ? given : &good;
	const char *base = or_else(how->base_url, lab->conf.base_url);
	struct buf header, payload;
	struct span jws = { NULL, 0 };

	buf_init(&header, lab->j->arena, 4096);
	buf_init(&payload, lab->j->arena, 4096);
	buf_addf(&header,
	    "{\"alg\":\"ES256\",\"kid\":\"%s/acme/acct/%s\","
	    "\"nonce\":\"AA\",\"url\":\"%s/acme/order/%s/finalize\"}",
	    base, or_else(how->account_id, lab->account.id), base,
	    or_else(how->order_id, lab->order->id));
	buf_add_str(&payload, "{\"csr\":\"");
	b64url_add(&payload, csr);
	buf_add_str(&payload, "\"}");
	EXPECT(lab->j,
	    jose_sign(lab->j, how->key != NULL ? how->key : lab->key,
		buf_span(&header), buf_span(&payload), &jws),
	    0);
	return jws;
}

void
role_lab_request_take(struct role_lab *lab, struct span csr)
{
	COMMITTED(lab->j, store_order_finalize(lab->j, lab->order->id, csr,
			      role_lab_request(lab, NULL, csr)));
}

struct authz *
role_lab_authz(struct role_lab *lab)
{
	return fixture_authz(lab->j, lab->order, 0);
}

struct reply_record
role_lab_proof(struct role_lab *lab)
{
	struct reply_record r;

	EXPECT(lab->j,
	    store_reply_proof(
		lab->j, lab->order->identifiers[0].authz.challenge.id, &r),
	    1);
	return r;
}

struct reply_record
role_lab_last_reply(struct role_lab *lab)
{
	struct reply_record *rows = NULL;
	size_t count = 0;

	EXPECT(lab->j,
	    store_reply_list(lab->j,
		lab->order->identifiers[0].authz.challenge.id, &rows, &count),
	    0);
	assert_true(count > 0);
	return rows[count - 1];
}
