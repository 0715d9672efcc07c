/*
 * Who is logged in to the pages for admins.  In memory only: a session ends
 * with the process, after a time without requests, or after a working day.
 * Each belongs to one client key: shown with another, it is taken to be stolen
 * and ends.  From any thread.
 */
#ifndef SRC_ADMIN_SESSION_H
#define SRC_ADMIN_SESSION_H

#include "db/store_admin.h"
#include "lib/digest.h"

struct admin_sessions;

#define ADMIN_SESSIONS_MAX 64
#define ADMIN_SESSION_SECS ((int64_t)8 * 3600)
/* 32 random octets in base64url: only its hash is kept. */
#define ADMIN_TOKEN_LEN 43

struct admin_sessions *admin_sessions_new(void);
void admin_sessions_free(struct admin_sessions *s); /* NULL-safe */

/* Who has come in, and with what. */
struct admin_insider {
	char name[ADMIN_NAME_MAX + 1];
	/* Of the password's salt and hash: another password is another
	 * digest, and so is the same one set anew. */
	uint8_t password[SHA256_LEN];
};

/* The time by two clocks: whichever says that a session is over, it is. */
struct admin_moment {
	int64_t now;   /* seconds since 1970; may be set forward and back */
	int64_t up_ms; /* clock_boot_ms(): never steps */
};

/* A new one, with the client key `key` (DER).  Where there are too many, the
 * one that was idle longest ends. */
void admin_session_begin(struct admin_sessions *s,
    const struct admin_insider *who, struct span key, struct admin_moment at,
    char token[ADMIN_TOKEN_LEN + 1]);

enum admin_session {
	/* There is, or was, none; or it has ended; or `key` is empty, and that
	 * changes nothing. */
	ADMIN_SESSION_NONE,
	ADMIN_SESSION_GOOD,   /* *who; and it goes on from now */
	ADMIN_SESSION_STOLEN, /* another key: *who, whose it was */
};
/* `idle`: the seconds after which it ends without a request. */
enum admin_session admin_session_find(struct admin_sessions *s,
    struct span token, struct span key, struct admin_moment at, int64_t idle,
    struct admin_insider *who);
/* There is none of that token any more. */
void admin_session_end(struct admin_sessions *s, struct span token);

#endif
