#include "config.h"

#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "mail/dkim_sign.h"
#include "mail/dkim_verify.h"
#include "tests/unit/dkim_lab.h"

#define EXPIRES (LAB_NOW + 86400)

static const char challenge[] =
    "From: acme+tag@ca.test\r\n"
    "To: alice@user.test\r\n"
    "Subject: ACME: QUJDREVGR0hJSktMTU5PUFFSU1RVVldY\r\n"
    "Date: Mon, 02 Mar 2026 10:00:00 +0000\r\n"
    "Message-ID: <0123@ca.test>\r\n"
    "Auto-Submitted: auto-generated; type=acme\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain\r\n"
    "\r\n"
    "Hello  there\r\n";

/* --- key files
 * ----------------------------------------------------------------- */

static void
write_file(const char *path, struct span text, mode_t mode)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static const struct dkim_signer *
load(const char *key, const char *selector)
{
	struct job *j = unit_job();
	const struct dkim_signer *s = NULL;
	const char *path = unit_path("key.pem");

	write_file(path, lab_pem(j, key), 0400);
	if (dkim_signer_load(j, j->arena, path, selector, &s) < 0)
		s = NULL;
	assert_int_equal(unlink(path), 0);
	return s;
}

static void
test_load(void **state)
{
	static const struct {
		const char *key;
		bool good;
		const char *why;
	} cases[] = {
		{ "rsa2048", true, "" },
		{ "rsa4096", true, "" },
		{ "ed25519", true, "" },
		{ "rsa1024", false,
		    "1024 bits; for DKIM it must have 2048 to" },
		{ "rsa768", false, "768 bits" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct dkim_signer *s;

		unit_case("%s", cases[i].key);
		s = load(cases[i].key, "sel");
		assert_int_equal(s != NULL, cases[i].good);
		if (s != NULL) {
			assert_string_equal(dkim_signer_selector(s), "sel");
			assert_string_equal(dkim_signer_record(unit_job(), s),
			    lab_record(unit_job(), cases[i].key));
			continue;
		}
		assert_int_equal(unit_job()->err.kind, ERR_INTERNAL);
		assert_non_null(strstr(unit_job()->err.text, cases[i].why));
		assert_non_null(strstr(unit_job()->err.text, unit_folder()));
		job_recover(unit_job());
	}
}

/* What is no key, is readable by others, or asks for a passphrase. */
static void
test_load_refuses(void **state)
{
	static const char encrypted[] =
	    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
	    "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhy\n"
	    "-----END ENCRYPTED PRIVATE KEY-----\n";
	struct job *j = unit_job();
	const struct dkim_signer *s = NULL;
	const char *path = unit_path("key.pem");

	(void)state;
	assert_int_equal(dkim_signer_load(j, j->arena, path, "s", &s), -1);
	assert_non_null(strstr(j->err.text, path));
	job_recover(j);
	write_file(path, lab_pem(j, "rsa2048"), 0644);
	assert_int_equal(dkim_signer_load(j, j->arena, path, "s", &s), -1);
	job_recover(j);
	write_file(path, SPAN("hello\n"), 0600);
	assert_int_equal(dkim_signer_load(j, j->arena, path, "s", &s), -1);
	assert_non_null(strstr(j->err.text, "PEM"));
	job_recover(j);
	write_file(path, span_str(encrypted), 0600);
	assert_int_equal(dkim_signer_load(j, j->arena, path, "s", &s), -1);
	assert_non_null(strstr(j->err.text, "passphrase"));
	job_recover(j);
	assert_null(s);
	assert_int_equal(unlink(path), 0);
}

/* A key that was made can be loaded; it is never overwritten. */
static void
test_create(void **state)
{
	(void)state;
	for (int ed25519 = 0; ed25519 < 2; ed25519++) {
		struct job *j = unit_job();
		const char *path = unit_path("new.pem");
		const struct dkim_signer *s;
		struct stat st;

		assert_int_equal(dkim_key_create(j, path, ed25519), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0400);
		assert_int_equal(
		    dkim_signer_load(j, j->arena, path, "s", &s), 0);
		assert_non_null(strstr(dkim_signer_record(j, s),
		    ed25519 ? "k=ed25519; p=" : "k=rsa; p=MIIBIjAN"));
		assert_int_equal(dkim_key_create(j, path, ed25519), -1);
		assert_int_equal(j->err.kind, ERR_CONFLICT);
		job_recover(j);
		assert_int_equal(unlink(path), 0);
	}
}

/* --- the form of the field (MA-100)
 * ---------------------------------------------- */

#define H_TAG                                                                  \
	" h=from:from:sender:reply-to:to:to:cc:subject:subject:date:date:"     \
	"in-reply-to:references:message-id:message-id:auto-submitted:"         \
	"auto-submitted:mime-version:mime-version:content-type:content-type:"  \
	"content-transfer-encoding:resent-date:resent-from:resent-to:"         \
	"resent-cc:list-id:list-help:list-unsubscribe:list-subscribe:"         \
	"list-post:list-owner:list-archive:list-unsubscribe-post;\r\n"

static struct span
sign(const struct dkim_signer *const *signers, size_t count, const char *raw)
{
	struct span out = SPAN("");

	assert_int_equal(dkim_sign(unit_job(), span_str(raw), "ca.test",
			     signers, count, LAB_NOW, EXPIRES, &out),
	    0);
	return out;
}

/* Octet for octet what was signed at LAB_NOW. */
#define BEFORE_B(a, s)                                                         \
	"DKIM-Signature: v=1;\r\n a=" a ";\r\n c=relaxed/relaxed;\r\n"         \
	" d=ca.test;\r\n s=" s                                                 \
	";\r\n t=1772445600;\r\n x=1772532000;\r\n" H_TAG                      \
	" bh=qhoJ+psZWWwGBFo47vMkZ+rqMzSRnateL1Q1CLX3aAM=;\r\n b="

static void
test_form(void **state)
{
	static const char ed1[] = BEFORE_B("ed25519-sha256",
	    "ed1") "hJSupl8wOW1bQ+JA+I2/8Pm4VBR50/"
		   "+HW30S5t7IcTRQjt0BfrrQoO6NChfOk4PWyqM0vp+N\r\n"
		   " yVTFismqHyhEDA==\r\n";
	static const char rsa1[] = BEFORE_B("rsa-sha256", "rsa1");
	const struct dkim_signer *s[2] = { load("rsa2048", "rsa1"),
		load("ed25519", "ed1") };
	struct span out = sign(s, 2, challenge), again = sign(s, 2, challenge);
	size_t second = span_find_span(out, 1, SPAN("DKIM-Signature:"));

	(void)state;
	/* The same time gives the same octets. */
	assert_true(span_eq(out, again));
	assert_true(span_starts(out, span_str(rsa1)));
	assert_span_equal(
	    span_cut(out, second, out.n - strlen(challenge)), ed1);
	assert_true(span_ends(out, span_str(challenge)));
}

/* Folded at 76 octets but for h=; no tag is empty; no ";" at the end. */
static void
test_lines(void **state)
{
	const struct dkim_signer *s[3] = { load("rsa2048", "rsa1"),
		load("ed25519", "ed1"), load("rsa4096", "rsa4") };
	struct span out = sign(s, 3, challenge);
	size_t end_of_fields = out.n - strlen(challenge);
	size_t fields = 0;

	(void)state;
	for (size_t at = 0; at < end_of_fields;) {
		size_t end = span_find_span(out, at, SPAN("\r\n"));
		struct span line = span_cut(out, at, end);

		unit_case("%.*s", (int)line.n, line.p);
		assert_true(line.n <= 76 || span_starts(line, SPAN(" h=")));
		assert_true(line.n < 998);
		assert_true(span_is_ascii(line));
		fields += span_starts(line, SPAN("DKIM-Signature: v=1;"));
		at = end + 2;
		/* The last line of a field. */
		if (out.p[at] != ' ')
			assert_true(out.p[end - 1] != ';');
	}
	assert_int_equal(fields, 3);
}

static void
test_signs_what_is_there(void **state)
{
	static const char twice[] = "From: a@ca.test\r\nTo: x@user.test\r\n"
				    "Resent-To: b@ca.test\r\n"
				    "Resent-To: c@ca.test\r\n\r\n";
	const struct dkim_signer *s[1] = { load("ed25519", "e") };
	struct span out = sign(s, 1, twice);

	(void)state;
	assert_non_null(strstr(out.p, "h=from:from:sender:reply-to:to:to:cc:"));
	assert_non_null(
	    strstr(out.p, ":resent-to:resent-to:resent-to:resent-cc"));
}

static void
test_refuses(void **state)
{
	struct job *j = unit_job();
	const struct dkim_signer *s[1] = { load("ed25519", "e") };
	struct span out;

	(void)state;
	assert_int_equal(dkim_sign(j, span_str(challenge), "ca.test", s, 1,
			     EXPIRES + 1, EXPIRES, &out),
	    -1);
	assert_int_equal(j->err.kind, ERR_INTERNAL);
	job_recover(j);
	assert_int_equal(dkim_sign(j, SPAN("no message\n"), "ca.test", s, 1,
			     LAB_NOW, EXPIRES, &out),
	    -1);
	assert_non_null(strstr(j->err.text, "msg."));
	job_recover(j);
}

/* --- round trip
 * ------------------------------------------------------------------- */

static struct dkim_result
verify(struct span raw, const char *key, int64_t when)
{
	static const struct dkim_policy policy = { .coverage =
						       CONF_COVERAGE_RFC };
	struct job *j = unit_job();
	struct message m = lab_parse(j, raw);
	struct lab_dns dns = { .status = DNS_OK, .count = 1 };
	struct dkim_result r;

	dns.texts[0] = span_str(lab_record(j, key));
	j->now = when;
	assert_int_equal(dkim_verify(j, &m, "ca.test", when, &policy,
			     lab_resolver(j, &dns), &r),
	    0);
	return r;
}

static void
test_round_trip(void **state)
{
	static const char *const keys[] = { "rsa2048", "rsa4096", "ed25519" };

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		const struct dkim_signer *s[1];
		struct span out;
		struct dkim_result r;

		unit_case("%s", keys[i]);
		s[0] = load(keys[i], "sel");
		out = sign(s, 1, challenge);
		r = verify(out, keys[i], LAB_NOW);
		assert_string_equal(r.finding.code, "dkim.pass");
		assert_int_equal(r.signatures[0].grade, CONF_COVERAGE_RFC);
		assert_true(
		    r.covers_to && r.covers_cte && r.covers_content_type);
		r = verify(out, keys[i], EXPIRES);
		assert_true(r.pass);
		r = verify(out, keys[i], EXPIRES + 1);
		assert_string_equal(r.finding.code, "dkim.expired");
	}
}

static struct span
with_line(struct span raw, size_t at, const char *line)
{
	struct buf b;

	buf_init(&b, unit_job()->arena, raw.n + 256);
	buf_add(&b, span_cut(raw, 0, at));
	buf_add_str(&b, line);
	buf_add(&b, span_from(raw, at));
	return buf_span(&b);
}

/* MA-100: adding any listed field, above or below, breaks both signatures. */
static void
test_added(void **state)
{
	static const char *const names[] = { "From", "Sender", "Reply-To", "To",
		"Cc", "Subject", "Date", "In-Reply-To", "References",
		"Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
		"Content-Transfer-Encoding", "Resent-Date", "Resent-From",
		"Resent-To", "Resent-Cc", "List-Id", "List-Help",
		"List-Unsubscribe", "List-Subscribe", "List-Post", "List-Owner",
		"List-Archive", "List-Unsubscribe-Post" };
	static const char *const keys[] = { "rsa2048", "ed25519" };

	(void)state;
	for (size_t k = 0; k < COUNT(keys); k++) {
		const struct dkim_signer *s[1] = { load(keys[k], "sel") };
		struct span out = sign(s, 1, challenge);
		size_t end = span_find_span(out, 0, SPAN("\r\n\r\n")) + 2;

		for (size_t i = 0; i < COUNT(names); i++) {
			const char *line = arena_printf(
			    unit_job()->arena, "%s: x\r\n", names[i]);

			unit_case("%s, %s", keys[k], names[i]);
			assert_false(
			    verify(with_line(out, 0, line), keys[k], LAB_NOW)
				.pass);
			assert_false(
			    verify(with_line(out, end, line), keys[k], LAB_NOW)
				.pass);
		}
		unit_case("%s, others", keys[k]);
		assert_true(verify(
		    with_line(out, 0, "Received: x\r\n"), keys[k], LAB_NOW)
				.pass);
	}
}

/* A relay that refolds or respaces does not break it. */
static void
test_refolded(void **state)
{
	const struct dkim_signer *s[1] = { load("rsa2048", "sel") };
	struct span out = sign(s, 1, challenge);
	struct buf b;

	(void)state;
	buf_init(&b, unit_job()->arena, 2 * out.n);
	for (size_t i = 0; i < out.n; i++) {
		if (out.p[i] == ' ' && i > 0 && out.p[i - 1] != '\n')
			buf_add_str(&b, " \t ");
		else if (out.p[i] == ':' && out.p[i + 1] == ' ')
			buf_add_str(&b, ":\r\n ");
		else
			buf_add_char(&b, out.p[i]);
	}
	assert_string_equal(
	    verify(buf_span(&b), "rsa2048", LAB_NOW).finding.code, "dkim.pass");
}

/* --- is it published? (MA-101)
 * ------------------------------------------------------ */

static void
test_published(void **state)
{
	struct job *j = unit_job();
	const struct dkim_signer *s = load("rsa2048", "sel");
	const char *ours = dkim_signer_record(j, s);
	const struct {
		enum dns_status status;
		const char *text;
		enum finding_class result;
		const char *says;
	} cases[] = {
		{ DNS_OK, ours, FINDING_PASS, "sel._domainkey.ca.test" },
		{ DNS_OK, "v=spf1 -all", FINDING_REFUSE, "no TXT record" },
		{ DNS_OK, "v=DKIM1; p=", FINDING_REFUSE, "revoked" },
		{ DNS_OK, lab_record(j, "rsa4096"), FINDING_REFUSE,
		    "another key" },
		{ DNS_OK, lab_record(j, "ed25519"), FINDING_REFUSE, "k=" },
		{ DNS_OK, arena_printf(j->arena, "%s; t=y", ours),
		    FINDING_REFUSE, "t=y" },
		{ DNS_NXDOMAIN, "", FINDING_REFUSE, "publish" },
		{ DNS_NODATA, "", FINDING_REFUSE, "publish" },
		{ DNS_TEMPORARY, "", FINDING_DEFER, "does not answer" },
		{ DNS_BOGUS, "", FINDING_DEFER, "DNSSEC" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct lab_dns dns = { .status = cases[i].status, .count = 1 };
		struct finding f;

		unit_case("%zu", i);
		dns.texts[0] = span_str(cases[i].text);
		assert_int_equal(dkim_signer_check(j, s, "ca.test",
				     lab_resolver(j, &dns), &f),
		    cases[i].result == FINDING_PASS ? 0 : -1);
		assert_int_equal(f.result, cases[i].result);
		assert_non_null(strstr(f.detail, cases[i].says));
		if (f.result != FINDING_PASS)
			assert_string_equal(f.code, "sign.key-not-published");
		assert_string_equal(dns.asked, "sel._domainkey.ca.test");
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_load),
	cmocka_unit_test(test_load_refuses),
	cmocka_unit_test(test_create),
	cmocka_unit_test(test_form),
	cmocka_unit_test(test_lines),
	cmocka_unit_test(test_signs_what_is_there),
	cmocka_unit_test(test_refuses),
	cmocka_unit_test(test_round_trip),
	cmocka_unit_test(test_added),
	cmocka_unit_test(test_refolded),
	cmocka_unit_test(test_published),
};
UNIT_MAIN(tests)
