#include "config.h"

#include "mail/reply_block.h"

#include <string.h>

#include "lib/b64.h"
#include "mail/finding.h"
#include "mail/reply_quote.h"

#define DIGEST_CHARS 43

static const struct span begin_line = { "-----BEGIN ACME RESPONSE-----", 29 };
static const struct span end_line = { "-----END ACME RESPONSE-----", 27 };
static const struct span nbsp = { "\xc2\xa0", 2 };

/* --- blocks -------------------------------------------------------------- */

struct scan {
	struct reply_blocks *out;
	bool inside;
	bool below; /* a separator came before */
	char text[DIGEST_CHARS + 1];
	size_t n;
	bool padded;
};

static void
leave_bad(struct scan *s)
{
	s->inside = false;
	if (!s->below)
		s->out->bad = true;
}

static void
leave_good(struct scan *s, const uint8_t digest[SHA256_LEN])
{
	struct reply_block *b = s->below ? &s->out->below : &s->out->counts;

	s->inside = false;
	if (!b->found)
		memcpy(b->digest, digest, SHA256_LEN);
	else if (memcmp(b->digest, digest, SHA256_LEN) != 0)
		b->differ = true;
	b->found = true;
}

/* AC-125: 43 characters, one spelling for one digest. */
static void
end_block(struct scan *s)
{
	uint8_t digest[SHA256_LEN];

	if (s->n == DIGEST_CHARS && b64url_parse_fixed(span_mem(s->text, s->n),
					digest, sizeof(digest)) == 0)
		leave_good(s, digest);
	else
		leave_bad(s);
}

/* A line inside a block: 0, or -1 if it cannot be part of one.  White space is
 * dropped (ER-28); editors of HTML write one of two blanks as NBSP. */
static int
add_content(struct scan *s, struct span line)
{
	size_t i;
	char c;

	for (i = 0; i < line.n; i++) {
		c = line.p[i];
		if (c == ' ' || c == '\t')
			continue;
		if (span_starts(span_from(line, i), nbsp)) {
			i += nbsp.n - 1;
			continue;
		}
		if (s->padded ||
		    (c != '=' && (s->n == DIGEST_CHARS ||
				     !b64url_is_alphabet(span_mem(&c, 1)))))
			return -1;
		if (c == '=')
			s->padded = true;
		else
			s->text[s->n++] = c;
	}
	return 0;
}

static void
scan_line(
    struct scan *s, struct span text, size_t at, struct span line, size_t next)
{
	if (span_eq(line, begin_line)) {
		if (s->inside)
			leave_bad(s);
		s->inside = true;
		s->padded = false;
		s->n = 0;
		return;
	}
	if (s->inside) {
		if (span_eq(line, end_line)) {
			end_block(s);
			return;
		}
		if (add_content(s, line) == 0)
			return;
		leave_bad(s);
	}
	if (span_ends(line, begin_line) &&
	    span_eq(reply_unquoted(line), begin_line))
		s->out->quoted = true;
	else if (!s->below)
		s->below = reply_is_separator(text, at, line, next);
	if (!s->below && span_caseeq_str(span_trim(line), "STOP"))
		s->out->stop = true;
}

void
reply_blocks_scan(struct span text, struct reply_blocks *out)
{
	struct scan s = { .out = out };
	struct span line;
	size_t at, next;

	memset(out, 0, sizeof(*out));
	for (at = 0; at < text.n; at = next) {
		line = reply_line_at(text, at, &next);
		scan_line(&s, text, at, line, next);
	}
	if (s.inside)
		leave_bad(&s);
}

int
reply_blocks_judge(
    const struct reply_blocks *b, uint8_t digest[SHA256_LEN], struct finding *f)
{
	if (b->counts.found && (b->bad || b->counts.differ))
		return finding_set(f, FINDING_REFUSE, "body.ambiguous",
		    "two response blocks with different content");
	if (b->counts.found) {
		memcpy(digest, b->counts.digest, SHA256_LEN);
		return 0;
	}
	if (b->bad)
		return finding_set(f, FINDING_REFUSE, "body.bad-block",
		    "the response block is not a 43-character digest");
	if (b->below.found || b->quoted)
		return finding_set(f, FINDING_REFUSE, "body.block-in-quote",
		    "the only response block is in quoted text");
	return finding_set(
	    f, FINDING_REFUSE, "body.no-block", "no response block");
}
