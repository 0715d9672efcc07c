#include "config.h"

#include "src/tls.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MAX (256 * 1024)
#define CHAIN_MAX 8

static char priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-GROUP-ALL:"
    "+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1";

struct tls_identity {
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned chain_len;
	gnutls_privkey_t key;
	long long not_before, not_after;
	struct tls_identity *next; /* the one loaded after it */
	size_t connections;        /* begun while it was the newest */
};

/*
 * GnuTLS takes no reference on what the callback hands out.  A connection may
 * be given what was the newest at its beginning, or any that came later; so
 * one is freed when no connection is left that began with it or before.
 */
static struct tls_identity *oldest, *current;
static pthread_mutex_t current_lock = PTHREAD_MUTEX_INITIALIZER;

static struct tls_identity *
current_get(void)
{
	struct tls_identity *i;

	pthread_mutex_lock(&current_lock);
	i = current;
	pthread_mutex_unlock(&current_lock);
	return i;
}

static void
identity_free(struct tls_identity *i)
{
	for (unsigned k = 0; k < i->chain_len && k < CHAIN_MAX; k++)
		gnutls_pcert_deinit(&i->chain[k]);
	if (i->key != NULL)
		gnutls_privkey_deinit(i->key);
	free(i);
}

/* Under the lock. */
static void
free_former(void)
{
	while (oldest != current && oldest->connections == 0) {
		struct tls_identity *i = oldest;

		oldest = i->next;
		identity_free(i);
	}
}

struct tls_identity *
tls_enter(void)
{
	struct tls_identity *i;

	pthread_mutex_lock(&current_lock);
	i = current;
	if (i != NULL)
		i->connections++;
	pthread_mutex_unlock(&current_lock);
	return i;
}

void
tls_leave(struct tls_identity *i)
{
	if (i == NULL)
		return;
	pthread_mutex_lock(&current_lock);
	i->connections--;
	free_former();
	pthread_mutex_unlock(&current_lock);
}

size_t
tls_kept(void)
{
	size_t n = 0;

	pthread_mutex_lock(&current_lock);
	for (const struct tls_identity *i = oldest; i != NULL; i = i->next)
		n++;
	pthread_mutex_unlock(&current_lock);
	return n;
}

static int
/* NOLINTNEXTLINE(readability-function-size): GnuTLS's type */
retrieve(gnutls_session_t session, const gnutls_datum_t *names, int name_count,
    const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
    gnutls_pcert_st **chain, unsigned int *chain_len, gnutls_privkey_t *key)
{
	struct tls_identity *i = current_get();

	(void)session;
	(void)names;
	(void)name_count;
	(void)algorithms;
	(void)algorithm_count;
	if (i == NULL)
		return -1;
	*chain = i->chain;
	*chain_len = i->chain_len;
	*key = i->key;
	return 0;
}

void *
tls_priorities(void)
{
	return priorities;
}

void *
tls_retrieve_callback(void)
{
	gnutls_certificate_retrieve_function2 *f = retrieve;
	void *p;

	/* ISO C has no cast from function to object pointer; POSIX has the
	 * representation. */
	memcpy(&p, &f, sizeof(p));
	return p;
}

int
tls_send(void *session, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t sent = gnutls_record_send(session, at, n);

		if (sent <= 0)
			return -1;
		at += sent;
		n -= (size_t)sent;
	}
	return 0;
}

bool
tls_client_is_trusted(void *session)
{
	static unsigned char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st wanted = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = purpose };
	unsigned status = 1;

	/* GNUTLS_E_NO_CERTIFICATE_FOUND: it showed none. */
	return gnutls_certificate_verify_peers(session, &wanted, 1, &status) ==
		   GNUTLS_E_SUCCESS &&
	       status == 0;
}

void
tls_ask_client(void *session)
{
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
}

static int
export_key(struct job *j, const gnutls_datum_t *der, struct span *out)
{
	gnutls_x509_crt_t leaf = NULL;
	gnutls_pubkey_t key = NULL;
	gnutls_datum_t spki = { NULL, 0 };
	int error;

	if (gnutls_x509_crt_init(&leaf) < 0 || gnutls_pubkey_init(&key) < 0)
		abort(); /* out of memory, as everywhere */
	error = gnutls_x509_crt_import(leaf, der, GNUTLS_X509_FMT_DER);
	if (error == 0)
		error = gnutls_pubkey_import_x509(key, leaf, 0);
	if (error == 0)
		error = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki);
	if (error == 0)
		*out =
		    span_mem(span_dup(j->arena, span_mem(spki.data, spki.size)),
			spki.size);
	gnutls_free(spki.data);
	gnutls_pubkey_deinit(key);
	gnutls_x509_crt_deinit(leaf);
	return error;
}

struct span
tls_client_key(struct job *j, void *session)
{
	struct span out = { NULL, 0 };
	const gnutls_datum_t *chain;
	unsigned count = 0;

	if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_PEERS) !=
	    GNUTLS_CRT_X509)
		return out;
	/* Only after the client has signed the handshake with its key. */
	chain = gnutls_certificate_get_peers(session, &count);
	if (chain != NULL && count > 0)
		(void)export_key(j, &chain[0], &out);
	return out;
}

long long
tls_not_after(void)
{
	const struct tls_identity *i = current_get();

	return i != NULL ? i->not_after : 0;
}

#define A_CHAIN "certificates in PEM: the server's, then each one's issuer"

static int
refuse(struct job *j, const char *file, const char *wanted, int error)
{
	return job_fail(j, ERR_INTERNAL, "%s: must hold %s (GnuTLS: %s)", file,
	    wanted, gnutls_strerror(error));
}

static int
read_chain(struct job *j, struct tls_identity *i, const char *file)
{
	struct span pem;
	gnutls_datum_t datum;
	int error;

	if (file_read(j, file, PEM_MAX, &pem) < 0)
		return -1;
	datum = (gnutls_datum_t){ (unsigned char *)span_dup(j->arena, pem),
		(unsigned)pem.n };
	i->chain_len = CHAIN_MAX;
	error = gnutls_pcert_list_import_x509_raw(i->chain, &i->chain_len,
	    &datum, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
	if (error < 0)
		return refuse(j, file, A_CHAIN, error);
	return 0;
}

static int
read_key(struct job *j, struct tls_identity *i, const char *file)
{
	struct span pem;
	gnutls_datum_t datum;
	int error;

	if (file_read_private(j, file, PEM_MAX, &pem) < 0)
		return -1;
	datum = (gnutls_datum_t){ arena_alloc_secret(j->arena, pem.n + 1),
		(unsigned)pem.n };
	memcpy(datum.data, pem.p, pem.n);
	gnutls_privkey_init(&i->key);
	error = gnutls_privkey_import_x509_raw(
	    i->key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
	return error < 0
		   ? refuse(j, file, "a private key in PEM, without passphrase",
			 error)
		   : 0;
}

/* A key that does not fit would fail every handshake: better say it now. */
static int
check_pair(struct job *j, struct tls_identity *i, const char *certificate,
    const char *key)
{
	unsigned char of_chain[32], of_key[32];
	size_t chain_n = sizeof(of_chain), key_n = sizeof(of_key);
	gnutls_x509_crt_t leaf = NULL;
	gnutls_pubkey_t public = NULL;
	int result = -1;

	gnutls_pubkey_init(&public);
	if (gnutls_pcert_export_x509(&i->chain[0], &leaf) == 0 &&
	    gnutls_pubkey_import_privkey(public, i->key, 0, 0) == 0 &&
	    gnutls_x509_crt_get_key_id(
		leaf, GNUTLS_KEYID_USE_SHA256, of_chain, &chain_n) == 0 &&
	    gnutls_pubkey_get_key_id(
		public, GNUTLS_KEYID_USE_SHA256, of_key, &key_n) == 0 &&
	    chain_n == key_n && memcmp(of_chain, of_key, key_n) == 0)
		result = 0;
	if (result == 0) {
		i->not_before = gnutls_x509_crt_get_activation_time(leaf);
		i->not_after = gnutls_x509_crt_get_expiration_time(leaf);
	} else {
		job_fail(j, ERR_INTERNAL,
		    "%s: is not the key of the certificate in %s", key,
		    certificate);
	}
	if (leaf != NULL)
		gnutls_x509_crt_deinit(leaf);
	gnutls_pubkey_deinit(public);
	return result;
}

int
tls_load(struct job *j, const char *certificate, const char *key)
{
	struct tls_identity *i = xcalloc(1, sizeof(*i));

	if (read_chain(j, i, certificate) < 0) {
		i->chain_len = 0;
		identity_free(i);
		return -1;
	}
	if (read_key(j, i, key) < 0 || check_pair(j, i, certificate, key) < 0) {
		identity_free(i);
		return -1;
	}
	pthread_mutex_lock(&current_lock);
	if (current != NULL)
		current->next = i;
	else
		oldest = i;
	current = i;
	free_former();
	pthread_mutex_unlock(&current_lock);
	return 0;
}

void
tls_reload(struct job *j, const char *certificate, const char *key)
{
	if (tls_load(j, certificate, key) < 0)
		log_error("certificate not reloaded",
		    "error=\"%s\" next=\"the former certificate stays in "
		    "use; the key must be readable for the user of the "
		    "roles\"",
		    j->err.text);
}

/* --- what clients would say of it ----------------------------------------- */

int
tls_check_dates(struct job *j, const char *file, long long now)
{
	const struct tls_identity *i = current_get();
	char when[CLOCK_RFC3339_MAX];

	if (i->not_before > now) {
		clock_format_rfc3339(i->not_before, when);
		return job_fail(j, ERR_INTERNAL,
		    "%s is not valid before %s: until then clients refuse it; "
		    "look at the clock of this host, or take another one",
		    file, when);
	}
	if (i->not_after <= now) {
		clock_format_rfc3339(i->not_after, when);
		return job_fail(j, ERR_INTERNAL,
		    "%s has ended at %s, so clients refuse it: replace it and "
		    "send countersignd SIGHUP",
		    file, when);
	}
	return 0;
}

int
tls_check_host(struct job *j, const char *file, const char *host)
{
	struct tls_identity *i = current_get();
	gnutls_x509_crt_t leaf = NULL;
	int error = gnutls_pcert_export_x509(&i->chain[0], &leaf);
	bool is_for;

	if (error < 0)
		return refuse(j, file, A_CHAIN, error);
	is_for = gnutls_x509_crt_check_hostname(leaf, host) != 0;
	gnutls_x509_crt_deinit(leaf);
	if (is_for)
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "%s is not for %s, the host of base_url, so clients refuse it: "
	    "take one whose subjectAltName has that name",
	    file, host);
}
