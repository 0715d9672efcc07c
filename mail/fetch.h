/*
 * Reading the mailbox that the replies come to.  The fetch*.c alone know
 * libetpan's IMAP; TLS, waiting and deadlines are ours.
 *
 *	fetch_connect()            TLS verified, logged in, SELECT
 *	fetch_list(…, &uids)       what is new since the UID that we know
 *	fetch_messages(…)          several, each whole, if within the limit
 *	fetch_dispose(…)           moved, flagged or deleted, after the commit
 *	fetch_wait(…)              IDLE until mail, a wake-up, or the time
 */
#ifndef MAIL_FETCH_H
#define MAIL_FETCH_H

#include "lib/buf.h"
#include "lib/conf.h"
#include "mail/token.h"

struct job;
struct fetch;

struct fetch_conf {
	const char *host;
	int64_t port;
	enum conf_tls tls; /* STARTTLS or IMPLICIT */
	const char *ca_file;
	const char *user;
	enum conf_auth auth;
	struct span password;
	struct token_conf token; /* instead of the password */
	const char *folder;
	enum conf_disposal disposal;
	const char *processed_folder;
	int64_t timeout_ms;
	/* Once it is true no connection or answer is waited for longer than a
	 * second (lib/turn.h); NULL: never. */
	bool (*is_ending)(void);
};

struct fetch_item {
	uint32_t uid;
	uint32_t size;
	int64_t internal_date; /* seconds since 1970; 0 if not given */
};

/* Never connects by itself. */
int fetch_new(struct job *j, const struct fetch_conf *conf, struct fetch **out);
void fetch_free(struct fetch *f);

/* 0, or -1 ERR_BUSY (try again) or ERR_UNAUTHORIZED/ERR_INTERNAL (a person
 * must act); the text says what and what would be right. */
int fetch_connect(struct fetch *f, struct job *j);
bool fetch_is_connected(const struct fetch *f);
void fetch_disconnect(struct fetch *f);
/* Of the selected folder; it may change with each connection. */
uint32_t fetch_uidvalidity(const struct fetch *f);
/* Names the mailbox in the store: "imap://user@host/folder". */
const char *fetch_source(const struct fetch *f);

/*
 * Messages with UID > after, ascending, at most `max`, in the job's arena.
 * -1 with ERR_BUSY when the connection is gone (call fetch_connect again).
 */
int fetch_list(struct fetch *f, struct job *j, uint32_t after, size_t max,
    struct fetch_item **items, size_t *count);
/* Was there more than the last list had room for? */
bool fetch_has_more(const struct fetch *f);
/* The message's bytes; never more than `max` are loaded.  1, or 0 if it is
 * gone or larger, or -1. */
int fetch_message(
    struct fetch *f, struct job *j, uint32_t uid, size_t max, struct span *out);
struct fetch_body {
	struct span raw; /* in the job's arena */
	bool is_there;   /* else somebody took it away */
	bool is_whole;   /* else it is larger than the limit, and not here */
};

/* Several of a list at once (UIDs ascending, at most FETCH_MESSAGES_MAX).  The
 * caller sees to it that their sizes together are what memory may hold. */
#define FETCH_MESSAGES_MAX 100
int fetch_messages(struct fetch *f, struct job *j,
    const struct fetch_item *items, size_t count, size_t max,
    struct fetch_body *out);
/* Asks for what the next fetch_messages() will be about, and does not wait: 0,
 * or -1.  Any other command may come instead; the answer is then forgotten. */
int fetch_messages_ahead(struct fetch *f, struct job *j,
    const struct fetch_item *items, size_t count, size_t max);
/* As configured; on a message that is gone it succeeds. */
int fetch_dispose(
    struct fetch *f, struct job *j, const uint32_t *uids, size_t count);
/*
 * Idles (or polls with NOOP where the server has no IDLE) until something
 * arrives, `wake_fd` becomes readable (not read here), or timeout_ms passed.
 * 0 and *new_mail, or -1 when the connection is gone.
 */
int fetch_wait(struct fetch *f, struct job *j, int wake_fd, int64_t timeout_ms,
    bool *new_mail);

/* Login and SELECT, and does the processed folder exist?  For
 * `countersign check`: 0, or -1 with what to do. */
int fetch_check(struct fetch *f, struct job *j);

#endif
