/*
 * The pages that show admins how the service stands, and the same as JSON: one
 * request, its session, its answer.  Nothing here changes anything: commands
 * do, which each admin signs (doc/decisions/0028-two-factors.md).
 *
 * What strangers wrote goes through page_text() (src/page.h) alone.
 */
#ifndef SRC_ADMIN_FRONT_H
#define SRC_ADMIN_FRONT_H

#include "lib/buf.h"

struct admin_front;
struct job;
struct response;

struct admin_front *admin_front_new(void);
void admin_front_free(struct admin_front *f); /* NULL-safe */

/* PK-19: admin_door_tell_strangers() */
int admin_front_tend(struct admin_front *f, struct job *j, bool is_end);

struct admin_query {
	const char *method;
	struct span target; /* path and query as received */
	struct span cookie, host, origin, content_type, body;
	bool is_too_long;       /* the body was, and is not here */
	struct span client_key; /* shown in the handshake; empty: none */
	const char *address;    /* for records */
};

/* From any thread; j->store NULL: there is no database now.  All of *r, which
 * the job owns. */
void admin_front_answer(struct job *j, struct admin_front *f,
    const struct admin_query *q, struct response *r);

#endif
