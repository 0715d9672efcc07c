#include "config.h"

#include "src/http_target.h"

struct http_target
http_target_split(struct span text)
{
	struct http_target t = { .path = text };
	const struct span https = SPAN("https://"), http = SPAN("http://");
	struct span rest;
	size_t end, query;

	/* Case is nothing in a scheme (RFC 3986 3.1). */
	t.is_https = span_casestarts(text, https);
	if (!t.is_https && !span_casestarts(text, http))
		return t;
	rest = span_from(text, t.is_https ? https.n : http.n);
	end = span_find(rest, 0, '/');
	query = span_find(rest, 0, '?');
	if (query < end)
		end = query;
	t.authority = span_cut(rest, 0, end);
	t.path = span_from(rest, end);
	if (t.path.n == 0)
		t.path = SPAN("/");
	return t;
}
