/*
 * A Maildir as the mail server fills it: what is new in it, one message, and
 * where a message goes that has its verdict.  No database and no waiting.
 *
 * Names in new/ are made by the mail server and unique for ever; strangers
 * have no say in them.
 */
#ifndef SRC_MAILDIR_H
#define SRC_MAILDIR_H

#include "lib/buf.h"
#include "lib/conf.h"

struct job;

struct maildir {
	const char *path;
	enum conf_disposal disposal;
	const char *processed; /* the folder for CONF_DISPOSAL_MOVE, beside
				* new/ as ".NAME" (Maildir++) */
};

struct maildir_file {
	struct span raw;
	int64_t delivered_at;
	bool too_large; /* raw is empty */
};

/* Names in new/, the oldest first, at most `max`: 0 or -1. */
int maildir_list(struct job *j, const struct maildir *m, size_t max,
    const char ***names, size_t *count);
/* 1 and *out; 0: it is no longer there; -1: it cannot be read, or is no
 * regular file. */
int maildir_load(struct job *j, const struct maildir *m, const char *name,
    size_t max, struct maildir_file *out);
/* Moved, marked as seen, or deleted: 0, also if it is gone; or -1. */
int maildir_dispose(struct job *j, const struct maildir *m, const char *name);

/* What names the message for ever: `name` without what follows a colon. */
struct span maildir_unique(const char *name);

#endif
