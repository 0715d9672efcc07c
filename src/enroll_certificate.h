/*
 * What the CA sent: checked against what was asked for, and packed for mail
 * programs.
 */
#ifndef SRC_ENROLL_CERTIFICATE_H
#define SRC_ENROLL_CERTIFICATE_H

#include "lib/buf.h"

struct enroll_request;
struct job;
struct stack_st_X509;

struct enroll_certificate {
	struct stack_st_X509 *chain; /* leaf first; the arena's */
	struct span pem;             /* the same, written anew */
	const char *serial;          /* hex, as the CA logs it */
	int64_t not_before, not_after;
};

/*
 * Reads what the CA sent and believes nothing: certificates and no other
 * text, the first one for our key, for exactly our mailboxes, for mail and
 * for the usage that we asked for, valid now, each one signed by the next.
 * 0, or -1 ERR_MALFORMED saying what is wrong.
 */
int enroll_certificate_check(struct job *j, struct span pem,
    const struct enroll_request *r, struct enroll_certificate *out);

/* Key and chain under a password: AES-256, SHA-256 (RFC 7292, RFC 8018). */
int enroll_p12(struct job *j, const struct enroll_request *r,
    const struct enroll_certificate *c, struct span password, struct span *der);

#endif
