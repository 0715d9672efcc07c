/*
 * The S/MIME signature of a reply (RFC 8551; MA-70 to MA-76).
 *
 * smime_verify() takes the layer that smime_open() found, and says whether
 * one to three signers signed exactly its octets with algorithms that hold,
 * each with a certificate for mail that leads to a configured root, one of
 * them for the From address; and whether the header under the signature is
 * the outer one.  The crypto library reads CMS and certificates and verifies
 * one signature at a time; what it lets pass is asked here.
 *
 * What the result means is the reply's matter (`mode`); with the same trust,
 * the same arrival and the same time of judging it is the same later.
 */
#ifndef MAIL_SMIME_VERIFY_H
#define MAIL_SMIME_VERIFY_H

#include "lib/conf.h"
#include "lib/digest.h"
#include "mail/field.h"
#include "mail/finding.h"
#include "mail/smime_protect.h"

struct smime_layer;
struct smime_trust;

#define SMIME_SIGNERS_MAX 3
/* Certificates in the message. */
#define SMIME_CERTS_MAX 24
/* A list larger than this, or lists that are together, are not kept. */
#define SMIME_KEPT_LISTS_MAX ((size_t)192 * 1024)

/* Has this server issued a certificate of this number (hexadecimal, content
 * octets)?  1, 0, -1. */
typedef int smime_is_own_fn(struct job *j, const char *serial);

struct smime_policy {
	enum conf_smime mode;
	enum conf_revocation revocation;
	const struct smime_trust *trust; /* NULL: no roots */
	bool instead_of_dkim;            /* MA-76 */
	smime_is_own_fn *is_own;         /* needed with instead_of_dkim */
};

struct smime_signature {
	const char *digest; /* "sha256" */
	const char *key;    /* "RSA" … */
	unsigned bits;
	const char *serial; /* hexadecimal */
	uint8_t certificate[SHA256_LEN];
	bool is_from; /* the certificate is for the From address */
};

/* A revocation list that was looked at. */
struct smime_list {
	struct span der;
	uint8_t sha256[SHA256_LEN];
};

struct smime_result {
	bool present;  /* there is something of S/MIME in the message */
	bool accepted; /* smime.accepted */
	/* It stands in place of DKIM (MA-76). */
	bool replaces_dkim;
	struct finding finding; /* smime.accepted, or the first failure */
	struct finding note;    /* PASS, or smime.revocation-unknown */
	struct finding no_dkim; /* why not, if the domain is listed */
	struct smime_signature signers[SMIME_SIGNERS_MAX];
	size_t signer_count;
	struct smime_protected header;
	struct span roots[SMIME_SIGNERS_MAX]; /* DER of the chains' ends */
	size_t root_count;
	struct smime_list *lists;
	size_t list_count;
	bool lists_kept; /* small enough to be stored */
	/* SHA-256 of what the From's signer signed: the signed attributes
	 * (MA-64). */
	uint8_t covered_hash[SHA256_LEN];
};

struct smime_input {
	const struct message *outer;
	const struct smime_layer *layer;
	const char *from; /* canonical */
	int64_t at;       /* arrival */
};

/* 0 with *out whatever the message is like; -1 only for our own faults. */
int smime_verify(struct job *j, const struct smime_input *in,
    const struct smime_policy *policy, struct smime_result *out);

#endif
