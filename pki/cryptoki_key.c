#include "config.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/cryptoki_private.h"
#include "pki/der.h"
#include "pki/keycheck.h"
#include "pki/ossl.h"
#include "pki/token_key.h"

#define NUMBER_MAX 1025 /* RSA with 8192 bits */

/* --- finding ------------------------------------------------------------- */

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
		return cryptoki_fail(j, "C_FindObjectsInit", rv);
	rv = c->f->C_FindObjects(c->session, out, 2, n);
	(void)c->f->C_FindObjectsFinal(c->session);
	return rv == CKR_OK ? 0 : cryptoki_fail(j, "C_FindObjects", rv);
}

static int
find_one(struct job *j, struct cryptoki *c, CK_OBJECT_CLASS class,
    const char *what, CK_OBJECT_HANDLE *out)
{
	CK_OBJECT_HANDLE found[2];
	CK_ULONG n = 0;

	if (find_objects(j, c, class, found, &n) < 0)
		return -1;
	/* A device may be there before its objects are. */
	if (n != 1)
		return job_fail(j, n == 0 ? ERR_BUSY : ERR_REFUSED,
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
	const char *what =
	    arena_printf(j->arena, "attribute 0x%lx of the key", type);
	CK_RV rv = c->f->C_GetAttributeValue(c->session, object, &a, 1);

	if (rv != CKR_OK)
		return cryptoki_fail(j, what, rv);
	if (a.ulValueLen > NUMBER_MAX)
		return job_fail(j, ERR_REFUSED,
		    "token: %s cannot be read: its length is wrong", what);
	*out = span_mem(a.pValue, a.ulValueLen);
	return 0;
}

/* PK-198: what each attribute of the private key must be. */
static const struct {
	CK_ATTRIBUTE_TYPE type;
	const char *name;
	bool value;
	bool is_always; /* in private mode as well */
} demands[] = {
	{ CKA_SIGN, "CKA_SIGN", true, true },
	/* A PIN for each signature cannot be given. */
	{ CKA_ALWAYS_AUTHENTICATE, "CKA_ALWAYS_AUTHENTICATE", false, true },
	{ CKA_SENSITIVE, "CKA_SENSITIVE", true, false },
	{ CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE", true, false },
	{ CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE", true, false },
	{ CKA_PRIVATE, "CKA_PRIVATE", true, false },
	{ CKA_EXTRACTABLE, "CKA_EXTRACTABLE", false, false },
	{ CKA_DECRYPT, "CKA_DECRYPT", false, false },
	{ CKA_UNWRAP, "CKA_UNWRAP", false, false },
	{ CKA_SIGN_RECOVER, "CKA_SIGN_RECOVER", false, false },
	{ CKA_DERIVE, "CKA_DERIVE", false, false },
};

/* 1 and the value; 0 if the token does not say what it is; -1 for an error
 * that says nothing about the attribute. */
static int
read_flag(struct job *j, struct cryptoki *c, CK_ATTRIBUTE_TYPE type,
    const char *name, bool *out)
{
	CK_BBOOL is = CK_FALSE;
	CK_ATTRIBUTE a = { type, &is, sizeof is };
	CK_RV rv = c->f->C_GetAttributeValue(c->session, c->key, &a, 1);

	if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE ||
	    (rv == CKR_OK && a.ulValueLen != sizeof is))
		return 0;
	if (rv != CKR_OK)
		return cryptoki_fail(j, name, rv);
	*out = is != CK_FALSE;
	return 1;
}

static const char *
word_of(bool is)
{
	return is ? "true" : "false";
}

/* What a token does not tell is not taken for the better. */
static int
check_attributes(struct job *j, struct cryptoki *c)
{
	for (size_t i = 0; i < COUNT(demands); i++) {
		const char *should = demands[i].value ? "true" : "false";
		bool is = false;
		int known =
		    read_flag(j, c, demands[i].type, demands[i].name, &is);

		if (known < 0)
			return -1;
		if (known == 1 && is == demands[i].value)
			continue;
		if (demands[i].is_always || c->place->is_public)
			return job_fail(j, ERR_REFUSED,
			    "token %s: %s of key %s %smust be %s (PK-198)",
			    c->place->token, demands[i].name, c->place->label,
			    known == 0 ? "cannot be read, and " : "", should);
		log_warning("token key weaker than it should be",
		    "key=%s attribute=%s is=%s should_be=%s next=\"make the "
		    "key again inside the token, for signing alone\"",
		    c->place->label, demands[i].name,
		    known == 0 ? "unknown"
		    : is       ? "true"
			       : "false",
		    should);
	}
	return 0;
}

int
cryptoki_describe(
    struct job *j, struct cryptoki *c, struct buf *out, size_t *wrong)
{
	bool is_local = false;
	int known = read_flag(j, c, CKA_LOCAL, "CKA_LOCAL", &is_local);

	if (known < 0)
		return -1;
	*wrong = known == 0 || !is_local;
	buf_addf(
	    out, "CKA_LOCAL %s", known == 0 ? "unknown" : word_of(is_local));
	for (size_t i = 0; i < COUNT(demands); i++) {
		bool is = false;

		known = read_flag(j, c, demands[i].type, demands[i].name, &is);
		if (known < 0)
			return -1;
		*wrong += known == 0 || is != demands[i].value;
		buf_addf(out, ", %s %s", demands[i].name,
		    known == 0 ? "unknown" : word_of(is));
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
		return job_fail(j, ERR_REFUSED,
		    "token %s: key %s is not the key of the CA's certificate "
		    "(PK-196)",
		    c->place->token, c->place->label);
	return 0;
}

/* 1, and the only one; 0; -1. */
static int
find_rest(struct job *j, struct cryptoki *c, CK_OBJECT_CLASS class,
    const char *what, CK_OBJECT_HANDLE *out)
{
	CK_OBJECT_HANDLE found[2];
	CK_ULONG n = 0;

	if (find_objects(j, c, class, found, &n) < 0)
		return -1;
	if (n == 0)
		return 0;
	return find_one(j, c, class, what, out) < 0 ? -1 : 1;
}

/* What is left has to be the key's; its attributes do not matter any more. */
static int
find_left(struct job *j, struct cryptoki *c, const EVP_PKEY *public_key)
{
	CK_OBJECT_HANDLE object;
	int secret = find_rest(j, c, CKO_PRIVATE_KEY, "private", &c->key);
	int public = secret < 0
			 ? -1
			 : find_rest(j, c, CKO_PUBLIC_KEY, "public", &object);

	if (public < 0)
		return -1;
	c->is_gone = secret == 0;
	return secret + public == 0 ? 0 : check_public_part(j, c, public_key);
}

int
cryptoki_find_key(struct job *j, struct cryptoki *c, const EVP_PKEY *public_key)
{
	if (c->may_be_gone)
		return find_left(j, c, public_key);
	if (find_one(j, c, CKO_PRIVATE_KEY, "private", &c->key) < 0 ||
	    (public_key != NULL && check_public_part(j, c, public_key) < 0))
		return -1;
	return check_attributes(j, c);
}

/* --- for who makes a key -------------------------------------------------- */

int
cryptoki_objects(struct job *j, struct cryptoki *c, CK_OBJECT_CLASS class,
    CK_OBJECT_HANDLE out[2], CK_ULONG *n)
{
	*n = 0;
	return find_objects(j, c, class, out, n);
}

int
cryptoki_attribute(struct job *j, struct cryptoki *c, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE_TYPE type, struct span *out)
{
	return read_attribute(j, c, object, type, out);
}

/* --- the end (PK-207) ---------------------------------------------------- */

void
cryptoki_may_be_gone(struct cryptoki *c)
{
	c->may_be_gone = true;
}

static int
destroy_one(struct job *j, struct cryptoki *c, CK_SESSION_HANDLE session,
    CK_OBJECT_CLASS class, const char *what)
{
	CK_OBJECT_HANDLE object = 0;
	CK_RV rv;
	int found = find_rest(j, c, class, what, &object);

	if (found <= 0)
		return found;
	rv = c->f->C_DestroyObject(session, object);
	if (rv != CKR_OK)
		return cryptoki_fail(j,
		    arena_printf(
			j->arena, "C_DestroyObject of the %s key", what),
		    rv);
	found = find_rest(j, c, class, what, &object);
	if (found == 1)
		return job_fail(j, ERR_REFUSED,
		    "token %s: still shows the %s key %s", c->place->token,
		    what, c->place->label);
	return found;
}

/* The login holds for all sessions of the process.  The private key goes first:
 * the public one tells which it was. */
int
cryptoki_destroy(struct job *j, struct cryptoki *c, bool *was_gone)
{
	CK_SESSION_HANDLE session;
	CK_RV rv = c->f->C_OpenSession(
	    c->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	int result;

	*was_gone = c->is_gone;
	if (rv != CKR_OK)
		return cryptoki_fail(j, "C_OpenSession, for writing", rv);
	result = destroy_one(j, c, session, CKO_PRIVATE_KEY, "private");
	if (result == 0)
		result = destroy_one(j, c, session, CKO_PUBLIC_KEY, "public");
	(void)c->f->C_CloseSession(session);
	return result;
}
