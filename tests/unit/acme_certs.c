#include "config.h"

#include "tests/unit/acme_certs.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#include "db/store_cert.h"
#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/rnd.h"
#include "pki/keycheck.h"
#include "pki/weakkeys.h"
#include "tests/unit/acme_signer.h"
#include "tests/unit/store_fixture.h"

#define DAY 86400

static void
add_mailbox(GENERAL_NAMES *names, const char *mailbox)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	assert_int_equal(ASN1_STRING_set(text, mailbox, -1), 1);
	GENERAL_NAME_set0_value(name, GEN_EMAIL, text);
	sk_GENERAL_NAME_push(names, name);
}

static struct span
make_der(struct job *j, const struct test_cert *c, struct span serial)
{
	const struct client_key *key = client_key(c->key);
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	X509 *x = X509_new();
	BIGNUM *number =
	    BN_bin2bn((const unsigned char *)serial.p, (int)serial.n, NULL);
	unsigned char *octets = NULL;
	struct span der;
	int n;

	add_mailbox(names, c->mailbox);
	if (c->second != NULL)
		add_mailbox(names, c->second);
	assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
	BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
	ASN1_TIME_set(X509_getm_notBefore(x), c->not_before);
	ASN1_TIME_set(X509_getm_notAfter(x), c->not_after);
	assert_int_equal(X509_set_pubkey(x, key->pkey), 1);
	assert_int_equal(
	    X509_add1_ext_i2d(x, NID_subject_alt_name, names, 1, 0), 1);
	assert_true(
	    X509_sign(x, key->pkey,
		strcmp(key->alg, "EdDSA") == 0 ? NULL : EVP_sha256()) > 0);
	n = i2d_X509(x, &octets);
	assert_true(n > 0);
	der = span_mem(arena_memdup(j->arena, octets, (size_t)n), (size_t)n);
	OPENSSL_free(octets);
	BN_free(number);
	GENERAL_NAMES_free(names);
	X509_free(x);
	return der;
}

struct span
certs_key(struct job *j, const char *key)
{
	unsigned char *octets = NULL;
	int n = i2d_PUBKEY(client_key(key)->pkey, &octets);
	struct span spki;

	assert_true(n > 0);
	spki = span_mem(arena_memdup(j->arena, octets, (size_t)n), (size_t)n);
	OPENSSL_free(octets);
	return spki;
}

struct span
certs_spki(struct job *j, const char *key)
{
	uint8_t *sum = arena_alloc(j->arena, SHA256_LEN);

	sha256(certs_key(j, key), sum);
	return span_mem(sum, SHA256_LEN);
}

struct span
certs_bare(struct job *j, const char *key)
{
	uint8_t *sum = arena_alloc(j->arena, SHA256_LEN);

	assert_int_equal(spki_bare_sha256(certs_key(j, key), sum), 0);
	return span_mem(sum, SHA256_LEN);
}

const struct weakkeys *
certs_weak_list(struct job *j, struct span bare_sha256)
{
	const char *path = arena_printf(
	    j->arena, "test-weak-%s", hex_dup(j->arena, bare_sha256));
	const char *line =
	    arena_printf(j->arena, "%.20s\n", hex_dup(j->arena, bare_sha256));
	const struct weakkeys *list;
	uint8_t sum[SHA256_LEN];

	sha256(span_str(line), sum);
	EXPECT(j,
	    file_write(j, path, 0644,
		span_str(
		    arena_printf(j->arena, "countersign weak keys 1 %s\n%s",
			hex_dup(j->arena, span_mem(sum, sizeof(sum))), line))),
	    0);
	EXPECT(j, weakkeys_load(j, j->arena, path, &list), 0);
	unlink(path);
	return list;
}

void
certs_issue(struct job *j, struct test_cert *c)
{
	char id[RND_ID_LEN + 1];
	unsigned char serial[17];
	uint8_t sum[SHA256_LEN];
	bool taken;

	rnd_id(id);
	rnd_bytes(serial, sizeof(serial));
	serial[0] = 1;
	c->id = arena_strdup(j->arena, id);
	c->order_id = fixture_order(j, c->account_id, 1)->id;
	if (c->serial == NULL)
		c->serial = hex_dup(j->arena, span_mem(serial, sizeof(serial)));
	if (c->der.n == 0)
		c->der = make_der(j, c, span_mem(serial, sizeof(serial)));
	sha256(c->der, sum);
	struct cert row = {
		.id = c->id,
		.order_id = c->order_id,
		.account_id = c->account_id,
		.ca_label = CERTS_CA,
		.serial = c->serial,
		.profile = "mailbox-multipurpose",
		.profile_sha256 = span_mem(sum, sizeof(sum)),
		.tbs = span_str("tbs"),
		.signature_alg = span_str("alg"),
		.lint_report = "{}",
		.evidence = "{}",
		.br_version = "1.0.16",
		.spki_sha256 = certs_spki(j, c->key),
		.bare_sha256 = certs_bare(j, c->key),
		.not_before = c->not_before,
		.not_after = c->not_after,
		.reserved_at = j->now,
	};
	COMMITTED(j, store_cert_reserve(j, &row, &taken));
	COMMITTED(
	    j, store_cert_record(j, c->id, c->der, span_mem(sum, sizeof(sum))));
}

struct test_cert
certs_issued(struct job *j, const char *account_id, const char *key)
{
	struct test_cert c = {
		.account_id = account_id,
		.key = key,
		.mailbox = "alice@example.com",
		.not_before = j->now,
		.not_after = j->now + 365 * DAY - 1,
	};

	certs_issue(j, &c);
	return c;
}

const char *
certs_b64u(struct job *j, const struct test_cert *c)
{
	return b64url_dup(j->arena, c->der);
}
