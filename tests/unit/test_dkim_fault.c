/*
 * MA-28: when the crypto library runs out of memory, a signature is neither
 * good nor bad: the message is judged again later.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/b64.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "mail/dkim_key.h"
#include "mail/dkim_keyring.h"
#include "tests/unit/dkim_lab.h"

/* How many allocations of OpenSSL's still succeed; -1: all. */
static int allocations_left = -1;

static bool
may_allocate(void)
{
	if (allocations_left == 0)
		return false;
	if (allocations_left > 0)
		allocations_left--;
	return true;
}

static void *
fault_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return may_allocate() ? malloc(n) : NULL;
}

static void *
fault_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return may_allocate() ? realloc(p, n) : NULL;
}

static void
fault_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

static enum dkim_key_type
type_of(const char *key)
{
	return strcmp(key, "ed25519") == 0 ? DKIM_KEY_ED25519 : DKIM_KEY_RSA;
}

/* The signature of a message by `key`, and the hash that it is over. */
static struct span
signature_over(struct job *j, const char *key, uint8_t hash[32])
{
	struct span value;

	sha256(SPAN("data"), hash);
	assert_int_equal(
	    b64_parse_fws(j->arena,
		span_str(lab_sign_data(j, key, SPAN("data"))), &value),
	    0);
	return value;
}

static const char *const keys[] = { "rsa2048", "ed25519" };

static void
test_verify(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct job *j = unit_job();
		struct dkim_key key;
		struct finding f;
		uint8_t hash[32];
		struct span value = signature_over(j, keys[i], hash);
		int failed = 0, n = 0;

		assert_int_equal(
		    dkim_key_parse(j, span_str(lab_record(j, keys[i])),
			type_of(keys[i]), &key, &f),
		    0);
		/* With one allocation more each time, until it works. */
		for (; n < 10000; n++) {
			enum dkim_key_verdict got;

			unit_case("%s: %d allocations", keys[i], n);
			allocations_left = n;
			got = dkim_key_verify(&key, hash, value);
			n = allocations_left > 0 ? 10000 : n;
			allocations_left = -1;
			if (got == DKIM_KEY_FAILED)
				failed++;
			else
				assert_int_equal(got, DKIM_KEY_GOOD);
		}
		assert_true(failed > 0);
		assert_int_equal(
		    dkim_key_verify(&key, hash, value), DKIM_KEY_GOOD);
	}
}

static void
test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct job *j = unit_job();
		struct span record = span_str(lab_record(j, keys[i]));
		int deferred = 0;

		for (int n = 0; n < 10000; n++) {
			struct dkim_key key;
			struct finding f = { FINDING_PASS, "", "" };
			int rc;

			unit_case("%s: %d allocations", keys[i], n);
			dkim_keyring_clear();
			allocations_left = n;
			rc = dkim_key_parse(
			    j, record, type_of(keys[i]), &key, &f);
			n = allocations_left > 0 ? 10000 : n;
			allocations_left = -1;
			if (rc == 0)
				continue;
			assert_int_equal(f.result, FINDING_DEFER);
			assert_string_equal(f.code, "dkim.internal");
			deferred++;
		}
		assert_true(deferred > 0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_verify),
	cmocka_unit_test(test_parse),
};

int
main(void)
{
	if (!CRYPTO_set_mem_functions(
		fault_malloc, fault_realloc, fault_free)) {
		printf("1..0 # SKIP OpenSSL has allocated already\n");
		return 0;
	}
	return unit_run(tests, COUNT(tests));
}
