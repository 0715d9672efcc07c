/* AC-29: what the decoders accept has one spelling, which encoding gives
 * back. */
#include "config.h"

#include <stdlib.h>

#include "lib/arena.h"
#include "lib/b64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_url(struct arena *a, struct span text)
{
	struct span octets;
	struct buf b;

	if (b64url_parse(a, text, &octets) != 0)
		return;
	buf_init(&b, a, text.n);
	b64url_add(&b, octets);
	if (!buf_ok(&b) || !span_eq(buf_span(&b), text) ||
	    !b64url_is_alphabet(text) || B64URL_LEN(octets.n) != text.n)
		abort();
}

static void
check_padded(struct arena *a, struct span text)
{
	struct span octets, again;
	struct buf b;

	if (b64_parse_fws(a, text, &octets) != 0)
		return;
	buf_init(&b, a, text.n);
	b64_add(&b, octets);
	if (!buf_ok(&b) || b64_parse_fws(a, buf_span(&b), &again) != 0 ||
	    !span_eq(octets, again))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new();

	check_url(a, span_mem(data, n));
	check_padded(a, span_mem(data, n));
	arena_free(a);
	return 0;
}
