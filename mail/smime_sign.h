/*
 * S/MIME signing of the challenge mail (MA-102, RFC 8823 3.1 item 7):
 * multipart/signed, SHA-256, the certificates up to the root inside.  DKIM
 * comes afterwards (MA-103).
 *
 * Header protection comes in two forms at once, for no reader knows both:
 * the signed part is the mail's own body with hp="clear" and copies of the
 * fields (RFC 9788), and the signer's attribute secureHeaderFields names the
 * same ones (RFC 7508).  Or, instead, the whole mail is wrapped (RFC 8551
 * 3.1).
 */
#ifndef MAIL_SMIME_SIGN_H
#define MAIL_SMIME_SIGN_H

#include "lib/buf.h"
#include "lib/conf.h"

struct job;
struct smime_signer;

/*
 * `message` (ours, with CRLF, no line over 76 octets but for addresses),
 * signed at the job's time: 0, or -1 ERR_INTERNAL.
 */
int smime_sign(struct job *j, const struct smime_signer *s,
    enum conf_protection form, struct span message, struct span *out);

#endif
