/*
 * The CA of tests/unit/cmp_server.h in this process, with a way there that
 * loses and spoils messages.
 */
#ifndef TESTS_UNIT_CMP_DOUBLE_H
#define TESTS_UNIT_CMP_DOUBLE_H

#include "src/cmp_client.h"
#include "tests/unit/cmp_server.h"

enum cmp_fault {
	CMP_FAULT_NONE,
	CMP_FAULT_SILENCE,     /* the request does not arrive */
	CMP_FAULT_LOST,        /* the answer does not */
	CMP_FAULT_DEATH,       /* of this process: as SILENCE, by kill -9 */
	CMP_FAULT_GARBAGE,     /* in place of the answer */
	CMP_FAULT_TRAILER,     /* an octet after it */
	CMP_FAULT_OTHER_KEY,   /* in the right name, by another key */
	CMP_FAULT_UNPROTECTED, /* by nobody: a refusal */
	CMP_FAULT_BEFORE,      /* the answer before this one, once more */
	CMP_FAULT_ELSEWHERE,   /* the first answer of another transaction */
	CMP_FAULT_CHANGED      /* a bit of its protection */
};

/* What it does and what came: as a test sets it, and reads it. */
extern struct cmp_server cmp_double;

struct cmp_way {
	enum cmp_fault fault;
	int fault_at; /* at this message, from 0 */
	int messages; /* that came */
};
extern struct cmp_way cmp_way;

/* As it was made: it issues at once.  The client is for this one. */
void cmp_double_init(void);
const struct cmp_client *cmp_double_client(void);

#endif
