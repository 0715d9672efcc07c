#include "config.h"

#include "mail/submit.h"

#include <stdlib.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "mail/dial.h"
#include "mail/smtp_text.h"
#include "mail/submit_direct.h"
#include "mail/submit_esmtp.h"

struct submit {
	submit_send_fn *custom;
	void *custom_ctx;
	struct submit_esmtp *esmtp; /* NULL: not for this configuration */
	struct submit_direct *direct;
	bool is_odd; /* libesmtp cannot read what this relay answers */
	int64_t timeout_ms;
	bool (*is_ending)(void);
};

/* The one place that says which way a configuration takes; see the header. */
static bool
is_for_esmtp(const struct submit_conf *conf)
{
	if (conf->tls == CONF_TLS_IMPLICIT)
		return false;
	return conf->user == NULL || conf->auth == CONF_AUTH_PLAIN ||
	       conf->auth == CONF_AUTH_LOGIN;
}

/* The waits end with this process, and that is no word of the relay's. */
static int
tell_cut(const struct submit *s, struct submit_result *out, int result)
{
	if (result == 0 && out->outcome == SUBMIT_TEMPORARY &&
	    out->code[0] == '\0' && s->is_ending != NULL && s->is_ending())
		out->outcome = SUBMIT_CUT_OFF;
	return result;
}

/* By libesmtp: 1, -1, or 0 if it could not read the relay's answers, and there
 * is time left for the other way. */
static int
send_esmtp(struct submit *s, struct job *j, const char *from, const char *to,
    struct span message, struct submit_result *out)
{
	int64_t begin = clock_mono_ms();

	if (submit_esmtp_send(s->esmtp, j, from, to, message, out, &s->is_odd) <
	    0)
		return -1;
	/* Both together are shorter than a mail's lease, as one is. */
	return s->is_odd && clock_mono_ms() - begin < s->timeout_ms / 2 ? 0 : 1;
}

int
submit_send(struct submit *s, struct job *j, const char *from, const char *to,
    struct span message, struct submit_result *out)
{
	bool utf8 =
	    !span_is_ascii(span_str(from)) || !span_is_ascii(span_str(to));
	const char *why;
	int sent = 0;

	*out = (struct submit_result){ .outcome = SUBMIT_TEMPORARY };
	if (s->custom != NULL)
		return s->custom(s->custom_ctx, j, from, to, message, out);
	if ((why = smtp_address_check(from, utf8)) != NULL)
		return job_fail(j, ERR_INTERNAL, "envelope sender: %s", why);
	if ((why = smtp_address_check(to, utf8)) != NULL)
		return job_fail(j, ERR_INTERNAL, "envelope recipient: %s", why);
	if ((why = smtp_message_check(message, utf8)) != NULL)
		return job_fail(j, ERR_INTERNAL, "message to send: %s", why);
	if (s->esmtp != NULL && !utf8 && !s->is_odd)
		sent = send_esmtp(s, j, from, to, message, out);
	if (sent == 0)
		sent = submit_direct_send(
		    s->direct, j, from, to, message, utf8, out);
	return tell_cut(s, out, sent < 0 ? -1 : 0);
}

int
submit_check(struct submit *s, struct job *j, bool *utf8)
{
	bool ignored;

	if (utf8 != NULL)
		*utf8 = false;
	if (s->custom != NULL)
		return 0;
	if (s->esmtp != NULL &&
	    submit_esmtp_check(s->esmtp, j, &s->is_odd) < 0) {
		if (!s->is_odd)
			return -1;
		job_recover(j);
	}
	if (s->esmtp != NULL && utf8 == NULL && !s->is_odd)
		return 0;
	return submit_direct_check(
	    s->direct, j, utf8 == NULL ? &ignored : utf8);
}

void
submit_idle(struct submit *s)
{
	if (s->direct != NULL)
		submit_direct_idle(s->direct);
}

/* --- making one ---------------------------------------------------------- */

static int
check_login(struct job *j, const struct submit_conf *conf)
{
	bool has_token = conf->token.file != NULL || conf->token.command.n > 0;
	bool wants_token = conf->auth == CONF_AUTH_XOAUTH2 ||
			   conf->auth == CONF_AUTH_OAUTHBEARER;

	if (conf->user == NULL || conf->auth == CONF_AUTH_AUTO ||
	    wants_token == has_token)
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    wants_token
		? "relay login: this mechanism takes an access token, and "
		  "there is neither a file nor a command for one"
		: "relay login: this mechanism takes a password, not an access "
		  "token");
}

static int
check_conf(struct job *j, const struct submit_conf *conf)
{
	char host[DIAL_HOST_MAX + 1];

	if (dial_host(conf->host, host) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "relay host: not a host name or an address");
	if (conf->port < 1 || conf->port > 65535)
		return job_fail(
		    j, ERR_INTERNAL, "relay port: must be 1 to 65535");
	if (conf->timeout_ms < 1000 || conf->timeout_ms > 600000)
		return job_fail(
		    j, ERR_INTERNAL, "relay timeout: must be 1 to 600 seconds");
	if (conf->tls == CONF_TLS_NONE && !dial_is_loopback(host))
		return job_fail(j, ERR_INTERNAL,
		    "relay %s: without TLS only a relay on this host is "
		    "allowed (localhost, 127.0.0.1, ::1); use STARTTLS or "
		    "implicit TLS",
		    host);
	return check_login(j, conf);
}

int
submit_new(struct job *j, const struct submit_conf *conf, struct submit **out)
{
	struct submit *s = xcalloc(1, sizeof(*s));

	if (check_conf(j, conf) < 0 ||
	    (is_for_esmtp(conf) && submit_esmtp_new(j, conf, &s->esmtp) < 0) ||
	    submit_direct_new(j, conf, &s->direct) < 0) {
		submit_free(s);
		return -1;
	}
	s->is_ending = conf->is_ending;
	s->timeout_ms = conf->timeout_ms;
	dial_ignore_sigpipe();
	*out = s;
	return 0;
}

struct submit *
submit_new_custom(submit_send_fn *send, void *ctx)
{
	struct submit *s = xcalloc(1, sizeof(*s));

	s->custom = send;
	s->custom_ctx = ctx;
	return s;
}

void
submit_free(struct submit *s)
{
	if (s == NULL)
		return;
	submit_esmtp_free(s->esmtp);
	submit_direct_free(s->direct);
	free(s);
}
