/*
 * Certificates in the store, for tests of what comes after issuance: signed by
 * nobody in particular, for a key of the vectors.
 */
#ifndef TESTS_UNIT_ACME_CERTS_H
#define TESTS_UNIT_ACME_CERTS_H

#include "lib/buf.h"

struct job;
struct weakkeys;

#define CERTS_CA "aabb"

struct test_cert {
	const char *account_id;
	const char *key;     /* "csr-p256" */
	const char *mailbox; /* one, or … */
	const char *second;  /* … two; may be NULL */
	int64_t not_before, not_after;
	struct span der; /* empty: made from the rest */
	/* Set: */
	const char *id;
	const char *order_id;
	const char *serial;
};

/* Commits an order with its certificate. */
void certs_issue(struct job *j, struct test_cert *c);
/* The same for alice@example.com, from now on for a year. */
struct test_cert certs_issued(
    struct job *j, const char *account_id, const char *key);
/* The certificate in base64url, as revokeCert wants it. */
const char *certs_b64u(struct job *j, const struct test_cert *c);
/* The SubjectPublicKeyInfo of a key of the vectors. */
struct span certs_key(struct job *j, const char *key);
/* SHA-256 of the subject key. */
struct span certs_spki(struct job *j, const char *key);
/* And of the bare key. */
struct span certs_bare(struct job *j, const char *key);
/* A list of weak keys that has this bare key alone. */
const struct weakkeys *certs_weak_list(struct job *j, struct span bare_sha256);

#endif
