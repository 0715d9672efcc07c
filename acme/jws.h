/*
 * The signed body of a request (AC-30 to AC-45): a flattened JWS, its
 * protected header, its signature.
 *
 * The three steps stand apart because others lie between them (AC-52):
 * jws_parse() is steps 7 and 8, jws_check_algorithm() is 9, then come nonce,
 * url and key, and jws_verify() is 14.
 */
#ifndef ACME_JWS_H
#define ACME_JWS_H

#include "lib/buf.h"

struct conf;
struct job;
struct json;
struct jwk;

struct jws {
	struct span signing_input; /* the received texts (AC-32) */
	struct span payload;       /* decoded; empty for a read */
	struct span signature;     /* decoded */
	struct span alg;
	struct span url;
	const struct json *nonce;  /* of any type, or NULL */
	const struct json *jwk;    /* an object, or NULL … */
	struct span kid;           /* … then this */
	const struct json *header; /* all of the protected header */
};

/* 0, or -1 ERR_MALFORMED. */
int jws_parse(struct job *j, struct span body, struct jws *out);
/* One that is a value inside of another request. */
int jws_parse_inner(struct job *j, const struct json *object, struct jws *out);
/* The same without a look at what the header says: `header`, `payload` and
 * `signature` are set, and what is signed. */
int jws_parse_shape(struct job *j, const struct json *object, struct jws *out);
/* 0, or -1 ERR_BAD_SIGNATURE_ALGORITHM; conf NULL: what is switched off is
 * no reason to refuse. */
int jws_check_algorithm(
    struct job *j, const struct conf *conf, const struct jws *jws);
/*
 * 0, or -1 ERR_MALFORMED with one text for every cause.  The type of the key
 * says how to verify, never `alg` (AC-39).
 */
int jws_verify(struct job *j, const struct jws *jws, const struct jwk *key);

/* Are these octets this key's signature of the message (AC-45)? */
bool jws_signature_is_valid(
    const struct jwk *key, struct span message, struct span signature);

#endif
