/*
 * For tests of S/MIME signing: a root, an intermediate and a leaf with one
 * thing out of order, in files as an admin would have them.
 */
#ifndef TESTS_UNIT_SIGNER_LAB_H
#define TESTS_UNIT_SIGNER_LAB_H

#include <openssl/types.h>
#include <stdint.h>

#include "mail/smime_signer.h"

/* What is different in the leaf; NULL and 0: as it should be. */
struct signer_lab_leaf {
	const char *key;      /* "P-256"; or "RSA1024", "ED25519", … */
	const char *names;    /* "email:acme@ca.test"; "" for none */
	const char *usage;    /* "critical,digitalSignature"; "" */
	const char *extended; /* "emailProtection"; "" */
	const char *basic;    /* "CA:FALSE" */
	int64_t from, to;     /* seconds from the job's time */
	bool self_signed;
};

struct signer_lab {
	struct signer_lab_leaf how;
	EVP_PKEY *key;
	X509 *leaf, *intermediate, *root;
	struct smime_files files; /* leaf, intermediate, root; its key */
};

/* Makes all of it and writes the files into the test's folder. */
void signer_lab_make(
    struct job *j, const struct signer_lab_leaf *how, struct signer_lab *out);
/* Writes the certificate file anew, with these. */
void signer_lab_write(
    struct job *j, const struct signer_lab *lab, X509 *const *certificates);

/* That, loaded for acme@ca.test. */
const struct smime_signer *signer_lab_load(
    struct job *j, const struct signer_lab *lab);

#endif
