/*
 * What the files of mail/fetch*.c share: the session under fetch.h.  Nobody
 * else includes this.
 */
#ifndef MAIL_FETCH_SESSION_H
#define MAIL_FETCH_SESSION_H

#include "mail/fetch.h"
#include "mail/tls_client.h"

struct fetch_stream;
struct mailimap;
struct mailimap_msg_att;
struct mailimap_set;

/* What an answer may have beyond the messages that were asked for. */
#define FETCH_ANSWER_OCTETS ((size_t)16 << 20)
/* UIDs in one command: lines stay far below what servers take. */
#define FETCH_UIDS_MAX 200

/* UIDs in the answer to one search, of ten digits and a blank each: they fit
 * into it. */
#define FETCH_SEARCH_MAX 1000000

/* UIDs that a search found and no list has had yet, ascending: a folder with
 * a hundred thousand messages is searched once, one with millions in parts. */
struct fetch_backlog {
	uint32_t *uids; /* malloc */
	size_t count, at;
	uint32_t end; /* the last UID that was searched for; 0: all were */
};

/* Messages that were asked for and not read yet; none: nothing is. */
struct fetch_ahead {
	uint32_t uids[FETCH_MESSAGES_MAX]; /* ascending */
	size_t count;
	size_t max;    /* of each */
	size_t octets; /* of the answer */
};

/* What one FETCH response says of what we asked; the rest is ignored. */
struct fetch_seen {
	bool has_uid, has_size;
	struct fetch_item item;
	struct span body; /* the response's */
	bool has_body;
};

struct fetch {
	struct fetch_conf conf;
	char *user, *password, *folder, *processed, *source;
	struct token_source *token; /* NULL: by password */
	struct tls_client tls;
	/* Together, while connected: */
	struct fetch_stream *stream;
	struct mailimap *imap;
	uint32_t uidvalidity;
	bool announced;    /* the last wait ended with new mail */
	bool has_more;     /* the last list was cut */
	bool idle_refused; /* although the server says that it has IDLE */
	struct fetch_backlog backlog;
	struct fetch_ahead ahead;
	int64_t connect_deadline; /* while connecting, of all of it */
};

/* Before each command: its deadline, and how much may come. */
void fetch_begin(struct fetch *f);
void fetch_begin_within(struct fetch *f, size_t octets);
/* Does the server name it among its capabilities? */
bool fetch_has(const struct fetch *f, const char *capability);
/* The same of a mechanism for AUTHENTICATE. */
bool fetch_has_login(const struct fetch *f, const char *mechanism);
/* 0, or the job's failure. */
int fetch_need_connection(const struct fetch *f, struct job *j);
/* The same; and no answer is outstanding then: before each command. */
int fetch_ready(struct fetch *f, struct job *j);

struct fetch_seen fetch_read_response(const struct mailimap_msg_att *response);

/* By what the configuration allows and the server offers: 0, or -1 and the end
 * of the session.  `token` is the first to try, where there are such. */
int fetch_log_in(struct fetch *f, struct job *j, struct span token);

/* An answer NO leaves the session usable; every other failure does not. */
bool fetch_is_refusal(int result);
/* 0 for success; else the job's failure, and the end of a broken session. */
int fetch_result(struct fetch *f, struct job *j, int result, const char *what);
/* The connection is of no use any more: -1. */
int fetch_lost(struct fetch *f, struct job *j, const char *what);
/* What the server said with its NO or BAD, for people. */
const char *fetch_server_text(const struct fetch *f, char out[160]);
/* Says LOGOUT and takes so many octets of an answer. */
void fetch_drop(struct fetch *f, size_t octets);

void fetch_forget_backlog(struct fetch *f);

/* For qsort() over uint32_t. */
int fetch_compare_uids(const void *a, const void *b);
/* The numbers, ascending, as ranges. */
struct mailimap_set *fetch_make_set(const uint32_t *uids, size_t n);

#endif
