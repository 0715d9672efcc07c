/*
 * Octets that only the holder of a key elsewhere can read (PK-23): CMS
 * AuthEnvelopedData (RFC 5083) with AES-256-GCM, for RSA with OAEP, for an EC
 * key with ephemeral Diffie-Hellman.  `openssl cms -decrypt` opens it as well.
 */
#ifndef PKI_ENVELOPE_H
#define PKI_ENVELOPE_H

#include <openssl/x509.h>

#include "lib/buf.h"

struct arena;
struct job;

/* From a PEM file.  0, or -1: what would be right. */
int envelope_recipient(
    struct job *j, struct arena *keep, const char *path, X509 **out);
int envelope_seal(
    struct job *j, X509 *recipient, struct span plain, struct span *out);
/* With the private key in a PEM file; a passphrase is asked for at the
 * terminal. */
int envelope_open(struct job *j, const char *key_file, struct span sealed,
    struct span *plain);

#endif
