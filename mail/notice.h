/*
 * The mails that tell a subscriber that certificates must be replaced (PK-185),
 * or that one can be renewed (PK-191): English or German, exact bytes with
 * CRLF, before DKIM.  Nothing that a client chose but address and language gets
 * in.
 */
#ifndef MAIL_NOTICE_H
#define MAIL_NOTICE_H

#include "lib/buf.h"

struct job;
struct texts;

struct notice_input {
	const char *ca_name;
	const char *mailbox;    /* canonical: To */
	const char *from;       /* bare address */
	const char *message_id; /* with <> */
	const char *language;   /* Accept-Language as received, or NULL */
	const char *default_language;
	const struct texts *renewal_texts; /* NULL: the built-in ones */
	const char *help_url;              /* NULL: no link */
	int64_t date;
	int64_t deadline; /* when what is left is revoked; notAfter */
	/* Of a report: which (PK-184), and what the operator says. */
	const char *about;
	const char *words;
};

int notice_compose(
    struct job *j, const struct notice_input *in, struct span *out);

/* That it is time for a new certificate, which needs an answer. */
int notice_compose_renewal(
    struct job *j, const struct notice_input *in, struct span *out);
/* The same as a reader sees it, with its Subject in UTF-8. */
struct compose_parts;
int notice_render_renewal(struct job *j, const struct notice_input *in,
    struct span *subject, struct compose_parts *out);

/* What became of a problem report: the operator's words, and nothing of the
 * report itself, which may name others. */
int notice_compose_report(
    struct job *j, const struct notice_input *in, struct span *out);

/* "<hash@domain of from>": of the incident or report, the address and the
 * deadline, so that a mail that goes out twice after a crash is known as one,
 * and one that says another moment is not. */
const char *notice_message_id(struct job *j, const struct notice_input *in);

#endif
