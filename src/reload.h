/*
 * SIGHUP, as the supervisor takes it: it reads the configuration once, a
 * process of its own tries it as the roles will use it (src/conf_trial.h), and
 * then all roles take the same text (src/conf_held.h), or none does.  One that
 * comes while another is tried is read when that is decided.  How it ended can
 * be seen in the database (src/conf_note.h).
 */
#ifndef SRC_RELOAD_H
#define SRC_RELOAD_H

#include "src/conf_held.h"
#include "src/conf_note.h"

#include <sys/types.h>

struct reload {
	const struct conf *start;   /* what countersignd began with */
	const struct conf *current; /* what is in use */
	struct conf_held held;
	struct arena *arena; /* current's; NULL: start's */
	struct arena *fresh_arena;
	const struct conf *fresh; /* what is tried */
	struct span fresh_text;
	struct buf restart; /* names of what counts after one only */
	pid_t trial;        /* 0: nothing is */
	int why;            /* of the trial; -1: none */
	struct conf_note note;
	bool again;
};

/* 0, or -1 ERR_INTERNAL.  `text` is what `conf` was read from. */
int reload_open(
    struct job *j, struct reload *r, const struct conf *conf, struct span text);
void reload_close(struct reload *r);

/* SIGHUP. */
void reload_begin(struct reload *r);
/* r->trial has ended so: has r->current changed, or what its files hold? */
bool reload_end(struct reload *r, int status);
/* After that: what has come meanwhile. */
void reload_next(struct reload *r);

#endif
