/*
 * Where a linting service is: the option url of a section `linter` (PK-140).
 * What it is told and says is not protected on its way, so it is on this
 * machine: an address of the loopback, and no name, which others could give
 * another address.
 */
#ifndef SRC_LINT_URL_H
#define SRC_LINT_URL_H

struct arena;

#define LINT_URL_RULE                                                          \
	"must be the http URL of a service on this machine, by an address of " \
	"the loopback and without a name, as http://127.0.0.1:8080 or "        \
	"http://[::1]:8080"

/* What paths are added to, of "http://127.0.0.1:8080/lint/"; NULL for anything
 * else than LINT_URL_RULE says. */
const char *lint_url_base(struct arena *a, const char *url);

#endif
