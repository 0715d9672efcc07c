#include "config.h"

#include "src/enroll_box.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "src/enroll_mail.h"

#include <poll.h>
#include <stdlib.h>

/* A challenge mail is small, even one with S/MIME around it. */
#define MESSAGE_MAX (256 * 1024)
#define LIST_MAX 500
#define RECONNECT_MS 2000

struct enroll_box {
	struct fetch *fetch;
	struct submit *submit;
	void (*tell)(const char *text);
	uint32_t uidvalidity;
	uint32_t before;  /* the last UID that was there at the start */
	uint32_t scanned; /* … that was looked at */
	uint32_t found;   /* 0: none */
	bool is_away;     /* no connection, and the user knows */
	bool is_nobody;   /* sends without a login */
};

/* --- connections --------------------------------------------------------- */

/* Whoever renumbers the mailbox makes all of its mail new. */
static int
connect_imap(struct enroll_box *b, struct job *j)
{
	if (fetch_is_connected(b->fetch))
		return 0;
	if (fetch_connect(b->fetch, j) < 0)
		return -1;
	if (b->uidvalidity != 0 &&
	    fetch_uidvalidity(b->fetch) != b->uidvalidity)
		b->before = b->scanned = b->found = 0;
	b->uidvalidity = fetch_uidvalidity(b->fetch);
	return 0;
}

/* Up to the last message that is there now. */
static int
skip_old(struct enroll_box *b)
{
	struct fetch_item *items;
	struct job j;
	size_t count;
	int result;

	job_init(&j, NULL, NULL);
	do {
		job_reset(&j);
		count = 0;
		result = fetch_list(
		    b->fetch, &j, b->before, LIST_MAX, &items, &count);
		if (result == 0 && count > 0)
			b->before = items[count - 1].uid;
	} while (result == 0 && count > 0);
	job_done(&j);
	b->scanned = b->before;
	return result;
}

static int
start(struct enroll_box *b, struct job *j, const struct enroll_box_conf *conf)
{
	if (submit_new(j, &conf->smtp, &b->submit) < 0 ||
	    submit_check(b->submit, j, NULL) < 0)
		return job_context(j, "--smtp %s", conf->smtp.host);
	if (fetch_new(j, &conf->imap, &b->fetch) < 0 || connect_imap(b, j) < 0)
		return job_context(j, "--imap %s", conf->imap.host);
	if (skip_old(b) < 0)
		return job_fail(j, ERR_BUSY,
		    "--imap %s: the folder cannot be listed; try again",
		    conf->imap.host);
	return 0;
}

int
enroll_box_new(
    struct job *j, const struct enroll_box_conf *conf, struct enroll_box **out)
{
	struct enroll_box *b = xcalloc(1, sizeof(*b));

	b->tell = conf->tell;
	b->is_nobody = conf->smtp.user == NULL;
	if (start(b, j, conf) < 0) {
		enroll_box_free(b);
		return -1;
	}
	*out = b;
	return 0;
}

void
enroll_box_free(struct enroll_box *b)
{
	if (b == NULL)
		return;
	if (b->fetch != NULL)
		fetch_free(b->fetch);
	if (b->submit != NULL)
		submit_free(b->submit);
	free(b);
}

void
enroll_box_rewind(struct enroll_box *b)
{
	b->scanned = b->before;
	b->found = 0;
}

/* --- waiting ------------------------------------------------------------- */

static void
copy_challenge(struct job *j, const struct enroll_challenge *from,
    struct enroll_challenge *to)
{
	to->token_part1 = arena_strdup(j->arena, from->token_part1);
	to->reply_to = arena_strdup(j->arena, from->reply_to);
	to->message_id = from->message_id == NULL
			     ? NULL
			     : arena_strdup(j->arena, from->message_id);
}

/* One message, in a job of its own: 1, 0, -1 when the connection is gone. */
static int
look_at(struct enroll_box *b, struct job *j, const struct fetch_item *item,
    const struct enroll_expected *e, struct enroll_challenge *out)
{
	struct enroll_challenge found;
	struct span raw;
	struct job mail;
	int result;

	job_init(&mail, NULL, NULL);
	result = fetch_message(b->fetch, &mail, item->uid, MESSAGE_MAX, &raw);
	if (result > 0) {
		result = enroll_mail_check(
		    &mail, raw, item->internal_date, e, &found);
		if (result > 0)
			copy_challenge(j, &found, out);
		if (result < 0) {
			b->tell(arena_printf(mail.arena,
			    "a mail that looks like the challenge was left "
			    "alone: %s",
			    mail.err.text));
			result = 0;
		}
	}
	if (result >= 0)
		b->scanned = item->uid;
	if (result > 0)
		b->found = item->uid;
	job_done(&mail);
	return result;
}

/* All that is new now: 1, 0, -1 when the connection is gone. */
static int
scan(struct enroll_box *b, struct job *j, const struct enroll_expected *e,
    struct enroll_challenge *out)
{
	struct fetch_item *items;
	struct job list;
	size_t count;
	int result;

	job_init(&list, NULL, NULL);
	do {
		job_reset(&list);
		count = 0;
		result = fetch_list(
		    b->fetch, &list, b->scanned, LIST_MAX, &items, &count);
		for (size_t i = 0; i < count && result == 0; i++)
			result = look_at(b, j, &items[i], e, out);
	} while (result == 0 && count > 0);
	job_done(&list);
	return result;
}

/* Connects, looks, waits for more: 1, 0, -1 when there is no connection. */
static int
try_once(struct enroll_box *b, struct job *j, const struct enroll_expected *e,
    int64_t timeout_ms, struct enroll_challenge *out)
{
	struct job step;
	bool new_mail;
	int result;

	job_init(&step, NULL, NULL);
	result = connect_imap(b, &step);
	if (result == 0)
		result = scan(b, j, e, out);
	if (result == 0 && timeout_ms > 0)
		result = fetch_wait(b->fetch, &step, -1, timeout_ms, &new_mail);
	if (result < 0) {
		if (fetch_is_connected(b->fetch))
			fetch_disconnect(b->fetch);
		else if (!b->is_away)
			b->tell(step.err.text);
		b->is_away = true;
	} else {
		b->is_away = false;
	}
	job_done(&step);
	return result;
}

int
enroll_box_find(struct enroll_box *b, struct job *j,
    const struct enroll_expected *e, int64_t timeout_ms,
    struct enroll_challenge *out)
{
	int64_t deadline = clock_mono_ms() + timeout_ms;
	int64_t left;
	int result;

	do {
		left = deadline - clock_mono_ms();
		result = try_once(b, j, e, left, out);
		if (result > 0)
			return 1;
		left = deadline - clock_mono_ms();
		if (result < 0 && left > 0)
			poll(NULL, 0,
			    (int)(left < RECONNECT_MS ? left : RECONNECT_MS));
	} while (left > 0);
	return 0;
}

/* --- the reply ----------------------------------------------------------- */

int
enroll_box_reply(struct enroll_box *b, struct job *j, const char *mailbox,
    const char *reply_to, struct span message)
{
	struct submit_result r;
	struct job flag;

	if (submit_send(b->submit, j, mailbox, reply_to, message, &r) < 0)
		return -1;
	if (r.outcome != SUBMIT_ACCEPTED && r.outcome != SUBMIT_UNKNOWN)
		return job_fail(j,
		    r.outcome == SUBMIT_TEMPORARY ? ERR_BUSY : ERR_CONNECTION,
		    "the mail server does not take the reply to %s: %s%s%s%s",
		    reply_to, r.code, r.code[0] != '\0' ? " " : "", r.answer,
		    b->is_nobody && r.outcome == SUBMIT_PERMANENT
			? " (nobody has logged in there: give "
			  "--smtp-password-file if it wants a login)"
			: "");
	if (b->found == 0)
		return 0;
	/* A courtesy to the reader of the mailbox: failing is no matter. */
	job_init(&flag, NULL, NULL);
	if (fetch_dispose(b->fetch, &flag, &b->found, 1) < 0)
		b->tell("the challenge mail could not be flagged as answered");
	job_done(&flag);
	return 0;
}
