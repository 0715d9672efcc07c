/*
 * Each role keeps, after its start, what its work needs and nothing else
 * (architecture.md, the table of roles; PK-202): files by Landlock, system
 * calls by seccomp.  Both only ever take away.
 *
 *	issuer      its database and lists; no network, no programs
 *	web         its database and TLS files; takes connections, makes none
 *	sender      its database and mail files; connects to the relay
 *	validator   its database and mail files; connects, and for LMTP listens
 *	upstream    its database; connects to the other CA, or starts the
 *	            program that does (PK-223)
 *	admin       its database, TLS files and what is published; takes
 *	            connections, makes none
 *	perspective its TLS files, and takes connections; or the resolver's
 *	            files, and connects: two halves
 *	linter      programs and libraries; starts the former without network,
 *	            connects to a service on the loopback if there is one
 *	            (PK-140)
 *	signer      what the PKCS#11 modules need, as the section signer says:
 *	            Unix sockets, all sockets, or none; the files that are
 *	            listed, or all that their modes allow; new code, which
 *	            modules load when they connect again; no programs (PK-202)
 *
 * With PostgreSQL every role but the signer may also connect to the database,
 * and read the files of its own connection and what names are looked up with.
 */
#ifndef SRC_SANDBOX_H
#define SRC_SANDBOX_H

#include "lib/job.h"

struct conf;

/*
 * When everything is open that needs more rights, and before the first thread
 * starts.  `intake` is the validator's way in, or
 * PERSPECTIVE_LOOKUPS, or NULL.  0; -1 ERR_INTERNAL
 * when the kernel lacks something that the option `isolation` requires, or a
 * filter cannot be set.
 */
int sandbox_enter(struct job *j, enum role role, const char *intake);

/* The new configuration needs files that this process has given up:
 * it must be started anew. */
bool sandbox_is_outgrown(const struct conf *fresh);

/* Once it is confined, could the role open that file, if its mode allows? */
bool sandbox_lets_read(const struct conf *c, enum role role, const char *path);

#endif
