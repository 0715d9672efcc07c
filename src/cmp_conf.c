#include "config.h"

#include "src/cmp_conf.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/passphrase.h"
#include "pki/ossl.h"
#include "src/cmp_client.h"
#include "src/https_client.h"
#include "src/role.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#define FILE_MAX ((size_t)64 * 1024)
#define CHAIN_MAX 10
#define TIMEOUT_MS 60000
#define CMP_TYPE "application/pkixcmp"
#define RSA_BITS_MIN 2048
#define EC_BITS_MIN 256
#define HTTP_OK 200

/* --- the way there (RFC 9811 section 3) ----------------------------------- */

static int
send_http(void *ctx, struct job *j, struct span request, struct span *answer)
{
	const struct conf_upstream *conf = &j->conf->external;
	const struct https_client_conf client = { .ca_file = conf->ca_file,
		.user_agent = "Countersign upstream",
		.timeout_ms = TIMEOUT_MS,
		.is_ending = role_is_stopping,
		.plain_too = true,
		.closes = true };
	const struct https_request r = { .method = HTTPS_POST,
		.url = conf->cmp_url,
		.content_type = CMP_TYPE,
		.accept = CMP_TYPE,
		.body = request,
		.answer_max = CMP_ANSWER_MAX };
	struct https_response response;
	struct https_client *c = NULL;
	int sent;

	(void)ctx;
	if (https_client_new(j, &client, &c) < 0)
		return -1;
	sent = https_client_send(c, j, &r, &response);
	https_client_free(c);
	if (sent < 0)
		return -1;
	if (response.status != HTTP_OK ||
	    !span_caseeq_str(span_str(response.content_type), CMP_TYPE))
		return job_fail(j, ERR_BUSY,
		    "%s: status %lld, type \"%s\": no CMP message",
		    conf->cmp_url, (long long)response.status,
		    response.content_type);
	*answer = response.body;
	return 0;
}

/* --- files ---------------------------------------------------------------- */

static int
read_certificates(struct job *j, struct arena *keep, const char *option,
    const char *path, STACK_OF(X509) * *out)
{
	STACK_OF(X509) *list = ossl_own_certs(keep, sk_X509_new_null());
	struct span pem;
	BIO *bio;
	X509 *x;

	if (file_read(j, path, FILE_MAX, &pem) < 0)
		return job_context(j, "%s", option);
	bio = ossl_own_bio(j->arena, BIO_new_mem_buf(pem.p, (int)pem.n));
	while (list != NULL && bio != NULL && sk_X509_num(list) < CHAIN_MAX &&
	       (x = ossl_read_x509(bio)) != NULL)
		if (sk_X509_push(list, x) <= 0)
			X509_free(x);
	ERR_clear_error();
	if (list == NULL || sk_X509_num(list) == 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: %s holds no certificate in PEM", option, path);
	*out = list;
	return 0;
}

static int
read_key(struct job *j, struct arena *keep, EVP_PKEY **out)
{
	const char *path = j->conf->external.cmp_key;
	struct span pem;
	BIO *bio;

	if (file_read_private(j, path, FILE_MAX, &pem) < 0)
		return job_context(j, "external.cmp_key");
	bio = ossl_own_bio(j->arena, BIO_new_mem_buf(pem.p, (int)pem.n));
	*out = ossl_own_pkey(
	    keep, PEM_read_bio_PrivateKey(bio, NULL, passphrase_none, NULL));
	ERR_clear_error();
	if (*out == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "external.cmp_key: %s holds no private key in PEM without "
		    "passphrase",
		    path);
	if ((EVP_PKEY_is_a(*out, "RSA") &&
		EVP_PKEY_get_bits(*out) >= RSA_BITS_MIN) ||
	    (EVP_PKEY_is_a(*out, "EC") &&
		EVP_PKEY_get_bits(*out) >= EC_BITS_MIN))
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "external.cmp_key: %s must be an RSA key of 2048 bits or more, or "
	    "P-256, P-384 or P-521",
	    path);
}

/* What OpenSSL would find out at the first message only. */
static int
check_signer(struct job *j, const char *option, X509 *x)
{
	if ((X509_get_key_usage(x) & X509v3_KU_DIGITAL_SIGNATURE) == 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: its key usage lacks digitalSignature, so it cannot "
		    "protect CMP messages",
		    option);
	if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "%s: the certificate has expired", option);
	return 0;
}

static int
check_pair(struct job *j, const struct cmp_client *c)
{
	if (X509_check_private_key(c->certificate, c->key) != 1) {
		ERR_clear_error();
		return job_fail(j, ERR_INTERNAL,
		    "external.cmp_key: is not the key of the first certificate "
		    "in external.cmp_certificate");
	}
	if (check_signer(j, "external.cmp_certificate", c->certificate) < 0)
		return -1;
	return check_signer(j, "external.cmp_server", c->server);
}

int
cmp_conf_load(struct job *j, struct arena *keep, const struct cmp_client **out)
{
	const struct conf_upstream *conf = &j->conf->external;
	struct cmp_client *c = arena_alloc(keep, sizeof(*c));
	STACK_OF(X509) *own = NULL;
	STACK_OF(X509) *server = NULL;

	*c = (struct cmp_client){ .send = send_http,
		.is_initial = conf->cmp_request == CONF_CMP_IR };
	if (read_certificates(j, keep, "external.cmp_certificate",
		conf->cmp_certificate, &own) < 0 ||
	    read_certificates(j, keep, "external.cmp_server", conf->cmp_server,
		&server) < 0 ||
	    read_key(j, keep, &c->key) < 0)
		return -1;
	if (sk_X509_num(server) != 1)
		return job_fail(j, ERR_INTERNAL,
		    "external.cmp_server: %s must hold one certificate, the "
		    "one that protects that CA's answers",
		    conf->cmp_server);
	c->certificate = sk_X509_value(own, 0);
	c->chain = own;
	c->server = sk_X509_value(server, 0);
	*out = c;
	return check_pair(j, c);
}
