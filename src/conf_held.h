/*
 * The configuration that is in use, as the supervisor hands it to its roles: a
 * text in memory that each of them can read and none of them can change.  It
 * alone reads the file, and judges it (src/reload.h); a role that starts takes
 * what the others have, whatever the file says by then.
 *
 * There are two texts: that of the start, whose options count where only a
 * restart can apply others, and the newest that was taken.
 */
#ifndef SRC_CONF_HELD_H
#define SRC_CONF_HELD_H

#include "lib/buf.h"
#include "src/conf_file.h"

struct arena;
struct job;

struct conf_held {
	int fd;              /* for the roles to inherit */
	unsigned char *room; /* which the supervisor alone can write to */
};

/* The supervisor's: 0, or -1 ERR_INTERNAL.  Both texts are `text`, of at most
 * CONF_TEXT_MAX octets.  It lives as long as the process. */
int conf_held_open(struct job *j, struct conf_held *h, struct span text);
/* Another one takes the place of the newest. */
void conf_held_put(const struct conf_held *h, struct span text);

/* A role's, from what it inherited: 0 and *out, or -1 and each mistake was
 * reported.  `path` as in conf_load_text(). */
int conf_held_load(struct arena *keep, int fd, const char *path,
    conf_report_fn *report, void *ctx, const struct conf **out);

#endif
