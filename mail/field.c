#include "config.h"

#include "mail/field.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/utf8.h"
#include "mail/finding.h"

/* MA-1 */
#define HEADER_MAX (128 * 1024)
#define FIELD_MAX (32 * 1024)
#define FIELD_COUNT_MAX 500

/* MA-5 */
static const char *const single_fields[] = { "From", "Sender", "Reply-To", "To",
	"Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding",
	"Content-Disposition", "Auto-Submitted" };
static const char *const required_fields[] = { "From", "Subject", "To" };
/* MA-6 */
static const char *const utf8_fields[] = { "From", "To", "Subject",
	"DKIM-Signature" };

#define BLOCK ((size_t)64) /* looked at at once */

/* Does LF follow each CR of `n` octets, and nothing else?  Without a branch:
 * compilers look at 16 octets at once. */
static inline bool
are_paired(const char *p, size_t n)
{
	unsigned char differs = 0;

	for (size_t i = 0; i < n; i++)
		differs |= (p[i] == '\r') ^ (p[i + 1] == '\n');
	return differs == 0;
}

static bool
has_crlf_only(struct span raw)
{
	size_t at = 0;

	while (raw.n - at > BLOCK && are_paired(raw.p + at, BLOCK))
		at += BLOCK;
	return raw.p[0] != '\n' && raw.p[raw.n - 1] != '\r' &&
	       are_paired(raw.p + at, raw.n - at - 1);
}

/* MA-3: CR and LF occur as CRLF only. */
static int
check_line_ends(struct span raw, struct finding *f)
{
	const char *p, *end = raw.p + raw.n;

	if (has_crlf_only(raw))
		return 0;
	for (p = raw.p; p < end; p += 2) {
		p = memchr(p, '\r', (size_t)(end - p));
		if (p == NULL)
			break;
		if (p + 1 == end || p[1] != '\n')
			return finding_set(f, FINDING_REFUSE, "msg.bare-cr",
			    "CR without LF at octet %zu", (size_t)(p - raw.p));
	}
	for (p = raw.p; p < end; p++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (p == NULL)
			break;
		if (p == raw.p || p[-1] != '\r')
			return finding_set(f, FINDING_REFUSE, "msg.bare-lf",
			    "LF without CR at octet %zu", (size_t)(p - raw.p));
	}
	return 0;
}

static bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* The line at `at`, with its CRLF; empty if no CRLF ends it. */
static struct span
line_at(struct span text, size_t at)
{
	size_t lf = span_find(text, at, '\n');

	if (lf == text.n)
		return span_cut(text, at, at);
	return span_cut(text, at, lf + 1);
}

static bool
is_blank_line(struct span line)
{
	return span_trim_fws(line).n == 0;
}

/*
 * The extent of the field at `at`: its first line and the lines that
 * continue it (MA-4).  *end is where the next one begins; 0 at the end of
 * the text, which no field may reach.
 */
static int
field_extent(struct span text, size_t at, size_t *end, struct finding *f)
{
	struct span line;
	size_t begin = at;

	do {
		line = line_at(text, at);
		if (line.n == 0)
			return finding_set(f, FINDING_REFUSE,
			    "msg.no-body-separator",
			    "no empty line after the header fields");
		if (is_wsp(line.p[0]) && is_blank_line(line))
			return finding_set(f, FINDING_REFUSE,
			    "msg.malformed-header",
			    "line of white space only at octet %zu", at);
		at += line.n;
		if (at - begin > FIELD_MAX)
			return finding_set(f, FINDING_REFUSE,
			    "msg.header-too-large",
			    "header field of more than %d octets", FIELD_MAX);
	} while (at < text.n && is_wsp(text.p[at]));
	*end = at;
	return 0;
}

/* MA-4: name, colon, body. */
static int
field_parse(struct span raw, size_t at, struct field *out, struct finding *f)
{
	size_t colon = span_find(raw, 0, ':'), i;

	for (i = 0; i < colon; i++)
		if (raw.p[i] < 33 || raw.p[i] > 126)
			break;
	if (i == 0 || i < colon || colon == raw.n)
		return finding_set(f, FINDING_REFUSE, "msg.malformed-header",
		    "no header field name at octet %zu", at);
	out->name = span_cut(raw, 0, colon);
	out->body = span_cut(raw, colon + 1, raw.n - 2);
	out->raw = raw;
	return 0;
}

int
field_section_parse(struct job *j, struct span text, struct field **fields,
    size_t *count, struct span *rest, struct finding *f)
{
	size_t at = 0, end = 0, n = 0, cap = 0;
	struct field *v = NULL, *grown;

	while (!span_starts(span_from(text, at), SPAN("\r\n"))) {
		if (at >= text.n)
			return finding_set(f, FINDING_REFUSE,
			    "msg.no-body-separator",
			    "no empty line after the header fields");
		if (n == FIELD_COUNT_MAX)
			return finding_set(f, FINDING_REFUSE,
			    "msg.too-many-fields", "more than %d header fields",
			    FIELD_COUNT_MAX);
		if (field_extent(text, at, &end, f) < 0)
			return -1;
		if (end > HEADER_MAX)
			return finding_set(f, FINDING_REFUSE,
			    "msg.header-too-large",
			    "header of more than %d octets", HEADER_MAX);
		if (n == cap) {
			cap = cap == 0 ? 32 : cap * 2;
			grown = arena_calloc(j->arena, cap, sizeof(*v));
			if (n > 0)
				memcpy(grown, v, n * sizeof(*v));
			v = grown;
		}
		if (field_parse(span_cut(text, at, end), at, &v[n], f) < 0)
			return -1;
		n++;
		at = end;
	}
	*fields = v;
	*count = n;
	*rest = span_from(text, at + 2);
	return 0;
}

int
message_parse(struct job *j, struct span raw,
    const struct message_limits *limits, struct message *out, struct finding *f)
{
	const char *nul;

	memset(out, 0, sizeof(*out));
	if (raw.n > limits->message_max)
		return finding_set(f, FINDING_REFUSE, "msg.too-large",
		    "message of %zu octets, the limit is %zu", raw.n,
		    limits->message_max);
	if (raw.n == 0)
		return finding_set(f, FINDING_REFUSE, "msg.no-body-separator",
		    "empty message");
	nul = memchr(raw.p, '\0', raw.n);
	if (nul != NULL) /* MA-2 */
		return finding_set(f, FINDING_REFUSE, "msg.nul",
		    "NUL at octet %zu", (size_t)(nul - raw.p));
	if (check_line_ends(raw, f) < 0)
		return -1;
	out->raw = raw;
	return field_section_parse(
	    j, raw, &out->fields, &out->field_count, &out->body, f);
}

static int
check_counts(const struct message *m, struct finding *f)
{
	size_t i;

	for (i = 0; i < COUNT(single_fields); i++)
		if (message_count(m, single_fields[i]) > 1)
			return finding_set(f, FINDING_REFUSE, "hdr.duplicate",
			    "more than one %s field", single_fields[i]);
	for (i = 0; i < COUNT(required_fields); i++)
		if (message_count(m, required_fields[i]) == 0)
			return finding_set(f, FINDING_REFUSE, "hdr.missing",
			    "no %s field", required_fields[i]);
	return 0;
}

int
message_check_fields(const struct message *m, struct finding *f)
{
	const struct field *x;
	size_t i, k;

	if (check_counts(m, f) < 0)
		return -1;
	for (i = 0; i < m->field_count; i++) {
		x = &m->fields[i];
		for (k = 0; k < COUNT(utf8_fields); k++)
			if (span_caseeq_str(x->name, utf8_fields[k]))
				break;
		if (k < COUNT(utf8_fields) && !utf8_is_valid(x->body))
			return finding_set(f, FINDING_REFUSE, "hdr.bad-utf8",
			    "the %s field is not UTF-8", utf8_fields[k]);
	}
	return 0;
}

size_t
field_count(const struct field *fields, size_t count, struct span name)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += span_caseeq(fields[i].name, name);
	return n;
}

const struct field *
field_find(const struct field *fields, size_t count, const char *name)
{
	struct span wanted = span_str(name);
	size_t i;

	for (i = 0; i < count; i++)
		if (span_caseeq(fields[i].name, wanted))
			return &fields[i];
	return NULL;
}

size_t
message_count(const struct message *m, const char *name)
{
	return field_count(m->fields, m->field_count, span_str(name));
}

const struct field *
message_field(const struct message *m, const char *name)
{
	return field_find(m->fields, m->field_count, name);
}

struct span
field_unfold(struct job *j, const struct field *f)
{
	struct span body = f->body;
	struct buf b;
	size_t at = 0, lf;

	buf_init(&b, j->arena, body.n + 1);
	while ((lf = span_find(body, at, '\n')) < body.n) {
		buf_add(&b, span_cut(body, at, lf - 1));
		at = lf + 1;
	}
	buf_add(&b, span_from(body, at));
	return span_trim(buf_span(&b));
}

struct span
message_from_lf(struct job *j, struct span raw)
{
	struct buf b;
	size_t at = 0, lf;

	buf_init(&b, j->arena, 2 * raw.n + 1);
	while ((lf = span_find(raw, at, '\n')) < raw.n) {
		buf_add(&b, span_cut(raw, at, lf));
		buf_add(&b, SPAN("\r\n"));
		at = lf + 1;
	}
	buf_add(&b, span_from(raw, at));
	return buf_span(&b);
}
