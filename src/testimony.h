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
	/* The same of a service that was asked for the key, which takes a call
	 * of its own. */
	struct span key_body;
	int64_t took_ms;
};

/* Fills answer, why and is_alarming from body and key_body (PK-47, MP-2). */
void testimony_judge(
    struct job *j, const struct question *q, struct testimony *t);

/*
 * Of a service, a call at a time: a part's body alone is judged, as the answer
 * to that call, and then added to the whole, where the worst counts.
 */
void testimony_judge_part(struct job *j, const struct question *q,
    enum open_mpic_check check, struct testimony *part);
void testimony_add(struct testimony *whole, enum open_mpic_check check,
    const struct testimony *part);

#endif
