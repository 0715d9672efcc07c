/*
 * Mailboxes whose holders asked not to be written to (AC-90, AC-189).  They
 * are known by the form in which mailboxes are counted: addr_counted().
 */
#ifndef DB_STORE_SUPPRESSED_H
#define DB_STORE_SUPPRESSED_H

#include "db/store.h"

struct suppressed {
	const char *mailbox; /* as addr_counted() writes it */
	int64_t since;
	int64_t until;
	const char *source; /* who asked: "admin", … */
};

/* Is there an entry that has not run out?  1 / 0 / -1. */
int store_suppressed_find(
    struct job *j, const char *mailbox, struct suppressed *out);
/* In place of an entry that may be there. */
int store_suppressed_add(struct job *j, const struct suppressed *s);
/* The same, but one that lasts as long already stays as it is. */
int store_suppressed_extend(struct job *j, const struct suppressed *s);
/* 1 lifted, 0 there was none, -1. */
int store_suppressed_lift(struct job *j, const char *mailbox);
/* Those that have not run out, by mailbox, behind `after` (or NULL). */
int store_suppressed_list(struct job *j, const char *after, size_t max,
    struct suppressed **out, size_t *count);

#endif
