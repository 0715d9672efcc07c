/*
 * What an installation's templates may hold (ER-18, MA-63, MA-104): each
 * mistake is named with its line, and good ones are left alone.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "lib/count.h"
#include "mail/template.h"
#include "mail/template_check.h"
#include "mail/template_html.h"

/* Lines 1 and 2 of the cases below; what is tried stands in line 3. */
#define TEXT "{ca_name}: {mailbox}, {expires}.\nSay STOP, please.\n"
#define HTML                                                                   \
	"<p>{ca_name}: {mailbox}, {expires}.</p>\n<p>Say STOP, please.</p>\n"

static struct buf said;

static void
report(void *ctx, const char *message)
{
	(void)ctx;
	buf_addf(&said, "%s\n", message);
}

static const char *
check(struct span bytes, bool is_html)
{
	struct template_file file = { "f", bytes, is_html, false };
	unsigned count;
	size_t lines = 0;

	buf_init(&said, unit_job()->arena, 65536);
	count = template_check(unit_job(), &file, report, NULL);
	for (size_t i = 0; i < said.n; i++)
		lines += said.p[i] == '\n';
	assert_int_equal(count, lines);
	return said.p;
}

struct sample {
	const char *line; /* 3 of the file, with its end */
	const char *said; /* one mistake begins so; NULL: it is good */
};

static void
check_samples(
    const char *above, bool is_html, const struct sample *v, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *got = check(span_str(arena_printf(unit_job()->arena,
					    "%s%s", above, v[i].line)),
		    is_html);

		unit_case("%s: %s", v[i].line, got);
		if (v[i].said == NULL)
			assert_string_equal(got, "");
		else
			assert_int_equal(
			    strncmp(got, v[i].said, strlen(v[i].said)), 0);
	}
}

static void
test_text(void **state)
{
	static const struct sample cases[] = {
		{ "", NULL },
		{ "{help_url}\n", NULL },
		{ "M\xc3\xbcller\xc2\xa0: \xe2\x80\xaf\xe6\xbc\xa2\n", NULL },
		{ "{mail}\n", "f:3: {mail} is no placeholder; there are "
			      "{ca_name}, {mailbox}, {expires} and "
			      "{help_url}\n" },
		{ "{Mailbox}\n", "f:3: {Mailbox} is no placeholder" },
		{ "{}\n", "f:3: {} is no placeholder" },
		{ "{mailbox\n}\n", "f:3: the { has no } in the same line" },
		{ "{mailbox}}\n", "f:3: a } without its {" },
		{ "}{mailbox}\n", "f:3: a } without its {" },
		{ "a\tb\n", "f:3: the character U+0009 has no place in a "
			    "mail; remove it, and write blanks" },
		{ "a\rb\n", "f:3: the character U+000D" },
		{ "a\xe2\x80\xae\n", "f:3: the character U+202E" },
		{ "a\xe2\x80\x8b\n", "f:3: the character U+200B" },
		{ "a\xfc\n", "f:3: is not UTF-8" },
		{ "a\n\xc3\n", "f:4: is not UTF-8" },
		{ "</p><p>\n", "f: is HTML, and its tags would be seen" },
		{ "> <p>\na < b\n", NULL },
		{ "see http://x.test\n", "f:3: a challenge mail names no page "
					 "but the help page" },
		/* MA-63 */
		{ "-----BEGIN ACME RESPONSE-----\n",
		    "f:3: \"BEGIN ACME\" begins or ends an answer" },
		{ "-----END ACME RESPONSE-----\n",
		    "f:3: \"END ACME\" begins or ends an answer" },
		{ "  --begin  Acme response--\n", "f:3: \"BEGIN ACME\"" },
		{ "-----BEGIN\nACME RESPONSE-----\n", "f:3: \"BEGIN ACME\"" },
		/* MA-61 */
		{ "\n-----Original Message-----\n",
		    "f:4: looks like the line that mail programs put above" },
		{ "\n----- Help -----\n", "f:4: looks like the line" },
		{ "\n \n____________\n  From: x\n  To: y\n",
		    "f:7: looks like the line" },
		{ "\nHelp: none\n", NULL },
		/* AC-189 */
		{ "\nSTOP\n", "f:4: STOP ends a paragraph" },
		{ "\n  STOP\n", "f:4: STOP ends a paragraph" },
		{ "Reply with STOP\n", "f:3: STOP ends a paragraph" },
		{ "Reply with STOP\n\nor not\n", "f:3: STOP ends a paragraph" },
		{ "Reply with STOP.\n", "f:3: STOP ends a paragraph" },
		{ "Reply with *\"STOP\"* ! '\n\nor not\n",
		    "f:3: STOP ends a paragraph" },
		{ "Reply with \xe2\x80\x9cSTOP\xe2\x80\x9d.\n",
		    "f:3: STOP ends a paragraph" },
		{ "Reply with STOP.\nOr not.\n", NULL },
		{ "Reply with STOP,\n", NULL },
		{ "Reply with STOP\nor not.\n", NULL },
		{ "NONSTOP\n", NULL },
		/* MA-104: sent as it is; others are filled. */
		{ " 123456789 123456789 123456789 123456789 123456789 "
		  "123456789 123456789 1\n",
		    NULL },
		{ " 123456789 123456789 123456789 123456789 123456789 "
		  "123456789 123456789 12\n",
		    "f:3: is longer than 72 characters; lines that begin" },
		{ "x123456789 123456789 123456789 123456789 123456789 "
		  "123456789 123456789 12345678\n",
		    NULL },
	};
	static const struct {
		const char *text, *said;
	} lacking[] = {
		{ "{mailbox}, {expires}. STOP, please.\n",
		    "f: does not say who asks; write {ca_name}\n" },
		{ "{ca_name}, {expires}. STOP, please.\n",
		    "f: does not say which mailbox the certificate is for; "
		    "write {mailbox}\n" },
		{ "{ca_name}, {mailbox}. STOP, please.\n",
		    "f: does not say until when an answer is awaited; write "
		    "{expires}\n" },
		{ "{ca_name}, {mailbox}, {expires}.\n",
		    "f: does not say what to do if nobody asked for the "
		    "certificate: reply with the single word STOP\n" },
		{ "{ca_name}, {mailbox}, {expires}. stop, please.\n",
		    "f: does not say what to do if nobody" },
		{ "{ca_name}, {mailbox}, {expires}. STOPP, please.\n",
		    "f: does not say what to do if nobody" },
		{ "{ca_name}, {mailbox}, {expires}. STOP\xc3\xa9, please.\n",
		    "f: does not say what to do if nobody" },
		{ "{ca_name}, {mailbox}, {expires}. \xd0\xaeSTOP, please.\n",
		    "f: does not say what to do if nobody" },
		/* quotes, and Japanese */
		{ "{ca_name}, {mailbox}, {expires}. \xe2\x80\x9eSTOP\xe2\x80"
		  "\x9c, bitte.\n",
		    "" },
		{ "{ca_name}, {mailbox}, {expires}. \xc2\xab\xc2\xa0STOP\xc2"
		  "\xa0\xc2\xbb ou non.\n",
		    "" },
		{ "{ca_name}, {mailbox}, {expires}\xe3\x80\x81STOP\xe3\x81\xa8"
		  "\xe6\x9b\xb8\n",
		    "" },
		{ "{ca_name}, {mailbox}, {expires}\xe3\x80\x81STOP\n",
		    "f:1: STOP ends a paragraph" },
	};

	(void)state;
	check_samples(TEXT, false, cases, COUNT(cases));
	for (size_t i = 0; i < COUNT(lacking); i++) {
		const char *got = check(span_str(lacking[i].text), false);

		unit_case("%s", lacking[i].text);
		assert_int_equal(
		    strncmp(got, lacking[i].said, strlen(lacking[i].said)), 0);
		assert_int_equal(*got == '\0', *lacking[i].said == '\0');
	}
	assert_non_null(
	    strstr(check(span_mem("a\0b", 3), false), "the character U+0000"));
	/* The text, saved as HTML too. */
	assert_non_null(strstr(check(SPAN("{ca_name}\n"), true),
	    "f: is no HTML; write <p> and </p> around paragraphs\n"));
	/* All of them are named, but no more than a person reads. */
	assert_non_null(strstr(check(SPAN("{a}{b}{c}\n"), false), "{c} is no"));
}

static void
test_html(void **state)
{
	static const struct sample cases[] = {
		{ "", NULL },
		{ "<ul>\n<li><b>a</b></li>\n</ul><hr><br/><br>\n", NULL },
		{ "<p><a href=\"{help_url}\">x {help_url}</a></p>\n", NULL },
		{ "<p style=\"color: red; margin: 1em\" lang='de'>x</p>\n",
		    NULL },
		{ "<p>a &amp; b &lt; c &#228; &#xE4; &nbsp;&quot;&gt;</p>\n",
		    NULL },
		{ "\t<p>a > b</p>\n", NULL },
		/* ER-18: nothing from elsewhere, nothing that runs */
		{ "<img>\n", "f:3: <img> is not allowed; there are html" },
		{ "<img src=\"x\">\n", "f:3: <img> is not allowed" },
		{ "<IMG>\n", "f:3: <IMG> is not allowed" },
		{ "<script>x</script>\n", "f:3: <script> is not allowed" },
		{ "<style>p {{mailbox}}</style>\n", "f:3: {{mailbox} is no" },
		{ "<style></style>\n", "f:3: <style> is not allowed" },
		{ "<link>\n", "f:3: <link> is not allowed" },
		{ "<iframe>\n", "f:3: <iframe> is not allowed" },
		{ "<form>\n", "f:3: <form> is not allowed" },
		{ "<p>\n<svg></p>\n", "f:4: <svg> is not allowed" },
		{ "<p onload=\"x\">x</p>\n",
		    "f:3: the attribute onload is not allowed; there are" },
		{ "<p src=\"x\">x</p>\n", "f:3: the attribute src" },
		{ "<meta http-equiv=\"refresh\">\n",
		    "f:3: the attribute http-equiv" },
		{ "<p background=\"x\">x</p>\n", "f:3: the attribute backgro" },
		{ "<p class=x>x</p>\n", "f:3: <p>: attributes are written" },
		{ "<p lang>x</p>\n", "f:3: <p>: attributes are written" },
		{ "<p lang=\"<!-x\">x</p>\n",
		    "f:3: lang: < and > are not allowed in the value" },
		{ "<p lang=\"x>y\">x</p>\n",
		    "f:3: lang: < and > are not allowed in the value" },
		{ "<p lang=\"x>y\n", "f:3: <p>: attributes are written" },
		{ "<a href=\"https:x\">x</a>\n", "f:3: a challenge mail has no "
						 "link but that to the help" },
		{ "<a href=\"mailto:x\">x</a>\n", "f:3: a challenge mail has" },
		{ "<a href=\"{help_url}x\">x</a>\n", "f:3: a challenge mail" },
		{ "<a href=\"\">x</a>\n", "f:3: a challenge mail has no link" },
		{ "<p href=\"{help_url}\">x</p>\n", "f:3: a challenge mail" },
		{ "<p style=\"background: URL(x)\">x</p>\n",
		    "f:3: style: \"url\" is not allowed" },
		{ "<p style=\"background: u\\72l(x)\">x</p>\n",
		    "f:3: style: \"\\\" is not allowed" },
		{ "<p style=\"a: &#117;rl(x)\">x</p>\n",
		    "f:3: style: \"&\" is not allowed" },
		{ "<p style=\"{mailbox}\">x</p>\n",
		    "f:3: style: a placeholder is allowed in href and in" },
		{ "<!-- x -->\n", "f:3: <! is for <!DOCTYPE html> at the very "
				  "beginning" },
		{ "<!DOCTYPE html>\n", "f:3: <! is for" },
		{ "<?x?>\n", "f:3: a < that begins no element; write &lt;" },
		{ "<p>a < b</p>\n", "f:3: a < that begins no element" },
		{ "<p>AT&T</p>\n", "f:3: an & that is none of &amp;" },
		{ "<p>&auml;</p>\n", "f:3: an & that is none of" },
		{ "<p>&#8203;</p>\n", "f:3: an & that is none of" },
		{ "<p>&#0;&#xd800;</p>\n", "f:3: an & that is none of" },
		{ "<p>&#x110000;</p>\n", "f:3: an & that is none of" },
		{ "<p>x\n", "f:3: <p> has no </p>" },
		{ "x</p>\n", "f:3: </p> has no <p> before it" },
		{ "<b>x\n<i>y</b></i>\n", "f:4: <i> has no </i>" },
		{ "</br>\n", "f:3: </br> is no end of an element" },
		{ "http://x.test\n", "f:3: a challenge mail names no page" },
		/* MA-63: also as the text that is made of it */
		{ "<p>-----BEGIN ACME RESPONSE-----</p>\n",
		    "f:3: \"BEGIN ACME\" begins or ends an answer" },
		{ "<p>--&#45;BEGIN<b> </b><i>AC</i>ME x</p>\n",
		    "f:3: \"BEGIN ACME\"" },
		{ "<p>x</p>\n<p>-----END&nbsp;ACME x</p>\n",
		    "f:4: \"END ACME\"" },
		{ "<p>----Original Message----</p>\n", "f:3: looks like the" },
		{ "<p>Reply: <b>STOP</b></p>\n", "f:3: STOP ends a paragraph" },
		{ "<p>Reply: <b>STOP</b>.</p>\n",
		    "f:3: STOP ends a paragraph and could stand alone in a "
		    "line "
		    "of a quotation, which would be read as an answer; let the "
		    "sentence go on behind it, as in \"STOP, and leave the "
		    "subject as it is\"\n" },
		{ "<p>Reply: <b>STOP</b>, please.</p>\n", NULL },
		{ "<p>STOP<br>is what to say</p>\n", "f:3: STOP ends a" },
		{ "<p>{mail}</p>\n", "f:3: {mail} is no placeholder" },
		/* Without a help page the line is left out. */
		{ "<p>Help:\n{help_url}</p>\n", "f:3: <p> has no </p>" },
	};

	(void)state;
	check_samples(HTML, true, cases, COUNT(cases));
	assert_string_equal(
	    check(SPAN("<!doctype HTML>\n<html><body>" HTML "</body></html>"),
		true),
	    "");
	/* The title is not in the mail. */
	assert_non_null(strstr(
	    check(
		SPAN("<title>{mailbox}</title>{ca_name}{expires}STOP, please."),
		true),
	    "does not say which mailbox"));
	/* As deep as it may be, and deeper. */
	for (int depth = 31; depth < 40; depth += 8) {
		struct buf b;

		buf_init(&b, unit_job()->arena, 4096);
		buf_add_str(&b, HTML);
		for (int i = 0; i < depth; i++)
			buf_add_str(&b, "<b>");
		for (int i = 0; i < depth; i++)
			buf_add_str(&b, "</b>");
		assert_int_equal(
		    check(buf_span(&b), true)[0] == '\0', depth == 31);
	}
}

/* Every template, cut at every octet: no crash, and never silence about what
 * is missing. */
static void
test_cut(void **state)
{
	static const char whole[] =
	    "<!DOCTYPE html>\n<html lang=\"en\"><p style='a: b'>{ca_name} "
	    "&amp;&#228; {mailbox}<br/>{expires}</p>\n<ol><li>STOP, "
	    "please.</li></ol>\n"
	    "</html>";

	(void)state;
	assert_string_equal(check(span_str(whole), true), "");
	for (size_t n = 0; n + 1 < sizeof(whole); n++) {
		unit_case("%zu", n);
		assert_string_not_equal(check(span_mem(whole, n), true), "");
	}
}

static void
test_visible(void **state)
{
	static const struct {
		const char *html, *text;
	} cases[] = {
		{ "", "" },
		{ "a  b\n\tc", "a b c" },
		{ "<p>a</p><p>b</p>", "a\nb\n" },
		{ "<p> a <b> b</b> c </p>", "a b c\n" },
		{ "a<b>b</b>c", "abc" },
		{ "a&amp;&nbsp;&#xE4;&lt;", "a& \xc3\xa4<" },
		{ "<table><tr><td>a</td><td>b</td></tr></table>", "a\nb\n" },
		{ "a<br>b<hr/>c", "a\nb\nc" },
		{ "<title>x</title><p>y</p>", "y\n" },
		{ "<script>x</script>y", "xy" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct visible v;

		unit_case("%s", cases[i].html);
		template_html_read(
		    unit_job(), span_str(cases[i].html), NULL, NULL, &v);
		assert_span_equal(v.text, cases[i].text);
	}
}

/* With values: what the configuration puts in may spoil it too. */
static void
test_values(void **state)
{
	static const struct {
		const char *text, *ca_name, *help_url, *said;
		bool is_html;
	} cases[] = {
		{ TEXT, "CA", NULL, NULL, false },
		{ HTML, "CA", "https://ca.test/", NULL, true },
		{ TEXT, "-----BEGIN ACME RESPONSE-----", NULL,
		    "f: with this ca_name, a quotation could be read", false },
		{ HTML, "-----END ACME RESPONSE-----", NULL,
		    "f: with this ca_name, a quotation could be read", true },
		{ "---BEGIN {ca_name}. {mailbox}\n", "ACME", NULL,
		    "f: with this ca_name, a quotation could be read", false },
		{ "{ca_name}\n\nx\n", "STOP", NULL,
		    "f: with this ca_name, a quotation could be read", false },
		{ "<p>{ca_name}</p>\n", "stop", NULL,
		    "f: with this ca_name, a quotation could be read", true },
		{ "{ca_name}\n", "---- Original ----", NULL,
		    "f: with this ca_name, a quotation could be read", false },
		{ TEXT, "M\xfcller", NULL,
		    "f: is not UTF-8 with ca_name and sender.help_url", false },
	};
	struct template_values values = { .v = { NULL } };
	struct buf b;

	(void)state;
	values.v[TEMPLATE_EXPIRES] = "3 March";
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct template_file file = { "f", span_str(cases[i].text),
			cases[i].is_html, false };
		unsigned count;

		unit_case("%zu", i);
		buf_init(&said, unit_job()->arena, 65536);
		values.v[TEMPLATE_CA_NAME] = cases[i].ca_name;
		values.v[TEMPLATE_HELP_URL] = cases[i].help_url;
		count = template_check_values(
		    unit_job(), &file, &values, report, NULL);
		assert_int_equal(count, cases[i].said != NULL);
		if (cases[i].said != NULL)
			assert_int_equal(strncmp(said.p, cases[i].said,
					     strlen(cases[i].said)),
			    0);
	}
	/* MA-104: a long address in many places. */
	buf_init(&b, unit_job()->arena, 4096);
	for (size_t i = 0; i < 140; i++)
		buf_add_str(&b, "{mailbox}\n");
	buf_clear(&said);
	values.v[TEMPLATE_CA_NAME] = "CA";
	assert_int_equal(
	    template_check_values(unit_job(),
		&(struct template_file){ "f", buf_span(&b), false, false },
		&values, report, NULL),
	    1);
	assert_non_null(strstr(said.p, "f: gets longer than 32768 octets"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_text),
	cmocka_unit_test(test_html),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_visible),
	cmocka_unit_test(test_values),
};
UNIT_MAIN(tests)
