/*
 * OCSP as a client of our own service speaks it (RFC 6960): for looking at
 * what the public gets, so it is read by OpenSSL and not by what made it.
 */
#ifndef PKI_OCSP_CLIENT_H
#define PKI_OCSP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "pki/ocsp_request.h"

struct ca;
struct job;

/* A request about one number of this CA, without a nonce: 0, or -1. */
int ocsp_client_request(struct job *j, const struct ca *ca, enum ocsp_hash hash,
    struct span serial, struct span *der);
/* What follows the URL and a slash in a GET (RFC 6960 A.1). */
const char *ocsp_client_path(struct arena *a, struct span request);

struct ocsp_said {
	int error;       /* OCSPResponseStatus; 0: there is an answer */
	bool is_unknown; /* the responder does not know the number */
	bool is_revoked;
	int64_t this_update;
	int64_t next_update;
};

/*
 * What the response says about that number.  0, or -1 ERR_INTERNAL if it is no
 * response in DER, about something else, or not signed by a responder that this
 * CA has authorized (PK-165) and that is valid at its thisUpdate.
 */
int ocsp_client_read(struct job *j, const struct ca *ca, enum ocsp_hash hash,
    struct span serial, struct span der, struct ocsp_said *out);

#endif
