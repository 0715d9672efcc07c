#include "config.h"

#include "mail/addr_list.h"

#include <string.h>

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "lib/utf8.h"
#include "mail/cfws.h"
#include "mail/finding.h"
#include "mail/from_words.h"

/* Names and comments that were skipped. */
struct names {
	struct span other[2]; /* that may hold another address */
	size_t other_count;
	size_t with_at, ending_early; /* of how many that holds */
	bool is_one;                  /* of the same one, last */
};

struct lex {
	struct span s;
	size_t at;
	bool is_list; /* of recipients: names may be what programs write */
	struct names names;
};

/* What one mailbox of a list gave. */
enum mailbox {
	MAILBOX_BAD = -1,
	MAILBOX_GOOD,
	MAILBOX_UNSAFE,  /* forbidden characters */
	MAILBOX_FOREIGN, /* well-formed, never one of ours */
};

/* --- tokens -------------------------------------------------------------- */

static bool
is_fws(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_atext(char c)
{
	return ascii_is_alnum(c) || (unsigned char)c >= 0x80 ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
at_end(const struct lex *x)
{
	return x->at == x->s.n;
}

static bool
next_is(const struct lex *x, char c)
{
	return !at_end(x) && x->s.p[x->at] == c;
}

static bool
take(struct lex *x, char c)
{
	if (!next_is(x, c))
		return false;
	x->at++;
	return true;
}

static bool
is_control(char c)
{
	return (c >= 0 && c < 32 && !is_fws(c)) || c == 127;
}

static bool
has(struct span s, char c)
{
	return span_find(s, 0, c) < s.n;
}

/* Readers exist for whom a fold ends a quoted string or a comment, or for whom
 * a comment ends behind a backslash. */
static bool
may_end_early(struct span s)
{
	return has(s, '\r') || (span_starts(s, SPAN("(")) && has(s, '\\'));
}

/* What was skipped since `from`: "<3" is no address. */
static void
note_address(struct lex *x, size_t from)
{
	struct span skipped = span_trim_fws(span_cut(x->s, from, x->at));
	bool has_at = has(skipped, '@'), ends_early = may_end_early(skipped);
	struct names *n = &x->names;

	n->with_at += has_at;
	n->ending_early += ends_early;
	n->is_one |= has_at && ends_early;
	if (!has_at || !(has(skipped, '<') || has(skipped, '>') || ends_early))
		return;
	if (n->other_count < 2)
		n->other[n->other_count++] = skipped;
}

static int
skip_cfws(struct lex *x)
{
	size_t from = x->at;
	int result = cfws_skip(x->s, &x->at);

	note_address(x, from);
	return result;
}

/* A quoted string with its quotes: 0 or -1. */
static int
skip_quoted(struct lex *x)
{
	size_t from = x->at;
	char c;

	for (x->at++; !at_end(x);) {
		c = x->s.p[x->at++];
		if (c == '"') {
			note_address(x, from);
			return 0;
		}
		if (c == '\\' && !at_end(x))
			c = x->s.p[x->at++];
		if (is_control(c))
			return -1;
	}
	return -1;
}

/* A run of atext and dots. */
static struct span
take_run(struct lex *x)
{
	size_t from = x->at;

	while (!at_end(x) && (is_atext(x->s.p[x->at]) || next_is(x, '.')))
		x->at++;
	return span_cut(x->s, from, x->at);
}

/* --- one mailbox --------------------------------------------------------- */

/* The domain after @, a literal with its brackets. */
static void
skip_domain(struct lex *x)
{
	if (take(x, '[')) {
		while (!at_end(x) && !next_is(x, ']') && !is_fws(x->s.p[x->at]))
			x->at++;
		(void)take(x, ']');
		return;
	}
	(void)take_run(x);
}

/*
 * Judges what stands between the marks: white space and comments around "@"
 * never get here, they are obsolete or strange.
 */
static enum mailbox
judge(struct job *j, struct span spec, const char **out)
{
	static const struct addr_policy all = { .utf8_local = true,
		.reserved_domains = true };
	enum err_kind kind;
	struct addr a;

	/* An encoded word in an address would be read as two addresses by
	 * two readers (MA-45). */
	if (span_has(spec, SPAN("=?")) || span_has(spec, SPAN("?=")))
		return MAILBOX_BAD;
	if (!utf8_is_plain(spec))
		return MAILBOX_UNSAFE;
	if (addr_parse(j, spec, &all, &a) == 0) {
		*out = a.canonical;
		return MAILBOX_GOOD;
	}
	kind = j->err.kind;
	job_recover(j);
	return kind == ERR_REJECTED_IDENTIFIER ? MAILBOX_FOREIGN : MAILBOX_BAD;
}

/* local@domain at the lexer: 1 and the octets, 0 if it is something else
 * (the lexer stays), -1. */
static int
take_addr_spec(struct lex *x, struct span *out)
{
	size_t from = x->at;
	struct names names = x->names;

	if (next_is(x, '"')) {
		if (skip_quoted(x) < 0)
			return -1;
	} else {
		(void)take_run(x);
	}
	if (x->at == from || !take(x, '@')) {
		x->at = from;
		x->names = names;
		return 0;
	}
	skip_domain(x);
	*out = span_cut(x->s, from, x->at);
	return 1;
}

/* <local@domain>, without route (MA-45): 0 or -1. */
static int
take_angle(struct lex *x, struct span *out)
{
	if (!take(x, '<') || skip_cfws(x) < 0 || take_addr_spec(x, out) != 1 ||
	    skip_cfws(x) < 0 || !take(x, '>'))
		return -1;
	return 0;
}

/* An atom or an encoded word.  Both can have a dot, as in "Alice B.", which is
 * the one obsolete form that is common, and which no reader takes for part of
 * an address (RFC 5322 section 4.1, obs-phrase); what only begins like an
 * encoded word does not. */
static bool
take_word(struct lex *x)
{
	struct span run = take_run(x);

	if (span_find(run, 0, '.') == run.n)
		return run.n > 0;
	return !span_starts(run, SPAN("=?")) || span_ends(run, SPAN("?="));
}

/* "Example CA [test]", without quotes. */
static bool
take_mark(struct lex *x)
{
	return x->is_list && (take(x, '[') || take(x, ']') || take(x, '@'));
}

/* A display name's words: 0 or -1. */
static int
skip_phrase(struct lex *x)
{
	while (!at_end(x) && !next_is(x, '<') && !next_is(x, ':')) {
		if (next_is(x, '"')) {
			if (skip_quoted(x) < 0)
				return -1;
		} else if (!take_mark(x) && !take_word(x)) {
			return -1;
		}
		if (skip_cfws(x) < 0)
			return -1;
	}
	return 0;
}

/* A mailbox with the white space and comments around it: 1 and its
 * addr-spec; 0 when it is a group's name, up to the colon; -1. */
static int
take_mailbox(struct lex *x, struct span *spec)
{
	int found;

	if (skip_cfws(x) < 0)
		return -1;
	found = take_addr_spec(x, spec);
	if (found < 0)
		return -1;
	if (found == 0) {
		if (skip_phrase(x) < 0)
			return -1;
		if (next_is(x, ':'))
			return 0;
		if (take_angle(x, spec) < 0)
			return -1;
	}
	if (skip_cfws(x) < 0)
		return -1;
	/* 'acme@ca.test' <acme@ca.test>: the address is the name, too. */
	if (found == 1 && x->is_list && next_is(x, '<') &&
	    (take_angle(x, spec) < 0 || skip_cfws(x) < 0))
		return -1;
	return 1;
}

/* --- fields -------------------------------------------------------------- */

/* '"alice@user.test <alice@user.test>" <alice@user.test>': programs make names
 * of whole addresses.  What stands before the "<" is read as words by whoever
 * takes the name for the address, if the name does not end before that. */
static bool
is_name_of(struct span name, struct span spec)
{
	size_t open = span_find(name, 0, '<');
	size_t close = span_find(name, open, '>');

	return close < name.n &&
	       span_caseeq(span_cut(name, open + 1, close), spec) &&
	       span_find(name, open + 1, '<') == name.n &&
	       span_find(name, 0, '>') == close &&
	       span_find(name, close + 1, '>') == name.n &&
	       !has(span_from(name, close + 1), '@') &&
	       !(may_end_early(name) && has(span_cut(name, 0, open), '@'));
}

/* '"bob@user.test" "Alice\r\n " <alice@user.test>' has no address at all for
 * Python, to which the last quote opens a name; it takes the first word for
 * one. */
static bool
takes_first_word(const struct names *n)
{
	bool all_one = n->is_one && n->with_at == 1 && n->ending_early == 1;

	return n->with_at > 0 && n->ending_early > 0 && !all_one;
}

/*
 * Quoted strings end, and comments, where not every reader sees it: '"Alice
 * \r\n<bob@user.test>" <alice@user.test>' is Bob's for Python's
 * getaddresses(), and so is it with ",bob@user.test," there; '(\)
 * <bob@user.test>) <alice@user.test>' for others, of which one may be the
 * domain's server that lets Bob send this.
 */
static bool
is_unmistakable(const struct names *n, struct span spec)
{
	return !takes_first_word(n) &&
	       (n->other_count == 0 ||
		   (n->other_count == 1 && is_name_of(n->other[0], spec)));
}

/* All that is not the address. */
static void
cut_names(
    struct span body, struct span spec, struct span *before, struct span *after)
{
	size_t from = (size_t)(spec.p - body.p);

	*before = span_cut(body, 0, from);
	*after = span_from(body, from + spec.n);
}

/* Will every reader take `spec` for the sender? */
static bool
is_plain(struct job *j, const struct lex *x, struct span spec)
{
	struct span before, after;

	cut_names(x->s, spec, &before, &after);
	return is_unmistakable(&x->names, spec) &&
	       from_words_are_plain(j, before, after, spec);
}

int
addr_list_from(
    struct job *j, struct span body, const char **out, struct finding *f)
{
	struct lex x = { .s = body };
	enum mailbox found = MAILBOX_BAD;
	struct span spec = { NULL, 0 };

	if (take_mailbox(&x, &spec) == 1 && at_end(&x)) {
		if (!is_plain(j, &x, spec))
			return finding_set(f, FINDING_REFUSE, "hdr.from-syntax",
			    "the display name or a comment in From holds what "
			    "may be taken for the sender's address: it must "
			    "hold no other address, and encoded words in "
			    "UTF-8 only");
		found = judge(j, spec, out);
	}
	switch (found) {
	case MAILBOX_GOOD:
		return 0;
	case MAILBOX_UNSAFE:
		return finding_set(f, FINDING_REFUSE, "hdr.bad-utf8",
		    "a character that may not be in an address");
	case MAILBOX_FOREIGN:
		return finding_set(f, FINDING_REFUSE, "hdr.from-mismatch",
		    "From is an address in a form that is never asked: it must "
		    "be the mailbox that was");
	case MAILBOX_BAD:
		break;
	}
	return finding_set(f, FINDING_REFUSE, "hdr.from-syntax",
	    "From is not exactly one address: it must be the mailbox that was "
	    "asked, alone");
}

int
addr_list_from_names(struct span body, struct span *before, struct span *after)
{
	struct lex x = { .s = body };
	struct span spec = { NULL, 0 };

	if (take_mailbox(&x, &spec) != 1 || !at_end(&x))
		return -1;
	cut_names(body, spec, before, after);
	return 0;
}

void
addr_list_init(struct job *j, struct addr_list *l, size_t max)
{
	l->v = arena_calloc(j->arena, max, sizeof(*l->v));
	l->count = 0;
	l->max = max;
}

/* One mailbox more: 0, or -1 if there are too many. */
static int
add(struct job *j, struct addr_list *l, struct span spec)
{
	const char *canonical = NULL;

	if (l->count == l->max)
		return -1;
	if (judge(j, spec, &canonical) == MAILBOX_GOOD)
		l->v[l->count++] = canonical;
	return 0;
}

/* The mailboxes of a list or, to its ";", of a group. */
static int
add_all(struct job *j, struct addr_list *l, struct lex *x, bool in_group)
{
	struct span spec = { NULL, 0 };
	int found;

	do {
		found = take_mailbox(x, &spec);
		if (found < 0 || (found == 0 && in_group))
			return -1;
		if (found == 1) {
			if (add(j, l, spec) < 0)
				return -1;
			continue;
		}
		(void)take(x, ':');
		if (skip_cfws(x) < 0)
			return -1;
		if (!next_is(x, ';') && add_all(j, l, x, true) < 0)
			return -1;
		if (!take(x, ';') || skip_cfws(x) < 0)
			return -1;
	} while (take(x, ','));
	return 0;
}

int
addr_list_add(struct job *j, struct addr_list *l, struct span body)
{
	struct lex x = { .s = body, .is_list = true };
	size_t before = l->count;

	if (add_all(j, l, &x, false) == 0 && at_end(&x))
		return 0;
	l->count = before;
	return -1;
}

bool
addr_list_has(const struct addr_list *l, const char *mailbox)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		if (addr_is_sender(l->v[i], mailbox))
			return true;
	return false;
}
