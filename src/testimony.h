/*
 * What one remote perspective says, judged from its answer by our own rules
 * (PK-47, MP-2, MP-4).
 */
#ifndef SRC_TESTIMONY_H
#define SRC_TESTIMONY_H

#include "dns/quorum.h"
#include "src/question.h"

/* One configured perspective in one round. */
struct testimony {
	const char *code;
	enum rir rir;
	enum answer answer;
	const char *why;   /* for people; never NULL once it is not pending */
	bool is_alarming;  /* MP-2: somebody should look */
	bool is_unreached; /* no answer came at all (PK-52) */
	struct span body;  /* as received; empty: none */
	int64_t took_ms;
};

/* Fills answer, why and is_alarming from body (PK-47, MP-2). */
void testimony_judge(
    struct job *j, const struct question *q, struct testimony *t);

#endif
