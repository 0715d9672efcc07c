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

/*
 * Lives in the job's arena; forwards to `inner`, which it does not own.  All
 * look-ups together begin within budget_ms; a later one, and an answer too
 * large to be kept, is answered with DNS_TEMPORARY.
 */
struct recorder *recorder_new(
    struct job *j, struct resolver *inner, int64_t budget_ms);
struct resolver *recorder_resolver(struct recorder *r);
/* A JSON array of the answers so far. */
const char *recorder_text(struct job *j, const struct recorder *r);

/*
 * From such an array: 0, or -1 ERR_MALFORMED.  A name that was not asked then
 * is answered with DNS_TEMPORARY.
 */
int replay_new(
    struct job *j, const struct json *answers, struct resolver **out);

#endif
