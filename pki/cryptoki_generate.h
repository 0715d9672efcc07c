/*
 * A CA's key made inside a PKCS#11 token (PK-198, PK-209, PK-210), as a
 * ceremony does it: the private half never was anywhere else.
 *
 *	token_make_free()  is there room for it under its label and id?
 *	token_make()       makes it, or takes up the one that was made before
 */
#ifndef PKI_CRYPTOKI_GENERATE_H
#define PKI_CRYPTOKI_GENERATE_H

#include <openssl/types.h>

#include "lib/buf.h"

struct job;
struct token_place;

/*
 * Logs in and looks, changes nothing: the token may be used (PK-195), makes
 * keys of this type ("p256", "p384", "rsa4096"), and has no object with this
 * label and id.  0; -1 saying what would be right: ERR_CONFLICT if there is
 * one.
 */
int token_make_free(
    struct job *j, const struct token_place *place, const char *type);

struct token_made {
	EVP_PKEY *public_key; /* in the job's arena; of the quality of 7.3 */
	/* "CKA_LOCAL true, CKA_SIGN true, …": as read back. */
	const char *attributes;
	size_t wrong;       /* of them are not as they should be */
	const char *device; /* maker, model, serial number */
	bool is_new;
};

/*
 * `type` NULL: it must be there.  What a generation that was cut off has left
 * (a public half alone) is removed first.  0; -1 as cryptoki_connect(), and
 * ERR_REFUSED for a private half without a public one.
 */
int token_make(struct job *j, const struct token_place *place, const char *type,
    struct token_made *out);

#endif
