/*
 * Who signs the challenge mails with S/MIME: a certificate, those that lead
 * to its root, and the private key (MA-102, RFC 8550 section 3).
 *
 * Clients compare the mail's From with the first rfc822Name of the
 * certificate, letter by letter.  So a certificate stands for one address,
 * and mails from another one (with a tag) are not signed by it.
 */
#ifndef MAIL_SMIME_SIGNER_H
#define MAIL_SMIME_SIGNER_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct job;

/* A leaf and at most this many that lead to the root. */
#define SMIME_CHAIN_MAX 5

struct smime_signer {
	X509 *leaf;
	X509 *chain[SMIME_CHAIN_MAX]; /* without the root */
	size_t chain_count;
	EVP_PKEY *key;    /* NULL: only the certificate was looked at */
	const char *from; /* the address that it stands for */
	int64_t not_before, not_after;
};

struct smime_files {
	const char *certificate; /* PEM: the leaf, then each one's issuer */
	const char *key;         /* PEM; NULL: look at the certificate only */
};

/*
 * Loads and checks both for mails from `from`; lives as long as the arena
 * `keep`.  0, or -1 ERR_INTERNAL with the file, what is wrong with it and
 * what would be right.
 */
int smime_signer_load(struct job *j, struct arena *keep,
    const struct smime_files *files, const char *from,
    const struct smime_signer **out);

/* Can a mail from this address be signed now? */
bool smime_signer_fits(
    const struct smime_signer *s, const char *from, int64_t now);

/* Within thirty days. */
bool smime_signer_ends_soon(const struct smime_signer *s, int64_t now);

#endif
