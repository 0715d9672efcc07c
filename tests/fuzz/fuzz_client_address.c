/*
 * AC-21: X-Forwarded-For, which strangers write.  The first octet of the
 * input says who the peer is; the rest is the field.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/conf.h"
#include "lib/job.h"
#include "src/client_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* What comes out is canonical text of an address, and is counted. */
static void
check_text(const char *text)
{
	struct netaddr a;
	char again[NETADDR_MAX];

	must(netaddr_parse(span_str(text), &a) == 0);
	netaddr_format(&a, again);
	must(strcmp(text, again) == 0);
	must(netaddr_counted(text, 64, again) == 0);
	must(netaddr_parse_network(span_str(again), &a) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *networks[] = { "10.0.0.0/8", "2001:db8::/32" };
	static const struct conf_list list = { networks, 2 };
	static const char *const peers[] = { "10.0.0.1", "192.0.2.1",
		"2001:db8::1" };
	struct client_trust trust;
	struct netaddr peer;
	struct job j;
	char text[NETADDR_MAX];

	if (n == 0)
		return 0;
	job_init(&j, NULL, NULL);
	must(client_trust_parse(&j, j.arena, &list, &trust) == 0);
	if (data[0] % 4 == 3) {
		client_address(&trust, NULL, span_mem(data + 1, n - 1), text);
		if (strcmp(text, "unix") != 0)
			check_text(text);
	} else {
		must(netaddr_parse(span_str(peers[data[0] % 4]), &peer) == 0);
		client_address(&trust, &peer, span_mem(data + 1, n - 1), text);
		check_text(text);
		/* Who is not trusted cannot choose. */
		if (data[0] % 4 == 1)
			must(strcmp(text, peers[1]) == 0);
	}
	job_done(&j);
	return 0;
}
