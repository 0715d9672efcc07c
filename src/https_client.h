/*
 * HTTPS as an ACME client speaks it.  https_client.c and
 * perspective_exchange.c alone know libcurl.
 *
 * TLS 1.2 or newer, the server's certificate always verified.  No redirect is
 * followed, no proxy is used, no .netrc or environment is read, and an answer
 * is never larger than the limit given.
 */
#ifndef SRC_HTTPS_CLIENT_H
#define SRC_HTTPS_CLIENT_H

#include "lib/buf.h"

struct https_client;
struct job;

struct https_client_conf {
	const char *ca_file;  /* PEM; NULL: the system's */
	const char *language; /* Accept-Language, or NULL */
	const char *user_agent;
	int64_t timeout_ms; /* for a whole exchange */
	/* http:// as well, for messages that protect themselves (CMP) */
	bool plain_too;
	/* Once it is true no exchange of this client waits longer than a second
	 * or two, whatever it waits for (lib/turn.h); NULL: never. */
	bool (*is_ending)(void);
	/* Tells the server that nothing follows on the connection. */
	bool closes;
	/* Called before each exchange, when there is a connection and nothing
	 * was sent or read yet: 0, or -1, and it is given up.  NULL: none. */
	int (*connected)(void *ctx);
	void *ctx; /* of that */
};

enum https_method { HTTPS_GET, HTTPS_HEAD, HTTPS_POST };

struct https_request {
	enum https_method method;
	const char *url;
	const char *content_type; /* of a POST */
	const char *accept;       /* NULL: anything */
	struct span body;
	size_t answer_max;
};

struct https_response {
	int64_t status;
	int64_t retry_after; /* seconds, -1 where the field is missing */
	struct span body;
	const char *content_type; /* "" where missing, parameters cut off */
	/* Fields that ACME gives a meaning; NULL where missing. */
	const char *location;
	const char *replay_nonce;
};

/* x_new/x_free; the strings of `conf` are copied. */
int https_client_new(struct job *j, const struct https_client_conf *conf,
    struct https_client **out);
void https_client_free(struct https_client *c); /* NULL-safe */
/* The limit of time of the exchanges that follow. */
void https_client_limit(struct https_client *c, int64_t timeout_ms);

/* Is it an absolute https URL without user, blanks and controls? */
bool https_url_is_good(const char *url);
/* The same, or an http one. */
bool http_url_is_good(const char *url);

/*
 * 0 with any status; -1 with ERR_BUSY when there was no answer (worth another
 * try), else ERR_INTERNAL: the text says what would be right.
 */
int https_client_send(struct https_client *c, struct job *j,
    const struct https_request *request, struct https_response *out);

/*
 * For another user of libcurl, with its easy handle: https alone, TLS 1.2 or
 * newer, the peer's chain and name verified, no redirection, and nothing of the
 * environment (no proxy, no .netrc).  Trust anchors are those of the file
 * alone; NULL: the system's.
 */
void https_client_transport(void *curl, const char *ca_file);

#endif
