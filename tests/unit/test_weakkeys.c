/* PK-74, PK-76: keys that everybody knows, by their bare key. */
#include "config.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "pki/csr.h"
#include "pki/keycheck.h"
#include "pki/weakkeys.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define KEYS 10
#define HEAD "countersign weak keys 1 "

static EVP_PKEY *members[KEYS];
static struct span spkis[KEYS];

/* Of the point, or of the modulus as OpenSSL has it. */
static const char *
bare_hash(struct job *j, EVP_PKEY *key)
{
	uint8_t hash[SHA256_LEN];
	BIGNUM *n = NULL;

	if (EVP_PKEY_get_bn_param(key, "n", &n) == 1) {
		unsigned char octets[512];
		int len = BN_bn2bin(n, octets);

		BN_free(n);
		sha256(span_mem(octets, (size_t)len), hash);
	} else {
		unsigned char point[200];
		size_t len = 0;

		assert_int_equal(EVP_PKEY_get_octet_string_param(
				     key, "pub", point, sizeof point, &len),
		    1);
		sha256(span_mem(point, len), hash);
	}
	return hex_dup(j->arena, span_mem(hash, sizeof hash));
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *
body_of(struct job *j, const char **hashes, size_t count)
{
	struct buf b;

	qsort(hashes, count, sizeof *hashes, compare);
	buf_init(&b, j->arena, 4096);
	for (size_t i = 0; i < count; i++)
		buf_addf(&b, "%.20s\n", hashes[i]);
	return b.p;
}

static const char *
with_head(struct job *j, const char *body)
{
	uint8_t hash[SHA256_LEN];

	sha256(span_str(body), hash);
	return arena_printf(j->arena, HEAD "%s\n%s",
	    hex_dup(j->arena, span_mem(hash, sizeof hash)), body);
}

static int
load(struct job *j, const char *text, const struct weakkeys **w)
{
	const char *path = arena_printf(j->arena, "%s/weak-keys", lab_folder());

	assert_int_equal(file_write(j, path, 0644, span_str(text)), 0);
	return weakkeys_load(j, j->arena, path, w);
}

/* Half RSA, half EC; each found, and none of ten that differ in one digit. */
static const char *
make_members(struct job *j)
{
	const char *hashes[KEYS];

	for (size_t i = 0; i < KEYS; i++) {
		if (members[i] == NULL)
			members[i] =
			    i < 2 ? EVP_RSA_gen(2048)
				  : EVP_EC_gen(i % 2 == 0 ? "P-256" : "P-384");
		spkis[i] = lab_spki(j, members[i]);
		hashes[i] = bare_hash(j, members[i]);
	}
	return body_of(j, hashes, KEYS);
}

static void
test_members(void **state)
{
	struct job *j = lab_job();
	const struct weakkeys *w;
	const char *body = make_members(j);
	(void)state;

	if (load(j, with_head(j, body), &w) < 0)
		fail_msg("%s", j->err.text);
	for (size_t i = 0; i < KEYS; i++)
		assert_true(weakkeys_has(w, spkis[i]));
	assert_false(weakkeys_has(w, lab_spki(j, lab_key(KEY_TYPE_P256, 0))));
	assert_false(weakkeys_has(w, lab_spki(j, lab_key(KEY_TYPE_RSA, 2048))));
	assert_false(
	    weakkeys_has(w, lab_spki(j, lab_key(KEY_TYPE_ED25519, 0))));
	assert_false(weakkeys_has(w, SPAN("no key")));
	assert_false(weakkeys_has(NULL, spkis[0]));
	assert_int_equal(weakkeys_load(j, j->arena, NULL, &w), 0);
	assert_null(w);
	for (size_t i = 0; i < KEYS; i++) {
		/* One that is there but for a digit. */
		char *near = arena_strdup(j->arena, bare_hash(j, members[i]));
		const char *one[] = { near };

		near[i] = near[i] == 'f' ? '0' : 'f';
		assert_int_equal(
		    load(j, with_head(j, body_of(j, one, 1)), &w), 0);
		assert_false(weakkeys_has(w, spkis[i]));
	}
}

/* PK-74: a file that is not whole is no file. */
static void
test_file(void **state)
{
	static const char *const bodies[] = {
		"",
		"00112233445566778899",   /* no line end */
		"0011223344556677889\n0", /* too short */
		"0011223344556677889G\n", /* no digit */
		"00112233445566778899\n00112233445566778899\n",
		"00112233445566778899\n00112233445566778898\n",
	};
	struct job *j = lab_job();
	const struct weakkeys *w;
	const char *good = with_head(j, make_members(j));
	size_t n = strlen(good);
	(void)state;

	for (size_t i = 0; i < COUNT(bodies); i++) {
		unit_case("%zu", i);
		assert_int_equal(load(j, with_head(j, bodies[i]), &w), -1);
		job_recover(j);
	}
	for (size_t cut = 0; cut < n; cut++) {
		unit_case("cut at %zu", cut);
		assert_int_equal(
		    load(j, span_dup(j->arena, span_mem(good, cut)), &w), -1);
		job_recover(j);
	}
	for (size_t i = 0; i < n; i += 7) {
		char *flipped = arena_strdup(j->arena, good);

		unit_case("octet %zu", i);
		flipped[i] ^= 1;
		assert_int_equal(load(j, flipped, &w), -1);
		job_recover(j);
	}
	assert_int_equal(weakkeys_load(j, j->arena, "/nowhere/weak", &w), -1);
}

/* A request with one of them, whoever asks. */
static void
test_request(void **state)
{
	static const char *const alice[] = { "alice@example.com" };
	struct job *j = lab_job();
	struct csr_policy policy = {
		.mailboxes = alice, .mailbox_count = 1, .profile = LAB_PROFILE
	};
	struct lab_csr c;
	struct csr csr;
	(void)state;

	assert_int_equal(
	    load(j, with_head(j, make_members(j)), &policy.weak_keys), 0);
	for (size_t i = 0; i < KEYS; i++) {
		c = lab_csr(j, members[i], alice[0]);
		assert_int_equal(
		    csr_parse(j, lab_csr_make(j, &c), &policy, &csr), -1);
		assert_job_error(j, ERR_BAD_CSR,
		    "subject key refused: this key is known to be "
		    "compromised");
		job_recover(j);
	}
	c = lab_csr(j, lab_key(KEY_TYPE_P256, 0), alice[0]);
	assert_int_equal(csr_parse(j, lab_csr_make(j, &c), &policy, &csr), 0);
}

/* tools/weak-keys writes what weakkeys_load() reads. */
static void
test_tool(void **state)
{
	struct job *j = lab_job();
	const char *in = arena_printf(j->arena, "%s/collection", lab_folder());
	const char *out = arena_printf(j->arena, "%s/made", lab_folder());
	const struct weakkeys *w;
	char *modulus;
	BIGNUM *n = NULL;
	(void)state;

	(void)make_members(j);
	assert_int_equal(EVP_PKEY_get_bn_param(members[0], "n", &n), 1);
	modulus = BN_bn2hex(n);
	assert_int_equal(
	    file_write(j, in, 0644,
		span_str(arena_printf(j->arena, "# two\n\nModulus=%s\n%s\n",
		    modulus, bare_hash(j, members[2])))),
	    0);
	OPENSSL_free(modulus);
	BN_free(n);
	if (access("/usr/bin/python3", X_OK) != 0)
		UNIT_SKIP("there is no python3");
	/* NOLINTNEXTLINE(cert-env33-c): a fixed command of the test */
	assert_int_equal(
	    system(arena_printf(j->arena,
		CS_SRCDIR "/tools/weak-keys %s %s >/dev/null", out, in)),
	    0);
	if (weakkeys_load(j, j->arena, out, &w) < 0)
		fail_msg("%s", j->err.text);
	assert_true(weakkeys_has(w, spkis[0]));
	assert_false(weakkeys_has(w, spkis[1]));
	assert_true(weakkeys_has(w, spkis[2]));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_members),
	cmocka_unit_test(test_file),
	cmocka_unit_test(test_request),
	cmocka_unit_test(test_tool),
};

UNIT_MAIN(tests)
