/*
 * The header fields of an answer on web.status_listen (src/status_answer.h).
 * Names and values are borrowed; what is made here lives in the job.
 */
#ifndef SRC_STATUS_HEADER_H
#define SRC_STATUS_HEADER_H

#include "src/status_answer.h"

/* One more than there is room for is left out. */
void status_header_add(
    struct status_result *r, const char *name, const char *value);

/* A moment (seconds since 1970) as HTTP writes it. */
const char *status_header_date(struct job *j, int64_t secs);

/* What a cache needs to know; true if it has what it asks for. */
bool status_header_validators(struct job *j, const struct status_query *q,
    struct status_result *r, const char *etag, int64_t modified);

/* A line for people, as the body. */
void status_header_text(
    struct job *j, struct status_result *r, int status, const char *text);
/* 405; `allowed` is what Allow says. */
void status_header_refuse_method(
    struct job *j, struct status_result *r, const char *allowed);

#endif
