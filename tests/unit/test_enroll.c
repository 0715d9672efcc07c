/*
 * The mailbox owner's side of email-reply-00: the Subject, the digest, the
 * challenge mail and the reply.  What the client writes is read with the
 * server's own code: ER-5, ER-16, ER-17, ER-23, ER-25, ER-28, AC-111.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "mail/compose.h"
#include "mail/field.h"
#include "mail/finding.h"
#include "mail/mime.h"
#include "mail/reply_block.h"
#include "mail/smtp_text.h"
#include "src/enroll_line.h"
#include "src/enroll_mail.h"
#include "src/enroll_options.h"
#include "src/enroll_place.h"
#include "tests/unit/dkim_lab.h"
#include "tests/unit/vectors.h"

#define PART1 "toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q"
#define FROM "acme+tag@ca.test"
#define MAILBOX "alice@user.test"

/* --- Subject ------------------------------------------------------------- */

/* ER-23: any prefix in any language, folding, encoded words. */
static const struct {
	const char *text;
	bool is_field; /* good as a Subject field too, not only as typed text */
} good_subjects[] = {
	{ "ACME: " PART1, true },
	{ "ACME:" PART1, true },
	{ "acme: " PART1, true },
	{ "Re: ACME: " PART1, true },
	{ "AW: Re: ACME: " PART1, true },
	{ "RE: [Extern] ACME:   " PART1 "  ", true },
	{ "Antw: \xc3\x9c"
	  "ber ACME: " PART1,
	    true },
	{ "ACME: " PART1 "=", true },
	{ "ACME: toF_6dSoCcBK0XKz5Yly\r\n gKzErU5LsT5Q", true },
	{ "ACME:\r\n " PART1, true },
	{ "ACME: toF_6dSoCcBK 0XKz5YlygKzE\trU5LsT5Q", true },
	{ "=?utf-8?q?ACME=3A_toF=5F6dSoCcBK0XKz5YlygKzErU5LsT5Q?=", true },
	{ "=?UTF-8?B?UmU6IEFDTUU6IHRvRl82ZFNvQ2NCSzBYS3o1?=\r\n"
	  " =?UTF-8?B?WWx5Z0t6RXJVNUxzVDVR?=",
	    true },
	{ "Subject: ACME: " PART1, true },
	{ PART1, false },
	{ "  " PART1 "\n", false },
};

static void
test_good_subjects(void **state)
{
	struct job *j = unit_job();
	const char *token;

	(void)state;
	for (size_t i = 0; i < COUNT(good_subjects); i++) {
		struct span text = span_str(good_subjects[i].text);

		unit_case("%zu: %s", i, good_subjects[i].text);
		token = NULL;
		assert_int_equal(enroll_subject_parse(j, text, &token), 0);
		assert_string_equal(token, PART1);
		token = NULL;
		assert_int_equal(enroll_field_parse(j, text, &token),
		    good_subjects[i].is_field ? 0 : -1);
		if (good_subjects[i].is_field)
			assert_string_equal(token, PART1);
		job_recover(j);
	}
}

static const char *const bad_subjects[] = {
	"",
	"ACME:",
	"ACME: ",
	"ACME: =",
	"hello",
	"ACME: toF_6dSoCcBK0XKz5",                 /* under 128 bits */
	"ACME: toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q+", /* base64, not base64url */
	"ACME: toF_6dSoCcBK0XKz5YlygKzErU5LsT5",   /* unused bits are set */
	"ACME: toF_6dSoCcBK0XKz5YlygKzErU5Ls",     /* no such length */
	"ACME: <" PART1 ">",
	"ACME: " PART1 " please",
};

static void
test_bad_subjects(void **state)
{
	struct job *j = unit_job();
	const char *token;

	(void)state;
	for (size_t i = 0; i < COUNT(bad_subjects); i++) {
		struct span text = span_str(bad_subjects[i]);

		unit_case("%zu: %s", i, bad_subjects[i]);
		assert_int_equal(enroll_subject_parse(j, text, &token), -1);
		assert_job_error(j, ERR_MALFORMED, NULL);
		job_recover(j);
		assert_int_equal(enroll_field_parse(j, text, &token), -1);
		job_recover(j);
	}
}

/* Cut at each length: a whole token or none, never another one. */
static void
test_cut_subjects(void **state)
{
	static const char text[] = "Re: ACME: " PART1;
	struct job *j = unit_job();
	const char *token;

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		unit_case("%zu", n);
		if (enroll_field_parse(j, span_mem(text, n), &token) == 0)
			assert_memory_equal(token, PART1, strlen(token));
		job_recover(j);
	}
}

/* --- digest -------------------------------------------------------------- */

/* AC-111, ER-5: the vectors of email-reply-00. */
static void
test_digest(void **state)
{
	json_t *v = vectors_at("email_reply_00");
	json_t *responses = vectors_at("email_reply_00/responses"), *r;
	char digest[ENROLL_DIGEST_LEN + 1];
	size_t i;

	(void)state;
	json_array_foreach (responses, i, r) {
		unit_case("%s", vectors_str(r, "key"));
		enroll_digest(unit_job(), vectors_str(v, "token_part1"),
		    vectors_str(v, "token_part2"), vectors_str(r, "thumbprint"),
		    digest);
		assert_string_equal(digest, vectors_str(r, "response_digest"));
	}
	assert_true(i > 0);
}

/* The block is one that the server accepts (ER-28). */
static void
test_block(void **state)
{
	static const char digest[] =
	    "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs";
	const char *block = enroll_block(unit_job(), digest);
	uint8_t octets[SHA256_LEN];
	struct reply_blocks found;
	struct finding f;

	(void)state;
	assert_string_equal(block,
	    "-----BEGIN ACME RESPONSE-----\n"
	    "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs\n"
	    "-----END ACME RESPONSE-----\n");
	reply_blocks_scan(span_str(block), &found);
	assert_int_equal(reply_blocks_judge(&found, octets, &f), 0);
}

/* --- the challenge mail -------------------------------------------------- */

static struct span
challenge_mail(void)
{
	const struct compose_input in = { .ca_name = "Example Mail CA",
		.mailbox = MAILBOX,
		.from = FROM,
		.message_id = "<0123456789abcdef@ca.test>",
		.token_part1 = SPAN_INIT(PART1),
		.default_language = "en",
		.date = LAB_NOW,
		.expires_at = LAB_NOW + 86400 };
	struct span out = SPAN("");

	if (compose_challenge(unit_job(), &in, &out) < 0)
		fail_msg("%s", unit_job()->err.text);
	return out;
}

/* `old` once replaced; NULL: `new` is a field more. */
static struct span
changed(struct span mail, const char *old, const char *new)
{
	size_t at = old == NULL ? 0 : span_find_span(mail, 0, span_str(old));
	struct buf b;

	assert_true(at < mail.n);
	buf_init(&b, unit_job()->arena, 100000);
	buf_add(&b, span_cut(mail, 0, at));
	buf_add_str(&b, new);
	buf_add(&b, span_from(mail, at + (old == NULL ? 0 : strlen(old))));
	return buf_span(&b);
}

static const struct enroll_expected expected = { .mailbox = MAILBOX,
	.from = FROM };

/* What the server composes, the client understands. */
static void
test_challenge_mail(void **state)
{
	struct enroll_challenge c;

	(void)state;
	assert_int_equal(enroll_mail_check(unit_job(), challenge_mail(),
			     LAB_NOW, &expected, &c),
	    1);
	assert_string_equal(c.token_part1, PART1);
	assert_string_equal(c.reply_to, FROM);
	assert_string_equal(c.message_id, "<0123456789abcdef@ca.test>");
}

#define AUTO "Auto-Submitted: auto-generated; type=acme"

/* 1 the challenge, 0 none of ours, -1 one that is not right. */
static const struct {
	const char *old, *new;
	int result;
	const char *why;
} changes[] = {
	{ AUTO, "Auto-Submitted: auto-generated", 1, NULL },
	{ AUTO, "Auto-Submitted: Auto-Generated;\r\n type=\"acme\"", 1, NULL },
	{ "To: " MAILBOX, "To: Alice <" MAILBOX ">", 1, NULL },
	{ "To: " MAILBOX, "To: alice@USER.test", 1, NULL },
	{ "From: " FROM, "From: \"CA\" <" FROM ">", 1, NULL },
	{ "Message-ID: <", "Message-ID: <\"a b\"", 1, NULL },
	{ NULL, "Reply-To: replies@ca.test\r\n", 1, NULL },
	{ AUTO, "Auto-Submitted: auto-replied", -1, "Auto-Submitted" },
	{ AUTO, "Auto-Submitted: no", -1, "Auto-Submitted" },
	{ AUTO, "Auto-Submitted: auto-generated; type=dns", -1,
	    "Auto-Submitted" },
	{ AUTO "\r\n", "", -1, "Auto-Submitted" },
	{ NULL, AUTO "\r\n", -1, "Auto-Submitted" },
	{ "To: " MAILBOX, "To: " MAILBOX ", bob@user.test", -1, "one To" },
	{ NULL, "To: " MAILBOX "\r\n", -1, NULL },
	{ NULL, "Reply-To: a@ca.test, b@ca.test\r\n", -1, "Reply-To" },
	{ "To: " MAILBOX, "To: bob@user.test", 0, NULL },
	{ "To: " MAILBOX, "To: Alice@user.test", 0, NULL }, /* ER-3, AC-88 */
	{ "From: " FROM, "From: acme+gat@ca.test", 0, NULL },
	{ "From: " FROM, "From: " FROM ", eve@evil.test", 0, NULL },
	{ NULL, "From: " FROM "\r\n", 0, NULL },
	{ "Subject: ACME: ", "Subject: ", 0, NULL },
	{ "Subject: ACME: ", "X-Subject: ACME: ", 0, NULL },
};

static void
test_changed_mail(void **state)
{
	struct job *j = unit_job();
	struct enroll_challenge c;

	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct span mail =
		    changed(challenge_mail(), changes[i].old, changes[i].new);

		unit_case("%zu: %s", i, changes[i].new);
		assert_int_equal(
		    enroll_mail_check(j, mail, LAB_NOW, &expected, &c),
		    changes[i].result);
		if (changes[i].result < 0)
			assert_job_error(j, ERR_MALFORMED, NULL);
		if (changes[i].why != NULL)
			assert_non_null(strstr(j->err.text, changes[i].why));
		job_recover(j);
	}
}

/* The reply goes to Reply-To; a Message-ID that could not be repeated as it
 * is gets no In-Reply-To. */
static void
test_reply_fields(void **state)
{
	struct job *j = unit_job();
	struct enroll_challenge c;
	struct span mail = changed(
	    challenge_mail(), NULL, "Reply-To: CA <replies@ca.test>\r\n");

	(void)state;
	mail = changed(mail, "Message-ID: <", "Message-ID: <a b");
	assert_int_equal(enroll_mail_check(j, mail, LAB_NOW, &expected, &c), 1);
	assert_string_equal(c.reply_to, "replies@ca.test");
	assert_null(c.message_id);
}

static void
test_cut_mail(void **state)
{
	struct span mail = challenge_mail();
	struct job *j = unit_job();
	struct enroll_challenge c;

	(void)state;
	for (size_t n = 0; n < mail.n; n++) {
		unit_case("%zu", n);
		if (enroll_mail_check(
			j, span_cut(mail, 0, n), LAB_NOW, &expected, &c) == 1)
			assert_string_equal(c.token_part1, PART1);
		job_recover(j);
	}
}

/* With a resolver only what the From domain signed counts. */
static void
test_dkim(void **state)
{
	static const struct lab_signature good = {
		.tags = LAB_TAGS_OF("rsa-sha256", "ca.test", "sel",
		    "from:to:subject:date:message-id:in-reply-to:"
		    "references:content-type:content-transfer-encoding:"
		    "auto-submitted:sender:reply-to:cc"),
		.key = "rsa2048",
		.names = "from:to:subject:date:message-id:in-reply-to:"
			 "references:content-type:content-transfer-encoding:"
			 "auto-submitted:sender:reply-to:cc",
	};
	struct job *j = unit_job();
	struct lab_dns dns = lab_one_record(lab_record(j, "rsa2048"));
	struct enroll_expected e = expected;
	struct span mail = lab_sign(j, challenge_mail(), &good);
	struct enroll_challenge c;

	(void)state;
	clock_set(LAB_NOW + 100);
	e.resolver = lab_resolver(j, &dns);
	assert_int_equal(enroll_mail_check(j, mail, LAB_NOW, &e, &c), 1);
	assert_int_equal(
	    enroll_mail_check(j, challenge_mail(), LAB_NOW, &e, &c), -1);
	assert_job_error(j, ERR_MALFORMED, NULL);
	job_recover(j);
	mail = changed(mail, "Example Mail CA", "Example Mail Ca");
	assert_int_equal(enroll_mail_check(j, mail, LAB_NOW, &e, &c), -1);
	assert_non_null(strstr(j->err.text, "DKIM"));
}

/* --- the reply ----------------------------------------------------------- */

static const char digest_a[] = "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs";

/* ER-22, ER-25: one of each field, and no more than is needed. */
static void
test_reply_format(void **state)
{
	const struct enroll_challenge c = { .token_part1 = PART1,
		.reply_to = FROM,
		.message_id = "<0123456789abcdef@ca.test>" };
	static const struct {
		const char *name, *body;
	} fields[] = {
		{ "From", MAILBOX },
		{ "To", FROM },
		{ "Subject", "Re: ACME: " PART1 },
		{ "Date", "Mon, 02 Mar 2026 10:00:00 +0000" },
		{ "In-Reply-To", "<0123456789abcdef@ca.test>" },
		{ "References", "<0123456789abcdef@ca.test>" },
		{ "MIME-Version", "1.0" },
		{ "Content-Type", "text/plain; charset=us-ascii" },
		{ "Content-Transfer-Encoding", "7bit" },
	};
	struct job *j = unit_job();
	struct message m;
	struct span raw;

	(void)state;
	clock_set(LAB_NOW);
	enroll_reply_format(j, &c, MAILBOX, digest_a, &raw);
	assert_null(smtp_message_check(raw, false));
	m = lab_parse(j, raw);
	assert_int_equal(m.field_count, COUNT(fields) + 1);
	for (size_t i = 0; i < COUNT(fields); i++) {
		unit_case("%s", fields[i].name);
		assert_int_equal(message_count(&m, fields[i].name), 1);
		assert_span_equal(
		    field_unfold(j, message_field(&m, fields[i].name)),
		    fields[i].body);
	}
	assert_int_equal(message_count(&m, "Message-ID"), 1);
	assert_span_equal(m.body,
	    "-----BEGIN ACME RESPONSE-----\r\n"
	    "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs\r\n"
	    "-----END ACME RESPONSE-----\r\n");
}

static void
test_reply_without_message_id(void **state)
{
	const struct enroll_challenge c = { .token_part1 = PART1,
		.reply_to = FROM };
	struct message m;
	struct span raw;

	(void)state;
	enroll_reply_format(unit_job(), &c, MAILBOX, digest_a, &raw);
	m = lab_parse(unit_job(), raw);
	assert_int_equal(message_count(&m, "In-Reply-To"), 0);
	assert_int_equal(message_count(&m, "References"), 0);
}

/* --- lines, places, options ---------------------------------------------- */

static void
test_lines(void **state)
{
	static const char input[] = "one\r\n\n  two \nthree";
	struct enroll_lines l;
	struct span line;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	enroll_lines_init(&l, fds[0]);
	assert_int_equal(enroll_lines_next(&l, unit_job()->arena, 0, &line), 0);
	assert_int_equal(
	    write(fds[1], input, sizeof(input) - 1), sizeof(input) - 1);
	close(fds[1]);
	for (size_t i = 0; i < 4; i++) {
		static const char *const lines[] = { "one", "", "two",
			"three" };

		unit_case("%zu", i);
		assert_int_equal(
		    enroll_lines_next(&l, unit_job()->arena, 60000, &line), 1);
		assert_span_equal(line, lines[i]);
	}
	assert_int_equal(
	    enroll_lines_next(&l, unit_job()->arena, 60000, &line), -1);
	close(fds[0]);
}

static void
test_long_line(void **state)
{
	struct enroll_lines l;
	struct span line;
	char *input = arena_alloc(unit_job()->arena, ENROLL_LINE_MAX + 10);
	int fds[2];

	(void)state;
	memset(input, 'x', ENROLL_LINE_MAX + 10);
	assert_int_equal(pipe(fds), 0);
	enroll_lines_init(&l, fds[0]);
	assert_int_equal(
	    write(fds[1], input, ENROLL_LINE_MAX + 10), ENROLL_LINE_MAX + 10);
	close(fds[1]);
	assert_int_equal(
	    enroll_lines_next(&l, unit_job()->arena, 60000, &line), 1);
	assert_int_equal(line.n, ENROLL_LINE_MAX);
	assert_int_equal(
	    enroll_lines_next(&l, unit_job()->arena, 60000, &line), 1);
	assert_int_equal(line.n, 10);
	close(fds[0]);
}

static void
test_place_name(void **state)
{
	static const struct {
		const char *directory, *name;
	} cases[] = {
		{ "https://acme.ca.example/directory",
		    "account-acme.ca.example.pem" },
		{ "https://CA.example:8443/acme/directory",
		    "account-ca.example_8443.pem" },
		{ "https://[::1]:443/d", "account-___1__443.pem" },
		{ "https://../../etc/passwd", "account-...pem" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].directory);
		assert_string_equal(
		    enroll_place_name(unit_job(), cases[i].directory),
		    cases[i].name);
	}
}

#define SERVER "--directory=https://ca.test/d"
#define MAIL                                                                   \
	"--imap=imap.user.test", "--smtp=smtp.user.test:2525",                 \
	    "--imap-password-file=pw"

static int
parse(const char *const *args, struct enroll_options *o)
{
	char *argv[20] = { arena_strdup(unit_job()->arena, "enroll") };
	int n = 1;

	for (; args[n - 1] != NULL; n++)
		argv[n] = arena_strdup(unit_job()->arena, args[n - 1]);
	return enroll_options_parse(unit_job()->arena, n, argv, o);
}

static void
test_options(void **state)
{
	static const char *const automatic[] = { SERVER, "--out=a/alice.pem",
		"--mailbox=alice@user.test", MAIL, NULL };
	static const char *const manual[] = { SERVER, "--out=alice",
		"--mailbox=a@b.test", "--mailbox=c@d.test", "--manual",
		"--usage=sign", "--key-type=rsa3072", "--key=k", NULL };
	static const char *const renewal[] = { SERVER, "--renew=a/alice.pem",
		"--profile=strict", "--not-before=2027-01-31T12:00:00+01:00",
		"--not-after=2027-02-01T12:00:00Z", "--force", MAIL, NULL };
	struct enroll_options o;

	(void)state;
	assert_int_equal(parse(automatic, &o), 1);
	assert_string_equal(o.imap.host, "imap.user.test");
	assert_int_equal(o.imap.port, 993);
	assert_int_equal(o.imap.tls, CONF_TLS_IMPLICIT);
	assert_string_equal(o.imap.user, "alice@user.test");
	assert_string_equal(o.smtp.host, "smtp.user.test");
	assert_int_equal(o.smtp.port, 2525);
	assert_int_equal(o.smtp.tls, CONF_TLS_STARTTLS);
	assert_null(o.smtp.user);
	assert_string_equal(o.key, "a/alice-key.pem");
	assert_int_equal(o.usage, ENROLL_BOTH);
	assert_int_equal(o.timeout_secs, 900);

	assert_int_equal(parse(manual, &o), 1);
	assert_true(o.manual);
	assert_int_equal(o.mailbox_count, 2);
	assert_string_equal(o.key, "k");
	assert_int_equal(o.usage, ENROLL_SIGN);
	assert_int_equal(o.key_type, ENROLL_RSA3072);
	assert_int_equal(o.timeout_secs, 86400);
	assert_null(o.renew);
	assert_null(o.profile);
	assert_int_equal(o.not_after, 0);

	assert_int_equal(parse(renewal, &o), 1);
	assert_string_equal(o.renew, "a/alice.pem");
	assert_string_equal(o.out, "a/alice.pem");
	assert_string_equal(o.key, "a/alice-key.pem");
	assert_int_equal(o.mailbox_count, 0);
	assert_null(o.imap.user);
	assert_string_equal(o.profile, "strict");
	assert_int_equal(o.not_before, 1801393200);
	assert_int_equal(o.not_after, 1801483200);
	assert_true(o.force);
}

/* One thing missing or wrong at a time. */
static const char *const bad_options[][12] = {
	{ "--out=a", "--mailbox=a@b.test", MAIL, NULL },
	{ "--directory=http://ca.test/d", "--out=a", "--mailbox=a@b.test", MAIL,
	    NULL },
	{ SERVER, "--mailbox=a@b.test", MAIL, NULL },
	{ SERVER, "--out=a", MAIL, NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "--manual", NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "--imap-tls=none",
	    NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "--smtp-user=a",
	    NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "--p12=p", NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "--key=a", NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "--key=k",
	    "--account-key=k", NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "--timeout=0", NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "--usage=all", NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "--key-type=dsa",
	    NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "--contact=a@b.test",
	    NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "--language=d\ne",
	    NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "--smtp=h:99999",
	    NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "more", NULL },
	{ SERVER, "--renew=a-key.pem", "--key=a-key.pem", MAIL, NULL },
	{ SERVER, "--renew=a", MAIL, "--not-after=2027-01-31", NULL },
	{ SERVER, "--renew=a", MAIL, "--not-before=2027-01-31T00:00:00Z",
	    "--not-after=2027-01-31T00:00:00Z", NULL },
	{ SERVER, "--out=a", "--mailbox=a@b.test", MAIL, "--more", NULL },
};

static void
test_bad_options(void **state)
{
	int saved = dup(STDERR_FILENO);
	int nothing = open("/dev/null", O_WRONLY);
	struct enroll_options o;
	int results[COUNT(bad_options)];

	(void)state;
	/* What it says is for people. */
	dup2(nothing, STDERR_FILENO);
	for (size_t i = 0; i < COUNT(bad_options); i++)
		results[i] = parse(bad_options[i], &o);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(nothing);
	for (size_t i = 0; i < COUNT(bad_options); i++) {
		unit_case("%zu", i);
		assert_int_equal(results[i], -1);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_good_subjects),
	cmocka_unit_test(test_bad_subjects),
	cmocka_unit_test(test_cut_subjects),
	cmocka_unit_test(test_digest),
	cmocka_unit_test(test_block),
	cmocka_unit_test(test_challenge_mail),
	cmocka_unit_test(test_changed_mail),
	cmocka_unit_test(test_reply_fields),
	cmocka_unit_test(test_cut_mail),
	cmocka_unit_test(test_dkim),
	cmocka_unit_test(test_reply_format),
	cmocka_unit_test(test_reply_without_message_id),
	cmocka_unit_test(test_lines),
	cmocka_unit_test(test_long_line),
	cmocka_unit_test(test_place_name),
	cmocka_unit_test(test_options),
	cmocka_unit_test(test_bad_options),
};

UNIT_MAIN(tests)
