/*
 * Renewal windows that another CA suggests (PK-220): a row for each of its
 * certificates, which the issuer makes and the upstream role fills.
 */
#ifndef DB_STORE_WINDOW_H
#define DB_STORE_WINDOW_H

#include "db/store.h"

struct window {
	const char *cert_id;
	const char *ca_label; /* as struct cert */
	const char *serial;
	int64_t not_after;
	int64_t revoked_at;
	int64_t start_at, end_at; /* 0: none was suggested */
};

/* In the transaction that records the certificate. */
int store_window_add(struct job *j, const char *cert_id, int64_t due_at);
/* The next that is due, leased: 1, 0, -1. */
int store_window_lease(struct job *j, int64_t lease_until, struct window *out);
/* start_at and end_at as in w; due_at 0: not asked for again. */
int store_window_put(struct job *j, const struct window *w, int64_t due_at);
int store_window_next_due(struct job *j, int64_t *at);
/* What was suggested for the certificate: 1, 0, -1. */
int store_window_get(
    struct job *j, const char *cert_id, int64_t *start_at, int64_t *end_at);

#endif
