/*
 * The key of the live OCSP responder in a token slot of its own (PK-177): from
 * the process that has it, and from the one that answers clients.  Between them
 * is a struct remote_key (pki/remote_key.h), whose label is the key's CKA_ID.
 *
 * Nobody has certified the key when it is first used, so the token says which
 * one it is, and the key's signature over a certificate request shows that it
 * is so (PK-210): that is what the issuer gets, too.
 */
#ifndef PKI_RESPONDER_KEY_H
#define PKI_RESPONDER_KEY_H

#include "pki/responder.h"

struct remote_key;
struct responder_key;
struct token_place;

/* --- who has it --- */

/* Reads the PIN, if it is in a file; nothing of the module's runs.  Lives as
 * long as `keep`.  0, or -1 ERR_INTERNAL. */
int responder_key_prepare(struct job *j, struct arena *keep,
    const struct token_place *place, struct responder_key **out);
/* Would it sign now?  0; -1 as ca_ready(); ERR_REFUSED also for a key that is
 * not of P-256 (PK-165). */
int responder_key_ready(struct job *j, struct responder_key *k);
/*
 * What the tag of pki/remote_key.h asks for: REMOTE_ANSWER, a signature over a
 * ResponseData that names this key; REMOTE_REQUEST, which has no octets, its
 * request.  Nothing else (PK-203).  0; -1 ERR_INTERNAL saying why not, or as
 * responder_key_ready().
 */
int responder_key_signature(struct job *j, struct responder_key *k, char tag,
    struct span tbs, struct span *out);

/* --- who makes it --- */

struct responder_key_made {
	const char *spki_sha256; /* hex */
	const char *attributes;  /* as read back: "CKA_SIGN true, …" */
	const char *device;      /* maker, model, serial number */
};
/* Inside its token, for signing alone (PK-198).  0; -1 as cryptoki_connect(),
 * or ERR_CONFLICT where there is one of that label and id. */
int responder_key_make(struct job *j, const struct token_place *place,
    struct responder_key_made *out);

/* --- who answers --- */

/* The same as responder_new_key() for the key that is there, with its request.
 * `remote` and `label` live as long as `keep`.  0, or -1 as its sign(). */
int responder_key_ask(struct job *j, struct arena *keep,
    const struct remote_key *remote, const char *label, struct responder *out);

#endif
