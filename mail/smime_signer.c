#include "config.h"

#include "mail/smime_signer.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/passphrase.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#define FILE_MAX 65536
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define GROUP_NAME_MAX 64
#define SOON_SECS (30 * 86400)

static void
x509_release(void *x)
{
	X509_free(x);
}

static void
pkey_release(void *x)
{
	EVP_PKEY_free(x);
}

static void
bio_release(void *x)
{
	BIO_free(x);
}

static void
names_release(void *x)
{
	GENERAL_NAMES_free(x);
}

static BIO *
bio_of(struct job *j, struct span pem)
{
	return arena_own(
	    j->arena, BIO_new_mem_buf(pem.p, (int)pem.n), bio_release);
}

/* --- reading the files
 * ------------------------------------------------------------------ */

struct loading {
	struct job *j;
	struct arena *keep;
	const struct smime_files *files;
	struct smime_signer *s;
};

/* Does the file end here, or is what follows no certificate? */
static bool
is_end(void)
{
	unsigned long e = ERR_peek_last_error();
	bool end = ERR_GET_LIB(e) == ERR_LIB_PEM &&
		   ERR_GET_REASON(e) == PEM_R_NO_START_LINE;

	ERR_clear_error();
	return end;
}

static bool
is_root(X509 *x)
{
	return X509_check_issued(x, x) == X509_V_OK;
}

static int
add_certificate(struct loading *l, X509 *x, X509 *before)
{
	struct smime_signer *s = l->s;

	if (before == NULL) {
		s->leaf = x;
		return 0;
	}
	if (X509_check_issued(x, before) != X509_V_OK)
		return job_fail(l->j, ERR_INTERNAL,
		    "%s: a certificate in it did not issue the one before it; "
		    "first comes the signer's, then each one's issuer",
		    l->files->certificate);
	if (is_root(x))
		return 0; /* receivers have it, or do not trust it */
	if (s->chain_count == SMIME_CHAIN_MAX)
		return job_fail(l->j, ERR_INTERNAL,
		    "%s: more than %d certificates lead to the root",
		    l->files->certificate, SMIME_CHAIN_MAX);
	s->chain[s->chain_count++] = x;
	return 0;
}

static int
read_certificates(struct loading *l)
{
	X509 *x, *before = NULL;
	struct span pem;
	BIO *bio;

	if (file_read(l->j, l->files->certificate, FILE_MAX, &pem) < 0)
		return -1;
	bio = bio_of(l->j, pem);
	while (
	    (x = PEM_read_bio_X509(bio, NULL, passphrase_none, NULL)) != NULL) {
		arena_own(l->keep, x, x509_release);
		if (add_certificate(l, x, before) < 0)
			return -1;
		before = x;
	}
	if (!is_end() || before == NULL)
		return job_fail(l->j, ERR_INTERNAL,
		    "%s: not a file of certificates in PEM",
		    l->files->certificate);
	return 0;
}

static int
read_key(struct loading *l)
{
	struct span pem;

	if (l->files->key == NULL)
		return 0;
	if (file_read_private(l->j, l->files->key, FILE_MAX, &pem) < 0)
		return -1;
	l->s->key = PEM_read_bio_PrivateKey(
	    bio_of(l->j, pem), NULL, passphrase_none, NULL);
	ERR_clear_error();
	if (l->s->key == NULL)
		return job_fail(l->j, ERR_INTERNAL,
		    "%s: no private key in PEM without a passphrase",
		    l->files->key);
	arena_own(l->keep, l->s->key, pkey_release);
	if (X509_check_private_key(l->s->leaf, l->s->key) == 1)
		return 0;
	ERR_clear_error();
	return job_fail(l->j, ERR_INTERNAL,
	    "%s: not the key of the first certificate in %s", l->files->key,
	    l->files->certificate);
}

/* --- what the certificate must be (MA-102)
 * ---------------------------------------------- */

static int
wrong(struct loading *l, const char *what)
{
	return job_fail(
	    l->j, ERR_INTERNAL, "%s: %s", l->files->certificate, what);
}

static bool
is_good_group(EVP_PKEY *key)
{
	static const char *const good[] = { "prime256v1", "secp384r1",
		"secp521r1" };
	char name[GROUP_NAME_MAX];
	size_t n;

	if (EVP_PKEY_get_group_name(key, name, sizeof(name), &n) != 1)
		return false;
	for (size_t i = 0; i < COUNT(good); i++)
		if (strcmp(name, good[i]) == 0)
			return true;
	return false;
}

static int
check_key_type(struct loading *l)
{
	EVP_PKEY *key = X509_get0_pubkey(l->s->leaf);
	int bits = key == NULL ? 0 : EVP_PKEY_get_bits(key);

	switch (key == NULL ? EVP_PKEY_NONE : EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX)
			return 0;
		return wrong(l, "an RSA key must have 2048 to 8192 bits");
	case EVP_PKEY_EC:
		if (is_good_group(key))
			return 0;
		return wrong(l, "an EC key must be on P-256, P-384 or P-521");
	case EVP_PKEY_ED25519:
	case EVP_PKEY_ED448:
		/* OpenSSL 3.0 cannot make CMS signatures with them. */
		return wrong(l, "mails cannot be signed with an Ed25519 key; "
				"use one with RSA, P-256, P-384 or P-521");
	default:
		return wrong(
		    l, "its key must be RSA, or EC on P-256, P-384 or P-521");
	}
}

static int
check_uses(struct loading *l)
{
	X509 *x = l->s->leaf;
	uint32_t flags = X509_get_extension_flags(x);

	if (flags & EXFLAG_INVALID)
		return wrong(l, "its extensions are damaged");
	if (X509_check_ca(x) != 0)
		return wrong(l, "the first certificate is a CA's; first comes "
				"the signer's");
	if (!(flags & EXFLAG_KUSAGE) ||
	    !(X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE))
		return wrong(l, "its keyUsage must have digitalSignature");
	if (!(flags & EXFLAG_XKUSAGE) ||
	    !(X509_get_extended_key_usage(x) & XKU_SMIME))
		return wrong(
		    l, "its extendedKeyUsage must have emailProtection");
	return 0;
}

static int
moment(struct loading *l, const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return wrong(l, "it has no readable dates");
	*out = clock_secs(&(struct clock_date){ .year = tm.tm_year + 1900,
	    .month = tm.tm_mon + 1,
	    .day = tm.tm_mday,
	    .hour = tm.tm_hour,
	    .minute = tm.tm_min,
	    .second = tm.tm_sec });
	return 0;
}

static int
check_dates(struct loading *l)
{
	struct smime_signer *s = l->s;
	char text[CLOCK_RFC3339_MAX];

	if (moment(l, X509_get0_notBefore(s->leaf), &s->not_before) < 0 ||
	    moment(l, X509_get0_notAfter(s->leaf), &s->not_after) < 0)
		return -1;
	if (l->j->now < s->not_before) {
		clock_format_rfc3339(s->not_before, text);
		return job_fail(l->j, ERR_INTERNAL,
		    "%s: the certificate is valid from %s only; is the clock "
		    "right?",
		    l->files->certificate, text);
	}
	if (l->j->now <= s->not_after)
		return 0;
	clock_format_rfc3339(s->not_after, text);
	return job_fail(l->j, ERR_INTERNAL,
	    "%s: the certificate ended at %s; put a new one there, or take "
	    "sender.smime_certificate and sender.smime_key out",
	    l->files->certificate, text);
}

/* The one that clients look at: the first (acme4j reads no further). */
static struct span
first_mailbox(struct job *j, X509 *x)
{
	GENERAL_NAMES *names = arena_own(j->arena,
	    X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL),
	    names_release);

	for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

		if (n->type == GEN_EMAIL)
			return span_mem(ASN1_STRING_get0_data(n->d.rfc822Name),
			    (size_t)ASN1_STRING_length(n->d.rfc822Name));
	}
	ERR_clear_error();
	return SPAN("");
}

/* Domains are compared without case; no local part is. */
static bool
is_same_mailbox(struct span name, const char *from)
{
	struct span whole = span_str(from);
	size_t local = whole.n - strlen(addr_domain_of(from));

	return name.n == whole.n &&
	       span_eq(span_cut(name, 0, local), span_cut(whole, 0, local)) &&
	       span_caseeq(span_from(name, local), span_from(whole, local));
}

static int
check_name(struct loading *l)
{
	struct span name = first_mailbox(l->j, l->s->leaf);

	if (is_same_mailbox(name, l->s->from))
		return 0;
	if (name.n == 0 || name.n > 254 || span_has_control(name) ||
	    !span_is_ascii(name))
		return job_fail(l->j, ERR_INTERNAL,
		    "%s: its subjectAltName has no mailbox; it must have the "
		    "rfc822Name %s, which is sender.from",
		    l->files->certificate, l->s->from);
	return job_fail(l->j, ERR_INTERNAL,
	    "%s: its (first) rfc822Name is %.*s, but sender.from is %s; "
	    "they must be the same",
	    l->files->certificate, (int)name.n, name.p, l->s->from);
}

int
smime_signer_load(struct job *j, struct arena *keep,
    const struct smime_files *files, const char *from,
    const struct smime_signer **out)
{
	struct smime_signer *s = arena_alloc(keep, sizeof(*s));
	struct loading l = { j, keep, files, s };

	s->from = arena_strdup(keep, from);
	if (read_certificates(&l) < 0 || check_key_type(&l) < 0 ||
	    check_uses(&l) < 0 || check_name(&l) < 0 || check_dates(&l) < 0 ||
	    read_key(&l) < 0)
		return -1;
	*out = s;
	return 0;
}

bool
smime_signer_fits(const struct smime_signer *s, const char *from, int64_t now)
{
	return s != NULL && strcmp(s->from, from) == 0 &&
	       now >= s->not_before && now <= s->not_after;
}

bool
smime_signer_ends_soon(const struct smime_signer *s, int64_t now)
{
	return s->not_after < now + SOON_SECS;
}
