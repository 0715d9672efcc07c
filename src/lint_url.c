#include "config.h"

#include "src/lint_url.h"

#include "lib/arena.h"
#include "lib/buf.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define HTTP_PORT 80
#define SCHEME "http://"
#define HOST_MAX 64

/* 127.0.0.0/8 */
static int
read_ipv4(const char *host, in_port_t port, struct lint_url *out)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = port };

	if (inet_pton(AF_INET, host, &in.sin_addr) != 1 ||
	    ntohl(in.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
		return -1;
	memcpy(&out->address, &in, sizeof(in));
	out->address_len = sizeof(in);
	return 0;
}

/* ::1 */
static int
read_ipv6(const char *host, in_port_t port, struct lint_url *out)
{
	struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = port };

	if (inet_pton(AF_INET6, host, &in.sin6_addr) != 1 ||
	    !IN6_IS_ADDR_LOOPBACK(&in.sin6_addr))
		return -1;
	memcpy(&out->address, &in, sizeof(in));
	out->address_len = sizeof(in);
	return 0;
}

static int
read_authority(struct arena *a, struct span s, struct lint_url *out)
{
	bool is_ipv6 = span_starts(s, SPAN("["));
	size_t end = span_find(s, 0, is_ipv6 ? ']' : ':');
	struct span host = span_cut(s, is_ipv6 ? 1 : 0, end);
	struct span rest = span_from(s, is_ipv6 ? end + 1 : end);
	int64_t port = HTTP_PORT;
	const char *text;

	if (host.n > HOST_MAX || (is_ipv6 && end == s.n) ||
	    (rest.n > 0 && rest.p[0] != ':') ||
	    (rest.n > 0 &&
		span_to_int(span_from(rest, 1), 1, UINT16_MAX, &port) < 0))
		return -1;
	text = span_dup(a, host);
	return is_ipv6 ? read_ipv6(text, htons((uint16_t)port), out)
		       : read_ipv4(text, htons((uint16_t)port), out);
}

/* Nothing that would begin a query or a fragment, or end the line. */
static bool
path_is_good(struct span path)
{
	for (size_t i = 0; i < path.n; i++)
		if (!ascii_is_alnum(path.p[i]) &&
		    span_find(SPAN("/-._~"), 0, path.p[i]) == 5)
			return false;
	return true;
}

int
lint_url_read(struct arena *a, const char *url, struct lint_url *out)
{
	struct span s = span_str(url), rest;
	size_t end;

	memset(out, 0, sizeof(*out));
	if (!span_starts(s, SPAN(SCHEME)))
		return -1;
	rest = span_from(s, sizeof(SCHEME) - 1);
	end = span_find(rest, 0, '/');
	if (read_authority(a, span_cut(rest, 0, end), out) < 0 ||
	    !path_is_good(span_from(rest, end)))
		return -1;
	while (span_ends(s, SPAN("/")))
		s = span_cut(s, 0, s.n - 1);
	out->base = span_dup(a, s);
	return 0;
}
