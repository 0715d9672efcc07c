#include "config.h"

#include "mail/fetch_session.h"

#include <libetpan/libetpan.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/job.h"
#include "mail/sasl.h"
#include "mail/smtp_text.h"
#include "mail/token.h"

/*
 * AUTHENTICATE is spoken here, line by line: libetpan leaves it to libsasl2,
 * which loads its mechanisms from a folder when it is first used, has no
 * OAUTHBEARER, and would pick the mechanism by itself.
 */

/* All that a server may say while we log in. */
#define LOGIN_OCTETS ((size_t)64 << 10)
#define TURNS_MAX 8
#define TEXT_MAX 20480

enum line { LINE_LOST, LINE_CHALLENGE, LINE_YES, LINE_NO };

/* What is known of a login that was refused. */
struct refusal {
	char said[160];  /* by the server, with its NO */
	char error[160]; /* its challenge to a token: JSON (RFC 7628 3.2.2) */
	bool is_passing; /* RFC 5530: its trouble, not our password's */
};

/* What the server said, fit for a log line's quotes. */
static void
note(char out[160], struct job *j, struct span text)
{
	smtp_text_clean(
	    out, 160, arena_printf(j->arena, "%.*s", (int)text.n, text.p));
	for (char *p = out; *p != '\0'; p++)
		if (*p == '"')
			*p = '\'';
}

/* --- lines --------------------------------------------------------------- */

/* Is it this word, whole? */
static bool
is_word(struct span line, struct span word)
{
	return span_casestarts(line, word) &&
	       (line.n == word.n || line.p[word.n] == ' ');
}

static enum line
read_line(struct fetch *f, struct span *text)
{
	char tag[16];

	snprintf(tag, sizeof(tag), "%d ", f->imap->imap_tag);
	for (;;) {
		const char *p = mailstream_read_line_remove_eol(
		    f->imap->imap_stream, f->imap->imap_stream_buffer);
		struct span line;

		if (p == NULL)
			return LINE_LOST;
		line = span_str(p);
		if (span_starts(line, SPAN("+"))) {
			*text = span_trim(span_from(line, 1));
			return LINE_CHALLENGE;
		}
		if (span_starts(line, span_str(tag))) {
			line = span_from(line, strlen(tag));
			*text =
			    span_trim(span_from(line, span_find(line, 0, ' ')));
			if (is_word(line, SPAN("OK")))
				return LINE_YES;
			return is_word(line, SPAN("NO")) ||
				       is_word(line, SPAN("BAD"))
				   ? LINE_NO
				   : LINE_LOST;
		}
		/* Capabilities and the like are asked for afterwards. */
		if (!span_starts(line, SPAN("* ")) ||
		    is_word(span_from(line, 2), SPAN("BYE")))
			return LINE_LOST;
	}
}

static int
write_line(struct fetch *f, struct span line)
{
	mailstream *s = f->imap->imap_stream;

	if (mailstream_write(s, line.p, line.n) != (ssize_t)line.n ||
	    mailstream_write(s, "\r\n", 2) != 2)
		return -1;
	return mailstream_flush(s) < 0 ? -1 : 0;
}

static int
write_base64(struct fetch *f, struct job *j, struct span text)
{
	struct buf b;

	buf_init_secret(&b, j->arena, TEXT_MAX);
	b64_add(&b, text);
	return buf_ok(&b) ? write_line(f, buf_span(&b)) : -1;
}

/* --- AUTHENTICATE -------------------------------------------------------- */

/* *first: the initial response, if it is still to be sent. */
static int
write_command(struct fetch *f, struct job *j, const char *name,
    struct sasl *sasl, struct span *first, bool *has_first)
{
	struct buf b;

	*has_first = sasl_initial(sasl, first) > 0;
	buf_init_secret(&b, j->arena, TEXT_MAX);
	buf_addf(&b, "AUTHENTICATE %s", name);
	if (*has_first && fetch_has(f, "SASL-IR")) {
		buf_add_str(&b, " ");
		if (first->n == 0)
			buf_add_str(&b, "=");
		b64_add(&b, *first);
		*has_first = false;
	}
	if (!buf_ok(&b) ||
	    mailimap_send_current_tag(f->imap) != MAILIMAP_NO_ERROR)
		return -1;
	return write_line(f, buf_span(&b));
}

/* Ends the exchange (RFC 9051 6.2.2); the server answers BAD. */
static enum line
cancel(struct fetch *f)
{
	struct span text;
	enum line line =
	    write_line(f, SPAN("*")) < 0 ? LINE_LOST : LINE_CHALLENGE;

	for (int i = 0; i < TURNS_MAX && line == LINE_CHALLENGE; i++)
		line = read_line(f, &text);
	return line == LINE_NO ? LINE_NO : LINE_LOST;
}

static enum line
answer(struct fetch *f, struct job *j, struct sasl *sasl, struct span text,
    struct refusal *r)
{
	struct span challenge, reply;
	const char *why = "its challenge is not base64";

	if (b64_parse_fws(j->arena, text, &challenge) < 0 ||
	    sasl_answer(sasl, challenge, &reply, &why) < 0) {
		snprintf(r->said, sizeof(r->said), "%s", why);
		return cancel(f);
	}
	if (f->token != NULL)
		note(r->error, j, challenge);
	return write_base64(f, j, reply) < 0 ? LINE_LOST : LINE_CHALLENGE;
}

/* Is it one of the codes that say: not now? */
static bool
is_passing(struct span text)
{
	return span_casestarts(text, SPAN("[UNAVAILABLE]")) ||
	       span_casestarts(text, SPAN("[INUSE]")) ||
	       span_casestarts(text, SPAN("[LIMIT]"));
}

/* LINE_YES, LINE_NO and why, LINE_LOST. */
static enum line
exchange(struct fetch *f, struct job *j, const char *name, struct sasl *sasl,
    struct refusal *r)
{
	struct span first, text = SPAN("");
	bool has_first;
	enum line line = LINE_CHALLENGE;

	if (write_command(f, j, name, sasl, &first, &has_first) < 0)
		return LINE_LOST;
	for (int turn = 0; turn < TURNS_MAX; turn++) {
		line = read_line(f, &text);
		if (line == LINE_NO) {
			r->is_passing = is_passing(text);
			note(r->said, j, text);
		}
		if (line != LINE_CHALLENGE)
			break;
		if (has_first)
			line = write_base64(f, j, first) < 0 ? LINE_LOST
							     : LINE_CHALLENGE;
		else
			line = answer(f, j, sasl, text, r);
		has_first = false;
		if (line != LINE_CHALLENGE)
			return line;
	}
	if (line == LINE_YES && !sasl_is_proven(sasl)) {
		snprintf(r->said, sizeof(r->said),
		    "it says yes without having shown that it knows the "
		    "password");
		return LINE_NO;
	}
	return line == LINE_CHALLENGE ? LINE_LOST : line;
}

/* --- LOGIN, the command -------------------------------------------------- */

static enum line
login_command(struct fetch *f, struct refusal *r)
{
	const char *code;
	int result = mailimap_login(f->imap, f->user, f->password);

	if (result == MAILIMAP_NO_ERROR)
		return LINE_YES;
	if (result != MAILIMAP_ERROR_LOGIN && result != MAILIMAP_ERROR_PROTOCOL)
		return LINE_LOST;
	code = f->imap->imap_response_info == NULL
		   ? NULL
		   : f->imap->imap_response_info->rsp_atom;
	if (code != NULL)
		r->is_passing =
		    span_caseeq_str(span_str(code), "UNAVAILABLE") ||
		    span_caseeq_str(span_str(code), "INUSE") ||
		    span_caseeq_str(span_str(code), "LIMIT");
	fetch_server_text(f, r->said);
	return LINE_NO;
}

/* --- which --------------------------------------------------------------- */

static bool
may_use_command(const struct fetch *f)
{
	return f->token == NULL && !fetch_has(f, "LOGINDISABLED") &&
	       (f->conf.auth == CONF_AUTH_AUTO ||
		   f->conf.auth == CONF_AUTH_LOGIN);
}

static unsigned
offered(struct fetch *f)
{
	unsigned bits = 0;

	for (int m = SASL_NONE + 1; m < SASL_COUNT; m++)
		if (fetch_has_login(f, sasl_name((enum sasl_mechanism)m)))
			bits |= 1u << m;
	return bits;
}

static enum line
log_in_once(struct fetch *f, struct job *j, const struct sasl_login *login,
    struct refusal *r)
{
	enum sasl_mechanism m = sasl_pick(f->conf.auth, login, offered(f));

	*r = (struct refusal){ .is_passing = false };
	fetch_begin_within(f, LOGIN_OCTETS);
	if (m == SASL_NONE)
		return login_command(f, r);
	return exchange(f, j, sasl_name(m), sasl_new(j, m, login), r);
}

/* A token that was kept may be too old by now: a fresh one, and once more. */
static enum line
log_in_again(
    struct fetch *f, struct job *j, struct sasl_login *login, struct refusal *r)
{
	token_forget(f->token);
	if (token_get(f->token, j, &login->secret) < 0)
		return LINE_NO;
	return log_in_once(f, j, login, r);
}

static int
nothing_offered(struct fetch *f, struct job *j)
{
	bool disabled = fetch_has(f, "LOGINDISABLED");

	fetch_disconnect(f);
	return job_fail(j, ERR_INTERNAL, "IMAP server %s does not offer %s%s",
	    f->conf.host, sasl_wanted(f->conf.auth, f->token != NULL),
	    disabled ? ", and allows no login by password" : "");
}

/* Some servers refuse a token so. */
static int
lost(struct fetch *f, struct job *j, struct span secret)
{
	if (f->token != NULL)
		token_forget(f->token);
	fetch_lost(f, j, "login");
	smtp_text_hide_login(j->err.text, secret);
	return -1;
}

int
fetch_log_in(struct fetch *f, struct job *j, struct span token)
{
	struct sasl_login login = { .user = f->user,
		.secret = f->token != NULL ? token : span_str(f->password),
		.is_token = f->token != NULL,
		.host = f->conf.host,
		.port = f->conf.port };
	struct refusal r;
	enum line line;

	if (sasl_pick(f->conf.auth, &login, offered(f)) == SASL_NONE &&
	    !may_use_command(f))
		return nothing_offered(f, j);
	line = log_in_once(f, j, &login, &r);
	if (line == LINE_NO && f->token != NULL && token_was_kept(f->token))
		line = log_in_again(f, j, &login, &r);
	if (line == LINE_LOST)
		return lost(f, j, login.secret);
	if (line == LINE_YES) {
		f->imap->imap_state = MAILIMAP_STATE_AUTHENTICATED;
		return 0;
	}
	smtp_text_hide_login(r.said, login.secret);
	smtp_text_hide_login(r.error, login.secret);
	job_fail(j, r.is_passing ? ERR_BUSY : ERR_UNAUTHORIZED,
	    "IMAP server %s refused the login of %s: %s%s%s", f->conf.host,
	    f->user, r.said, r.error[0] != '\0' ? " " : "", r.error);
	fetch_disconnect(f);
	return -1;
}
