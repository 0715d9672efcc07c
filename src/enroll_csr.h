/*
 * What we ask the CA for: a certificate request (PKCS#10) for our key, our
 * mailboxes and the usage that was chosen (RFC 8823 section 3).
 */
#ifndef SRC_ENROLL_CSR_H
#define SRC_ENROLL_CSR_H

#include "lib/buf.h"

struct evp_pkey_st;
struct job;

enum enroll_usage { ENROLL_BOTH, ENROLL_SIGN, ENROLL_ENCRYPT };
/* 1 and the value, or 0. */
int enroll_usage_parse(const char *name, enum enroll_usage *out);

struct enroll_request {
	struct evp_pkey_st *key;
	const char *const *mailboxes; /* canonical */
	size_t mailbox_count;
	enum enroll_usage usage;
	int64_t not_before, not_after; /* 0: as the CA likes */
};
/* PKCS#10, DER. */
int enroll_csr(struct job *j, const struct enroll_request *r, struct span *der);

#endif
