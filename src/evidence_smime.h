/*
 * S/MIME in the evidence of a verdict (MA-73, MA-76, MA-86): the rules that
 * it was judged by, and how it is judged again from what is stored.
 */
#ifndef SRC_EVIDENCE_SMIME_H
#define SRC_EVIDENCE_SMIME_H

#include "mail/smime_verify.h"

struct authz;
struct json;
struct json_out;
struct reply_record;

/* Members of the object that `o` is in: the rules as configured now. */
void evidence_smime_put(struct json_out *o, const struct smime_policy *p);

/*
 * The rules of the evidence `e` with the stored roots and lists.  A signature
 * that decided nothing is not looked at again.  0, or -1 ERR_UNAUTHORIZED.
 */
int evidence_smime_policy(
    struct job *j, const struct json *e, struct smime_policy *out);

/*
 * For the issuer, which believes nobody else's roots: where the signature
 * decided, the stored roots are among those of its own configuration, and
 * its own configuration lists the domain.  0, or -1 ERR_UNAUTHORIZED.
 */
int evidence_smime_check(
    struct job *j, const struct authz *a, const struct reply_record *r);

/* smime_is_own_fn over the store. */
int evidence_smime_is_own(struct job *j, const char *serial);

#endif
