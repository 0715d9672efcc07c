/*
 * MA-63, MA-104: nothing that quotes a challenge mail, in whichever language
 * and manner, is an answer or STOP; and the replies of mail programs to it
 * (tests/data/mail) are read as they are meant.  MA-61: what is quoted is no
 * answer, whatever it begins with and however it is quoted.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <glob.h>
#include <string.h>

#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "mail/compose.h"
#include "mail/reply.h"
#include "mail/reply_block.h"
#include "mail/reply_html.h"
#include "mail/template_html.h"
#include "mail/texts.h"
#include "tests/unit/dkim_lab.h"

#define RIGHT "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs"
#define BLOCK                                                                  \
	"-----BEGIN ACME RESPONSE-----\n" RIGHT                                \
	"\n-----END ACME RESPONSE-----\n"
#define LONG_MAILBOX                                                           \
	"averylonglocalpartofanaddressforsomebodysomewhere@aratherlong"        \
	"domainnameforacompanythatlikessuchnames.user.test"

static const char *const languages[] = { "en", "de", "fr" };

static void
report(void *ctx, const char *message)
{
	(void)ctx;
	fail_msg("%s", message);
}

/* Built-in ones, and those of an installation. */
static struct texts *
all_texts(void)
{
	struct texts_source source = { .folder = CS_TEST_DATA "/texts",
		.default_language = "en",
		.ca_name = "Example Mail CA" };
	struct texts *t = NULL;

	assert_int_equal(texts_load(&source, report, NULL, &t), 0);
	return t;
}

static struct compose_parts
render(const struct texts *t, const char *language, const char *mailbox,
    const char *help_url)
{
	struct compose_input in = { .ca_name = "Example Mail CA",
		.mailbox = mailbox,
		.language = language,
		.default_language = "en",
		.texts = t,
		.help_url = help_url,
		.expires_at = LAB_NOW + 86400 };
	struct compose_parts parts;

	assert_int_equal(compose_render(unit_job(), &in, &parts), 0);
	assert_string_equal(parts.language, language);
	return parts;
}

/* --- quoting -------------------------------------------------------------- */

static void
add_marked(struct buf *b, struct span text, const char *mark)
{
	for (size_t at = 0; at < text.n;) {
		size_t end = span_find(text, at, '\n');

		buf_add_str(b, mark);
		buf_add(b, span_cut(text, at, end));
		buf_add_char(b, '\n');
		at = end + 1;
	}
}

/* Wrapped anew at `width`, as programs do before they quote. */
static struct span
wrapped(struct span text, size_t width)
{
	struct buf b;
	size_t column = 0;

	buf_init(&b, unit_job()->arena, 2 * text.n + 2);
	for (size_t at = 0; at < text.n;) {
		size_t end = at;

		while (end < text.n && strchr(" \n", text.p[end]) == NULL)
			end++;
		if (column > 0 && column + 1 + (end - at) > width) {
			buf_add_char(&b, '\n');
			column = 0;
		}
		if (column > 0)
			buf_add_char(&b, ' ');
		buf_add(&b, span_cut(text, at, end));
		column += end - at + (column > 0);
		if (end < text.n && text.p[end] == '\n' && end + 1 < text.n &&
		    text.p[end + 1] == '\n') {
			buf_add_str(&b, "\n\n");
			column = 0;
		}
		at = end + 1;
	}
	return buf_span(&b);
}

static const char *const marks[] = { "> ", ">", "| ", " ", "" };
/* What stands above a quotation. */
static const char *const heads[] = {
	"On Mon, Mar 2, 2026 at 10:00 AM CA <acme@ca.test> wrote:\n\n",
	"\n-----Original Message-----\nFrom: CA <acme@ca.test>\n"
	"Sent: Monday\nTo: Alice\nSubject: ACME: x\n\n",
	"\n________________________________\nVon: acme@ca.test\n"
	"Gesendet: Montag\nAn: Alice\nBetreff: ACME: x\n\n",
	"",
};

/* `before` and `after` the quotation: what is in it? */
static struct reply_blocks
scan(const char *before, const char *head, const char *mark, struct span text,
    const char *after)
{
	struct reply_blocks blocks;
	struct buf b;

	buf_init(&b, unit_job()->arena, 8 * text.n + 4096);
	buf_add_str(&b, before);
	buf_add_str(&b, head);
	add_marked(&b, text, mark);
	buf_add_str(&b, after);
	assert_true(buf_ok(&b));
	reply_blocks_scan(buf_span(&b), &blocks);
	return blocks;
}

static void
check_nothing(const struct reply_blocks *b)
{
	assert_false(b->counts.found || b->below.found || b->bad || b->quoted ||
		     b->stop);
}

static void
check_answer(const struct reply_blocks *b)
{
	uint8_t digest[SHA256_LEN], right[SHA256_LEN];
	struct finding f;

	assert_false(b->stop);
	assert_int_equal(reply_blocks_judge(b, digest, &f), 0);
	assert_int_equal(
	    b64url_parse_fixed(SPAN(RIGHT), right, sizeof(right)), 0);
	assert_memory_equal(digest, right, SHA256_LEN);
}

static bool
is_blank(const char *mark)
{
	return mark[0] == '\0' || mark[0] == ' ';
}

static void
check_quotations(struct span text)
{
	for (size_t h = 0; h < COUNT(heads); h++) {
		for (size_t m = 0; m < COUNT(marks); m++) {
			struct reply_blocks b;

			b = scan("", heads[h], marks[m], text, "");
			check_nothing(&b);
			b = scan("No.\n\n", heads[h], marks[m], text, "");
			check_nothing(&b);
			b = scan(BLOCK "\n", heads[h], marks[m], text, "");
			check_answer(&b);
			/* STOP is the holder's own, not the quotation's. */
			b = scan("STOP\n\n", heads[h], marks[m], text, "");
			assert_true(b.stop);
			/* Below a quotation whose end can be seen. */
			if (h == 1 || h == 2 || is_blank(marks[m]))
				continue;
			b = scan("", heads[h], marks[m], text, "\n" BLOCK);
			check_answer(&b);
		}
	}
}

static void
test_quotations(void **state)
{
	static const char *const mailboxes[] = { "alice@user.test", "a@b.test",
		LONG_MAILBOX };
	struct texts *t = all_texts();

	(void)state;
	for (size_t l = 0; l < COUNT(languages); l++) {
		for (size_t m = 0; m < COUNT(mailboxes); m++) {
			struct compose_parts parts =
			    render(t, languages[l], mailboxes[m],
				m == 0 ? NULL : "https://ca.test/help");
			struct visible v;

			template_html_read(
			    unit_job(), parts.html, NULL, NULL, &v);
			assert_true(span_has_str(v.text, mailboxes[m]));
			unit_case("%s, %s", languages[l], mailboxes[m]);
			check_quotations(parts.text);
			check_quotations(v.text);
			for (size_t w = 1; w < 100; w += 3) {
				unit_case("%s, %zu", languages[l], w);
				check_quotations(wrapped(parts.text, w));
				check_quotations(wrapped(v.text, w));
			}
			/* As HTML, by a program that shows its source. */
			check_quotations(parts.html);
		}
	}
	texts_free(t);
}

/* --- replies of mail programs -------------------------------------------- */

static struct span
load(const char *name)
{
	return unit_data(arena_printf(unit_job()->arena, "mail/%s", name));
}

struct sample {
	const char *file;
	const char *place; /* what stands for the challenge mail in it */
	bool is_qp;        /* ISO 8859-1 */
};

/* In the encoding of the sample. */
static struct span
encoded(struct span text, bool is_qp)
{
	struct buf b;

	if (!is_qp)
		return text;
	buf_init(&b, unit_job()->arena, 4 * text.n);
	for (size_t i = 0; i < text.n; i++) {
		unsigned c = (unsigned char)text.p[i];

		if (c == 0xc2 || c == 0xc3)
			buf_addf(&b, "=%02X",
			    ((c & 3) << 6) |
				((unsigned char)text.p[++i] & 0x3f));
		else if (c == '=' || c >= 0x80)
			buf_addf(&b, "=%02X", c);
		else
			buf_add_char(&b, (char)c);
	}
	return buf_span(&b);
}

/* The sample with the mail itself where it stands for it. */
static struct span
filled(const struct sample *s, struct span text, size_t *count)
{
	struct span sample = load(s->file), words = span_str(s->place);
	struct buf b;

	*count = 0;
	buf_init(&b, unit_job()->arena, 1 << 18);
	for (size_t at = 0; at < sample.n;) {
		size_t end = span_find(sample, at, '\n');
		struct span line = span_cut(sample, at, end);
		size_t place = span_find_span(line, 0, words);

		at = end + 1;
		if (place + words.n != line.n) {
			buf_add(&b, line);
			buf_add_char(&b, '\n');
			continue;
		}
		add_marked(&b, encoded(text, s->is_qp),
		    span_dup(unit_job()->arena, span_cut(line, 0, place)));
		(*count)++;
	}
	return message_from_lf(unit_job(), buf_span(&b));
}

static enum verdict
judge(struct span raw)
{
	static const struct reply_policy policy = { .message_max = 262144 };
	struct lab_signature how = { .key = "ed25519",
		.names = "from:to:subject:date:message-id:in-reply-to:"
			 "mime-version:content-type:content-transfer-encoding",
		.tags = " v=1; a=ed25519-sha256; c=relaxed/relaxed; "
			"d=user.test; s=sel; h=from:to:subject:date:"
			"message-id:in-reply-to:mime-version:content-type:"
			"content-transfer-encoding; bh=@BH@; b=@B@" };
	struct reply_expect e = { .mailbox = "alice@user.test",
		.answer_to = "acme+tag@ca.test",
		.message_id = "<c1@ca.test>",
		.sent_at = LAB_NOW - 600,
		.expires_at = LAB_NOW + 3600 };
	struct lab_dns dns = {
		.name = "sel._domainkey.user.test", .status = DNS_OK, .count = 1
	};
	struct job *j = unit_job();
	struct reply r;

	clock_set(LAB_NOW);
	j->now = LAB_NOW;
	dns.texts[0] = span_str(lab_record(j, "ed25519"));
	assert_int_equal(
	    b64url_parse_fixed(SPAN(RIGHT), e.digest_now, SHA256_LEN), 0);
	assert_int_equal(
	    reply_open(j, lab_sign(j, raw, &how), LAB_NOW, &policy, &r), 0);
	assert_int_equal(
	    reply_judge(j, &r, &e, &policy, lab_resolver(j, &dns)), 0);
	unit_case("%s: %s", r.finding.code, r.finding.detail);
	return r.verdict;
}

static void
test_replies(void **state)
{
	static const struct sample samples[] = {
		{ "bottom-post.eml", "Please reply to this mail.", false },
		{ "by-hand-exchange.eml", "Please reply to this mail.", true },
		{ "by-hand-gmail.eml", "Please reply to this mail.", false },
		{ "by-hand-thunderbird.eml",
		    "Bitte beantworten Sie diese Nachricht. ", false },
	};
	struct texts *t = all_texts();

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		for (size_t l = 0; l < COUNT(languages); l++) {
			size_t count;
			struct compose_parts parts =
			    render(t, languages[l], "alice@user.test", NULL);
			struct span raw =
			    filled(&samples[i], parts.text, &count);

			unit_case("%s, %s", samples[i].file, languages[l]);
			assert_int_equal(count, 1);
			assert_int_equal(judge(raw), VERDICT_MATCH);
		}
	}
	texts_free(t);
}

/* --- what a quotation begins with ---------------------------------------- */

/* With which the attacker's mail may begin. */
static const char *const first_lines[] = { "> Look at this.", "| Look.",
	": Look.", "» Look.", "\u00a0", " ", "", "Look at this.",
	"> On Mon, 2 Mar 2026 at 10:00, CA <acme@ca.test> wrote:" };

/* The file with `first` above its first armour line, behind what stands before
 * that; or an empty span, if it shows none. */
static struct span
begun_with(struct span sample, const char *first)
{
	size_t at = 0, end, armour;
	struct span line;
	struct buf b;

	for (; at < sample.n; at = end + 1) {
		end = span_find(sample, at, '\n');
		line = span_cut(sample, at, end);
		armour =
		    span_find_span(line, 0, SPAN("-----BEGIN ACME RESPONSE"));
		if (armour == line.n)
			continue;
		buf_init(&b, unit_job()->arena, sample.n + 4096);
		buf_add(&b, span_cut(sample, 0, at + armour));
		buf_addf(&b, "%s\n", first);
		buf_add(&b, span_from(sample, at));
		return message_from_lf(unit_job(), buf_span(&b));
	}
	return span_mem("", 0);
}

/* Each echo among the samples, with each such line. */
static void
test_echoes_begin_with(void **state)
{
	size_t tried = 0;
	glob_t g;

	(void)state;
	assert_int_equal(
	    glob(CS_TEST_DATA "/mail/*-echo*.eml", 0, NULL, &g), 0);
	assert_int_equal(
	    glob(CS_TEST_DATA "/mail/*-top-post.eml", GLOB_APPEND, NULL, &g),
	    0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		for (size_t k = 0; k < COUNT(first_lines); k++) {
			struct span raw = begun_with(
			    unit_file(g.gl_pathv[i]), first_lines[k]);

			unit_case("%s, %s", g.gl_pathv[i], first_lines[k]);
			if (raw.n == 0)
				continue;
			assert_int_not_equal(judge(raw), VERDICT_MATCH);
			tried++;
		}
	}
	globfree(&g);
	assert_true(tried > 30 * COUNT(first_lines));
}

/* How programs say whose text follows; `marks`: some of those that say it so
 * put marks before each line of that. */
static const struct {
	const char *text;
	bool marks;
} attributions[] = {
	{ "On Mon, 2 Mar 2026 at 10:00, CA <acme+tag@ca.test> wrote:\n", true },
	{ "On Mon, Mar 2, 2026 at 10:00 AM CA\n<acme+tag@ca.test> wrote:\n\n",
	    true },
	{ "Am 02.03.26 um 10:00 schrieb acme+tag@ca.test:\n", true },
	{ "Le lun. 2 mars 2026 à 10:00, CA <acme+tag@ca.test> a écrit :\n\n",
	    true },
	{ "2026年3月2日(月) 10:00 CA <acme+tag@ca.test>:\n", true },
	{ "CA <acme+tag@ca.test> wrote:\n\n", true },
	{ "On Nov 26, 2013 you wrote:\n\n", true },
	{ "\u202bבתאריך 2 במרץ 2026, CA <acme+tag@ca.test>:\u202c\n", true },
	{ "    On Monday, March 2, 2026 at 10:00 AM, CA <a@ca.test> wrote:  \n"
	  " \n",
	    false },
	{ "  On Mon, 2 Mar 2026 at 10:00, CA<a@ca.test> wrote:   Hello,\n",
	    false },
	{ "Le Lundi, Mars 02, 2026 10:00 CET, CA <a@ca.test> a écrit:\n \n",
	    false },
	{ "On Thu, 2 Mar 2026 CA\n\n‹\nmailto:a@ca.test\n> wrote:\n\n", false },
	{ "On Wed, 2 Mar 2026, CA <a@ca.test> wrote\n\n", false },
	{ "CA kirjoitti 2.3.26 klo 10.00:\n \n", false },
	{ "On 2 March 2026, CA wrote\n\n", false },
	{ "Den 2 mars 2026 kl. 10.00\nCA skrev\n\n", false },
	{ "Quoting CA <acme+tag@ca.test>:\n\n", true },
	{ "Quoting CA:\n\n", true },
	{ "Zitat von \"Example CA\":\n\n", true },
	{ "*Citát Mallory:*\n", false },
	{ ">>> CA 03/02/26 10:00 AM >>>\n", false },
	{ "-----Original Message-----\nFrom: CA\nSent: Monday\n\n", false },
	{ "From: A long name\n<a@ca.test> \nTo: b\nSubject: ACME: x\n\n",
	    false },
	{ "________________\n\u00a0From: CA\nTo: b\n\n", false },
};

#define HTML_OWN "<div>" RIGHT_HTML "</div>"
#define RIGHT_HTML                                                             \
	"-----BEGIN <b>ACME</b>&nbsp;RESPONSE-----<br>" RIGHT                  \
	"<br>-----END ACME RESPONSE-----"

/* A reply with this text and, if it is not NULL, HTML. */
static struct span
reply_of(const char *text, const char *html)
{
	struct buf b;

	buf_init(&b, unit_job()->arena, 1 << 16);
	buf_add_str(&b, "From: Alice <alice@user.test>\nTo: acme+tag@ca.test\n"
			"Date: Mon, 02 Mar 2026 10:00:00 +0000\n"
			"Message-ID: <1@user.test>\nIn-Reply-To: <c1@ca.test>\n"
			"Subject: Re: ACME: toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q\n"
			"MIME-Version: 1.0\n");
	if (html != NULL)
		buf_add_str(&b,
		    "Content-Type: multipart/alternative; boundary=b\n\n--b\n");
	buf_addf(&b,
	    "Content-Type: text/plain; charset=utf-8\n"
	    "Content-Transfer-Encoding: 8bit\n\n%s",
	    text);
	if (html != NULL)
		buf_addf(&b,
		    "\n--b\nContent-Type: text/html; charset=utf-8\n"
		    "Content-Transfer-Encoding: 8bit\n\n%s\n--b--\n",
		    html);
	return message_from_lf(unit_job(), buf_span(&b));
}

/* The attacker's mail, as programs show it that put no marks: as text alone,
 * below words of the holder's own, or with the HTML of it. */
static void
check_unmarked(const char *own, const char *attribution, const char *first)
{
	static const char *const indents[] = { "", "    " };
	struct arena *a = unit_job()->arena;
	const char *html = arena_printf(a,
	    "<p>%s</p>\n<blockquote type=\"cite\">%s<br>" RIGHT_HTML
	    "</blockquote>",
	    own, first);
	uint8_t digest[SHA256_LEN];
	struct finding f;

	for (size_t i = 0; i < COUNT(indents); i++) {
		const char *text = arena_printf(a, "%s%s%s%s\n\n" BLOCK, own,
		    attribution, indents[i], first);

		unit_case("%s", text);
		if (own[0] != '\0')
			assert_int_equal(reply_find_block(unit_job(),
					     span_str(text), digest, &f),
			    -1);
		else
			assert_int_not_equal(
			    judge(reply_of(text, html)), VERDICT_MATCH);
	}
}

static void
check_bottom_post(const char *attribution)
{
	const char *text = arena_printf(
	    unit_job()->arena, "%s> Please answer.\n>\n\n" BLOCK, attribution);

	unit_case("%s", text);
	assert_int_equal(judge(reply_of(text, NULL)), VERDICT_MATCH);
	assert_int_equal(
	    judge(reply_of(text, "<blockquote>Please</blockquote>" HTML_OWN)),
	    VERDICT_MATCH);
	assert_int_equal(
	    judge(reply_of(text, "<blockquote>" HTML_OWN "</blockquote>")),
	    VERDICT_NO_RESPONSE);
}

static void
test_attributions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(attributions); i++) {
		const char *attribution = attributions[i].text;

		for (size_t k = 0; k < COUNT(first_lines); k++) {
			check_unmarked(
			    "What is this?\n\n", attribution, first_lines[k]);
			check_unmarked(
			    "What is this?\n", attribution, first_lines[k]);
			check_unmarked("", attribution, first_lines[k]);
		}
		if (attributions[i].marks)
			check_bottom_post(attribution);
	}
}

/* --- the HTML beside it -------------------------------------------------- */

static void
test_html(void **state)
{
	static const struct {
		const char *html;
		bool shown;
	} cases[] = {
		{ HTML_OWN, true },
		{ "<BlockQuote\n>x</BLOCKQUOTE >" HTML_OWN, true },
		{ "<div><div class=\"yahoo_quoted\"><div>x</div></div>" HTML_OWN
		  "</div>",
		    true },
		{ "<!-- <blockquote> -->" HTML_OWN, true },
		{ "<a title=\"<blockquote>\">x</a>" HTML_OWN, true },
		{ "<style><blockquote></style>" HTML_OWN, true },
		{ "", false },
		{ "<p>x</p>", false },
		{ "<blockquote>" HTML_OWN "</blockquote>", false },
		{ "<blockquote><blockquote>x</blockquote>" HTML_OWN
		  "</blockquote>",
		    false },
		{ "<div id='yahoo_quoted_1'><div>x</div>" HTML_OWN "</div>",
		    false },
		{ "<div name=\"messageReplySection\">" HTML_OWN "</div>",
		    false },
		{ "<!--" HTML_OWN "-->", false },
		{ "<style>" HTML_OWN "</style>", false },
		{ "<p title=\"" HTML_OWN "\">", false },
		{ "<script>" HTML_OWN, false },
		{ "<a title='" HTML_OWN, false },
		{ "<", false },
		{ "<!--", false },
	};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].html);
		assert_int_equal(
		    reply_html_has_block(unit_job(), span_str(cases[i].html)),
		    cases[i].shown);
	}
	/* MA-94: the work grows with the text only. */
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t before = unit_cpu_ms();

		buf_init(&b, unit_job()->arena, 1 << 20);
		while (b.n < 256 * 1024 && cases[i].html[0] != '\0')
			buf_add_str(&b, cases[i].html);
		(void)reply_html_has_block(unit_job(), buf_span(&b));
		assert_true(unit_cpu_ms() - before < 5000);
	}
}

/* MA-94: the work grows with the text only. */
static void
check_likely_is_bounded(void)
{
	static const char *const units[] = { "\n", "<\n", "<a ", "<a\n", "</",
		"<aaaa", "> <b>\n" };
	struct buf b;

	for (size_t i = 0; i < COUNT(units); i++) {
		int64_t before = unit_cpu_ms();

		buf_init(&b, unit_job()->arena, 1 << 20);
		buf_add_str(&b, i % 2 == 0 ? "" : "<a");
		while (b.n < 256 * 1024)
			buf_add_str(&b, units[i]);
		unit_case("%s", units[i]);
		assert_false(reply_html_is_likely(buf_span(&b)));
		assert_true(unit_cpu_ms() - before < 5000);
	}
}

/* MA-59: was it HTML before somebody called it a text? */
static void
test_html_is_likely(void **state)
{
	static const struct {
		const char *text;
		bool likely;
	} cases[] = {
		{ "", false },
		{ "<", false },
		{ "</", false },
		{ "a < b, x <3 </3, <", false },
		{ "Alice <alice@user.test>, <https://ca.test/>", false },
		{ "<Alice>, <name>, <d>, <divide>, <p.>, <br", false },
		{ "<div", false },
		{ "<DIV>", true },
		{ "<div\r\n class=x>", true },
		{ "no<br>", true },
		{ "no<br/>", true },
		{ "<p class='x'>", true },
		{ "<a href=x>", true },
		{ "<A\r\n\tNAME = 'x'", true },
		{ "<p style=", true },
		{ "<p xml:lang=x>", true },
		{ "<b>", true },
		{ "<i >x", true },
		{ "</p>", true },
		{ "</DIV\n>", true },
		{ "</article>", true },
		{ "if (x <i && y)", false },
		{ "for x <b and y", false },
		{ "x <a", false },
		{ "</ironie>", false },
		{ "</b and", false },
		{ "x</o:p>", false },
		/* marked lines, and what goes on in one */
		{ "> <b>Bold</b>\n>\n><div>\n", false },
		{ "> x\n<div>\n", true },
		{ "x\n> <div>\n y <br>", true },
		{ "<div\n>No.", true },
		{ "<!DOCTYPE html>", true },
		{ "<!-- x", true },
		{ "<!x", false },
		{ "<<excerpt>>", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].text);
		assert_int_equal(reply_html_is_likely(span_str(cases[i].text)),
		    cases[i].likely);
	}
	check_likely_is_bounded();
	unit_case("%s", "");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_quotations),
	cmocka_unit_test(test_replies),
	cmocka_unit_test(test_echoes_begin_with),
	cmocka_unit_test(test_attributions),
	cmocka_unit_test(test_html),
	cmocka_unit_test(test_html_is_likely),
};
UNIT_MAIN(tests)
