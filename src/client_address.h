/*
 * Who asks, behind proxies (AC-21): the peer of the connection, or what
 * proxies that we trust say of theirs in X-Forwarded-For.
 */
#ifndef SRC_CLIENT_ADDRESS_H
#define SRC_CLIENT_ADDRESS_H

#include "lib/netaddr.h"

struct arena;
struct conf_list;
struct job;

struct client_trust {
	const struct netaddr *networks; /* of web.trusted_proxies */
	size_t n;
};

/* From a configuration that conf_check() accepted. */
int client_trust_parse(struct job *j, struct arena *keep,
    const struct conf_list *list, struct client_trust *out);

bool client_is_trusted(
    const struct client_trust *trust, const struct netaddr *a);

/*
 * `peer` is the other end of the connection, or NULL for a Unix socket, whose
 * peers are trusted.  `forwarded` are the values of all X-Forwarded-For
 * fields, joined by commas in their order.
 *
 * The right-most address that is no trusted proxy, as text.  An entry that is
 * no address ends the search at the last good one: what stands further left
 * was added by nobody that we trust.  "unix" when nobody says anything.
 */
void client_address(const struct client_trust *trust,
    const struct netaddr *peer, struct span forwarded, char out[NETADDR_MAX]);

#endif
