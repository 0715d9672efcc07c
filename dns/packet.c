#include "config.h"

#include "dns/packet.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"

#define STRING_MAX 255 /* of a TXT record */

enum { CLASS_IN = 1, TYPE_CNAME = 5, TYPE_SOA = 6 };
enum { RCODE_NOERROR = 0, RCODE_NXDOMAIN = 3 };
enum { HEADER_LEN = 12, LABEL_MAX = 63, NAME_MAX_WIRE = 255 };

/* A name without compression: lower case, so that names compare octet by
 * octet (RFC 4343). */
struct name {
	uint8_t wire[NAME_MAX_WIRE];
	size_t n;
};

struct record {
	struct name owner;
	unsigned type, class;
	uint32_t ttl;
	size_t rdata_at, rdata_len;
};

struct message {
	struct span raw;
	struct name question;
	unsigned rcode;
	bool truncated;
	struct record *answers;
	size_t answer_count;
	struct record *authorities;
	size_t authority_count;
};

static unsigned
byte_at(struct span s, size_t at)
{
	return (unsigned char)s.p[at];
}

static int
read_u16(struct span s, size_t *at, unsigned *out)
{
	if (s.n - *at < 2)
		return -1;
	*out = byte_at(s, *at) << 8 | byte_at(s, *at + 1);
	*at += 2;
	return 0;
}

static int
read_u32(struct span s, size_t *at, uint32_t *out)
{
	unsigned high, low;

	if (read_u16(s, at, &high) < 0 || read_u16(s, at, &low) < 0)
		return -1;
	*out = (uint32_t)high << 16 | low;
	return 0;
}

static int
name_add_label(struct name *name, struct span s, size_t at, size_t n)
{
	if (name->n + 1 + n > sizeof(name->wire))
		return -1;
	name->wire[name->n++] = (uint8_t)n;
	for (size_t i = 0; i < n; i++)
		name->wire[name->n++] = (uint8_t)ascii_lower(s.p[at + i]);
	return 0;
}

/*
 * Reads a name at *at and moves *at behind it.  A pointer must lead to an
 * earlier place than any before it, so that there is no loop (RFC 1035
 * 4.1.4).
 */
static int
read_name(struct span s, size_t *at, struct name *out)
{
	size_t pos = *at, floor = *at;
	bool jumped = false;

	out->n = 0;
	for (;;) {
		unsigned c;

		if (pos >= s.n)
			return -1;
		c = byte_at(s, pos);
		if ((c & 0xc0) == 0xc0) {
			size_t target;

			if (s.n - pos < 2)
				return -1;
			target = (c & 0x3f) << 8 | byte_at(s, pos + 1);
			if (!jumped)
				*at = pos + 2;
			if (target >= floor)
				return -1;
			jumped = true;
			pos = floor = target;
			continue;
		}
		if (c > LABEL_MAX || s.n - pos - 1 < c ||
		    name_add_label(out, s, pos + 1, c) < 0)
			return -1;
		pos += 1 + c;
		if (c == 0)
			break;
	}
	if (!jumped)
		*at = pos;
	return 0;
}

static bool
name_eq(const struct name *a, const struct name *b)
{
	return a->n == b->n && memcmp(a->wire, b->wire, a->n) == 0;
}

/* Without the last dot; what would be ambiguous as \DDD (RFC 1035 5.1). */
static const char *
name_text(struct job *j, const struct name *name)
{
	struct buf b;

	buf_init(&b, j->arena, 4 * sizeof(name->wire));
	for (size_t at = 0; name->wire[at] != 0; at += 1 + name->wire[at]) {
		if (at > 0)
			buf_add_char(&b, '.');
		for (size_t i = 1; i <= name->wire[at]; i++) {
			unsigned c = name->wire[at + i];

			if (c <= ' ' || c >= 0x7f || c == '.' || c == '\\')
				buf_addf(&b, "\\%03u", c);
			else
				buf_add_char(&b, (char)c);
		}
	}
	return b.p;
}

static int
read_record(struct span s, size_t *at, struct record *out)
{
	unsigned len;

	if (read_name(s, at, &out->owner) < 0 ||
	    read_u16(s, at, &out->type) < 0 ||
	    read_u16(s, at, &out->class) < 0 ||
	    read_u32(s, at, &out->ttl) < 0 || read_u16(s, at, &len) < 0 ||
	    s.n - *at < len)
		return -1;
	/* RFC 2181 8 */
	if (out->ttl > INT32_MAX)
		out->ttl = 0;
	out->rdata_at = *at;
	out->rdata_len = len;
	*at += len;
	return 0;
}

static int
read_section(
    struct job *j, struct span s, size_t *at, size_t count, struct record **out)
{
	/* The smallest record has 11 octets: a count that cannot be true is
	 * refused before memory is asked for. */
	if (count > (s.n - *at) / 11)
		return -1;
	*out = arena_calloc(j->arena, count, sizeof(**out));
	for (size_t i = 0; i < count; i++)
		if (read_record(s, at, &(*out)[i]) < 0)
			return -1;
	return 0;
}

static int
read_message(
    struct job *j, struct span s, enum dns_type type, struct message *m)
{
	size_t at = 2;
	unsigned flags, questions, answers, authorities, qtype, qclass;

	if (s.n < HEADER_LEN)
		return -1;
	m->raw = s;
	read_u16(s, &at, &flags);
	read_u16(s, &at, &questions);
	read_u16(s, &at, &answers);
	read_u16(s, &at, &authorities);
	at = HEADER_LEN;
	m->rcode = flags & 0xf;
	m->truncated = (flags & 0x0200) != 0;
	if (questions != 1 || read_name(s, &at, &m->question) < 0 ||
	    read_u16(s, &at, &qtype) < 0 || read_u16(s, &at, &qclass) < 0 ||
	    qtype != (unsigned)type || qclass != CLASS_IN)
		return -1;
	m->answer_count = answers;
	m->authority_count = authorities;
	if (read_section(j, s, &at, answers, &m->answers) < 0 ||
	    read_section(j, s, &at, authorities, &m->authorities) < 0)
		return -1;
	return 0;
}

static const struct record *
find_record(const struct message *m, const struct name *owner, unsigned type)
{
	for (size_t i = 0; i < m->answer_count; i++) {
		const struct record *r = &m->answers[i];

		if (r->type == type && r->class == CLASS_IN &&
		    name_eq(&r->owner, owner))
			return r;
	}
	return NULL;
}

static void
lower_ttl(struct dns_answer *out, uint32_t ttl)
{
	if (ttl < out->ttl)
		out->ttl = ttl;
}

/*
 * From the question to the name that is no alias: 0, or -1 for a broken
 * record, 1 for a chain that is too long or a loop.
 */
static int
follow_aliases(struct job *j, const struct message *m, struct name *name,
    struct dns_answer *out)
{
	const struct record *r;

	out->aliases =
	    arena_calloc(j->arena, DNS_ALIAS_MAX, sizeof(*out->aliases));
	for (int hops = 0; (r = find_record(m, name, TYPE_CNAME)) != NULL;
	     hops++) {
		size_t at = r->rdata_at;

		if (hops == DNS_ALIAS_MAX)
			return 1;
		if (read_name(m->raw, &at, name) < 0 ||
		    at != r->rdata_at + r->rdata_len)
			return -1;
		out->aliases[out->alias_count++] = name_text(j, name);
		lower_ttl(out, r->ttl);
	}
	return 0;
}

/* An MX record's name may be compressed; RDATA as we hand it out is not. */
static int
copy_rdata(struct job *j, const struct message *m, const struct record *r,
    struct span *out)
{
	struct span raw =
	    span_cut(m->raw, r->rdata_at, r->rdata_at + r->rdata_len);

	if (r->type == DNS_TYPE_MX) {
		size_t at = r->rdata_at + 2;
		struct name host;
		char *p;

		if (raw.n < 3 || read_name(m->raw, &at, &host) < 0 ||
		    at != r->rdata_at + r->rdata_len)
			return -1;
		p = arena_alloc(j->arena, 2 + host.n);
		memcpy(p, raw.p, 2);
		memcpy(p + 2, host.wire, host.n);
		*out = span_mem(p, 2 + host.n);
		return 0;
	}
	*out = span_mem(arena_memdup(j->arena, raw.p, raw.n), raw.n);
	return 0;
}

static int
collect(struct job *j, const struct message *m, const struct name *owner,
    enum dns_type type, struct dns_answer *out)
{
	out->rdata =
	    arena_calloc(j->arena, m->answer_count, sizeof(*out->rdata));
	for (size_t i = 0; i < m->answer_count; i++) {
		const struct record *r = &m->answers[i];

		if (r->type != (unsigned)type || r->class != CLASS_IN ||
		    !name_eq(&r->owner, owner))
			continue;
		if (copy_rdata(j, m, r, &out->rdata[out->count]) < 0)
			return -1;
		out->count++;
		lower_ttl(out, r->ttl);
	}
	return 0;
}

/* RFC 2308 5: how long "there is none" may be kept. */
static void
negative_ttl(const struct message *m, struct dns_answer *out)
{
	for (size_t i = 0; i < m->authority_count; i++) {
		const struct record *r = &m->authorities[i];
		size_t at = r->rdata_at + r->rdata_len - 4;
		uint32_t minimum;

		if (r->type != TYPE_SOA || r->rdata_len < 22)
			continue;
		if (read_u32(m->raw, &at, &minimum) == 0)
			lower_ttl(out, minimum);
		lower_ttl(out, r->ttl);
		return;
	}
	out->ttl = 0;
}

static void
temporary(struct dns_answer *out, const char *why)
{
	out->status = DNS_TEMPORARY;
	out->rdata = NULL;
	out->count = 0;
	out->ttl = 0;
	out->canonical = out->name;
	out->aliases = NULL;
	out->alias_count = 0;
	out->why = why;
}

void
dns_packet_read(struct job *j, struct span packet, enum dns_type type,
    struct dns_answer *out)
{
	struct message m = { 0 };
	struct name name;
	int followed;

	temporary(out, "the answer is not a well-formed DNS message");
	if (read_message(j, packet, type, &m) < 0)
		return;
	if (m.truncated) {
		temporary(out, "the answer is truncated");
		return;
	}
	if (m.rcode != RCODE_NOERROR && m.rcode != RCODE_NXDOMAIN) {
		temporary(out,
		    arena_printf(j->arena,
			"the name servers answered with code %u", m.rcode));
		return;
	}
	out->ttl = UINT32_MAX;
	name = m.question;
	followed = follow_aliases(j, &m, &name, out);
	if (followed > 0) {
		const struct dns_answer seen = *out;

		temporary(out, "more than 8 aliases, or a loop of aliases");
		out->aliases = seen.aliases;
		out->alias_count = seen.alias_count;
		out->canonical = name_text(j, &name);
		return;
	}
	if (followed < 0 || collect(j, &m, &name, type, out) < 0) {
		temporary(out, "a record of the answer is broken");
		return;
	}
	out->why = NULL;
	out->canonical = name_text(j, &name);
	if (out->count > 0) {
		out->status = DNS_OK;
		return;
	}
	out->status = m.rcode == RCODE_NXDOMAIN ? DNS_NXDOMAIN : DNS_NODATA;
	out->rdata = NULL;
	negative_ttl(&m, out);
}

struct span
dns_txt_rdata(struct job *j, struct span text)
{
	struct buf b;

	buf_init(&b, j->arena, text.n + text.n / STRING_MAX + 1);
	do {
		struct span part = span_cut(text, 0, STRING_MAX);

		buf_add_char(&b, (char)part.n);
		buf_add(&b, part);
		text = span_from(text, part.n);
	} while (text.n > 0);
	return buf_span(&b);
}
