/*
 * Object identifiers, as the content octets of their DER form.
 */
#ifndef PKI_OID_H
#define PKI_OID_H

#include "lib/buf.h"

/* Attributes of names and requests. */
#define OID_COMMON_NAME SPAN("\x55\x04\x03")
#define OID_SERIAL_NUMBER SPAN("\x55\x04\x05")
#define OID_COUNTRY SPAN("\x55\x04\x06")
#define OID_ORGANIZATION SPAN("\x55\x04\x0a")
#define OID_EMAIL_ADDRESS SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01")
#define OID_EXTENSION_REQUEST SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e")

/* Extensions. */
#define OID_SUBJECT_KEY_ID SPAN("\x55\x1d\x0e")
#define OID_KEY_USAGE SPAN("\x55\x1d\x0f")
#define OID_SUBJECT_ALT_NAME SPAN("\x55\x1d\x11")
#define OID_BASIC_CONSTRAINTS SPAN("\x55\x1d\x13")
#define OID_CRL_NUMBER SPAN("\x55\x1d\x14")
#define OID_REASON_CODE SPAN("\x55\x1d\x15")
#define OID_ISSUING_DISTRIBUTION_POINT SPAN("\x55\x1d\x1c")
#define OID_NAME_CONSTRAINTS SPAN("\x55\x1d\x1e")
#define OID_CRL_POINTS SPAN("\x55\x1d\x1f")
#define OID_POLICIES SPAN("\x55\x1d\x20")
#define OID_POLICY_MAPPINGS SPAN("\x55\x1d\x21")
#define OID_AUTHORITY_KEY_ID SPAN("\x55\x1d\x23")
#define OID_POLICY_CONSTRAINTS SPAN("\x55\x1d\x24")
#define OID_EXT_KEY_USAGE SPAN("\x55\x1d\x25")
#define OID_FRESHEST_CRL SPAN("\x55\x1d\x2e")
#define OID_INHIBIT_ANY_POLICY SPAN("\x55\x1d\x36")
#define OID_AUTHORITY_INFO SPAN("\x2b\x06\x01\x05\x05\x07\x01\x01")
#define OID_TLS_FEATURE SPAN("\x2b\x06\x01\x05\x05\x07\x01\x18")
#define OID_OCSP_NO_CHECK SPAN("\x2b\x06\x01\x05\x05\x07\x30\x01\x05")
#define OID_CT_POISON SPAN("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03")
#define OID_SMIME_CAPABILITIES SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0f")
/* In requests of Microsoft's tools. */
#define OID_MS_TEMPLATE_NAME SPAN("\x2b\x06\x01\x04\x01\x82\x37\x14\x02")
#define OID_MS_TEMPLATE SPAN("\x2b\x06\x01\x04\x01\x82\x37\x15\x07")
#define OID_MS_PROVIDER SPAN("\x2b\x06\x01\x04\x01\x82\x37\x0d\x02\x02")

/* In extensions. */
#define OID_EMAIL_PROTECTION SPAN("\x2b\x06\x01\x05\x05\x07\x03\x04")
#define OID_OCSP_SIGNING SPAN("\x2b\x06\x01\x05\x05\x07\x03\x09")
#define OID_CLIENT_AUTH SPAN("\x2b\x06\x01\x05\x05\x07\x03\x02")
#define OID_CA_ISSUERS SPAN("\x2b\x06\x01\x05\x05\x07\x30\x02")
#define OID_OCSP SPAN("\x2b\x06\x01\x05\x05\x07\x30\x01")
#define OID_OCSP_NONCE SPAN("\x2b\x06\x01\x05\x05\x07\x30\x01\x02")
#define OID_OCSP_BASIC SPAN("\x2b\x06\x01\x05\x05\x07\x30\x01\x01")
#define OID_SHA1 SPAN("\x2b\x0e\x03\x02\x1a")
#define OID_SMTP_UTF8_MAILBOX SPAN("\x2b\x06\x01\x05\x05\x07\x08\x09")
/* 2.23.140.1.5.1.2 and .3: mailbox-validated, multipurpose and strict. */
#define OID_MAILBOX_MULTIPURPOSE SPAN("\x67\x81\x0c\x01\x05\x01\x02")
#define OID_MAILBOX_STRICT SPAN("\x67\x81\x0c\x01\x05\x01\x03")

/* What an operator's own policy must not be: below 2.23.140, anyPolicy. */
#define OID_ARC_CABF SPAN("\x67\x81\x0c")
#define OID_ANY_POLICY SPAN("\x55\x1d\x20\x00")

/* Signatures of requests. */
#define OID_RSA_PSS SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a")
#define OID_MGF1 SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08")
#define OID_SHA256 SPAN("\x60\x86\x48\x01\x65\x03\x04\x02\x01")
#define OID_SHA384 SPAN("\x60\x86\x48\x01\x65\x03\x04\x02\x02")
#define OID_SHA512 SPAN("\x60\x86\x48\x01\x65\x03\x04\x02\x03")

#endif
