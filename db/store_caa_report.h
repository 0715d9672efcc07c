/*
 * Reports of refusals to the contacts that CAA records name (PK-37).
 *
 * queue → lease → (render, spool) → submit → sent | retry | failed.  How many
 * there may be is not this file's: src/caa_report.h.
 */
#ifndef DB_STORE_CAA_REPORT_H
#define DB_STORE_CAA_REPORT_H

#include "db/store.h"

struct caa_report {
	const char *id;
	const char *caa_id;
	const char *domain;   /* of the mailbox */
	const char *found_at; /* whose records they were */
	const char *reason;   /* pki/caa.h */
	int64_t refused_at;
	const char *recipient; /* canonical */
	int64_t expires_at;    /* no attempt after that */
	struct span message;   /* spooled; empty before the first attempt */
	int64_t attempts;      /* with this one */
};

/* The id is given; due at once. */
int store_caa_report_queue(struct job *j, const struct caa_report *r);
/* The next one due: 1 and *out, 0, -1. */
int store_caa_report_lease(
    struct job *j, int64_t lease_until, struct caa_report *out);
/* 1 and when the next one is due, 0, -1. */
int store_caa_report_next_due(struct job *j, int64_t *at);
/* Keeps the rendered octets before the first submission. */
int store_caa_report_spool(
    struct job *j, const struct caa_report *r, struct span message);
/* How it ended, each ERR_CONFLICT if it had before. */
int store_caa_report_sent(
    struct job *j, const struct caa_report *r, const char *answer);
int store_caa_report_failed(
    struct job *j, const struct caa_report *r, const char *answer);
int store_caa_report_retry(struct job *j, const struct caa_report *r,
    int64_t due_at, const char *answer);
/* As store_outbox_give_back(). */
int store_caa_report_give_back(struct job *j, const struct caa_report *r);
/* When the role starts, as store_outbox_recover(). */
int store_caa_report_recover(struct job *j);

#endif
