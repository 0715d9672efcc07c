#include "config.h"

#include "tests/unit/reply_case.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "lib/job.h"
#include "tests/unit/case_text.h"
#include "tests/unit/dkim_lab.h"
#include "tests/unit/unit.h"

#define FILE_MAX_LEN (1u << 20)
#define CASES_MAX 400

static const char usual_message[] =
    "From: Alice <alice@user.test>\r\n"
    "To: acme+tag@ca.test\r\n"
    "Subject: Re: ACME: " CASE_PART1 "\r\n"
    "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
    "Message-ID: <1@user.test>\r\n"
    "In-Reply-To: <c1@ca.test>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "\r\n" CASE_BLOCK_BEGIN "\r\n" CASE_RIGHT "\r\n" CASE_BLOCK_END "\r\n";

/* One file while it is read. */
struct reader {
	struct job *j;
	const char *path;
	struct span text;
	size_t at;
	unsigned line;
	struct reply_case *cases, *current;
	size_t count;
};

static void
broken(const struct reader *r, const char *what)
{
	fail_msg("%s:%u: %s", r->path, r->line, what);
}

/* --- texts ---------------------------------------------------------------- */

static struct span
text_of(const struct reader *r, struct span s)
{
	struct span out;
	const char *fault = case_text(r->j, s, &out);

	if (fault != NULL)
		broken(r, fault);
	return out;
}

static const char *
string_of(const struct reader *r, struct span s)
{
	return span_dup(r->j->arena, text_of(r, s));
}

/* --- lines ---------------------------------------------------------------- */

/* false at the end of the file. */
static bool
next_line(struct reader *r, struct span *out)
{
	size_t lf = span_find(r->text, r->at, '\n');

	if (r->at >= r->text.n)
		return false;
	*out = span_cut(r->text, r->at, lf);
	r->at = lf + 1;
	r->line++;
	return true;
}

/* The lines that follow and begin with "|", with CRLF each. */
static struct span
literal_of(struct reader *r)
{
	struct span line;
	struct buf b;

	buf_init(&b, r->j->arena, CASE_TEXT_MAX);
	while (r->at < r->text.n && r->text.p[r->at] == '|' &&
	       next_line(r, &line)) {
		bool goes_on = span_ends(line, SPAN("\\c"));

		line = span_from(line, 1);
		if (goes_on)
			line.n -= 2;
		buf_add(&b, text_of(r, line));
		if (!goes_on)
			buf_add_str(&b, "\r\n");
	}
	assert_true(buf_ok(&b));
	return buf_span(&b);
}

/* --- steps ---------------------------------------------------------------- */

static struct span
join(struct reader *r, struct span a, struct span b, struct span c)
{
	struct buf out;

	buf_init(&out, r->j->arena, CASE_TEXT_MAX);
	buf_reserve(&out, a.n + b.n + c.n);
	buf_add(&out, a);
	buf_add(&out, b);
	buf_add(&out, c);
	assert_true(buf_ok(&out));
	return buf_span(&out);
}

/* Offset behind the last field; the message's end if no empty line is. */
static size_t
header_end(struct span raw)
{
	size_t end = span_find_span(raw, 0, SPAN("\r\n\r\n"));

	return end == raw.n ? end : end + 2;
}

/* The extent of the topmost field of a name; false if there is none. */
static bool
find_field(struct span raw, struct span name, size_t *from, size_t *to)
{
	size_t end = header_end(raw), at, next;

	for (at = 0; at < end; at = next) {
		struct span line;

		next = at;
		do
			next = span_find(raw, next, '\n') + 1;
		while (
		    next < end && (raw.p[next] == ' ' || raw.p[next] == '\t'));
		line = span_cut(raw, at, next);
		if (line.n > name.n && line.p[name.n] == ':' &&
		    span_casestarts(line, name)) {
			*from = at;
			*to = next;
			return true;
		}
	}
	return false;
}

static void
put_between(struct reader *r, size_t from, size_t to, struct span text)
{
	struct span raw = r->current->raw;

	r->current->raw =
	    join(r, span_cut(raw, 0, from), text, span_from(raw, to));
}

static void
do_message(struct reader *r, struct span rest)
{
	(void)rest;
	r->current->raw = literal_of(r);
}

static void
do_body(struct reader *r, struct span rest)
{
	struct span raw = r->current->raw;

	put_between(r, header_end(raw) + 2, raw.n,
	    rest.n > 0 ? text_of(r, rest) : literal_of(r));
}

static struct span
read_file(struct reader *r, const char *path, size_t max)
{
	char *text = arena_alloc(r->j->arena, max);
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL) {
		fail_msg("%s: cannot be read", path);
		return SPAN("");
	}
	n = fread(text, 1, max, f);
	fclose(f);
	assert_true(n < max);
	return span_mem(text, n);
}

static void
do_file(struct reader *r, struct span rest)
{
	const char *path = arena_printf(
	    r->j->arena, "%s/mail/%s", CS_TEST_DATA, string_of(r, rest));

	r->current->raw =
	    message_from_lf(r->j, read_file(r, path, FILE_MAX_LEN));
}

static void
do_set(struct reader *r, struct span rest)
{
	struct span name = span_cut(rest, 0, span_find(rest, 0, ':'));
	struct span field = join(r, text_of(r, rest), SPAN("\r\n"), SPAN(""));
	size_t from = header_end(r->current->raw), to = from;

	(void)find_field(r->current->raw, name, &from, &to);
	put_between(r, from, to, field);
}

static void
do_drop(struct reader *r, struct span rest)
{
	size_t from = 0, to = 0;

	if (!find_field(r->current->raw, rest, &from, &to))
		broken(r, "no such field");
	put_between(r, from, to, SPAN(""));
}

static void
do_above(struct reader *r, struct span rest)
{
	put_between(r, 0, 0, join(r, text_of(r, rest), SPAN("\r\n"), SPAN("")));
}

static void
do_below(struct reader *r, struct span rest)
{
	size_t end = header_end(r->current->raw);

	put_between(
	    r, end, end, join(r, text_of(r, rest), SPAN("\r\n"), SPAN("")));
}

static void
do_replace(struct reader *r, struct span rest)
{
	const struct span arrow = SPAN(" => ");
	size_t split = span_find_span(rest, 0, arrow), at;
	struct span from = text_of(r, span_cut(rest, 0, split));
	struct span to = text_of(r, span_from(rest, split + arrow.n));

	at = span_find_span(r->current->raw, 0, from);
	if (split == rest.n || at == r->current->raw.n)
		broken(r, "nothing to replace");
	put_between(r, at, at + from.n, to);
}

static void
do_append(struct reader *r, struct span rest)
{
	put_between(r, r->current->raw.n, r->current->raw.n, text_of(r, rest));
}

/* --- signing -------------------------------------------------------------- */

struct tag {
	const char *name, *value;
};

static const char *
tag_get(const struct tag *tags, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(tags[i].name, name) == 0)
			return tags[i].value;
	return NULL;
}

/* "relaxed/simple" -> "rs"; what is none of the pairs is computed relaxed. */
static const char *
canon_letters(const char *c)
{
	if (c == NULL || strcmp(c, "simple/simple") == 0 ||
	    strcmp(c, "simple") == 0)
		return "ss";
	if (strcmp(c, "relaxed/simple") == 0 || strcmp(c, "relaxed") == 0)
		return "rs";
	return strcmp(c, "simple/relaxed") == 0 ? "sr" : "rr";
}

static void
publish(struct reader *r, const char *name, struct span text)
{
	struct reply_case *c = r->current;

	if (c->record_count == CASE_RECORDS_MAX)
		broken(r, "too many records");
	c->records[c->record_count].name = name;
	c->records[c->record_count++].text = text;
}

static bool
is_published(const struct reply_case *c, const char *name)
{
	for (size_t i = 0; i < c->record_count; i++)
		if (span_caseeq_str(span_str(c->records[i].name), name))
			return true;
	return false;
}

/* Splits "name=value ..." into tags; "tags=" takes the rest of the line. */
static size_t
split_tags(struct reader *r, struct span rest, struct tag *tags, size_t max)
{
	size_t count = 0;

	for (; rest.n > 0; count++) {
		struct span word;
		size_t equals;

		if (count == max)
			broken(r, "too many tags");
		if (span_starts(rest, SPAN("tags="))) {
			word = rest;
			rest = SPAN("");
		} else {
			word = case_word(&rest);
		}
		equals = span_find(word, 0, '=');
		tags[count].name =
		    span_dup(r->j->arena, span_cut(word, 0, equals));
		tags[count].value = string_of(r, span_from(word, equals + 1));
	}
	return count;
}

static bool
is_for_signer(const char *name)
{
	return strcmp(name, "key") == 0 || strcmp(name, "canon") == 0 ||
	       strcmp(name, "names") == 0 || strcmp(name, "sha1") == 0 ||
	       strcmp(name, "fold") == 0;
}

/* The field's body from the tags that were given and the usual ones. */
static const char *
field_of(struct reader *r, const struct tag *given, size_t given_count,
    const struct tag *usual, size_t usual_count)
{
	struct buf b;

	buf_init(&b, r->j->arena, CASE_TEXT_MAX);
	for (size_t i = 0; i < usual_count; i++) {
		const char *value = tag_get(given, given_count, usual[i].name);

		buf_addf(&b, "%s %s=%s;", i % 4 == 3 ? "\r\n" : "",
		    usual[i].name, value == NULL ? usual[i].value : value);
	}
	for (size_t i = 0; i < given_count; i++)
		if (tag_get(usual, usual_count, given[i].name) == NULL &&
		    !is_for_signer(given[i].name))
			buf_addf(&b, " %s=%s;", given[i].name, given[i].value);
	buf_add_str(&b, " bh=@BH@;\r\n b=@B@");
	return b.p;
}

static void
note_signature(struct reader *r, const struct lab_signature *s)
{
	struct reply_case *c = r->current;

	if (c->signature_count == CASE_SIGNATURES_MAX)
		broken(r, "too many signatures");
	c->signatures[c->signature_count].canon = s->canon;
	c->signatures[c->signature_count++].names = s->names;
}

static void
do_sign(struct reader *r, struct span rest)
{
	struct tag given[16], usual[] = { { "v", "1" }, { "a", "rsa-sha256" },
		{ "c", "relaxed/relaxed" }, { "d", "user.test" },
		{ "s", "sel" }, { "h", CASE_NAMES } };
	size_t n = split_tags(r, rest, given, COUNT(given));
	const char *d = tag_get(given, n, "d"), *s = tag_get(given, n, "s"),
		   *c = tag_get(given, n, "c"), *key = tag_get(given, n, "key"),
		   *fold = tag_get(given, n, "fold"), *name;
	struct lab_signature how = { .tags = tag_get(given, n, "tags"),
		.canon = tag_get(given, n, "canon"),
		.names = tag_get(given, n, "names"),
		.is_sha1 = tag_get(given, n, "sha1") != NULL,
		.fold = fold == NULL ? 70 : strtoul(fold, NULL, 10) };

	how.key = key == NULL ? "rsa2048" : key;
	if (strcmp(how.key, "ed25519") == 0)
		usual[1].value = "ed25519-sha256";
	if (how.names == NULL)
		how.names = tag_get(given, n, "h");
	if (how.names == NULL)
		how.names = CASE_NAMES;
	if (how.canon == NULL)
		how.canon = canon_letters(c == NULL ? usual[2].value : c);
	if (how.tags == NULL)
		how.tags = field_of(r, given, n, usual, COUNT(usual));
	r->current->raw = lab_sign(r->j, r->current->raw, &how);
	name = arena_printf(r->j->arena, "%s._domainkey.%s",
	    s == NULL ? "sel" : s, d == NULL ? "user.test" : d);
	if (!is_published(r->current, name))
		publish(r, name, span_str(lab_record(r->j, how.key)));
	note_signature(r, &how);
}

static void
do_key(struct reader *r, struct span rest)
{
	struct span name = case_word(&rest);

	publish(r, string_of(r, name), text_of(r, rest));
}

/* --- what is expected ----------------------------------------------------- */

static void
do_about(struct reader *r, struct span rest)
{
	r->current->about = string_of(r, rest);
}

/* "CODE [VERDICT]" */
static void
do_expect(struct reader *r, struct span rest)
{
	struct span code = case_word(&rest);

	r->current->codes[CONF_COVERAGE_CORE] = string_of(r, code);
	if (rest.n > 0)
		r->current->verdict = string_of(r, rest);
}

/* "RFC PRESENT CORE": a code for each grade. */
static void
do_grades(struct reader *r, struct span rest)
{
	static const enum conf_coverage order[] = { CONF_COVERAGE_RFC,
		CONF_COVERAGE_PRESENT, CONF_COVERAGE_CORE };

	for (size_t i = 0; i < COUNT(order); i++) {
		struct span code = case_word(&rest);

		r->current->codes[order[i]] = string_of(r, code);
	}
}

/* "ORACLE why it is wrong" */
static void
do_exception(struct reader *r, struct span rest)
{
	const char *before = r->current->exception;
	const char *oracle = span_dup(r->j->arena, case_word(&rest));

	if (rest.n == 0)
		broken(r, "an exception without a reason");
	r->current->exception =
	    before == NULL ? oracle
			   : arena_printf(r->j->arena, "%s,%s", before, oracle);
}

static void
do_whole(struct reader *r, struct span rest)
{
	(void)rest;
	r->current->is_whole = true;
}

static void
do_signature_of(struct reader *r, struct span rest)
{
	r->current->dkim_domain = string_of(r, rest);
}

static void
do_dns(struct reader *r, struct span rest)
{
	static const struct {
		const char *name;
		enum dns_status status;
	} words[] = { { "temporary", DNS_TEMPORARY }, { "bogus", DNS_BOGUS },
		{ "nxdomain", DNS_NXDOMAIN }, { "nodata", DNS_NODATA } };

	if (span_eq_str(rest, "insecure")) {
		r->current->policy.require_dnssec = true;
		r->current->is_insecure = true;
		return;
	}
	for (size_t i = 0; i < COUNT(words); i++) {
		if (span_eq_str(rest, words[i].name)) {
			r->current->dns = words[i].status;
			return;
		}
	}
	broken(r, "no status of the DNS");
}

static void
do_mailbox(struct reader *r, struct span rest)
{
	r->current->expect.mailbox = string_of(r, rest);
}

/* Seconds after or before the moment of the Date field. */
static int64_t
moment_of(struct reader *r, struct span rest)
{
	char *end;
	const char *text = string_of(r, rest);
	long long v = strtoll(text, &end, 10);

	if (*end != '\0' || end == text)
		broken(r, "no number of seconds");
	return LAB_NOW + v;
}

static void
do_now(struct reader *r, struct span rest)
{
	r->current->now = moment_of(r, rest);
}

static void
do_arrival(struct reader *r, struct span rest)
{
	r->current->arrival = moment_of(r, rest);
}

static void
do_expires(struct reader *r, struct span rest)
{
	r->current->expect.expires_at = moment_of(r, rest);
}

/* --- cases ---------------------------------------------------------------- */

static void
set_digest(const char *text, uint8_t out[SHA256_LEN])
{
	assert_int_equal(
	    b64url_parse_fixed(span_str(text), out, SHA256_LEN), 0);
}

static void
do_case(struct reader *r, struct span rest)
{
	struct reply_case *c;

	if (r->count == CASES_MAX)
		broken(r, "too many cases");
	c = r->current = &r->cases[r->count++];
	*c = (struct reply_case){ .file = r->path,
		.line = r->line,
		.name = span_dup(r->j->arena, rest),
		.about = "",
		.raw = { usual_message, sizeof(usual_message) - 1 },
		.dns = DNS_OK,
		.policy = { .message_max = 256 * 1024 },
		.expect = { .mailbox = "alice@user.test",
		    .answer_to = "acme+tag@ca.test",
		    .message_id = "<c1@ca.test>",
		    .sent_at = LAB_SENT,
		    .expires_at = LAB_NOW + 3600 },
		.now = LAB_NOW + 60,
		.arrival = LAB_NOW };
	set_digest(CASE_RIGHT, c->expect.digest_now);
	set_digest(CASE_FORMER, c->expect.digest_then);
}

static const struct {
	const char *word;
	void (*run)(struct reader *r, struct span rest);
} steps[] = {
	{ "case", do_case },
	{ "about", do_about },
	{ "message", do_message },
	{ "body", do_body },
	{ "file", do_file },
	{ "set", do_set },
	{ "drop", do_drop },
	{ "above", do_above },
	{ "below", do_below },
	{ "replace", do_replace },
	{ "append", do_append },
	{ "sign", do_sign },
	{ "key", do_key },
	{ "signature-of", do_signature_of },
	{ "dns", do_dns },
	{ "mailbox", do_mailbox },
	{ "now", do_now },
	{ "arrival", do_arrival },
	{ "expires", do_expires },
	{ "expect", do_expect },
	{ "grades", do_grades },
	{ "exception", do_exception },
	{ "whole", do_whole },
};

static void
do_line(struct reader *r, struct span line)
{
	struct span rest = line, word = case_word(&rest);

	if (line.n == 0 || line.p[0] == '#')
		return;
	for (size_t i = 0; i < COUNT(steps); i++) {
		if (!span_eq_str(word, steps[i].word))
			continue;
		if (r->current == NULL && i > 0)
			broken(r, "no case yet");
		steps[i].run(r, rest);
		return;
	}
	broken(r, "a step that is none");
}

void
reply_cases_load(
    struct job *j, const char *path, struct reply_case **out, size_t *count)
{
	struct reader r = { .j = j, .path = path };
	struct span line;

	r.cases = arena_calloc(j->arena, CASES_MAX, sizeof(*r.cases));
	r.text = read_file(&r, path, FILE_MAX_LEN);
	while (next_line(&r, &line))
		do_line(&r, line);
	for (size_t i = 0; i < r.count; i++)
		if (r.cases[i].codes[CONF_COVERAGE_CORE] == NULL)
			fail_msg(
			    "%s:%u: expects nothing", path, r.cases[i].line);
	*out = r.cases;
	*count = r.count;
}

static int
is_case_file(const struct dirent *e)
{
	return span_ends(span_str(e->d_name), SPAN(".case"));
}

void
reply_cases_files(struct job *j, const char ***out, size_t *count)
{
	struct dirent **entries;
	int n =
	    scandir(CS_TEST_DATA "/replies", &entries, is_case_file, alphasort);

	assert_true(n > 0);
	*count = 0;
	*out = arena_calloc(j->arena, (size_t)n, sizeof(**out));
	for (int i = 0; i < n; i++) {
		(*out)[(*count)++] = arena_printf(j->arena, "%s/replies/%s",
		    CS_TEST_DATA, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}
