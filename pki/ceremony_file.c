#include "config.h"

#include <dirent.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "pki/ceremony.h"
#include "pki/ceremony_lock.h"
#include "pki/ossl.h"

#define FOLDER_ID_OCTETS 16
#define PROGRAM_MAX (64 * 1024 * 1024)
#define PEM_MAX (64 * 1024)
#define ADOPT_MAX (16 * 1024 * 1024)
#define CONF_MAX (1024 * 1024)

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

static const char *
hash_of(struct job *j, struct span data)
{
	uint8_t digest[SHA256_LEN];

	sha256(data, digest);
	return hex_dup(j->arena, span_mem(digest, sizeof digest));
}

int
ceremony_write(struct ceremony *c, const char *name, mode_t mode,
    struct span data, bool is_replacing)
{
	const char *path = ceremony_path(c, name);

	if ((is_replacing ? file_write(c->j, path, mode, data)
			  : file_create(c->j, path, mode, data)) < 0)
		return -1;
	if (mode == 0400)
		return transcript_add(
		    c->j, &c->transcript, "written: %s (secret)", name);
	return transcript_add(c->j, &c->transcript, "written: %s, SHA-256 %s",
	    name, hash_of(c->j, data));
}

static bool
has_key(const struct ceremony *c)
{
	return ceremony_has(c, "root-key.pem") ||
	       ceremony_has(c, "root-key.token") ||
	       ceremony_has(c, "issuing-key.pem") ||
	       ceremony_has(c, "issuing-key.token");
}

static int
say_conf(struct ceremony *c)
{
	struct span text;

	if (c->conf == NULL)
		return 0;
	return file_read(c->j, c->conf, CONF_MAX, &text) < 0
		   ? -1
		   : transcript_add(c->j, &c->transcript,
			 "configuration: %s, SHA-256 %s", c->conf,
			 hash_of(c->j, text));
}

/* A kill between a file and its line: the line is added, once. */
static int
adopt(struct ceremony *c, const char *name)
{
	struct span data;

	if (!ceremony_has(c, name) ||
	    transcript_says(&c->transcript,
		arena_printf(c->j->arena, "written: %s, SHA-256 ", name)))
		return 0;
	return file_read(c->j, ceremony_path(c, name), ADOPT_MAX, &data) < 0
		   ? -1
		   : transcript_add(c->j, &c->transcript,
			 "written: %s, SHA-256 %s, before an act was stopped",
			 name, hash_of(c->j, data));
}

/* What a write that was cut off has left: perhaps a secret. */
static int
sweep(struct ceremony *c, const char *folder)
{
	const char *path = ceremony_path(c, folder);
	DIR *d = opendir(path);
	const struct dirent *e;
	int result = 0;

	while (d != NULL && result == 0 && (e = readdir(d)) != NULL) {
		struct span name = span_str(e->d_name);

		if (span_ends(name, SPAN(".tmp")))
			(void)unlink(arena_printf(
			    c->j->arena, "%s/%s", path, e->d_name));
		else if (strcmp(folder, ".") != 0 && e->d_name[0] != '.')
			result = adopt(c, arena_printf(c->j->arena, "%s/%s",
					      folder, e->d_name));
	}
	if (d != NULL)
		closedir(d);
	return result;
}

static int
take_up(struct ceremony *c)
{
	static const char *const once[] = { "root-key.token",
		"issuing-key.token", "root.pem", "root.crl", "issuing.crl" };

	for (size_t i = 0; i < COUNT(once); i++)
		if (adopt(c, once[i]) < 0)
			return -1;
	return sweep(c, ".") < 0 || sweep(c, "issued") < 0 ||
		       sweep(c, "linted") < 0
		   ? -1
		   : 0;
}

/* The first line is older than any key, and another one in each folder: that is
 * how the audit knows whose transcript it is (src/ceremony_mark.h). */
static int
begin_folder(struct ceremony *c)
{
	uint8_t octets[FOLDER_ID_OCTETS];

	if (c->transcript.count > 0)
		return 0;
	if (has_key(c))
		return job_fail(c->j, ERR_INTERNAL,
		    "%s: not there, but a key is; put the transcript back",
		    c->transcript.path);
	rnd_bytes(octets, sizeof octets);
	return transcript_add(c->j, &c->transcript, "folder: %s",
	    hex_dup(c->j->arena, span_mem(octets, sizeof octets)));
}

/* Step 1: which program, which configuration, and when. */
int
ceremony_open(struct ceremony *c, const char *act)
{
	struct job *j = c->j;
	struct span program;

	if (ceremony_lock_made(c) < 0)
		return -1;
	if (transcript_open(j, ceremony_path(c, "transcript"), &c->transcript) <
		0 ||
	    file_read(j, "/proc/self/exe", PROGRAM_MAX, &program) < 0)
		return -1;
	if (begin_folder(c) < 0)
		return -1;
	if (transcript_add(j, &c->transcript,
		"act: %s; program: %s, SHA-256 %s", act, PACKAGE_STRING,
		hash_of(j, program)) < 0)
		return -1;
	return say_conf(c) < 0 ? -1 : take_up(c);
}

int
ceremony_finish(struct ceremony *c, const char *act)
{
	return transcript_add(c->j, &c->transcript, "done: %s", act);
}

int
ceremony_is_done(struct job *j, const char *dir, const char *act)
{
	struct transcript t;

	if (transcript_open(
		j, arena_printf(j->arena, "%s/transcript", dir), &t) < 0)
		return -1;
	return transcript_says(&t, arena_printf(j->arena, "done: %s", act));
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
	out->x509 =
	    bio == NULL ? NULL : ossl_own_x509(j->arena, ossl_read_x509(bio));
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
	return hash_of(j, spki);
}
