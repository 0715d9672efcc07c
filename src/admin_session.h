/*
 * Who is logged in to the pages for admins.  In memory only: a session ends
 * with the process, after a time without requests, or after a working day.
 * Each belongs to one client key: shown with another, it is taken to be stolen
 * and ends.  From any thread.
 */
#ifndef SRC_ADMIN_SESSION_H
#define SRC_ADMIN_SESSION_H

#include "db/store_admin.h"

struct admin_sessions;

#define ADMIN_SESSIONS_MAX 64
#define ADMIN_SESSION_SECS ((int64_t)8 * 3600)
/* 32 random octets in base64url: only its hash is kept. */
#define ADMIN_TOKEN_LEN 43

struct admin_sessions *admin_sessions_new(void);
void admin_sessions_free(struct admin_sessions *s); /* NULL-safe */

/* A new one, of `name` with the client key `key` (DER).  Where there are too
 * many, the one that was idle longest ends. */
void admin_session_begin(struct admin_sessions *s, const char *name,
    struct span key, int64_t now, char token[ADMIN_TOKEN_LEN + 1]);

enum admin_session {
	ADMIN_SESSION_NONE,   /* there is, or was, none; or it has ended */
	ADMIN_SESSION_GOOD,   /* *name; and it goes on from now */
	ADMIN_SESSION_STOLEN, /* another key: *name, whose it was */
};
/* `idle`: the seconds after which it ends without a request. */
enum admin_session admin_session_find(struct admin_sessions *s,
    struct span token, struct span key, int64_t now, int64_t idle,
    char name[ADMIN_NAME_MAX + 1]);
/* There is none of that token any more. */
void admin_session_end(struct admin_sessions *s, struct span token);

#endif
