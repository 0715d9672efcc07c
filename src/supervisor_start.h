/*
 * The supervisor's children (src/supervisor.h), and how one of them is started.
 * For src/supervisor*.c alone.
 */
#ifndef SRC_SUPERVISOR_START_H
#define SRC_SUPERVISOR_START_H

#include <poll.h>
#include <signal.h>
#include <sys/types.h>

#include "lib/job.h"
#include "src/ceiling.h"
#include "src/database.h"
#include "src/live_link.h"
#include "src/pins.h"
#include "src/reload.h"

struct conf;

struct child {
	enum role role;
	const char *intake; /* of a validator */
	pid_t pid;          /* 0: not running */
	int ready_fd;       /* -1: has said that it works, or is gone */
	bool is_ready;      /* has said so */
	bool is_replaced;   /* was told to end: another one follows at once */
	int64_t end_ms;     /* when one that is replaced is killed */
	int64_t ended_at;   /* in order, of the one before this; 0: none */
	struct database_password password; /* of one with a database */
	int64_t started_ms;
	int64_t start_ms; /* when to start again */
	int64_t pause_ms;
};

/* Has keys in tokens; it is asked over a pair that outlives both ends. */
struct key_process {
	enum role role, asker;
	enum pins_of pins;
	int pair[2];         /* the asker's end, and its own; -1: none */
	struct ceiling ends; /* that nobody has told it to */
};

#define KEY_PROCESSES 2

struct supervisor {
	const struct conf *conf;
	pid_t pid;
	struct child *children;
	size_t child_count;
	struct pollfd *polled; /* one more than children */
	int wake[ROLE_COUNT];
	int linters[2]; /* the issuer's end, and their parent's */
	struct key_process keys[KEY_PROCESSES];
	struct live_pairs live; /* no ends: none */
	struct reload reload;
	struct pins *pins; /* NULL: none */
	int signals;
	sigset_t old_mask; /* of the roles, and SIGHUP */
	bool stopping;
	bool told_ready;
	int status; /* of a failure at the first start */
	int64_t stop_ms;
	int64_t began_ms;
};

/* That with keys in tokens which has this role, or NULL. */
struct key_process *supervisor_key_process(
    struct supervisor *s, enum role role);
/* Forks and executes: 0, or -1 after a line in the log. */
int supervisor_start(struct supervisor *s, struct child *c);
/* It is due again after its pause, and the next one is longer. */
void supervisor_pause(struct child *c);

#endif
