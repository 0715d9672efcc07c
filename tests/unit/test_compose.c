#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "lib/count.h"
#include "lib/rnd.h"
#include "mail/compose.h"
#include "mail/field.h"
#include "mail/finding.h"
#include "mail/mime.h"
#include "tests/unit/dkim_lab.h"

#define PART1 "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
#define A50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"

/* ER-1: 64 octets, "@", 189 octets. */
#define LONGEST                                                                \
	"aaaaaaaaaabbbbbbbbbb" A50 "@" A50 "12345." A50 "12345." A50 "12345."  \
	"user.test"

static const struct compose_input basic = {
	.ca_name = "Example Mail CA",
	.mailbox = "alice@user.test",
	.from = "acme+tag@ca.test",
	.message_id = "<0123456789abcdef@ca.test>",
	.token_part1 = { PART1, 32 },
	.language = "en",
	.default_language = "en",
	.help_url = "https://ca.test/help",
	.date = LAB_NOW,
	.expires_at = LAB_NOW + 86400,
};

static struct span
compose(const struct compose_input *in)
{
	struct span out = SPAN("");

	if (compose_challenge(unit_job(), in, &out) < 0)
		fail_msg("%s", unit_job()->err.text);
	return out;
}

/* Both parts, decoded, found by the boundary alone. */
struct parts {
	struct span header[2], text[2];
};

static struct span
decode(struct span header, struct span body)
{
	struct span out = body;

	if (span_has(header, SPAN("quoted-printable")))
		assert_int_equal(mime_decode_qp(unit_job(), body, &out), 0);
	return out;
}

static struct parts
split(struct span raw)
{
	size_t at = span_find_span(raw, 0, SPAN("boundary=\"")) + 10;
	struct span boundary = span_cut(raw, at, span_find(raw, at, '"'));
	struct parts p = { .header = { SPAN("") } };
	struct buf b;

	buf_init(&b, unit_job()->arena, 256);
	buf_add_str(&b, "\r\n--");
	buf_add(&b, boundary);
	at = span_find_span(raw, 0, buf_span(&b));
	for (size_t i = 0; i < 2; i++) {
		size_t begin = at + b.n + 2;
		size_t empty = span_find_span(raw, begin, SPAN("\r\n\r\n"));

		at = span_find_span(raw, begin, buf_span(&b));
		assert_true(at < raw.n);
		p.header[i] = span_cut(raw, begin, empty + 2);
		p.text[i] =
		    decode(p.header[i], span_cut(raw, empty + 4, at + 2));
	}
	buf_add_str(&b, "--\r\n");
	assert_true(span_ends(raw, buf_span(&b)));
	return p;
}

/* The text with line ends and runs of blanks as one blank. */
static struct span
flat(struct span text)
{
	struct buf b;

	buf_init(&b, unit_job()->arena, text.n + 1);
	for (size_t i = 0; i < text.n; i++) {
		char c = strchr("\r\n ", text.p[i]) != NULL ? ' ' : text.p[i];

		if (c != ' ' || (b.n > 0 && b.p[b.n - 1] != ' '))
			buf_add_char(&b, c);
	}
	return buf_span(&b);
}

/* --- the header (ER-14 to ER-17, AC-120, MA-105) ------------------------- */

static void
test_header(void **state)
{
	struct span raw = compose(&basic);
	size_t end = span_find_span(raw, 0, SPAN("\r\n\r\n"));
	size_t boundary = span_find(raw, 0, '"');
	struct message m = lab_parse(unit_job(), raw);

	(void)state;
	assert_span_equal(span_cut(raw, 0, boundary),
	    "From: acme+tag@ca.test\r\n"
	    "To: alice@user.test\r\n"
	    "Subject: ACME: " PART1 "\r\n"
	    "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
	    "Message-ID: <0123456789abcdef@ca.test>\r\n"
	    "Auto-Submitted: auto-generated; type=acme\r\n"
	    "X-Auto-Response-Suppress: All\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/alternative;\r\n"
	    " boundary=");
	assert_int_equal(m.field_count, 9);
	assert_true(end < raw.n);
	/* AC-120: 38 characters. */
	assert_int_equal(
	    field_unfold(unit_job(), message_field(&m, "Subject")).n, 38);
	/* ER-6: token-part1 in exactly one place. */
	assert_int_equal(
	    span_find_span(
		raw, span_find_span(raw, 0, SPAN(PART1)) + 1, SPAN(PART1)),
	    raw.n);
}

/* --- the whole, in each language, with each address (ER-18, MA-104) ------ */

#define UMLAUTS "gr\xc3\xbc\xc3\x9f"
#define LONG_NAME                                                              \
	"A rather long name of a certification authority, with many words, "   \
	"longer than a line, in a country of the north"
static const char *const mailboxes[] = { "alice@user.test", "a@b.test", LONGEST,
	"o'brien&co@user.test", UMLAUTS "@user.test" };
static const char *const ca_names[] = { "Example Mail CA", "CA",
	"M\xc3\xbcller & S\xc3\xb6hne <CA>", A50 A50, LONG_NAME };
static const char *const tags[] = { "en", "de" };

static struct compose_input
variant(size_t mailbox, size_t ca, size_t language, bool help)
{
	struct compose_input in = basic;

	in.mailbox = mailboxes[mailbox];
	in.ca_name = ca_names[ca];
	in.language = tags[language];
	if (!help)
		in.help_url = NULL;
	return in;
}

static void
check_lines(struct span raw, const struct compose_input *in)
{
	for (size_t at = 0; at < raw.n;) {
		size_t end = span_find_span(raw, at, SPAN("\r\n"));
		struct span line = span_cut(raw, at, end);

		unit_case("%s: %.*s", in->mailbox, (int)line.n, line.p);
		assert_true(end < raw.n);
		/* Only an address alone cannot be folded. */
		assert_true(line.n <= 76 ||
			    (span_starts(line, SPAN("To: ")) && line.n < 998));
		assert_false(
		    span_has_str(line, "\r") || span_has_str(line, "\n"));
		assert_true(
		    span_is_ascii(line) || span_starts(line, SPAN("To: ")));
		at = end + 2;
	}
}

/* MA-63: quoted in four ways, no line is an answer's. */
static void
check_quoted(struct span text)
{
	static const char *const marks[] = { "", "> ", ">", "| " };

	for (size_t k = 0; k < COUNT(marks); k++) {
		struct buf b;

		buf_init(&b, unit_job()->arena, 4 * text.n + 64);
		buf_add_str(&b, marks[k]);
		for (size_t i = 0; i < text.n; i++) {
			buf_add_char(&b, text.p[i]);
			if (text.p[i] == '\n')
				buf_add_str(&b, marks[k]);
		}
		assert_false(span_has_str(buf_span(&b), "BEGIN ACME"));
		assert_false(span_has_str(buf_span(&b), "END ACME"));
		assert_false(span_has_str(buf_span(&b), "-----"));
	}
}

static void
check_parts(struct span raw, const struct compose_input *in, bool is_german)
{
	static const char *const never[] = { "<script", "<img", "src=", "url(",
		"@import", "<link", "<style", "onload", "{", "}" };
	struct parts p = split(raw);
	struct span text = flat(p.text[0]), html = flat(p.text[1]);

	unit_case("%s: parts", in->mailbox);
	assert_true(span_starts(
	    p.header[0], SPAN("Content-Type: text/plain; charset=")));
	assert_true(span_starts(
	    p.header[1], SPAN("Content-Type: text/html; charset=")));
	/* MA-104: ASCII goes as it is when its lines are short. */
	assert_int_equal(span_is_ascii(p.text[0]),
	    span_has_str(p.header[0], "charset=us-ascii"));
	assert_true(span_has_str(text, in->mailbox));
	assert_true(span_has_str(text, flat(span_str(in->ca_name)).p));
	assert_true(span_has_str(text,
	    is_german
		? "bis zum 3. M\xc3\xa4rz 2026, 10:00 Uhr (UTC) eintreffen"
		: "by 3 March 2026, 10:00 UTC."));
	assert_true(
	    span_has_str(html, is_german ? "lang=\"de\"" : "lang=\"en\""));
	assert_true(
	    span_has_str(html, is_german ? "3. M\xc3\xa4rz 2026" : "3 March"));
	assert_int_equal(
	    span_has_str(text, "https://ca.test/help"), in->help_url != NULL);
	assert_int_equal(
	    span_has_str(html, "<a href=\"https://ca.test/help\">"),
	    in->help_url != NULL);
	for (size_t i = 0; i < COUNT(never); i++)
		assert_false(span_has_str(html, never[i]) ||
			     span_has_str(text, never[i]));
	check_quoted(p.text[0]);
	check_quoted(p.text[1]);
	assert_false(span_ends(p.text[0], SPAN("\r\n\r\n")));
}

static void
test_variants(void **state)
{
	(void)state;
	for (size_t m = 0; m < COUNT(mailboxes); m++) {
		for (size_t c = 0; c < COUNT(ca_names); c++) {
			for (size_t l = 0; l < COUNT(tags); l++) {
				struct compose_input in =
				    variant(m, c, l, c % 2 == 0);
				struct span raw = compose(&in);

				check_lines(raw, &in);
				check_parts(raw, &in, l == 1);
			}
		}
	}
}

/* English to an ordinary address is 7bit; German is quoted-printable. */
static void
test_encodings(void **state)
{
	struct compose_input in = basic;
	struct parts p = split(compose(&in));

	(void)state;
	assert_true(span_has_str(p.header[0], "Encoding: 7bit"));
	assert_true(span_has_str(p.header[1], "Encoding: 7bit"));
	in.language = "de";
	p = split(compose(&in));
	assert_true(span_has_str(p.header[0], "charset=utf-8"));
	assert_true(span_has_str(p.header[0], "Encoding: quoted-printable"));
	in.language = "en";
	in.mailbox = LONGEST;
	p = split(compose(&in));
	assert_true(span_has_str(p.header[0], "Encoding: quoted-printable"));
}

/* What people read first: the text as it is. */
static void
test_english_text(void **state)
{
	struct compose_input in = basic;

	(void)state;
	in.help_url = NULL;
	assert_span_equal(split(compose(&in)).text[0],
	    "Example Mail CA has been asked to issue a certificate for secure "
	    "e-mail\r\n"
	    "(S/MIME) for this address:\r\n"
	    "\r\n"
	    "    alice@user.test\r\n"
	    "\r\n"
	    "This message checks that the request comes from somebody who can "
	    "read\r\n"
	    "and answer mail to this address.\r\n"
	    "\r\n"
	    "If you asked for the certificate:\r\n"
	    "\r\n"
	    "Usually your program finds this message and answers it by itself. "
	    "Then\r\n"
	    "there is nothing for you to do. If it asks you to answer by "
	    "hand:\r\n"
	    "\r\n"
	    "  1. Reply to this message without changing the subject.\r\n"
	    "  2. Above the quoted text, insert the lines that your program "
	    "shows. Do\r\n"
	    "     not change them.\r\n"
	    "  3. Send the reply as plain text, not as HTML.\r\n"
	    "\r\n"
	    "Use only lines that your own program shows, never lines that "
	    "somebody\r\n"
	    "has sent to you.\r\n"
	    "\r\n"
	    "The answer must arrive by 3 March 2026, 10:00 UTC. After that, "
	    "please\r\n"
	    "ask for the certificate again.\r\n"
	    "\r\n"
	    "If you did not ask for a certificate:\r\n"
	    "\r\n"
	    "There is nothing for you to do: without your answer, no "
	    "certificate is\r\n"
	    "issued. If you want no more messages like this one, reply to it "
	    "with the\r\n"
	    "single word STOP, and leave the subject as it is. This server "
	    "will then\r\n"
	    "send you none for 90 days.\r\n");
}

static void
test_german_text(void **state)
{
	struct compose_input in = basic;

	(void)state;
	in.help_url = NULL;
	in.language = "de-AT,de;q=0.9,en;q=0.5";
	assert_span_equal(split(compose(&in)).text[0],
	    "Example Mail CA wurde gebeten, f\xc3\xbcr diese Adresse ein "
	    "Zertifikat f\xc3\xbcr\r\n"
	    "sichere E-Mail (S/MIME) auszustellen:\r\n"
	    "\r\n"
	    "    alice@user.test\r\n"
	    "\r\n"
	    "Diese Nachricht pr\xc3\xbc"
	    "ft, ob die Anfrage von jemandem kommt, der\r\n"
	    "Nachrichten an diese Adresse lesen und beantworten kann.\r\n"
	    "\r\n"
	    "Wenn Sie das Zertifikat angefordert haben:\r\n"
	    "\r\n"
	    "Meist findet Ihr Programm diese Nachricht und beantwortet sie "
	    "von\r\n"
	    "selbst. Dann brauchen Sie nichts zu tun. Bittet es Sie, von Hand "
	    "zu\r\n"
	    "antworten, gehen Sie so vor:\r\n"
	    "\r\n"
	    "  1. Antworten Sie auf diese Nachricht, ohne den Betreff zu "
	    "\xc3\xa4ndern.\r\n"
	    "  2. Setzen Sie die Zeilen, die Ihr Programm anzeigt, \xc3\xbc"
	    "ber den zitierten\r\n"
	    "     Text. \xc3\x84ndern Sie nichts daran.\r\n"
	    "  3. Senden Sie die Antwort als reinen Text, nicht als HTML.\r\n"
	    "\r\n"
	    "Verwenden Sie nur Zeilen, die Ihr eigenes Programm anzeigt, "
	    "niemals\r\n"
	    "solche, die Ihnen jemand geschickt hat.\r\n"
	    "\r\n"
	    "Die Antwort muss bis zum 3. M\xc3\xa4rz 2026, 10:00 Uhr (UTC) "
	    "eintreffen.\r\n"
	    "Danach fordern Sie das Zertifikat bitte neu an.\r\n"
	    "\r\n"
	    "Wenn Sie kein Zertifikat angefordert haben:\r\n"
	    "\r\n"
	    "Sie brauchen nichts zu tun: Ohne Ihre Antwort wird kein "
	    "Zertifikat\r\n"
	    "ausgestellt. M\xc3\xb6"
	    "chten Sie keine solchen Nachrichten mehr bekommen,\r\n"
	    "antworten Sie auf diese mit dem einen Wort STOP, und lassen Sie "
	    "den\r\n"
	    "Betreff, wie er ist. Dieser Server schickt Ihnen dann 90 Tage "
	    "lang keine\r\n"
	    "mehr.\r\n");
}

/* ER-18: HTML shows addresses and names as text. */
static void
test_html_escaped(void **state)
{
	struct compose_input in = variant(3, 2, 0, true);
	struct span html;

	(void)state;
	in.help_url = "https://ca.test/?a=1&b=\"2\"";
	html = split(compose(&in)).text[1];
	assert_true(span_has_str(
	    html, "<strong>o&#39;brien&amp;co@user.test</strong>"));
	assert_true(
	    span_has_str(html, "ller &amp; S\xc3\xb6hne &lt;CA&gt;\r\n"));
	assert_true(span_has_str(
	    html, "href=\"https://ca.test/?a=1&amp;b=&quot;2&quot;\""));
}

/* --- languages (ER-18) --------------------------------------------------- */

static void
test_languages(void **state)
{
	static const struct {
		const char *accept, *fallback, *expected;
	} cases[] = {
		{ NULL, NULL, "en" },
		{ NULL, "de", "de" },
		{ NULL, "de-AT", "de" },
		{ NULL, "fr", "en" },
		{ "", "de", "de" },
		{ "de", "en", "de" },
		{ "DE", "en", "de" },
		{ "de-DE", "en", "de" },
		{ "de-CH-1996", "en", "de" },
		{ "deu", "en", "en" },
		{ "en", "de", "en" },
		{ "fr", "de", "de" },
		{ "fr, de", "en", "de" },
		{ "fr,en,de", "de", "en" },
		{ "en;q=0.8,de;q=0.9", "en", "de" },
		{ "en;q=0.8, de;q=0.800", "de", "en" },
		{ "en;q=0.123,de;q=0.124", "en", "de" },
		{ "de;q=0", "en", "en" },
		{ "de;q=0.000,en;q=0.001", "de", "en" },
		{ "fr;q=1.0, de;q=0.5, *;q=0.1", "en", "de" },
		{ "*", "de", "de" },
		{ "*;q=0.5, en;q=0.4", "de", "de" },
		{ "de ; q=0.9 , en ; q=0.1", "en", "de" },
		{ "de;Q=0.9,en;q=0.1", "en", "de" },
		/* Malformed elements do not count. */
		{ "de;q=1.5", "en", "en" },
		{ "de;q=", "en", "en" },
		{ "de;q=.5", "en", "en" },
		{ "de;q=0.1234", "en", "en" },
		{ "de;q=1.001", "en", "en" },
		{ "de;x=1", "en", "en" },
		{ "de;q=abc,;;,,=,en;q=0.1", "de", "en" },
		{ ";q=1", "de", "de" },
		{ "\xff\xfe,de", "en", "de" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct compose_input in = basic;
		struct span html;

		unit_case("%s", cases[i].accept);
		in.language = cases[i].accept;
		in.default_language = cases[i].fallback;
		html = split(compose(&in)).text[1];
		assert_true(
		    span_has_str(html, arena_printf(unit_job()->arena,
					   "lang=\"%s\"", cases[i].expected)));
	}
}

/* A long list is read in part, and in time. */
static void
test_long_language(void **state)
{
	struct compose_input in = basic;
	struct buf b;

	(void)state;
	buf_init(&b, unit_job()->arena, 70000);
	while (b.n < 60000)
		buf_add_str(&b, "xx;q=0.1,");
	buf_add_str(&b, "de");
	in.language = b.p;
	assert_true(span_has_str(split(compose(&in)).text[1], "lang=\"en\""));
}

/* Each month's name, and midnight. */
static void
test_months(void **state)
{
	static const char *const english[] = { "January", "February", "March",
		"April", "May", "June", "July", "August", "September",
		"October", "November", "December" };

	(void)state;
	for (size_t i = 0; i < 12; i++) {
		struct compose_input in = basic;

		/* The first of each month of 2027, about. */
		in.expires_at = 1798761600 + (int64_t)i * 2678400;
		assert_true(span_has_str(
		    flat(split(compose(&in)).text[0]), english[i]));
	}
	{
		struct compose_input in = basic;

		in.expires_at = 1798761600;
		assert_true(span_has_str(flat(split(compose(&in)).text[0]),
		    "by 1 January 2027, 00:00 UTC."));
	}
}

/* --- refusals
 * ----------------------------------------------------------------------------
 */

/* AC-120: nothing gets in that could end a line or an address. */
static void
test_refuses(void **state)
{
	static const struct {
		const char *mailbox, *from, *message_id, *part1, *ca_name;
	} cases[] = {
		{ "a@b.test\r\nBcc: x@y.test", NULL, NULL, NULL, NULL },
		{ "Alice <a@b.test>", NULL, NULL, NULL, NULL },
		{ "a@b.test,c@d.test", NULL, NULL, NULL, NULL },
		{ "", NULL, NULL, NULL, NULL },
		{ NULL, "CA <acme@ca.test>", NULL, NULL, NULL },
		{ NULL, "acme@ca.test\n", NULL, NULL, NULL },
		{ NULL, NULL, "0@ca.test", NULL, NULL },
		{ NULL, NULL, "<0@ca.test>\r\nX: y", NULL, NULL },
		{ NULL, NULL, "<0@ca.test> <x>", NULL, NULL },
		{ NULL, NULL, "<>", NULL, NULL },
		{ NULL, NULL, NULL, "short", NULL },
		{ NULL, NULL, NULL, "QUJDREVGR0hJSktMTU5PUFFSU1RVVld=", NULL },
		{ NULL, NULL, NULL, "QUJDREVGR0hJSktMTU5PUFFSU1RVVl\r\n",
		    NULL },
		{ NULL, NULL, NULL, NULL, "-----BEGIN ACME RESPONSE----- CA" },
		{ NULL, NULL, NULL, NULL, "-----END ACME RESPONSE-----" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct compose_input in = basic;
		struct span out;

		unit_case("%zu", i);
		if (cases[i].mailbox != NULL)
			in.mailbox = cases[i].mailbox;
		if (cases[i].from != NULL)
			in.from = cases[i].from;
		if (cases[i].message_id != NULL)
			in.message_id = cases[i].message_id;
		if (cases[i].part1 != NULL)
			in.token_part1 = span_str(cases[i].part1);
		if (cases[i].ca_name != NULL)
			in.ca_name = cases[i].ca_name;
		assert_int_equal(compose_challenge(unit_job(), &in, &out), -1);
		assert_int_equal(unit_job()->err.kind, ERR_INTERNAL);
		/* ER-6: no part1 in an error. */
		assert_null(strstr(unit_job()->err.text, "QUJD"));
		job_recover(unit_job());
	}
}

/* ER-14: only if configured, one of it. */
static void
test_reply_to(void **state)
{
	struct compose_input in = basic;
	struct span out;

	(void)state;
	assert_false(span_has(compose(&in), SPAN("Reply-To")));
	in.reply_to = "answers+tag@replies.test";
	out = compose(&in);
	assert_true(span_has(
	    out, SPAN("\r\nTo: alice@user.test\r\n"
		      "Reply-To: answers+tag@replies.test\r\nSubject: ")));
	in.reply_to = "answers@replies.test\r\nBcc: all@user.test";
	assert_int_equal(compose_challenge(unit_job(), &in, &out), -1);
	assert_int_equal(unit_job()->err.kind, ERR_INTERNAL);
	job_recover(unit_job());
}

/* AC-118: the same input gives the same octets, for each attempt. */
static void
test_same(void **state)
{
	struct compose_input in = basic;
	struct span one = compose(&in), two = compose(&in);

	(void)state;
	assert_true(span_eq(one, two));
	in.message_id = "<other@ca.test>";
	two = compose(&in);
	assert_false(span_eq(span_from(one, 300), span_from(two, 300)));
}

/* --- addresses and ids (ER-15, MA-105) ----------------------------------- */

static void
test_tagged_from(void **state)
{
	static const char prefix[] = "acme+", suffix[] = "@ca.test";
	struct job *j = unit_job(); /* draws its id before */
	const char *a, *b;

	(void)state;
	rnd_test_seed(7);
	a = compose_tagged(j, "acme@ca.test");
	b = compose_tagged(j, "acme@ca.test");
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 5 + 26 + 8);
	assert_int_equal(strncmp(a, prefix, 5), 0);
	assert_string_equal(a + 31, suffix);
	assert_int_equal(strspn(a + 5, "abcdefghijklmnopqrstuvwxyz234567"), 26);
	/* The same octets again, by hand: 130 bits, the last two zero. */
	assert_non_null(strchr("aeimquy4", a[30]));
	rnd_test_seed(7);
	assert_string_equal(compose_tagged(j, "acme@ca.test"), a);
	assert_true(compose_is_tagged(a));
	assert_false(compose_is_tagged("acme@ca.test"));
	assert_false(compose_is_tagged("acme+mail@ca.test"));
	assert_false(
	    compose_is_tagged("acme-aaaaaaaaaaaaaaaaaaaaaaaaaa@ca.test"));
	assert_false(compose_is_tagged("a+aaaaaaaaaaaaaaaaaaaaaaaaa@ca.test"));
	assert_false(compose_is_tagged("a+aaaaaaaaaaaaaaaaaaaaaaaaa1@ca.test"));
	assert_false(
	    compose_is_tagged("a+aaaaaaaaaaaaaaaaaaaaaaaaaaa@ca.test"));
	/* 64 octets are the most that a local part may have. */
	assert_non_null(
	    compose_tagged(j, "abcdefghijabcdefghijabcdefghijabcdefg@ca.test"));
	assert_null(compose_tagged(
	    j, "abcdefghijabcdefghijabcdefghijabcdefgh@ca.test"));
	assert_int_equal(j->err.kind, ERR_INTERNAL);
	job_recover(j);
}

static void
test_message_id(void **state)
{
	const char *a = compose_message_id(unit_job(), "acme@ca.test");
	const char *b = compose_message_id(unit_job(), "acme@ca.test");

	(void)state;
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a), 1 + 32 + 9);
	assert_int_equal(a[0], '<');
	assert_int_equal(strspn(a + 1, "0123456789abcdef"), 32);
	assert_string_equal(a + 33, "@ca.test>");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_header),
	cmocka_unit_test(test_variants),
	cmocka_unit_test(test_encodings),
	cmocka_unit_test(test_english_text),
	cmocka_unit_test(test_german_text),
	cmocka_unit_test(test_html_escaped),
	cmocka_unit_test(test_languages),
	cmocka_unit_test(test_long_language),
	cmocka_unit_test(test_months),
	cmocka_unit_test(test_refuses),
	cmocka_unit_test(test_reply_to),
	cmocka_unit_test(test_same),
	cmocka_unit_test(test_tagged_from),
	cmocka_unit_test(test_message_id),
};
UNIT_MAIN(tests)
