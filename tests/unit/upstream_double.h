/*
 * A CA that answers what the test says (pki.md section 17): certificates with
 * one thing changed, refusals, waits.
 */
#ifndef TESTS_UNIT_UPSTREAM_DOUBLE_H
#define TESTS_UNIT_UPSTREAM_DOUBLE_H

#include <openssl/types.h>

#include "src/upstream.h"

/* What is different in the certificate; NULL and 0: as asked. */
struct double_change {
	EVP_PKEY *key;         /* in place of the request's */
	const char *names;     /* "email:a@x,email:b@x" */
	const char *attribute; /* one more of the subject: "O" */
	const char *common_name;
	const char *key_usage;
	const char *ext_key_usage;
	const char *basic_constraints;
	const char *more_oid; /* a critical extension that nobody knows */
	int64_t starts;       /* seconds after now */
	int64_t secs;         /* of life */
	const char *ca;       /* issued by the lab's CA of this key type */
	const char *issuer;   /* common name of another issuer */
	EVP_PKEY *signer;     /* in the right CA's name, by this key */
	bool no_key_id;       /* no authorityKeyIdentifier */
	long serial;
	struct span instead; /* whole answer */
	X509 *before;        /* the chain the wrong way round */
};

struct upstream_double {
	struct upstream_answer issue, poll; /* certificate is made for ISSUED */
	struct double_change change;
	int64_t days;           /* of life: 365 */
	int polls_until_issued; /* > 0: poll answers PENDING so often first */
	bool asks_first;        /* signs at a poll, unless it is barred */
	bool dies;              /* kill -9 after the request came */
	bool is_down;           /* for revocation */
	int window;             /* what is said of a renewal window: 1, 0, -1 */
	int64_t window_start, window_end, window_secs;
	/* What came. */
	int windows_asked;
	int issued, polled, revoked;
	int signed_count; /* certificates that it made */
	char id[64];      /* of the last request */
	char token[64];
	struct span revoked_der;
	int64_t reason;
};
extern struct upstream_double upstream_double;
extern const struct upstream_ops upstream_double_ops;

/* As it was made: issues at once. */
void upstream_double_init(void);

#endif
