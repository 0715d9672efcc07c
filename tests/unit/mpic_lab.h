/* An Open MPIC service's words, for tests: what is asked, and an element of its
 * perspectives[]. */
#ifndef TESTS_UNIT_MPIC_LAB_H
#define TESTS_UNIT_MPIC_LAB_H

#include "src/question.h"

struct open_mpic_request;

#define ID "AAAAAAAAAAAAAAAAAAAAAA"
#define TRACE "aaaaaaaaaaaaaaaaaaaaaaaaaa" /* of that id */
#define ACCOUNT "https://acme.ca.example/acme/acct/1"

#define SAW(records)                                                           \
	"{\"caa_record_present\":true,\"records_seen\":" records "}"
#define US "\"0 issuemail \\\"ca.example\\\"\""

/* The beginning of an answer that repeats these. */
#define REQUESTED(perspectives, quorum, attempts)                              \
	"{\"request_orchestration_parameters\":{\"perspective_"                \
	"count\":" perspectives ",\"quorum_count\":" quorum                    \
	",\"max_attempts\":" attempts "},"

/* About example.org, for ca.example: of a service that must show records. */
struct question mpic_question(void);

/* A good answer to that, with one element that is to be replaced. */
extern const char mpic_good[];

/* JSON words. */
struct mpic_view {
	const char *completed, *passed, *details;
};
/* In the unit's arena, of this moment; the clock stands from then on. */
const char *mpic_element(const char *code, const struct mpic_view *v);
/* The same as the specification's examples are printed. */
const char *mpic_element_flat(const char *code, const struct mpic_view *v);
/* The whole of an answer of the public software: a file of tests/data/mpic. */
struct span mpic_recorded(const char *name);
/* That of five perspectives four agree in it, and one could not be reached. */
void mpic_check_recorded(const char *name,
    const struct open_mpic_request *asked, const struct question *q);
/* A good answer is read, also with what was asked repeated; each of the
 * changes, { from, to } for mpic_edit(), makes it one that is not. */
void mpic_check_changed(const char *good, const struct open_mpic_request *asked,
    const char *const changes[][2], size_t count);
/* The text with `to` for the first `from`. */
const char *mpic_edit(const char *text, const char *from, const char *to);

#endif
