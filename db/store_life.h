/*
 * Starts and ends of the roles (PK-19): one row for each role of each host.
 */
#ifndef DB_STORE_LIFE_H
#define DB_STORE_LIFE_H

#include "db/store.h"

struct role_life {
	const char *host;
	const char *role; /* "validator", and its way in */
	const char *version;
	const char *conf_sha256; /* in hexadecimal */
	bool is_running;         /* has not said that it ends */
	int64_t started_at;
	int64_t told_at;       /* when the audit was told of a start, */
	int64_t crash_told_at; /* and of a crash; 0: never */
	int64_t crashes;       /* since then */
	int64_t seen_at;       /* alive */
	const char *trouble;   /* what keeps it from its work, or NULL */
	int64_t trouble_at;    /* since when */
};

/* 1, 0: it never started, -1. */
int store_life_find(
    struct job *j, const char *host, const char *role, struct role_life *out);
/* All that ever started: a few for each host. */
int store_life_list(struct job *j, struct role_life **out, size_t *count);
/* In the caller's transaction: that is how it is now. */
int store_life_put(struct job *j, const struct role_life *l);
/* It lives. */
int store_life_seen(struct job *j, const char *host, const char *role);
/* What keeps it from its work, since now if nothing did before; NULL: nothing
 * does any more. */
int store_life_trouble(
    struct job *j, const char *host, const char *role, const char *why);
/* Where one machine only can be: what there is of others was its own, under
 * another name. */
int store_life_rename(struct job *j, const char *host);
/* All of this machine, what it had for a configuration too: 1, 0: there is
 * nothing, -1. */
int store_life_forget(struct job *j, const char *host);
/* It ends as it should. */
int store_life_end(struct job *j, const char *host, const char *role);

#endif
