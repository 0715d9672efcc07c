/*
 * The ways by which replies come in.  Each is watched by a validator process
 * of its own, so that a slow or broken one holds up none of the others; all of
 * them share what is deferred and what waits for CAA, by lease.
 */
#ifndef SRC_INTAKE_H
#define SRC_INTAKE_H

#include <stdbool.h>
#include <stddef.h>

struct conf;
struct conf_imap;

struct intake {
	const char *name; /* "imap", "imap:NAME": for logs, and for the
			   * supervisor to tell a process its own */
	const struct conf_imap *imap;
};

#define INTAKE_NAME_MAX 64

size_t intake_count(const struct conf *c);
/* `room` is for names that are put together; i < intake_count(). */
struct intake intake_at(
    const struct conf *c, size_t i, char room[INTAKE_NAME_MAX]);
bool intake_find(const struct conf *c, const char *name, struct intake *out,
    char room[INTAKE_NAME_MAX]);

#endif
