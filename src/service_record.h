/*
 * What was sent to a service and what came back, word for word (MP-10): written
 * down beside what was made of it, and compared with it later.
 */
#ifndef SRC_SERVICE_RECORD_H
#define SRC_SERVICE_RECORD_H

#include "dns/open_mpic_form.h"

struct json_out;
struct question;
struct round;

#define SERVICE_ANSWER_KEPT ((size_t)16 * 1024) /* of longer ones: the hash */

/* In the job's arena. */
struct service_call {
	const char *request; /* NULL: there was no such call */
	struct span answer;
	const char *failure; /* why there is none, or NULL */
	int64_t began_ms;    /* since 1970 */
	int64_t took_ms;
};

/* An array. */
void service_record_put(struct job *j, struct json_out *o,
    const struct service_call calls[OPEN_MPIC_CHECKS]);
/*
 * What was made of the answers is in them: 0; -1 ERR_UNAUTHORIZED, it is not,
 * or they are no answers to the question.  `list`: such an array; NULL, as
 * where none was written yet: 0.
 */
int service_record_check(struct job *j, const struct json *list,
    const struct question *q, const struct round *r);

#endif
