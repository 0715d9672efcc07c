#include "config.h"

#include "lib/netaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define IPV4_BITS 32
#define IPV6_BITS 128
#define MAPPED_BITS 96 /* before the IPv4 address in ::ffff:192.0.2.1 */

static bool
is_mapped(const struct netaddr *a)
{
	static const unsigned char prefix[MAPPED_BITS / 8] = {
		[10] = 0xff, [11] = 0xff
	};

	return a->is_ipv6 && a->bits >= MAPPED_BITS &&
	       memcmp(a->octets, prefix, sizeof(prefix)) == 0;
}

static void
unwrap_mapped(struct netaddr *a)
{
	if (!is_mapped(a))
		return;
	memmove(a->octets, a->octets + MAPPED_BITS / 8, 4);
	memset(a->octets + 4, 0, sizeof(a->octets) - 4);
	a->bits -= MAPPED_BITS;
	a->is_ipv6 = false;
}

/* As it is written: a wrapped IPv4 address stays IPv6. */
static int
parse_literal(struct span text, struct netaddr *out)
{
	char copy[INET6_ADDRSTRLEN];

	*out = (struct netaddr){ .bits = 0 };
	if (text.n == 0 || text.n >= sizeof(copy) ||
	    span_find(text, 0, '\0') < text.n)
		return -1;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	out->is_ipv6 = strchr(copy, ':') != NULL;
	out->bits = out->is_ipv6 ? IPV6_BITS : IPV4_BITS;
	return inet_pton(
		   out->is_ipv6 ? AF_INET6 : AF_INET, copy, out->octets) == 1
		   ? 0
		   : -1;
}

int
netaddr_parse(struct span text, struct netaddr *out)
{
	if (parse_literal(text, out) < 0)
		return -1;
	unwrap_mapped(out);
	return 0;
}

void
netaddr_from_octets(const void *octets, size_t n, struct netaddr *out)
{
	*out = (struct netaddr){ .is_ipv6 = n == 16,
		.bits = n == 16 ? IPV6_BITS : IPV4_BITS };
	memcpy(out->octets, octets, n == 16 ? 16 : 4);
	unwrap_mapped(out);
}

/* Zeroes what lies behind the first `bits`: was there anything? */
static bool
cut_to(struct netaddr *a, unsigned bits)
{
	bool any = false;

	for (unsigned i = bits; i < a->bits; i++) {
		unsigned char bit = (unsigned char)(0x80u >> i % 8);

		any = any || (a->octets[i / 8] & bit) != 0;
		a->octets[i / 8] &= (unsigned char)~bit;
	}
	a->bits = bits;
	return any;
}

int
netaddr_parse_network(struct span text, struct netaddr *out)
{
	size_t slash = span_find(text, 0, '/');
	struct span prefix = span_from(text, slash + 1);
	int64_t bits;

	if (parse_literal(span_cut(text, 0, slash), out) < 0)
		return -1;
	bits = out->bits;
	if (slash < text.n &&
	    (prefix.n > 3 || span_to_int(prefix, 0, out->bits, &bits) < 0))
		return -1;
	if (cut_to(out, (unsigned)bits))
		return -1;
	unwrap_mapped(out);
	return 0;
}

void
netaddr_format(const struct netaddr *a, char out[NETADDR_MAX])
{
	size_t n;

	if (inet_ntop(a->is_ipv6 ? AF_INET6 : AF_INET, a->octets, out,
		NETADDR_MAX) == NULL)
		out[0] = '\0';
	n = strlen(out);
	if (a->bits < (a->is_ipv6 ? IPV6_BITS : IPV4_BITS))
		snprintf(out + n, NETADDR_MAX - n, "/%u", a->bits);
}

bool
netaddr_is_in(const struct netaddr *address, const struct netaddr *network)
{
	unsigned whole = network->bits / 8, rest = network->bits % 8;
	unsigned char mask = (unsigned char)(0xff00u >> rest);

	if (address->is_ipv6 != network->is_ipv6 ||
	    address->bits < network->bits ||
	    memcmp(address->octets, network->octets, whole) != 0)
		return false;
	return rest == 0 ||
	       (address->octets[whole] & mask) == network->octets[whole];
}

int
netaddr_counted(
    const char *client_address, unsigned ipv6_bits, char out[NETADDR_MAX])
{
	struct netaddr a;

	if (netaddr_parse(span_str(client_address), &a) < 0) {
		snprintf(out, NETADDR_MAX, "%s", client_address);
		return -1;
	}
	if (a.is_ipv6 && ipv6_bits < a.bits)
		cut_to(&a, ipv6_bits);
	netaddr_format(&a, out);
	return 0;
}
