/*
 * The whole of ACME in three calls, for a front that owns sockets, threads
 * and transactions (AC-52 is the order of checks):
 *
 *	acme_prepare()   steps 2 to 17: route, method, content type, JWS,
 *	                 nonce, url, key, signature, account, payload.  Reads
 *	                 only, but that acme_share()d nonces are redeemed in
 *	                 transactions of their own: none is begun.
 *	acme_handle()    steps 18 to 20, with its writes, inside the
 *	                 transaction (or savepoint) of the caller when
 *	                 acme_writes() says so
 *	acme_finish()    the fields that every response has; a failed job
 *	                 becomes a problem document (AC-192)
 *
 * A refusal in one of the first two is -1 with the job's error; the caller
 * undoes the savepoint (unless job.keep) and calls acme_finish() all the
 * same.  A front that refuses by itself (a body too large, a wrong host)
 * fails the job and calls acme_finish() with a response that is all zero.
 */
#ifndef ACME_ROUTE_H
#define ACME_ROUTE_H

#include "acme/request.h"
#include "acme/urls.h"

struct aead_key;
struct job;
struct acme;
struct conf;

/* What lives as long as the process: nonces, the cache of account keys.
 * Safe to use from several threads. */
struct acme *acme_new(const struct conf *conf);
void acme_free(struct acme *a); /* NULL-safe */
/* Before the first request: where other machines may work on the job's store,
 * each accepts the nonces of all (AC-59).  0 or -1. */
int acme_share(struct acme *a, struct job *j);
/* For requests that begin from now on; both live as long as `a`. */
void acme_set_conf(struct acme *a, const struct conf *conf);

/* A CA that issued here before: its certificates stay readable (AC-150). */
struct acme_former {
	struct span pem;        /* ca_chain_pem() */
	const char *ca_label;   /* of the certificates that it belongs to */
	const char *issuer_url; /* its own certificate, or NULL */
};

/* What follows a certificate in its chain (AC-146): set before the first
 * request; borrowed. */
#define ACME_ALTERNATES_MAX 8
struct acme_chain {
	struct span pem;        /* ca_chain_pem() */
	const char *ca_label;   /* of the certificates that it belongs to */
	const char *issuer_url; /* the issuer's certificate, or NULL */
	int64_t not_after;      /* the CA's end (PK-92) */
	/* Other chains for the same leaves (AC-148). */
	const struct span *alternates;
	size_t alternate_count; /* at most ACME_ALTERNATES_MAX */
	const struct acme_former *formers;
	size_t former_count;
	/* PK-133: nothing is finalized before these were answered. */
	struct urls urls;
};
void acme_set_chain(struct acme *a, const struct acme_chain *chain);

/* The key that EAB secrets are encrypted with (AC-79): set before the first
 * request; borrowed.  Without it no account can be bound. */
void acme_set_eab_key(struct acme *a, const struct aead_key *key);

/* Keys that get no certificate (PK-74): set before the first request;
 * borrowed; NULL: none. */
struct weakkeys;
void acme_set_weak_keys(struct acme *a, const struct weakkeys *keys);

/*
 * Steps 2 to 5 alone, which need no body: for a front that refuses the body
 * (step 6: too slow, too long) and must not answer that where an earlier step
 * says something else.  acme_prepare() contains them; a request is counted
 * once, so call one of the two.
 */
int acme_admit(
    struct acme *a, struct job *j, struct request *req, struct response *resp);
int acme_prepare(
    struct acme *a, struct job *j, struct request *req, struct response *resp);
bool acme_writes(const struct request *req);
int acme_handle(
    struct acme *a, struct job *j, struct request *req, struct response *resp);
void acme_finish(struct acme *a, struct job *j, const struct request *req,
    struct response *resp);

/* After a refusal whose savepoint was undone, in the same transaction, before
 * acme_finish(): puts on record what has to be (acme/refused.h). */
void acme_undone(struct acme *a, struct job *j, const struct request *req);
/* Every few seconds, with no transaction begun: records what was only counted.
 * is_end: nothing is asked any more.  0, or -1 and it is tried again. */
int acme_tend(struct acme *a, struct job *j, bool is_end);

/*
 * For a finalize that was committed and whose answer may wait for the issuer
 * (AC-143), before acme_finish(): 0 while the order is processing; 1 when
 * there is nothing (more) to wait for, and the order was read again and is the
 * response; -1.  Other requests: 1, response unchanged.
 */
int acme_refresh(struct acme *a, struct job *j, const struct request *req,
    struct response *resp);

#endif
