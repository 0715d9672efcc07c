/*
 * What the DNS said, kept with the decision that rests on it.
 *
 * recorder_new() stands before a resolver and notes each answer; the text
 * that recorder_text() gives goes into the evidence.  replay_new() makes a
 * resolver of that text which answers the same, so that the issuer, or an
 * auditor ten years later, verifies again without network (ER-35, MA-86).
 */
#ifndef DNS_RECORD_H
#define DNS_RECORD_H

#include "dns/resolver.h"

struct json;
struct recorder;

/* Whom to ask.  None is owned. */
struct record_sources {
	struct resolver *first;
	/* NULL, or one by another way through the network: what it says must
	 * be the same, octet by octet (MA-32). */
	struct resolver *second;
	int64_t budget_ms; /* for all look-ups: a later one does not begin */
};

/*
 * Lives in the job's arena.  What comes too late, an answer too large to be
 * kept, and what the second resolver cannot say, is DNS_TEMPORARY.
 */
struct recorder *recorder_new(
    struct job *j, const struct record_sources *sources);
struct resolver *recorder_resolver(struct recorder *r);
/* A JSON array of the answers so far, and one of who gave them. */
const char *recorder_text(struct job *j, const struct recorder *r);
const char *recorder_names(struct job *j, const struct recorder *r);

/*
 * From such an array: 0, or -1 ERR_MALFORMED.  A name that was not asked then
 * is answered with DNS_TEMPORARY.
 */
int replay_new(
    struct job *j, const struct json *answers, struct resolver **out);

#endif
