/*
 * MA-94: reading one reply takes less than four times its octets, its own
 * included: whatever charset, transfer encoding, markup or layers it has.
 *
 * All that our code allocates is counted here (the linker puts these functions
 * in the place of malloc), and what OpenSSL does for it.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <string.h>

#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "mail/reply.h"
#include "mail/smime_trust.h"
#include "tests/unit/dkim_lab.h"
#include "tests/unit/smime_lab.h"

#define MESSAGE_MAX ((size_t)256 * 1024)
#define PART1 "toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q"
#define RIGHT "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs"
#define BLOCK SMIME_LAB_BLOCK
#define HEAD                                                                   \
	"From: alice@user.test\r\nTo: acme+tag@ca.test\r\n"                    \
	"Subject: Re: ACME: " PART1 "\r\n"
#define MIME "MIME-Version: 1.0\r\n"
#define TYPE(parameters) "Content-Type: text/plain" parameters "\r\n"
#define ENCODING(x) "Content-Transfer-Encoding: " x "\r\n"
#define ALTERNATIVE                                                            \
	MIME "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
#define PLAIN_PART(text) "--b\r\n" TYPE("; charset=utf-8") "\r\n" text "\r\n"
#define HTML_PART "--b\r\nContent-Type: text/html; charset=utf-8\r\n"
#define EURO "\xe2\x82\xac"

/* --- counting ------------------------------------------------------------- */

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static size_t held, peak;

static void *
came(void *p)
{
	held += malloc_usable_size(p);
	if (held > peak)
		peak = held;
	return p;
}

/* What was there before the counting began is not counted. */
static void
goes(void *p)
{
	size_t n = malloc_usable_size(p);

	held -= n < held ? n : held;
}

void *
__wrap_malloc(size_t n)
{
	return came(__real_malloc(n));
}

/* Both blocks are there for a moment. */
void *
__wrap_realloc(void *p, size_t n)
{
	size_t before = malloc_usable_size(p);
	void *q = came(__real_realloc(p, n));

	held -= before < held ? before : held;
	return q;
}

void
__wrap_free(void *p)
{
	goes(p);
	__real_free(p);
}

static void *
openssl_malloc(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return n == 0 ? NULL : __wrap_malloc(n);
}

static void *
openssl_realloc(void *p, size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return __wrap_realloc(p, n);
}

static void
openssl_free(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	__wrap_free(p);
}

/* Before it allocates anything. */
__attribute__((constructor)) static void
count_openssl(void)
{
	if (CRYPTO_set_mem_functions(
		openssl_malloc, openssl_realloc, openssl_free) != 1)
		abort();
}

/* --- judging -------------------------------------------------------------- */

static struct {
	struct smime_id root, alice;
	struct smime_trust *trust;
} world;

static void
world_make(void)
{
	struct job *j = unit_job();
	struct span der;

	clock_set(LAB_NOW);
	world.root = smime_lab_ca(j, NULL);
	world.alice =
	    smime_lab_make(j, &(struct smime_cert){ .issuer = &world.root });
	der = smime_lab_der(j, world.root.x);
	assert_int_equal(smime_trust_of(j, &der, 1, NULL, 0, &world.trust), 0);
}

/* Not how the body is read, so that it is in every way (MA-59). */
#define FEW "from:subject:date"
#define TYPE_TOO FEW ":content-type"

static struct span
sign(struct span message, const char *names)
{
	struct lab_signature s = { .key = "ed25519", .names = names };

	s.tags = arena_printf(unit_job()->arena,
	    " v=1; a=ed25519-sha256; c=relaxed/relaxed; d=user.test; s=sel; "
	    "h=%s; bh=@BH@; b=@B@",
	    names);
	return lab_sign(unit_job(), message, &s);
}

/* It ends in this code, and takes no more memory than it may. */
static void
judge(struct span raw, const char *code)
{
	struct reply_policy policy = { .message_max = MESSAGE_MAX,
		.smime = { .mode = CONF_SMIME_NOTE,
		    .revocation = CONF_REVOCATION_OFF,
		    .trust = world.trust } };
	struct reply_expect e = { .mailbox = "alice@user.test",
		.answer_to = "acme+tag@ca.test",
		.message_id = "<c1@ca.test>",
		.sent_at = LAB_NOW - 600,
		.expires_at = LAB_NOW + 3600 };
	struct lab_dns dns = lab_one_record(lab_record(unit_job(), "ed25519"));
	struct resolver *resolver = lab_resolver(unit_job(), &dns);
	struct reply r;
	struct job j;

	assert_true(raw.n > MESSAGE_MAX - 16384 && raw.n <= MESSAGE_MAX);
	assert_int_equal(
	    b64url_parse_fixed(span_str(RIGHT), e.digest_now, SHA256_LEN), 0);
	held = peak = 0;
	job_init(&j, NULL, NULL);
	j.now = LAB_NOW;
	assert_int_equal(reply_open(&j, raw, LAB_NOW, &policy, &r), 0);
	assert_int_equal(reply_judge(&j, &r, &e, &policy, resolver), 0);
	assert_string_equal(r.finding.code, code);
	job_done(&j);
	print_message("# %4.2f: %s\n", 1 + (double)peak / (double)raw.n, code);
	assert_true(raw.n + peak < 4 * raw.n);
}

/* --- texts ---------------------------------------------------------------- */

enum by { AS_IS, BASE64, QUOTED };

struct letter {
	const char *name;
	const char *head;  /* below the usual fields, with the empty line */
	const char *first; /* octets in front of … */
	const char *unit;  /* … this one, again and again */
	const char *last;
	size_t per_line; /* so many units; 0: one line */
	const char *line_end;
	enum by by;
	const char *code; /* NULL: match */
};

static void
add_units(struct buf *b, const struct letter *l, size_t max)
{
	size_t n = strlen(l->unit) + 4;

	for (size_t i = 1; b->n + n < max; i++) {
		buf_add_str(b, l->unit);
		if (l->per_line > 0 && i % l->per_line == 0)
			buf_add_str(
			    b, l->line_end == NULL ? "\r\n" : l->line_end);
	}
}

/* In lines of 76 characters. */
static void
add_base64(struct buf *b, struct span octets)
{
	for (size_t at = 0; at < octets.n; at += 57) {
		b64_add(b, span_cut(octets, at, at + 57));
		buf_add_str(b, "\r\n");
	}
}

static struct span
letter_render(const struct letter *l)
{
	size_t max = MESSAGE_MAX - 1200;
	struct buf text, b;

	if (l->by == BASE64)
		max = max / 78 * 57;
	buf_init(&text, unit_job()->arena, MESSAGE_MAX);
	buf_add_str(&text, l->first == NULL ? BLOCK : l->first);
	add_units(&text, l, max);
	buf_add_str(&text, "\r\n");
	buf_init(&b, unit_job()->arena, MESSAGE_MAX);
	buf_add_str(&b, HEAD);
	buf_add_str(&b, l->head);
	if (l->by == BASE64)
		add_base64(&b, buf_span(&text));
	else
		buf_add(&b, buf_span(&text));
	buf_add_str(&b, l->last == NULL ? "" : l->last);
	assert_true(buf_ok(&b));
	return sign(buf_span(&b), FEW);
}

#define TEXT_OF(charset, encoding)                                             \
	MIME TYPE("; charset=" charset) ENCODING(encoding) "\r\n"
#define FLOWED_OF(charset, encoding)                                           \
	MIME TYPE("; format=flowed; charset=" charset) ENCODING(encoding) "\r" \
									  "\n"

static const struct letter letters[] = {
	{ .name = "three octets each",
	    .head = TEXT_OF("utf-8", "8bit"),
	    .unit = EURO,
	    .per_line = 20 },
	{ .name = "three octets each, one line",
	    .head = TEXT_OF("utf-8", "8bit"),
	    .unit = EURO },
	{ .name = "three octets each, flowed",
	    .head = FLOWED_OF("utf-8", "8bit"),
	    .unit = EURO,
	    .per_line = 20,
	    .line_end = " \r\n" },
	{ .name = "three octets each, base64",
	    .head = TEXT_OF("utf-8", "base64"),
	    .unit = EURO,
	    .per_line = 20,
	    .by = BASE64 },
	{ .name = "three octets each, quoted-printable",
	    .head = TEXT_OF("utf-8", "quoted-printable"),
	    .unit = "=E2=82=AC",
	    .per_line = 8,
	    .line_end = "=\r\n" },
	{ .name = "soft breaks alone",
	    .head = FLOWED_OF("utf-8", "quoted-printable"),
	    .unit = "a=\r\n" },
	{ .name = "quoted-printable that hides nothing",
	    .head = TEXT_OF("windows-1252", "quoted-printable"),
	    .unit = "a",
	    .per_line = 70 },
	{ .name = "one octet that becomes two",
	    .head = TEXT_OF("windows-1252", "8bit"),
	    .unit = "\xe4",
	    .per_line = 70 },
	{ .name = "one octet that becomes three, half of the text",
	    .head = TEXT_OF("windows-1252", "8bit"),
	    .unit = "\x80\x80\x80 a ",
	    .per_line = 10 },
	{ .name = "the same, flowed",
	    .head = FLOWED_OF("windows-1252", "8bit"),
	    .unit = "\x80\x80\x80 a ",
	    .per_line = 10,
	    .line_end = "\x80 \r\n" },
	{ .name = "the same, base64",
	    .head = TEXT_OF("windows-1252", "base64"),
	    .unit = "\x80\x80\x80 a ",
	    .per_line = 10,
	    .by = BASE64 },
	{ .name = "one octet that becomes three, all of the text",
	    .head = TEXT_OF("windows-1252", "8bit"),
	    .unit = "\x80",
	    .code = "mime.charset" },
	{ .name = "the same, base64",
	    .head = TEXT_OF("iso-8859-15", "base64"),
	    .unit = "\xa4",
	    .by = BASE64,
	    .code = "mime.charset" },
	{ .name = "the same, quoted-printable",
	    .head = TEXT_OF("windows-1252", "quoted-printable"),
	    .unit = "=80",
	    .per_line = 20,
	    .code = "mime.charset" },
	{ .name = "ISO-2022-JP",
	    .head = TEXT_OF("iso-2022-jp", "7bit"),
	    .unit = "\x1b$B$\"$$\x1b(B",
	    .per_line = 5,
	    .code = "mime.charset" },
	{ .name = "GB18030",
	    .head = TEXT_OF("gb18030", "base64"),
	    .unit = "\x81\x30\x81\x30",
	    .by = BASE64,
	    .code = "mime.charset" },
	{ .name = "empty lines",
	    .head = FLOWED_OF("utf-8", "7bit"),
	    .unit = "\r\n" },
	{ .name = "quote marks",
	    .head = FLOWED_OF("utf-8", "7bit"),
	    .unit = ">",
	    .per_line = 70,
	    .line_end = " \r\n" },
	{ .name = "entities in HTML",
	    .head = ALTERNATIVE,
	    .first = PLAIN_PART("> a\r\n\r\n" BLOCK) HTML_PART
	    "\r\n<p>-----BEGIN ACME RESPONSE-----<br>",
	    .unit = "&euro;",
	    .last = "\r\n--b--\r\n" },
	{ .name = "tags in HTML",
	    .head = ALTERNATIVE,
	    .first = PLAIN_PART("> a\r\n\r\n" BLOCK) HTML_PART
	    "\r\n<p>-----BEGIN ACME RESPONSE-----<br>",
	    .unit = "<p>",
	    .last = "\r\n--b--\r\n" },
	{ .name = "wide characters in HTML, quoted-printable",
	    .head = ALTERNATIVE,
	    .first = PLAIN_PART("> a\r\n\r\n" BLOCK) HTML_PART ENCODING(
		"quoted-printable") "\r\n<p>-----BEGIN ACME RESPONSE-----<br>",
	    .unit = "=E2=82=AC",
	    .per_line = 8,
	    .line_end = "=\r\n",
	    .last = "\r\n--b--\r\n" },
};

static void
test_texts(void **state)
{
	(void)state;
	world_make();
	for (size_t i = 0; i < COUNT(letters); i++) {
		unit_case("%s", letters[i].name);
		judge(letter_render(&letters[i]),
		    letters[i].code == NULL ? "match" : letters[i].code);
	}
	smime_trust_free(world.trust);
}

/* --- layers --------------------------------------------------------------- */

static struct span
filled(const char *head, const char *unit, const char *last, size_t max)
{
	const struct letter l = { .unit = unit, .per_line = 20 };
	struct buf b;

	buf_init(&b, unit_job()->arena, MESSAGE_MAX);
	buf_add_str(&b, head);
	add_units(&b, &l, max);
	buf_add_str(&b, last);
	assert_true(buf_ok(&b));
	return buf_span(&b);
}

static void
judge_smime(const char *head, const char *unit, bool opaque)
{
	struct smime_letter l = { .signers = { &world.alice },
		.opaque = opaque };
	size_t max = MESSAGE_MAX - 4000;

	if (opaque)
		max = max / 66 * 48 - 2000;
	l.part = filled(head, unit, "\r\n", max).p;
	unit_case("%s, %s", head, opaque ? "opaque" : "in the clear");
	judge(sign(smime_lab_message(unit_job(), &l), opaque ? TYPE_TOO : FEW),
	    "match");
}

static void
test_smime(void **state)
{
	static const char wide[] = TYPE("; charset=utf-8") "\r\n" BLOCK;
	static const char octets[] =
	    TYPE("; charset=windows-1252") ENCODING("8bit") "\r\n" BLOCK;

	(void)state;
	world_make();
	judge_smime(wide, EURO, false);
	judge_smime(octets, "\x80\x80\x80 a ", false);
	judge_smime(wide, EURO, true);
	judge_smime(octets, "\x80\x80\x80 a ", true);
	smime_trust_free(world.trust);
}

/* Parts, as deep and as many as there may be. */
static void
test_parts(void **state)
{
	struct buf b;

	(void)state;
	world_make();
	buf_init(&b, unit_job()->arena, MESSAGE_MAX);
	buf_add_str(&b, HEAD MIME
	    "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
	    "Content-Type: multipart/related; boundary=b\r\n\r\n"
	    "--b\r\nContent-Type: multipart/alternative; "
	    "boundary=c\r\n\r\n--c\r\n" TYPE("; charset=utf-8") "\r\n" BLOCK
								"\r\n");
	for (size_t i = 0; i < 27; i++) {
		buf_add_str(&b, "--c\r\nContent-Type: text/x\r\n");
		buf_add_str(&b, ENCODING("base64") "\r\n");
		add_base64(&b,
		    filled("", EURO, "", (MESSAGE_MAX - 8192) / 27 / 78 * 57));
	}
	buf_add_str(&b, "--c--\r\n--b--\r\n--a--\r\n");
	assert_true(buf_ok(&b));
	judge(sign(buf_span(&b), FEW), "match");
	smime_trust_free(world.trust);
}

/* One field of this name, as large as it may be. */
static void
add_field(struct buf *b, const char *name, const char *unit)
{
	size_t begin = b->n;

	buf_addf(b, "%s: acme+tag@ca.test", name);
	while (b->n - begin < 32000) {
		buf_add_str(b, "\r\n ");
		for (size_t i = 0; i < 10; i++)
			buf_add_str(b, unit);
	}
	buf_add_str(b, "\r\n");
}

/* A header as large as it may be. */
static void
test_header(void **state)
{
	static const char top[] = HEAD MIME;
	static const char *const fields[][3] = {
		{ "Delivered-To", ", \"a\" <b@c.test> (d)", "hdr.automatic" },
		{ "Cc", ", =?utf-8?q?=E2=82=AC?= <b@c.test>", "match" },
		{ "X-Original-To", ", b@c.test", "hdr.automatic" },
	};
	struct buf b;

	(void)state;
	world_make();
	for (size_t i = 0; i < COUNT(fields); i++) {
		buf_init(&b, unit_job()->arena, MESSAGE_MAX);
		buf_add_str(&b, top);
		add_field(&b, fields[i][0], fields[i][1]);
		add_field(&b, "Comments", fields[i][1]);
		add_field(&b, "Keywords", fields[i][1]);
		buf_add_str(&b, "\r\n");
		buf_add(
		    &b, filled(BLOCK, "a ", "\r\n", MESSAGE_MAX - 1200 - b.n));
		judge(sign(buf_span(&b), FEW), fields[i][2]);
	}
	smime_trust_free(world.trust);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_texts),
	cmocka_unit_test(test_smime),
	cmocka_unit_test(test_parts),
	cmocka_unit_test(test_header),
};

UNIT_MAIN(tests)
