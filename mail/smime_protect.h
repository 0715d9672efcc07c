/*
 * Header protection (MA-75): what the signature says of From, To and Subject
 * must be what the outer fields say.  Three forms are read: fields of the
 * signed part itself (RFC 9788, hp=), a message that the signer wrapped (RFC
 * 8551), and the signed attribute secure-header-fields (RFC 7508).
 *
 * Compared is what decides: the address of From, the addresses of To, the
 * text of Subject.  Mail systems fold, encode and rename the rest.
 */
#ifndef MAIL_SMIME_PROTECT_H
#define MAIL_SMIME_PROTECT_H

#include "mail/field.h"

struct finding;
struct job;
struct smime_layer;

struct smime_protected {
	bool from, to, subject; /* under the signature, and the same */
};

/* What the payload holds: adds to *out; 0, or -1 smime.header-mismatch. */
int smime_protect_payload(struct job *j, const struct message *outer,
    const struct smime_layer *layer, struct smime_protected *out,
    struct finding *f);
/* One value of the attribute, the DER of SecureHeaderFields; as above. */
int smime_protect_attribute(struct job *j, const struct message *outer,
    struct span der, struct smime_protected *out, struct finding *f);

#endif
