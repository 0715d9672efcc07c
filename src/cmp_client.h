/*
 * The client's side of CMP (RFC 9810, in the profile of RFC 9483), for a
 * registration authority.  OpenSSL speaks it; cmp_client.c alone knows how.
 *
 * OpenSSL's context lives in one process and cannot be stored.  What is stored
 * instead (src/cmp_state.h) is what the CA has answered so far: a new context
 * is led through these answers again, verifies each as it did the first time,
 * and then one new message is sent.  So whoever is killed between two messages
 * goes on with the same transaction.
 */
#ifndef SRC_CMP_CLIENT_H
#define SRC_CMP_CLIENT_H

#include <openssl/x509.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "src/cmp_state.h"

struct job;

#define CMP_ANSWER_MAX ((size_t)64 * 1024)

/* Carries one message and brings its answer: 0, or -1 with the job's error. */
typedef int cmp_send_fn(
    void *ctx, struct job *j, struct span request, struct span *answer);

/* Who speaks to whom; nothing is owned. */
struct cmp_client {
	X509 *certificate; /* ours, and its key: they protect what we send */
	EVP_PKEY *key;
	STACK_OF(X509) * chain; /* above it; NULL: none */
	X509 *server;    /* pinned: its key alone protects what comes back */
	bool is_initial; /* ir in place of cr */
	cmp_send_fn *send;
	void *send_ctx;
};

/* What is asked for (RFC 4211 section 5). */
struct cmp_template {
	struct span subject;           /* DER of Name */
	struct span spki;              /* DER */
	const struct span *extensions; /* each the DER of an Extension */
	size_t extension_count;
};

/* Is this what was asked for?  1, 0 and why, or -1: nothing is said to the
 * CA. */
typedef int cmp_judge_fn(
    void *ctx, struct job *j, struct span certificate, const char **why);

enum cmp_end {
	CMP_GOES_ON,     /* it is in the state: the next step is due at once */
	CMP_WAITS,       /* to be asked again after retry_secs */
	CMP_CONFIRMED,   /* accepted, and the CA knows */
	CMP_NOT_WANTED,  /* rejected by us: certConf said so */
	CMP_UNCONFIRMED, /* the CA refused to take our acceptance */
	CMP_REFUSED,     /* nothing was issued: failures */
	CMP_ABORTED,     /* an error message in place of an answer: failures */
	CMP_NO_ANSWER    /* none that can be relied on; the job's error */
};

struct cmp_result {
	enum cmp_end end;
	int64_t retry_secs;
	struct span certificate; /* DER */
	const char *why;         /* when it is not wanted */
	unsigned failures;       /* PKIFailureInfo: bit n is 1u << n */
	const char *text;        /* the CA's own words, for the log */
};

/* PKIFailureInfo (RFC 9810 section 5.2.3). */
#define CMP_BAD_ALG (1u << 0)
#define CMP_BAD_CERT_ID (1u << 4)
#define CMP_BAD_POP (1u << 9)
#define CMP_CERT_REVOKED (1u << 10)
#define CMP_BAD_CERT_TEMPLATE (1u << 19)
#define CMP_TRANSACTION_ID_IN_USE (1u << 21)
#define CMP_SYSTEM_UNAVAIL (1u << 24)
#define CMP_SYSTEM_FAILURE (1u << 25)

/* One new message of the transaction at most; its answer joins the state. */
void cmp_client_step(const struct cmp_client *c, struct job *j,
    const struct cmp_template *t, struct cmp_state *state, cmp_judge_fn *judge,
    void *judge_ctx, struct cmp_result *out);

/* rr: CMP_CONFIRMED, CMP_REFUSED, CMP_ABORTED or CMP_NO_ANSWER. */
void cmp_client_revoke(const struct cmp_client *c, struct job *j,
    struct span certificate, int64_t reason, struct cmp_result *out);

/* An empty genm: does somebody answer whose protection is good?  0 or -1. */
int cmp_client_probe(const struct cmp_client *c, struct job *j);

#endif
