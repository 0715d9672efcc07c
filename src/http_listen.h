/*
 * The sockets that the web role listens on: TCP (which speaks TLS), Unix
 * (plain HTTP, for a proxy on this host that ends TLS: AC-1), and those that
 * systemd opened.
 */
#ifndef SRC_HTTP_LISTEN_H
#define SRC_HTTP_LISTEN_H

#include "src/listen.h"

#include <stdbool.h>
#include <stddef.h>

struct conf;
struct job;

#define HTTP_SOCKETS_MAX 16

struct http_socket {
	struct listener listener; /* or what systemd passed */
	bool is_tls;
	bool is_passed; /* by systemd, which has it too */
};

struct http_sockets {
	struct http_socket v[HTTP_SOCKETS_MAX];
	size_t n;
};

/*
 * What web.listen says: 0, or -1 and nothing is left open.  Before rights are
 * given up; strings are the job's, which lives as long as the role.
 */
int http_listen(struct job *j, struct http_sockets *out);
/* Removes the files of Unix sockets, where they are still ours. */
void http_unlisten(const struct http_sockets *s);

/*
 * Descriptors for web.max_connections and all else that the role opens: 0, or
 * -1 when the limit of the process is too low and cannot be raised.
 */
int http_raise_limit(struct job *j, const struct http_sockets *s);

#endif
