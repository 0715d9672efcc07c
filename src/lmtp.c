#include "config.h"

#include "src/lmtp.h"

#include "lib/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RFC 5321 4.5.3.1.4 asks for 512, and parameters add to it. */
#define LINE_MAX_LEN 2048
#define FAULTS_MAX 20
/* One line may be answered by one for each recipient. */
#define OUT_MAX 16384
/* With so much unread, the client gets no further. */
#define OUT_HIGH 2048

enum phase { COMMANDS, DATA, ANSWER, ENDED };

/* Where in the message: what ends it begins with a line's start. */
enum place { LINE_START, TEXT, AFTER_CR, AFTER_DOT, AFTER_DOT_CR };

struct lmtp {
	struct lmtp_conf conf;
	struct arena *arena; /* of one transaction */
	enum phase phase;
	bool greeted; /* LHLO */
	bool has_sender;
	bool null_sender;
	size_t announced; /* SIZE=, or 0 */
	struct span recipients[LMTP_RECIPIENTS_MAX];
	size_t recipient_count;
	unsigned faults;
	enum place place;
	bool too_large;
	struct buf data;
	char line[LINE_MAX_LEN];
	size_t line_n;
	bool line_too_long;
	char last; /* octet of a line that is too long */
	char out[OUT_MAX];
	size_t out_n;
};

/* --- answers ------------------------------------------------------------- */

static void say(struct lmtp *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
say(struct lmtp *l, const char *fmt, ...)
{
	size_t room = sizeof(l->out) - l->out_n;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->out + l->out_n, room, fmt, ap);
	va_end(ap);
	assert(n >= 0 && (size_t)n + 2 < room);
	l->out_n += (size_t)n;
	l->out[l->out_n++] = '\r';
	l->out[l->out_n++] = '\n';
}

static void
end(struct lmtp *l, const char *answer)
{
	say(l, "%s", answer);
	l->phase = ENDED;
}

/* Who goes on making mistakes is no mail server. */
static void
fault(struct lmtp *l, const char *answer)
{
	if (++l->faults > FAULTS_MAX)
		end(l, "421 4.7.0 too many mistakes");
	else
		say(l, "%s", answer);
}

static void
forget_transaction(struct lmtp *l)
{
	l->has_sender = false;
	l->null_sender = false;
	l->announced = 0;
	l->recipient_count = 0;
	arena_clear(l->arena);
}

static void
answer_all(struct lmtp *l, const char *answer)
{
	for (size_t i = 0; i < l->recipient_count; i++)
		say(l, "%s", answer);
	forget_transaction(l);
	l->phase = COMMANDS;
}

/* --- commands ------------------------------------------------------------ */

static void
do_lhlo(struct lmtp *l, struct span rest)
{
	if (span_trim(rest).n == 0) {
		fault(l, "501 5.5.4 LHLO needs a name");
		return;
	}
	forget_transaction(l);
	l->greeted = true;
	say(l, "250-%.64s", l->conf.host);
	say(l, "250-PIPELINING");
	say(l, "250-ENHANCEDSTATUSCODES");
	say(l, "250-8BITMIME");
	say(l, "250-SMTPUTF8");
	say(l, "250 SIZE %zu", l->conf.message_max);
}

/* "<address>" at the front of *rest; blanks and > may stand in a quoted local
 * part.  0, or -1. */
static int
take_path(struct span *rest, struct span *address)
{
	bool quoted = false;

	if (rest->n == 0 || rest->p[0] != '<')
		return -1;
	for (size_t i = 1; i < rest->n; i++) {
		char c = rest->p[i];

		if (quoted && c == '\\') {
			i++;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (!quoted && c == '>') {
			*address = span_cut(*rest, 1, i);
			*rest = span_from(*rest, i + 1);
			return rest->n == 0 || rest->p[0] == ' ' ? 0 : -1;
		} else if (!quoted && (c == ' ' || c == '<')) {
			return -1;
		}
	}
	return -1;
}

/* One parameter of MAIL: NULL, or why not. */
static const char *
mail_parameter(struct lmtp *l, struct span p)
{
	int64_t size;

	if (span_casestarts(p, SPAN("SIZE="))) {
		if (span_to_int(span_from(p, 5), 0, INT64_MAX, &size) < 0)
			return "501 5.5.4 SIZE is no number";
		if ((uint64_t)size > l->conf.message_max)
			return "552 5.3.4 larger than a reply may be";
		l->announced = (size_t)size;
		return NULL;
	}
	if (span_caseeq_str(p, "BODY=7BIT") ||
	    span_caseeq_str(p, "BODY=8BITMIME") ||
	    span_caseeq_str(p, "SMTPUTF8"))
		return NULL;
	return "555 5.5.4 parameter not known";
}

static const char *
mail_parameters(struct lmtp *l, struct span rest)
{
	const char *why = NULL;

	while (rest.n > 0 && why == NULL) {
		size_t blank = span_find(rest, 1, ' ');

		/* rest begins with a blank. */
		why = mail_parameter(l, span_cut(rest, 1, blank));
		rest = span_from(rest, blank);
	}
	return why;
}

static void
do_mail(struct lmtp *l, struct span rest)
{
	struct span sender;
	const char *why;

	if (!l->greeted || l->has_sender) {
		fault(l, l->greeted ? "503 5.5.1 MAIL was said already"
				    : "503 5.5.1 say LHLO first");
		return;
	}
	if (!span_casestarts(rest, SPAN("FROM:"))) {
		fault(l, "501 5.5.4 MAIL FROM:<address>");
		return;
	}
	rest = span_from(rest, 5);
	if (take_path(&rest, &sender) < 0) {
		fault(l, "501 5.1.7 MAIL FROM:<address>");
		return;
	}
	why = mail_parameters(l, rest);
	if (why != NULL) {
		say(l, "%s", why);
		return;
	}
	l->has_sender = true;
	l->null_sender = sender.n == 0;
	say(l, "250 2.1.0 ok");
}

static void
do_rcpt(struct lmtp *l, struct span rest)
{
	struct span address;

	if (!l->has_sender) {
		fault(l, "503 5.5.1 say MAIL first");
		return;
	}
	if (!span_casestarts(rest, SPAN("TO:"))) {
		fault(l, "501 5.5.4 RCPT TO:<address>");
		return;
	}
	rest = span_from(rest, 3);
	if (take_path(&rest, &address) < 0) {
		fault(l, "501 5.1.3 RCPT TO:<address>");
		return;
	}
	if (rest.n > 0) {
		fault(l, "555 5.5.4 parameter not known");
		return;
	}
	/* The client brings the others in a transaction of their own. */
	if (l->recipient_count == LMTP_RECIPIENTS_MAX) {
		say(l, "452 4.5.3 too many recipients");
		return;
	}
	if (!l->conf.is_ours(l->conf.ctx, address)) {
		say(l, "550 5.1.1 no such address here");
		return;
	}
	l->recipients[l->recipient_count++] =
	    span_str(span_dup(l->arena, address));
	say(l, "250 2.1.5 ok");
}

static void
do_data(struct lmtp *l)
{
	if (l->recipient_count == 0) {
		fault(l, "503 5.5.1 no valid recipients");
		return;
	}
	buf_init(&l->data, l->arena, l->conf.message_max);
	/* What a buffer grows out of stays in the arena (MA-94). */
	buf_reserve(&l->data, l->announced);
	l->too_large = false;
	l->place = LINE_START;
	l->phase = DATA;
	say(l, "354 go ahead; end with a dot");
}

/* What other programs say first.  A web browser can be made to send lines of
 * anybody's choice to this host: behind the first one it gets nowhere. */
static void
do_unknown(struct lmtp *l, struct span verb)
{
	if (span_caseeq_str(verb, "HELO") || span_caseeq_str(verb, "EHLO"))
		fault(l, "500 5.5.1 this is LMTP: say LHLO");
	else if (!l->greeted)
		end(l, "421 4.7.0 this is LMTP");
	else
		fault(l, "500 5.5.1 command not known");
}

static void
do_command(struct lmtp *l, struct span line)
{
	size_t blank = span_find(line, 0, ' ');
	struct span verb = span_cut(line, 0, blank);
	struct span rest = span_from(line, blank + 1);

	if (span_caseeq_str(verb, "LHLO")) {
		do_lhlo(l, rest);
	} else if (span_caseeq_str(verb, "MAIL")) {
		do_mail(l, rest);
	} else if (span_caseeq_str(verb, "RCPT")) {
		do_rcpt(l, rest);
	} else if (span_caseeq_str(verb, "DATA") && blank == line.n) {
		do_data(l);
	} else if (span_caseeq_str(verb, "RSET") && blank == line.n) {
		forget_transaction(l);
		say(l, "250 2.0.0 ok");
	} else if (span_caseeq_str(verb, "NOOP")) {
		say(l, "250 2.0.0 ok");
	} else if (span_caseeq_str(verb, "VRFY")) {
		say(l, "252 2.5.2 send mail and see");
	} else if (span_caseeq_str(verb, "QUIT") && blank == line.n) {
		end(l, "221 2.0.0 bye");
	} else {
		do_unknown(l, verb);
	}
}

static void
end_line(struct lmtp *l)
{
	struct span line = span_mem(l->line, l->line_n);
	bool too_long = l->line_too_long;

	l->line_n = 0;
	l->line_too_long = false;
	if (too_long) {
		fault(l, "500 5.5.6 line too long");
		return;
	}
	line.n -= 2;
	/* RFC 5321 4.1.1 */
	while (span_ends(line, SPAN(" ")))
		line.n--;
	/* CR, LF and NUL among them: nobody may see two lines in one. */
	if (span_has_control(line))
		fault(l, "500 5.5.2 control character in a command");
	else
		do_command(l, line);
}

/* Octets up to the end of a line, and what the line says. */
static void
read_command(struct lmtp *l, struct span *in)
{
	while (in->n > 0) {
		char c = in->p[0], before;

		*in = span_from(*in, 1);
		before = l->line_too_long ? l->last
			 : l->line_n > 0  ? l->line[l->line_n - 1]
					  : '\0';
		if (!l->line_too_long && l->line_n < sizeof(l->line))
			l->line[l->line_n++] = c;
		else
			l->line_too_long = true;
		l->last = c;
		if (before == '\r' && c == '\n') {
			end_line(l);
			return;
		}
	}
}

/* --- the message --------------------------------------------------------- */

static void
add(struct lmtp *l, struct span text)
{
	if (l->too_large || text.n > l->conf.message_max - l->data.n) {
		/* Drained: the client reads no answer before the end. */
		l->too_large = true;
		return;
	}
	buf_add(&l->data, text);
}

/* One octet that may be part of the end; true: it was the last of it. */
static bool
take_octet(struct lmtp *l, char c)
{
	if (l->place == AFTER_DOT_CR) {
		if (c == '\n')
			return true;
		/* No end after all, but a line that begins with a dot. */
		add(l, SPAN("\r"));
		l->place = AFTER_CR;
	}
	if (l->place == LINE_START && c == '.') {
		l->place = AFTER_DOT;
		return false;
	}
	if (l->place == AFTER_DOT && c == '\r') {
		l->place = AFTER_DOT_CR;
		return false;
	}
	add(l, span_mem(&c, 1));
	if (c == '\r')
		l->place = AFTER_CR;
	else
		l->place =
		    l->place == AFTER_CR && c == '\n' ? LINE_START : TEXT;
	return false;
}

static void
end_message(struct lmtp *l)
{
	if (l->too_large)
		answer_all(l, "552 5.3.4 larger than a reply may be");
	else
		l->phase = ANSWER;
}

static void
read_data(struct lmtp *l, struct span *in)
{
	while (in->n > 0) {
		if (l->place == TEXT) {
			size_t cr = span_find(*in, 0, '\r');

			add(l, span_cut(*in, 0, cr));
			*in = span_from(*in, cr);
			if (in->n == 0)
				return;
		}
		*in = span_from(*in, 1);
		if (take_octet(l, in->p[-1])) {
			end_message(l);
			return;
		}
	}
}

/* --- for the caller ------------------------------------------------------ */

struct lmtp *
lmtp_new(const struct lmtp_conf *conf)
{
	struct lmtp *l = xcalloc(1, sizeof(*l));

	l->conf = *conf;
	l->arena = arena_new();
	say(l, "220 %.64s LMTP Countersign", conf->host);
	return l;
}

void
lmtp_free(struct lmtp *l)
{
	if (l == NULL)
		return;
	arena_free(l->arena);
	free(l);
}

enum lmtp_event
lmtp_read(struct lmtp *l, struct span *in)
{
	for (;;) {
		if (l->phase == ENDED)
			return LMTP_END;
		if (l->phase == ANSWER)
			return LMTP_MESSAGE;
		if (l->phase == COMMANDS && l->out_n > OUT_HIGH)
			return LMTP_FLUSH;
		if (in->n == 0)
			return LMTP_MORE;
		if (l->phase == DATA)
			read_data(l, in);
		else
			read_command(l, in);
	}
}

void
lmtp_message(const struct lmtp *l, struct lmtp_message *out)
{
	assert(l->phase == ANSWER);
	*out = (struct lmtp_message){ .raw = buf_span(&l->data),
		.null_sender = l->null_sender,
		.recipients = l->recipients,
		.recipient_count = l->recipient_count };
}

void
lmtp_answer(struct lmtp *l, enum lmtp_answer answer)
{
	assert(l->phase == ANSWER);
	answer_all(l, answer == LMTP_STORED ? "250 2.0.0 stored"
					    : "451 4.3.0 not now; come again");
}

void
lmtp_farewell(struct lmtp *l, enum lmtp_farewell why)
{
	static const char *const words[] = {
		[LMTP_IDLE] = "421 4.4.2 no more time",
		[LMTP_STOPPING] = "421 4.3.2 shutting down",
		[LMTP_CROWDED] = "421 4.3.2 too many connections",
	};

	if (l->phase != ENDED)
		end(l, words[why]);
}

struct span
lmtp_output(const struct lmtp *l)
{
	return span_mem(l->out, l->out_n);
}

void
lmtp_sent(struct lmtp *l, size_t n)
{
	assert(n <= l->out_n);
	memmove(l->out, l->out + n, l->out_n - n);
	l->out_n -= n;
}
