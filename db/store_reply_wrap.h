/* Replies whose octets only somebody elsewhere is to read (PK-23). */
#ifndef DB_STORE_REPLY_WRAP_H
#define DB_STORE_REPLY_WRAP_H

#include "db/store.h"

struct plain_reply {
	const char *id;
	struct span raw;
};

/*
 * The next reply that nothing here needs in the clear: its authorization can
 * back no new order, `slack` seconds ago or longer, and no order that stands on
 * it waits for the issuer.  At most `looks` are looked at; those that are
 * needed come up again later.  In the caller's transaction.  1, 0, -1.
 */
int store_reply_wrap_next(
    struct job *j, int64_t slack, int looks, struct plain_reply *out);
/* In place of its octets; raw_sha256 is that of the clear ones still. */
int store_reply_wrap(struct job *j, const char *id, struct span sealed);

#endif
