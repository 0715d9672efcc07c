/*
 * Errors become problem documents here and nowhere else (AC-192 to AC-194,
 * table of acme.md section 18).
 */
#ifndef ACME_PROBLEM_H
#define ACME_PROBLEM_H

#include "lib/buf.h"
#include "lib/err.h"

struct job;
struct json_out;
struct response;

/*
 * What a refusal says beyond type and detail.  A handler makes one in the
 * job's arena and hangs it into the response before it fails the job;
 * members that are NULL are left out.
 */
struct problem_extra {
	const char *subproblems;       /* a JSON array (AC-69, AC-91) */
	const char *instance;          /* a URL (AC-68) */
	const char *link;              /* a URL, sent as a Link … */
	const char *link_rel;          /* … with this relation */
	const char *allow;             /* the Allow field of a 405 (AC-7) */
	int64_t retry_after;           /* seconds (AC-191) */
	const char *location;          /* a URL (AC-80) */
	const char *const *algorithms; /* that we accept (AC-38) */
};

/* "urn:ietf:params:acme:error:badNonce"; ours become serverInternal. */
const char *problem_type(enum err_kind kind);
/* The HTTP status of an error. */
int problem_status(const struct err *e);
/* {"type":…,"detail":…} as stored in an object's `error` member. */
const char *problem_format(
    struct job *j, enum err_kind kind, const char *detail);
/* The members type and detail, for a caller that adds others. */
void problem_members(
    struct json_out *o, enum err_kind kind, const char *detail);

/* Turns the job's error into the response: status, document, its fields.
 * What the handler had put into the response is dropped. */
void problem_respond(struct job *j, struct response *resp);

/* Outside text for a detail: at most 128 characters, printable ASCII, the
 * rest as \xHH (AC-22). */
const char *problem_quote(struct job *j, struct span text);

#endif
