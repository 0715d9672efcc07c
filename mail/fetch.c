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
#include "mail/dial.h"
#include "mail/fetch_stream.h"
#include "mail/smtp_text.h"
#include "mail/tls_client.h"

/* What an answer may have beyond the message that was asked for. */
#define ANSWER_OCTETS ((size_t)16 << 20)
#define MESSAGE_EXTRA ((size_t)64 << 10)
/* UIDs in one command: lines stay far below what servers take. */
#define BATCH 200
/* A server may end IDLE after half an hour, a firewall after much less. */
#define IDLE_MS (5 * 60 * 1000)
/* Without IDLE. */
#define POLL_MS (10 * 1000)

struct fetch {
	struct fetch_conf conf;
	char *user, *password, *folder, *processed, *source;
	struct tls_client tls;
	/* Together, while connected: */
	struct fetch_stream *stream;
	mailimap *imap;
	uint32_t uidvalidity;
	bool announced; /* the last wait ended with new mail */
};

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
	return clock_mono_ms() + f->conf.timeout_ms;
}

/* Before each command. */
static void
begin(struct fetch *f)
{
	fetch_stream_limit(f->stream, deadline_of(f), ANSWER_OCTETS);
}

/* Says LOGOUT and takes so many octets of an answer. */
static void
drop(struct fetch *f, size_t octets)
{
	if (f->imap != NULL) {
		fetch_stream_limit(f->stream, clock_mono_ms() + 1000, octets);
		mailimap_free(f->imap);
	}
	f->imap = NULL;
	fetch_stream_free(f->stream);
	f->stream = NULL;
	f->uidvalidity = 0;
	f->announced = false;
}

void
fetch_disconnect(struct fetch *f)
{
	drop(f, ANSWER_OCTETS);
}

/* What the server said with its NO or BAD, for people. */
static const char *
server_text(const struct fetch *f, char out[160])
{
	const char *text = f->imap == NULL ? NULL : f->imap->imap_response;

	smtp_text_clean(out, 160, text == NULL ? "" : text);
	return out;
}

/* The connection is of no use any more. */
static int
lost(struct fetch *f, struct job *j, const char *what)
{
	char why[256] = "it sent something that is not IMAP";

	if (f->stream != NULL && *fetch_stream_why(f->stream) != '\0')
		snprintf(why, sizeof(why), "%s", fetch_stream_why(f->stream));
	drop(f, 0);
	job_fail(
	    j, ERR_BUSY, "IMAP server %s, %s: %s", f->conf.host, what, why);
	return -1;
}

/* An answer NO leaves the session usable; everything else does not. */
static bool
is_refusal(int r)
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

/* 0 for success; else the job's failure, and the end of a broken session. */
static int
check(struct fetch *f, struct job *j, int r, const char *what)
{
	char said[160];

	if (r == MAILIMAP_NO_ERROR)
		return 0;
	if (!is_refusal(r))
		return lost(f, j, what);
	return job_fail(j, ERR_BUSY, "IMAP server %s, %s: %s", f->conf.host,
	    what, server_text(f, said));
}

/* --- connecting ---------------------------------------------------------- */

static int
start_tls(struct fetch *f, struct job *j)
{
	if (fetch_stream_start_tls(f->stream, &f->tls) < 0)
		return lost(f, j, "connecting");
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
	begin(f);
	return check(
	    f, j, mailimap_custom_command(f->imap, "CAPABILITY"), "CAPABILITY");
}

static bool
has(const struct fetch *f, const char *capability)
{
	return mailimap_has_extension(f->imap, capability) != 0;
}

static int
upgrade(struct fetch *f, struct job *j)
{
	char said[160];
	int r;

	begin(f);
	r = mailimap_starttls(f->imap);
	/* What came behind the answer would be believed as said in TLS.  (Some
	 * versions of the library look for it too, and call it a refusal.) */
	if (f->imap->imap_stream->read_buffer_len > 0) {
		drop(f, 0);
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
		    f->conf.host, server_text(f, said));
		fetch_disconnect(f);
		return -1;
	}
	if (check(f, j, r, "STARTTLS") < 0)
		return -1;
	return start_tls(f, j);
}

/* The library leaks a greeting that is BYE, and goes on. */
static int
check_bye(struct fetch *f, struct job *j, mailstream *stream)
{
	char text[160], said[160];

	if (mailstream_feed_read_buffer(stream) < 5 ||
	    !span_casestarts(
		span_mem(stream->read_buffer, stream->read_buffer_len),
		SPAN("* BYE")))
		return 0;
	snprintf(text, sizeof(text), "%.*s",
	    (int)span_find(
		span_mem(stream->read_buffer, stream->read_buffer_len), 0,
		'\r'),
	    stream->read_buffer);
	smtp_text_clean(said, sizeof(said), text);
	mailstream_close(stream);
	drop(f, 0);
	job_fail(
	    j, ERR_BUSY, "IMAP server %s, greeting: %s", f->conf.host, said);
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
	begin(f);
	if (check_bye(f, j, stream) < 0)
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
	return lost(f, j, "greeting");
}

static int
log_in(struct fetch *f, struct job *j)
{
	char said[160];
	const char *code;
	bool is_passing;
	int r;

	if (has(f, "LOGINDISABLED")) {
		fetch_disconnect(f);
		job_fail(j, ERR_INTERNAL,
		    "IMAP server %s allows no login by password", f->conf.host);
		return -1;
	}
	begin(f);
	r = mailimap_login(f->imap, f->user, f->password);
	if (r != MAILIMAP_ERROR_LOGIN && r != MAILIMAP_ERROR_PROTOCOL)
		return check(f, j, r, "login");
	/* RFC 5530: the server's trouble, not our password's. */
	code = f->imap->imap_response_info == NULL
		   ? NULL
		   : f->imap->imap_response_info->rsp_atom;
	is_passing =
	    code != NULL && (span_caseeq_str(span_str(code), "UNAVAILABLE") ||
				span_caseeq_str(span_str(code), "INUSE") ||
				span_caseeq_str(span_str(code), "LIMIT"));
	job_fail(j, is_passing ? ERR_BUSY : ERR_UNAUTHORIZED,
	    "IMAP server %s refused the login of %s: %s", f->conf.host, f->user,
	    server_text(f, said));
	fetch_disconnect(f);
	return -1;
}

static int
select_folder(struct fetch *f, struct job *j)
{
	const struct mailimap_selection_info *info;
	char said[160];
	int r;

	begin(f);
	r = mailimap_select(f->imap, f->folder);
	if (r == MAILIMAP_ERROR_SELECT) {
		job_fail(j, ERR_INTERNAL,
		    "IMAP server %s: folder %s cannot be opened: %s",
		    f->conf.host, f->folder, server_text(f, said));
		fetch_disconnect(f);
		return -1;
	}
	if (check(f, j, r, "SELECT") < 0)
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

int
fetch_connect(struct fetch *f, struct job *j)
{
	int64_t deadline = deadline_of(f);
	int fd;

	fetch_disconnect(f);
	if (dial_tcp(j, f->tls.host, f->conf.port, false, deadline, &fd) < 0)
		return job_context(j, "IMAP server");
	f->stream = fetch_stream_new(fd);
	fetch_stream_limit(f->stream, deadline, ANSWER_OCTETS);
	if (f->conf.tls == CONF_TLS_IMPLICIT && start_tls(f, j) < 0)
		return -1;
	if (greet(f, j) < 0 ||
	    (f->conf.tls == CONF_TLS_STARTTLS && upgrade(f, j) < 0) ||
	    ask_capabilities(f, j) < 0 || log_in(f, j) < 0 ||
	    ask_capabilities(f, j) < 0 || select_folder(f, j) < 0) {
		fetch_disconnect(f);
		return -1;
	}
	return 0;
}

static int
need_connection(const struct fetch *f, struct job *j)
{
	if (f->imap == NULL)
		return job_fail(
		    j, ERR_BUSY, "IMAP server %s: not connected", f->conf.host);
	return 0;
}

/* --- reading ------------------------------------------------------------- */

static int64_t
seconds_of(const struct mailimap_date_time *t)
{
	struct clock_date d;
	int zone;

	if (t == NULL || t->dt_year < 1970 || t->dt_year > 9999 ||
	    t->dt_month < 1 || t->dt_month > 12 || t->dt_day < 1 ||
	    t->dt_day > 31 || t->dt_hour < 0 || t->dt_hour > 23 ||
	    t->dt_min < 0 || t->dt_min > 59 || t->dt_sec < 0 ||
	    t->dt_sec > 60 || t->dt_zone < -2400 || t->dt_zone > 2400)
		return 0;
	zone = t->dt_zone / 100 * 60 + t->dt_zone % 100;
	d = (struct clock_date){ .year = t->dt_year,
		.month = t->dt_month,
		.day = t->dt_day,
		.hour = t->dt_hour,
		.minute = t->dt_min,
		.second = t->dt_sec };
	return clock_secs(&d) - zone * 60;
}

/* What one FETCH response says of what we asked; the rest is ignored. */
struct seen {
	bool has_uid, has_size;
	struct fetch_item item;
	struct span body;
	bool has_body;
};

static void
read_attribute(const struct mailimap_msg_att_static *att, struct seen *out)
{
	switch (att->att_type) {
	case MAILIMAP_MSG_ATT_UID:
		out->has_uid = true;
		out->item.uid = att->att_data.att_uid;
		break;
	case MAILIMAP_MSG_ATT_RFC822_SIZE:
		out->has_size = true;
		out->item.size = att->att_data.att_rfc822_size;
		break;
	case MAILIMAP_MSG_ATT_INTERNALDATE:
		out->item.internal_date =
		    seconds_of(att->att_data.att_internal_date);
		break;
	case MAILIMAP_MSG_ATT_BODY_SECTION:
		if (att->att_data.att_body_section == NULL ||
		    att->att_data.att_body_section->sec_body_part == NULL)
			break;
		out->has_body = true;
		out->body =
		    span_mem(att->att_data.att_body_section->sec_body_part,
			att->att_data.att_body_section->sec_length);
		break;
	default:
		break;
	}
}

static struct seen
read_response(struct mailimap_msg_att *response)
{
	struct seen out = { 0 };

	for (clistiter *i = clist_begin(response->att_list); i != NULL;
	     i = clist_next(i)) {
		const struct mailimap_msg_att_item *item = clist_content(i);

		if (item->att_type == MAILIMAP_MSG_ATT_ITEM_STATIC)
			read_attribute(item->att_data.att_static, &out);
	}
	return out;
}

static int
by_uid(const void *a, const void *b)
{
	const struct fetch_item *x = a, *y = b;

	return (x->uid > y->uid) - (x->uid < y->uid);
}

static size_t
collect_items(
    struct job *j, clist *responses, uint32_t after, struct fetch_item **out)
{
	size_t n = 0, kept = 0;
	struct fetch_item *items = arena_calloc(
	    j->arena, (size_t)clist_count(responses) + 1, sizeof(*items));

	for (clistiter *i = clist_begin(responses); i != NULL;
	     i = clist_next(i)) {
		struct seen seen = read_response(clist_content(i));

		/* "9:*" always has the last message, whatever its UID. */
		if (seen.has_uid && seen.has_size && seen.item.uid > after)
			items[n++] = seen.item;
	}
	qsort(items, n, sizeof(*items), by_uid);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || items[kept - 1].uid != items[i].uid)
			items[kept++] = items[i];
	*out = items;
	return kept;
}

static struct mailimap_fetch_type *
list_attributes(void)
{
	struct mailimap_fetch_type *type =
	    mailimap_fetch_type_new_fetch_att_list_empty();

	mailimap_fetch_type_new_fetch_att_list_add(
	    type, mailimap_fetch_att_new_uid());
	mailimap_fetch_type_new_fetch_att_list_add(
	    type, mailimap_fetch_att_new_rfc822_size());
	mailimap_fetch_type_new_fetch_att_list_add(
	    type, mailimap_fetch_att_new_internaldate());
	return type;
}

static int
compare_uids(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The set of consecutive numbers as ranges; `uids` is ascending. */
static struct mailimap_set *
make_set(const uint32_t *uids, size_t n)
{
	struct mailimap_set *set = mailimap_set_new_empty();

	for (size_t i = 0; i < n;) {
		size_t k = i;

		while (k + 1 < n && uids[k + 1] == uids[k] + 1)
			k++;
		mailimap_set_add_interval(set, uids[i], uids[k]);
		i = k + 1;
	}
	return set;
}

/*
 * The UIDs to list.  After an announcement there are few, and every round
 * trip counts (ER-34); else a backlog may be large, so its UIDs are asked
 * first and only the first of them are listed.
 */
static int
choose_set(struct fetch *f, struct job *j, uint32_t after, size_t max,
    struct mailimap_set **out)
{
	struct mailimap_set *all = mailimap_set_new_interval(after + 1, 0);
	struct mailimap_search_key *key;
	clist *found = NULL;
	uint32_t *uids;
	size_t n = 0;
	int r;

	*out = all;
	if (f->announced)
		return 0;
	key = mailimap_search_key_new_uid(all);
	begin(f);
	r = mailimap_uid_search(f->imap, NULL, key, &found);
	mailimap_search_key_free(key);
	*out = NULL;
	if (check(f, j, r, "UID SEARCH") < 0)
		return -1;
	if (found == NULL)
		return 0;
	uids = arena_calloc(
	    j->arena, (size_t)clist_count(found) + 1, sizeof(*uids));
	for (clistiter *i = clist_begin(found); i != NULL; i = clist_next(i)) {
		const uint32_t *uid = clist_content(i);

		if (*uid > after)
			uids[n++] = *uid;
	}
	mailimap_search_result_free(found);
	if (n == 0)
		return 0;
	qsort(uids, n, sizeof(*uids), compare_uids);
	*out = make_set(uids, n < max ? n : max);
	return 0;
}

int
fetch_list(struct fetch *f, struct job *j, uint32_t after, size_t max,
    struct fetch_item **items, size_t *count)
{
	struct mailimap_fetch_type *type;
	struct mailimap_set *set;
	clist *responses = NULL;
	int r;

	*items = NULL;
	*count = 0;
	if (need_connection(f, j) < 0)
		return -1;
	/* What is announced from here on, this list may not have. */
	f->imap->imap_selection_info->sel_has_exists = 0;
	if (after == UINT32_MAX || max == 0)
		return 0;
	if (choose_set(f, j, after, max, &set) < 0)
		return -1;
	f->announced = false;
	if (set == NULL)
		return 0;
	type = list_attributes();
	begin(f);
	r = mailimap_uid_fetch(f->imap, set, type, &responses);
	mailimap_set_free(set);
	mailimap_fetch_type_free(type);
	if (check(f, j, r, "UID FETCH") < 0)
		return -1;
	*count = collect_items(j, responses, after, items);
	mailimap_fetch_list_free(responses);
	if (*count > max)
		*count = max;
	return 0;
}

static struct mailimap_fetch_type *
message_attributes(size_t max)
{
	struct mailimap_fetch_type *type =
	    mailimap_fetch_type_new_fetch_att_list_empty();
	struct mailimap_section *whole = mailimap_section_new(NULL);

	mailimap_fetch_type_new_fetch_att_list_add(
	    type, mailimap_fetch_att_new_uid());
	mailimap_fetch_type_new_fetch_att_list_add(
	    type, mailimap_fetch_att_new_rfc822_size());
	mailimap_fetch_type_new_fetch_att_list_add(
	    type, mailimap_fetch_att_new_body_peek_section_partial(
		      whole, 0, (uint32_t)max));
	return type;
}

/* 1 and the octets, 0 if it is not there whole. */
static int
take_message(
    struct job *j, clist *responses, uint32_t uid, size_t max, struct span *out)
{
	for (clistiter *i = clist_begin(responses); i != NULL;
	     i = clist_next(i)) {
		struct seen seen = read_response(clist_content(i));

		if (!seen.has_uid || seen.item.uid != uid || !seen.has_body)
			continue;
		/* As many octets as there may be are all of it only if the
		 * server says so. */
		if (seen.body.n > max ||
		    (seen.has_size ? seen.item.size > max : seen.body.n == max))
			return 0;
		*out =
		    span_mem(arena_memdup(j->arena, seen.body.p, seen.body.n),
			seen.body.n);
		return 1;
	}
	return 0;
}

int
fetch_message(
    struct fetch *f, struct job *j, uint32_t uid, size_t max, struct span *out)
{
	struct mailimap_fetch_type *type;
	struct mailimap_set *set;
	clist *responses = NULL;
	int r, found;

	if (need_connection(f, j) < 0)
		return -1;
	type = message_attributes(max);
	set = mailimap_set_new_single(uid);
	/* A server that ignores the range is stopped here. */
	fetch_stream_limit(f->stream, deadline_of(f), max + MESSAGE_EXTRA);
	r = mailimap_uid_fetch(f->imap, set, type, &responses);
	mailimap_set_free(set);
	mailimap_fetch_type_free(type);
	if (check(f, j, r, "UID FETCH") < 0)
		return -1;
	found = take_message(j, responses, uid, max, out);
	mailimap_fetch_list_free(responses);
	return found;
}

/* --- disposing ----------------------------------------------------------- */

static int
add_flag(struct fetch *f, struct mailimap_set *set, struct mailimap_flag *flag)
{
	struct mailimap_flag_list *flags = mailimap_flag_list_new_empty();
	struct mailimap_store_att_flags *att;
	int r;

	mailimap_flag_list_add(flags, flag);
	att = mailimap_store_att_flags_new_add_flags_silent(flags);
	begin(f);
	r = mailimap_uid_store(f->imap, set, att);
	mailimap_store_att_flags_free(att);
	return r;
}

static int
delete_set(struct fetch *f, struct mailimap_set *set)
{
	int r = add_flag(f, set, mailimap_flag_new_deleted());

	if (r != MAILIMAP_NO_ERROR)
		return r;
	begin(f);
	/* Without UIDPLUS there is only the command that also removes what
	 * others have marked. */
	return has(f, "UIDPLUS") ? mailimap_uid_expunge(f->imap, set)
				 : mailimap_expunge(f->imap);
}

static int
move_once(struct fetch *f, struct mailimap_set *set)
{
	int r;

	begin(f);
	if (has(f, "MOVE"))
		return mailimap_uid_move(f->imap, set, f->processed);
	r = mailimap_uid_copy(f->imap, set, f->processed);
	return r == MAILIMAP_NO_ERROR ? delete_set(f, set) : r;
}

static int
move_set(struct fetch *f, struct mailimap_set *set)
{
	int r = move_once(f, set);

	if (r != MAILIMAP_ERROR_UID_MOVE && r != MAILIMAP_ERROR_UID_COPY)
		return r;
	/* The folder may be missing: made, and once more. */
	begin(f);
	if (!is_refusal(mailimap_create(f->imap, f->processed)))
		r = move_once(f, set);
	return r;
}

static int
dispose_batch(struct fetch *f, struct job *j, const uint32_t *uids, size_t n)
{
	struct mailimap_set *set = make_set(uids, n);
	int r = MAILIMAP_NO_ERROR;

	switch (f->conf.disposal) {
	case CONF_DISPOSAL_MOVE:
		r = move_set(f, set);
		break;
	case CONF_DISPOSAL_FLAG:
		r = add_flag(f, set, mailimap_flag_new_seen());
		break;
	case CONF_DISPOSAL_DELETE:
		r = delete_set(f, set);
		break;
	}
	mailimap_set_free(set);
	return check(f, j, r,
	    f->conf.disposal == CONF_DISPOSAL_MOVE
		? "moving to the processed folder"
		: "marking as processed");
}

int
fetch_dispose(
    struct fetch *f, struct job *j, const uint32_t *uids, size_t count)
{
	uint32_t *sorted;

	if (need_connection(f, j) < 0)
		return -1;
	if (count == 0)
		return 0;
	sorted = arena_memdup(j->arena, uids, count * sizeof(*uids));
	qsort(sorted, count, sizeof(*sorted), compare_uids);
	for (size_t i = 0; i < count; i += BATCH)
		if (dispose_batch(f, j, sorted + i,
			count - i < BATCH ? count - i : BATCH) < 0)
			return -1;
	return 0;
}

/* --- waiting ------------------------------------------------------------- */

/* A line while idling. */
enum idle_line { IDLE_OTHER, IDLE_NEW, IDLE_CONTINUE, IDLE_DONE, IDLE_GONE };

static enum idle_line
read_idle_line(struct fetch *f)
{
	const char *p = mailstream_read_line_remove_eol(
	    f->imap->imap_stream, f->imap->imap_stream_buffer);
	struct span line, rest;
	char tag[16];
	size_t space;

	if (p == NULL)
		return IDLE_GONE;
	line = span_str(p);
	if (span_starts(line, SPAN("+")))
		return IDLE_CONTINUE;
	snprintf(tag, sizeof(tag), "%d ", f->imap->imap_tag);
	if (span_starts(line, span_str(tag)))
		return span_casestarts(span_from(line, strlen(tag)), SPAN("OK"))
			   ? IDLE_DONE
			   : IDLE_GONE;
	if (!span_starts(line, SPAN("* ")))
		return IDLE_GONE;
	rest = span_from(line, 2);
	if (span_casestarts(rest, SPAN("BYE")))
		return IDLE_GONE;
	space = span_find(rest, 0, ' ');
	rest = span_from(rest, space + 1);
	return span_caseeq_str(rest, "EXISTS") ? IDLE_NEW : IDLE_OTHER;
}

/*
 * Lines until one of these: 0, or -1.  (Ours instead of libetpan's, which
 * throws away what the server announces before its "+".)
 */
static int
read_idle_until(struct fetch *f, enum idle_line end, bool *new_mail)
{
	for (;;) {
		enum idle_line line = read_idle_line(f);

		if (line == IDLE_GONE)
			return -1;
		if (line == IDLE_NEW)
			*new_mail = true;
		if (line == end)
			return 0;
		/* Neither "+" twice nor an end that was not asked for. */
		if (line == IDLE_CONTINUE || line == IDLE_DONE)
			return -1;
	}
}

static int
idle_begin(struct fetch *f, bool *new_mail)
{
	begin(f);
	if (mailimap_send_current_tag(f->imap) != MAILIMAP_NO_ERROR ||
	    mailstream_write(f->imap->imap_stream, "IDLE\r\n", 6) != 6 ||
	    mailstream_flush(f->imap->imap_stream) < 0)
		return -1;
	return read_idle_until(f, IDLE_CONTINUE, new_mail);
}

static int
idle_end(struct fetch *f, bool *new_mail)
{
	begin(f);
	if (mailstream_write(f->imap->imap_stream, "DONE\r\n", 6) != 6 ||
	    mailstream_flush(f->imap->imap_stream) < 0)
		return -1;
	return read_idle_until(f, IDLE_DONE, new_mail);
}

/* One IDLE: until mail, the wake-up or the deadline.  0 and what, or -1. */
static int
idle_once(
    struct fetch *f, int wake_fd, int64_t deadline, bool *new_mail, bool *woken)
{
	if (idle_begin(f, new_mail) < 0)
		return -1;
	while (!*new_mail) {
		int event = 1;

		/* Lines that were read together with the last one. */
		if (f->imap->imap_stream->read_buffer_len == 0)
			event = fetch_stream_wait(f->stream, wake_fd, deadline);
		if (event < 0)
			return -1;
		*woken = event == 2;
		if (event != 1)
			break;
		begin(f);
		switch (read_idle_line(f)) {
		case IDLE_NEW:
			*new_mail = true;
			break;
		case IDLE_OTHER:
			break;
		case IDLE_DONE:
			/* The server ended it by itself. */
			return 0;
		case IDLE_CONTINUE:
		case IDLE_GONE:
			return -1;
		}
	}
	return idle_end(f, new_mail);
}

static int
wait_idle(struct fetch *f, int wake_fd, int64_t deadline, bool *new_mail)
{
	bool woken = false;

	while (!*new_mail && !woken) {
		int64_t now = clock_mono_ms();
		int64_t end =
		    deadline - now > IDLE_MS ? now + IDLE_MS : deadline;

		if (idle_once(f, wake_fd, end, new_mail, &woken) < 0)
			return -1;
		if (clock_mono_ms() >= deadline)
			break;
	}
	return 0;
}

static int
wait_polling(struct fetch *f, int wake_fd, int64_t deadline, bool *new_mail)
{
	for (;;) {
		int64_t now = clock_mono_ms();
		int64_t end =
		    deadline - now > POLL_MS ? now + POLL_MS : deadline;
		int event;

		begin(f);
		if (mailimap_noop(f->imap) != MAILIMAP_NO_ERROR)
			return -1;
		*new_mail = f->imap->imap_selection_info->sel_has_exists;
		if (*new_mail || clock_mono_ms() >= deadline)
			return 0;
		event = f->imap->imap_stream->read_buffer_len > 0
			    ? 1
			    : fetch_stream_wait(f->stream, wake_fd, end);
		if (event < 0)
			return -1;
		if (event == 2)
			return 0;
	}
}

int
fetch_wait(struct fetch *f, struct job *j, int wake_fd, int64_t timeout_ms,
    bool *new_mail)
{
	int64_t deadline = clock_mono_ms() + timeout_ms;
	int result;

	*new_mail = false;
	if (need_connection(f, j) < 0)
		return -1;
	/* Announced beside the answer to a command since the last list. */
	if (f->imap->imap_selection_info->sel_has_exists) {
		*new_mail = true;
		f->announced = true;
		return 0;
	}
	result = has(f, "IDLE") ? wait_idle(f, wake_fd, deadline, new_mail)
				: wait_polling(f, wake_fd, deadline, new_mail);
	if (result < 0)
		return lost(f, j, "waiting for mail");
	f->announced = *new_mail;
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
	begin(f);
	r = mailimap_status(f->imap, f->processed, atts, &status);
	mailimap_status_att_list_free(atts);
	if (status != NULL)
		mailimap_mailbox_data_status_free(status);
	if (r == MAILIMAP_ERROR_STATUS)
		/* It would be made with the first reply: can it be? */
		r = mailimap_create(f->imap, f->processed);
	return check(f, j, r, "the folder for processed messages");
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

int
fetch_new(struct job *j, const struct fetch_conf *conf, struct fetch **out)
{
	struct fetch *f = xcalloc(1, sizeof(*f));

	f->conf = *conf;
	if (check_conf(j, conf) < 0 ||
	    copy_text(j, "user", span_str(conf->user), &f->user) < 0 ||
	    copy_text(j, "password", conf->password, &f->password) < 0 ||
	    copy_text(j, "folder", span_str(conf->folder), &f->folder) < 0 ||
	    (conf->disposal == CONF_DISPOSAL_MOVE &&
		copy_text(j, "processed folder",
		    span_str(conf->processed_folder), &f->processed) < 0) ||
	    tls_client_init(j, conf->ca_file, conf->host, &f->tls) < 0) {
		fetch_free(f);
		return -1;
	}
	f->conf.host = f->tls.host;
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
	free(f->user);
	free(f->folder);
	free(f->processed);
	free(f->source);
	tls_client_done(&f->tls);
	free(f);
}
