#include "config.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <string.h>

#include "pki/ossl.h"

/*
 * d2i_X509() decodes the certificate's key, and OpenSSL 3.0 begins that by
 * asking each decoder of each type of key whether it may be of use: 0.2 ms,
 * more than all lints together.  So certificates are read in a library context
 * of their own, whose provider is OpenSSL's with the types of key that pki.md
 * 9.4 knows, and without the others.
 */
#define PROVIDER "countersign"
#define SELECTED_MAX 8

static pthread_once_t once = PTHREAD_ONCE_INIT;
static OSSL_PROVIDER *whole;
static OSSL_LIB_CTX *readers; /* until the process ends; NULL: the usual one */
static OSSL_ALGORITHM key_types[SELECTED_MAX + 1];
static OSSL_ALGORITHM decoders[SELECTED_MAX + 1]; /* of certificates' keys */

static bool
is_our_type(const OSSL_ALGORITHM *a)
{
	static const char *const types[] = { "RSA", "EC", "ED25519" };
	struct span names = span_str(a->algorithm_names);
	struct span first = span_cut(names, 0, span_find(names, 0, ':'));

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (span_eq_str(first, types[i]))
			return true;
	return false;
}

static bool
is_our_decoder(const OSSL_ALGORITHM *a)
{
	return is_our_type(a) &&
	       strstr(a->property_definition, "input=der") != NULL &&
	       strstr(a->property_definition,
		   "structure=SubjectPublicKeyInfo") != NULL;
}

static void
select_from(int operation, bool (*is_ours)(const OSSL_ALGORITHM *a),
    OSSL_ALGORITHM out[SELECTED_MAX + 1])
{
	int no_cache;
	const OSSL_ALGORITHM *a =
	    OSSL_PROVIDER_query_operation(whole, operation, &no_cache);
	size_t n = 0;

	for (; a != NULL && a->algorithm_names != NULL && n < SELECTED_MAX; a++)
		if (is_ours(a))
			out[n++] = *a;
}

static const OSSL_ALGORITHM *
query(void *context, int operation, int *no_cache)
{
	(void)context;
	*no_cache = 0;
	if (operation == OSSL_OP_DECODER)
		return decoders;
	if (operation == OSSL_OP_KEYMGMT)
		return key_types;
	return OSSL_PROVIDER_query_operation(whole, operation, no_cache);
}

static int
start(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **context)
{
	static const OSSL_DISPATCH functions[] = {
		{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query },
		{ 0, NULL },
	};

	(void)handle;
	(void)in;
	*out = functions;
	*context = OSSL_PROVIDER_get0_provider_ctx(whole);
	return 1;
}

static void
make_readers(void)
{
	OSSL_LIB_CTX *base = OSSL_LIB_CTX_new();
	OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();

	if (base != NULL)
		whole = OSSL_PROVIDER_load(base, "default");
	if (whole != NULL) {
		select_from(OSSL_OP_KEYMGMT, is_our_type, key_types);
		select_from(OSSL_OP_DECODER, is_our_decoder, decoders);
	}
	if (ctx != NULL && whole != NULL &&
	    OSSL_PROVIDER_add_builtin(ctx, PROVIDER, start) == 1 &&
	    OSSL_PROVIDER_load(ctx, PROVIDER) != NULL)
		readers = ctx;
	ERR_clear_error();
}

X509 *
ossl_x509(struct arena *a, struct span der)
{
	const unsigned char *p = ossl_bytes(der);
	X509 *x = NULL;
	long n;

	if (ossl_len(der, &n) < 0 || pthread_once(&once, make_readers) != 0 ||
	    (x = X509_new_ex(readers, NULL)) == NULL)
		return NULL;
	/* Where it fails, it releases x. */
	x = ossl_own_x509(a, d2i_X509(&x, &p, n));
	if (x == NULL)
		ERR_clear_error();
	return x != NULL && p == ossl_bytes(der) + der.n ? x : NULL;
}
