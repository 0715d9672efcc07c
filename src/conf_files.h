/*
 * The files that the configuration names: who else could change what the
 * service trusts, runs or signs with?  For `countersign check`.
 */
#ifndef SRC_CONF_FILES_H
#define SRC_CONF_FILES_H

struct job;

typedef void conf_files_fn(void *ctx, const char *message);

/* Reports each that others than root, who runs this, and whom the roles run as
 * could write or replace (src/conf_owner.h), with its option and what to do:
 * how many.  One folder with several of them is reported once.  Files that are
 * not there are left to others, and so are those that programs renew while the
 * roles run, and what the roles write themselves. */
unsigned conf_files_check(struct job *j, conf_files_fn *report, void *ctx);

#endif
