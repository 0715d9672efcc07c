/*
 * A token that fails in the middle of something, answers what it should not,
 * or refuses for good: SoftHSM with single functions replaced.
 */
#include "config.h"

#include "pki/token_key.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "pki/ossl.h"
#include "pki/signer.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/token_lab.h"
#include "tests/unit/unit.h"

#define ANY_ATTRIBUTE ((CK_ATTRIBUTE_TYPE)-1)

/* --- functions in place of the module's ---------------------------------- */

enum call {
	NONE,
	INITIALIZE,
	SLOT_LIST,
	TOKEN_INFO,
	OPEN_SESSION,
	LOGIN,
	FIND_INIT,
	FIND,
	FIND_NOTHING,
	ATTRIBUTE,
	SIGN_INIT,
	SIGN,
	CALL_COUNT
};

static const char *const call_names[] = { "none", "C_Initialize",
	"C_GetSlotList", "C_GetTokenInfo", "C_OpenSession", "C_Login",
	"C_FindObjectsInit", "C_FindObjects", "C_FindObjects with nothing",
	"C_GetAttributeValue", "C_SignInit", "C_Sign" };

static CK_FUNCTION_LIST real;
static struct {
	enum call call; /* that fails */
	CK_RV rv;
	CK_ATTRIBUTE_TYPE type; /* of ATTRIBUTE */
	CK_ULONG length;        /* of ATTRIBUTE, with CKR_OK */
	unsigned calls[CALL_COUNT];
} fault;

static bool
fails(enum call c)
{
	fault.calls[c]++;
	return fault.call == c;
}

static CK_RV
do_initialize(void *args)
{
	return fails(INITIALIZE) ? fault.rv : real.C_Initialize(args);
}

static CK_RV
do_slot_list(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *n)
{
	return fails(SLOT_LIST) ? fault.rv
				: real.C_GetSlotList(present, list, n);
}

static CK_RV
do_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	return fails(TOKEN_INFO) ? fault.rv : real.C_GetTokenInfo(slot, info);
}

static CK_RV
do_open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *context,
    CK_NOTIFY notify, CK_SESSION_HANDLE *s)
{
	return fails(OPEN_SESSION)
		   ? fault.rv
		   : real.C_OpenSession(slot, flags, context, notify, s);
}

static CK_RV
do_login(CK_SESSION_HANDLE s, CK_USER_TYPE user, unsigned char *pin, CK_ULONG n)
{
	return fails(LOGIN) ? fault.rv : real.C_Login(s, user, pin, n);
}

static CK_RV
do_find_init(CK_SESSION_HANDLE s, CK_ATTRIBUTE *wanted, CK_ULONG n)
{
	return fails(FIND_INIT) ? fault.rv
				: real.C_FindObjectsInit(s, wanted, n);
}

static CK_RV
do_find(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *found, CK_ULONG max, CK_ULONG *n)
{
	if (fails(FIND))
		return fault.rv;
	if (fault.call != FIND_NOTHING)
		return real.C_FindObjects(s, found, max, n);
	*n = 0;
	return CKR_OK;
}

static CK_RV
do_attribute(
    CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *a, CK_ULONG n)
{
	if (!fails(ATTRIBUTE) ||
	    (fault.type != ANY_ATTRIBUTE && fault.type != a->type))
		return real.C_GetAttributeValue(s, o, a, n);
	a->ulValueLen = fault.length;
	return fault.rv;
}

static CK_RV
do_sign_init(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
	return fails(SIGN_INIT) ? fault.rv : real.C_SignInit(s, m, key);
}

static CK_RV
do_sign(CK_SESSION_HANDLE s, unsigned char *in, CK_ULONG n, unsigned char *out,
    CK_ULONG *len)
{
	return fails(SIGN) ? fault.rv : real.C_Sign(s, in, n, out, len);
}

static int
setup(void **state)
{
	CK_FUNCTION_LIST *f;

	(void)state;
	memset(&fault, 0, sizeof fault);
	if (!token_lab_is_there())
		return 0;
	f = token_lab_functions();
	real = *f;
	f->C_Initialize = do_initialize;
	f->C_GetSlotList = do_slot_list;
	f->C_GetTokenInfo = do_token_info;
	f->C_OpenSession = do_open_session;
	f->C_Login = do_login;
	f->C_FindObjectsInit = do_find_init;
	f->C_FindObjects = do_find;
	f->C_GetAttributeValue = do_attribute;
	f->C_SignInit = do_sign_init;
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

/* --- PK-198 --------------------------------------------------------------- */

static const struct {
	CK_ATTRIBUTE_TYPE type;
	const char *name;
	bool is_always; /* also in private mode */
} demands[] = {
	{ CKA_SIGN, "CKA_SIGN", true },
	{ CKA_ALWAYS_AUTHENTICATE, "CKA_ALWAYS_AUTHENTICATE", true },
	{ CKA_SENSITIVE, "CKA_SENSITIVE", false },
	{ CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE", false },
	{ CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE", false },
	{ CKA_PRIVATE, "CKA_PRIVATE", false },
	{ CKA_EXTRACTABLE, "CKA_EXTRACTABLE", false },
	{ CKA_DECRYPT, "CKA_DECRYPT", false },
	{ CKA_UNWRAP, "CKA_UNWRAP", false },
	{ CKA_SIGN_RECOVER, "CKA_SIGN_RECOVER", false },
	{ CKA_DERIVE, "CKA_DERIVE", false },
};

/* PK-198: what a token does not tell is not taken for the better. */
static void
test_unreadable(void **state)
{
	static const struct {
		CK_RV rv;
		CK_ULONG length;
	} answers[] = { { CKR_ATTRIBUTE_TYPE_INVALID, (CK_ULONG)-1 },
		{ CKR_ATTRIBUTE_SENSITIVE, (CK_ULONG)-1 },
		{ CKR_OK, (CK_ULONG)-1 }, { CKR_OK, 0 }, { CKR_OK, 8 } };
	struct job *j = lab_job();
	struct token_place place = token_lab_place("pure", "10");
	const struct signing_key *k;
	(void)state;

	NEEDS_TOKEN;
	EVP_PKEY *key = token_lab_public_key(j, "pure");
	fault.call = ATTRIBUTE;
	for (size_t i = 0; i < COUNT(demands) * COUNT(answers) * 2; i++) {
		size_t which = i / 2 / COUNT(answers);
		const char *text = arena_printf(j->arena,
		    "%s of key pure cannot be read", demands[which].name);

		place.is_public = i % 2 == 1;
		fault.type = demands[which].type;
		fault.rv = answers[i / 2 % COUNT(answers)].rv;
		fault.length = answers[i / 2 % COUNT(answers)].length;
		unit_case("%zu: %s", i, demands[which].name);
		int result = token_key_open(j, j->arena, &place, key, &k);
		if (!place.is_public && !demands[which].is_always) {
			assert_int_equal(result, 0);
			continue;
		}
		assert_int_equal(result, -1);
		assert_int_equal(j->err.kind, ERR_REFUSED);
		assert_non_null(strstr(j->err.text, text));
		job_recover(j);
	}
}

/* PK-198: an error of the device says nothing about the attribute. */
static void
test_unreadable_for_now(void **state)
{
	struct job *j = lab_job();
	struct token_place place = token_lab_place("pure", "10");
	const struct signing_key *k;
	(void)state;

	NEEDS_TOKEN;
	EVP_PKEY *key = token_lab_public_key(j, "pure");
	fault.call = ATTRIBUTE;
	fault.rv = CKR_DEVICE_ERROR;
	for (size_t i = 0; i < COUNT(demands) * 2; i++) {
		place.is_public = i % 2 == 1;
		fault.type = demands[i / 2].type;
		unit_case("%s", demands[i / 2].name);
		assert_int_equal(
		    token_key_open(j, j->arena, &place, key, &k), -1);
		assert_int_equal(j->err.kind, ERR_BUSY);
		assert_non_null(strstr(j->err.text, demands[i / 2].name));
		assert_non_null(strstr(j->err.text, "CKR_DEVICE_ERROR"));
		job_recover(j);
	}
}

/* --- PK-200 --------------------------------------------------------------- */

struct user {
	struct job *j;
	EVP_PKEY *public_key;
	const struct sig_alg *alg;
	const struct signing_key *key;
};

static struct user
open_key(const char *label, const char *id)
{
	static struct token_place place;
	struct user u = { .j = lab_job() };

	place = token_lab_place(label, id);
	u.public_key = token_lab_public_key(u.j, label);
	u.alg = sig_alg_for(u.public_key, CA_ROLE_ISSUING);
	if (token_key_open(u.j, u.j->arena, &place, u.public_key, &u.key) < 0)
		fail_msg("%s", u.j->err.text);
	return u;
}

static int
sign(const struct user *u)
{
	unsigned char out[SIGNATURE_MAX];
	size_t n;

	return signing_key_use(u->j, u->key, u->alg, SPAN("message"), out, &n);
}

/* PK-200: whatever goes wrong on the way back, and however often, the token is
 * looked for again. */
static void
test_fails_on_the_way(void **state)
{
	static const CK_RV returns[] = { CKR_DEVICE_ERROR, CKR_DEVICE_REMOVED,
		CKR_GENERAL_ERROR, CKR_TOKEN_NOT_PRESENT, CKR_FUNCTION_FAILED,
		CKR_HOST_MEMORY, CKR_SESSION_HANDLE_INVALID,
		CKR_OBJECT_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN,
		CKR_VENDOR_DEFINED | 7 };
	static const struct {
		const char *label, *id;
	} keys[] = { { "p256", "01" }, { "rsa2048", "03" } };
	(void)state;

	NEEDS_TOKEN;
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct user u = open_key(keys[i].label, keys[i].id);

		for (enum call call = INITIALIZE; call < CALL_COUNT; call++) {
			for (size_t r = 0; r < COUNT(returns); r++) {
				unit_case("%s: %s 0x%lx", keys[i].label,
				    call_names[call], returns[r]);
				fault.call = call;
				fault.rv = returns[r];
				fault.type = ANY_ATTRIBUTE;
				token_lab_end_sessions();
				for (int again = 0; again < 3; again++) {
					assert_int_equal(sign(&u), -1);
					assert_int_equal(
					    u.j->err.kind, ERR_BUSY);
					job_recover(u.j);
					u.j->now += 60;
				}
				fault.call = NONE;
				assert_int_equal(sign(&u), 0);
			}
		}
	}
}

/* PK-200: the public part of the key may come later than its token. */
static void
test_public_part_fails(void **state)
{
	static const struct {
		const char *label, *id;
		CK_ATTRIBUTE_TYPE type;
	} rows[] = { { "p256", "01", CKA_EC_POINT },
		{ "rsa2048", "03", CKA_MODULUS },
		{ "rsa2048", "03", CKA_PUBLIC_EXPONENT } };
	(void)state;

	NEEDS_TOKEN;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct user u = open_key(rows[i].label, rows[i].id);

		unit_case("%zu", i);
		fault.call = ATTRIBUTE;
		fault.rv = CKR_DEVICE_ERROR;
		fault.type = rows[i].type;
		token_lab_end_sessions();
		/* The sessions are gone; then the key cannot be read. */
		for (int again = 0; again < 3; again++) {
			assert_int_equal(sign(&u), -1);
			assert_int_equal(u.j->err.kind, ERR_BUSY);
			job_recover(u.j);
			u.j->now += 60;
		}
		fault.call = NONE;
		assert_int_equal(sign(&u), 0);
	}
}

/* --- refusals that last --------------------------------------------------- */

static void
assert_stays_refused(struct user *u, const char *text)
{
	unsigned initialized = fault.calls[INITIALIZE];

	for (int i = 0; i < 20; i++) {
		assert_int_equal(u->key->ready(u->j, u->key->context), -1);
		assert_int_equal(u->j->err.kind, ERR_REFUSED);
		job_recover(u->j);
		assert_int_equal(sign(u), -1);
		assert_int_equal(u->j->err.kind, ERR_REFUSED);
		assert_non_null(strstr(u->j->err.text, text));
		job_recover(u->j);
		u->j->now += 3600;
	}
	assert_int_equal(fault.calls[INITIALIZE], initialized);
}

/* PK-200: a token that is there and refuses is not one that is away. */
static void
test_refuses_to_sign(void **state)
{
	static const struct {
		CK_RV rv;
		const char *name;
	} returns[] = {
		{ CKR_KEY_FUNCTION_NOT_PERMITTED,
		    "CKR_KEY_FUNCTION_NOT_PERMITTED" },
		{ CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID" },
		{ CKR_MECHANISM_PARAM_INVALID, "CKR_MECHANISM_PARAM_INVALID" },
		{ CKR_KEY_TYPE_INCONSISTENT, "CKR_KEY_TYPE_INCONSISTENT" },
		{ CKR_KEY_SIZE_RANGE, "CKR_KEY_SIZE_RANGE" },
		{ CKR_FUNCTION_NOT_SUPPORTED, "CKR_FUNCTION_NOT_SUPPORTED" },
		{ CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED" },
	};
	(void)state;

	NEEDS_TOKEN;
	for (size_t i = 0; i < COUNT(returns) * 2; i++) {
		struct user u = open_key("p256", "01");

		unit_case("%s", returns[i / 2].name);
		fault.call = i % 2 == 0 ? SIGN_INIT : SIGN;
		fault.rv = returns[i / 2].rv;
		assert_int_equal(sign(&u), -1);
		assert_int_equal(u.j->err.kind, ERR_REFUSED);
		assert_non_null(strstr(u.j->err.text, returns[i / 2].name));
		job_recover(u.j);
		fault.call = NONE;
		assert_stays_refused(&u, returns[i / 2].name);
	}
}

/* PK-199: one try, whatever the token says about the PIN, and none after a
 * long while either: the next one could lock it. */
static void
test_refuses_pin(void **state)
{
	static const struct {
		CK_RV rv;
		const char *name;
	} returns[] = {
		{ CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT" },
		{ CKR_PIN_INVALID, "CKR_PIN_INVALID" },
		{ CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE" },
		{ CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED" },
		{ CKR_PIN_LOCKED, "CKR_PIN_LOCKED" },
		{ CKR_USER_PIN_NOT_INITIALIZED,
		    "CKR_USER_PIN_NOT_INITIALIZED" },
		{ CKR_USER_TYPE_INVALID, "CKR_USER_TYPE_INVALID" },
	};
	(void)state;

	NEEDS_TOKEN;
	for (size_t i = 0; i < COUNT(returns); i++) {
		fault.call = NONE;
		struct user u = open_key("p256", "01");

		unit_case("%s", returns[i].name);
		token_lab_end_sessions();
		fault.call = LOGIN;
		fault.rv = returns[i].rv;
		fault.calls[LOGIN] = 0;
		/* The session is gone, then the PIN is refused. */
		assert_int_equal(sign(&u), -1);
		job_recover(u.j);
		u.j->now += 60;
		assert_int_equal(sign(&u), -1);
		assert_int_equal(u.j->err.kind, ERR_REFUSED);
		job_recover(u.j);
		assert_stays_refused(&u, returns[i].name);
		assert_int_equal(fault.calls[LOGIN], 1);
	}
}

static int
lines_with(const char *log, const char *text)
{
	int n = 0;

	for (; (log = strstr(log, text)) != NULL; log++)
		n++;
	return n;
}

/* PK-200: whoever looks at the log finds what is wrong in the last ten
 * minutes of it, and what to do; no PIN (PK-199). */
static void
test_tells(void **state)
{
	const char *log;
	(void)state;

	NEEDS_TOKEN;
	struct user u = open_key("p256", "01");
	fault.call = SIGN_INIT;
	fault.rv = CKR_KEY_FUNCTION_NOT_PERMITTED;
	unit_log_begin();
	for (int minute = 0; minute < 60; minute++) {
		assert_int_equal(sign(&u), -1);
		job_recover(u.j);
		u.j->now += 60;
	}
	log = unit_log_end();
	assert_int_equal(lines_with(log, "error event=\"token refuses\""), 6);
	assert_int_equal(lines_with(log, "CKR_KEY_FUNCTION_NOT_PERMITTED"), 6);
	assert_int_equal(lines_with(log, "start countersignd again"), 6);
	assert_null(strstr(log, "token away"));
	assert_null(strstr(log, TOKEN_PIN));
}

/* PK-199, PK-200: the PIN's file may be of root, whom the process is not any
 * more when the token comes back. */
static void
test_pin_file_gone(void **state)
{
	(void)state;

	NEEDS_TOKEN;
	struct user u = open_key("p256", "01");
	assert_int_equal(unlink(token_lab_path("pin")), 0);
	token_lab_end_sessions();
	assert_int_equal(sign(&u), -1);
	assert_int_equal(u.j->err.kind, ERR_BUSY);
	job_recover(u.j);
	u.j->now += 1;
	assert_int_equal(sign(&u), 0);
	token_lab_write("pin", 0400, TOKEN_PIN "\n");
}

#define FAULT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
static const struct CMUnitTest tests[] = {
	FAULT_TEST(test_unreadable),
	FAULT_TEST(test_unreadable_for_now),
	FAULT_TEST(test_fails_on_the_way),
	FAULT_TEST(test_public_part_fails),
	FAULT_TEST(test_refuses_to_sign),
	FAULT_TEST(test_refuses_pin),
	FAULT_TEST(test_tells),
	FAULT_TEST(test_pin_file_gone),
};

int
main(void)
{
	token_lab_start();
	return unit_run(tests, COUNT(tests));
}
