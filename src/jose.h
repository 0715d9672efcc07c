/*
 * Signed requests as a client writes them (RFC 7515, RFC 8555 section 6.2):
 * ES256 with a P-256 key, flattened JWS.
 */
#ifndef SRC_JOSE_H
#define SRC_JOSE_H

#include "lib/buf.h"

struct evp_pkey_st;
struct job;

/* {"crv":"P-256","kty":"EC","x":…,"y":…}: the canonical form of RFC 7638. */
int jose_jwk(struct job *j, const struct evp_pkey_st *key, const char **out);
/* Its SHA-256 in base64url: 43 characters. */
int jose_thumbprint(
    struct job *j, const struct evp_pkey_st *key, const char **out);

/* `header` is the protected header's JSON; an empty payload is a read. */
int jose_sign(struct job *j, struct evp_pkey_st *key, struct span header,
    struct span payload, struct span *out);

/*
 * externalAccountBinding (RFC 8555 section 7.3.4): this JWK for newAccount at
 * `url`, signed with HS256 by the MAC key that the server's operator gave.
 */
int jose_bind(struct job *j, const char *kid, struct span mac_key,
    const char *url, const char *jwk, struct span *out);

#endif
