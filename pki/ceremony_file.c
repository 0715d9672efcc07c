#include "config.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/ceremony.h"
#include "pki/ossl.h"

#define PROGRAM_MAX (64 * 1024 * 1024)
#define PEM_MAX (64 * 1024)

const char *
ceremony_path(const struct ceremony *c, const char *name)
{
	return arena_printf(c->j->arena, "%s/%s", c->dir, name);
}

bool
ceremony_has(const struct ceremony *c, const char *name)
{
	return access(ceremony_path(c, name), F_OK) == 0;
}

int
ceremony_write(struct ceremony *c, const char *name, mode_t mode,
    struct span data, bool is_replacing)
{
	const char *path = ceremony_path(c, name);
	uint8_t digest[SHA256_LEN];

	if ((is_replacing ? file_write(c->j, path, mode, data)
			  : file_create(c->j, path, mode, data)) < 0)
		return -1;
	if (mode == 0400)
		return transcript_add(
		    c->j, &c->transcript, "written: %s (secret)", name);
	sha256(data, digest);
	return transcript_add(c->j, &c->transcript, "written: %s, SHA-256 %s",
	    name, hex_dup(c->j->arena, span_mem(digest, sizeof digest)));
}

/* Step 1: which program, and when. */
int
ceremony_open(struct ceremony *c, const char *act)
{
	struct job *j = c->j;
	uint8_t digest[SHA256_LEN];
	struct span program;

	if (mkdir(c->dir, 0700) < 0 && errno != EEXIST)
		return job_fail(
		    j, ERR_INTERNAL, "%s: %s", c->dir, strerror(errno));
	if (transcript_open(j, ceremony_path(c, "transcript"), &c->transcript) <
		0 ||
	    file_read(j, "/proc/self/exe", PROGRAM_MAX, &program) < 0)
		return -1;
	/* Its first line is older than any key. */
	if (c->transcript.count == 0 && (ceremony_has(c, "root-key.pem") ||
					    ceremony_has(c, "issuing-key.pem")))
		return job_fail(j, ERR_INTERNAL,
		    "%s: not there, but a key is; put the transcript back",
		    c->transcript.path);
	sha256(program, digest);
	return transcript_add(j, &c->transcript,
	    "act: %s; program: %s, SHA-256 %s", act, PACKAGE_STRING,
	    hex_dup(j->arena, span_mem(digest, sizeof digest)));
}

int
ceremony_cert_read(struct job *j, const char *path, struct ceremony_cert *out)
{
	struct span text;

	if (file_read(j, path, PEM_MAX, &text) < 0)
		return -1;
	return ceremony_cert_parse(j, path, text, out);
}

int
ceremony_cert_parse(struct job *j, const char *path, struct span text,
    struct ceremony_cert *out)
{
	unsigned char *der = NULL;

	if (text.n > PEM_MAX)
		return job_fail(j, ERR_INTERNAL, "%s: too large", path);
	BIO *bio = ossl_own_bio(j->arena, BIO_new_mem_buf(text.p, (int)text.n));
	out->x509 = bio == NULL ? NULL
				: ossl_own_x509(j->arena,
				      PEM_read_bio_X509(bio, NULL, NULL, NULL));
	ERR_clear_error();
	int n = out->x509 == NULL ? 0 : i2d_X509(out->x509, &der);
	if (n <= 0)
		return job_fail(
		    j, ERR_INTERNAL, "%s: no certificate in PEM", path);
	struct span whole =
	    span_mem(arena_memdup(j->arena, der, (size_t)n), (size_t)n);
	OPENSSL_free(der);
	if (certview_parse(whole, &out->view) < 0)
		return job_fail(j, ERR_INTERNAL, "%s: not strict DER", path);
	return 0;
}

struct span
ceremony_pem(struct job *j, const char *label, struct span der)
{
	struct buf b;

	buf_init(&b, j->arena, PEM_MAX);
	pem_add(&b, label, der);
	return buf_span(&b);
}

bool
ceremony_is_rehearsal(struct span name)
{
	return span_find_span(name, 0, SPAN(CEREMONY_REHEARSAL)) < name.n;
}

int
ceremony_key_check(
    const struct ceremony *c, const EVP_PKEY *key, const char *key_type)
{
	bool is_rsa = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;

	if (key_type == NULL || is_rsa == (strcmp(key_type, "rsa4096") == 0))
		return 0;
	return job_fail(c->j, ERR_CONFLICT,
	    "the key in %s is of another type than %s: give --key-type as "
	    "before, or another folder",
	    c->dir, key_type);
}

const char *
ceremony_key_hash(struct job *j, struct span spki)
{
	uint8_t digest[SHA256_LEN];

	sha256(spki, digest);
	return hex_dup(j->arena, span_mem(digest, sizeof digest));
}
