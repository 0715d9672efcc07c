/*
 * The supervisor: starts one process per role by fork and exec, restarts one
 * that ends, with growing pauses, passes SIGHUP on, drains all on SIGTERM,
 * and tells systemd.
 */
#ifndef SRC_SUPERVISOR_H
#define SRC_SUPERVISOR_H

#include "lib/buf.h"
#include "lib/job.h"

struct conf;
struct pins;

/* Until SIGTERM or SIGINT, or a role that cannot start at all: the exit
 * status.  `text` is what `conf` was read from; `pins` may be NULL. */
int supervisor_main(
    const struct conf *conf, struct span text, struct pins *pins);

/* Is there such a process with this configuration? */
bool supervisor_has_role(const struct conf *conf, enum role role);

#endif
