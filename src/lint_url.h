/*
 * Where a linting service is: the option url of a section `linter` (PK-140).
 * What it is told and says is not protected on its way, so it is on this
 * machine: an address of the loopback, and no name, which others could give
 * another address.
 */
#ifndef SRC_LINT_URL_H
#define SRC_LINT_URL_H

#include <sys/socket.h>

struct arena;

struct lint_url {
	struct sockaddr_storage address;
	socklen_t address_len;
	const char *base; /* what paths are added to */
};

#define LINT_URL_RULE                                                          \
	"must be the http URL of a service on this machine, by an address of " \
	"the loopback and without a name, as http://127.0.0.1:8080 or "        \
	"http://[::1]:8080"

/* "http://127.0.0.1:8080/lint": 0, or -1 for anything else than LINT_URL_RULE
 * says.  The port is 80 if there is none. */
int lint_url_read(struct arena *a, const char *url, struct lint_url *out);

#endif
