/*
 * For the tests of S/MIME: certificates with one thing out of order, lists,
 * and signatures made by OpenSSL, right or wrong, as they are asked for.
 *
 *	struct smime_id root = smime_lab_ca(j, NULL);
 *	struct smime_id alice = smime_lab_make(
 *	    j, &(struct smime_cert){ .issuer = &root });
 *	struct span raw = smime_lab_message(j, &(struct smime_letter){
 *	    .signers = { &alice } });
 */
#ifndef TESTS_UNIT_SMIME_LAB_H
#define TESTS_UNIT_SMIME_LAB_H

#include <openssl/types.h>

#include "lib/buf.h"

struct job;

/* Of tests/unit/dkim_lab.h too. */
#define SMIME_LAB_NOW 1772445600
#define SMIME_LAB_DAY 86400
/* What the dates of certificates and lists are counted from. */
extern int64_t smime_lab_now;

struct smime_id {
	X509 *x;
	EVP_PKEY *key;
};

/* NULL is the usual, "" leaves an extension out. */
struct smime_cert {
	const struct smime_id *issuer; /* NULL: itself */
	const char *key;               /* "p256" … smime_lab_key() */
	const char *name;              /* CN */
	const char *email;             /* emailAddress in the subject */
	const char *san;     /* in OpenSSL's words: "email:alice@user.test" */
	struct span raw_san; /* in place of it: GeneralNames in DER */
	const char *eku;     /* "emailProtection" */
	const char *usage;   /* "critical,digitalSignature" */
	const char *basic;   /* "" */
	int from, until;     /* days from now; 0: -10 and 10 */
	const char *md;      /* of the issuer's signature: "SHA256" */
	long serial;         /* 0: the next one */
	bool has_key_id;     /* subjectKeyIdentifier */
};

/* "p256", "p384", "p521", "secp256k1", "rsa1024", "rsa2048", "pss2048",
 * "ed25519": one key of each for the process, "p256/2" another one;
 * "public/8193", "public/even" …: what nobody can sign with. */
EVP_PKEY *smime_lab_key(const char *name);
struct smime_id smime_lab_make(struct job *j, const struct smime_cert *c);
/* A CA below `issuer`, or a root. */
struct smime_id smime_lab_ca(struct job *j, const struct smime_id *issuer);
struct span smime_lab_der(struct job *j, X509 *x);
struct span smime_lab_pem(struct job *j, X509 *x);

/* A list of this CA, from and until so many days from now. */
struct smime_list_spec {
	const struct smime_id *issuer;
	X509 *revoked; /* NULL: nobody */
	int from, until;
	bool no_end;
	long others;                   /* so many more are revoked */
	const struct smime_id *signer; /* in place of the issuer's key */
};
struct span smime_lab_crl(struct job *j, const struct smime_list_spec *l);

#define SMIME_LAB_BLOCK                                                        \
	"-----BEGIN ACME RESPONSE-----\r\n"                                    \
	"X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs\r\n"                      \
	"-----END ACME RESPONSE-----\r\n"

struct smime_letter {
	const struct smime_id *signers[5];
	X509 *extra[8];        /* more certificates */
	const char *md;        /* "SHA256" */
	unsigned flags;        /* CMS_NOATTR, CMS_USE_KEYID … */
	bool opaque;           /* application/pkcs7-mime */
	bool pss;              /* RSA with PSS … */
	const char *mgf1;      /* … and this in the mask; NULL: md */
	const char *part;      /* header and text that are signed */
	const char *shown;     /* what is sent in its place */
	const char *content;   /* put into a detached signature */
	struct span attribute; /* secure-header-fields */
	bool attribute_type;   /* smime_lab_ed25519: not id-data */
	const char *from, *to, *subject, *in_reply_to;
	const char *type; /* of the root, in place of the usual */
};

/* The CMS of it. */
struct span smime_lab_cms(struct job *j, const struct smime_letter *l);
/* The same by an Ed25519 key, which OpenSSL 3.0 cannot do. */
struct span smime_lab_ed25519(
    struct job *j, const struct smime_letter *l, int digest_nid);
/* The usual part in CMS that nobody signed. */
struct span smime_lab_data(struct job *j);
/* The letter, from alice@user.test. */
struct span smime_lab_message(struct job *j, const struct smime_letter *l);
/* The same around any CMS. */
struct span smime_lab_around(
    struct job *j, const struct smime_letter *l, struct span cms);

/* One field of SecureHeaderFields; status -1: not written. */
struct smime_header {
	const char *name, *value;
	int status;
};
struct span smime_lab_attribute(
    struct job *j, const struct smime_header *h, size_t count);

#endif
