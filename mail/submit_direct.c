#include "config.h"

#include "mail/submit_direct.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "mail/credential.h"
#include "mail/dial.h"
#include "mail/sasl.h"
#include "mail/smtp_session.h"
#include "mail/tls_client.h"

/* For one message, whatever the relay does: shorter than the lease of a mail
 * (src/role_sender.c) at its timeout of a minute. */
#define ANSWERS_PER_MESSAGE 4
#define IDLE_MS 20000
/* Relays end sessions by themselves after some number; before that, we do. */
#define MESSAGES_PER_SESSION 100
#define CREDENTIAL_MAX 1024

struct submit_direct {
	struct smtp_session_conf conf;
	char host[DIAL_HOST_MAX + 1];
	char *user;
	char *password;
	struct token_source *token; /* instead of the password, or NULL */
	struct tls_client client;
	struct smtp_session *session; /* logged in, or NULL */
	int64_t used_at;
};

static void
drop_session(struct submit_direct *d)
{
	smtp_session_close(d->session);
	d->session = NULL;
}

/* --- a session that is logged in ----------------------------------------- */

static int
open_session(struct submit_direct *d, struct job *j, int64_t deadline,
    struct submit_result *out)
{
	d->session = smtp_session_open(j, &d->conf, deadline, out);
	return d->session == NULL ? -1 : 0;
}

static int
log_in_once(struct submit_direct *d, struct job *j, struct submit_result *out)
{
	struct sasl_login login = { .user = d->user,
		.secret = span_str(d->password),
		.is_token = d->token != NULL,
		.host = d->host,
		.port = d->conf.port };

	if (d->token != NULL && token_get(d->token, j, &login.secret) < 0) {
		*out = (struct submit_result){ .outcome = SUBMIT_TEMPORARY };
		snprintf(out->answer, sizeof(out->answer),
		    "no access token: %.230s", j->err.text);
		job_recover(j);
		return -1;
	}
	if (smtp_session_login(d->session, j, &login, out) == SMTP_DONE)
		return 0;
	return -1;
}

/* A kept token may just have ended: then a fresh one gets its chance, in a
 * session of its own. */
static int
log_in(struct submit_direct *d, struct job *j, int64_t deadline,
    struct submit_result *out)
{
	bool was_kept;

	if (d->user == NULL || log_in_once(d, j, out) == 0)
		return 0;
	was_kept = d->token != NULL && token_was_kept(d->token);
	drop_session(d);
	if (d->token != NULL)
		token_forget(d->token);
	if (!was_kept)
		return -1;
	if (open_session(d, j, deadline, out) < 0)
		return -1;
	if (log_in_once(d, j, out) == 0)
		return 0;
	drop_session(d);
	token_forget(d->token);
	return -1;
}

/* 0 and d->session, or -1 and *out.  *kept: it has been used before. */
static int
get_session(struct submit_direct *d, struct job *j, int64_t deadline,
    struct submit_result *out, bool *kept)
{
	*kept = d->session != NULL && clock_mono_ms() - d->used_at < IDLE_MS &&
		smtp_session_count(d->session) < MESSAGES_PER_SESSION &&
		smtp_session_is_quiet(d->session);
	if (*kept) {
		smtp_session_limit(d->session, deadline);
		return 0;
	}
	drop_session(d);
	if (open_session(d, j, deadline, out) < 0)
		return -1;
	return log_in(d, j, deadline, out);
}

/* --- for submit.c -------------------------------------------------------- */

/* ER-20 */
static void
refuse_utf8(struct submit_result *out)
{
	*out = (struct submit_result){ .outcome = SUBMIT_PERMANENT,
		.reason = "the mail relay of this server does not offer "
			  "SMTPUTF8, which this mailbox needs",
		.answer = "the relay does not offer SMTPUTF8, which this "
			  "mailbox needs; nothing was sent" };
}

/* Not a word about this message: the session is used up. */
static bool
is_used_up(enum smtp_step step, const struct submit_result *r)
{
	return step == SMTP_LOST ||
	       (step == SMTP_REFUSED && strncmp(r->code, "452", 3) == 0);
}

static void
send_mail(struct submit_direct *d, struct job *j, const struct smtp_mail *mail,
    struct submit_result *out)
{
	int64_t deadline =
	    clock_mono_ms() + ANSWERS_PER_MESSAGE * d->conf.timeout_ms;

	for (;;) {
		enum smtp_step step;
		bool kept, clean;

		if (get_session(d, j, deadline, out, &kept) < 0)
			return;
		if (mail->utf8 && !smtp_session_offers_utf8(d->session)) {
			refuse_utf8(out);
			return;
		}
		step = smtp_session_mail(d->session, j, mail, out, &clean);
		d->used_at = clock_mono_ms();
		if (step == SMTP_LOST || (kept && is_used_up(step, out)))
			drop_session(d);
		if (!kept || !clean || !is_used_up(step, out))
			return;
	}
}

int
submit_direct_send(struct submit_direct *d, struct job *j, const char *from,
    const char *to, struct span message, bool utf8, struct submit_result *out)
{
	struct smtp_mail mail = { from, to, message, utf8 };

	*out = (struct submit_result){ .outcome = SUBMIT_TEMPORARY };
	send_mail(d, j, &mail, out);
	return 0;
}

static int
say_failure(
    const struct submit_direct *d, struct job *j, const struct submit_result *r)
{
	/* Who could not be reached is named already. */
	if (span_starts(span_str(r->answer), span_str(d->host)))
		return job_fail(j, ERR_INTERNAL, "relay %s", r->answer);
	return job_fail(j, ERR_INTERNAL, "relay %s port %lld: %s%s%s", d->host,
	    (long long)d->conf.port, r->answer,
	    r->code[0] == '\0' ? "" : ", code ", r->code);
}

int
submit_direct_check(struct submit_direct *d, struct job *j, bool *utf8)
{
	int64_t deadline =
	    clock_mono_ms() + ANSWERS_PER_MESSAGE * d->conf.timeout_ms;
	struct submit_result r;
	bool kept;

	drop_session(d);
	if (get_session(d, j, deadline, &r, &kept) < 0)
		return say_failure(d, j, &r);
	*utf8 = smtp_session_offers_utf8(d->session);
	drop_session(d);
	return 0;
}

void
submit_direct_idle(struct submit_direct *d)
{
	if (d->session != NULL && (clock_mono_ms() - d->used_at >= IDLE_MS ||
				      !smtp_session_is_quiet(d->session)))
		drop_session(d);
}

/* --- making one ---------------------------------------------------------- */

static int
take_login(
    struct submit_direct *d, struct job *j, const struct submit_conf *conf)
{
	if (conf->user == NULL)
		return 0;
	if (credential_copy(
		j, "user", span_str(conf->user), CREDENTIAL_MAX, &d->user) < 0)
		return -1;
	if (conf->token.file == NULL && conf->token.command.n == 0)
		return credential_copy(j, "password", conf->password,
		    CREDENTIAL_MAX, &d->password);
	d->token = token_source_new(&conf->token);
	return 0;
}

int
submit_direct_new(
    struct job *j, const struct submit_conf *conf, struct submit_direct **out)
{
	struct submit_direct *d = xcalloc(1, sizeof(*d));

	d->conf = (struct smtp_session_conf){ .host = d->host,
		.port = conf->port,
		.tls = conf->tls,
		.auth = conf->auth,
		.timeout_ms = conf->timeout_ms,
		.is_ending = conf->is_ending };
	if (dial_host(conf->host, d->host) < 0) {
		job_fail(j, ERR_INTERNAL, "relay host: not a host name");
		goto fail;
	}
	if (take_login(d, j, conf) < 0)
		goto fail;
	if (conf->tls != CONF_TLS_NONE) {
		if (tls_client_init(j, conf->ca_file, conf->host, &d->client) <
		    0)
			goto fail;
		d->conf.client = &d->client;
	}
	*out = d;
	return 0;
fail:
	submit_direct_free(d);
	return -1;
}

void
submit_direct_free(struct submit_direct *d)
{
	if (d == NULL)
		return;
	drop_session(d);
	if (d->password != NULL)
		wipe(d->password, strlen(d->password));
	free(d->password);
	free(d->user);
	token_source_free(d->token);
	tls_client_done(&d->client);
	free(d);
}
