/*
 * What is answered on web.status_listen: revocation lists and the issuing CA's
 * certificate from their files (PK-161), OCSP from answers that were signed in
 * advance (PK-165 to PK-176).  No database, no key, no sockets; one thread.
 */
#ifndef SRC_STATUS_ANSWER_H
#define SRC_STATUS_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

struct conf;
struct job;
struct status_service;

/* `keep` outlives the service; conf is read once. */
int status_service_new(struct job *j, struct arena *keep,
    const struct conf *conf, struct status_service **out);

/* Who answers OCSP clients that want more than what was signed in advance: 0
 * and an OCSPResponse, or -1. */
typedef int status_live_fn(
    void *ctx, struct job *j, struct span request, struct span *response);
void status_service_live(
    struct status_service *s, status_live_fn *ask, void *ctx);

struct status_query {
	const char *method;
	struct span target; /* as on the request line */
	struct span body;   /* of a POST */
	const char *if_none_match;
	const char *if_modified_since;
};

#define STATUS_HEADERS_MAX 8

struct status_result {
	int status;
	struct {
		const char *name;
		const char *value;
	} headers[STATUS_HEADERS_MAX];
	size_t header_count;
	/* The body: octets in the job's arena, or a file that the caller
	 * closes. */
	struct span body;
	int fd; /* -1: none */
	uint64_t size;
};

/* Always an answer. */
void status_answer(struct job *j, struct status_service *s,
    const struct status_query *q, struct status_result *out);

/* Once in a while: lists that nobody renews (PK-156), and requests for numbers
 * that were never issued (PK-170), into the log. */
void status_report(struct job *j, struct status_service *s);

#endif
