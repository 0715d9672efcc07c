/*
 * What an ACME server says, as values (RFC 8555 section 7.1, RFC 8823): pure
 * functions from JSON.  Text for people has been made printable.
 */
#ifndef SRC_REMOTE_H
#define SRC_REMOTE_H

#include "lib/buf.h"

struct job;
struct json;

enum remote_status {
	REMOTE_PENDING,
	REMOTE_READY,
	REMOTE_PROCESSING,
	REMOTE_VALID,
	REMOTE_INVALID,
	REMOTE_EXPIRED,
	REMOTE_DEACTIVATED,
	REMOTE_REVOKED
};
const char *remote_status_name(enum remote_status s);

struct remote_order {
	const char *url;
	enum remote_status status;
	const char **authorizations;
	size_t authorization_count;
	const char *finalize;
	const char *certificate; /* NULL before it is valid */
	const char *error;       /* for people, or NULL */
	int64_t retry_after; /* seconds, -1: not said; not part of the JSON */
};

struct remote_authz {
	enum remote_status status;
	const char *mailbox; /* as the server writes it */
	/* Its email-reply-00 challenge; url NULL if it offers none. */
	const char *challenge_url;
	enum remote_status challenge_status;
	const char *token_part2;
	const char *from;
	const char *error;   /* for people, or NULL */
	int64_t retry_after; /* as above */
};

/* Renewal information (RFC 9773 section 4.2). */
struct remote_renewal {
	int64_t start, end;      /* end is after start */
	const char *explanation; /* a URL for people, or NULL */
	int64_t retry_after;     /* as above */
};

/* `url` is not in the JSON: left alone.  0, or -1 ERR_MALFORMED. */
int remote_order_parse(
    struct job *j, const struct json *object, struct remote_order *out);
int remote_authz_parse(
    struct job *j, const struct json *object, struct remote_authz *out);
int remote_renewal_parse(
    struct job *j, const struct json *object, struct remote_renewal *out);

/*
 * A problem as "type: detail".  Subproblems become a line each in *details
 * ("" without any), if that is not NULL.
 */
const char *remote_problem_text(
    struct job *j, const struct json *problem, const char **details);

/* Outside text on a terminal: what is not plain becomes "?", cut to fit. */
const char *remote_clean(struct job *j, struct span text);

#endif
