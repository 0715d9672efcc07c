/*
 * The two persons of a ceremony (PK-208): what they confirm, and the secrets
 * that open the root's key only together.
 */
#ifndef PKI_CEREMONY_PERSONS_H
#define PKI_CEREMONY_PERSONS_H

#include "pki/ceremony.h"

/* Are they two, or is one enough? */
int ceremony_persons_check(struct ceremony *c);
/* Both say yes, and the transcript says so. */
int ceremony_confirm(struct ceremony *c, const char *what);
/* One passphrase out of both secrets: neither person alone has any of it. */
int ceremony_ask_passphrase(
    struct ceremony *c, bool is_new, struct span *passphrase);
/* The PIN of a token that holds the root's key: the first person's part and the
 * second's behind it. */
int ceremony_ask_pin_parts(
    struct ceremony *c, const char *token, struct span *pin);

#endif
