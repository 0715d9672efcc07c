/*
 * Mails that tell subscribers of an incident (PK-185), reporters and
 * subscribers of what became of a problem report (PK-184), and whoever must
 * answer a mail that a certificate can be renewed (PK-191): one for each
 * address and thing that is told, whatever happens.
 *
 * queue → lease → (render, spool) → submit → sent | retry | failed.  What is
 * spooled is what every attempt sends.
 */
#ifndef DB_STORE_NOTICE_H
#define DB_STORE_NOTICE_H

#include "db/store.h"

struct id_range;

struct notice {
	/* An incident's id, notice_of_report() or notice_of_renewal(). */
	const char *about;
	const char *mailbox;  /* canonical: to whom */
	const char *language; /* Accept-Language of an order, or NULL */
	struct span message;  /* spooled; empty before the first attempt */
	const char *words;    /* of a report: what is said; else NULL */
	int64_t deadline;     /* of the incident; notAfter */
	int64_t expires_at;   /* no attempt after that */
	int64_t attempts;     /* with this one */
};

/* For each mailbox of these certificates of the incident; nothing for those
 * that have one. */
int store_notice_queue(struct job *j, const char *incident_id,
    const struct id_range *range, int64_t expires_at);
/* For one more address; nothing if there is one for it. */
int store_notice_add(struct job *j, const char *incident_id,
    const char *mailbox, int64_t expires_at);

/* "renewal:<id>": what a mail about the renewal of a certificate is filed
 * under; and the id in it, or NULL. */
const char *notice_of_renewal(struct job *j, const char *cert_id);
const char *notice_renewal_of(const char *about);
/* In audit records: "incident:<id>", "report:<number>", "cert:<id>", which are
 * kept as long as what they are about (PK-22). */
const char *notice_object(struct job *j, const char *about);
/* That a certificate can be renewed (PK-191); nothing if the mailbox was told
 * of this one. */
struct notice_renewal {
	const char *cert_id;
	const char *mailbox;
	const char *language; /* or NULL */
	int64_t not_after;
	int64_t expires_at;
};
int store_notice_renewal(struct job *j, const struct notice_renewal *n);

/* "report:12:answer": what a mail about a report is filed under. */
#define NOTICE_ANSWER "answer"
#define NOTICE_DECISION "decision"
const char *notice_of_report(struct job *j, int64_t number, const char *step);
/* What the operator says, to the reporter (or NULL), and to each mailbox of the
 * certificate (or NULL) and of the unexpired ones with the key (or empty), in
 * whatever encoding if the bare key is known (PK-76). */
struct notice_report {
	const char *about;
	const char *reporter;
	const char *cert_id;
	struct span spki_sha256;
	struct span bare_sha256; /* or empty */
	const char *words;
	int64_t expires_at;
};
int store_notice_report(struct job *j, const struct notice_report *n);

struct notice_account {
	const char *id;
	const char *contact; /* JSON array of URLs */
};
/* The accounts of these certificates of the incident, at most `max`. */
int store_notice_accounts(struct job *j, const char *incident_id,
    const struct id_range *range, size_t max, struct notice_account **out,
    size_t *count);

/* The next one due: 1 and *out, 0, -1. */
int store_notice_lease(struct job *j, int64_t lease_until, struct notice *out);
/* 1 and when the next one is due, 0, -1. */
int store_notice_next_due(struct job *j, int64_t *at);
/* Keeps the rendered octets before the first submission. */
int store_notice_spool(struct job *j, const struct notice *n,
    const char *message_id, struct span message);
/* How it ended, each ERR_CONFLICT if it had before (cancelled). */
int store_notice_sent(
    struct job *j, const struct notice *n, const char *answer);
int store_notice_failed(
    struct job *j, const struct notice *n, const char *answer);
int store_notice_retry(
    struct job *j, const struct notice *n, int64_t due_at, const char *answer);
/* As store_outbox_give_back(). */
int store_notice_give_back(struct job *j, const struct notice *n);
/* The incident was cancelled: what has not been sent is not sent. */
int store_notice_cancel(struct job *j, const char *incident_id);
/* When the role starts, as store_outbox_recover(). */
int store_notice_recover(struct job *j);

/* A mail that was sent has come back, with these words: 1 and what it was
 * about, 0 if no notice has this Message-ID, or its bounce is known; -1. */
int store_notice_bounced(struct job *j, const char *message_id,
    const char *words, const char **about);

struct notice_counts {
	int64_t all, sent, failed, bounced;
};
int store_notice_count(
    struct job *j, const char *about, struct notice_counts *out);

#endif
