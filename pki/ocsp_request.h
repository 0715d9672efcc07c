/*
 * What an OCSP client asks (RFC 6960 4.1): read strictly, by our own reader.
 * Nothing here knows which CA we are.
 */
#ifndef PKI_OCSP_REQUEST_H
#define PKI_OCSP_REQUEST_H

#include "lib/buf.h"

#define OCSP_REQUEST_MAX 4096 /* octets in a POST (PK-166) */
#define OCSP_GET_MAX 1024     /* in the path of a GET */
#define OCSP_CERTS_MAX 8      /* PK-172 */

enum ocsp_hash { OCSP_SHA1, OCSP_SHA256, OCSP_HASHES, OCSP_HASH_OTHER };

/* Views of the request. */
struct ocsp_cert_id {
	enum ocsp_hash hash;
	struct span name_hash;
	struct span key_hash;
	struct span serial; /* content octets of an INTEGER, of any value */
};

/* RFC 9654 2.1: an OCTET STRING of 1 to 128 octets, once. */
#define OCSP_NONCE_MAX 128
enum ocsp_nonce { OCSP_NONCE_NONE, OCSP_NONCE_GOOD, OCSP_NONCE_BAD };

struct ocsp_request {
	struct span der; /* all of it */
	struct ocsp_cert_id certs[OCSP_CERTS_MAX];
	size_t count; /* more than OCSP_CERTS_MAX are counted, not kept */
	enum ocsp_nonce nonce_is;
	struct span nonce; /* of a good one: the octets inside */
};

/* 0, or -1: malformedRequest.  Signature and extensions are passed over
 * (PK-171) when they have their form; of a nonce it is said what it is, as only
 * who answers with one minds (PK-173). */
int ocsp_request_parse(struct span der, struct ocsp_request *out);

/*
 * The path behind the URL of the service, without the slash between (RFC 6960
 * A.1): percent-decoded, then base64.
 *
 * Proxies make one slash of two.  Where one or two are missing they are put
 * back (PK-166); as their place can be guessed in several ways, `is_wanted`
 * says which request it was.  0 and the request, or -1.
 */
typedef bool ocsp_wanted_fn(void *ctx, const struct ocsp_request *r);
int ocsp_request_from_path(struct arena *a, struct span path,
    ocsp_wanted_fn *is_wanted, void *ctx, struct ocsp_request *out);

#endif
