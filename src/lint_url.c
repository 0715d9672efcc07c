#include "config.h"

#include "src/lint_url.h"

#include "lib/arena.h"
#include "lib/buf.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define SCHEME "http://"
#define HOST_MAX 64

/* 127.0.0.0/8 */
static bool
is_ipv4(const char *host)
{
	struct in_addr in;

	return inet_pton(AF_INET, host, &in) == 1 &&
	       ntohl(in.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* ::1 */
static bool
is_ipv6(const char *host)
{
	struct in6_addr in;

	return inet_pton(AF_INET6, host, &in) == 1 && IN6_IS_ADDR_LOOPBACK(&in);
}

static bool
port_is_good(struct span s)
{
	int64_t port;

	return s.n == 0 || (s.p[0] == ':' && span_to_int(span_from(s, 1), 1,
						 UINT16_MAX, &port) == 0);
}

static bool
authority_is_good(struct arena *a, struct span s)
{
	bool has_brackets = span_starts(s, SPAN("["));
	size_t end = span_find(s, 0, has_brackets ? ']' : ':');
	struct span host = span_cut(s, has_brackets ? 1 : 0, end);

	if (host.n > HOST_MAX || (has_brackets && end == s.n) ||
	    !port_is_good(span_from(s, has_brackets ? end + 1 : end)))
		return false;
	return has_brackets ? is_ipv6(span_dup(a, host))
			    : is_ipv4(span_dup(a, host));
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

const char *
lint_url_base(struct arena *a, const char *url)
{
	struct span s = span_str(url), rest;
	size_t end;

	if (!span_starts(s, SPAN(SCHEME)))
		return NULL;
	rest = span_from(s, sizeof(SCHEME) - 1);
	end = span_find(rest, 0, '/');
	if (!authority_is_good(a, span_cut(rest, 0, end)) ||
	    !path_is_good(span_from(rest, end)))
		return NULL;
	while (span_ends(s, SPAN("/")))
		s = span_cut(s, 0, s.n - 1);
	return span_dup(a, s);
}
