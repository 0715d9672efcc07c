#include "config.h"

#include "pki/ca_key_end.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "pki/ca_build.h"
#include "pki/certview.h"
#include "pki/cryptoki.h"
#include "pki/ossl.h"
#include "pki/token_key.h"

#define PASSPHRASE_MAX 1024
#define PART 4096

int
ca_key_facts(struct job *j, const char *certificate, struct ca_key_facts *out)
{
	struct span der = { NULL, 0 }, key_id = { NULL, 0 };
	struct certview v;

	if (ca_certificate_read(j, j->arena, certificate, &der) < 0)
		return -1;
	if (certview_parse(der, &v) < 0 ||
	    certview_subject_key_id(&v, &key_id) != 1)
		return job_fail(j, ERR_INTERNAL,
		    "%s: not the certificate of a CA", certificate);
	*out = (struct ca_key_facts){ .spki = v.spki,
		.label = hex_dup(j->arena, key_id),
		.not_after = v.not_after };
	sha256(v.spki, out->sha256);
	return 0;
}

const char *
ca_key_destroy_method(const struct ca_files *files)
{
	return files->token != NULL
		   ? "both objects of the token destroyed (C_DestroyObject)"
		   : "file overwritten with random octets and removed";
}

static EVP_PKEY *
public_key(struct job *j, const struct ca_key_facts *facts)
{
	const unsigned char *p = ossl_bytes(facts->spki);

	return ossl_own_pkey(
	    j->arena, d2i_PUBKEY(NULL, &p, (long)facts->spki.n));
}

/* --- a file --------------------------------------------------------------- */

static int
fail_errno(struct job *j, const char *path, const char *what)
{
	return job_fail(
	    j, ERR_INTERNAL, "%s: %s: %s", path, what, strerror(errno));
}

/* The wrong file in the configuration must not be lost. */
static int
check_file(
    struct job *j, const struct ca_files *files, const EVP_PKEY *expected)
{
	struct span passphrase = { NULL, 0 };
	EVP_PKEY *key = NULL;

	if (files->passphrase_file == NULL)
		return job_fail(
		    j, ERR_INTERNAL, "%s: no passphrase file", files->key);
	if (file_read_secret(
		j, files->passphrase_file, PASSPHRASE_MAX, &passphrase) < 0 ||
	    ca_key_open(j, files->key, passphrase, &key) < 0)
		return -1;
	if (EVP_PKEY_eq(key, expected) != 1)
		return job_fail(j, ERR_INTERNAL,
		    "%s: not the key of the certificate in %s", files->key,
		    files->certificate);
	return 0;
}

static int
overwrite(struct job *j, int fd, const char *path)
{
	unsigned char part[PART];
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return job_fail(
		    j, ERR_INTERNAL, "%s: not a regular file", path);
	for (off_t at = 0; at < st.st_size; at += PART) {
		size_t n =
		    st.st_size - at < PART ? (size_t)(st.st_size - at) : PART;

		rnd_bytes(part, n);
		if (pwrite(fd, part, n, at) != (ssize_t)n)
			return fail_errno(j, path, "cannot overwrite");
	}
	if (fsync(fd) != 0 || ftruncate(fd, 0) != 0 || fsync(fd) != 0)
		return fail_errno(j, path, "cannot overwrite");
	return 0;
}

static int
destroy_file(struct job *j, const char *path)
{
	int fd, result;

	/* Its mode is 0400, and its owner need not be root. */
	if (chmod(path, S_IRUSR | S_IWUSR) != 0)
		return fail_errno(j, path, "cannot be made writable");
	fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(j, path, "cannot open");
	result = overwrite(j, fd, path);
	close(fd);
	if (result == 0 && unlink(path) != 0)
		result = fail_errno(j, path, "cannot remove");
	return result < 0 ? -1 : file_sync_folder(j, path);
}

/* --- either --------------------------------------------------------------- */

static int
destroy_in_token(struct job *j, const struct token_place *given,
    const EVP_PKEY *key, bool was_begun, bool *was_gone)
{
	struct token_place place = *given;
	struct cryptoki *c = NULL;
	int result;

	/* What a key must be to sign it need not be to end. */
	place.is_public = false;
	if (cryptoki_new(j, j->arena, &place, &c) < 0)
		return -1;
	if (was_begun)
		cryptoki_may_be_gone(c);
	if (cryptoki_connect(j, c, key) < 0)
		return -1;
	result = cryptoki_destroy(j, c, was_gone);
	cryptoki_leave(c);
	return result;
}

/*
 * Under another name first: what is overwritten only in part is no key any
 * more, and a second run could not tell whether it may remove it.
 */
static int
destroy_in_file(struct job *j, const struct ca_files *files,
    const EVP_PKEY *expected, bool was_begun, bool *was_gone)
{
	const char *begun = arena_printf(j->arena, "%s.destroying", files->key);
	struct stat st;

	if (was_begun && lstat(begun, &st) == 0)
		return destroy_file(j, begun);
	if (was_begun && lstat(files->key, &st) != 0 && errno == ENOENT) {
		*was_gone = true;
		return 0;
	}
	if (check_file(j, files, expected) < 0)
		return -1;
	if (lstat(files->key, &st) != 0 || !S_ISREG(st.st_mode))
		return job_fail(j, ERR_INTERNAL,
		    "%s: not a regular file; give the file itself as ca_key",
		    files->key);
	if (rename(files->key, begun) != 0)
		return fail_errno(j, files->key, "cannot rename");
	return file_sync_folder(j, begun) < 0 ? -1 : destroy_file(j, begun);
}

int
ca_key_destroy(
    struct job *j, const struct ca_files *files, bool was_begun, bool *was_gone)
{
	struct ca_key_facts facts = { .label = NULL };
	EVP_PKEY *key;

	*was_gone = false;
	if (ca_key_facts(j, files->certificate, &facts) < 0)
		return -1;
	key = public_key(j, &facts);
	if (key == NULL)
		return ossl_fail(j, files->certificate);
	if (files->token != NULL)
		return destroy_in_token(
		    j, files->token, key, was_begun, was_gone);
	if (files->key == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "the configuration names no key of the CA");
	return destroy_in_file(j, files, key, was_begun, was_gone);
}
