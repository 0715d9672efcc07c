/*
 * What is kept of a CMP transaction between two messages: its transactionID
 * and the CA's answers.  As text it is the token of a hand-off, which is
 * sealed.
 */
#ifndef SRC_CMP_STATE_H
#define SRC_CMP_STATE_H

#include <stdint.h>

#include "lib/buf.h"

struct job;

#define CMP_TRANSACTION_LEN 16
/* waiting, pollRep, the certificate; more than one waiting at most twice. */
#define CMP_ANSWERS_MAX 5

struct cmp_state {
	uint8_t transaction[CMP_TRANSACTION_LEN];
	struct span answers[CMP_ANSWERS_MAX]; /* DER of PKIMessage */
	size_t answer_count;
};

/* A new transaction. */
void cmp_state_init(struct cmp_state *s);
const char *cmp_state_format(struct job *j, const struct cmp_state *s);
/* 0, or -1 with ERR_INTERNAL. */
int cmp_state_parse(struct job *j, const char *text, struct cmp_state *out);

#endif
