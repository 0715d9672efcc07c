/*
 * Public keys by the SHA-256 of their SubjectPublicKeyInfo: those that are
 * blocked (AC-44, AC-158), and those that stand in a certificate (AC-135).
 */
#ifndef DB_STORE_KEY_H
#define DB_STORE_KEY_H

#include "db/store.h"

/*
 * A key by its two hashes (PK-76).  The second is of the modulus or the point
 * alone (pki/keycheck.h), so that no other encoding slips through; empty where
 * only the first is known.
 */
struct key_hash {
	struct span spki_sha256;
	struct span bare_sha256;
};
/* Of which no more is known. */
#define KEY_BY_SPKI(span) (&(const struct key_hash){ .spki_sha256 = (span) })

/* account_id "" stands for everybody. */
#define KEY_BLOCKED_FOR_ALL ""

/*
 * Must this key get no certificate and no account, for anybody or for this
 * account?  account_id NULL: only what holds for everybody is asked.
 * 1 / 0 / -1.
 */
int store_key_is_blocked(
    struct job *j, const struct key_hash *key, const char *account_id);
/* Blocks it from now on; `source` says for people why ("operator", "revoked
 * certificate <id>").  Blocked already: 0, and only the second hash is
 * added, if it was not known. */
int store_key_block(struct job *j, const struct key_hash *key,
    const char *account_id, const char *source);

struct blocked_key {
	const char *spki_sha256; /* hexadecimal */
	const char *account_id;  /* "": everybody */
	int64_t blocked_at;
	const char *source;
};
/* Newest first, at most `max`. */
int store_key_list(
    struct job *j, size_t max, struct blocked_key **out, size_t *count);

/* Is it, in whatever encoding, in a certificate that has not expired, or is
 * about to be signed?  1 / 0 / -1. */
int store_key_in_certificate(struct job *j, const struct key_hash *key);
/* The same of those that are not revoked either: would store_revoke_by_key()
 * find one?  1 / 0 / -1. */
int store_key_is_certified(struct job *j, const struct key_hash *key);

/*
 * Until the transaction ends no other one that locks the same key goes on: what
 * it then reads of the key stays true.  Transactions without this go on.
 */
int store_key_lock(struct job *j, struct span spki_sha256);
/* Is it in a certificate, signed or about to be, of another account (PK-78)?
 * 1 / 0 / -1. */
int store_key_is_of_other(
    struct job *j, struct span spki_sha256, const char *account_id);
/* TBSCertificates of this account with the key, those that live longest first,
 * at most `max`, into out[]: 0 / -1. */
int store_key_certificates(struct job *j, struct span spki_sha256,
    const char *account_id, size_t max, struct span *out, size_t *count);

#endif
