/*
 * Orders as those see them who only look: the admins' list, page and story.
 * Neither a token half nor a request is read (PK-7), so that whoever shows
 * them needs no right to.
 */
#ifndef DB_STORE_ORDER_LOOK_H
#define DB_STORE_ORDER_LOOK_H

#include "db/store_order.h"

/* Of any account: 1, 0, -1. */
int store_order_look(struct job *j, const char *id, struct order *out);

/* Of what is neither issued nor failed, so many are looked at, the newest:
 * whoever makes orders and leaves them does not make others wait. */
#define ORDER_LIST_LOOK_MAX 5000

/* Newest first, pre-authorizations too; pending_only: those that wait for
 * something (17.2: pending, ready, processing; of a pre-authorization: not
 * validated yet).  For `countersign orders`; at most `max`. */
int store_order_list(struct job *j, bool pending_only, size_t max,
    struct order **out, size_t *count);

/* Of a mailbox only the orders of so many of its authorizations are found, the
 * newest ones. */
#define ORDER_SEARCH_AUTHZ_MAX 500

/* The first of these that is set decides. */
struct order_search {
	const char *mailbox;    /* canonical (lib/addr.h), or NULL */
	const char *account_id; /* or NULL */
	bool is_open;           /* neither issued nor failed */
	/* The last one of the page before; INT64_MAX and "" begin. */
	int64_t before_at;
	const char *before_id;
};

/* Newest first, at most `max`: no more than these and what one index has of
 * one mailbox is read. */
int store_order_search(struct job *j, const struct order_search *s, size_t max,
    struct order **out, size_t *count);

#endif
