#include "config.h"

#include "mail/tls_client.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "lib/fdio.h"
#include "lib/job.h"

#define CA_FILE_MAX ((size_t)16 * 1024 * 1024)

static int
note_refusal(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_client *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	int e = X509_STORE_CTX_get_error(store);

	bool is_name = e == X509_V_ERR_HOSTNAME_MISMATCH ||
		       e == X509_V_ERR_IP_ADDRESS_MISMATCH;

	if (!ok)
		snprintf(t->why, sizeof(t->why),
		    "certificate refused: %.80s%s%.80s",
		    X509_verify_cert_error_string(e),
		    is_name ? ", it should name " : "", is_name ? t->host : "");
	return ok;
}

static int
set_host(struct tls_client *t)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(t->ctx);

	if (dial_is_address(t->host))
		return X509_VERIFY_PARAM_set1_ip_asc(param, t->host);
	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, t->host, 0);
}

int
tls_client_init(
    struct job *j, const char *ca_file, const char *host, struct tls_client *t)
{
	struct span text = { NULL, 0 };
	const char *why;

	*t = (struct tls_client){ 0 };
	if (dial_host(host, t->host) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "mail server: not a host name or an address");
	t->ctx = SSL_CTX_new(TLS_client_method());
	if (t->ctx == NULL || set_host(t) != 1 ||
	    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1) {
		tls_client_done(t);
		return job_fail(j, ERR_INTERNAL, "TLS for %s: %s", host,
		    tls_client_error(t));
	}
	SSL_CTX_set_app_data(t->ctx, t);
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, note_refusal);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	if ((ca_file == NULL
		    ? SSL_CTX_set_default_verify_paths(t->ctx)
		    : SSL_CTX_load_verify_file(t->ctx, ca_file)) != 1) {
		why = tls_client_error(t);
		/* OpenSSL has no words for a file that cannot be opened. */
		if (ca_file != NULL &&
		    file_read(j, ca_file, CA_FILE_MAX, &text) < 0)
			job_context(j, "certificates");
		else
			job_fail(j, ERR_INTERNAL, "certificates in %s: %s",
			    ca_file == NULL ? "the system's store" : ca_file,
			    why);
		tls_client_done(t);
		return -1;
	}
	return 0;
}

void
tls_client_done(struct tls_client *t)
{
	SSL_CTX_free(t->ctx);
	t->ctx = NULL;
}

void
tls_client_prepare(struct tls_client *t, SSL *ssl)
{
	t->why[0] = '\0';
	/* RFC 6066 3: names only. */
	if (!dial_is_address(t->host))
		SSL_set_tlsext_host_name(ssl, t->host);
}

const char *
tls_client_error(struct tls_client *t)
{
	unsigned long e = ERR_peek_error();
	const char *reason = e == 0 ? NULL : ERR_reason_error_string(e);

	if (t->why[0] == '\0')
		snprintf(t->why, sizeof(t->why), "%s",
		    reason == NULL ? "the connection ended" : reason);
	ERR_clear_error();
	return t->why;
}
