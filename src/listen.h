/*
 * Sockets to listen on, bound before rights are given up: TCP, and Unix ones
 * with their file.  Whose they are, `option` says in the messages.
 */
#ifndef SRC_LISTEN_H
#define SRC_LISTEN_H

#include <sys/types.h>

struct job;

struct listener {
	int fd;
	const char *path; /* of a Unix socket, or NULL; the job's */
	dev_t device;     /* the file at `path` */
	ino_t inode;
};

/*
 * "127.0.0.1:443", "[::1]:443" or "unix:/path": 0, or -1 and nothing is left
 * open.  The file of a Unix socket belongs to the user of the roles and to
 * `group` (NULL: that user's own), whose members may connect; one that a
 * killed server left is replaced.
 */
int listen_open(struct job *j, const char *option, const char *value,
    const char *group, struct listener *out);
/* What to do when an address cannot be bound for that errno; NULL: the error
 * says all. */
const char *listen_advice(int error);
/* Removes the file of a Unix socket, where it is still ours. */
void listen_remove(const struct listener *l);

#endif
