/*
 * Are the URLs of a CA's certificates answered as they must be (PK-133)?  Each
 * is fetched through its public name, and what comes back is judged against
 * the configuration and the database: the right octets, of the right issuer,
 * verified, and fresh.
 */
#ifndef SRC_URL_CHECK_H
#define SRC_URL_CHECK_H

#include "pki/ca_above.h"
#include "src/ca_urls.h"
#include "src/https_client.h"

struct ca;

/* How a request is sent: https_client_send(), or a test's. */
typedef int url_send_fn(void *ctx, struct job *j,
    const struct https_request *request, struct https_response *out);

/* A CA to check: loaded without its key. */
struct url_subject {
	const struct conf_issuer *conf;
	const struct ca *ca;
	struct ca_above above;
	url_send_fn *send;
	void *ctx;
};

/* Reads what is needed from the files; lives as long as `keep`.  Then the
 * caller sets send and ctx.  0, or -1. */
int url_subject_load(struct job *j, struct arena *keep,
    const struct conf_issuer *c, struct url_subject *out);

/*
 * Fetches one URL (that of an OCSP service twice, by GET and by POST) and
 * judges it.  0 and what was found there, in words; -1 saying what is wrong
 * with it.  Keeps whole lists in the job's memory: a job of its own.
 */
int url_check(struct job *j, const struct url_subject *s,
    const struct ca_url *url, const char **found);

#endif
