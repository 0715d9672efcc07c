/*
 * Two keys in two tokens of one PKCS#11 module (PK-200): what ends for one of
 * them may end for the other, and neither ever signs in the other's place.
 */
#include "config.h"

#include "pki/token_key.h"

#include <openssl/evp.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "pki/signer.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/token_lab.h"
#include "tests/unit/unit.h"

static const char *const tokens[] = { "ca", "former" };

static CK_FUNCTION_LIST real;
static int ends;      /* calls of C_Finalize */
static bool corrupts; /* the signatures */

static CK_RV
do_finalize(void *reserved)
{
	ends++;
	return real.C_Finalize(reserved);
}

static CK_RV
do_sign(CK_SESSION_HANDLE s, unsigned char *in, CK_ULONG n, unsigned char *out,
    CK_ULONG *len)
{
	CK_RV rv = real.C_Sign(s, in, n, out, len);

	if (corrupts && rv == CKR_OK)
		out[*len - 1] ^= 1;
	return rv;
}

static int
setup(void **state)
{
	CK_FUNCTION_LIST *f;

	(void)state;
	if (!token_lab_is_there())
		return 0;
	ends = 0;
	corrupts = false;
	f = token_lab_functions();
	real = *f;
	f->C_Finalize = do_finalize;
	f->C_Sign = do_sign;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (token_lab_is_there())
		*token_lab_functions() = real;
	return 0;
}

/* Of the same type: one's handle signs for the other. */
static EVP_PKEY *
key_of(size_t which)
{
	return which == 0 ? lab_key(KEY_TYPE_P384, 0) : lab_ca_key("p384");
}

struct user {
	struct job *j;
	struct token_place places[COUNT(tokens)];
	EVP_PKEY *publics[COUNT(tokens)];
	const struct signing_key *keys[COUNT(tokens)];
};

static void
prepare(struct user *u)
{
	u->j = lab_job();
	for (size_t k = 0; k < COUNT(tokens); k++) {
		u->places[k] = token_lab_place("key", "0a");
		u->places[k].token = tokens[k];
		u->publics[k] = key_of(k);
		assert_int_equal(token_key_prepare(u->j, u->j->arena,
				     &u->places[k], u->publics[k], &u->keys[k]),
		    0);
	}
}

static void
done(struct user *u)
{
	for (size_t k = 0; k < COUNT(tokens); k++)
		token_key_close(u->keys[k]);
	EVP_PKEY_free(u->publics[1]);
}

/* Does it sign?  Never with another's key. */
static bool
signs(struct user *u, size_t k)
{
	const struct sig_alg *alg = sig_alg_for(u->publics[k], CA_ROLE_ISSUING);
	struct span m = SPAN("message");
	unsigned char out[SIGNATURE_MAX];
	size_t n = 0;

	if (signing_key_use(u->j, u->keys[k], alg, m, out, &n) < 0) {
		assert_int_equal(u->j->err.kind, ERR_BUSY);
		job_recover(u->j);
		return false;
	}
	assert_true(signature_is_good(u->publics[k], alg, m, span_mem(out, n)));
	assert_false(
	    signature_is_good(u->publics[1 - k], alg, m, span_mem(out, n)));
	return true;
}

/* Also if the module has to be begun anew for it. */
static void
signs_soon(struct user *u, size_t k)
{
	bool does = false;

	for (int n = 0; n < 4 && !does; n++) {
		u->j->now += 60;
		does = signs(u, k);
	}
	assert_true(does);
}

/* PK-200: one that is not there when it is first looked for. */
static void
test_one_comes_late(void **state)
{
	struct user u;
	(void)state;

	NEEDS_TOKEN;
	for (size_t k = 0; k < COUNT(tokens); k++) {
		unit_case("%s", tokens[k]);
		prepare(&u);
		token_lab_take_away(tokens[k]);
		assert_true(signs(&u, 1 - k));
		ends = 0;
		assert_false(signs(&u, k));
		assert_true(signs(&u, 1 - k));
		assert_int_equal(ends, 0);
		token_lab_bring_back(tokens[k]);
		signs_soon(&u, k);
		signs_soon(&u, 1 - k);
		assert_true(signs(&u, k));
		assert_true(signs(&u, 1 - k));
		done(&u);
	}
}

/* PK-200: one is lost and comes back, while the other goes on. */
static void
test_one_is_lost(void **state)
{
	struct user u;
	(void)state;

	NEEDS_TOKEN;
	for (size_t k = 0; k < COUNT(tokens); k++) {
		unit_case("%s", tokens[k]);
		prepare(&u);
		assert_true(signs(&u, k));
		assert_true(signs(&u, 1 - k));
		token_lab_take_away(tokens[k]);
		token_lab_end_sessions();
		signs_soon(&u, 1 - k);
		for (int n = 0; n < 20; n++) {
			u.j->now += 60;
			assert_false(signs(&u, k));
			/* Also where the module had to be begun anew. */
			assert_true(signs(&u, 1 - k));
		}
		/* Whom the other shows to work is not ended each time. */
		assert_in_range(ends, 1, 20 / 4 + 2);
		token_lab_bring_back(tokens[k]);
		for (int n = 0; n < 20 && !signs(&u, k); n++) {
			u.j->now += 60;
			assert_true(signs(&u, 1 - k));
		}
		assert_true(signs(&u, k));
		assert_true(signs(&u, 1 - k));
		done(&u);
		ends = 0;
	}
}

/* PK-200: both are lost, and one of them is asked alone, as long as it takes.
 */
static void
test_both_are_lost(void **state)
{
	struct user u;
	(void)state;

	NEEDS_TOKEN;
	for (size_t k = 0; k < COUNT(tokens); k++) {
		unit_case("%s", tokens[k]);
		prepare(&u);
		assert_true(signs(&u, 1 - k));
		assert_true(signs(&u, k));
		for (size_t n = 0; n < COUNT(tokens); n++)
			token_lab_take_away(tokens[n]);
		token_lab_end_sessions();
		for (int n = 0; n < 3; n++) {
			u.j->now += 60;
			assert_false(signs(&u, k));
		}
		for (size_t n = 0; n < COUNT(tokens); n++)
			token_lab_bring_back(tokens[n]);
		signs_soon(&u, k);
		signs_soon(&u, 1 - k);
		assert_true(signs(&u, k));
		done(&u);
	}
}

/* PK-138, PK-200: what is no signature of the key leaves nobody's hands, all
 * sessions end, and both go on in new ones. */
static void
test_wrong_signature(void **state)
{
	struct user u;
	(void)state;

	NEEDS_TOKEN;
	prepare(&u);
	assert_true(signs(&u, 0));
	assert_true(signs(&u, 1));
	corrupts = true;
	assert_false(signs(&u, 0));
	corrupts = false;
	assert_int_equal(ends, 1);
	assert_true(signs(&u, 1));
	/* Not before its pause. */
	assert_false(signs(&u, 0));
	u.j->now += 1;
	assert_true(signs(&u, 0));
	assert_true(signs(&u, 1));
	assert_int_equal(ends, 1);
	done(&u);
}

/* PK-199: the last one that leaves ends the module; none before. */
static void
test_leaving(void **state)
{
	struct user u;
	(void)state;

	NEEDS_TOKEN;
	prepare(&u);
	assert_true(signs(&u, 0));
	assert_true(signs(&u, 1));
	token_key_close(u.keys[0]);
	assert_int_equal(ends, 0);
	assert_true(signs(&u, 1));
	token_key_close(u.keys[1]);
	assert_int_equal(ends, 1);
	done(&u);
	assert_int_equal(ends, 1);
}

#define SHARED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
static const struct CMUnitTest tests[] = {
	SHARED(test_one_comes_late),
	SHARED(test_one_is_lost),
	SHARED(test_both_are_lost),
	SHARED(test_wrong_signature),
	SHARED(test_leaving),
};

int
main(void)
{
	token_lab_start_empty();
	if (token_lab_is_there()) {
		EVP_PKEY *second = key_of(1);

		token_lab_add(tokens[1]);
		token_lab_import_into(tokens[0], "key", "0a", key_of(0));
		token_lab_import_into(tokens[1], "key", "0a", second);
		EVP_PKEY_free(second);
	}
	return unit_run(tests, COUNT(tests));
}
