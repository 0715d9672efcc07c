/* ER-23, ER-27, MA-55 to MA-58: parts, encodings, charsets.  Their types:
 * test_mime_type.c. */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/b64.h"
#include "lib/count.h"
#include "mail/finding.h"
#include "mail/mime.h"
#include "mail/mime_part.h"

#define S(literal)                                                             \
	{                                                                      \
		"" literal, sizeof(literal) - 1                                \
	}

#define TOP "From: a@b.test\r\nTo: c@d.test\r\nSubject: x\r\n"
#define MIME TOP "MIME-Version: 1.0\r\n"

static const struct message_limits limits = { 1 << 20 };

/* The code, or "" and the text. */
static const char *
read_text(struct span raw, struct mime_text *out)
{
	struct message m;
	struct finding f;

	if (message_parse(unit_job(), raw, &limits, &m, &f) < 0)
		return f.code;
	return mime_find_text(unit_job(), &m, out, &f) < 0 ? f.code : "";
}

/* --- the structure -------------------------------------------------------- */

#define PART(type, text) "--b\r\nContent-Type: " type "\r\n\r\n" text "\r\n"
#define MULTI(kind) MIME "Content-Type: multipart/" kind "; boundary=b\r\n\r\n"
#define NEST(n)                                                                \
	"Content-Type: multipart/alternative; boundary=" n "\r\n\r\n--" n "\r" \
	"\n"

/* MA-55, MA-56, MA-57: what is read, or the code. */
static void
test_structure(void **state)
{
	static const struct {
		struct span raw;
		const char *code, *text;
		bool wrapped;
	} cases[] = {
		{ S(TOP "\r\nhello\r\n"), "", "hello\n", false },
		{ S(TOP "\r\n"), "", "", false },
		{ S(MIME "\r\nhello"), "", "hello", false },
		{ S(TOP "Mime-Version: 1.0 (Mac OS X Mail 16.0 \\(1\\))\r\n"
			"Content-Type: text/plain\r\n\r\nx\r\n"),
		    "", "x\n", false },
		{ S(TOP "MIME-Version: 1.1\r\n\r\nx\r\n"), "mime.type", NULL,
		    false },
		{ S(TOP "MIME-Version:\r\n\r\nx\r\n"), "mime.type", NULL,
		    false },
		/* Only text/plain may do without MIME-Version. */
		{ S(TOP "Content-Type: text/plain\r\n\r\nx\r\n"), "", "x\n",
		    false },
		{ S(TOP "Content-Type: multipart/alternative; boundary=b\r\n"
			"\r\n" PART("text/plain", "x") "--b--\r\n"),
		    "mime.type", NULL, false },
		{ S(MIME "Content-Type: text/html\r\n\r\nx\r\n"), "mime.type",
		    NULL, false },
		{ S(MIME "Content-Type:\r\n\r\nx\r\n"), "mime.parameter", NULL,
		    false },
		{ S(MIME "Content-Disposition: attachment\r\n\r\nx\r\n"),
		    "mime.type", NULL, false },
		{ S(MIME "Content-Disposition: INLINE; x=y\r\n\r\nx\r\n"), "",
		    "x\n", false },
		/* multipart/alternative */
		{ S(MULTI("alternative") PART("text/plain", "x")
			  PART("text/html", "<x>") "--b--\r\n"),
		    "", "x", false },
		{ S(MULTI("alternative") PART("text/html", "<x>")
			  PART("text/plain", "x") "--b--"),
		    "", "x", false },
		{ S(MULTI("alternative") "preamble\r\n" PART(
		      "text/plain", "x") "--b--\r\nepilogue\r\n"),
		    "", "x", false },
		{ S(MULTI("alternative") "--b \t\r\n\r\nx\r\n--b-- \r\n"), "",
		    "x", false },
		{ S(MULTI("alternative") "--b\r\n\r\n--b--\r\n"), "", "",
		    false },
		{ S(MULTI("alternative") "--b\r\n--b--\r\n"), "", "", false },
		{ S(MULTI("alternative") "--b\r\nContent-Type: text/plain\r\n"
					 "\r\n--b--\r\n"),
		    "", "", false },
		{ S(MULTI("alternative") "--b\r\nContent-Type: text/plain\r\n"
					 "--b--\r\n"),
		    "mime.boundary", NULL, false },
		{ S(MULTI("alternative") "--b\r\nno field\r\n--b--\r\n"),
		    "mime.boundary", NULL, false },
		{ S(MULTI("alternative") PART("text/html", "x") "--b--\r\n"),
		    "mime.type", NULL, false },
		/* MA-57: two, equal or not */
		{ S(MULTI("alternative") PART("text/plain", "x")
			  PART("text/plain", "x") "--b--\r\n"),
		    "mime.two-texts", NULL, false },
		{ S(MULTI("alternative") PART("text/plain", "x")
			  PART("text/plain", "y") "--b--\r\n"),
		    "mime.two-texts", NULL, false },
		{ S(MULTI("alternative") PART("text/plain", "x")
			  PART("text/plain\r\nContent-Disposition: attachment",
			      "y") "--b--\r\n"),
		    "", "x", false },
		{ S(MULTI("alternative") PART("text/plain", "x")
			  PART("multipart/related; boundary=c",
			      "--c\r\n\r\ny\r\n--c--") "--b--\r\n"),
		    "mime.two-texts", NULL, false },
		{ S(MULTI("alternative") PART("text/plain", "x")
			  PART("multipart/related; boundary=c",
			      "--c\r\nContent-Type: text/html\r\n\r\ny\r\n"
			      "--c--") "--b--\r\n"),
		    "", "x", false },
		/* ER-27: one layer around it */
		{ S(MULTI("mixed") PART("text/plain", "x")
			  PART("text/plain", "footer") "--b--\r\n"),
		    "", "x", true },
		{ S(MULTI("mixed") PART("multipart/alternative; boundary=c",
		      "--c\r\n\r\nx\r\n--c--")
			  PART("text/plain", "footer") "--b--\r\n"),
		    "", "x", true },
		{ S(MULTI("signed") PART("text/plain", "x")
			  PART("application/pkcs7-signature", "s") "--b--\r\n"),
		    "", "x", true },
		{ S(MULTI("signed") PART("multipart/mixed; boundary=c",
		      "--c\r\n\r\nx\r\n--c\r\nContent-Type: text/vcard\r\n"
		      "Content-Disposition: attachment\r\n\r\ny\r\n--c--")
			  PART("application/pkcs7-signature", "s") "--b--\r\n"),
		    "", "x", true },
		/* Thunderbird with OpenPGP, which attaches its key */
		{ S(MULTI("signed") PART(
		      "multipart/mixed; boundary=c; protected-headers=v1",
		      "--c\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n"
		      "--d\r\n\r\nx\r\n--d\r\n"
		      "Content-Type: application/pgp-keys\r\n\r\nk\r\n--d--\r\n"
		      "--c--")
			  PART("application/pgp-signature", "s") "--b--\r\n"),
		    "", "x", true },
		{ S(MULTI("signed") PART("multipart/mixed; boundary=c",
		      "--c\r\nContent-Type: text/html\r\n\r\n<x>\r\n--c\r\n\r\n"
		      "x\r\n--c--")
			  PART("application/pkcs7-signature", "s") "--b--\r\n"),
		    "mime.type", NULL, false },
		{ S(MULTI("mixed") PART("multipart/signed; boundary=c",
		      "--c\r\n\r\nx\r\n--c\r\n"
		      "Content-Type: application/pkcs7-signature\r\n\r\ns\r\n"
		      "--c--") "--b--\r\n"),
		    "mime.type", NULL, false },
		{ S(MULTI("signed") PART("text/plain", "x") "--b--\r\n"),
		    "mime.type", NULL, false },
		{ S(MULTI("signed") PART("text/plain", "x") PART("a/b", "s")
			  PART("a/b", "s") "--b--\r\n"),
		    "mime.type", NULL, false },
		{ S(MULTI("mixed") PART("text/html", "<x>")
			  PART("text/plain", "x") "--b--\r\n"),
		    "mime.type", NULL, false },
		{ S(MULTI("mixed") PART("multipart/mixed; boundary=c",
		      "--c\r\n\r\nx\r\n--c--") "--b--\r\n"),
		    "mime.type", NULL, false },
		{ S(MULTI("related") PART("text/plain", "x") "--b--\r\n"),
		    "mime.type", NULL, false },
	/* around the alternative, for the pictures in its HTML */
#define WITHIN(multi)                                                          \
	S(multi PART("multipart/alternative; boundary=c",                      \
	    "--c\r\n\r\nx\r\n--c--") PART("image/png", "y") "--b--\r\n")
		{ WITHIN(MULTI("related")), "", "x", false },
		{ S(MULTI("mixed") PART("multipart/related; boundary=c",
		      "--c\r\nContent-Type: multipart/alternative; "
		      "boundary=d\r\n\r\n--d\r\n\r\nx\r\n--d--\r\n--c--")
			  PART("text/plain", "footer") "--b--\r\n"),
		    "", "x", true },
		{ WITHIN(MIME "Content-Type: multipart/related; boundary=b; "
			      "start=\"<y@x>\"\r\n\r\n"),
		    "mime.type", NULL, false },
		{ S(MULTI("related") PART("image/png", "y")
			  PART("multipart/alternative; boundary=c",
			      "--c\r\n\r\nx\r\n--c--") "--b--\r\n"),
		    "mime.type", NULL, false },
		{ S(MULTI("related") PART("multipart/related; boundary=c",
		      "--c\r\nContent-Type: multipart/alternative; "
		      "boundary=d\r\n\r\n--d\r\n\r\nx\r\n--d--\r\n--c-"
		      "-") "--b--\r\n"),
		    "mime.type", NULL, false },
		{ S(MULTI("related") PART("multipart/mixed; boundary=c",
		      "--c\r\n\r\nx\r\n--c--") "--b--\r\n"),
		    "mime.type", NULL, false },
		{ S(MULTI("digest") PART("text/plain", "x") "--b--\r\n"),
		    "mime.type", NULL, false },
		/* what may be nowhere */
		{ S(MULTI("mixed") PART("text/plain", "x") PART(
		      "message/rfc822", "From: x\r\n\r\n") "--b--\r\n"),
		    "mime.type", NULL, false },
		{ S(MIME "Content-Type: message/partial; id=x\r\n\r\nx\r\n"),
		    "mime.type", NULL, false },
		{ S(MIME "Content-Type: message/external-body\r\n\r\nx\r\n"),
		    "mime.type", NULL, false },
		{ S(MULTI("encrypted")
			  PART("application/pgp-encrypted", "x") "--b--\r\n"),
		    "mime.encrypted", NULL, false },
		{ S(MIME "Content-Type: application/pkcs7-mime; "
			 "smime-type=enveloped-data\r\n\r\nx\r\n"),
		    "mime.encrypted", NULL, false },
		{ S(MULTI("mixed") PART("text/plain", "x")
			  PART("application/x-pkcs7-mime", "x") "--b--\r\n"),
		    "mime.encrypted", NULL, false },
		/* MA-56: boundaries */
		{ S(MIME "Content-Type: multipart/alternative\r\n\r\nx\r\n"),
		    "mime.boundary", NULL, false },
		{ S(MIME "Content-Type: multipart/alternative; boundary=\"\"\r"
			 "\n\r\n--\r\n\r\nx\r\n----\r\n"),
		    "mime.boundary", NULL, false },
		{ S(MIME "Content-Type: multipart/alternative; "
			 "boundary=\"b \"\r\n\r\n--b \r\n\r\nx\r\n--b --\r\n"),
		    "mime.boundary", NULL, false },
		{ S(MIME "Content-Type: multipart/alternative; "
			 "boundary=\"b\xc3\xa4\"\r\n\r\nx\r\n"),
		    "mime.boundary", NULL, false },
		{ S(MIME "Content-Type: multipart/alternative; "
			 "boundary=\"a b\"\r\n\r\n--a b\r\n\r\nx\r\n"
			 "--a b--\r\n"),
		    "", "x", false },
		{ S(MULTI("alternative") "no part\r\n"), "mime.boundary", NULL,
		    false },
		{ S(MULTI("alternative") "--b--\r\n"), "mime.boundary", NULL,
		    false },
		{ S(MULTI("alternative") PART("text/plain", "x")),
		    "mime.boundary", NULL, false },
		{ S(MULTI("alternative") PART("text/plain",
		      "x") "--b--\r\n" PART("text/plain", "y") "--b--\r\n"),
		    "mime.boundary", NULL, false },
		{ S(MULTI("alternative")
			  PART("text/plain", "--bb\r\nx") "--b--\r\n"),
		    "mime.boundary", NULL, false },
		{ S(MULTI("alternative")
			  PART("text/plain", " --b\r\nx") "--b--\r\n"),
		    "", " --b\nx", false },
		{ S(MULTI("alternative") PART("text/plain", "x")
			  PART("multipart/related; boundary=bb",
			      "--bb\r\n\r\ny\r\n--bb--") "--b--\r\n"),
		    "mime.boundary", NULL, false },
		{ S(MULTI("alternative") PART("text/plain", "x") PART(
		      "multipart/related; boundary=b", "y") "--b--\r\n"),
		    "mime.boundary", NULL, false },
		/* the armour line as boundary: it delimits, and is no text */
		{ S(MIME "Content-Type: multipart/alternative; "
			 "boundary=\"---BEGIN ACME RESPONSE-----\"\r\n\r\n"
			 "-----BEGIN ACME RESPONSE-----\r\n\r\nx\r\n"
			 "-----BEGIN ACME RESPONSE-------\r\n"),
		    "", "x", false },
		/* parts that say something twice */
		{ S(MULTI("alternative")
			  PART("text/plain\r\nContent-Type: text/html",
			      "x") "--b--\r\n"),
		    "mime.parameter", NULL, false },
		{ S(MULTI("alternative")
			  PART("text/plain\r\nContent-Disposition: inline\r\n"
			       "Content-Disposition: attachment",
			      "x") "--b--\r\n"),
		    "mime.parameter", NULL, false },
		/* an encoded multipart */
		{ S(MIME
		      "Content-Transfer-Encoding: base64\r\n"
		      "Content-Type: multipart/mixed; boundary=b\r\n\r\n" PART(
			  "text/plain", "x") "--b--\r\n"),
		    "mime.encoding", NULL, false },
		/* four multiparts inside one another, and five */
		{ S(MULTI("alternative") PART("text/plain", "x") "--b\r\n" NEST(
		      "c") NEST("d") "Content-Type: multipart/mixed; "
				     "boundary=e\r\n\r\n"
				     "--e\r\nContent-Type: "
				     "text/html\r\n\r\ny\r\n--e--\r\n"
				     "--d--\r\n--c--\r\n--b--\r\n"),
		    "", "x", false },
		{ S(MULTI("alternative")
			  PART("text/plain", "x") "--b\r\n" NEST("c") NEST("d")
			      NEST("e") "Content-Type: multipart/mixed; "
					"boundary=f\r\n\r\n"
					"--f\r\nContent-Type: "
					"text/html\r\n\r\ny\r\n--f--\r\n"
					"--e--\r\n--d--\r\n--c--\r\n--b--\r\n"),
		    "mime.too-deep", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mime_text t;

		unit_case("%zu", i);
		assert_string_equal(read_text(cases[i].raw, &t), cases[i].code);
		if (cases[i].text == NULL)
			continue;
		assert_span_equal(t.text, cases[i].text);
		assert_int_equal(t.wrapped, cases[i].wrapped);
	}
}

/* MA-55, MA-56: 32 parts and 33; a boundary of 70 and 71. */
static void
test_limits(void **state)
{
	struct mime_text t;
	struct buf b;

	(void)state;
	for (size_t parts = 31; parts <= 33; parts++) {
		buf_init(&b, unit_job()->arena, 1 << 20);
		buf_add(&b, SPAN(MULTI("mixed") PART("text/plain", "x")));
		for (size_t i = 1; i < parts; i++)
			buf_add(&b, SPAN(PART("a/b", "y")));
		buf_add(&b, SPAN("--b--\r\n"));
		assert_string_equal(read_text(buf_span(&b), &t),
		    parts <= 32 ? "" : "mime.too-deep");
	}
	for (size_t n = 69; n <= 71; n++) {
		char boundary[80] = "";

		memset(boundary, 'x', n);
		buf_init(&b, unit_job()->arena, 1000);
		buf_addf(&b,
		    MIME "Content-Type: multipart/mixed; boundary=%s\r\n\r\n"
			 "--%s\r\n\r\nt\r\n--%s--\r\n",
		    boundary, boundary, boundary);
		assert_string_equal(read_text(buf_span(&b), &t),
		    n <= 70 ? "" : "mime.boundary");
	}
}

/* --- encodings and charsets ----------------------------------------------- */

#define TEXT(type, encoding, body)                                             \
	MIME "Content-Type: text/plain" type                                   \
	     "\r\nContent-Transfer-Encoding: " encoding "\r\n\r\n" body

/* MA-58 */
static void
test_decoding(void **state)
{
	static const struct {
		struct span raw;
		const char *code, *text;
	} cases[] = {
		{ S(TEXT("", "7bit", "a\r\nb\r\n")), "", "a\nb\n" },
		{ S(TEXT("", " 7BIT ", "a")), "", "a" },
		{ S(TEXT("; charset=utf-8", "7bit", "\xc3\xa4")),
		    "mime.encoding", NULL },
		{ S(TEXT("; charset=utf-8", "8bit", "\xc3\xa4")), "",
		    "\xc3\xa4" },
		{ S(TEXT("; charset=utf-8", "binary", "\xc3\xa4")), "",
		    "\xc3\xa4" },
		{ S(TEXT("", "x-uuencode", "a")), "mime.encoding", NULL },
		{ S(TEXT("", "", "a")), "mime.encoding", NULL },
		{ S(TEXT("", "7bit, 8bit", "a")), "mime.encoding", NULL },
		{ S(TEXT("", "quoted-printable", "a=3D=\r\nb=C3=A4 \r\nc")), "",
		    "a=b\xc3\xa4\nc" },
		{ S(TEXT("", "quoted-printable", "a= \t\r\nb")), "", "ab" },
		{ S(TEXT("", "quoted-printable", "a=")), "mime.encoding",
		    NULL },
		{ S(TEXT("", "quoted-printable", "a=4")), "mime.encoding",
		    NULL },
		{ S(TEXT("", "quoted-printable", "a=4g")), "mime.encoding",
		    NULL },
		{ S(TEXT("", "quoted-printable", "a=\r\n")), "", "a" },
		{ S(TEXT("", "quoted-printable", "\xc3\xa4")), "mime.encoding",
		    NULL },
		{ S(TEXT("", "quoted-printable", "a=00b")), "mime.encoding",
		    NULL },
		{ S(TEXT("", "quoted-printable", "a=0Db")), "mime.encoding",
		    NULL },
		{ S(TEXT("", "quoted-printable", "a=0D=0Ab=0Ac")), "",
		    "a\nb\nc" },
		{ S(TEXT("", "base64", "aGVs\r\nbG8K\r\n")), "", "hello\n" },
		{ S(TEXT("", "base64", "aGVsbG8=\r\n")), "", "hello" },
		{ S(TEXT("", "base64", "aGVsbG8\r\n")), "mime.encoding", NULL },
		{ S(TEXT("", "base64", "aGVsbG9=\r\n")), "mime.encoding",
		    NULL },
		{ S(TEXT("", "base64", "aGVs!bG8=\r\n")), "mime.encoding",
		    NULL },
		{ S(TEXT("", "base64", "aGVsbG8=aGVsbG8=\r\n")),
		    "mime.encoding", NULL },
		{ S(TEXT("", "base64", "")), "", "" },
		{ S(TEXT("; charset=us-ascii", "8bit", "\xc3\xa4")),
		    "mime.charset", NULL },
		{ S(TEXT("; charset=UTF-8", "8bit", "\xe4")), "mime.charset",
		    NULL },
		{ S(TEXT("", "8bit", "\xe4")), "mime.charset", NULL },
		{ S(TEXT("; charset=ISO-8859-1", "8bit", "\xe4\xa4\x85")), "",
		    "\xc3\xa4\xc2\xa4\xc2\x85" },
		{ S(TEXT("; charset=iso-8859-15", "8bit", "\xe4\xa4")), "",
		    "\xc3\xa4\xe2\x82\xac" },
		{ S(TEXT("; charset=windows-1252", "8bit", "\x80\xe4")), "",
		    "\xe2\x82\xac\xc3\xa4" },
		{ S(TEXT("; charset=windows-1252", "8bit", "\x81")),
		    "mime.charset", NULL },
		{ S(TEXT("; charset=ANSI_X3.4-1968", "7bit", "a")), "", "a" },
		{ S(TEXT("; charset=utf8", "8bit", "\xc3\xa4")), "",
		    "\xc3\xa4" },
		{ S(TEXT("; charset=latin1", "8bit", "\xe4")), "", "\xc3\xa4" },
		{ S(TEXT("; charset=utf-7", "7bit", "+AC0ALQAtAC0ALQ-BEGIN")),
		    "mime.charset", NULL },
		{ S(TEXT("; charset=utf-16", "8bit", "a")), "mime.charset",
		    NULL },
		{ S(TEXT("; charset=iso-2022-jp", "7bit", "a")), "mime.charset",
		    NULL },
		{ S(TEXT("; charset=\"\"", "7bit", "a")), "mime.charset",
		    NULL },
		/* RFC 3676 */
		{ S(TEXT("; format=flowed", "7bit",
		      "one \r\ntwo\r\n> q \r\n> r\r\n  in\r\n-- \r\nsig\r\n")),
		    "", "one two\n>q r\n in\n-- \nsig\n" },
		{ S(TEXT("; format=Flowed; delsp=yes", "7bit",
		      "X8e3 \r\ndMZU\r\n")),
		    "", "X8e3dMZU\n" },
		{ S(TEXT("; format=flowed", "7bit", "a \r\n> b\r\n")), "",
		    "a \n>b\n" },
		{ S(TEXT("; format=flowed", "7bit",
		      "-----BEGIN ACME RESPONSE----- \r\nx\r\n"
		      " -----END ACME RESPONSE-----\r\n")),
		    "",
		    "-----BEGIN ACME RESPONSE----- \nx\n"
		    " -----END ACME RESPONSE-----\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mime_text t;

		unit_case("%zu", i);
		assert_string_equal(read_text(cases[i].raw, &t), cases[i].code);
		if (cases[i].text != NULL)
			assert_span_equal(t.text, cases[i].text);
	}
}

/* ER-23 */
static void
test_words(void **state)
{
	static const struct {
		const char *body;
		const char *text; /* NULL: not decodable */
	} cases[] = {
		{ " Re: ACME: abc", "Re: ACME: abc" },
		{ "a\r\n b\r\n\tc", "a b\tc" },
		{ "=?UTF-8?Q?ACME=3A_a=5Fb?=", "ACME: a_b" },
		{ "=?utf-8?b?QUNNRTogYQ==?=", "ACME: a" },
		{ "=?US-ASCII?q?a?= =?utf-8*en?Q?=C3=A4?=", "a\xc3\xa4" },
		{ "=?utf-8?q?a?=\r\n =?utf-8?q?b?= c", "ab c" },
		{ "x =?utf-8?q?a?= y", "x a y" },
		{ "=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "\xc3\xa4" },
		{ "x=?utf-8?q?a?=", "x=?utf-8?q?a?=" }, /* no word */
		{ "=?utf-8?q?a b?=", "=?utf-8?q?a b?=" },
		{ "=?utf-8?x?a?=", "=?utf-8?x?a?=" },
		{ "=?utf-8?q?a?b?=", "=?utf-8?q?a?b?=" },
		{ "=?iso-8859-1?q?R=E9p=3A?= ACME: x",
		    "=?iso-8859-1?q?R=E9p=3A?= ACME: x" },
		{ "=?utf-7?q?a?=", "=?utf-7?q?a?=" },
		{ "=?=", "=?=" },
		{ "", "" },
		{ "=?utf-8?q?=E4?=", NULL },
		{ "=?us-ascii?q?=C3=A4?=", NULL },
		{ "=?utf-8?q?=4?=", NULL },
		{ "=?utf-8?q?a=00b?=", NULL },
		{ "=?utf-8?q?a=0Ab?=", NULL },
		{ "=?utf-8?b?QUNN?= =?utf-8?b?*?=", NULL },
		{ "=?utf-8?b?QUN?=", NULL },
		{ "\xe4", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span got;
		int result = mime_decode_words(
		    unit_job(), span_str(cases[i].body), &got);

		unit_case("%zu: %s", i, cases[i].body);
		assert_int_equal(result, cases[i].text == NULL ? -1 : 0);
		if (cases[i].text != NULL)
			assert_span_equal(got, cases[i].text);
	}
}

/* MA-47: wherever they stand, whatever their charset. */
static void
test_undone_words(void **state)
{
	static const struct {
		const char *body, *octets;
	} cases[] = {
		{ "a\r\n b", "a b" },
		{ "=?koi8-r?b?dmlh?=", "via" },
		{ "=?iso-8859-1*de?Q?=FCber_x?=", "\374ber x" },
		{ "(=?x?q?a?=)\"=?x?q?b?=\"", "(a)\"b\"" },
		{ "=?x?q?a?=\r\n =?y?b?Yg==?= c", "ab c" },
		{ "=?x?q?a?= =?y?b?Yg==?==?x?q?c?=", "abc" },
		{ "=?utf-8?q?a b?=", "a b" },
		{ "=?x?q?a?= =?x?q?=4=ZZ=41?= b", "a=4=ZZA b" },
		{ "=?x?q?a?b?= =?x?q?\?= c", "a?b c" },
		{ "=?x?b?YQ?= =?x?b?YQ==", "=?x?b?YQ?= =?x?b?YQ==" },
		{ "=?x?b?*?= =?x?z?a?=", "=?x?b?*?= =?x?z?a?=" },
		{ "=?x?q?a?", "=?x?q?a?" },
		{ "=?=?x?q?abc?=", "=?abc" },
		{ "=?", "=?" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu: %s", i, cases[i].body);
		assert_span_equal(
		    mime_undo_words(unit_job(), span_str(cases[i].body)),
		    cases[i].octets);
	}
}

/* --- each length
 * -------------------------------------------------------------- */

static void
test_cut(void **state)
{
	static const char raw[] = MULTI("mixed") PART(
	    "multipart/alternative; boundary=\"c d\"",
	    "--c d\r\nContent-Transfer-Encoding: quoted-printable\r\n"
	    "Content-Type: text/plain; charset=windows-1252; "
	    "format=flowed\r\n\r\n=80 =\r\nx \r\n> y\r\n--c d--") "--b--"
								  "\r\nepilogue"
								  "\r\n";
	size_t closed = sizeof(raw) - 1 - strlen("\r\nepilogue\r\n");

	(void)state;
	for (size_t n = 0; n < sizeof(raw) - 1; n++) {
		char *copy = xmalloc(n + 1);
		struct mime_text t;
		const char *code;

		memcpy(copy, raw, n);
		unit_case("%zu octets", n);
		code = read_text(span_mem(copy, n), &t);
		if (n < closed)
			assert_string_not_equal(code, "");
		else if (copy[n - 1] != '\r')
			assert_string_equal(code, "");
		free(copy);
	}
}

static void
test_cut_words(void **state)
{
	static const char body[] =
	    "a =?utf-8*de?Q?=C3=A4?= =?us-ascii?b?QUJD?=";

	(void)state;
	for (size_t n = 0; n < sizeof(body) - 1; n++) {
		char *copy = xmalloc(n + 1);
		struct span got;

		memcpy(copy, body, n);
		if (mime_decode_words(unit_job(), span_mem(copy, n), &got) == 0)
			assert_true(got.n <= n);
		got = mime_undo_words(unit_job(), span_mem(copy, n));
		assert_true(got.n <= n);
		free(copy);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_structure),
	cmocka_unit_test(test_limits),
	cmocka_unit_test(test_decoding),
	cmocka_unit_test(test_words),
	cmocka_unit_test(test_undone_words),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_cut_words),
};

UNIT_MAIN(tests)
