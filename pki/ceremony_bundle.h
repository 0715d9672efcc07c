/*
 * What a ceremony has made and may be shown, as one file (PK-214): transcripts,
 * certificates, lists, requests, and what the lints say of the certificates.
 * No key is in it.
 */
#ifndef PKI_CEREMONY_BUNDLE_H
#define PKI_CEREMONY_BUNDLE_H

#include "pki/bundle.h"

/* Of a ceremony's folder, or of one with the folders root and issuing in it.
 * What it makes passes ceremony_bundle_check().  0, or -1 ERR_INTERNAL. */
int ceremony_bundle_make(
    struct job *j, const char *dir, struct bundle *b, struct span *tar);

/*
 * From the file alone: each octet is what the manifest says; the transcripts
 * are whole; each file is what they say was written last, none is missing and
 * none is there that they do not know; certificates and lists verify with the
 * root.  0 and what the lints of today say of the certificates, or -1 with what
 * is wrong.
 */
int ceremony_bundle_check(
    struct job *j, struct span tar, struct bundle *b, const char **lints);

#endif
