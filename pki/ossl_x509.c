#include "config.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <string.h>

#include "pki/certview.h"
#include "pki/keycheck.h"
#include "pki/ossl.h"

/*
 * d2i_X509() decodes the certificate's key, and OpenSSL 3.0 begins that by
 * asking each type of key and each decoder whether it may be of use: with all
 * of the default provider 0.2 ms, more than all lints together.  So a
 * certificate is read in a library context for its key's type.  That one's
 * provider is OpenSSL's with this type of key of pki.md 9.4, and without the
 * others.
 */
#define PROVIDER "countersign"

enum { READ_RSA, READ_EC, READ_ED25519, READ_ED448, READER_COUNT };

/* Of one library context; they last until the process ends. */
struct reader {
	const char *type;
	OSSL_provider_init_fn *start;
	OSSL_LIB_CTX *ctx; /* NULL: the usual one */
	OSSL_PROVIDER *provider;
	OSSL_ALGORITHM key_type[2];
	OSSL_ALGORITHM decoder[2]; /* of SubjectPublicKeyInfo */
};

static OSSL_provider_init_fn start_rsa, start_ec, start_ed25519, start_ed448;
static struct reader readers[READER_COUNT] = {
	[READ_RSA] = { .type = "RSA", .start = start_rsa },
	[READ_EC] = { .type = "EC", .start = start_ec },
	[READ_ED25519] = { .type = "ED25519", .start = start_ed25519 },
	[READ_ED448] = { .type = "ED448", .start = start_ed448 },
};
static pthread_once_t once = PTHREAD_ONCE_INIT;
static OSSL_PROVIDER *whole;

/* --- the provider --------------------------------------------------------- */

static bool
is_of(const struct reader *r, const OSSL_ALGORITHM *a)
{
	struct span names = span_str(a->algorithm_names);

	return span_eq_str(
	    span_cut(names, 0, span_find(names, 0, ':')), r->type);
}

static bool
is_decoder_of(const struct reader *r, const OSSL_ALGORITHM *a)
{
	return is_of(r, a) &&
	       strstr(a->property_definition, "input=der") != NULL &&
	       strstr(a->property_definition,
		   "structure=SubjectPublicKeyInfo") != NULL;
}

static void
select_from(const struct reader *r, int operation,
    bool (*is_wanted)(const struct reader *r, const OSSL_ALGORITHM *a),
    OSSL_ALGORITHM out[2])
{
	int no_cache;
	const OSSL_ALGORITHM *a =
	    OSSL_PROVIDER_query_operation(whole, operation, &no_cache);

	for (; a != NULL && a->algorithm_names != NULL; a++) {
		if (!is_wanted(r, a))
			continue;
		out[0] = *a;
		return;
	}
}

static const OSSL_ALGORITHM *
answer(const struct reader *r, int operation, int *no_cache)
{
	*no_cache = 0;
	if (operation == OSSL_OP_DECODER)
		return r->decoder;
	if (operation == OSSL_OP_KEYMGMT)
		return r->key_type;
	return OSSL_PROVIDER_query_operation(whole, operation, no_cache);
}

/* The provider's context is that of OpenSSL's own, whose functions it has: the
 * functions themselves have to know which reader they are of. */
#define READER_FUNCTIONS(name, place)                                          \
	static const OSSL_ALGORITHM *query_##name(                             \
	    void *context, int operation, int *no_cache)                       \
	{                                                                      \
		(void)context;                                                 \
		return answer(&readers[place], operation, no_cache);           \
	}                                                                      \
	static int start_##name(const OSSL_CORE_HANDLE *handle,                \
	    const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,                \
	    void **context)                                                    \
	{                                                                      \
		static const OSSL_DISPATCH functions[] = {                     \
			{ OSSL_FUNC_PROVIDER_QUERY_OPERATION,                  \
			    (void (*)(void))query_##name },                    \
			{ 0, NULL },                                           \
		};                                                             \
		(void)handle;                                                  \
		(void)in;                                                      \
		*out = functions;                                              \
		*context = OSSL_PROVIDER_get0_provider_ctx(whole);             \
		return 1;                                                      \
	}

READER_FUNCTIONS(rsa, READ_RSA)
READER_FUNCTIONS(ec, READ_EC)
READER_FUNCTIONS(ed25519, READ_ED25519)
READER_FUNCTIONS(ed448, READ_ED448)

/* --- the contexts --------------------------------------------------------- */

static void
make_reader(struct reader *r)
{
	OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();

	select_from(r, OSSL_OP_KEYMGMT, is_of, r->key_type);
	select_from(r, OSSL_OP_DECODER, is_decoder_of, r->decoder);
	if (ctx != NULL &&
	    OSSL_PROVIDER_add_builtin(ctx, PROVIDER, r->start) == 1 &&
	    (r->provider = OSSL_PROVIDER_load(ctx, PROVIDER)) != NULL)
		r->ctx = ctx;
}

static void
make_readers(void)
{
	OSSL_LIB_CTX *base = OSSL_LIB_CTX_new();

	if (base != NULL)
		whole = OSSL_PROVIDER_load(base, "default");
	for (size_t i = 0; whole != NULL && i < READER_COUNT; i++)
		make_reader(&readers[i]);
	ERR_clear_error();
}

/* That of a certificate whose key cannot be told does not matter. */
static OSSL_LIB_CTX *
reader_for(struct span der)
{
	struct span key = certview_find_spki(der);
	struct span bits;
	enum key_type type;

	if (key.n == 0 || spki_split(key, &type, &bits) < 0 ||
	    type == KEY_TYPE_RSA)
		return readers[READ_RSA].ctx;
	if (key_type_is_ec(type))
		return readers[READ_EC].ctx;
	return readers[type == KEY_TYPE_ED448 ? READ_ED448 : READ_ED25519].ctx;
}

X509 *
ossl_x509(struct arena *a, struct span der)
{
	const unsigned char *p = ossl_bytes(der);
	X509 *x = NULL;
	long n;

	if (ossl_len(der, &n) < 0 || pthread_once(&once, make_readers) != 0 ||
	    (x = X509_new_ex(reader_for(der), NULL)) == NULL)
		return NULL;
	/* Where it fails, it releases x. */
	x = ossl_own_x509(a, d2i_X509(&x, &p, n));
	if (x == NULL)
		ERR_clear_error();
	return x != NULL && p == ossl_bytes(der) + der.n ? x : NULL;
}

OSSL_LIB_CTX *
ossl_key_context(const EVP_PKEY *key)
{
	const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(key);

	/* Another thread may be making readers; those of this key are made. */
	if (provider == NULL ||
	    strcmp(OSSL_PROVIDER_get0_name(provider), PROVIDER) != 0)
		return NULL;
	for (size_t i = 0; i < READER_COUNT; i++)
		if (readers[i].provider == provider)
			return readers[i].ctx;
	return NULL;
}
