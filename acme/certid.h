/*
 * Certificate identifiers of renewal information (RFC 9773 section 4.1,
 * AC-166): "<authority key identifier>.<serial number>", both base64url.  One
 * certificate has exactly one.
 */
#ifndef ACME_CERTID_H
#define ACME_CERTID_H

#include "lib/buf.h"

struct job;

#define CERTID_KEY_MAX 64    /* octets of the key identifier */
#define CERTID_SERIAL_MAX 20 /* content octets of the INTEGER */

/* As the store names a certificate (store_cert_by_serial): lower-case
 * hexadecimal. */
struct certid {
	char ca_label[2 * CERTID_KEY_MAX + 1];
	char serial[2 * CERTID_SERIAL_MAX + 1];
};

/* 0, or -1 if it is not the identifier of any certificate; the caller says
 * so in its own words. */
int certid_parse(struct span text, struct certid *out);
/* The identifier of a stored certificate, in the arena. */
const char *certid_format(
    struct job *j, const char *ca_label, const char *serial);

#endif
