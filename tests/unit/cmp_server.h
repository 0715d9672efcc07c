/*
 * A CA that speaks CMP: OpenSSL's server side.  It takes the template as it is
 * asked for, and does and counts what its struct says.  It knows nothing of
 * the way there: tests/unit/cmp_double.h has it in this process,
 * tests/integration/cmp_tool.c behind HTTP.
 *
 * What must not happen in a test ends the process.
 */
#ifndef TESTS_UNIT_CMP_SERVER_H
#define TESTS_UNIT_CMP_SERVER_H

#include <openssl/cmp.h>
#include <openssl/x509.h>

#include "lib/buf.h"
#include "src/cmp_state.h"

struct arena;

#define CMP_SERVER_TRANSACTIONS_MAX 64
#define CMP_SERVER_NO_REASON (-1)

/* Who speaks; nothing is owned. */
struct cmp_speaker {
	X509 *certificate;
	EVP_PKEY *key;
};

struct cmp_server {
	/* Who it is. */
	struct arena *arena; /* what it keeps, as long as the server */
	struct cmp_speaker issuer, speaker;
	X509 *client; /* whose protection it believes */
	const char *crl_url;
	int64_t now;
	/* What it does. */
	int waits; /* so often it says that it waits */
	int check_after;
	int refuses;            /* PKIFailureInfo bit + 1; 0: it issues */
	int refuses_rr;         /* the same for revocation */
	bool in_use;            /* a known transactionID: transactionIdInUse */
	void (*alter)(X509 *x); /* before it is signed */
	/* What came. */
	int requests; /* ir, cr */
	int initial;  /* of them, ir */
	int accepted; /* certConf */
	int rejected;
	int polls;
	int issued;
	int revoked;
	int64_t reason;       /* of the last; or CMP_SERVER_NO_REASON */
	int transactions;     /* of requests, with different identifiers */
	struct span template; /* CertTemplate, DER */
	struct span last;     /* certificate that it made */
	struct span revoked_serial;
	/* Its own. */
	OSSL_CMP_SRV_CTX *server;
	OSSL_CMP_MSG *request; /* that waits */
	char known[CMP_SERVER_TRANSACTIONS_MAX][CMP_TRANSACTION_LEN];
	int known_count; /* of all kinds */
	bool is_again;   /* the request: its transactionID is known */
};

/* Who it is has been said, all else is zero; stop before starting again. */
void cmp_server_start(struct cmp_server *s);
void cmp_server_stop(struct cmp_server *s);
/* One message, DER, and what it says to that. */
struct span cmp_server_answer(struct cmp_server *s, struct span request);
void cmp_server_speak_as(struct cmp_server *s, const struct cmp_speaker *who);
/* Does it take an RA's word that the key is the subscriber's (raVerified)? */
void cmp_server_trust_ra(struct cmp_server *s, bool trusts);

/* In place of what the certificate has of this kind; the value as in
 * x509v3_config(5). */
void cmp_server_set_extension(
    X509 *x, X509V3_CTX *ctx, int nid, const char *value);

#endif
