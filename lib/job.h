/*
 * One item of work: a request, a queued mail, a reply, an order to sign.
 *
 * A function that allocates or can fail takes the job.  `return job_fail(j,
 * ERR_MALFORMED, "identifier %s: no domain", …)` notices and leaves in one
 * line; callers only `return -1`.  The job's owner (a role's loop, the HTTP
 * front) makes it, and ends it with job_done(), which releases the arena.
 */
#ifndef LIB_JOB_H
#define LIB_JOB_H

#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct conf;
struct made_list;
struct store;

/* Roles, as bits of job.wake. */
enum role {
	ROLE_WEB,
	ROLE_SENDER,
	ROLE_VALIDATOR,
	ROLE_ISSUER,
	ROLE_UPSTREAM,    /* only where another CA issues (PK-223) */
	ROLE_ADMIN,       /* only where admins are shown pages (PK-206) */
	ROLE_COUNT,       /* of those that meet at the database */
	ROLE_PERSPECTIVE, /* alone, on a host elsewhere: no database */
	ROLE_RESPONDER,   /* answers OCSP clients: no database (PK-177) */
	ROLE_LINTER,      /* starts linters: no database, no key (PK-140) */
	ROLE_SIGNER, /* has the CAs' keys in tokens: no database (PK-202) */
	ROLE_OCSP_SIGNER, /* has the responder's in its own (PK-177) */
};

/* "web", "sender", "validator", "issuer", "upstream", "admin",
 * "perspective", "responder", "linter", "signer", "ocsp-signer". */
const char *role_name(enum role role);
/* 1 and the role, or 0. */
int role_parse(const char *name, enum role *role);

struct job {
	struct arena *arena; /* owned */
	struct err err;
	int64_t now;             /* seconds since 1970, when the job began */
	struct store *store;     /* borrowed; NULL where there is none */
	const struct conf *conf; /* borrowed */
	char id[23]; /* names the job in the log and to the client */
	/* Which roles have work after the commit: bits 1u << enum role.
	 * Only the job's owner sends wake-ups, after the commit. */
	unsigned wake;
	/* Commit although the answer is a refusal (AC-140). */
	bool keep;
	struct made_list *made; /* lib/made.h; NULL: nobody asks */
};

/* A fresh arena, the clock's time, a random id; store and conf borrowed. */
void job_init(struct job *j, struct store *store, const struct conf *conf);
void job_done(struct job *j);
/* As new: arena emptied, error forgotten, time read again, new id. */
void job_reset(struct job *j);

/* Notes a failure and returns -1.  The first failure wins. */
int job_fail(struct job *j, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with an HTTP status that is not the kind's usual one. */
int job_fail_status(struct job *j, enum err_kind kind, int http_status,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Puts words before the error's text ("order X: …"); returns -1. */
int job_context(struct job *j, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Forgets the error: for a caller that tries something else. */
void job_recover(struct job *j);

/*
 * What is done again and again, as long as it fails or tells nothing new, is
 * done in an arena of its own: job_try() puts one in place of the job's, which
 * it returns.  job_tried() puts that back; what was allocated since lives as
 * long as the job (`keep`), or is gone.
 */
struct arena *job_try(struct job *j);
void job_tried(struct job *j, struct arena *before, bool keep);

#endif
