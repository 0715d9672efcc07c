#include "config.h"

#include "src/conf_listen.h"

#include "lib/arena.h"
#include "lib/buf.h"

#include <netdb.h>
#include <string.h>

/* What getaddrinfo() reads beyond addresses, "*", is not said to be one. */
static bool
is_address(const char *host)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST };
	struct addrinfo *found;

	if (strcmp(host, "*") == 0 ||
	    getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

int
conf_parse_host_port(
    struct arena *a, const char *value, const char **host, const char **port)
{
	struct span s = span_str(value);
	size_t colon = s.n;
	int64_t number;

	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (colon == 0 ||
	    span_to_int(span_from(s, colon), 1, 65535, &number) < 0)
		return -1;
	*port = span_dup(a, span_from(s, colon));
	s = span_cut(s, 0, colon - 1);
	if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = span_cut(s, 1, s.n - 1);
	else if (span_find(s, 0, ':') < s.n)
		return -1;
	if (s.n == 0)
		return -1;
	*host = span_dup(a, s);
	return 0;
}

int
conf_parse_listen(
    struct arena *a, const char *value, const char **host, const char **port)
{
	return conf_parse_host_port(a, value, host, port) == 0 &&
		       is_address(*host)
		   ? 0
		   : -1;
}

const char *
conf_listen_path(const char *value)
{
	return strncmp(value, "unix:", 5) == 0 ? value + 5 : NULL;
}
