/*
 * LMTP as a server speaks it: what is answered to what, where a message ends
 * and where it does not, and what a hostile client gets (ER-21, MA-1, MA-3,
 * MA-48).
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "src/lmtp.h"
#include "src/recipient.h"

#define MESSAGE_MAX 100

static const struct conf_sender ours = { .from = "acme@ca.example",
	.reply_to = "answers@replies.example" };

static bool
is_ours(void *ctx, struct span address)
{
	const char *canonical;

	return recipient_find(ctx, &ours, address, &canonical) == 1;
}

/* A conversation, and what came of it. */
struct talk {
	struct job *j;
	struct lmtp *lmtp;
	struct buf answers;
	struct buf messages; /* each with | behind it */
	bool null_sender;    /* of the last one */
	size_t recipients;
	unsigned count;
	bool ended;
	enum lmtp_answer answer;
};

static void
talk_init(struct talk *t)
{
	struct lmtp_conf conf = { .host = "localhost",
		.message_max = MESSAGE_MAX,
		.is_ours = is_ours };

	*t = (struct talk){ .j = unit_job() };
	conf.ctx = t->j;
	t->lmtp = lmtp_new(&conf);
	buf_init(&t->answers, t->j->arena, 1000000);
	buf_init(&t->messages, t->j->arena, 1000000);
}

static void
hear(struct talk *t)
{
	struct span out = lmtp_output(t->lmtp);

	buf_add(&t->answers, out);
	lmtp_sent(t->lmtp, out.n);
}

static void
take(struct talk *t)
{
	struct lmtp_message m;

	lmtp_message(t->lmtp, &m);
	buf_add(&t->messages, m.raw);
	buf_add_str(&t->messages, "|");
	t->null_sender = m.null_sender;
	t->recipients = m.recipient_count;
	t->count++;
	lmtp_answer(t->lmtp, t->answer);
}

static void
say(struct talk *t, struct span in)
{
	while (!t->ended) {
		enum lmtp_event e = lmtp_read(t->lmtp, &in);

		if (e == LMTP_MESSAGE)
			take(t);
		hear(t);
		if (e == LMTP_MORE)
			return;
		t->ended = e == LMTP_END;
	}
}

/* The codes of all answers, greeting included: "220 250 …"; of an answer of
 * several lines the last. */
static const char *
codes(const struct talk *t)
{
	struct span s = buf_span(&t->answers);
	struct buf b;

	buf_init(&b, t->j->arena, 1000000);
	while (s.n > 0) {
		size_t lf = span_find(s, 0, '\n');

		assert_true(lf < s.n && s.p[lf - 1] == '\r');
		assert_true(lf < 512);
		assert_false(span_has_control(span_cut(s, 0, lf - 1)));
		if (s.p[3] == ' ') {
			if (b.n > 0)
				buf_add_char(&b, ' ');
			buf_add(&b, span_cut(s, 0, 3));
		}
		s = span_from(s, lf + 1);
	}
	return b.p;
}

#define BEGIN "LHLO mx\r\nMAIL FROM:<a@b.example>\r\n"
#define TO "RCPT TO:<acme@ca.example>\r\n"
#define OPEN BEGIN TO "DATA\r\n"
#define OPENED "220 250 250 250 354"

static const struct {
	const char *in;
	const char *codes;
	const char *messages;
	bool ended;
} talks[] = {
	{ "", "220", "", false },
	{ "QUIT\r\n", "220 221", "", true },
	{ "LHLO mx\r\n", "220 250", "", false },
	{ "lhlo mx\r\nnoop\r\nNOOP x y\r\nVRFY a\r\nRSET\r\nquit\r\n",
	    "220 250 250 250 252 250 221", "", true },
	{ "LHLO\r\nLHLO  \r\n", "220 501 501", "", false },
	/* RFC 5321 4.1.1: blanks before the line's end; nowhere else. */
	{ "LHLO mx \r\nMAIL FROM:<a@b.example> SIZE=1  \r\n"
	  "RCPT TO:<acme@ca.example> \r\nDATA \r\nx\r\n.\r\nRSET \r\n"
	  " RSET\r\nRSET \r \r\nQUIT \r\n",
	    OPENED " 250 250 500 500 221", "x\r\n|", true },
	/* RFC 2033 4.1: SMTP's greetings are refused. */
	{ "HELO mx\r\nEHLO mx\r\n", "220 500 500", "", false },
	/* Pipelined, one message. */
	{ OPEN "x\r\n.\r\nQUIT\r\n", OPENED " 250 221", "x\r\n|", true },
	/* An answer for each recipient that was accepted (RFC 2033 4.2). */
	{ BEGIN TO "RCPT TO:<acme+tag@ca.example>\r\n"
		   "RCPT TO:<x@ca.example>\r\n" TO "DATA\r\nx\r\n.\r\n",
	    "220 250 250 250 250 550 250 354 250 250 250", "x\r\n|", false },
	{ BEGIN "RCPT TO:<x@ca.example>\r\nDATA\r\nNOOP\r\n",
	    "220 250 250 550 503 250", "", false },
	/* Two in one connection; RSET in between forgets. */
	{ OPEN "1\r\n.\r\nMAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\n" TO
	       "DATA\r\n2\r\n.\r\n",
	    OPENED " 250 250 250 250 250 354 250", "1\r\n|2\r\n|", false },
	/* The order of commands. */
	{ "MAIL FROM:<a@b.example>\r\n" TO "DATA\r\n", "220 503 503 503", "",
	    false },
	{ BEGIN "MAIL FROM:<a@b.example>\r\n", "220 250 250 503", "", false },
	{ BEGIN TO "LHLO again\r\nDATA\r\n", "220 250 250 250 250 503", "",
	    false },
	{ BEGIN TO "DATA now\r\nDATA\r\nx\r\n.\r\n",
	    "220 250 250 250 500 354 250", "x\r\n|", false },
	/* Parameters. */
	{ "LHLO mx\r\nMAIL FROM:<a@b.example> SIZE=100 BODY=8BITMIME "
	  "SMTPUTF8\r\n",
	    "220 250 250", "", false },
	{ "LHLO mx\r\nMAIL FROM:<a@b.example> body=7bit size=1\r\n",
	    "220 250 250", "", false },
	{ "LHLO mx\r\nMAIL FROM:<a@b.example> SIZE=101\r\n", "220 250 552", "",
	    false },
	{ "LHLO mx\r\nMAIL FROM:<a@b.example> SIZE=99999999999999999999\r\n",
	    "220 250 501", "", false },
	{ "LHLO mx\r\nMAIL FROM:<a@b.example> BODY=BINARYMIME\r\n"
	  "MAIL FROM:<a@b.example> AUTH=<>\r\n"
	  "MAIL FROM:<a@b.example>  SIZE=1\r\n"
	  "MAIL FROM:<a@b.example>SIZE=1\r\n",
	    "220 250 555 555 555 501", "", false },
	{ BEGIN "RCPT TO:<acme@ca.example> NOTIFY=NEVER\r\n", "220 250 250 555",
	    "", false },
	/* Paths. */
	{ "LHLO mx\r\nMAIL FROM:a@b.example\r\nMAIL FROM:<a b@c>\r\n"
	  "MAIL FROM:<a@b\r\nMAIL FROM: <a@b>\r\nMAIL <a@b>\r\nMAIL\r\n"
	  "MAIL FROM:<\"a >\\\" b\"@c.example>\r\n",
	    "220 250 501 501 501 501 501 501 250", "", false },
	{ BEGIN "RCPT TO:<>\r\nRCPT\r\nRCPT TO:acme@ca.example\r\n",
	    "220 250 250 550 501 501", "", false },
	/* BDAT is not offered (RFC 3030). */
	{ BEGIN TO "BDAT 3 LAST\r\n", "220 250 250 250 500", "", false },
	/* What a browser can be made to say ends at its first line. */
	{ "POST / HTTP/1.1\r\nHost: x\r\n\r\n" OPEN "x\r\n.\r\n", "220 421", "",
	    true },
	{ "\x16\x03\x01\r\n" OPEN, "220 500 250 250 250 354", "", false },
};

static void
test_talks(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(talks); i++) {
		struct talk t;

		unit_case("%zu: %.60s", i, talks[i].in);
		talk_init(&t);
		say(&t, span_str(talks[i].in));
		assert_string_equal(codes(&t), talks[i].codes);
		assert_string_equal(t.messages.p, talks[i].messages);
		assert_int_equal(t.ended, talks[i].ended);
		lmtp_free(t.lmtp);
	}
}

/* However the octets are cut into pieces: the same answers. */
static void
test_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(talks); i++) {
		struct span in = span_str(talks[i].in);

		for (size_t step = 1; step < 8; step++) {
			struct talk t;

			unit_case("%zu: %.60s, by %zu", i, in.p, step);
			talk_init(&t);
			hear(&t);
			for (size_t at = 0; at < in.n; at += step)
				say(&t, span_cut(in, at, at + step));
			assert_string_equal(codes(&t), talks[i].codes);
			assert_string_equal(t.messages.p, talks[i].messages);
			lmtp_free(t.lmtp);
		}
	}
}

/* --- the end of a message ------------------------------------------------ */

/* MA-3: what is between DATA and CR LF . CR LF, to the octet. */
static const struct {
	const char *in; /* after DATA */
	const char *raw;
} bodies[] = {
	{ ".\r\n", "" },
	{ "\r\n.\r\n", "\r\n" },
	{ "a\r\nb\r\n.\r\n", "a\r\nb\r\n" },
	/* One dot at the start of a line is the client's (RFC 5321 4.5.2). */
	{ "..\r\n.\r\n", ".\r\n" },
	{ "a\r\n..\r\n...\r\nb.c\r\n.d\r\n.\r\n",
	    "a\r\n.\r\n..\r\nb.c\r\nd\r\n" },
	{ "a.\r\n.\r\n", "a.\r\n" },
	/* No end: SMTP smuggling.  The octets stay what they are, and the
	 * message is refused for its bare CR or LF (msg.bare-lf). */
	{ "a\n.\nb\r\n.\r\n", "a\n.\nb\r\n" },
	{ "a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n" },
	{ "a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n" },
	{ "a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n" },
	{ "a\r.\r\nb\r\n.\r\n", "a\r.\r\nb\r\n" },
	{ "a\r.\rb\r\n.\r\n", "a\r.\rb\r\n" },
	{ "a\r\r\n.\r\n", "a\r\r\n" },
	{ "a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n" },
	{ "\n.\r\n\r\n.\r\n", "\n.\r\n\r\n" },
	{ ".\n.\r\n\r\n.\r\n", "\n.\r\n\r\n" },
};

static void
test_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct span in = span_str(bodies[i].in);
		struct talk t;

		unit_case("%zu", i);
		talk_init(&t);
		say(&t, SPAN(OPEN));
		for (size_t k = 0; k < in.n; k++) {
			assert_int_equal(t.count, 0);
			say(&t, span_cut(in, k, k + 1));
		}
		assert_int_equal(t.count, 1);
		buf_clear(&t.answers);
		assert_string_equal(t.messages.p,
		    arena_printf(t.j->arena, "%s|", bodies[i].raw));
		lmtp_free(t.lmtp);
	}
}

/* MA-2: NUL in a message goes on to the rule that refuses it; in a command,
 * as every control character, it is refused here. */
static void
test_nul(void **state)
{
	static const char body[] = "a\0.\r\n.\r\n";
	static const char command[] = "NOOP\0\r\nNOOP \nQUIT\r\nNOOP\rQUIT\r\n";
	struct talk t;

	(void)state;
	talk_init(&t);
	say(&t, SPAN(OPEN));
	say(&t, span_mem(body, sizeof(body) - 1));
	assert_true(span_eq(buf_span(&t.messages),
	    span_mem("a\0.\r\n|", sizeof("a\0.\r\n|") - 1)));
	buf_clear(&t.answers);
	say(&t, span_mem(command, sizeof(command) - 1));
	assert_string_equal(codes(&t), "500 500 500");
	assert_false(t.ended);
	lmtp_free(t.lmtp);
}

/* --- what the caller learns ---------------------------------------------- */

/* MA-48 */
static void
test_null_sender(void **state)
{
	struct talk t;

	(void)state;
	talk_init(&t);
	say(&t, SPAN("LHLO mx\r\nMAIL FROM:<> SIZE=3\r\n" TO TO
		     "DATA\r\nx\r\n.\r\n"));
	assert_true(t.null_sender);
	assert_int_equal(t.recipients, 2);
	say(&t, SPAN("MAIL FROM:<a@b>\r\n" TO "DATA\r\nx\r\n.\r\n"));
	assert_false(t.null_sender);
	assert_int_equal(t.recipients, 1);
	lmtp_free(t.lmtp);
}

static size_t
octets_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* MA-94: a message whose size was announced lies in memory once. */
static void
test_memory(void **state)
{
	const size_t size = (size_t)256 * 1024;
	struct lmtp_conf conf = { .host = "localhost",
		.message_max = size,
		.is_ours = is_ours,
		.ctx = unit_job() };
	struct lmtp *l = lmtp_new(&conf);
	struct span in = span_str(arena_printf(unit_job()->arena,
	    "LHLO mx\r\nMAIL FROM:<> SIZE=%zu\r\n" TO "DATA\r\n", size));
	size_t before = octets_in_use(), i;

	(void)state;
	if (UNIT_IS_SANITIZED) {
		lmtp_free(l);
		UNIT_SKIP("a sanitizer's allocator does not count");
	}
	assert_int_equal(lmtp_read(l, &in), LMTP_MORE);
	for (i = 0; i + 64 <= size; i += 64) {
		in = SPAN("123456789 123456789 123456789 123456789 123456789 "
			  "123456789 12\r\n");
		assert_int_equal(lmtp_read(l, &in), LMTP_MORE);
	}
	in = SPAN(".\r\n");
	assert_int_equal(lmtp_read(l, &in), LMTP_MESSAGE);
	assert_true(octets_in_use() - before < size + 65536);
	lmtp_free(l);
}

/* ER-21: what could not be committed is not acknowledged, and the connection
 * goes on. */
static void
test_later(void **state)
{
	struct talk t;

	(void)state;
	talk_init(&t);
	t.answer = LMTP_LATER;
	say(&t, SPAN(OPEN "x\r\n.\r\n"));
	assert_string_equal(codes(&t), OPENED " 451");
	t.answer = LMTP_STORED;
	say(&t, SPAN("MAIL FROM:<a@b>\r\n" TO "DATA\r\nx\r\n.\r\n"));
	assert_string_equal(codes(&t), OPENED " 451 250 250 354 250");
	lmtp_free(t.lmtp);
}

static void
test_farewell(void **state)
{
	static const enum lmtp_farewell all[] = { LMTP_IDLE, LMTP_STOPPING };

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		struct talk t;

		talk_init(&t);
		say(&t, SPAN(OPEN "x\r\n"));
		lmtp_farewell(t.lmtp, all[i]);
		lmtp_farewell(t.lmtp, all[i]);
		say(&t, SPAN(".\r\n"));
		assert_string_equal(codes(&t), OPENED " 421");
		assert_true(t.ended);
		assert_int_equal(t.count, 0);
		lmtp_free(t.lmtp);
	}
}

/* --- limits -------------------------------------------------------------- */

static struct span
repeat(struct job *j, const char *text, size_t count)
{
	struct buf b;

	buf_init(&b, j->arena, count * strlen(text) + 1);
	for (size_t i = 0; i < count; i++)
		buf_add_str(&b, text);
	assert_true(buf_ok(&b));
	return buf_span(&b);
}

/* MA-1: the limit, and one more; drained, and the connection goes on. */
static void
test_size(void **state)
{
	(void)state;
	for (size_t n = MESSAGE_MAX - 3; n < MESSAGE_MAX + 3; n++) {
		bool fits = n + 2 <= MESSAGE_MAX;
		struct talk t;

		unit_case("%zu octets", n + 2);
		talk_init(&t);
		say(&t, SPAN(BEGIN TO TO "DATA\r\n"));
		say(&t, repeat(t.j, "x", n));
		say(&t, SPAN("\r\n.\r\nRSET\r\n"));
		assert_string_equal(
		    codes(&t), fits ? "220 250 250 250 250 354 250 250 250"
				    : "220 250 250 250 250 354 552 552 250");
		assert_int_equal(t.count, fits);
		lmtp_free(t.lmtp);
	}
}

static void
test_huge(void **state)
{
	struct talk t;

	(void)state;
	talk_init(&t);
	say(&t, SPAN(OPEN));
	for (int i = 0; i < 100; i++)
		say(&t, repeat(t.j, "x\r\n..\r\n", 10000));
	say(&t, SPAN(".\r\n"));
	assert_string_equal(codes(&t), OPENED " 552");
	lmtp_free(t.lmtp);
}

static void
test_long_line(void **state)
{
	struct talk t;

	(void)state;
	talk_init(&t);
	say(&t, SPAN("NOOP "));
	say(&t, repeat(t.j, "x", 1000000));
	say(&t, SPAN("\r\nNOOP\r\n"));
	assert_string_equal(codes(&t), "220 500 250");
	/* The longest that is taken, and one more. */
	for (size_t n = 2048 - 7; n < 2048 - 5; n++) {
		buf_clear(&t.answers);
		say(&t, SPAN("NOOP "));
		say(&t, repeat(t.j, "x", n));
		say(&t, SPAN("\r\n"));
		assert_string_equal(codes(&t), n == 2048 - 7 ? "250" : "500");
	}
	lmtp_free(t.lmtp);
}

static void
test_many_recipients(void **state)
{
	struct talk t;
	const char *c;

	(void)state;
	talk_init(&t);
	say(&t, SPAN(BEGIN));
	buf_clear(&t.answers);
	say(&t, repeat(t.j, TO, 10000));
	c = codes(&t);
	assert_int_equal(strlen(c), 4 * 10000 - 1);
	assert_memory_equal(c + 4 * LMTP_RECIPIENTS_MAX - 4, "250 452 ", 8);
	buf_clear(&t.answers);
	say(&t, SPAN("DATA\r\nx\r\n.\r\n"));
	assert_int_equal(t.recipients, LMTP_RECIPIENTS_MAX);
	assert_int_equal(strlen(codes(&t)), 4 * (LMTP_RECIPIENTS_MAX + 1) - 1);
	lmtp_free(t.lmtp);
}

/* Answers that nobody reads are not piled up. */
static void
test_unread(void **state)
{
	struct span in;
	struct talk t;

	(void)state;
	talk_init(&t);
	in = repeat(t.j, "NOOP\r\n", 10000);
	assert_int_equal(lmtp_read(t.lmtp, &in), LMTP_FLUSH);
	assert_true(in.n > 6 * 9000);
	assert_true(lmtp_output(t.lmtp).n < 4096);
	assert_int_equal(lmtp_read(t.lmtp, &in), LMTP_FLUSH);
	say(&t, in);
	assert_int_equal(strlen(codes(&t)), 4 * 10001 - 1);
	lmtp_free(t.lmtp);
}

static void
test_mistakes(void **state)
{
	struct talk t;

	(void)state;
	talk_init(&t);
	say(&t, SPAN("LHLO mx\r\n"));
	buf_clear(&t.answers);
	say(&t, repeat(t.j, "XYZZY\r\n", 20));
	assert_false(t.ended);
	say(&t, SPAN("XYZZY\r\nNOOP\r\n"));
	assert_true(t.ended);
	assert_true(span_ends(span_str(codes(&t)), SPAN("500 421")));
	lmtp_free(t.lmtp);
}

/* --- whose mail it is ---------------------------------------------------- */

static const struct {
	const char *address;
	const char *canonical; /* NULL: not ours */
} addresses[] = {
	{ "acme@ca.example", "acme@ca.example" },
	{ "acme+abc@ca.example", "acme+abc@ca.example" },
	/* ER-15: tags are kept as they are; letter case is not ours to
	 * refuse. */
	{ "ACME+aBc@CA.Example", "ACME+aBc@ca.example" },
	{ "acme+@ca.example", "acme+@ca.example" },
	{ "Answers@Replies.example", "Answers@replies.example" },
	{ "answers+abc@replies.example", "answers+abc@replies.example" },
	{ "answers@ca.example", NULL },
	{ "acme@replies.example", NULL },
	{ "answersabc@replies.example", NULL },
	{ "acmea@ca.example", NULL },
	{ "acm@ca.example", NULL },
	{ "acme-abc@ca.example", NULL },
	{ "acme@other.example", NULL },
	{ "acme@sub.ca.example", NULL },
	{ "postmaster", NULL },
	{ "\"acme\"@ca.example", NULL },
	{ "@x:acme@ca.example", NULL },
	{ "acme@ca.example@ca.example", NULL },
	{ "", NULL },
};

static void
test_recipients(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		struct job *j = unit_job();
		const char *canonical = NULL;

		unit_case("%s", addresses[i].address);
		assert_int_equal(
		    recipient_find(
			j, &ours, span_str(addresses[i].address), &canonical),
		    addresses[i].canonical != NULL);
		if (addresses[i].canonical != NULL)
			assert_string_equal(canonical, addresses[i].canonical);
		assert_int_equal(j->err.kind, ERR_NONE);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_talks),
	cmocka_unit_test(test_pieces),
	cmocka_unit_test(test_bodies),
	cmocka_unit_test(test_nul),
	cmocka_unit_test(test_null_sender),
	cmocka_unit_test(test_memory),
	cmocka_unit_test(test_later),
	cmocka_unit_test(test_farewell),
	cmocka_unit_test(test_size),
	cmocka_unit_test(test_huge),
	cmocka_unit_test(test_long_line),
	cmocka_unit_test(test_many_recipients),
	cmocka_unit_test(test_unread),
	cmocka_unit_test(test_mistakes),
	cmocka_unit_test(test_recipients),
};

UNIT_MAIN(tests)
