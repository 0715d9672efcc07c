/*
 * The story of one order for an admin: each step, when, the mail's fate, the
 * verdict and why.  Printed as text or JSON by `countersign order`.
 */
#ifndef SRC_STORY_H
#define SRC_STORY_H

#include "lib/buf.h"

struct job;
struct order;

/* What the order waits for, in a few words: "a reply from alice@…". */
const char *story_waits_for(struct job *j, const struct order *o);
/* The whole story: 0, or -1. */
int story_text(struct job *j, const struct order *o, struct buf *out);
int story_json(struct job *j, const struct order *o, struct buf *out);

#endif
