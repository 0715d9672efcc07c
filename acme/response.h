/*
 * What handlers say to fill a response: status and fields, then the body.
 */
#ifndef ACME_RESPONSE_H
#define ACME_RESPONSE_H

#include "acme/request.h"

struct job;
struct json_out;

/* The largest document: every identifier of a full request comes back in a
 * subproblem, escaped. */
#define RESPONSE_BODY_MAX (2u << 20)

void response_init(struct response *r, struct job *j);
/* Empty again: for an answer that replaces another. */
void response_clear(struct response *r);

/* Link: <url>;rel="rel" (AC-15, AC-16) */
void response_link(
    struct response *r, struct job *j, const char *url, const char *rel);
/* Whole seconds (AC-20); 0 sends no field. */
void response_retry_after(struct response *r, struct job *j, int64_t secs);
/* A JSON object as body (AC-11): begins it; the caller adds members and
 * ends it with json_object_end(). */
void response_object(struct response *r, int status, struct json_out *o);

#endif
