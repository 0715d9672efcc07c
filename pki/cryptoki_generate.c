/* Generating a pair of keys, and reading back what was made. */
#include "config.h"

#include <openssl/evp.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "pki/cryptoki_generate.h"
#include "pki/cryptoki_private.h"
#include "pki/der.h"
#include "pki/keycheck.h"
#include "pki/token_key.h"

#define TEXT_MAX 2048
#define SPKI_MAX 1024

static unsigned char p256_curve[] = "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
static unsigned char p384_curve[] = "\x06\x05\x2b\x81\x04\x00\x22";
static unsigned char rsa_exponent[] = "\x01\x00\x01";
static CK_ULONG rsa_bits = 4096;

static const struct kind {
	const char *type;
	CK_MECHANISM_TYPE mechanism;
	CK_ATTRIBUTE more[2]; /* of the public half */
	CK_ULONG more_count;
	enum key_type key_type;
} kinds[] = {
	/* Of an OCSP responder (PK-165). */
	{ "p256", CKM_EC_KEY_PAIR_GEN,
	    { { CKA_EC_PARAMS, p256_curve, sizeof p256_curve - 1 } }, 1,
	    KEY_TYPE_P256 },
	{ "p384", CKM_EC_KEY_PAIR_GEN,
	    { { CKA_EC_PARAMS, p384_curve, sizeof p384_curve - 1 } }, 1,
	    KEY_TYPE_P384 },
	{ "rsa4096", CKM_RSA_PKCS_KEY_PAIR_GEN,
	    { { CKA_MODULUS_BITS, &rsa_bits, sizeof rsa_bits },
		{ CKA_PUBLIC_EXPONENT, rsa_exponent,
		    sizeof rsa_exponent - 1 } },
	    2, KEY_TYPE_RSA },
};

static const struct kind *
kind_of(const char *type)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i].type, type) == 0)
			return &kinds[i];
	return NULL;
}

static int
check_kind(struct job *j, const struct cryptoki *c, const char *type)
{
	const struct kind *k = kind_of(type);
	CK_MECHANISM_INFO info = { .flags = 0 };

	if (k == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "key type: must be p384 or rsa4096 (PK-116)");
	if (c->f->C_GetMechanismInfo(c->slot, k->mechanism, &info) != CKR_OK ||
	    (info.flags & CKF_GENERATE_KEY_PAIR) == 0)
		return job_fail(j, ERR_REFUSED,
		    "token %s makes no keys of type %s: give another "
		    "--key-type, or another token",
		    c->place->token, type);
	return 0;
}

/* --- making --------------------------------------------------------------- */

/* PK-198; the token has no part of what it does not name. */
static const CK_ATTRIBUTE_TYPE private_yes[] = { CKA_TOKEN, CKA_PRIVATE,
	CKA_SENSITIVE, CKA_SIGN };
static const CK_ATTRIBUTE_TYPE private_no[] = { CKA_EXTRACTABLE, CKA_DECRYPT,
	CKA_UNWRAP, CKA_SIGN_RECOVER, CKA_DERIVE };
static const CK_ATTRIBUTE_TYPE public_yes[] = { CKA_TOKEN, CKA_VERIFY };
static const CK_ATTRIBUTE_TYPE public_no[] = { CKA_PRIVATE, CKA_ENCRYPT,
	CKA_WRAP, CKA_VERIFY_RECOVER };

struct template
{
	CK_ATTRIBUTE a[16];
	CK_ULONG n;
};

static CK_BBOOL is_true = CK_TRUE;
static CK_BBOOL is_false = CK_FALSE;

/* PKCS#11 has no pointer to const in a template. */
static void
add_flags(struct template *t, const CK_ATTRIBUTE_TYPE *types, size_t n,
    CK_BBOOL *value) /* NOLINT(readability-non-const-parameter) */
{
	for (size_t i = 0; i < n; i++)
		t->a[t->n++] = (CK_ATTRIBUTE){ types[i], value, sizeof *value };
}

static void
add_names(struct job *j, const struct cryptoki *c, struct template *t)
{
	t->a[t->n++] =
	    (CK_ATTRIBUTE){ CKA_LABEL, arena_strdup(j->arena, c->place->label),
		    strlen(c->place->label) };
	t->a[t->n++] = (CK_ATTRIBUTE){ CKA_ID,
		arena_memdup(j->arena, c->id.p, c->id.n), c->id.n };
}

static int
generate(struct job *j, struct cryptoki *c, const struct kind *k)
{
	CK_MECHANISM m = { k->mechanism, NULL, 0 };
	struct template secret = { .n = 0 };
	struct template shown = { .n = 0 };
	CK_OBJECT_HANDLE made[2];
	CK_RV rv;

	add_flags(&secret, private_yes, COUNT(private_yes), &is_true);
	add_flags(&secret, private_no, COUNT(private_no), &is_false);
	add_flags(&shown, public_yes, COUNT(public_yes), &is_true);
	add_flags(&shown, public_no, COUNT(public_no), &is_false);
	add_names(j, c, &secret);
	add_names(j, c, &shown);
	for (CK_ULONG i = 0; i < k->more_count; i++)
		shown.a[shown.n++] = k->more[i];
	rv = c->f->C_GenerateKeyPair(c->session, &m, shown.a, shown.n, secret.a,
	    secret.n, &made[0], &made[1]);
	return rv == CKR_OK ? 0 : cryptoki_fail(j, "C_GenerateKeyPair", rv);
}

/* --- reading back --------------------------------------------------------- */

static void
add_integer(struct buf *b, struct span octets)
{
	while (octets.n > 1 && octets.p[0] == 0)
		octets = span_from(octets, 1);
	size_t mark = der_open(b, DER_INTEGER);
	if (octets.n > 0 && (octets.p[0] & 0x80))
		buf_add(b, span_mem("", 1));
	buf_add(b, octets);
	der_close(b, mark);
}

static int
read_rsa(
    struct job *j, struct cryptoki *c, CK_OBJECT_HANDLE object, struct buf *out)
{
	struct span n = { 0 };
	struct span e = { 0 };

	if (cryptoki_attribute(j, c, object, CKA_MODULUS, &n) < 0 ||
	    cryptoki_attribute(j, c, object, CKA_PUBLIC_EXPONENT, &e) < 0)
		return -1;
	size_t mark = der_open(out, DER_SEQUENCE);
	add_integer(out, n);
	add_integer(out, e);
	der_close(out, mark);
	return 0;
}

/* An OCTET STRING, for some tokens only what is in it. */
static int
read_point(
    struct job *j, struct cryptoki *c, CK_OBJECT_HANDLE object, struct buf *out)
{
	struct span point = { 0 };
	struct der inner;

	if (cryptoki_attribute(j, c, object, CKA_EC_POINT, &point) < 0)
		return -1;
	if (der_only(point, DER_OCTET_STRING, &inner) == 0)
		point = inner.body;
	buf_add(out, point);
	return 0;
}

/* A curve that is neither shows when the point is read. */
static int
curve_of(struct job *j, struct cryptoki *c, CK_OBJECT_HANDLE object,
    enum key_type *out)
{
	struct span curve = { 0 };

	if (cryptoki_attribute(j, c, object, CKA_EC_PARAMS, &curve) < 0)
		return -1;
	*out = span_eq(curve, span_mem(p256_curve, sizeof p256_curve - 1))
		   ? KEY_TYPE_P256
		   : KEY_TYPE_P384;
	return 0;
}

static int
key_type_of(struct job *j, struct cryptoki *c, CK_OBJECT_HANDLE object,
    enum key_type *out)
{
	CK_KEY_TYPE type;
	struct span value = { 0 };

	if (cryptoki_attribute(j, c, object, CKA_KEY_TYPE, &value) < 0)
		return -1;
	if (value.n == sizeof type) {
		memcpy(&type, value.p, sizeof type);
		*out = KEY_TYPE_RSA;
		if (type == CKK_EC)
			return curve_of(j, c, object, out);
		if (type == CKK_RSA)
			return 0;
	}
	return job_fail(j, ERR_REFUSED,
	    "token %s: the key %s is neither RSA nor on a curve (PK-116)",
	    c->place->token, c->place->label);
}

/* Its SubjectPublicKeyInfo, by which it is judged as anybody's (PK-210). */
static int
read_public(
    struct job *j, struct cryptoki *c, CK_OBJECT_HANDLE object, EVP_PKEY **out)
{
	enum key_type type = KEY_TYPE_RSA;
	const char *reason;
	struct buf bits, spki;

	if (key_type_of(j, c, object, &type) < 0)
		return -1;
	buf_init(&bits, j->arena, SPKI_MAX);
	buf_init(&spki, j->arena, SPKI_MAX);
	if ((type == KEY_TYPE_RSA ? read_rsa : read_point)(
		j, c, object, &bits) < 0)
		return -1;
	size_t mark = der_open(&spki, DER_SEQUENCE);
	buf_add(&spki, key_type_algorithm(type));
	der_add_bit_string(&spki, buf_span(&bits));
	der_close(&spki, mark);
	if (!buf_ok(&bits) || !buf_ok(&spki))
		return job_fail(j, ERR_REFUSED,
		    "token %s: the public half of key %s is too large",
		    c->place->token, c->place->label);
	reason = keycheck_spki(
	    j->arena, buf_span(&spki), KEYCHECK_SUBJECT, &type, out);
	return reason == NULL ? 0
			      : job_fail(j, ERR_REFUSED,
				    "token %s: the key %s: %s (PK-210)",
				    c->place->token, c->place->label, reason);
}

static void
add_padded(struct buf *b, const unsigned char *text, size_t n)
{
	buf_add(b, span_trim(span_mem(text, strnlen((const char *)text, n))));
}

static int
describe(struct job *j, struct cryptoki *c, struct token_made *out)
{
	CK_TOKEN_INFO info = { .flags = 0 };
	struct buf device, attributes;
	CK_RV rv = c->f->C_GetTokenInfo(c->slot, &info);

	if (rv != CKR_OK)
		return cryptoki_fail(j, "C_GetTokenInfo", rv);
	buf_init(&device, j->arena, TEXT_MAX);
	add_padded(&device, info.manufacturerID, sizeof info.manufacturerID);
	buf_add_str(&device, ", ");
	add_padded(&device, info.model, sizeof info.model);
	buf_add_str(&device, ", serial number ");
	add_padded(&device, info.serialNumber, sizeof info.serialNumber);
	buf_init(&attributes, j->arena, TEXT_MAX);
	if (cryptoki_describe(j, c, &attributes, &out->wrong) < 0)
		return -1;
	out->device = device.p;
	out->attributes = attributes.p;
	return 0;
}

/* --- what is there -------------------------------------------------------- */

struct pair {
	CK_OBJECT_HANDLE private[2], public[2];
	CK_ULONG private_count, public_count;
};

static int
look(struct job *j, struct cryptoki *c, struct pair *p)
{
	return cryptoki_objects(
		   j, c, CKO_PRIVATE_KEY, p->private, &p->private_count) < 0
		   ? -1
		   : cryptoki_objects(
			 j, c, CKO_PUBLIC_KEY, p->public, &p->public_count);
}

/* Nothing was signed with a key whose private half is not there. */
static int
remove_rest(struct job *j, struct cryptoki *c, struct pair *p)
{
	for (CK_ULONG i = 0; i < p->public_count; i++) {
		CK_RV rv = c->f->C_DestroyObject(c->session, p->public[i]);

		if (rv != CKR_OK)
			return cryptoki_fail(j,
			    "C_DestroyObject of a public half that was left",
			    rv);
	}
	return 0;
}

static int
check_whole(struct job *j, const struct cryptoki *c, const struct pair *p)
{
	if (p->private_count == 1 && p->public_count == 1)
		return 0;
	return job_fail(j, ERR_REFUSED,
	    "token %s: of the key with label %s and id %s there %s %s: one of "
	    "each must be; look with the device's own tool",
	    c->place->token, c->place->label, c->place->id,
	    p->private_count + p->public_count > 1 ? "are" : "is",
	    p->private_count == 0  ? "no private half"
	    : p->private_count > 1 ? "two private halves"
	    : p->public_count == 0 ? "no public half"
				   : "two public halves");
}

int
cryptoki_public_key(
    struct job *j, struct arena *keep, struct cryptoki *c, EVP_PKEY **out)
{
	struct arena *outer = j->arena;
	struct pair p = { .private_count = 0 };
	int result = look(j, c, &p) < 0 || check_whole(j, c, &p) < 0 ? -1 : 0;

	j->arena = keep;
	if (result == 0)
		result = read_public(j, c, p.public[0], out);
	j->arena = outer;
	return result;
}

static int
make_inside(
    struct job *j, struct cryptoki *c, const char *type, struct token_made *out)
{
	struct pair p = { .private_count = 0 };

	if (look(j, c, &p) < 0)
		return -1;
	out->is_new = p.private_count == 0 && type != NULL;
	if (out->is_new &&
	    (check_kind(j, c, type) < 0 || remove_rest(j, c, &p) < 0 ||
		generate(j, c, kind_of(type)) < 0 || look(j, c, &p) < 0))
		return -1;
	if (check_whole(j, c, &p) < 0)
		return -1;
	c->key = p.private[0];
	return describe(j, c, out) < 0
		   ? -1
		   : read_public(j, c, p.public[0], &out -> public_key);
}

int
token_make(struct job *j, const struct token_place *place, const char *type,
    struct token_made *out)
{
	struct cryptoki *c;
	int result;

	*out = (struct token_made){ .public_key = NULL };
	if (cryptoki_new(j, j->arena, place, &c) < 0 ||
	    cryptoki_enter(j, c) < 0)
		return -1;
	result = make_inside(j, c, type, out);
	cryptoki_leave(c);
	return result;
}

static int
free_inside(struct job *j, struct cryptoki *c, const char *type)
{
	struct pair p = { .private_count = 0 };

	if (check_kind(j, c, type) < 0 || look(j, c, &p) < 0)
		return -1;
	if (p.private_count + p.public_count > 0)
		return job_fail(j, ERR_CONFLICT,
		    "token %s has a key with label %s and id %s already: give "
		    "another label or id; no key is taken that was made "
		    "elsewhere",
		    c->place->token, c->place->label, c->place->id);
	return 0;
}

int
token_make_free(
    struct job *j, const struct token_place *place, const char *type)
{
	struct cryptoki *c;
	int result;

	if (cryptoki_new(j, j->arena, place, &c) < 0 ||
	    cryptoki_enter(j, c) < 0)
		return -1;
	result = free_inside(j, c, type);
	cryptoki_leave(c);
	return result;
}
