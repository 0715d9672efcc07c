#include "config.h"

#include "pki/cryptoki.h"

#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/der.h"
#include "pki/keycheck.h"
#include "pki/ossl.h"
#include "pki/token_key.h"

#define PIN_MAX 256
#define SLOT_MAX 256
#define ID_MAX 128
#define NUMBER_MAX 1025 /* RSA with 8192 bits */

struct cryptoki {
	const struct token_place *place;
	struct span id; /* CKA_ID */
	CK_FUNCTION_LIST *f;
	bool is_initialized;
	bool is_logged_in;
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
};

/* --- errors -------------------------------------------------------------- */

/* Those that name what an admin can mend. */
static const struct {
	CK_RV rv;
	const char *name;
} return_names[] = {
	{ CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR" },
	{ CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED" },
	{ CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR" },
	{ CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY" },
	{ CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED" },
	{ CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID" },
	{ CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED" },
	{ CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID" },
	{ CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT" },
	{ CKR_PIN_LOCKED, "CKR_PIN_LOCKED" },
	{ CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED" },
	{ CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE" },
	{ CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED" },
	{ CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID" },
	{ CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT" },
	{ CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED" },
	{ CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN" },
	{ CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED" },
};

static int
fail_kind(struct job *j, enum err_kind kind, const char *what, CK_RV rv)
{
	for (size_t i = 0; i < sizeof return_names / sizeof return_names[0];
	     i++)
		if (return_names[i].rv == rv)
			return job_fail(j, kind, "token: %s: %s", what,
			    return_names[i].name);
	return job_fail(j, kind, "token: %s: error 0x%lx", what, rv);
}

/* What the device says while it is away is not the same twice, so every error
 * of a call that has worked before counts as that. */
static int
fail_away(struct job *j, const char *what, CK_RV rv)
{
	return fail_kind(j, ERR_BUSY, what, rv);
}

/* --- the module ---------------------------------------------------------- */

static void
leave(void *c)
{
	cryptoki_leave(c);
}

int
cryptoki_load(struct job *j, struct arena *keep,
    const struct token_place *place, struct cryptoki **out)
{
	struct cryptoki *c = arena_alloc(keep, sizeof *c);
	size_t id_len = strlen(place->id) / 2;
	uint8_t *id = arena_alloc(keep, ID_MAX);
	CK_C_GetFunctionList get = NULL;

	*c = (struct cryptoki){ .place = place };
	if (id_len == 0 || id_len > ID_MAX ||
	    hex_parse_fixed(span_str(place->id), id, id_len) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "the token key's id must be hexadecimal: %s", place->id);
	c->id = span_mem(id, id_len);
	arena_own(keep, c, leave);
	/* Kept until the process ends: modules start threads and set exit
	 * handlers. */
	void *module = dlopen(place->module, RTLD_NOW | RTLD_LOCAL);
	if (module == NULL)
		return job_fail(j, ERR_INTERNAL, "%s", dlerror());
	/* POSIX: a function's address fits a pointer to data. */
	void *symbol = dlsym(module, "C_GetFunctionList");
	memcpy(&get, &symbol, sizeof get);
	if (get == NULL || get(&c->f) != CKR_OK || c->f == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "%s: not a PKCS#11 module (no C_GetFunctionList)",
		    place->module);
	*out = c;
	return 0;
}

static int
initialize(struct job *j, struct cryptoki *c)
{
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	CK_RV rv = c->f->C_Initialize(&args);

	if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
		return fail_away(j, "C_Initialize", rv);
	c->is_initialized = true;
	return 0;
}

/* --- the token ----------------------------------------------------------- */

/* PKCS#11 pads with blanks. */
static struct span
unpadded(const unsigned char *text, size_t n)
{
	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\0'))
		n--;
	return span_mem(text, n);
}

static int
find_slot(struct job *j, struct cryptoki *c, CK_TOKEN_INFO *info)
{
	CK_SLOT_ID slots[SLOT_MAX];
	CK_ULONG n = SLOT_MAX;
	CK_RV rv = c->f->C_GetSlotList(CK_TRUE, slots, &n);
	size_t found = 0;
	CK_TOKEN_INFO t;

	if (rv != CKR_OK)
		return fail_away(j, "C_GetSlotList", rv);
	for (CK_ULONG i = 0; i < n; i++) {
		if (c->f->C_GetTokenInfo(slots[i], &t) != CKR_OK ||
		    !span_eq(unpadded(t.label, sizeof t.label),
			span_str(c->place->token)))
			continue;
		c->slot = slots[i];
		*info = t;
		found++;
	}
	if (found == 0)
		return job_fail(
		    j, ERR_BUSY, "token: none is labelled %s", c->place->token);
	if (found > 1)
		return job_fail(j, ERR_INTERNAL,
		    "token: %zu are labelled %s: which one is meant?", found,
		    c->place->token);
	return 0;
}

/* PK-195 */
static int
check_maker(struct job *j, const struct cryptoki *c, const CK_TOKEN_INFO *t)
{
	struct span maker =
	    unpadded(t->manufacturerID, sizeof t->manufacturerID);
	struct span model = unpadded(t->model, sizeof t->model);
	struct span serial = unpadded(t->serialNumber, sizeof t->serialNumber);
	struct log_quoted q[4];

	if (c->place->is_public && (span_starts(maker, SPAN("SoftHSM")) ||
				       span_starts(model, SPAN("SoftHSM"))))
		return job_fail(j, ERR_INTERNAL,
		    "token: SoftHSM is not a device that public mode allows "
		    "(PK-195)");
	log_info("token", "label=%s maker=%s model=%s serial=%s statement=%s",
	    c->place->token, log_quote(&q[0], maker), log_quote(&q[1], model),
	    log_quote(&q[2], serial),
	    log_quote(&q[3], span_str(c->place->statement)));
	return 0;
}

/*
 * PK-199: one try, then nobody's.  The token remembers that one went wrong,
 * also for the next process, which a supervisor may have started for no other
 * reason.
 */
static int
log_in(struct job *j, struct cryptoki *c, const CK_TOKEN_INFO *t)
{
	struct span pin = { 0 };
	CK_RV rv;

	if (t->flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY |
			   CKF_USER_PIN_LOCKED))
		return job_fail(j, ERR_INTERNAL,
		    "token: a wrong PIN was tried before; not tried again "
		    "until a login by hand has succeeded (PK-199)");
	if (file_read_pin(j, c->place->pin_file, PIN_MAX, &pin) < 0)
		return -1;
	CK_UTF8CHAR *octets = arena_alloc_secret(j->arena, pin.n + 1);
	memcpy(octets, pin.p, pin.n);
	rv = c->f->C_Login(c->session, CKU_USER, octets, pin.n);
	wipe(octets, pin.n);
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return 0;
	if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED ||
	    rv == CKR_PIN_EXPIRED || rv == CKR_PIN_LEN_RANGE ||
	    rv == CKR_PIN_INVALID || rv == CKR_USER_PIN_NOT_INITIALIZED)
		return fail_kind(j, ERR_INTERNAL, "login", rv);
	return fail_away(j, "login", rv);
}

/* --- the key ------------------------------------------------------------- */

static int
find_objects(struct job *j, struct cryptoki *c, CK_OBJECT_CLASS class,
    CK_OBJECT_HANDLE *out, CK_ULONG *n)
{
	CK_ATTRIBUTE wanted[] = {
		{ CKA_CLASS, &class, sizeof class },
		{ CKA_LABEL, arena_strdup(j->arena, c->place->label),
		    strlen(c->place->label) },
		{ CKA_ID, arena_memdup(j->arena, c->id.p, c->id.n), c->id.n },
	};
	CK_RV rv = c->f->C_FindObjectsInit(c->session, wanted, 3);

	if (rv != CKR_OK)
		return fail_away(j, "C_FindObjectsInit", rv);
	rv = c->f->C_FindObjects(c->session, out, 2, n);
	(void)c->f->C_FindObjectsFinal(c->session);
	return rv == CKR_OK ? 0 : fail_away(j, "C_FindObjects", rv);
}

static int
find_one(struct job *j, struct cryptoki *c, CK_OBJECT_CLASS class,
    const char *what, CK_OBJECT_HANDLE *out)
{
	CK_OBJECT_HANDLE found[2];
	CK_ULONG n = 0;

	if (find_objects(j, c, class, found, &n) < 0)
		return -1;
	if (n != 1)
		return job_fail(j, ERR_INTERNAL,
		    "token %s: %s %s key has label %s and id %s (PK-196)",
		    c->place->token, n == 0 ? "no" : "more than one", what,
		    c->place->label, c->place->id);
	*out = found[0];
	return 0;
}

static int
read_attribute(struct job *j, struct cryptoki *c, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type, struct span *out)
{
	CK_ATTRIBUTE a = { type, arena_alloc(j->arena, NUMBER_MAX),
		NUMBER_MAX };
	CK_RV rv = c->f->C_GetAttributeValue(c->session, object, &a, 1);

	if (rv != CKR_OK || a.ulValueLen > NUMBER_MAX)
		return job_fail(j, ERR_INTERNAL,
		    "token: attribute 0x%lx of the key cannot be read", type);
	*out = span_mem(a.pValue, a.ulValueLen);
	return 0;
}

/* PK-198: what each attribute of the private key must be. */
static const struct {
	CK_ATTRIBUTE_TYPE type;
	const char *name;
	CK_BBOOL value;
	bool is_always; /* in private mode as well */
} demands[] = {
	{ CKA_SIGN, "CKA_SIGN", CK_TRUE, true },
	/* A PIN for each signature cannot be given. */
	{ CKA_ALWAYS_AUTHENTICATE, "CKA_ALWAYS_AUTHENTICATE", CK_FALSE, true },
	{ CKA_SENSITIVE, "CKA_SENSITIVE", CK_TRUE, false },
	{ CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE", CK_TRUE, false },
	{ CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE", CK_TRUE, false },
	{ CKA_PRIVATE, "CKA_PRIVATE", CK_TRUE, false },
	{ CKA_EXTRACTABLE, "CKA_EXTRACTABLE", CK_FALSE, false },
	{ CKA_DECRYPT, "CKA_DECRYPT", CK_FALSE, false },
	{ CKA_UNWRAP, "CKA_UNWRAP", CK_FALSE, false },
	{ CKA_SIGN_RECOVER, "CKA_SIGN_RECOVER", CK_FALSE, false },
	{ CKA_DERIVE, "CKA_DERIVE", CK_FALSE, false },
};

static int
check_attributes(struct job *j, struct cryptoki *c)
{
	for (size_t i = 0; i < sizeof demands / sizeof demands[0]; i++) {
		/* A token that does not know an attribute has it as false. */
		CK_BBOOL is = CK_FALSE;
		CK_ATTRIBUTE a = { demands[i].type, &is, sizeof is };
		const char *should =
		    demands[i].value == CK_TRUE ? "true" : "false";

		(void)c->f->C_GetAttributeValue(c->session, c->key, &a, 1);
		if ((is != CK_FALSE) == (demands[i].value == CK_TRUE))
			continue;
		if (demands[i].is_always || c->place->is_public)
			return job_fail(j, ERR_INTERNAL,
			    "token %s: %s of key %s must be %s (PK-198)",
			    c->place->token, demands[i].name, c->place->label,
			    should);
		log_warning("token key weaker than it should be",
		    "key=%s attribute=%s should_be=%s next=\"make the key "
		    "again inside the token, for signing alone\"",
		    c->place->label, demands[i].name, should);
	}
	return 0;
}

static bool
is_number(struct span octets, const EVP_PKEY *key, const char *parameter)
{
	unsigned char mine[NUMBER_MAX];
	BIGNUM *n = NULL;
	bool is_equal = false;

	while (octets.n > 0 && octets.p[0] == 0)
		octets = span_from(octets, 1);
	if (EVP_PKEY_get_bn_param(key, parameter, &n) == 1 &&
	    BN_num_bytes(n) <= (int)sizeof mine) {
		int len = BN_bn2bin(n, mine);
		is_equal = span_eq(octets, span_mem(mine, (size_t)len));
	}
	BN_free(n);
	return is_equal;
}

/* An EC point is an OCTET STRING, for some tokens only what is in it. */
static bool
is_point(struct span octets, const EVP_PKEY *key)
{
	unsigned char *spki = NULL;
	int n = i2d_PUBKEY(key, &spki);
	enum key_type type;
	struct span bits;
	struct der inner;
	bool is_equal = false;

	if (der_only(octets, DER_OCTET_STRING, &inner) == 0)
		octets = inner.body;
	if (n > 0 && spki_split(span_mem(spki, (size_t)n), &type, &bits) == 0)
		is_equal = span_eq(octets, bits);
	OPENSSL_free(spki);
	return is_equal;
}

static int
check_public_part(struct job *j, struct cryptoki *c, const EVP_PKEY *key)
{
	CK_OBJECT_HANDLE object = 0;
	struct span a = { 0 };
	struct span e = { 0 };
	bool is_equal;

	if (find_one(j, c, CKO_PUBLIC_KEY, "public", &object) < 0)
		return -1;
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
		if (read_attribute(j, c, object, CKA_MODULUS, &a) < 0 ||
		    read_attribute(j, c, object, CKA_PUBLIC_EXPONENT, &e) < 0)
			return -1;
		is_equal = is_number(a, key, OSSL_PKEY_PARAM_RSA_N) &&
			   is_number(e, key, OSSL_PKEY_PARAM_RSA_E);
	} else {
		if (read_attribute(j, c, object, CKA_EC_POINT, &a) < 0)
			return -1;
		is_equal = is_point(a, key);
	}
	if (!is_equal)
		return job_fail(j, ERR_INTERNAL,
		    "token %s: key %s is not the key of the CA's certificate "
		    "(PK-196)",
		    c->place->token, c->place->label);
	return 0;
}

static int
find_key(struct job *j, struct cryptoki *c, const EVP_PKEY *public_key)
{
	if (find_one(j, c, CKO_PRIVATE_KEY, "private", &c->key) < 0 ||
	    check_public_part(j, c, public_key) < 0)
		return -1;
	return check_attributes(j, c);
}

int
cryptoki_connect(struct job *j, struct cryptoki *c, const EVP_PKEY *public_key)
{
	CK_TOKEN_INFO info = { .flags = 0 };
	CK_RV rv;

	if (initialize(j, c) < 0 || find_slot(j, c, &info) < 0)
		goto fail;
	rv = c->f->C_OpenSession(
	    c->slot, CKF_SERIAL_SESSION, NULL, NULL, &c->session);
	if (rv != CKR_OK) {
		(void)fail_away(j, "C_OpenSession", rv);
		goto fail;
	}
	if (log_in(j, c, &info) < 0 || find_key(j, c, public_key) < 0 ||
	    check_maker(j, c, &info) < 0)
		goto fail;
	c->is_logged_in = true;
	return 0;
fail:
	cryptoki_leave(c);
	return -1;
}

/* A library that talks to a device through a socket opens it again only
 * after it was finalized. */
void
cryptoki_leave(struct cryptoki *c)
{
	if (c->is_initialized)
		(void)c->f->C_Finalize(NULL);
	c->is_initialized = false;
	c->is_logged_in = false;
}

bool
cryptoki_is_connected(const struct cryptoki *c)
{
	return c->is_logged_in;
}

/* --- signing ------------------------------------------------------------- */

static const CK_MECHANISM_TYPE mechanisms[] = {
	[CRYPTOKI_RSA_PKCS] = CKM_RSA_PKCS,
	[CRYPTOKI_SHA256_RSA_PKCS] = CKM_SHA256_RSA_PKCS,
	[CRYPTOKI_SHA384_RSA_PKCS] = CKM_SHA384_RSA_PKCS,
	[CRYPTOKI_SHA512_RSA_PKCS] = CKM_SHA512_RSA_PKCS,
	[CRYPTOKI_ECDSA] = CKM_ECDSA,
};

bool
cryptoki_can(const struct cryptoki *c, enum cryptoki_mechanism m)
{
	CK_MECHANISM_INFO info = { .flags = 0 };

	return c->f->C_GetMechanismInfo(c->slot, mechanisms[m], &info) ==
		   CKR_OK &&
	       (info.flags & CKF_SIGN) != 0;
}

int
cryptoki_sign(struct job *j, struct cryptoki *c, enum cryptoki_mechanism m,
    struct span in, unsigned char *out, size_t *out_len)
{
	CK_MECHANISM mechanism = { mechanisms[m], NULL, 0 };
	unsigned char *data = arena_memdup(j->arena, in.p, in.n);
	CK_ULONG n = *out_len;
	CK_RV rv = c->f->C_SignInit(c->session, &mechanism, c->key);

	if (rv != CKR_OK)
		return fail_away(j, "C_SignInit", rv);
	rv = c->f->C_Sign(c->session, data, in.n, out, &n);
	if (rv != CKR_OK)
		return fail_away(j, "C_Sign", rv);
	*out_len = n;
	return 0;
}
