/*
 * The client's side of ACME, for tests: the private keys of the vectors, and
 * requests signed with them.
 */
#ifndef TESTS_UNIT_ACME_SIGNER_H
#define TESTS_UNIT_ACME_SIGNER_H

#include "lib/buf.h"

struct job;

/* A key of the vectors, "acct-es256-A"; all end with the process. */
struct client_key {
	const char *name;
	const char *alg;
	const char *jwk; /* public, as compact JSON */
	struct evp_pkey_st *pkey;
};
const struct client_key *client_key(const char *name);

/* The key's signature in JOSE's form. */
struct span client_sign(
    struct job *j, const struct client_key *key, struct span message);
/* {"protected":…,"payload":…,"signature":…} over these texts. */
struct span client_jws(struct job *j, const struct client_key *key,
    const char *protected_json, const char *payload_json);

#endif
