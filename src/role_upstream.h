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

/* Over what a program, or some exchanges of a minute each, may take. */
#define UPSTREAM_LEASE_SECS 600

/* One request, one revocation and one renewal window: 1, 0, -1. */
int upstream_step(void *role, struct job *j);
int upstream_next_due(void *role, struct job *j, int64_t *at);

/* One revocation (PK-220), one renewal window: the same. */
int upstream_revoke_step(const struct upstream_role *u, struct job *j);
int upstream_window_step(const struct upstream_role *u, struct job *j);

extern const struct role_ops upstream_ops;

#endif
