/*
 * For the tests of certificate status: an issuer's files, rows of certificates
 * that carry its seal, without anybody's CSR, and what a client asks.
 */
#ifndef TESTS_UNIT_STATUS_LAB_H
#define TESTS_UNIT_STATUS_LAB_H

#include <openssl/types.h>

#include "db/store_cert.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "pki/crl.h"

struct ca;
struct issuer;
struct job;
struct seal_key;
struct status_result;

/* For the issuer of this type of key (tests/unit/pki_lab.h): its files, lists
 * and a folder for answers that no other call names. */
struct conf_issuer status_lab_conf(struct job *j, const char *key_type);
/* Now it is this time. */
void status_lab_at(struct job *j, int64_t now);
/* All of the issuer's work that is due. */
void status_lab_run(struct job *j, struct issuer *issuer);

/* By an operator, with that reason. */
void status_lab_revoke(struct job *j, const char *id, int64_t reason);

/* The list as its file has it, with a signature that verifies. */
struct crl_input status_lab_list(struct job *j, const struct issuer *issuer);
/* What is on it, with the reasons: "0101:4 0103:1". */
const char *status_lab_listed(struct job *j, const struct issuer *issuer);

const struct seal_key *status_lab_seal_key(struct job *j);
/* A TBSCertificate of this CA, number (hex) and validity, with the URL of its
 * revocation list. */
struct span status_lab_tbs(struct job *j, const struct ca *ca,
    const char *serial, int64_t not_before, int64_t not_after,
    const char *crl_url);
/* Sets c->evidence; all that is sealed is there. */
void status_lab_seal(struct job *j, const struct seal_key *key, struct cert *c);

struct status_lab_cert {
	const struct ca *ca;
	const struct seal_key *seal;
	const char *account;     /* NULL: a new one */
	const char *id, *serial; /* hex */
	int64_t not_before, not_after;
};
/* Its row, sealed and reserved, in an order of its own. */
struct cert status_lab_reserve(struct job *j, const struct status_lab_cert *in);

/* An OCSP request that names this number (hex) so often. */
struct span status_lab_request(struct job *j, const struct ca *ca,
    const EVP_MD *md, const char *serial, int count);
/* "" where there is none. */
const char *status_lab_header(const struct status_result *r, const char *name);

#endif
