/*
 * Answers that were signed in advance, verified by who says them again
 * (PK-177): as responder_check() does it, but the way from a responder's
 * certificate up to the CA is gone once for each.  Strangers decide how often
 * this is asked, and a signature by the CA's key costs far more than one by a
 * responder's.
 */
#ifndef PKI_RESPONDER_TRUST_H
#define PKI_RESPONDER_TRUST_H

#include "pki/ocsp_answer.h"

struct arena;
struct ca;
struct job;
struct responder_trust;

struct responder_trust *responder_trust_new(
    struct arena *keep, const struct ca *ca);
void responder_trust_free(struct responder_trust *t);

/* What an answer is made of. */
struct ocsp_parts {
	struct span tbs;
	struct span signature;   /* OCSP_SIGNATURE_LEN octets */
	struct span certificate; /* of the responder */
	struct span response;    /* all of it */
};

/* 0; -1 ERR_INTERNAL for an answer that is not from a responder of this CA, or
 * does not say this. */
int responder_trust_check(struct job *j, struct responder_trust *t,
    enum ocsp_hash hash, const struct ocsp_status *s,
    const struct ocsp_parts *p);

#endif
