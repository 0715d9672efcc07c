/*
 * The issuer's daily look at all unexpired certificates (PK-188): how far it
 * is, and what it has found.
 */
#ifndef DB_STORE_RECHECK_H
#define DB_STORE_RECHECK_H

#include "db/store.h"

struct recheck {
	const char *rules; /* what certificates are checked against */
	int64_t due_at;
	int64_t started_at;   /* 0: not under way */
	const char *after_id; /* certificates up to here are done */
	int64_t checked, unlinted;
	int64_t spoiled; /* whose rows contradict them */
};

/* 1 and *out; 0 before the issuer has ever started; -1. */
int store_recheck_get(struct job *j, struct recheck *out);
/* In place of what was there. */
int store_recheck_put(struct job *j, const struct recheck *r);

/*
 * The next ids of certificates behind `after`, at most `max`; those that need
 * no look (not issued, revoked, expired) are NULL.  *last: the id to go on
 * behind, NULL at the end.
 */
int store_recheck_page(struct job *j, const char *after, size_t max,
    const char ***ids, size_t *count, const char **last);

struct recheck_finding {
	const char *cert_id;
	const char *cause; /* of an incident */
	const char *detail;
};
/* Nothing if there is one of this certificate. */
int store_recheck_found(struct job *j, const struct recheck_finding *f);
/* Findings of this cause that no incident has yet. */
int store_recheck_count(struct job *j, const char *cause, int64_t *count);
/* Findings of an incident, at most `max`. */
int store_recheck_list(struct job *j, const char *incident_id, size_t max,
    struct recheck_finding **out, size_t *count);

#endif
