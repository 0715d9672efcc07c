/*
 * A CA that is spoken to through CMP: OpenSSL's server side, in this process,
 * with a way there that loses and spoils messages.
 */
#ifndef TESTS_UNIT_CMP_DOUBLE_H
#define TESTS_UNIT_CMP_DOUBLE_H

#include <openssl/x509.h>

#include "lib/buf.h"
#include "src/cmp_client.h"

enum cmp_fault {
	CMP_FAULT_NONE,
	CMP_FAULT_SILENCE,     /* the request does not arrive */
	CMP_FAULT_LOST,        /* the answer does not */
	CMP_FAULT_GARBAGE,     /* in place of the answer */
	CMP_FAULT_TRAILER,     /* an octet after it */
	CMP_FAULT_OTHER_KEY,   /* in the right name, by another key */
	CMP_FAULT_UNPROTECTED, /* by nobody: a refusal */
	CMP_FAULT_BEFORE,      /* the answer before this one, once more */
	CMP_FAULT_ELSEWHERE,   /* the first answer of another transaction */
	CMP_FAULT_CHANGED      /* a bit of its protection */
};

struct cmp_double {
	/* What it does. */
	enum cmp_fault fault;
	int fault_at; /* at this message, from 0 */
	int waits;    /* so often it says that it waits */
	int check_after;
	int refuses;            /* PKIFailureInfo bit + 1; 0: it issues */
	int refuses_rr;         /* the same for revocation */
	bool in_use;            /* a known transactionID: transactionIdInUse */
	void (*alter)(X509 *x); /* before it is signed */
	/* What came. */
	int messages;
	int requests; /* ir, cr */
	int initial;  /* of them, ir */
	int accepted; /* certConf */
	int rejected;
	int polls;
	int issued;
	int revoked;
	int64_t reason;       /* of the last; -1: none */
	int transactions;     /* with different identifiers */
	struct span template; /* CertTemplate, DER */
	struct span last;     /* certificate that it made */
	struct span revoked_serial;
};
extern struct cmp_double cmp_double;

/* As it was made: it issues at once.  The client is for this one. */
void cmp_double_init(void);
const struct cmp_client *cmp_double_client(void);
/* Does it take an RA's word that the key is the subscriber's (raVerified)? */
void cmp_double_trust_ra(bool trusts);

#endif
