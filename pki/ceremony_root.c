#include "config.h"

#include "pki/ceremony_root.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/passphrase.h"
#include "lib/same_file.h"
#include "pki/ca_name.h"
#include "pki/keycheck.h"
#include "pki/ossl.h"

#define REQUEST_MAX (64 * 1024)

const char *
ceremony_name_text(struct job *j, struct span name)
{
	const unsigned char *p = ossl_bytes(name);
	X509_NAME *n = d2i_X509_NAME(NULL, &p, (long)name.n);
	BIO *bio = ossl_own_bio(j->arena, BIO_new(BIO_s_mem()));
	char *text;

	if (n == NULL || bio == NULL ||
	    X509_NAME_print_ex(
		bio, n, 0, XN_FLAG_SEP_CPLUS_SPC | ASN1_STRFLGS_RFC2253) < 0) {
		X509_NAME_free(n);
		ERR_clear_error();
		return "?";
	}
	X509_NAME_free(n);
	long len = BIO_get_mem_data(bio, &text);
	return span_dup(j->arena, span_mem(text, (size_t)len));
}

/* --- requests ------------------------------------------------------------ */

static int
take_parts(struct job *j, X509_REQ *request, struct ceremony_request_parts *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509_NAME(X509_REQ_get_subject_name(request), &der);
	enum key_type type;
	struct span bits;
	EVP_PKEY *key = NULL;

	if (n <= 0)
		return ossl_fail(j, "the request's name");
	out->subject =
	    span_mem(arena_memdup(j->arena, der, (size_t)n), (size_t)n);
	OPENSSL_free(der);
	der = NULL;
	n = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(request), &der);
	if (n <= 0)
		return ossl_fail(j, "the request's key");
	out->spki = span_mem(arena_memdup(j->arena, der, (size_t)n), (size_t)n);
	OPENSSL_free(der);
	const char *reason =
	    keycheck_spki(j->arena, out->spki, KEYCHECK_SUBJECT, &type, &key);
	if (reason != NULL || spki_split(out->spki, &type, &bits) < 0)
		return job_fail(j, ERR_INTERNAL, "the request's key: %s",
		    reason != NULL ? reason : "cannot be read");
	if (X509_REQ_verify(request, key) != 1)
		return ossl_fail(
		    j, "the request does not prove that its key is there");
	uint8_t *id = arena_alloc(j->arena, KEY_ID_LEN);
	key_id_compute(bits, id);
	out->key_id = span_mem(id, KEY_ID_LEN);
	return 0;
}

int
ceremony_request_read(
    struct job *j, const char *path, struct ceremony_request_parts *out)
{
	struct span text;

	if (file_read(j, path, REQUEST_MAX, &text) < 0)
		return -1;
	BIO *bio = ossl_own_bio(j->arena, BIO_new_mem_buf(text.p, (int)text.n));
	X509_REQ *request = bio == NULL ? NULL
					: PEM_read_bio_X509_REQ(
					      bio, NULL, passphrase_none, NULL);
	ERR_clear_error();
	if (request == NULL)
		return job_fail(
		    j, ERR_INTERNAL, "%s: no certificate request in PEM", path);
	int r = take_parts(j, request, out);
	X509_REQ_free(request);
	return r < 0 ? job_context(j, "%s", path) : 0;
}

/* --- what was signed ----------------------------------------------------- */

int
ceremony_register(struct ceremony *c, struct span der)
{
	struct certview v;

	if (certview_parse(der, &v) < 0)
		return job_fail(c->j, ERR_INTERNAL, "not strict DER");
	return ceremony_write(c,
	    arena_printf(
		c->j->arena, "issued/%s.pem", hex_dup(c->j->arena, v.serial)),
	    0444, ceremony_pem(c->j, "CERTIFICATE", der), false);
}

struct search {
	const struct ceremony_request_parts *request;
	int64_t newest;
	struct span der;
};

static int
compare(struct ceremony *c, struct search *s, const struct certview *v)
{
	bool same_name = span_eq(v->subject, s->request->subject);
	bool same_key = span_eq(v->spki, s->request->spki);

	if (same_name && !same_key)
		return job_fail(c->j, ERR_CONFLICT,
		    "this root has signed that name for another key: give the "
		    "new CA a name of its own (PK-135)");
	if (same_key && !same_name)
		return job_fail(c->j, ERR_CONFLICT,
		    "this root has signed that key under another name "
		    "(PK-135)");
	if (!same_name && ca_name_is_shared(v->subject, s->request->subject))
		return job_fail(c->j, ERR_CONFLICT,
		    "this root has signed that CN in another name: give the "
		    "new CA a CN of its own (PK-119)");
	if (same_name && (s->der.n == 0 || v->not_before >= s->newest)) {
		s->newest = v->not_before;
		s->der = v->der;
	}
	return 0;
}

int
ceremony_look_up(struct ceremony *c,
    const struct ceremony_request_parts *request, struct span *der)
{
	const char *folder = ceremony_path(c, "issued");
	struct search s = { .request = request };
	DIR *d = opendir(folder);
	const struct dirent *e;
	int r = 0;

	if (d == NULL)
		return job_fail(c->j, ERR_INTERNAL,
		    "%s: cannot be read; without it nobody knows what this "
		    "root has signed",
		    folder);
	while (r == 0 && (e = readdir(d)) != NULL) {
		struct ceremony_cert cert;

		if (!span_ends(span_str(e->d_name), SPAN(".pem")))
			continue;
		r = ceremony_cert_read(c->j,
		    arena_printf(c->j->arena, "%s/%s", folder, e->d_name),
		    &cert);
		if (r == 0)
			r = compare(c, &s, &cert.view);
	}
	closedir(d);
	*der = s.der;
	return r < 0 ? -1 : s.der.n > 0;
}

/* --- where it goes -------------------------------------------------------- */

static bool
is_certificate_for(
    struct job *j, const char *path, const struct ceremony_request_parts *r)
{
	struct ceremony_cert cert;

	if (!file_is_regular(path) || ceremony_cert_read(j, path, &cert) < 0) {
		job_recover(j);
		return false;
	}
	return span_eq(cert.view.subject, r->subject) &&
	       span_eq(cert.view.spki, r->spki);
}

int
ceremony_out_check(struct ceremony *c, const char *path,
    const struct ceremony_request_parts *request)
{
	struct job *j = c->j;
	const char *folder = file_folder(j->arena, path);
	struct stat st;

	if (file_is_same(folder, ceremony_path(c, "issued")))
		return job_fail(j, ERR_CONFLICT,
		    "%s: the root keeps there what it has signed: give --out a "
		    "file in another folder",
		    path);
	if (lstat(path, &st) == 0)
		return is_certificate_for(j, path, request)
			   ? 0
			   : job_fail(j, ERR_CONFLICT,
				 "%s: is there, and is no certificate for this "
				 "request: give --out the name of a new file",
				 path);
	if (access(folder, W_OK | X_OK) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: nothing can be written there (%s): give --out a file "
		    "in a folder that can be written",
		    path, strerror(errno));
	return 0;
}
