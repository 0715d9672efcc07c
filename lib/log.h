/*
 * One structured line per event, at the place that acts.
 *
 *	log_info("mail sent", "order=%s relay=%s", id, log_quote(q, relay));
 *
 * The event first, then key=value pairs; text from outside goes through
 * log_quote() (escaped, cut).  Keys are the same word everywhere: order,
 * authz, challenge, account, mailbox (audit only, AC-178), error, job, role.
 * Levels: error – a person must act, and the line says how; warning – we go
 * on, but look; info – an order's life can be followed; debug – developers.
 *
 * Lines go to standard error with a timestamp, or with journald's <n>
 * prefix and without one when standard error is the journal.
 * Secrets have no formatter: never log token halves, keys or passwords.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include "lib/buf.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* `who` ("web", "supervisor" …) stands in each line as role=…; borrowed. */
void log_open(const char *who, enum log_level max);

void log_line(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Room for 128 characters of outside text, escaped (AC-22). */
#define LOG_QUOTE_MAX 128
struct log_quoted {
	char text[4 * LOG_QUOTE_MAX + 6];
};
/*
 * `s` in double quotes: at most 128 octets of it, everything outside
 * printable ASCII and the characters " and \ as \xHH; "…" is shown as a
 * trailing ...  Returns q->text.
 */
const char *log_quote(struct log_quoted *q, struct span s);

/* The same for a text of our own, an error's or an advice: so much of it that
 * what is to be done, at its end, is not cut off. */
#define LOG_TEXT_MAX 512
struct log_text {
	char text[4 * LOG_TEXT_MAX + 6];
};
const char *log_text(struct log_text *q, const char *text);

#endif
