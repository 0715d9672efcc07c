/*
 * A TCP connection to a named server within a deadline of our own.
 *
 * The descriptor is non-blocking and close-on-exec; a peer that vanishes is
 * noticed by keep-alive probes and by data that nobody acknowledges.
 */
#ifndef MAIL_DIAL_H
#define MAIL_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job;
struct turn;

#define DIAL_HOST_MAX 253

/* Copies a host without the brackets of "[::1]"; `out` has DIAL_HOST_MAX + 1
 * bytes.  0, or -1 if it is neither a name nor an address. */
int dial_host(const char *host, char *out);
bool dial_is_address(const char *host);
/* "localhost" or an address of this host itself. */
bool dial_is_loopback(const char *host);

/*
 * Connects to the first address of `host` that answers in time (lib/turn.h;
 * the resolver has times of its own, but for an end): 0 and *fd, or -1 with
 * ERR_BUSY and why. With `loopback_only` any other address is refused.
 */
int dial_tcp(struct job *j, const char *host, int64_t port, bool loopback_only,
    const struct turn *until, int *fd);

/* Writing to a closed connection is an error, not a signal: for libraries
 * that cannot ask for this themselves.  A handler that is set stays. */
void dial_ignore_sigpipe(void);

#endif
