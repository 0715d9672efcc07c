#include "config.h"

#include "pki/ocsp_request.h"

#include "lib/arena.h"
#include "lib/b64.h"
#include "pki/der.h"
#include "pki/oid.h"

#include <string.h>

/* More of them, and putting one back has too many ways. */
#define SLASHES_MAX 8
#define MISSING_MAX 2

static enum ocsp_hash
hash_of(struct span algorithm)
{
	struct der oid, null;

	if (der_take(&algorithm, DER_OID, &oid) < 0 ||
	    (algorithm.n > 0 &&
		(der_only(algorithm, DER_NULL, &null) < 0 || null.body.n > 0)))
		return OCSP_HASH_OTHER;
	if (span_eq(oid.body, OID_SHA1))
		return OCSP_SHA1;
	return span_eq(oid.body, OID_SHA256) ? OCSP_SHA256 : OCSP_HASH_OTHER;
}

static int
read_cert_id(struct span in, struct ocsp_cert_id *out)
{
	struct der algorithm, name, key, serial;

	if (der_take(&in, DER_SEQUENCE, &algorithm) < 0 ||
	    der_take(&in, DER_OCTET_STRING, &name) < 0 ||
	    der_take(&in, DER_OCTET_STRING, &key) < 0 ||
	    der_only(in, DER_INTEGER, &serial) < 0 || serial.body.n == 0)
		return -1;
	*out = (struct ocsp_cert_id){ hash_of(algorithm.body), name.body,
		key.body, serial.body };
	return 0;
}

static void
read_nonce(struct span value, struct ocsp_request *out)
{
	struct der d;

	if (out->nonce_is == OCSP_NONCE_NONE &&
	    der_only(value, DER_OCTET_STRING, &d) == 0 && d.body.n > 0 &&
	    d.body.n <= OCSP_NONCE_MAX) {
		out->nonce_is = OCSP_NONCE_GOOD;
		out->nonce = d.body;
	} else {
		out->nonce_is = OCSP_NONCE_BAD;
		out->nonce = (struct span){ NULL, 0 };
	}
}

/* Extensions in [n] EXPLICIT, if they are there: at least one, each an OID, a
 * criticality and octets.  `out` is NULL where a nonce has no meaning. */
static int
read_extensions(struct span *in, uint8_t n, struct ocsp_request *out)
{
	struct der outer, list, one, oid, d;
	int found = der_take_optional(in, DER_CONTEXT(n), &outer);

	if (found <= 0)
		return found;
	if (der_only(outer.body, DER_SEQUENCE, &list) < 0 || list.body.n == 0)
		return -1;
	while (list.body.n > 0) {
		if (der_take(&list.body, DER_SEQUENCE, &one) < 0 ||
		    der_take(&one.body, DER_OID, &oid) < 0 ||
		    der_take_optional(&one.body, DER_BOOLEAN, &d) < 0 ||
		    der_only(one.body, DER_OCTET_STRING, &d) < 0)
			return -1;
		if (out != NULL && span_eq(oid.body, OID_OCSP_NONCE))
			read_nonce(d.body, out);
	}
	return 0;
}

static int
read_list(struct span in, struct ocsp_request *out)
{
	struct ocsp_cert_id id;
	struct der one, cert_id;

	if (in.n == 0)
		return -1;
	for (out->count = 0; in.n > 0; out->count++) {
		if (der_take(&in, DER_SEQUENCE, &one) < 0 ||
		    der_take(&one.body, DER_SEQUENCE, &cert_id) < 0 ||
		    read_cert_id(cert_id.body, &id) < 0 ||
		    read_extensions(&one.body, 0, NULL) < 0 || one.body.n > 0)
			return -1;
		if (out->count < OCSP_CERTS_MAX)
			out->certs[out->count] = id;
	}
	return 0;
}

/* A version that is written although it is the default is what some clients
 * do. */
static int
read_tbs(struct span in, struct ocsp_request *out)
{
	struct der d, version, list;
	int found = der_take_optional(&in, DER_CONTEXT(0), &d);

	if (found < 0 ||
	    (found == 1 && (der_only(d.body, DER_INTEGER, &version) < 0 ||
			       !span_eq(version.body, SPAN("\0")))))
		return -1;
	if (der_take_optional(&in, DER_CONTEXT(1), &d) < 0 ||
	    der_take(&in, DER_SEQUENCE, &list) < 0 ||
	    read_list(list.body, out) < 0 || read_extensions(&in, 2, out) < 0)
		return -1;
	return in.n == 0 ? 0 : -1;
}

int
ocsp_request_parse(struct span der, struct ocsp_request *out)
{
	struct der outer, tbs, signature;

	*out = (struct ocsp_request){ .der = der };
	if (der.n > OCSP_REQUEST_MAX || !der_is_strict(der) ||
	    der_only(der, DER_SEQUENCE, &outer) < 0 ||
	    der_take(&outer.body, DER_SEQUENCE, &tbs) < 0 ||
	    read_tbs(tbs.body, out) < 0 ||
	    der_take_optional(&outer.body, DER_CONTEXT(0), &signature) < 0)
		return -1;
	return outer.body.n == 0 ? 0 : -1;
}

/* --- GET ------------------------------------------------------------------ */

static int
hex_digit(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
percent_decode(struct buf *b, struct span in)
{
	for (size_t i = 0; i < in.n; i++) {
		int high, low;

		if (in.p[i] != '%') {
			buf_add_char(b, in.p[i]);
			continue;
		}
		if (in.n - i < 3 || (high = hex_digit(in.p[i + 1])) < 0 ||
		    (low = hex_digit(in.p[i + 2])) < 0)
			return -1;
		buf_add_char(b, (char)(high << 4 | low));
		i += 2;
	}
	return buf_ok(b) ? 0 : -1;
}

/* Putting back: what to make of which guess. */
struct guess {
	struct arena *arena;
	ocsp_wanted_fn *is_wanted;
	void *ctx;
	struct ocsp_request *out;
};

static int
read_text(const struct guess *g, struct span text)
{
	struct span der;

	return text.n > 0 && !span_has_control(text) &&
		       span_find(text, 0, ' ') == text.n &&
		       b64_parse_fws(g->arena, text, &der) == 0 &&
		       ocsp_request_parse(der, g->out) == 0
		   ? 0
		   : -1;
}

/* `text` with one slash more at offset `at`. */
static struct span
with_slash(struct arena *a, struct span text, size_t at)
{
	struct buf b;

	buf_init(&b, a, text.n + 1);
	buf_add(&b, span_cut(text, 0, at));
	buf_add_char(&b, '/');
	buf_add(&b, span_from(text, at));
	return buf_span(&b);
}

static int
put_back(const struct guess *g, struct span text, size_t missing)
{
	if (missing == 0)
		return read_text(g, text) == 0 && g->is_wanted(g->ctx, g->out)
			   ? 0
			   : -1;
	for (size_t at = span_find(text, 0, '/'); at < text.n;
	     at = span_find(text, at + 1, '/'))
		if (put_back(g, with_slash(g->arena, text, at), missing - 1) ==
		    0)
			return 0;
	return -1;
}

int
ocsp_request_from_path(struct arena *a, struct span path,
    ocsp_wanted_fn *is_wanted, void *ctx, struct ocsp_request *out)
{
	const struct guess g = { a, is_wanted, ctx, out };
	size_t missing, slashes = 0;
	struct span text;
	struct buf b;

	/* RFC 6960 A.1 has "{url}/{request}": a URL that ends with a slash
	 * gives two.  No request begins with one: SEQUENCE is "M". */
	while (span_starts(path, SPAN("/")))
		path = span_from(path, 1);
	if (path.n > OCSP_GET_MAX)
		return -1;
	buf_init(&b, a, OCSP_GET_MAX);
	if (percent_decode(&b, path) < 0)
		return -1;
	text = buf_span(&b);
	/* Base64 comes in fours: what is missing tells how many slashes. */
	missing = (4 - text.n % 4) % 4;
	if (missing == 0)
		return read_text(&g, text);
	for (size_t i = 0; i < text.n; i++)
		slashes += text.p[i] == '/';
	return missing > MISSING_MAX || slashes > SLASHES_MAX
		   ? -1
		   : put_back(&g, text, missing);
}
