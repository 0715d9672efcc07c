/*
 * What cryptoki.c, cryptoki_key.c and cryptoki_error.c share.
 */
#ifndef PKI_CRYPTOKI_PRIVATE_H
#define PKI_CRYPTOKI_PRIVATE_H

#include <openssl/types.h>
#include <p11-kit/pkcs11.h>
#include <stdint.h>

#include "pki/cryptoki.h"

/*
 * A loaded module, which all keys of this process share.  C_Finalize ends it
 * for all of them, and the next C_Initialize gives the same handles again, for
 * other sessions and objects: those of an earlier generation must not be used.
 */
struct cryptoki_module {
	CK_FUNCTION_LIST *f;
	unsigned generation;
	size_t users;  /* keys of this generation */
	uint64_t good; /* logins and signatures so far */
	struct cryptoki_module *next;
};

struct cryptoki {
	const struct token_place *place;
	struct span id;     /* CKA_ID */
	unsigned char *pin; /* locked memory; wiped once it was refused */
	size_t pin_len;
	bool is_pin_refused;
	CK_FUNCTION_LIST *f;
	struct cryptoki_module *module;
	unsigned generation; /* of the module; what follows is of that one */
	bool is_initialized;
	bool has_session;
	bool is_logged_in;
	uint64_t seen;     /* the module's `good` at this key's last failure */
	unsigned failures; /* in a row */
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	bool may_be_gone; /* the key: cryptoki_may_be_gone() */
	bool is_gone;
};

/* -1 saying that `what` gave `rv`: ERR_REFUSED if the same call would give it
 * again, ERR_BUSY if not. */
int cryptoki_fail(struct job *j, const char *what, CK_RV rv);

/* A session for making a key: slot, maker (PK-195), login.  0; -1 as
 * cryptoki_connect().  cryptoki_leave() ends it. */
int cryptoki_enter(struct job *j, struct cryptoki *c);

/* How many objects of this class have the place's label and id: two at most are
 * looked for. */
int cryptoki_objects(struct job *j, struct cryptoki *c, CK_OBJECT_CLASS class,
    CK_OBJECT_HANDLE out[2], CK_ULONG *n);
int cryptoki_attribute(struct job *j, struct cryptoki *c,
    CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct span *out);
/* Adds what the private key c->key has of PK-198, and CKA_LOCAL (made in the
 * device): "CKA_SIGN true, …"; *wrong is how many are not as they should be. */
int cryptoki_describe(
    struct job *j, struct cryptoki *c, struct buf *out, size_t *wrong);

/* Of a session that is logged in: finds the private key, and compares its
 * public part and its attributes (PK-196, PK-198).  0; -1 as
 * cryptoki_connect(). */
int cryptoki_find_key(
    struct job *j, struct cryptoki *c, const EVP_PKEY *public_key);

#endif
