#include "config.h"

#include "src/client_address.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"

#include <string.h>

int
client_trust_parse(struct job *j, struct arena *keep,
    const struct conf_list *list, struct client_trust *out)
{
	struct netaddr *v = arena_calloc(keep, list->n + 1, sizeof(*v));

	for (size_t i = 0; i < list->n; i++)
		if (netaddr_parse_network(span_str(list->v[i]), &v[i]) < 0)
			return job_fail(j, ERR_INTERNAL,
			    "web.trusted_proxies %s: is no network",
			    list->v[i]);
	*out = (struct client_trust){ v, list->n };
	return 0;
}

bool
client_is_trusted(const struct client_trust *trust, const struct netaddr *a)
{
	for (size_t i = 0; i < trust->n; i++)
		if (netaddr_is_in(a, &trust->networks[i]))
			return true;
	return false;
}

static bool
is_port(struct span text)
{
	int64_t port;

	return text.n <= 5 && span_to_int(text, 0, 65535, &port) == 0;
}

/* Some proxies write the port of their peer too: 192.0.2.1:4711,
 * [2001:db8::1]:4711. */
static int
parse_entry(struct span text, struct netaddr *out)
{
	size_t end;

	if (text.n > 0 && text.p[0] == '[') {
		end = span_find(text, 0, ']');
		if (end + 1 < text.n && (text.p[end + 1] != ':' ||
					    !is_port(span_from(text, end + 2))))
			return -1;
		return end == text.n
			   ? -1
			   : netaddr_parse(span_cut(text, 1, end), out);
	}
	end = span_find(text, 0, ':');
	if (end < text.n && span_find(text, end + 1, ':') == text.n)
		return is_port(span_from(text, end + 1))
			   ? netaddr_parse(span_cut(text, 0, end), out)
			   : -1;
	return netaddr_parse(text, out);
}

/* Takes the last entry off: false when there is none. */
static bool
take_last(struct span *list, struct span *entry)
{
	size_t comma = list->n;

	if (list->p == NULL)
		return false;
	while (comma > 0 && list->p[comma - 1] != ',')
		comma--;
	*entry = span_trim(span_from(*list, comma));
	if (comma == 0)
		*list = span_mem(NULL, 0);
	else
		*list = span_cut(*list, 0, comma - 1);
	return true;
}

void
client_address(const struct client_trust *trust, const struct netaddr *peer,
    struct span forwarded, char out[NETADDR_MAX])
{
	struct netaddr last, next;
	struct span entry;
	bool known = peer != NULL;

	if (known)
		last = *peer;
	while ((!known || client_is_trusted(trust, &last)) &&
	       take_last(&forwarded, &entry) &&
	       parse_entry(entry, &next) == 0) {
		last = next;
		known = true;
	}
	if (known)
		netaddr_format(&last, out);
	else
		memcpy(out, "unix", sizeof("unix"));
}
