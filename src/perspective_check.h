/*
 * Does each configured perspective answer (MP-12)?  One question about our own
 * mail domain: what they see there does not matter, that they can be believed
 * does.
 */
#ifndef SRC_PERSPECTIVE_CHECK_H
#define SRC_PERSPECTIVE_CHECK_H

struct job;
struct perspective_client;
struct testimony;

/* Once for each perspective, in the order in which they answer; of each
 * service, where there are some. */
typedef void perspective_check_fn(
    void *ctx, const char *service, const struct testimony *t);
/* Ten seconds at most: 0, or -1 for a fault of ours. */
int perspective_check(struct perspective_client *c, struct job *j,
    perspective_check_fn *each, void *ctx);

#endif
