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

enum intake_kind {
	INTAKE_IMAP,
	INTAKE_MAILDIR,
	INTAKE_LMTP,
	/* No way in: only what is deferred and what waits for CAA.  Beside
	 * LMTP, whose clients wait for an answer and not for slow name
	 * servers. */
	INTAKE_DEFERRED,
	/* No way in either: asks remote perspectives, where there are some, so
	 * that nothing else waits for them. */
	INTAKE_PERSPECTIVES
};

struct intake {
	enum intake_kind kind;
	const char *name; /* "imap", "imap:NAME", "maildir:1", "lmtp": for
			   * logs, and for the supervisor to tell a process
			   * its own */
	const struct conf_imap *imap;
	const char *maildir; /* its path */
};

#define INTAKE_NAME_MAX 64

/* Processes; none: replies have no way in. */
size_t intake_count(const struct conf *c);
/* `room` is for names that are put together; i < intake_count(). */
struct intake intake_at(
    const struct conf *c, size_t i, char room[INTAKE_NAME_MAX]);
bool intake_find(const struct conf *c, const char *name, struct intake *out,
    char room[INTAKE_NAME_MAX]);

#endif
