/*
 * Name service modules (nsswitch.conf(5)) are loaded by the C library when it
 * first needs them: perhaps on the way back to the database, in a process that
 * may not make memory executable any more (src/calls.h).  The module would be
 * missed without a word, and the name not be found.
 */
#ifndef SRC_NSS_H
#define SRC_NSS_H

#define NSS_CONF "/etc/nsswitch.conf"

struct job;

/* Loads those for hosts, users and groups that the file names and this machine
 * has.  What cannot be loaded could not be later either. */
void nss_preload(struct job *j, const char *path);

#endif
