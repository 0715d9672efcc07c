#include "config.h"

#include "acme/certid.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/hex.h"
#include "lib/job.h"

/* Strict base64url of 1 to `max` octets: their number, or 0. */
static size_t
parse_part(struct span text, unsigned char *out, size_t max)
{
	size_t n = text.n / 4 * 3 + text.n % 4 * 3 / 4;

	if (n == 0 || n > max || b64url_parse_fixed(text, out, n) < 0)
		return 0;
	return n;
}

/* What DER writes for a positive INTEGER, and nothing else: not negative, not
 * zero, no octet too many. */
static bool
is_serial(const unsigned char *octets, size_t n)
{
	if (octets[0] != 0)
		return octets[0] < 0x80;
	return n > 1 && octets[1] >= 0x80;
}

int
certid_parse(struct span text, struct certid *out)
{
	unsigned char key[CERTID_KEY_MAX], serial[CERTID_SERIAL_MAX];
	size_t dot = span_find(text, 0, '.');
	size_t key_len = parse_part(span_cut(text, 0, dot), key, sizeof(key));
	size_t serial_len =
	    parse_part(span_from(text, dot + 1), serial, sizeof(serial));

	if (key_len == 0 || serial_len == 0 || !is_serial(serial, serial_len))
		return -1;
	hex_format(out->ca_label, span_mem(key, key_len));
	hex_format(out->serial, span_mem(serial, serial_len));
	return 0;
}

static void
add_part(struct buf *b, const char *hex)
{
	unsigned char octets[CERTID_KEY_MAX];
	size_t n = strlen(hex) / 2;
	bool ok = n <= sizeof(octets) &&
		  hex_parse_fixed(span_str(hex), octets, n) == 0;

	assert(ok); /* both come from certificates that this server made */
	b64url_add(b, span_mem(octets, n));
}

const char *
certid_format(struct job *j, const char *ca_label, const char *serial)
{
	struct buf b;

	buf_init(&b, j->arena,
	    B64URL_LEN(CERTID_KEY_MAX) + 1 + B64URL_LEN(CERTID_KEY_MAX));
	add_part(&b, ca_label);
	buf_add_char(&b, '.');
	add_part(&b, serial);
	return b.p;
}
