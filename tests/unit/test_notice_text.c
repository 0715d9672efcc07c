/*
 * The texts of notices: of incidents (PK-185) and of certificates that can be
 * renewed (PK-191), in the reader's language, and their templates.
 */
#include "config.h"

#include "mail/notice.h"

#include <string.h>

#include "lib/count.h"
#include "lib/embed.h"
#include "mail/compose.h"
#include "mail/template_check.h"
#include "mail/texts.h"
#include "tests/unit/unit.h"

#define NOW 1800000000
#define HOUR INT64_C(3600)

static const struct notice_input basic = {
	.ca_name = "Example <Mail> CA",
	.mailbox = "alice@user.test",
	.from = "acme@ca.test",
	.message_id = "<0123456789abcdef@ca.test>",
	.default_language = "en",
	.date = NOW,
	.deadline = NOW + 24 * HOUR,
};

static struct span
compose(int how(struct job *, const struct notice_input *, struct span *),
    const struct notice_input *in)
{
	struct span out = SPAN("");

	if (how(unit_job(), in, &out) < 0)
		fail_msg("%s", unit_job()->err.text);
	return out;
}

static void
test_incident(void **state)
{
	struct notice_input in = basic;
	struct span raw = compose(notice_compose, &in);

	(void)state;
	assert_true(
	    span_has_str(raw, "From: acme@ca.test\r\nTo: alice@user.test\r\n"
			      "Subject: Your certificate must be replaced\r\n"
			      "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
			      "Message-ID: <0123456789abcdef@ca.test>\r\n"
			      "Auto-Submitted: auto-generated\r\n"));
	assert_true(span_has_str(raw, "16 January 2027, 08:00 UTC"));
	assert_true(span_has_str(raw, "Example &lt;Mail&gt; CA"));
	assert_false(span_has_str(raw, "Help:"));
	in.help_url = "https://ca.test/help";
	assert_true(span_has_str(
	    compose(notice_compose, &in), "Help: https://ca.test/help\r\n"));
	in.language = "fr, de-AT;q=0.5";
	raw = compose(notice_compose, &in);
	assert_true(span_has_str(
	    raw, "Subject: Ihr Zertifikat muss ersetzt werden\r\n"));
	assert_true(span_has_str(raw, "widerrufen"));
	in.language = "fr";
	in.default_language = "de";
	assert_true(span_has_str(compose(notice_compose, &in), "widerrufen"));
	in.default_language = "fr";
	assert_true(span_has_str(compose(notice_compose, &in), "revoked"));
}

static void
test_renewal(void **state)
{
	struct notice_input in = basic;
	struct span raw;

	(void)state;
	in.deadline = NOW + 90 * 86400 - 1;
	raw = compose(notice_compose_renewal, &in);
	assert_true(span_has_str(raw,
	    "From: acme@ca.test\r\nTo: alice@user.test\r\n"
	    "Subject: It is time to renew your certificate\r\n"
	    "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"));
	assert_true(span_has_str(raw, "Auto-Submitted: auto-generated\r\n"));
	assert_true(span_has_str(raw, "15 April 2027, 07:59 UTC"));
	assert_true(span_has_str(raw, "Example &lt;Mail&gt; CA"));
	assert_false(span_has_str(raw, "revoked"));
	assert_false(span_has_str(raw, "Help:"));
	in.help_url = "https://ca.test/help";
	assert_true(span_has_str(compose(notice_compose_renewal, &in),
	    "Help: https://ca.test/help\r\n"));
	in.language = "fr, de-AT;q=0.5";
	assert_true(span_has_str(compose(notice_compose_renewal, &in),
	    "Subject: Ihr Zertifikat sollte erneuert werden\r\n"));
	in.language = "fr";
	in.default_language = "de";
	assert_true(span_has_str(
	    compose(notice_compose_renewal, &in), "Ihr Zertifikat"));
	/* A language of the challenge mail that has no text of this one. */
	in.default_language = "fr";
	assert_true(span_has_str(
	    compose(notice_compose_renewal, &in), "time to renew"));
	in.mailbox = "a@b.test\r\nBcc: c@d.test";
	assert_int_equal(notice_compose_renewal(unit_job(), &in, &raw), -1);
	assert_job_error(unit_job(), ERR_INTERNAL,
	    "mail: To, From or Reply-To is no bare address");
}

/* Nothing ends a line of the header early. */
static void
test_bad_values(void **state)
{
	struct notice_input in = basic;
	struct span out;

	(void)state;
	in.mailbox = "a@b.test\r\nBcc: c@d.test";
	assert_int_equal(notice_compose(unit_job(), &in, &out), -1);
	assert_job_error(unit_job(), ERR_INTERNAL,
	    "mail: To, From or Reply-To is no bare address");
	job_recover(unit_job());
	in = basic;
	in.message_id = "<a\n>";
	assert_int_equal(notice_compose(unit_job(), &in, &out), -1);
	assert_job_error(unit_job(), ERR_INTERNAL, "mail: no Message-ID");
}

/* RFC 2047: at most 75 octets a word, whole characters, blanks between words
 * that a reader does not see. */
static void
test_subject(void **state)
{
	struct job *j = unit_job();
	struct span s = compose_subject(j, span_str("plain"));
	const char *e40 =
	    "a\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
	    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
	    "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9";

	(void)state;
	assert_true(span_eq_str(s, "plain"));
	s = compose_subject(j, span_str("\xc3\xa9t\xc3\xa9"));
	assert_true(span_eq_str(s, "=?utf-8?B?w6l0w6k=?="));
	/* 43 octets: the last character goes to the next word as a whole. */
	s = compose_subject(j, span_str(e40));
	assert_true(span_ends(s, SPAN("?=\r\n =?utf-8?B?w6k=?=")));
	for (size_t at = 0; at < s.n;) {
		size_t end = span_find(s, at, '\n');

		assert_true(end - at <= 77);
		at = end + 1;
	}
}

static void
told(void *ctx, const char *message)
{
	(void)ctx;
	fail_msg("%s", message);
}

/* ER-18, MA-63: whoever quotes one says nothing by it, and what is built in
 * keeps the rules for what is brought. */
static void
test_templates(void **state)
{
	static const char *const names[] = { "notice-de.txt", "notice-de.html",
		"notice-en.txt", "notice-en.html", "renewal-de.txt",
		"renewal-de.html", "renewal-en.txt", "renewal-en.html" };
	const struct template_values values = { .v = { "Example CA", NULL,
						    "2027-01-16",
						    "https://ca.test/help" } };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct template_file file = { .name = names[i],
			.bytes = embed_find(compose_templates, names[i])->bytes,
			.is_html = i % 2 == 1,
			.is_renewal = i >= 4 };

		if (file.is_renewal)
			assert_int_equal(
			    template_check(unit_job(), &file, told, NULL), 0);
		assert_int_equal(template_check_values(
				     unit_job(), &file, &values, told, NULL),
		    0);
	}
}

static const char *
message_id(const char *about, const char *mailbox, int64_t deadline)
{
	const struct notice_input in = { .about = about,
		.mailbox = mailbox,
		.from = "acme@ca.test",
		.deadline = deadline };

	return notice_message_id(unit_job(), &in);
}

static void
test_message_id(void **state)
{
	const char *id = message_id("i1", "a@b.test", 5);

	(void)state;
	assert_string_equal(id, message_id("i1", "a@b.test", 5));
	assert_string_not_equal(id, message_id("i2", "a@b.test", 5));
	assert_string_not_equal(id, message_id("i1", "c@b.test", 5));
	assert_string_not_equal(id, message_id("i1", "a@b.test", 6));
	assert_non_null(strstr(id, "@ca.test>"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_incident),
	cmocka_unit_test(test_renewal),
	cmocka_unit_test(test_bad_values),
	cmocka_unit_test(test_subject),
	cmocka_unit_test(test_templates),
	cmocka_unit_test(test_message_id),
};

UNIT_MAIN(tests)
