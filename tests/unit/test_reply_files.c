/*
 * Whole replies to their verdicts: the attack files of annex 2, which lie in
 * tests/data/mail; evidence, what covers it, and each length and change.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/json.h"
#include "tests/unit/reply_lab.h"

static struct span
load(struct job *j, const char *name)
{
	return message_from_lf(
	    j, unit_data(arena_printf(j->arena, "mail/%s", name)));
}

/* Annex 2 and MA-61: each file, signed by the From domain. */
static void
test_files(void **state)
{
	static const struct {
		const char *file;
		enum verdict verdict;
		const char *code;
	} cases[] = {
		{ "second-from.eml", VERDICT_UNAUTHENTICATED, "hdr.duplicate" },
		{ "vacation.eml", VERDICT_UNAUTHENTICATED, "hdr.automatic" },
		{ "vacation-unmarked.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-top-post.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-original-message.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-phone.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "gmail-top-post.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "gmail-forward.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "apple-top-post.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "lotus-top-post.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "bottom-post.eml", VERDICT_MATCH, "match" },
		{ "other-user.eml", VERDICT_UNAUTHENTICATED,
		    "hdr.from-mismatch" },
		{ "list-copy.eml", VERDICT_UNAUTHENTICATED, "hdr.list" },
		{ "two-blocks.eml", VERDICT_NO_RESPONSE, "body.ambiguous" },
		{ "by-hand-gmail.eml", VERDICT_MATCH, "match" },
		{ "by-hand-exchange.eml", VERDICT_MATCH, "match" },
		{ "by-hand-thunderbird.eml", VERDICT_MATCH, "match" },
		{ "client-certbot.eml", VERDICT_MATCH, "match" },
		{ "client-acmez.eml", VERDICT_MATCH, "match" },
		{ "outlook-logo-de.eml", VERDICT_MATCH, "match" },
		{ "outlook-echo-en.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-de.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-fr.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-es.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-it.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-nl.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-pt.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-pl.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-ru.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-ja.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-zh.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-ko.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-sv.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-cs.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-tr.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-xx.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-attachment.eml", VERDICT_MATCH, "match" },
		{ "outlook-root-elsewhere.eml", VERDICT_UNAUTHENTICATED,
		    "mime.type" },
		{ "outlook-web.eml", VERDICT_MATCH, "match" },
		{ "outlook-web-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-app.eml", VERDICT_MATCH, "match" },
		{ "gmail-app.eml", VERDICT_MATCH, "match" },
		{ "gmail-bottom.eml", VERDICT_MATCH, "match" },
		{ "gmail-echo-fr.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "apple-mail.eml", VERDICT_MATCH, "match" },
		{ "apple-picture.eml", VERDICT_MATCH, "match" },
		{ "apple-phone.eml", VERDICT_MATCH, "match" },
		{ "apple-phone-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "apple-forward-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "k9.eml", VERDICT_MATCH, "match" },
		{ "k9-echo.eml", VERDICT_NO_RESPONSE, "body.block-in-quote" },
		{ "kmail.eml", VERDICT_MATCH, "match" },
		{ "kmail-bottom.eml", VERDICT_MATCH, "match" },
		{ "fairemail.eml", VERDICT_MATCH, "match" },
		{ "fairemail-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "samsung.eml", VERDICT_MATCH, "match" },
		{ "samsung-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "proton.eml", VERDICT_MATCH, "match" },
		{ "proton-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "notes.eml", VERDICT_MATCH, "match" },
		{ "notes-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "yahoo.eml", VERDICT_MATCH, "match" },
		{ "yahoo-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "yahoo-echo-es.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "gmx.eml", VERDICT_MATCH, "match" },
		{ "gmx-echo.eml", VERDICT_NO_RESPONSE, "body.block-in-quote" },
		{ "zimbra.eml", VERDICT_MATCH, "match" },
		{ "zimbra-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "roundcube.eml", VERDICT_MATCH, "match" },
		{ "roundcube-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "sogo.eml", VERDICT_MATCH, "match" },
		{ "sogo-echo.eml", VERDICT_NO_RESPONSE, "body.block-in-quote" },
		{ "qq.eml", VERDICT_MATCH, "match" },
		{ "qq-echo.eml", VERDICT_NO_RESPONSE, "body.block-in-quote" },
		{ "qq-gb18030.eml", VERDICT_UNAUTHENTICATED, "mime.charset" },
		{ "netease.eml", VERDICT_MATCH, "match" },
		{ "footer-mixed.eml", VERDICT_MATCH, "match" },
		{ "footer-appended.eml", VERDICT_MATCH, "match" },
		{ "footer-block-echo.eml", VERDICT_NO_RESPONSE,
		    "body.no-block" },
		{ "digest-wrapped.eml", VERDICT_MATCH, "match" },
		{ "digest-flowed.eml", VERDICT_MATCH, "match" },
		{ "indented.eml", VERDICT_NO_RESPONSE, "body.block-in-quote" },
		{ "attribution-trimmed.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "attribution-short.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "invisible.eml", VERDICT_MATCH, "match" },
		{ "yahoo-echo-marked.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "yahoo-app-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-echo-wrapped.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "outlook-mac-echo-fi.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "groupwise-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "newton-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "spark-echo-empty.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-flowed.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-bottom.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-pieces.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-long-flowed.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-long-fixed.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-narrow.eml", VERDICT_NO_RESPONSE,
		    "body.no-block" },
		{ "thunderbird-html.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-html-bottom.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-html-as-text.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-html-alone.eml", VERDICT_UNAUTHENTICATED,
		    "mime.type" },
		{ "thunderbird-pasted-quote.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-signed.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-signed-html.eml", VERDICT_MATCH, "match" },
		{ "thunderbird-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-echo-bottom.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-echo-html-as-text.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-echo-html.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-forward-echo.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "thunderbird-forward-attached.eml", VERDICT_UNAUTHENTICATED,
		    "mime.type" },
		{ "pigeonhole-0.5.19-redirect.eml", VERDICT_UNAUTHENTICATED,
		    "hdr.automatic" },
		{ "pigeonhole-0.5.19-editheader.eml", VERDICT_UNAUTHENTICATED,
		    "hdr.automatic" },
		{ "pigeonhole-0.5.19-vacation.eml", VERDICT_UNAUTHENTICATED,
		    "hdr.automatic" },
		{ "pigeonhole-0.5.19-notify.eml", VERDICT_UNAUTHENTICATED,
		    "hdr.automatic" },
		{ "formail-3.22-text.eml", VERDICT_NO_RESPONSE,
		    "body.no-block" },
		{ "formail-3.22-quoting.eml", VERDICT_NO_RESPONSE,
		    "body.block-in-quote" },
		{ "formail-3.22-loop.eml", VERDICT_UNAUTHENTICATED,
		    "hdr.automatic" },
		{ "maildrop-2.9.3-mailbot.eml", VERDICT_DSN_NOTED,
		    "dsn.unparsed" },
		{ "mlmmj-1.3.0-denied.eml", VERDICT_UNAUTHENTICATED,
		    "hdr.from-mismatch" },
		{ "mlmmj-1.3.0-confirm.eml", VERDICT_UNKNOWN, "no-challenge" },
		{ "mailman-3.3.8-post.eml", VERDICT_UNAUTHENTICATED,
		    "hdr.list" },
		{ "mailman-3.3.8-munged.eml", VERDICT_UNAUTHENTICATED,
		    "hdr.list" },
		{ "mailman-3.3.8-rejected.eml", VERDICT_UNAUTHENTICATED,
		    "hdr.list" },
		{ "altermime-0.3.10-text.eml", VERDICT_MATCH, "match" },
		{ "altermime-0.3.10-alternative.eml", VERDICT_MATCH, "match" },
		{ "spamassassin-4.0.1-answer.eml", VERDICT_MATCH, "match" },
		{ "spamassassin-4.0.1-safe1.eml", VERDICT_UNAUTHENTICATED,
		    "mime.type" },
		{ "spamassassin-4.0.1-safe2.eml", VERDICT_NO_RESPONSE,
		    "body.no-block" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		static const char *const names[] = { COVERED, UNCOVERED };

		for (size_t k = 0; k < COUNT(names); k++) {
			struct reply_expect e = reply_lab_expect();
			struct job *j = reply_lab_job();
			struct reply r = reply_lab_judge(
			    reply_lab_sign(j, load(j, cases[i].file), names[k]),
			    &e);

			unit_case("%s, %s", cases[i].file, names[k]);
			assert_string_equal(r.finding.code, cases[i].code);
			assert_int_equal(r.verdict, cases[i].verdict);
		}
	}
}

static void
test_evidence(void **state)
{
	static const char *const codes[] = { "msg", "hdr.duplicate", "hdr.list",
		"hdr.resent", "hdr.automatic", "hdr.from-mismatch",
		"hdr.to-mismatch", "hdr.in-reply-to", "mime", NULL, "body",
		"match" };
	struct reply_draft d = { 0 };
	struct reply r = reply_draft_judge(&d);
	struct job *j = reply_lab_job();
	const struct json *top, *list, *x;
	struct span record;

	(void)state;
	assert_int_equal(
	    json_parse_object(j, span_str(r.evidence), "evidence", &top), 0);
	list = json_get(top, "checks");
	assert_int_equal(json_count(list), COUNT(codes));
	for (size_t i = 0; i < COUNT(codes); i++) {
		x = json_at(list, i);
		assert_span_equal(json_string(json_get(x, "result")), "pass");
		if (codes[i] != NULL)
			assert_span_equal(
			    json_string(json_get(x, "code")), codes[i]);
	}
	list = json_get(top, "signatures");
	assert_int_equal(json_count(list), 1);
	x = json_at(list, 0);
	assert_span_equal(json_string(json_get(x, "d")), "user.test");
	assert_span_equal(json_string(json_get(x, "s")), "sel");
	assert_span_equal(json_string(json_get(x, "a")), "ed25519-sha256");
	assert_span_equal(json_string(json_get(x, "grade")), "present");
	/* The record is whole. */
	assert_int_equal(b64_parse_fws(j->arena,
			     json_string(json_get(x, "key_record")), &record),
	    0);
	assert_true(span_eq_str(record, lab_record(j, "ed25519")));
	x = json_get(x, "dns");
	assert_span_equal(
	    json_string(json_get(x, "name")), "sel._domainkey.user.test");
	assert_span_equal(json_string(json_get(x, "status")), "ok");
}

/* MA-64: what the caller recognises a repetition by. */
static void
test_covered_hash(void **state)
{
	struct reply_draft d = { 0 };
	struct reply first = reply_draft_judge(&d), second, third;

	(void)state;
	d.extra = "X-Path: another\r\n"; /* not covered */
	second = reply_draft_judge(&d);
	assert_memory_equal(
	    first.covered_hash, second.covered_hash, SHA256_LEN);
	d.body = BLOCK(WRONG);
	third = reply_draft_judge(&d);
	assert_memory_not_equal(
	    first.covered_hash, third.covered_hash, SHA256_LEN);
}

/* Is the octet at `at` of a message covered, or the signature itself? */
static bool
is_covered(const struct message *m, const char *at)
{
	static const char *const names[] = { "From", "To", "Subject", "Date",
		"Message-ID", "MIME-Version", "DKIM-Signature" };

	for (size_t i = 0; i < m->field_count; i++) {
		const struct field *x = &m->fields[i];

		if (at < x->raw.p || at >= x->raw.p + x->raw.n)
			continue;
		for (size_t k = 0; k < COUNT(names); k++)
			if (span_caseeq_str(x->name, names[k]))
				return true;
		return false;
	}
	return at >= m->body.p;
}

/* MA-93: each octet of accepted messages changed. */
static void
test_mutations(void **state)
{
	static const char *const files[] = { "by-hand-gmail.eml",
		"client-acmez.eml" };
	struct reply_expect e = reply_lab_expect();

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct job *j = reply_lab_job();
		struct span raw =
		    reply_lab_sign(j, load(j, files[i]), UNCOVERED);
		struct message m = lab_parse(j, raw);
		struct resolver *resolver = reply_lab_dns(j);

		for (size_t at = 0; at < raw.n; at++) {
			struct job own;
			struct reply r;
			char *copy;

			job_init(&own, NULL, NULL);
			copy = span_dup(own.arena, raw);
			copy[at] ^= 1;
			assert_int_equal(reply_open(&own, span_mem(copy, raw.n),
					     LAB_NOW, &reply_lab_policy, &r),
			    0);
			assert_int_equal(reply_judge(&own, &r, &e,
					     &reply_lab_policy, resolver),
			    0);
			unit_case(
			    "%s, octet %zu: %s", files[i], at, r.finding.code);
			assert_int_not_equal(r.verdict, VERDICT_MISMATCH);
			assert_int_not_equal(r.verdict, VERDICT_STALE_KEY);
			if (is_covered(&m, raw.p + at))
				assert_int_not_equal(r.verdict, VERDICT_MATCH);
			job_done(&own);
		}
	}
}

static void
test_cut(void **state)
{
	struct reply_draft d = { .type =
				     MIME("multipart/alternative; boundary=b"),
		.names = UNCOVERED,
		.body = PART("text/plain\r\n" QP, BLOCK(RIGHT "=3D"))
		    PART("text/html", "<p>") "--b--\r\n" };
	struct span raw = reply_draft_render(reply_lab_job(), &d);
	struct reply_expect e = reply_lab_expect();
	struct resolver *resolver = reply_lab_dns(reply_lab_job());

	(void)state;
	for (size_t n = 0; n <= raw.n; n++) {
		struct job *j = reply_lab_job();
		char *copy = xmalloc(n + 1);
		struct reply r;

		memcpy(copy, raw.p, n);
		assert_int_equal(reply_open(j, span_mem(copy, n), LAB_NOW,
				     &reply_lab_policy, &r),
		    0);
		assert_int_equal(
		    reply_judge(j, &r, &e, &reply_lab_policy, resolver), 0);
		unit_case("%zu of %zu", n, raw.n);
		/* Relaxed canonicalization ends the last line itself. */
		assert_int_equal(
		    r.verdict == VERDICT_MATCH, n == raw.n || n == raw.n - 2);
		free(copy);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_files),
	cmocka_unit_test(test_evidence),
	cmocka_unit_test(test_covered_hash),
	cmocka_unit_test(test_mutations),
	cmocka_unit_test(test_cut),
};

UNIT_MAIN(tests)
