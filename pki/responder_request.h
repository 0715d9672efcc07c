/*
 * How an OCSP responder shows that it has the key that it wants certified: a
 * certification request (RFC 2986) that names nobody, since the issuer chooses
 * all that its certificate says.  responder_request() makes one.
 */
#ifndef PKI_RESPONDER_REQUEST_H
#define PKI_RESPONDER_REQUEST_H

#include <openssl/types.h>

#include "lib/buf.h"

struct arena;
struct job;
struct signer;
struct signing_key;

#define RESPONDER_REQUEST_MAX 512 /* octets; one of P-256 has about 220 */

/* Inside pki/ only: the key as that of a responder: 0; -1 ERR_INTERNAL for one
 * that is not of P-256.  Lives as long as `keep`. */
int responder_signer(struct job *j, struct arena *keep, EVP_PKEY *public_key,
    const struct signing_key *key, const struct signer **out);

/* 0, the SubjectPublicKeyInfo, which points into `der`, and the public key,
 * which lives as long as `keep`; -1 ERR_MALFORMED: it is none, its key is no
 * good one of P-256, or another key has signed it. */
int responder_request_read(struct job *j, struct arena *keep, struct span der,
    struct span *spki, EVP_PKEY **key);

#endif
