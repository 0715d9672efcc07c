#include "config.h"

#include "mail/fetch.h"

#include <libetpan/libetpan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "lib/turn.h"
#include "mail/dial.h"
#include "mail/fetch_session.h"
#include "mail/fetch_stream.h"
#include "mail/smtp_text.h"
#include "mail/tls_client.h"
#include "mail/token.h"

/* --- small things -------------------------------------------------------- */

bool
fetch_is_connected(const struct fetch *f)
{
	return f->imap != NULL;
}

uint32_t
fetch_uidvalidity(const struct fetch *f)
{
	return f->uidvalidity;
}

const char *
fetch_source(const struct fetch *f)
{
	return f->source;
}

static int64_t
deadline_of(const struct fetch *f)
{
	if (f->connect_deadline != 0)
		return f->connect_deadline;
	return clock_mono_ms() + f->conf.timeout_ms;
}

void
fetch_begin_within(struct fetch *f, size_t octets)
{
	fetch_stream_limit(f->stream, deadline_of(f), octets);
}

void
fetch_begin(struct fetch *f)
{
	fetch_begin_within(f, FETCH_ANSWER_OCTETS);
}

void
fetch_forget_backlog(struct fetch *f)
{
	free(f->backlog.uids);
	f->backlog = (struct fetch_backlog){ .uids = NULL };
}

void
fetch_drop(struct fetch *f, size_t octets)
{
	if (f->imap != NULL) {
		/* LOGOUT has no answer before what was asked for. */
		fetch_stream_limit(f->stream, clock_mono_ms() + 1000,
		    f->ahead.count > 0 ? 0 : octets);
		mailimap_free(f->imap);
	}
	f->imap = NULL;
	fetch_stream_free(f->stream);
	f->stream = NULL;
	f->uidvalidity = 0;
	f->announced = false;
	f->idle_refused = false;
	f->has_more = false;
	f->ahead.count = 0;
	fetch_forget_backlog(f);
}

void
fetch_disconnect(struct fetch *f)
{
	fetch_drop(f, FETCH_ANSWER_OCTETS);
}

const char *
fetch_server_text(const struct fetch *f, char out[160])
{
	const char *text = f->imap == NULL ? NULL : f->imap->imap_response;

	smtp_text_clean(out, 160, text == NULL ? "" : text);
	return out;
}

int
fetch_lost(struct fetch *f, struct job *j, const char *what)
{
	char why[256] = "it sent something that is not IMAP";

	if (f->stream != NULL)
		fetch_stream_say_farewell(f->stream);
	if (f->stream != NULL && *fetch_stream_why(f->stream) != '\0')
		snprintf(why, sizeof(why), "%s", fetch_stream_why(f->stream));
	fetch_drop(f, 0);
	job_fail(
	    j, ERR_BUSY, "IMAP server %s, %s: %s", f->conf.host, what, why);
	return -1;
}

bool
fetch_is_refusal(int r)
{
	switch (r) {
	case MAILIMAP_ERROR_LOGIN:
	case MAILIMAP_ERROR_SELECT:
	case MAILIMAP_ERROR_STARTTLS:
	case MAILIMAP_ERROR_CUSTOM_COMMAND:
	case MAILIMAP_ERROR_UID_FETCH:
	case MAILIMAP_ERROR_UID_SEARCH:
	case MAILIMAP_ERROR_UID_MOVE:
	case MAILIMAP_ERROR_UID_COPY:
	case MAILIMAP_ERROR_UID_STORE:
	case MAILIMAP_ERROR_EXPUNGE:
	case MAILIMAP_ERROR_CREATE:
	case MAILIMAP_ERROR_STATUS:
	case MAILIMAP_ERROR_NOOP:
	case MAILIMAP_ERROR_EXTENSION:
		return true;
	default:
		return false;
	}
}

/* The UIDs that we know are others' by now. */
static bool
is_renumbered(const struct fetch *f)
{
	const struct mailimap_selection_info *info =
	    f->imap == NULL ? NULL : f->imap->imap_selection_info;

	return f->uidvalidity != 0 && info != NULL &&
	       info->sel_uidvalidity != f->uidvalidity;
}

static int
drop_renumbered(struct fetch *f, struct job *j)
{
	fetch_drop(f, 0);
	return job_fail(j, ERR_BUSY,
	    "IMAP server %s numbers the messages of the folder anew "
	    "(UIDVALIDITY): it is opened again",
	    f->conf.host);
}

int
fetch_result(struct fetch *f, struct job *j, int r, const char *what)
{
	char said[160];

	if (r == MAILIMAP_NO_ERROR)
		return is_renumbered(f) ? drop_renumbered(f, j) : 0;
	if (!fetch_is_refusal(r))
		return fetch_lost(f, j, what);
	return job_fail(j, ERR_BUSY, "IMAP server %s, %s: %s", f->conf.host,
	    what, fetch_server_text(f, said));
}

/* --- connecting ---------------------------------------------------------- */

static int
start_tls(struct fetch *f, struct job *j)
{
	if (fetch_stream_start_tls(f->stream, &f->tls) < 0)
		return fetch_lost(f, j, "connecting");
	return 0;
}

/* The list as the server gives it now, inside TLS or after the login: what
 * was said before counts no longer.  (mailimap_capability() crashes when the
 * server says OK and nothing else.) */
static int
ask_capabilities(struct fetch *f, struct job *j)
{
	struct mailimap_connection_info *info = f->imap->imap_connection_info;

	if (info == NULL)
		return job_fail(j, ERR_INTERNAL, "IMAP: no memory");
	if (info->imap_capability != NULL)
		mailimap_capability_data_free(info->imap_capability);
	info->imap_capability = NULL;
	fetch_begin(f);
	return fetch_result(
	    f, j, mailimap_custom_command(f->imap, "CAPABILITY"), "CAPABILITY");
}

/* An empty list is kept as none, and libetpan looks through it all the same. */
static bool
has_capabilities(const struct fetch *f)
{
	const struct mailimap_connection_info *info =
	    f->imap->imap_connection_info;

	return info != NULL && info->imap_capability != NULL &&
	       info->imap_capability->cap_list != NULL;
}

bool
fetch_has(const struct fetch *f, const char *capability)
{
	return has_capabilities(f) &&
	       mailimap_has_extension(f->imap, capability) != 0;
}

bool
fetch_has_login(const struct fetch *f, const char *mechanism)
{
	return has_capabilities(f) &&
	       mailimap_has_authentication(f->imap, mechanism) != 0;
}

static int
upgrade(struct fetch *f, struct job *j)
{
	char said[160];
	int r;

	fetch_begin(f);
	r = mailimap_starttls(f->imap);
	/* What came behind the answer would be believed as said in TLS.  (Some
	 * versions of the library look for it too, and call it a refusal.) */
	if (f->imap->imap_stream->read_buffer_len > 0) {
		fetch_drop(f, 0);
		job_fail(j, ERR_BUSY,
		    "IMAP server %s, or somebody on the way, sent more than "
		    "it was asked before TLS began",
		    f->conf.host);
		return -1;
	}
	if (r == MAILIMAP_ERROR_STARTTLS || r == MAILIMAP_ERROR_PROTOCOL) {
		job_fail(j, ERR_INTERNAL,
		    "IMAP server %s does not start TLS: %s; set the port for "
		    "TLS from the start (993)?",
		    f->conf.host, fetch_server_text(f, said));
		fetch_disconnect(f);
		return -1;
	}
	if (fetch_result(f, j, r, "STARTTLS") < 0)
		return -1;
	return start_tls(f, j);
}

/* The library leaks a greeting that is BYE, and goes on.  And what another
 * kind of server says, says which it is. */
static int
check_greeting(struct fetch *f, struct job *j, mailstream *stream)
{
	bool is_there = mailstream_feed_read_buffer(stream) >= 5;
	struct span all =
	    span_mem(stream->read_buffer, stream->read_buffer_len);
	bool is_imap = span_starts(all, SPAN("* "));
	char text[160], said[160];

	if (!is_there || (is_imap && !span_casestarts(all, SPAN("* BYE"))))
		return 0;
	snprintf(
	    text, sizeof(text), "%.*s", (int)span_find(all, 0, '\r'), all.p);
	smtp_text_clean(said, sizeof(said), text);
	mailstream_close(stream);
	fetch_drop(f, 0);
	job_fail(j, ERR_BUSY, "IMAP server %s, greeting: %s%s", f->conf.host,
	    is_imap ? "" : "it sent something that is not IMAP: ", said);
	return -1;
}

/* The stream becomes a session: the greeting is read. */
static int
greet(struct fetch *f, struct job *j)
{
	mailstream_low *low = fetch_stream_low(f->stream);
	mailstream *stream = mailstream_new(low, 16384);
	int r;

	f->imap = mailimap_new(0, NULL);
	if (f->imap == NULL || stream == NULL) {
		job_fail(j, ERR_INTERNAL, "IMAP: no memory");
		return -1;
	}
	fetch_begin(f);
	if (check_greeting(f, j, stream) < 0)
		return -1;
	r = mailimap_connect(f->imap, stream);
	if (r == MAILIMAP_NO_ERROR_NON_AUTHENTICATED)
		return 0;
	if (r == MAILIMAP_NO_ERROR_AUTHENTICATED) {
		/* Ahead of STARTTLS this is how somebody on the way keeps a
		 * client from starting TLS. */
		fetch_disconnect(f);
		job_fail(j, ERR_INTERNAL,
		    "IMAP server %s greets as if somebody had logged in; that "
		    "is not accepted",
		    f->conf.host);
		return -1;
	}
	return fetch_lost(f, j, "greeting");
}

static int
select_folder(struct fetch *f, struct job *j)
{
	const struct mailimap_selection_info *info;
	char said[160];
	int r;

	fetch_begin(f);
	r = mailimap_select(f->imap, f->folder);
	if (r == MAILIMAP_ERROR_SELECT) {
		job_fail(j, ERR_INTERNAL,
		    "IMAP server %s: folder %s cannot be opened: %s",
		    f->conf.host, f->folder, fetch_server_text(f, said));
		fetch_disconnect(f);
		return -1;
	}
	if (fetch_result(f, j, r, "SELECT") < 0)
		return -1;
	info = f->imap->imap_selection_info;
	if (info == NULL || info->sel_uidvalidity == 0 ||
	    info->sel_perm == MAILIMAP_MAILBOX_READONLY) {
		job_fail(j, ERR_INTERNAL, "IMAP server %s: folder %s %s",
		    f->conf.host, f->folder,
		    info == NULL || info->sel_uidvalidity == 0
			? "has no UIDVALIDITY"
			: "can only be read");
		fetch_disconnect(f);
		return -1;
	}
	f->uidvalidity = info->sel_uidvalidity;
	return 0;
}

/* However slowly a server answers, connecting ends in its time. */
static int
connect_by(struct fetch *f, struct job *j, int64_t deadline, struct span token)
{
	const struct turn until = { deadline, f->conf.is_ending };
	int fd;

	if (dial_tcp(j, f->tls.host, f->conf.port, false, &until, &fd) < 0)
		return job_context(j, "IMAP server");
	f->stream = fetch_stream_new(fd);
	fetch_stream_end_when(f->stream, f->conf.is_ending);
	fetch_stream_limit(f->stream, deadline, FETCH_ANSWER_OCTETS);
	if (f->conf.tls == CONF_TLS_IMPLICIT && start_tls(f, j) < 0)
		return -1;
	if (greet(f, j) < 0 ||
	    (f->conf.tls == CONF_TLS_STARTTLS && upgrade(f, j) < 0) ||
	    ask_capabilities(f, j) < 0 || fetch_log_in(f, j, token) < 0 ||
	    ask_capabilities(f, j) < 0)
		return -1;
	return select_folder(f, j);
}

int
fetch_connect(struct fetch *f, struct job *j)
{
	struct span token = SPAN("");
	int result;

	fetch_disconnect(f);
	/* A command may take its time, which is not the server's. */
	if (f->token != NULL && token_get(f->token, j, &token) < 0)
		return job_context(j, "IMAP server %s", f->conf.host);
	f->connect_deadline = deadline_of(f);
	result = connect_by(f, j, f->connect_deadline, token);
	f->connect_deadline = 0;
	if (result < 0)
		fetch_disconnect(f);
	return result;
}

int
fetch_need_connection(const struct fetch *f, struct job *j)
{
	if (f->imap == NULL)
		return job_fail(
		    j, ERR_BUSY, "IMAP server %s: not connected", f->conf.host);
	return 0;
}

/* --- checking, making ---------------------------------------------------- */

int
fetch_check(struct fetch *f, struct job *j)
{
	struct mailimap_status_att_list *atts;
	struct mailimap_mailbox_data_status *status = NULL;
	int r;

	if (fetch_connect(f, j) < 0)
		return -1;
	if (f->conf.disposal != CONF_DISPOSAL_MOVE)
		return 0;
	atts = mailimap_status_att_list_new_empty();
	mailimap_status_att_list_add(atts, MAILIMAP_STATUS_ATT_MESSAGES);
	fetch_begin(f);
	r = mailimap_status(f->imap, f->processed, atts, &status);
	mailimap_status_att_list_free(atts);
	if (status != NULL)
		mailimap_mailbox_data_status_free(status);
	if (r == MAILIMAP_ERROR_STATUS)
		/* It would be made with the first reply: can it be? */
		r = mailimap_create(f->imap, f->processed);
	return fetch_result(f, j, r, "the folder for processed messages");
}

/* libetpan writes these into a line without a look at them. */
static int
copy_text(struct job *j, const char *what, struct span value, char **out)
{
	if (value.n == 0 || value.n > 255 || span_has_control(value) ||
	    !span_is_ascii(value))
		return job_fail(j, ERR_INTERNAL,
		    "IMAP %s: it must have 1 to 255 characters, all of them "
		    "printable ASCII",
		    what);
	*out = xmalloc(value.n + 1);
	memcpy(*out, value.p, value.n);
	(*out)[value.n] = '\0';
	return 0;
}

static int
check_conf(struct job *j, const struct fetch_conf *conf)
{
	char host[DIAL_HOST_MAX + 1];

	if (dial_host(conf->host, host) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "IMAP host: not a host name or an address");
	if (conf->port < 1 || conf->port > 65535)
		return job_fail(
		    j, ERR_INTERNAL, "IMAP port: must be 1 to 65535");
	if (conf->tls == CONF_TLS_NONE)
		return job_fail(j, ERR_INTERNAL,
		    "IMAP server %s: without TLS the password and the mail "
		    "could be read and changed; use STARTTLS or TLS",
		    conf->host);
	if (conf->timeout_ms < 1000 || conf->timeout_ms > 600000)
		return job_fail(
		    j, ERR_INTERNAL, "IMAP timeout: must be 1 to 600 seconds");
	return 0;
}

static void
make_source(struct fetch *f)
{
	size_t room = strlen(f->user) + strlen(f->tls.host) +
		      strlen(f->folder) + sizeof("imap://@/");

	f->source = xmalloc(room);
	snprintf(f->source, room, "imap://%s@%s/%s", f->user, f->tls.host,
	    f->folder);
}

static bool
has_token(const struct fetch_conf *conf)
{
	return conf->token.file != NULL || conf->token.command.n > 0;
}

int
fetch_new(struct job *j, const struct fetch_conf *conf, struct fetch **out)
{
	struct fetch *f = xcalloc(1, sizeof(*f));

	f->conf = *conf;
	if (check_conf(j, conf) < 0 ||
	    copy_text(j, "user", span_str(conf->user), &f->user) < 0 ||
	    (!has_token(conf) &&
		copy_text(j, "password", conf->password, &f->password) < 0) ||
	    copy_text(j, "folder", span_str(conf->folder), &f->folder) < 0 ||
	    (conf->disposal == CONF_DISPOSAL_MOVE &&
		copy_text(j, "processed folder",
		    span_str(conf->processed_folder), &f->processed) < 0) ||
	    tls_client_init(j, conf->ca_file, conf->host, &f->tls) < 0) {
		fetch_free(f);
		return -1;
	}
	f->conf.host = f->tls.host;
	if (has_token(conf))
		f->token = token_source_new(&conf->token);
	make_source(f);
	dial_ignore_sigpipe();
	/* Large literals stay in memory, never in a file in /tmp. */
	mmap_string_set_ceil(SIZE_MAX / 2);
	*out = f;
	return 0;
}

void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	fetch_disconnect(f);
	if (f->password != NULL)
		wipe(f->password, strlen(f->password));
	free(f->password);
	token_source_free(f->token);
	free(f->user);
	free(f->folder);
	free(f->processed);
	free(f->source);
	tls_client_done(&f->tls);
	free(f);
}
