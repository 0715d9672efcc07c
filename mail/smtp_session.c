#include "config.h"

#include "mail/smtp_session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/turn.h"
#include "mail/dial.h"
#include "mail/fetch_stream.h"
#include "mail/sasl.h"
#include "mail/smtp_reply.h"
#include "mail/smtp_text.h"
#include "mail/tls_client.h"

/* All answers up to one message's end: a relay needs two thousand. */
#define ANSWER_OCTETS_MAX 65536
#define COMMAND_MAX 20000
#define NAME_MAX_OCTETS 255
/* RFC 4954 4: no mechanism here needs more rounds. */
#define ROUNDS_MAX 4

struct smtp_session {
	struct smtp_session_conf conf;
	struct fetch_stream *stream;
	char name[NAME_MAX_OCTETS + 1]; /* what we say in EHLO */
	int64_t deadline;
	char heard[ANSWER_OCTETS_MAX]; /* not yet used */
	size_t heard_n;
	struct smtp_offer offer;
	bool in_tls, lost;
	unsigned count;
};

/* --- results ------------------------------------------------------------- */

static enum smtp_step lose(struct smtp_session *s, struct submit_result *out,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
set_text(struct submit_result *out, enum submit_outcome outcome, const char *p)
{
	out->outcome = outcome;
	out->code[0] = '\0';
	smtp_text_clean(out->answer, sizeof(out->answer), p);
}

/* The session is over, and why. */
static enum smtp_step
lose(struct smtp_session *s, struct submit_result *out, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->lost = true;
	set_text(out, SUBMIT_TEMPORARY, text);
	return SMTP_LOST;
}

/* The relay's own words, with ours (or "") before them. */
static enum smtp_step
quote(struct smtp_session *s, struct submit_result *out,
    const struct smtp_reply *r, enum submit_outcome outcome, const char *what)
{
	static const struct smtp_enhanced none;
	char text[512];

	snprintf(text, sizeof(text), "%s%s%s", what,
	    what[0] == '\0' ? "" : ": ", r->text);
	set_text(out, outcome, text);
	smtp_code_format(out->code, r->code, &none, r->text);
	/* 421: it closes the connection, whatever it was asked. */
	if (r->code != 421)
		return SMTP_REFUSED;
	s->lost = true;
	return SMTP_LOST;
}

/* The recipient's or the message's refusal; 530 and its kin say that we may
 * not send at all (RFC 4954 6). */
static enum submit_outcome
outcome_of(int code)
{
	if (code == 530 || code == 534 || code == 535 || code == 538)
		return SUBMIT_TEMPORARY;
	return code >= 500 ? SUBMIT_PERMANENT : SUBMIT_TEMPORARY;
}

/* --- saying and hearing -------------------------------------------------- */

/* Each answer has the configured time, all of them what is left. */
static void
give_time(struct smtp_session *s)
{
	int64_t deadline = clock_mono_ms() + s->conf.timeout_ms;

	if (deadline > s->deadline)
		deadline = s->deadline;
	fetch_stream_limit(s->stream, deadline, ANSWER_OCTETS_MAX - s->heard_n);
}

/* What is there before it was asked for: see the header. */
static bool
has_unasked(const struct smtp_session *s)
{
	return s->heard_n > 0;
}

static enum smtp_step
lose_unasked(struct smtp_session *s, struct submit_result *out)
{
	return lose(s, out,
	    "the relay, or somebody on the way, sent more than it was asked");
}

static int
say(struct smtp_session *s, struct span what)
{
	give_time(s);
	while (what.n > 0) {
		ssize_t n = fetch_stream_write(s->stream, what.p, what.n);

		if (n <= 0)
			return -1;
		what = span_from(what, (size_t)n);
	}
	return 0;
}

/* Why nothing came, with what helps. */
static enum smtp_step
explain_silence(struct smtp_session *s, struct submit_result *out)
{
	const char *why = fetch_stream_why(s->stream);

	return lose(s, out, "%s", why[0] != '\0' ? why : "no answer");
}

/* `offer` takes what EHLO is answered with; NULL for other commands. */
static enum smtp_step
hear(struct smtp_session *s, struct smtp_reply *r, struct smtp_offer *offer,
    struct submit_result *out)
{
	smtp_line_fn *each = offer == NULL ? NULL : smtp_offer_line;
	const char *why = NULL;
	ssize_t used, n;

	give_time(s);
	while ((used = smtp_reply_read(span_mem(s->heard, s->heard_n), r, &why,
		    each, offer)) == 0) {
		n = fetch_stream_read(s->stream, s->heard + s->heard_n,
		    sizeof(s->heard) - s->heard_n);
		if (n <= 0)
			return explain_silence(s, out);
		s->heard_n += (size_t)n;
	}
	if (used < 0)
		return lose(s, out, "the relay sent %s", why);
	s->heard_n -= (size_t)used;
	if (s->heard_n > 0)
		memmove(s->heard, s->heard + used, s->heard_n);
	return SMTP_DONE;
}

/* A command and its answer; `command` without line end. */
static enum smtp_step
ask(struct smtp_session *s, struct job *j, struct span command,
    struct smtp_reply *r, struct submit_result *out)
{
	struct buf b;

	if (has_unasked(s))
		return lose_unasked(s, out);
	buf_init_secret(&b, j->arena, COMMAND_MAX);
	buf_add(&b, command);
	buf_add_str(&b, "\r\n");
	if (!buf_ok(&b))
		return lose(s, out, "a command longer than SMTP allows");
	if (say(s, buf_span(&b)) < 0)
		return explain_silence(s, out);
	return hear(s, r, NULL, out);
}

/* --- beginning ----------------------------------------------------------- */

/* RFC 5321 4.1.4: our name if it looks like one that others can look up, else
 * the address that we come from. */
static void
set_name(struct smtp_session *s, int fd)
{
	struct sockaddr_storage own = { 0 };
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;
	socklen_t len = sizeof(own);
	char address[INET6_ADDRSTRLEN] = "127.0.0.1";

	if (gethostname(s->name, sizeof(s->name)) == 0) {
		s->name[sizeof(s->name) - 1] = '\0';
		if (strchr(s->name, '.') != NULL &&
		    smtp_domain_is_good(span_str(s->name)))
			return;
	}
	getsockname(fd, (struct sockaddr *)&own, &len);
	if (own.ss_family == AF_INET6) {
		memcpy(&sin6, &own, sizeof(sin6));
		inet_ntop(AF_INET6, &sin6.sin6_addr, address, sizeof(address));
		snprintf(s->name, sizeof(s->name), "[IPv6:%s]", address);
		return;
	}
	memcpy(&sin, &own, sizeof(sin));
	inet_ntop(AF_INET, &sin.sin_addr, address, sizeof(address));
	snprintf(s->name, sizeof(s->name), "[%s]", address);
}

static enum smtp_step
take_tls(struct smtp_session *s, struct submit_result *out)
{
	const char *why;
	bool is_other;

	if (has_unasked(s))
		return lose_unasked(s, out);
	give_time(s);
	if (fetch_stream_start_tls(s->stream, s->conf.client) == 0) {
		s->in_tls = true;
		return SMTP_DONE;
	}
	why = fetch_stream_why(s->stream);
	/* OpenSSL's words for bytes that are no TLS. */
	is_other = strstr(why, "wrong version number") != NULL ||
		   strstr(why, "packet length too long") != NULL;
	return lose(s, out, "%s%s", why,
	    is_other && s->conf.tls == CONF_TLS_IMPLICIT
		? ": this port does not begin with TLS; STARTTLS (usual on "
		  "587) or port 465 would be right"
		: "");
}

static enum smtp_step
greet(struct smtp_session *s, struct submit_result *out)
{
	struct smtp_reply r = { 0 };
	enum smtp_step step = hear(s, &r, NULL, out);

	if (step == SMTP_LOST && s->conf.tls != CONF_TLS_IMPLICIT &&
	    strstr(out->answer, "in time") != NULL)
		return lose(s, out,
		    "the relay did not greet in time; so does a port that "
		    "begins with TLS (465): there implicit TLS would be right");
	if (step != SMTP_DONE || r.code == 220)
		return step;
	quote(s, out, &r, SUBMIT_TEMPORARY, "the relay does not serve us");
	s->lost = true;
	return SMTP_LOST;
}

static enum smtp_step
say_ehlo(struct smtp_session *s, struct job *j, struct submit_result *out)
{
	const char *command = arena_printf(j->arena, "EHLO %s\r\n", s->name);
	struct smtp_reply r = { 0 };
	enum smtp_step step;

	if (has_unasked(s))
		return lose_unasked(s, out);
	s->offer = (struct smtp_offer){ 0 };
	if (say(s, span_str(command)) < 0)
		return explain_silence(s, out);
	step = hear(s, &r, &s->offer, out);
	if (step == SMTP_DONE && r.code != 250)
		return quote(
		    s, out, &r, SUBMIT_TEMPORARY, "the relay refused EHLO");
	return step;
}

static enum smtp_step
start_tls(struct smtp_session *s, struct job *j, struct submit_result *out)
{
	struct smtp_reply r = { 0 };
	enum smtp_step step;

	if (!s->offer.starttls)
		return lose(s, out,
		    "the relay does not offer STARTTLS; implicit TLS (usual "
		    "on port 465) may be what it has");
	step = ask(s, j, SPAN("STARTTLS"), &r, out);
	if (step != SMTP_DONE)
		return step;
	if (r.code != 220)
		return quote(
		    s, out, &r, SUBMIT_TEMPORARY, "the relay refused STARTTLS");
	step = take_tls(s, out);
	/* What was offered in clear may have been put there by others. */
	return step == SMTP_DONE ? say_ehlo(s, j, out) : step;
}

static enum smtp_step
begin(struct smtp_session *s, struct job *j, struct submit_result *out)
{
	enum smtp_step step = SMTP_DONE;

	if (s->conf.tls == CONF_TLS_IMPLICIT)
		step = take_tls(s, out);
	if (step == SMTP_DONE)
		step = greet(s, out);
	if (step == SMTP_DONE)
		step = say_ehlo(s, j, out);
	if (step == SMTP_DONE && s->conf.tls == CONF_TLS_STARTTLS)
		step = start_tls(s, j, out);
	return step;
}

struct smtp_session *
smtp_session_open(struct job *j, const struct smtp_session_conf *conf,
    int64_t deadline, struct submit_result *out)
{
	struct smtp_session *s;
	struct turn until = { clock_mono_ms() + conf->timeout_ms,
		conf->is_ending };
	int fd;

	*out = (struct submit_result){ .outcome = SUBMIT_TEMPORARY };
	if (until.deadline > deadline)
		until.deadline = deadline;
	if (dial_tcp(j, conf->host, conf->port, conf->tls == CONF_TLS_NONE,
		&until, &fd) < 0) {
		set_text(out, SUBMIT_TEMPORARY, j->err.text);
		job_recover(j);
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->conf = *conf;
	s->deadline = deadline;
	set_name(s, fd);
	s->stream = fetch_stream_new(fd);
	if (begin(s, j, out) == SMTP_DONE)
		return s;
	smtp_session_close(s);
	return NULL;
}

void
smtp_session_limit(struct smtp_session *s, int64_t deadline)
{
	s->deadline = deadline;
}

void
smtp_session_close(struct smtp_session *s)
{
	if (s == NULL)
		return;
	/* Its answer is of no interest, and not waited for. */
	if (!s->lost) {
		fetch_stream_limit(s->stream, clock_mono_ms() + 1000, 1);
		(void)!fetch_stream_write(s->stream, "QUIT\r\n", 6);
	}
	fetch_stream_free(s->stream);
	free(s);
}

bool
smtp_session_is_quiet(struct smtp_session *s)
{
	return !s->lost && !has_unasked(s) &&
	       fetch_stream_wait(s->stream, -1, clock_mono_ms() + 1) == 0;
}

bool
smtp_session_offers_utf8(const struct smtp_session *s)
{
	return s->offer.smtputf8;
}

unsigned
smtp_session_count(const struct smtp_session *s)
{
	return s->count;
}

/* --- login --------------------------------------------------------------- */

/* `text` in base64, "=" for none where it must not look like nothing. */
static struct span
encode(struct job *j, const char *before, struct span text, const char *empty)
{
	struct buf b;

	buf_init_secret(&b, j->arena, COMMAND_MAX);
	buf_add_str(&b, before);
	if (text.n == 0)
		buf_add_str(&b, empty);
	b64_add(&b, text);
	return buf_span(&b);
}

/* Ends an exchange that we do not go on with (RFC 4954 4). */
static enum smtp_step
cancel(struct smtp_session *s, struct job *j, const char *why,
    struct submit_result *out)
{
	struct smtp_reply r = { 0 };

	if (ask(s, j, SPAN("*"), &r, out) == SMTP_LOST)
		return SMTP_LOST;
	return lose(s, out, "login: %s", why);
}

static enum smtp_step
exchange(struct smtp_session *s, struct job *j, struct sasl *sasl,
    struct smtp_reply *r, struct submit_result *out)
{
	const char *why = NULL;
	enum smtp_step step = SMTP_DONE;

	for (int round = 0; step == SMTP_DONE && r->code == 334; round++) {
		struct span challenge, answer;

		if (round == ROUNDS_MAX)
			return cancel(s, j, "it does not come to an end", out);
		if (b64_parse_fws(j->arena, r->raw, &challenge) < 0)
			/* LOGIN's prompts need not be encoded. */
			challenge = SPAN("");
		if (sasl_answer(sasl, challenge, &answer, &why) < 0)
			return cancel(s, j, why, out);
		step = ask(s, j, encode(j, "", answer, ""), r, out);
	}
	return step;
}

static enum smtp_step
log_in_by(struct smtp_session *s, struct job *j, enum sasl_mechanism m,
    const struct sasl_login *login, struct submit_result *out,
    struct smtp_reply *r)
{
	struct sasl *sasl = sasl_new(j, m, login);
	const char *command = arena_printf(j->arena, "AUTH %s", sasl_name(m));
	struct span first;
	enum smtp_step step;

	if (sasl_initial(sasl, &first) == 1)
		step = ask(s, j,
		    encode(
			j, arena_printf(j->arena, "%s ", command), first, "="),
		    r, out);
	else
		step = ask(s, j, span_str(command), r, out);
	if (step == SMTP_DONE)
		step = exchange(s, j, sasl, r, out);
	if (step != SMTP_DONE || r->code != 235)
		return step;
	if (!sasl_is_proven(sasl))
		return lose(s, out,
		    "login by %s: the relay said yes without showing that it "
		    "knows the password",
		    sasl_name(m));
	return SMTP_DONE;
}

enum smtp_step
smtp_session_login(struct smtp_session *s, struct job *j,
    const struct sasl_login *login, struct submit_result *out)
{
	unsigned offered = s->offer.mechanisms;
	struct smtp_reply r = { 0 };
	enum sasl_mechanism m;
	enum smtp_step step;

	/* RFC 4954 4: 504 and 534 are about the mechanism; the next one may
	 * do. */
	while ((m = sasl_pick(s->conf.auth, login, offered)) != SASL_NONE) {
		step = log_in_by(s, j, m, login, out, &r);
		if (step != SMTP_DONE || r.code == 235)
			return step;
		/* It must not bring the login into a log. */
		smtp_text_hide_login(r.text, login->secret);
		offered &= ~(1u << m);
		if (r.code == 504 || r.code == 534)
			continue;
		return quote(s, out, &r, SUBMIT_TEMPORARY,
		    arena_printf(j->arena,
			"the relay refused the login of %.60s by %s: %d",
			login->user, sasl_name(m), r.code));
	}
	if (r.code != 0)
		return quote(s, out, &r, SUBMIT_TEMPORARY,
		    arena_printf(j->arena,
			"the relay refused the login of %.60s: %d", login->user,
			r.code));
	return lose(s, out, "the relay offers no login by %s; it offers %s",
	    sasl_wanted(s->conf.auth, login->is_token),
	    s->offer.names[0] != '\0' ? s->offer.names : "none");
}

/* --- a message ----------------------------------------------------------- */

/* RFC 5321 4.5.2; the message ends with CRLF. */
static struct span
stuff(struct job *j, struct span message)
{
	struct buf b;
	size_t end;

	buf_init(&b, j->arena, 2 * message.n + 1);
	buf_reserve(&b, message.n + message.n / 64 + 16);
	for (size_t at = 0; at < message.n; at = end) {
		end = span_find(message, at, '\n') + 1;
		if (message.p[at] == '.')
			buf_add_char(&b, '.');
		buf_add(&b, span_cut(message, at, end));
	}
	return buf_span(&b);
}

/* MAIL, RCPT, DATA: SMTP_DONE when the relay waits for the message. */
static enum smtp_step
say_envelope(struct smtp_session *s, struct job *j,
    const struct smtp_mail *mail, struct submit_result *out)
{
	const char *const commands[] = {
		arena_printf(j->arena, "MAIL FROM:<%s>%s", mail->from,
		    mail->utf8 ? " SMTPUTF8" : ""),
		arena_printf(j->arena, "RCPT TO:<%s>", mail->to),
		"DATA",
	};
	struct smtp_reply r = { 0 };
	enum smtp_step step;

	for (size_t i = 0; i < 3; i++) {
		step = ask(s, j, span_str(commands[i]), &r, out);
		if (step != SMTP_DONE)
			return step;
		if (i < 2 ? r.code / 100 == 2 : r.code == 354)
			continue;
		if (r.code < 400)
			return lose(s, out,
			    "the relay answered %.4s with %d %s", commands[i],
			    r.code, r.text);
		/* Our sender was refused: no word about the recipient, unless
		 * the message is too large for the relay. */
		if (i == 0)
			return quote(s, out, &r,
			    r.code == 552 ? SUBMIT_PERMANENT : SUBMIT_TEMPORARY,
			    "");
		return quote(s, out, &r, outcome_of(r.code), "");
	}
	return SMTP_DONE;
}

/* The dot, and the answer that decides. */
static enum smtp_step
end_message(struct smtp_session *s, struct submit_result *out)
{
	struct smtp_reply r = { 0 };

	/* From here on only the relay knows (ER-10). */
	if (say(s, SPAN(".\r\n")) < 0) {
		explain_silence(s, out);
	} else if (hear(s, &r, NULL, out) == SMTP_DONE && r.code / 100 == 2) {
		quote(s, out, &r, SUBMIT_ACCEPTED, "");
		return SMTP_DONE;
	} else if (!s->lost && r.code >= 400) {
		return quote(s, out, &r, outcome_of(r.code), "");
	} else if (!s->lost) {
		lose(s, out, "the end of the message was answered with %d %s",
		    r.code, r.text);
	}
	out->outcome = SUBMIT_UNKNOWN;
	return SMTP_LOST;
}

enum smtp_step
smtp_session_mail(struct smtp_session *s, struct job *j,
    const struct smtp_mail *mail, struct submit_result *out, bool *clean)
{
	struct smtp_reply r = { 0 };
	struct submit_result ignored;
	enum smtp_step step;

	*clean = true;
	s->count++;
	step = say_envelope(s, j, mail, out);
	if (step == SMTP_DONE) {
		if (has_unasked(s))
			return lose_unasked(s, out);
		*clean = false;
		if (say(s, stuff(j, mail->message)) < 0)
			return explain_silence(s, out);
		step = end_message(s, out);
	} else if (step == SMTP_REFUSED &&
		   ask(s, j, SPAN("RSET"), &r, &ignored) == SMTP_DONE &&
		   r.code != 250) {
		/* The refusal stands; the session does not. */
		s->lost = true;
	}
	return step;
}
