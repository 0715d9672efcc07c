/*
 * A request and its response as plain structs: what acme/ works on.  No
 * sockets, no HTTP library; src/http.c makes the one and sends the other.
 */
#ifndef ACME_REQUEST_H
#define ACME_REQUEST_H

#include "lib/buf.h"

struct account;
struct json;
struct key_proof;
struct problem_extra;
struct route;

enum method {
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_OPTIONS,
	METHOD_OTHER
};

struct request {
	/* From the HTTP front; spans live as long as the job. */
	enum method method;
	const char *method_name;  /* as received, for error texts */
	struct span target;       /* path and query, octet for octet */
	struct span content_type; /* empty: missing */
	bool content_type_repeated;
	struct span content_encoding;
	struct span accept;
	struct span accept_language;
	struct span user_agent;
	const char *client_address; /* AC-21 */
	struct span body;

	/* From acme_prepare(). */
	const struct route *route;
	char id[23];      /* of the path, or "" */
	struct span tail; /* of the path, where it is no id, or follows one */
	const struct account *account; /* NULL if a jwk signed */
	const char *account_url;       /* the kid; NULL if a jwk signed */
	struct span cursor;    /* of the orders list; p NULL: there is none */
	const struct jwk *jwk; /* that signed; of newAccount: vetted */
	bool is_read;          /* POST-as-GET, GET or HEAD */
	const struct json *payload; /* NULL for a read */
	bool at_rules; /* the account is what it was: step 18 has begun */
	const struct key_proof *proof; /* of PATH_REPORT, verified; or NULL */
};

#define RESPONSE_HEADERS_MAX 24

/* The body of a HEAD is that of the GET: the front sends its length and
 * leaves it out (AC-8). */
struct response {
	int status;
	struct {
		const char *name;
		const char *value;
	} headers[RESPONSE_HEADERS_MAX];
	size_t header_count;
	struct buf body; /* initialised by acme_prepare() */
	/* What a refusal says beyond the job's error, or NULL. */
	const struct problem_extra *problem;
};

/* Both borrowed for the job's life.  Further fields of one name are sent as
 * fields of their own (AC-16). */
void response_header(struct response *r, const char *name, const char *value);

#endif
