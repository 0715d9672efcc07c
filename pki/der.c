#include "config.h"

#include "pki/der.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"

#define CONSTRUCTED 0x20
#define CLASS_MASK 0xc0
#define DEPTH_MAX 24
#define OID_OCTETS_MAX 64
#define OID_TEXT_MAX 300
#define OID_DIGITS_MAX 140 /* of 448 bits */

static uint8_t
octet(struct span s, size_t i)
{
	return (uint8_t)s.p[i];
}

/* Reads the length at in[1]; the header's size goes to *head. */
static int
read_length(struct span in, size_t *head, size_t *len)
{
	uint8_t first = octet(in, 1);
	if (first < 0x80) {
		*head = 2;
		*len = first;
		return 0;
	}
	size_t count = first & 0x7fu;
	if (count == 0 || count > 4 || in.n < 2 + count)
		return -1;
	size_t value = 0;
	for (size_t i = 0; i < count; i++)
		value = value << 8 | octet(in, 2 + i);
	/* Minimal: no leading zero octet, no long form for a short length. */
	if (octet(in, 2) == 0 || value < 0x80)
		return -1;
	*head = 2 + count;
	*len = value;
	return 0;
}

int
der_next(struct span *in, struct der *out)
{
	size_t head;
	size_t len;

	if (in->n == 0)
		return 0;
	if (in->n < 2 || (octet(*in, 0) & 0x1f) == 0x1f ||
	    octet(*in, 0) == 0x00)
		return -1;
	if (read_length(*in, &head, &len) < 0 || len > in->n - head)
		return -1;
	out->tag = octet(*in, 0);
	out->body = span_cut(*in, head, head + len);
	out->whole = span_cut(*in, 0, head + len);
	*in = span_from(*in, head + len);
	return 1;
}

int
der_take(struct span *in, uint8_t tag, struct der *out)
{
	struct span rest = *in;

	if (der_next(&rest, out) != 1 || out->tag != tag)
		return -1;
	*in = rest;
	return 0;
}

int
der_take_optional(struct span *in, uint8_t tag, struct der *out)
{
	if (in->n == 0 || octet(*in, 0) != tag)
		return 0;
	return der_take(in, tag, out) < 0 ? -1 : 1;
}

int
der_only(struct span in, uint8_t tag, struct der *out)
{
	return der_take(&in, tag, out) == 0 && in.n == 0 ? 0 : -1;
}

static bool
integer_is_minimal(struct span body)
{
	if (body.n == 0)
		return false;
	if (body.n == 1)
		return true;
	uint8_t a = octet(body, 0);
	bool high = octet(body, 1) & 0x80;
	return !(a == 0x00 && !high) && !(a == 0xff && high);
}

static bool
bit_string_is_strict(struct span body)
{
	if (body.n == 0)
		return false;
	unsigned unused = octet(body, 0);
	if (unused > 7 || (body.n == 1 && unused != 0))
		return false;
	return (octet(body, body.n - 1) & ((1u << unused) - 1)) == 0 ||
	       body.n == 1;
}

static bool
oid_is_strict(struct span body)
{
	bool at_start = true;

	if (body.n == 0)
		return false;
	for (size_t i = 0; i < body.n; i++) {
		if (at_start && octet(body, i) == 0x80)
			return false;
		at_start = !(octet(body, i) & 0x80);
	}
	return at_start;
}

static bool
primitive_is_strict(const struct der *d)
{
	switch (d->tag) {
	case DER_BOOLEAN:
		return d->body.n == 1 &&
		       (octet(d->body, 0) == 0 || octet(d->body, 0) == 0xff);
	case DER_INTEGER:
	case DER_ENUMERATED:
		return integer_is_minimal(d->body);
	case DER_BIT_STRING:
		return bit_string_is_strict(d->body);
	case DER_NULL:
		return d->body.n == 0;
	case DER_OID:
		return oid_is_strict(d->body);
	case DER_SEQUENCE & ~CONSTRUCTED:
	case DER_SET & ~CONSTRUCTED:
		return false;
	default:
		return true;
	}
}

bool
der_set_is_sorted(struct span body)
{
	struct der previous = { 0 };
	struct der d;
	int r;

	while ((r = der_next(&body, &d)) == 1) {
		if (previous.whole.p != NULL) {
			size_t n = previous.whole.n < d.whole.n
				       ? previous.whole.n
				       : d.whole.n;
			int c = memcmp(previous.whole.p, d.whole.p, n);
			if (c > 0 || (c == 0 && previous.whole.n >= d.whole.n))
				return false;
		}
		previous = d;
	}
	return r == 0;
}

static bool
elements_are_strict(struct span in, unsigned depth)
{
	struct der d;
	int r;

	if (depth > DEPTH_MAX)
		return false;
	while ((r = der_next(&in, &d)) == 1) {
		if (!(d.tag & CONSTRUCTED)) {
			if (!primitive_is_strict(&d))
				return false;
			continue;
		}
		/* DER has no constructed strings. */
		if ((d.tag & CLASS_MASK) == 0 && d.tag != DER_SEQUENCE &&
		    d.tag != DER_SET)
			return false;
		if (!elements_are_strict(d.body, depth + 1))
			return false;
		if (d.tag == DER_SET && !der_set_is_sorted(d.body))
			return false;
	}
	return r == 0;
}

bool
der_is_strict(struct span in)
{
	struct span rest = in;
	struct der d;

	return der_next(&rest, &d) == 1 && rest.n == 0 &&
	       elements_are_strict(in, 0);
}

int
der_boolean_true(struct span body)
{
	return body.n == 1 && octet(body, 0) == 0xff ? 0 : -1;
}

int
der_named_bits(struct span body, unsigned max, unsigned *out)
{
	*out = 0;
	if (!bit_string_is_strict(body))
		return -1;
	if (body.n == 1)
		return 0;
	unsigned count = 8 * (unsigned)(body.n - 1) - octet(body, 0);
	if (count == 0 || count > max || body.n > 1 + sizeof *out)
		return -1;
	for (unsigned i = 0; i < count; i++)
		if (octet(body, 1 + i / 8) & (0x80u >> i % 8))
			*out |= 1u << i;
	/* X.690 11.2.2: the last bit of a named bit list is set. */
	return (*out & (1u << (count - 1))) ? 0 : -1;
}

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar. */
static int64_t
days_from_date(int year, int month, int day)
{
	/* Years begin in March, so that the leap day is the last. */
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = month <= 2 ? month + 9 : month - 3;
	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day -
	       1 - 719468;
}

static bool
read_digits(struct span *s, size_t count, int *out)
{
	*out = 0;
	for (size_t i = 0; i < count; i++) {
		if (i >= s->n || !ascii_is_digit(s->p[i]))
			return false;
		*out = *out * 10 + (s->p[i] - '0');
	}
	*s = span_from(*s, count);
	return true;
}

int
der_time(const struct der *d, int64_t *out)
{
	struct span s = d->body;
	struct clock_date t = { 0 };
	struct clock_date back;
	bool is_utc = d->tag == DER_UTC_TIME;

	if (!is_utc && d->tag != DER_GENERALIZED_TIME)
		return -1;
	if (!read_digits(&s, is_utc ? 2 : 4, &t.year) ||
	    !read_digits(&s, 2, &t.month) || !read_digits(&s, 2, &t.day) ||
	    !read_digits(&s, 2, &t.hour) || !read_digits(&s, 2, &t.minute) ||
	    !read_digits(&s, 2, &t.second) || !span_eq_str(s, "Z"))
		return -1;
	if (is_utc)
		t.year += t.year < 50 ? 2000 : 1900;
	else if (t.year < 2050)
		return -1;
	if (t.month < 1 || t.month > 12 || t.hour > 23 || t.minute > 59 ||
	    t.second > 59)
		return -1;
	*out = days_from_date(t.year, t.month, t.day) * 86400 + t.hour * 3600 +
	       t.minute * 60 + t.second;
	/* A day that the month does not have comes back as another one. */
	clock_date(*out, &back);
	return back.day == t.day && back.month == t.month ? 0 : -1;
}

/* A number of an OID, which may be longer than a word (2.25 and a UUID): its
 * decimal digits, the lowest first. */
struct decimal {
	uint8_t digits[OID_DIGITS_MAX];
	size_t n;
};

/* Seven bits more. */
static void
decimal_add_septet(struct decimal *d, unsigned septet)
{
	unsigned carry = septet;

	for (size_t i = 0; i < d->n; i++) {
		carry += 128u * d->digits[i];
		d->digits[i] = (uint8_t)(carry % 10);
		carry /= 10;
	}
	for (; carry > 0; carry /= 10)
		d->digits[d->n++] = (uint8_t)(carry % 10);
}

static void
decimal_add_to(struct buf *b, const struct decimal *d)
{
	if (d->n == 0)
		buf_add_char(b, '0');
	for (size_t i = d->n; i > 0; i--)
		buf_add_char(b, (char)('0' + d->digits[i - 1]));
}

/* The first two numbers are one octet string together.  Where the others
 * begin, or 0 for one that nobody has. */
static size_t
add_first_numbers(struct buf *b, struct span oid)
{
	uint64_t value = 0;
	size_t i = 0;

	do {
		if (value >> 56)
			return 0;
		value = value << 7 | (octet(oid, i) & 0x7f);
	} while (octet(oid, i++) & 0x80);
	unsigned top = value < 80 ? (unsigned)value / 40 : 2;
	buf_addf(b, "%u.%llu", top, (unsigned long long)value - 40 * top);
	return i;
}

const char *
der_oid_text(struct arena *a, struct span oid)
{
	struct decimal number = { .n = 0 };
	struct buf b;
	size_t i;

	if (oid.n > OID_OCTETS_MAX || !oid_is_strict(oid))
		return "?";
	buf_init(&b, a, OID_TEXT_MAX);
	i = add_first_numbers(&b, oid);
	if (i == 0)
		return "?";
	for (; i < oid.n; i++) {
		decimal_add_septet(&number, octet(oid, i) & 0x7f);
		if (octet(oid, i) & 0x80)
			continue;
		buf_add_char(&b, '.');
		decimal_add_to(&b, &number);
		number.n = 0;
	}
	return buf_ok(&b) ? b.p : "?";
}

size_t
der_open(struct buf *b, uint8_t tag)
{
	buf_add_char(b, (char)tag);
	buf_add_char(b, 0); /* the length, when it is known */
	return b->n;
}

void
der_close(struct buf *b, size_t mark)
{
	static const char room[4];

	if (!buf_ok(b))
		return;
	size_t len = b->n - mark;
	assert(len <= UINT32_MAX);
	if (len < 0x80) {
		b->p[mark - 1] = (char)len;
		return;
	}
	size_t count = 1;
	while (count < 4 && len >> (8 * count) != 0)
		count++;
	buf_add_mem(b, room, count);
	if (!buf_ok(b))
		return;
	memmove(b->p + mark + count, b->p + mark, len);
	b->p[mark - 1] = (char)(0x80 | count);
	for (size_t i = 0; i < count; i++)
		b->p[mark + i] = (char)(len >> (8 * (count - 1 - i)) & 0xff);
}

void
der_add(struct buf *b, uint8_t tag, struct span body)
{
	size_t mark = der_open(b, tag);
	buf_add(b, body);
	der_close(b, mark);
}

void
der_add_uint(struct buf *b, uint64_t value)
{
	char bytes[9];
	size_t n = 0;

	/* Backwards, then a zero octet where the top bit would be a sign. */
	do {
		bytes[sizeof bytes - ++n] = (char)(value & 0xff);
		value >>= 8;
	} while (value != 0);
	if (bytes[sizeof bytes - n] & 0x80)
		bytes[sizeof bytes - ++n] = 0;
	der_add(b, DER_INTEGER, span_mem(bytes + sizeof bytes - n, n));
}

void
der_add_true(struct buf *b)
{
	der_add(b, DER_BOOLEAN, SPAN("\xff"));
}

void
der_add_bit_string(struct buf *b, struct span octets)
{
	size_t mark = der_open(b, DER_BIT_STRING);
	buf_add_char(b, 0);
	buf_add(b, octets);
	der_close(b, mark);
}

void
der_add_time(struct buf *b, int64_t secs)
{
	struct clock_date t;
	clock_date(secs, &t);
	bool is_utc = t.year < 2050;
	size_t mark = der_open(b, is_utc ? DER_UTC_TIME : DER_GENERALIZED_TIME);
	if (is_utc)
		buf_addf(b, "%02d", t.year % 100);
	else
		buf_addf(b, "%04d", t.year);
	buf_addf(b, "%02d%02d%02d%02d%02dZ", t.month, t.day, t.hour, t.minute,
	    t.second);
	der_close(b, mark);
}
