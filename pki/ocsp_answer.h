/*
 * OCSP answers (RFC 6960 4.2), built from few values: the issuer builds what it
 * signs from them, and the web role builds the same octets again around the
 * stored signature.  No key, no OpenSSL object.
 *
 * One that is signed in advance is about one certificate and without a nonce;
 * one that is made for a client may be about several and carry its nonce.
 */
#ifndef PKI_OCSP_ANSWER_H
#define PKI_OCSP_ANSWER_H

#include "pki/ocsp_request.h"

#define OCSP_SERIAL_MAX 20
#define OCSP_KEY_HASH_LEN 20
#define OCSP_RESPONSE_MAX 8192 /* octets that any answer may have */
#define OCSP_SIGNATURE_LEN 64  /* ECDSA on P-256: r and s */

#define OCSP_LIFE_SECS ((int64_t)96 * 3600)    /* PK-168: less a second */
#define OCSP_REFRESH_SECS ((int64_t)48 * 3600) /* PK-168 */
#define OCSP_AFTER_SECS ((int64_t)24 * 3600)   /* PK-174: after notAfter */
/* How long "unknown" holds: not longer than it must (SBR 4.9.10), as the number
 * may be given to a certificate at any time. */
#define OCSP_UNKNOWN_SECS ((int64_t)8 * 3600)

/* The CA whose certificates are asked for, as clients name it (PK-167). */
struct ocsp_ca {
	uint8_t name_sha1[20], key_sha1[20];
	uint8_t name_sha256[32], key_sha256[32];
};

/* What is said about one number. */
struct ocsp_status {
	uint8_t serial[OCSP_SERIAL_MAX];
	uint8_t serial_len;
	bool is_revoked;
	bool is_unknown; /* PK-170: never issued; not signed in advance */
	uint8_t reason;  /* 0: none written */
	int64_t revoked_at;
	int64_t this_update;
	int64_t not_after; /* of the certificate */
};

/* thisUpdate + 96 h - 1 s (PK-168). */
int64_t ocsp_next_update(int64_t this_update);

/* nextUpdate of what is said. */
int64_t ocsp_status_end(const struct ocsp_status *s);

struct span ocsp_serial(const struct ocsp_status *s);

/* Does the CertID name this CA, by both hashes? */
bool ocsp_ca_is(const struct ocsp_ca *ca, const struct ocsp_cert_id *id);

/* One of the answers in a response: in the words of the request, and what is
 * said. */
struct ocsp_single {
	enum ocsp_hash hash;
	struct ocsp_status status;
};

struct ocsp_data {
	const struct ocsp_single *singles;
	size_t count;
	int64_t produced_at;
	struct span nonce; /* empty: none */
};

/* ResponseData in DER: what the responder signs.  `key_hash` is the SHA-1 of
 * the responder's key bits. */
void ocsp_add_data(struct buf *b, const struct ocsp_ca *ca,
    const struct ocsp_data *d, const uint8_t key_hash[OCSP_KEY_HASH_LEN]);
/* Of one that is signed in advance: producedAt is thisUpdate (PK-168). */
void ocsp_add_tbs(struct buf *b, const struct ocsp_ca *ca, enum ocsp_hash hash,
    const struct ocsp_status *s, const uint8_t key_hash[OCSP_KEY_HASH_LEN]);

/* ECDSA-Sig-Value in DER, of r and s. */
void ocsp_add_signature(
    struct buf *b, const uint8_t signature[OCSP_SIGNATURE_LEN]);

/* The whole OCSPResponse around the signature (r, s) over that. */
void ocsp_add_response(struct buf *b, struct span tbs,
    const uint8_t signature[OCSP_SIGNATURE_LEN], struct span certificate);

/* OCSPResponseStatus without anything else (PK-171). */
enum ocsp_error {
	OCSP_SUCCESSFUL = 0, /* none */
	OCSP_MALFORMED = 1,
	OCSP_TRY_LATER = 3,
	OCSP_UNAUTHORIZED = 6
};
struct span ocsp_error_response(enum ocsp_error e);

#endif
