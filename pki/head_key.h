/*
 * Keys that sign the heads of the audit chain (PK-21, decision 34): the private
 * one is the issuer's alone, the public ones, of now and of before, stand in a
 * file that an auditor has.  No CA's key: it signs nothing but this.
 *
 * A signature verifies with
 *	openssl dgst -sha256 -verify KEY -signature SIGNATURE TEXT
 */
#ifndef PKI_HEAD_KEY_H
#define PKI_HEAD_KEY_H

#include "lib/buf.h"
#include "lib/digest.h"

struct arena;
struct job;
struct head_key;
struct head_keys;

/* A private key in PEM without passphrase, RSA or EC as subscribers may have
 * (PK-68).  0, or -1 ERR_INTERNAL naming the file. */
int head_key_load(struct job *j, struct arena *keep, const char *path,
    const struct head_key **out);
/* SHA-256 of its SubjectPublicKeyInfo, and that. */
struct span head_key_sha256(const struct head_key *k);
struct span head_key_spki(const struct head_key *k);
/* For audit_mark_put(): ctx is a head_key; the signature is the job's.  0, or
 * -1 ERR_INTERNAL. */
int head_key_sign(
    struct job *j, const void *ctx, struct span text, struct span *signature);
/* For `countersign init`: an EC key on P-256 (mode 0400) and, in another file,
 * its public key; neither may be there. */
int head_key_create(struct job *j, const char *path, const char *public_path);

#define HEAD_KEYS_MAX 100
/* PUBLIC KEY blocks, one behind the other: 0, or -1 ERR_INTERNAL. */
int head_keys_load(struct job *j, struct arena *keep, const char *path,
    const struct head_keys **out);
bool head_keys_has(const struct head_keys *keys, struct span sha256);
/* For the verifier of db/audit_mark.h: ctx is head_keys.  1 good, 0 not good,
 * -1 none of them has this hash. */
int head_keys_verify(const void *ctx, struct span sha256, struct span text,
    struct span signature);

#endif
