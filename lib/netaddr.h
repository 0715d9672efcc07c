/*
 * IP addresses and networks as values: parse, format, compare (AC-21).
 *
 * An IPv6 address that only wraps an IPv4 one (::ffff:192.0.2.1) is that
 * IPv4 address, so that one client has one spelling.  Zones, ports, brackets
 * and octal or short forms of IPv4 are refused.
 */
#ifndef LIB_NETADDR_H
#define LIB_NETADDR_H

#include "lib/buf.h"

/* Room for any address or network as text, with its NUL. */
#define NETADDR_MAX 52

struct netaddr {
	unsigned char octets[16]; /* network order; IPv4: the first four */
	unsigned bits;            /* 32 or 128; of a network: its prefix */
	bool is_ipv6;
};

/* One address: 0 or -1. */
int netaddr_parse(struct span text, struct netaddr *out);
/* From the octets of a struct in_addr (n = 4) or in6_addr (n = 16). */
void netaddr_from_octets(const void *octets, size_t n, struct netaddr *out);
/*
 * An address, or a network in CIDR notation ("192.0.2.0/24", "2001:db8::/32");
 * -1 also when bits are set behind the prefix: it would not be what was meant.
 */
int netaddr_parse_network(struct span text, struct netaddr *out);

/* Canonical text (RFC 5952), without "/bits" where all bits count. */
void netaddr_format(const struct netaddr *a, char out[NETADDR_MAX]);

bool netaddr_is_in(
    const struct netaddr *address, const struct netaddr *network);

/*
 * The network that limits count a client by: an IPv4 address whole, an IPv6
 * one by its first `ipv6_bits` (64 for one subscriber, 48 for a site), as
 * text: 0.  What is no address ("unix") is -1, with the text as it is in
 * `out`: still a name that can be counted.
 */
int netaddr_counted(
    const char *client_address, unsigned ipv6_bits, char out[NETADDR_MAX]);

#endif
