/*
 * The challenge mail (ER-14 to ER-18, MA-104, MA-105): exact bytes with
 * CRLF, before DKIM.  Nothing that a client chose but address and language
 * gets in (AC-120).
 */
#ifndef MAIL_COMPOSE_H
#define MAIL_COMPOSE_H

#include "lib/buf.h"

struct job;
struct texts;

struct compose_input {
	const char *ca_name;
	const char *mailbox;     /* canonical: To */
	const char *from;        /* octet for octet the challenge's from */
	const char *reply_to;    /* or NULL */
	const char *message_id;  /* with <> */
	struct span token_part1; /* 32 characters */
	const char *language;    /* Accept-Language as received, or NULL */
	const char *default_language;
	const struct texts *texts; /* NULL: the built-in ones */
	const char *help_url;      /* NULL: no link */
	int64_t date;
	int64_t expires_at;
};

int compose_challenge(
    struct job *j, const struct compose_input *in, struct span *out);

/* What a reader sees of it; lines end in LF. */
struct compose_parts {
	const char *language; /* the chosen one's tag */
	struct span text, html;
};
int compose_render(
    struct job *j, const struct compose_input *in, struct compose_parts *out);

/*
 * Any mail of ours as multipart/alternative, exact bytes with CRLF, before
 * DKIM.  ERR_INTERNAL if an address or the Message-ID is not one.
 */
struct compose_head {
	const char *from, *to;  /* bare addresses */
	const char *reply_to;   /* the same, or NULL: no such field */
	struct span subject;    /* compose_subject() */
	const char *message_id; /* with <> */
	const char *auto_submitted;
	int64_t date;
};
int compose_message(struct job *j, const struct compose_head *head,
    const struct compose_parts *parts, struct span *out);

/* Text of one line as a Subject may hold it: as it is if it is ASCII, else in
 * encoded words (RFC 2047), of which each stands on a line of its own. */
struct span compose_subject(struct job *j, struct span text);

/* The same as multipart/mixed: text, and a file for programs. */
struct compose_attachment {
	const char *type; /* application/xml */
	const char *name; /* a bare word */
	struct span text; /* lines end in LF */
};
int compose_attached(struct job *j, const struct compose_head *head,
    struct span text, const struct compose_attachment *file, struct span *out);

/* "acme+<tag>@ca.example": tag = 16 random octets, lower-case base32
 * (ER-15).  NULL with ERR_INTERNAL if the local part gets too long. */
const char *compose_tagged(struct job *j, const char *address);
/* Does it end so? */
bool compose_is_tagged(const char *address);
/* "<random@domain of from>" */
const char *compose_message_id(struct job *j, const char *from);

#endif
