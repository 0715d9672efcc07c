/*
 * Keys that may sign a reply, or the certificate of one who does (MA-72):
 * RSA of 2048 to 8192 bits, P-256 and larger, Ed25519.
 */
#ifndef MAIL_SMIME_KEY_H
#define MAIL_SMIME_KEY_H

#include <openssl/types.h>

#include "lib/buf.h"

struct job;

struct smime_key {
	const char *type; /* "RSA", "RSA-PSS", "EC", "Ed25519" */
	unsigned bits;
	int nid; /* EVP_PKEY_RSA … */
};

/* NULL, or why the key does not count: a constant text. */
const char *smime_key_check(
    struct job *j, EVP_PKEY *key, struct smime_key *out);

#endif
