/*
 * Stored requests, as proof of themselves: who can write rows cannot sign with
 * an account's key (PK-44, PK-205).  For the issuer.
 *
 * The request that finalized an order says whose certificate it is.  Where an
 * account has changed its key (AC-81), the requests that changed it say which
 * key handed over to which: a reply that proved a former key counts for the
 * key that signed (AC-82, doc/decisions/0010).
 */
#ifndef ACME_PROOF_H
#define ACME_PROOF_H

#include <stddef.h>

struct former_key;
struct job;
struct order;

/* The keys of one account as the rows have them: nothing of it is believed. */
struct signing_keys {
	const char *base_url;
	const char *account_id;
	const char *jwk, *thumbprint;    /* now */
	const struct former_key *former; /* the oldest first */
	size_t former_count;
	/* Whose key signed, by its thumbprint: set by
	 * finalize_proof_verify(). */
	const char *signer;
};

/*
 * Is o->csr_jws the account's signed wish to finalize this order with this
 * CSR?  The key is one that the account has or had: the request may be older
 * than a change of key.  Only what is given is looked at: no nonce (it was
 * redeemed), no store.  0 and keys->signer, or -1 ERR_UNAUTHORIZED saying
 * what fails.
 */
int finalize_proof_verify(
    struct job *j, const struct order *o, struct signing_keys *keys);

/*
 * Has the key with this thumbprint handed the account over, perhaps by way of
 * others, to the one that signed?  Each step is a stored request that both
 * keys signed.  0, also for the same key, or -1 ERR_UNAUTHORIZED.
 */
int key_proof_verify(
    struct job *j, const struct signing_keys *keys, const char *thumbprint);

#endif
