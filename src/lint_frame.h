/*
 * How the issuer and the parent of the linters talk (PK-140) over a
 * SOCK_SEQPACKET pair that both inherit: a question in one message or several,
 * one answer from each linter that judges such a thing.
 *
 *	question  "CSLQ" id[16] object[1] more[1] text
 *	answer    "CSLA" id[16] outcome[1] name version detail findings output
 *
 * The object is a letter for each enum lint_object; what is judged is the text
 * (linter_input()) of all messages with that id, of which the last one has "."
 * for more, the others "+".  "0" (it has answered) or "1" (it has failed) is
 * the outcome; name, version and detail are an octet with the length and as
 * many octets; the findings are two octets with their number, each "E" or "W",
 * an octet with the length, and the lint's name.  The output is the rest.  An
 * answer with another id is of a question that nobody waits for any more.
 */
#ifndef SRC_LINT_FRAME_H
#define SRC_LINT_FRAME_H

#include "lib/buf.h"
#include "pki/linter.h"

struct job;

#define LINT_ID_LEN 16
#define LINT_PART_MAX ((size_t)64 * 1024) /* of a question's text */
#define LINT_TEXT_MAX ((size_t)32 * 1024 * 1024)
#define LINT_OUTPUT_MAX ((size_t)64 * 1024)
#define LINT_DETAIL_MAX 200
#define LINT_FRAME_MAX ((size_t)128 * 1024)

struct lint_question { /* or a part of one */
	uint8_t id[LINT_ID_LEN];
	enum lint_object object;
	bool more; /* not the last part */
	struct span text;
};

struct lint_answer {
	uint8_t id[LINT_ID_LEN];
	bool has_failed;     /* no verdict; detail says why */
	struct span name;    /* of the linter */
	struct span version; /* empty: not known, and then it has failed */
	struct span detail;
	struct linter_findings findings;
	struct span output; /* as the program printed it; UTF-8 */
};

/* Into a message: 0, or -1 ERR_INTERNAL for what does not fit. */
int lint_question_write(
    struct job *j, const struct lint_question *q, struct span *out);
int lint_answer_write(
    struct job *j, const struct lint_answer *a, struct span *out);

/* Out of one, whose octets they point into: 0, or -1 ERR_MALFORMED. */
int lint_question_read(
    struct job *j, struct span message, struct lint_question *out);
int lint_answer_read(
    struct job *j, struct span message, struct lint_answer *out);

#endif
