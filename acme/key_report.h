/*
 * PATH_REPORT: whoever can prove that a key is compromised (PK-77) tells it
 * here, without an account and without a person (PK-184).
 *
 *	GET	says in plain words how
 *	POST	application/pkcs10: a certificate request, DER or PEM, whose
 *		subject says so; application/json: {"key": …, "signature": …},
 *		both base64url, the SubjectPublicKeyInfo and the signature over
 *		key_proof_text()
 *
 * A good proof blocks the key for everybody, revokes every unexpired
 * certificate with it and opens a report, all in one transaction (PK-181); of
 * very many certificates the first ones (revoke_key()).
 */
#ifndef ACME_KEY_REPORT_H
#define ACME_KEY_REPORT_H

#include "acme/request.h"

struct acme;
struct job;
struct key_proof;

/* What is kept of a stranger's is no larger. */
#define KEY_REPORT_MAX ((size_t)8192)

/* "application/pkcs10" or "application/json" */
bool key_report_takes(struct span content_type);

/* The body, verified; reads nothing of the store: 0, or -1 with a refusal. */
int key_report_read(struct job *j, const char *base_url,
    const struct request *req, struct key_proof *out);

/* The answer tells the number of the report.  A key that is blocked already, in
 * whatever encoding, and that no usable certificate has changes nothing: the
 * answer tells the number of before, or none if it was blocked without one, and
 * the address has one more failed request (acme/throttle.h). */
int key_report_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

#endif
