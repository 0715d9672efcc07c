/*
 * Another CA, whichever way it is spoken to: src/upstream_hook.c,
 * src/upstream_acme.c, src/upstream_cmp.c.  What the role
 * (src/role_upstream.c) does with an outcome is the same for all.
 */
#ifndef SRC_UPSTREAM_H
#define SRC_UPSTREAM_H

#include "lib/buf.h"
#include "lib/err.h"

struct ca;
struct cmp_client;
struct conf_upstream;
struct evp_pkey_st;
struct handoff;
struct handoff_request;
struct job;
struct window;
struct withdrawal;

enum upstream_outcome {
	UPSTREAM_ISSUED,
	UPSTREAM_STARTED, /* it has it, under out->token; ask again at once */
	UPSTREAM_PENDING, /* it works on it; ask again later */
	UPSTREAM_LATER,   /* no answer: nothing more is known than before */
	UPSTREAM_UNKNOWN, /* it never got it */
	UPSTREAM_UNSURE,  /* the answer says nothing that can be relied on */
	UPSTREAM_BARRED,  /* it would sign now: not called for (r->bar) */
	UPSTREAM_REFUSED, /* never; out->kind says why */
	/* It has signed, we have said no: out->certificate, out->why. */
	UPSTREAM_WITHDRAWN
};

struct upstream_answer {
	enum upstream_outcome outcome;
	const char *token;       /* NULL: as before */
	int64_t retry_secs;      /* 0: not said */
	struct span certificate; /* as it came */
	enum err_kind kind;
	const char *why;
};

/* What is read before rights are given up. */
struct upstream {
	struct evp_pkey_st *account_key; /* ACME */
	struct span eab_key;
	const struct cmp_client *cmp;
	const struct ca *ca; /* the one that is called */
};

struct upstream_ops {
	/* Before anything is asked: NULL if there is nothing to look at. */
	int (*check)(struct job *j, const struct conf_upstream *conf);
	/* Each fills *out; nothing fails.  While r->bar is set, poll has
	 * nothing signed that is not signed yet. */
	void (*issue)(const struct upstream *u, struct job *j,
	    const struct handoff *h, const struct handoff_request *r,
	    struct upstream_answer *out);
	void (*poll)(const struct upstream *u, struct job *j,
	    const struct handoff *h, const struct handoff_request *r,
	    struct upstream_answer *out);
	/* 0: confirmed; -1 with the job's error: to be tried again. */
	int (*revoke)(const struct upstream *u, struct job *j,
	    const struct withdrawal *w);
	/* The token that is committed before issue is called; NULL: none. */
	const char *(*begin)(struct job *j, const struct handoff *h);
	/* When it wants the certificate renewed: 1 and w->start_at, end_at,
	 * 0 it does not say, -1.  *secs: until it is to be asked again, -1: not
	 * said.  NULL: such a CA says nothing. */
	int (*renewal)(const struct upstream *u, struct job *j,
	    struct window *w, int64_t *secs);
};
extern const struct upstream_ops upstream_hook_ops, upstream_acme_ops,
    upstream_cmp_ops;

/* What a program has printed, with its exit status (PK-221). */
void upstream_hook_read(struct job *j, int status, struct span output,
    bool is_poll, struct upstream_answer *out);

#endif
