#include "config.h"

#include "mail/fetch_session.h"

#include <libetpan/libetpan.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/job.h"
#include "mail/fetch_stream.h"

/* A server may end IDLE after half an hour, a firewall after much less. */
#define IDLE_MS (5 * 60 * 1000)
/* Without IDLE. */
#define POLL_MS (10 * 1000)

/* A line while idling. */
enum idle_line {
	IDLE_OTHER,
	IDLE_NEW,
	IDLE_CONTINUE,
	IDLE_DONE,
	IDLE_REFUSED,
	IDLE_GONE
};

static enum idle_line
gone(struct fetch *f, struct span said)
{
	char text[160];

	snprintf(text, sizeof(text), "%.*s",
	    said.n < sizeof(text) ? (int)said.n : (int)sizeof(text) - 1,
	    said.p);
	fetch_stream_end(f->stream, text);
	return IDLE_GONE;
}

static enum idle_line
read_idle_line(struct fetch *f, bool may_refuse)
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
	if (span_starts(line, span_str(tag))) {
		rest = span_from(line, strlen(tag));
		if (span_casestarts(rest, SPAN("OK")))
			return IDLE_DONE;
		return may_refuse ? IDLE_REFUSED : gone(f, rest);
	}
	if (!span_starts(line, SPAN("* ")))
		return IDLE_GONE;
	rest = span_from(line, 2);
	if (span_casestarts(rest, SPAN("BYE")))
		return gone(f, rest);
	space = span_find(rest, 0, ' ');
	rest = span_from(rest, space + 1);
	return span_caseeq_str(rest, "EXISTS") ? IDLE_NEW : IDLE_OTHER;
}

/*
 * Lines until one of these: 0, 1 if IDLE was refused before it began, or -1.
 * (Ours instead of libetpan's, which throws away what the server announces
 * before its "+".)
 */
static int
read_idle_until(struct fetch *f, enum idle_line end, bool *new_mail)
{
	for (;;) {
		enum idle_line line = read_idle_line(f, end == IDLE_CONTINUE);

		if (line == IDLE_GONE)
			return -1;
		if (line == IDLE_REFUSED)
			return 1;
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
	fetch_begin(f);
	if (mailimap_send_current_tag(f->imap) != MAILIMAP_NO_ERROR ||
	    mailstream_write(f->imap->imap_stream, "IDLE\r\n", 6) != 6 ||
	    mailstream_flush(f->imap->imap_stream) < 0)
		return -1;
	return read_idle_until(f, IDLE_CONTINUE, new_mail);
}

static int
idle_end(struct fetch *f, bool *new_mail)
{
	fetch_begin(f);
	if (mailstream_write(f->imap->imap_stream, "DONE\r\n", 6) != 6 ||
	    mailstream_flush(f->imap->imap_stream) < 0)
		return -1;
	return read_idle_until(f, IDLE_DONE, new_mail);
}

/* One IDLE: until mail, the wake-up or the deadline.  0 and what, 1 if it was
 * refused, or -1. */
static int
idle_once(
    struct fetch *f, int wake_fd, int64_t deadline, bool *new_mail, bool *woken)
{
	int begun = idle_begin(f, new_mail);

	if (begun != 0)
		return begun;
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
		fetch_begin(f);
		switch (read_idle_line(f, false)) {
		case IDLE_NEW:
			*new_mail = true;
			break;
		case IDLE_OTHER:
			break;
		case IDLE_DONE:
			/* The server ended it by itself. */
			return 0;
		case IDLE_CONTINUE:
		case IDLE_REFUSED:
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
		int result = idle_once(f, wake_fd, end, new_mail, &woken);

		if (result != 0)
			return result;
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

		fetch_begin(f);
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
	if (fetch_ready(f, j) < 0)
		return -1;
	/* Announced beside the answer to a command since the last list. */
	if (f->imap->imap_selection_info->sel_has_exists) {
		*new_mail = true;
		f->announced = true;
		return 0;
	}
	result = fetch_has(f, "IDLE") && !f->idle_refused
		     ? wait_idle(f, wake_fd, deadline, new_mail)
		     : 1;
	/* Some servers, or what is before them, list IDLE and have none. */
	f->idle_refused = f->idle_refused || result > 0;
	if (result > 0 && !*new_mail)
		result = wait_polling(f, wake_fd, deadline, new_mail);
	if (result < 0)
		return fetch_lost(f, j, "waiting for mail");
	f->announced = *new_mail;
	return 0;
}
