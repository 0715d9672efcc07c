/*
 * A CA key that another process has (PK-202), from both ends: who wants a
 * signature gives ca_load() a struct remote_key, and what that is asked ends
 * in ca_signature() of the other process.  Both look at what is signed; no raw
 * octets pass either (PK-203).
 */
#ifndef PKI_REMOTE_KEY_H
#define PKI_REMOTE_KEY_H

#include "lib/buf.h"

struct arena;
struct ca;
struct job;

/* What a to-be-signed structure is. */
#define REMOTE_SUBSCRIBER 'S' /* TBSCertificate of a mailbox */
#define REMOTE_CA 'C'         /* TBSCertificate of a CA */
#define REMOTE_RESPONDER 'R'  /* TBSCertificate of an OCSP responder */
#define REMOTE_LIST 'L'       /* TBSCertList */
#define REMOTE_ANSWER 'O'     /* ResponseData */
/* No structure: a responder's key makes its request itself, and that is the
 * answer (pki/responder_key.h). */
#define REMOTE_REQUEST 'Q'

#define REMOTE_SIGNATURE_MAX 1024 /* octets */

struct remote_key {
	/* By the key with this label (ca_key_label()).  0 and the content of
	 * the BIT STRING, which is verified afterwards; -1 ERR_INTERNAL, -1
	 * ERR_BUSY while it is away, -1 ERR_REFUSED until a person has mended
	 * it (PK-200). */
	int (*sign)(struct job *j, void *context, const char *label, char tag,
	    struct span tbs, struct span *signature);
	/* Would it sign now?  0, or -1 as above. */
	int (*ready)(struct job *j, void *context, const char *label);
	void *context;
};

/*
 * In the process that has the key: its signature over a structure that is of
 * the kind that the tag says, names this CA and its algorithm, and is something
 * that it may sign.  0; -1 ERR_INTERNAL saying why not, or as sign() above.
 */
int ca_signature(struct job *j, const struct ca *ca, char tag, struct span tbs,
    struct span *signature);

/* Inside pki/ only: for a signer; `remote` and `label` live as long. */
struct signing_key;
const struct signing_key *remote_key_new(
    struct arena *keep, const struct remote_key *remote, const char *label);

#endif
