/*
 * Requests to an ACME server, signed with the account's key (RFC 8555 section
 * 6): nonces, JWS, repetition after badNonce, and what a refusal says.  What is
 * asked is src/acme_client.h.
 *
 * A refusal is the job's error, with the server's own words made printable;
 * ERR_BUSY: no answer, or the server's own trouble.  What comes back belongs to
 * the job's arena; a post that failed leaves nothing there.
 */
#ifndef SRC_ACME_SESSION_H
#define SRC_ACME_SESSION_H

#include "lib/buf.h"

struct evp_pkey_st;
struct https_client;
struct https_response;
struct job;
struct json;

#define ACME_NONCE_MAX 256

/* Filled and released by its owner. */
struct acme_session {
	struct https_client *https;
	struct evp_pkey_st *key; /* borrowed */
	const char *directory;   /* for what a refusal says */
	const char *new_nonce;
	const char *kid;                /* NULL before the account is known */
	char nonce[ACME_NONCE_MAX + 1]; /* "": none in hand */
	char *details; /* of the last refusal: malloced, or NULL */
};

struct acme_post {
	const char *url;
	struct span payload; /* empty: a read */
	const char *accept;  /* NULL: JSON */
	bool by_key;         /* newAccount: the key instead of the account */
};

/* Unsigned: 0 if the answer is 200, or -1. */
int acme_session_get(struct acme_session *s, struct job *j, const char *url,
    struct https_response *r);
/* 0 if the answer is of the 200s, or -1. */
int acme_session_post(struct acme_session *s, struct job *j,
    const struct acme_post *p, struct https_response *r);
/* The same for an answer that is a JSON object. */
int acme_session_post_object(struct acme_session *s, struct job *j,
    const struct acme_post *p, struct https_response *r,
    const struct json **object);
/* For the next request, if the answer has one; each post does that. */
void acme_session_take_nonce(
    struct acme_session *s, const struct https_response *r);

#endif
