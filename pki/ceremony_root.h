/*
 * Inside the ceremony: what a root keeps about what it signed, the requests
 * that it reads, and lists.
 */
#ifndef PKI_CEREMONY_ROOT_H
#define PKI_CEREMONY_ROOT_H

#include "lib/fdio.h"
#include "pki/ceremony.h"
#include "pki/certfield.h"
#include "pki/crl.h"

struct ceremony_request_parts {
	struct span subject; /* DER */
	struct span spki;
	struct span key_id;
};
/* A PKCS#10 request in PEM; the proof of possession and the key's quality are
 * verified, its extensions are not looked at. */
int ceremony_request_read(
    struct job *j, const char *path, struct ceremony_request_parts *out);

/*
 * What the root must know before it signs: each certificate that the transcript
 * says it has issued is there, and its list is not one from before the newest,
 * as where a backup was put back in parts.
 */
int ceremony_kept_check(struct ceremony *c);
/* The number of the first list, or of one for a folder whose only list was
 * lost: 0, or -1 if there were more, which may have had entries. */
int ceremony_first_number(struct ceremony *c, uint64_t *number);

/* Files the certificate under issued/SERIAL.pem. */
int ceremony_register(struct ceremony *c, struct span der);
/* PK-135: 1 and the newest certificate with this name and key, 0, or -1 if
 * the name has another key or the key another name. */
int ceremony_look_up(struct ceremony *c,
    const struct ceremony_request_parts *request, struct span *der);

/*
 * May the certificate for the request be written to `path`?  It must not be
 * there, in a folder that can be written, or be another certificate for the
 * same name and key: whoever gives the name of a key here would lose it.
 */
int ceremony_out_check(struct ceremony *c, const char *path,
    const struct ceremony_request_parts *request);

/* What others' linters say of it, in the transcript and in a file: a
 * lint_judge. */
int ceremony_judge(
    void *context, struct job *j, enum lint_object what, struct span der);

/* A list that was made here, by this key, as input of the next one, with its
 * own number still. */
int ceremony_list_read(struct ceremony *c, const char *name, EVP_PKEY *key,
    struct crl_input *list);
/* Judged, signed and written, in place of the one before. */
int ceremony_list_write(struct ceremony *c, const char *name,
    const struct signer *signer, enum ca_role role,
    const struct crl_input *list);
int ceremony_list_revoke(struct ceremony *c, EVP_PKEY *root, const char *path,
    int reason, struct crl_input *list);

/* "C=DE, O=…, CN=…" */
const char *ceremony_name_text(struct job *j, struct span name);

#endif
