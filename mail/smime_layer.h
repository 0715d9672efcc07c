/*
 * Where the S/MIME signature of a reply is and what is under it (MA-70,
 * MA-71, ER-27).
 *
 * smime_open() looks at the parsed message: a signature counts at the root
 * only.  An opaque one (application/pkcs7-mime, smime-type=signed-data) is
 * opened, and a message that the signer wrapped to protect its header
 * (message/rfc822; forwarded=no, RFC 8551 3.1) as well: what is in them is
 * cut by the same parser and hangs below them as a part's only part, so that
 * everything after this reads one tree.
 */
#ifndef MAIL_SMIME_LAYER_H
#define MAIL_SMIME_LAYER_H

#include <openssl/types.h>

#include "mail/finding.h"
#include "mail/mime_part.h"

struct CMS_ContentInfo_st;

/* Octets of CMS beside its content: certificates, signers. */
#define SMIME_CMS_MAX ((size_t)256 * 1024)

enum smime_kind {
	SMIME_KIND_NONE,
	SMIME_KIND_ELSEWHERE, /* a signature, but not the root: noted only */
	SMIME_KIND_DETACHED,  /* multipart/signed */
	SMIME_KIND_OPAQUE,
};

struct smime_layer {
	enum smime_kind kind;
	struct CMS_ContentInfo_st *cms; /* of an opaque one */
	struct span signature; /* of a detached one: CMS in DER or BER */
	struct span content;   /* the octets that are signed */
	const struct mime_part *payload;
	const struct message *wrapped; /* NULL: the payload is no message */
	/* PASS; or why the structure is not that of a signature (MA-70). */
	struct finding finding;
};

/* 0; -1 with a mime.* or msg.* finding if the message cannot be read. */
int smime_open(struct job *j, struct mime_part *root, struct smime_layer *out,
    struct finding *f);

/* CMS of signed data, consumed to its last octet: NULL otherwise. */
struct CMS_ContentInfo_st *smime_cms(struct job *j, struct span octets);

#endif
