/*
 * The role that calls another CA (PK-223): it has a network, but neither a CA
 * key nor a socket that strangers reach.  It takes requests that the issuer
 * has sealed, and commits what comes back; whether that is what was asked for
 * is the issuer's to judge.
 */
#ifndef SRC_ROLE_UPSTREAM_H
#define SRC_ROLE_UPSTREAM_H

#include "src/role.h"
#include "src/upstream.h"

struct seal_key;

struct upstream_role {
	const struct upstream_ops *ops;
	struct upstream secrets;
	const struct seal_key *seal; /* handoff_key() */
	const char *ca_label;        /* of the CA that is called */
};

/* One request, or one revocation: 1, 0, -1. */
int upstream_step(void *role, struct job *j);
int upstream_next_due(void *role, struct job *j, int64_t *at);

/* One renewal window: the same. */
int upstream_window_step(const struct upstream_role *u, struct job *j);

extern const struct role_ops upstream_ops;

#endif
