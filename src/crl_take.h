/*
 * countersign crl take: after the database was restored from a backup, what the
 * lists that are served say, and it does not.  They carry the CA's signature,
 * so that a certificate that stands on one was revoked.
 */
#ifndef SRC_CRL_TAKE_H
#define SRC_CRL_TAKE_H

#include "db/store.h"

struct issuer;

struct crl_taken {
	size_t lists;
	size_t revoked; /* now */
	size_t raised;  /* were revoked, and are for keyCompromise now */
	size_t known;   /* before */
	size_t unknown; /* no row has them: they stay on the list */
	/* Rows of a number, counted in one of these, that hold another
	 * certificate or none: each was told, and is not touched. */
	size_t foreign;
};

/* From the file of each shard of the issuer, unless another CA issues
 * (PK-220), and of its formers (src/former.h), which is on record then; each
 * certificate, of which the row must carry the issuer's seal or signature, with
 * an audit record.  Of the issuer: ca, seal, formers.  0; -1 ERR_CONFLICT where
 * there is no file, or another list of its number, ERR_INTERNAL where one is
 * not this CA's, naming it: those before are taken. */
int crl_take(struct job *j, const struct issuer *i, const char *by,
    struct crl_taken *out);

#endif
