#include "config.h"

#include "src/conf_listen.h"

#include "lib/arena.h"
#include "lib/buf.h"

#include <string.h>

int
conf_parse_listen(
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

const char *
conf_listen_path(const char *value)
{
	return strncmp(value, "unix:", 5) == 0 ? value + 5 : NULL;
}
