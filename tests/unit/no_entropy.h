/* For PK-4 and AC-109: what becomes of a process whose generator fails. */
#ifndef TESTS_UNIT_NO_ENTROPY_H
#define TESTS_UNIT_NO_ENTROPY_H

typedef void drawing_fn(void *ctx);

/* The call, in a child whose generator gives nothing, ends that by SIGABRT; the
 * test fails where it comes back, or ends otherwise. */
void no_entropy_ends(drawing_fn *draw, void *ctx);

#endif
