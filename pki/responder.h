/*
 * The delegated OCSP responder of an issuing CA (pki.md section 10, PK-165):
 * a P-256 key that lives in the memory of one process only, a certificate of
 * thirty days for it, and the signatures that it makes.  It signs nothing but
 * ResponseData that it has built itself (PK-203).
 *
 *	responder_prepare()   key, number and linted contents; commit them
 *	responder_sign()      the CA signs them (PK-144)
 *	responder_answer()    a signature over one answer
 *	responder_check()     the whole answer again, as a client reads it
 *
 * That is the issuer, for answers that are signed in advance.  Where they are
 * made for each client, another process holds the key (PK-177):
 *
 *	responder_new_key()      there, and responder_request()
 *	responder_request_read() in the issuer (pki/responder_request.h)
 *	responder_prepare_for()  there, for the public half
 *	responder_sign()         there
 *	responder_adopt()        in the other one, with the certificate
 *	responder_reply()        there, a response
 */
#ifndef PKI_RESPONDER_H
#define PKI_RESPONDER_H

#include <openssl/types.h>

#include "pki/key.h"
#include "pki/ocsp_answer.h"

#define RESPONDER_DAYS 30       /* PK-118 */
#define RESPONDER_RENEW_DAYS 15 /* PK-118 */
#define RESPONDER_RENEW_SECS ((int64_t)RESPONDER_RENEW_DAYS * 86400)

struct signer;

struct responder {
	EVP_PKEY *key;
	/* Another process has the private key, and `key` is the public half
	 * (pki/responder_key.h); NULL: it is here. */
	const struct signer *elsewhere;
	struct span request; /* PKCS#10; empty before responder_request() */
	uint8_t key_hash[OCSP_KEY_HASH_LEN];
	const char *serial; /* hex */
	struct span tbs;
	struct span lint_certificate; /* PK-137 */
	const char *lint_report;      /* JSON */
	struct span certificate;      /* DER; empty before responder_sign() */
	int64_t not_before, not_after;
};

/* The CA as clients name it. */
int responder_ca(struct job *j, const struct ca *ca, struct ocsp_ca *out);

/* Both live as long as `keep`.  0, or -1 ERR_INTERNAL (a lint names itself). */
int responder_prepare(struct job *j, struct arena *keep, const struct ca *ca,
    struct responder *out);
/* The same for a key that another process holds: `key` is its public half.
 * -1 ERR_MALFORMED for what is no SubjectPublicKeyInfo of a good P-256 key. */
int responder_prepare_for(struct job *j, struct arena *keep,
    const struct ca *ca, struct span spki, struct responder *out);
int responder_sign(struct job *j, struct arena *keep, const struct ca *ca,
    struct responder *r);

/* A key, without a certificate yet. */
int responder_new_key(struct job *j, struct arena *keep, struct responder *out);
/* What shows that it has the key, r->request: 0, or -1. */
int responder_request(struct job *j, struct arena *keep, struct responder *r);
/* The CA's certificate for that key: 0 and it is in *r, or -1 ERR_INTERNAL for
 * one that is not for this key, or is no OCSP responder's of this CA now. */
int responder_adopt(struct job *j, struct arena *keep, const struct ca *ca,
    struct span certificate, struct responder *r);

/* Does the status fit into the life of the certificate, and is it one that may
 * be signed (PK-168, PK-174)?  0 and the signature, or -1. */
int responder_answer(struct job *j, const struct responder *r,
    const struct ocsp_ca *ca, enum ocsp_hash hash, const struct ocsp_status *s,
    uint8_t out[OCSP_SIGNATURE_LEN]);

/* The same for a whole response that is made now: OCSPResponse in DER, or -1.
 */
int responder_reply(struct job *j, const struct responder *r,
    const struct ocsp_ca *ca, const struct ocsp_data *d, struct span *response);

/* L-70 to L-73, L-75 on a whole OCSPResponse: 0, or -1 ERR_INTERNAL. */
int responder_check(struct job *j, const struct ca *ca, enum ocsp_hash hash,
    const struct ocsp_status *s, struct span response);
int responder_check_data(struct job *j, const struct ca *ca,
    const struct ocsp_data *d, struct span response);

#endif
