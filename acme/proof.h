/*
 * The request that finalized an order, as proof of itself: who can write rows
 * cannot sign with an account's key (PK-44, PK-205).  For the issuer.
 */
#ifndef ACME_PROOF_H
#define ACME_PROOF_H

struct job;
struct order;

/*
 * Is o->csr_jws the account's signed wish to finalize this order with this
 * CSR?  `jwk_canonical` is the key in the account's row, `thumbprint` the one
 * that the row names: they must be one key's.  Only what is given is looked
 * at: no nonce (it was redeemed), no store.  0, or -1 ERR_UNAUTHORIZED saying
 * what fails.
 */
int finalize_proof_verify(struct job *j, const char *base_url,
    const struct order *o, const char *jwk_canonical, const char *thumbprint);

#endif
