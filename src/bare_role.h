/*
 * A role that has no database: started by the supervisor, it reads the
 * configuration, gives up its rights, and serves whoever is at the other end of
 * the descriptors that it inherited, until it is told to end.
 */
#ifndef SRC_BARE_ROLE_H
#define SRC_BARE_ROLE_H

#include "lib/job.h"

struct arena;
struct conf;

struct bare_role {
	enum role role;
	/* With the rights of the supervisor; NULL: nothing to open. */
	int (*open)(struct job *j, struct arena *keep, void *ctx);
	/* Without them, before it says that it works; NULL: nothing. */
	int (*begin)(struct job *j, struct arena *keep, void *ctx);
	/* Without them, until nobody asks any more. */
	void (*serve)(struct arena *keep, const struct conf *conf, void *ctx);
	void *ctx;
};

/* What the supervisor tells the process that it starts. */
struct bare_start {
	const char *conf_file;
	int held_fd; /* src/conf_held.h */
	int ready_fd;
};

/* The configuration that is in use by now: 0, or -1 and the log says why. */
int bare_role_conf(struct arena *keep, const struct bare_start *start,
    const struct conf **out);

/* The whole life of the process; the exit status, ROLE_EXIT_REFUSED where it
 * could not start because of ERR_REFUSED. */
int bare_role_main(const struct bare_role *r, const struct bare_start *start);

/* Rights given up, and what is not theirs closed: 0 or -1. */
int bare_role_settle(struct job *j, enum role role);

/* From now on SIGHUP comes in only while bare_role_wait() waits. */
void bare_role_take_hangups(void);
/* 1: there is something to read; 0: SIGHUP came; -1: neither will be. */
int bare_role_wait(int fd);

#endif
