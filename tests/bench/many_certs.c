/*
 * A CA with very many certificates, in the database of an installation:
 *
 *	many_certs CONFIG CERTIFICATE COUNT
 *
 * makes COUNT copies of the certificate with that id, which the installation
 * has issued to a mailbox, with orders, authorizations and challenges.  Each
 * copy has a number, key, mailbox and dates of its own, the issuer's seal and
 * the CA's signature, and was issued within the last 300 days; each account
 * has a thousand.  One of a hundred is revoked, and waits for no list: whoever
 * wants them to, sets list_due_at.  What a copy lacks is the mail: reply and
 *CAA rows stay the first one's, and nothing that is asked of so many reads them
 * before they expire.
 *
 * It reads the CA's key: for laboratories.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "db/store_cert.h"
#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "lib/rnd.h"
#include "lib/seal.h"
#include "pki/ca.h"
#include "pki/certfield.h"
#include "pki/certview.h"
#include "pki/key.h"
#include "pki/keycheck.h"
#include "pki/ossl.h"
#include "pki/signer.h"
#include "src/ca_conf.h"
#include "src/conf_file.h"
#include "src/database.h"
#include "src/evidence.h"

#define BITE 1000
#define OF_ACCOUNT 1000
#define DAY ((int64_t)86400)
#define SPREAD (300 * DAY)
#define TIME_LEN 13 /* UTCTime */
#define POINT_LEN 65
#define LETTERS 36

struct many {
	const struct conf *conf;
	struct store *store;
	const struct ca *ca;
	const struct seal_key *seal;
	struct cert of;
	struct certview view;
	struct span mailbox;
	int64_t count, now;
	char account[RND_ID_LEN + 1];
};

static void
must(const struct job *j, int result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "many_certs: %s\n", j->err.text);
	exit(EXIT_FAILURE);
}

/* --- one certificate ------------------------------------------------------ */

static void
replace(struct span in, struct span former, const void *by)
{
	char *at = (char *)(uintptr_t)in.p, *end = at + in.n - former.n;

	for (; at <= end; at++)
		if (memcmp(at, former.p, former.n) == 0)
			memcpy(at, by, former.n);
}

static void
format_time(int64_t at, char out[TIME_LEN + 1])
{
	time_t t = (time_t)at;
	struct tm tm;

	gmtime_r(&t, &tm);
	if (snprintf(out, TIME_LEN + 1, "%02d%02d%02d%02d%02d%02dZ",
		tm.tm_year % 100, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		tm.tm_min, tm.tm_sec) != TIME_LEN)
		exit(EXIT_FAILURE);
}

static void
replace_time(struct span tbs, int64_t former, int64_t by)
{
	char a[TIME_LEN + 1], b[TIME_LEN + 1];

	format_time(former, a);
	format_time(by, b);
	replace(tbs, span_mem(a, TIME_LEN), b);
}

static void
replace_key(struct job *j, struct span tbs, struct span spki)
{
	EVP_PKEY *key = ossl_own_pkey(j->arena, EVP_EC_gen("P-256"));
	struct span former = span_from(spki, spki.n - POINT_LEN);
	uint8_t point[POINT_LEN], old_id[KEY_ID_LEN], new_id[KEY_ID_LEN];
	size_t n = 0;

	if (key == NULL ||
	    EVP_PKEY_get_octet_string_param(
		key, "pub", point, sizeof(point), &n) != 1 ||
	    n != POINT_LEN)
		must(j, job_fail(j, ERR_INTERNAL, "no key"));
	key_id_compute(former, old_id);
	key_id_compute(span_mem(point, n), new_id);
	replace(tbs, span_mem(old_id, KEY_ID_LEN), new_id);
	replace(tbs, former, point);
}

/* Of the same length, and nobody else's. */
static const char *
mailbox_of(const struct many *m, struct job *j, int64_t number)
{
	char *mailbox = span_dup(j->arena, m->mailbox);

	for (char *p = mailbox; *p != '@'; p++, number /= LETTERS)
		*p = "abcdefghijklmnopqrstuvwxyz0123456789"[number % LETTERS];
	return mailbox;
}

static void
seal_row(const struct many *m, struct job *j, struct cert *c)
{
	uint8_t seal[SEAL_LEN];

	evidence_seal_tbs(m->seal, c, seal);
	c->evidence = arena_printf(j->arena, "{\"seal\":\"%s\"}",
	    hex_dup(j->arena, span_mem(seal, sizeof(seal))));
}

static void
sign_row(const struct many *m, struct job *j, struct cert *c)
{
	uint8_t *sha = arena_alloc(j->arena, SHA256_LEN);

	j->now = c->issued_at; /* the key signs what begins now */
	must(j,
	    signer_sign(j, &m->ca->signer, SIGNED_SUBSCRIBER, c->tbs, &c->der));
	j->now = m->now;
	sha256(c->der, sha);
	c->sha256 = span_mem(sha, SHA256_LEN);
}

static const char *
new_id(struct job *j)
{
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);

	rnd_id(id);
	return id;
}

static struct cert
copy_of(const struct many *m, struct job *j, int64_t number, const char *box)
{
	uint8_t *spki = arena_alloc(j->arena, SHA256_LEN);
	uint8_t *bare = arena_alloc(j->arena, SHA256_LEN);
	size_t len = m->view.serial.n;
	uint8_t *serial = arena_alloc(j->arena, len);
	struct cert c = m->of;
	struct certview v;

	c.id = new_id(j);
	c.order_id = new_id(j);
	c.account_id = m->account;
	c.issued_at = m->now - SPREAD + SPREAD * number / m->count;
	c.reserved_at = c.issued_at;
	c.not_before = c.issued_at - 3600;
	c.not_after = c.not_before + (m->of.not_after - m->of.not_before);
	c.tbs = span_mem(
	    arena_memdup(j->arena, m->of.tbs.p, m->of.tbs.n), m->of.tbs.n);
	rnd_bytes(serial, len);
	serial[0] = (uint8_t)m->view.serial.p[0];
	c.serial = hex_dup(j->arena, span_mem(serial, len));
	replace(c.tbs, m->view.serial, serial);
	replace(c.tbs, m->mailbox, box);
	replace_time(c.tbs, m->of.not_before, c.not_before);
	replace_time(c.tbs, m->of.not_after, c.not_after);
	replace_key(j, c.tbs, m->view.spki);
	must(j, certview_parse_tbs(c.tbs, &v));
	sha256(v.spki, spki);
	must(j, spki_bare_sha256(v.spki, bare));
	c.spki_sha256 = span_mem(spki, SHA256_LEN);
	c.bare_sha256 = span_mem(bare, SHA256_LEN);
	seal_row(m, j, &c);
	sign_row(m, j, &c);
	return c;
}

/* --- rows ----------------------------------------------------------------- */

static void
add_account(struct many *m, struct job *j)
{
	rnd_id(m->account);
	must(
	    j, store_change(j, NULL,
		   "INSERT INTO account (id, thumbprint, jwk, contact, "
		   "created_at, tos_agreed_at, deactivated_at, revoked_at) "
		   "SELECT $1, $2, jwk, '[\"mailto:' || $1 || '@user.test\"]', "
		   "created_at, tos_agreed_at, 0, 0 FROM account WHERE id = $3",
		   ARGS(v_text(m->account), v_text(new_id(j)),
		       v_text(m->of.account_id))));
}

static void
add_order(const struct many *m, struct job *j, const struct cert *c,
    const char *mailbox)
{
	const char *authz = new_id(j), *challenge = new_id(j);
	uint8_t part1[SHA256_LEN], part2[SHA256_LEN];

	rnd_bytes(part1, sizeof(part1));
	rnd_bytes(part2, sizeof(part2));
	must(j,
	    store_change(j, NULL,
		"INSERT INTO orders (id, account_id, profile, language, "
		"created_at, life_until, identifier_count, csr_at, cert_id, "
		"cert_not_after, keep_from) SELECT $1, $2, profile, language, "
		"CAST($3 AS BIGINT), CAST($3 AS BIGINT) + 86400, 1, "
		"CAST($3 AS BIGINT), $4, CAST($5 AS BIGINT), "
		"CAST($5 AS BIGINT) FROM orders WHERE id = $6",
		ARGS(v_text(c->order_id), v_text(m->account),
		    v_int(c->issued_at), v_text(c->id), v_int(c->not_after),
		    v_text(m->of.order_id))));
	must(j,
	    store_change(j, NULL,
		"INSERT INTO authz (id, account_id, order_id, mailbox, "
		"ident_type, ident_value, created_at, expires_at, valid_at, "
		"valid_until, keep_from) VALUES ($1, $2, $3, $4, 'email', $4, "
		"$5, $6, $5, $6, $7)",
		ARGS(v_text(authz), v_text(m->account), v_text(c->order_id),
		    v_text(mailbox), v_int(c->issued_at),
		    v_int(c->issued_at + SPREAD / 10), v_int(c->not_after))));
	must(j,
	    store_change(j, NULL,
		"INSERT INTO order_identifier (order_id, place, type, value, "
		"authz_id) VALUES ($1, 0, 'email', $2, $3)",
		ARGS(v_text(c->order_id), v_text(mailbox), v_text(authz))));
	must(j,
	    store_change(j, NULL,
		"INSERT INTO challenge (id, authz_id, token_part1_sha256, "
		"token_part2, token_part2_sha256, thumbprint, from_address, "
		"message_id, posted_at, proven_at) VALUES ($1, $2, $3, $1, $4, "
		"$2, 'ca+' || $1 || '@ca.test', $1, $5, $5)",
		ARGS(v_text(challenge), v_text(authz),
		    v_bytes(span_mem(part1, sizeof(part1))),
		    v_bytes(span_mem(part2, sizeof(part2))),
		    v_int(c->issued_at))));
	must(j, store_change(j, NULL,
		    "INSERT INTO outbox (challenge_id, order_id, place, "
		    "expires_at, attempts, sent_at, closed_at) "
		    "VALUES ($1, $2, 0, $3, 1, $3, $3)",
		    ARGS(v_text(challenge), v_text(c->order_id),
			v_int(c->issued_at))));
}

static void
add_cert(const struct many *m, struct job *j, const struct cert *c, bool gone)
{
	must(j,
	    store_change(j, NULL,
		"INSERT INTO cert (id, order_id, account_id, ca_label, serial, "
		"profile, profile_sha256, tbs, signature_alg, lint_report, "
		"evidence, br_version, spki_sha256, not_before, not_after, "
		"reserved_at, shard, bare_sha256, issued_at, der, sha256, "
		"revoked_at, reason, revoked_by, notice_at) "
		"SELECT $1, $2, $3, ca_label, $4, profile, profile_sha256, $5, "
		"signature_alg, lint_report, $6, br_version, $7, "
		"CAST($8 AS BIGINT), CAST($9 AS BIGINT), CAST($10 AS BIGINT), "
		"shard, $11, CAST($10 AS BIGINT), $12, $13, "
		"CAST($14 AS BIGINT), CAST($15 AS BIGINT), $16, notice_at "
		"FROM cert WHERE id = $17",
		ARGS(v_text(c->id), v_text(c->order_id), v_text(c->account_id),
		    v_text(c->serial), v_bytes(c->tbs), v_text(c->evidence),
		    v_bytes(c->spki_sha256), v_int(c->not_before),
		    v_int(c->not_after), v_int(c->issued_at),
		    v_bytes(c->bare_sha256), v_bytes(c->der),
		    v_bytes(c->sha256), v_int(gone ? m->now : 0),
		    v_int(gone ? 4 : 0), v_text(gone ? "operator" : NULL),
		    v_text(m->of.id))));
}

static void
add_bite(struct many *m, int64_t from)
{
	struct job j;

	job_init(&j, m->store, m->conf);
	must(&j, store_begin(&j));
	for (int64_t n = from; n < from + BITE && n < m->count; n++) {
		const char *mailbox = mailbox_of(m, &j, n);
		struct cert c;

		if (n % OF_ACCOUNT == 0)
			add_account(m, &j);
		c = copy_of(m, &j, n, mailbox);
		add_order(m, &j, &c, mailbox);
		add_cert(m, &j, &c, n % 100 == 0);
	}
	must(&j, store_commit(&j));
	job_done(&j);
}

/* --- the installation ----------------------------------------------------- */

static void
report(void *ctx, const char *message)
{
	(void)ctx;
	fprintf(stderr, "many_certs: %s\n", message);
}

static void
find_mailbox(struct many *m, struct job *j)
{
	struct span names, other;
	bool is_utf8;

	if (certview_parse_tbs(m->of.tbs, &m->view) < 0 ||
	    certview_names(&m->view, &names) != 1 ||
	    certview_next_mailbox(&names, &m->mailbox, &is_utf8) != 1 ||
	    certview_next_mailbox(&names, &other, &is_utf8) != 0)
		must(j, job_fail(j, ERR_INTERNAL, "not of one mailbox"));
}

static void
open_all(struct many *m, struct job *j, struct arena *keep, char **argv)
{
	struct store_login login;
	struct ca_files files;

	if (conf_load(keep, argv[1], report, NULL, &m->conf) < 0)
		exit(EXIT_FAILURE);
	j->conf = m->conf;
	files = ca_conf_files(keep, m->conf);
	must(j, ca_load(j, keep, &files, &m->ca));
	must(j, seal_key_load(j, keep, m->conf->seal_key_file, &m->seal));
	must(j, database_login(j, DATABASE_OWNER, &login));
	must(j, store_open_as(j, &login, &m->store));
	j->store = m->store;
	if (store_cert_by_id(j, argv[2], NULL, &m->of) != 1)
		must(j, job_fail(j, ERR_INTERNAL, "no such certificate"));
	find_mailbox(m, j);
}

int
main(int argc, char **argv)
{
	struct many m = { .count = argc == 4 ? strtol(argv[3], NULL, 10) : 0 };
	struct arena *keep = arena_new();
	struct job j;

	if (m.count <= 0) {
		fprintf(stderr, "usage: many_certs CONFIG CERTIFICATE COUNT\n");
		return EXIT_FAILURE;
	}
	log_open("many_certs", LOG_LEVEL_WARNING);
	job_init(&j, NULL, NULL);
	m.now = j.now;
	open_all(&m, &j, keep, argv);
	for (int64_t from = 0; from < m.count; from += BITE)
		add_bite(&m, from);
	store_close(m.store);
	job_done(&j);
	arena_free(keep);
	return EXIT_SUCCESS;
}
