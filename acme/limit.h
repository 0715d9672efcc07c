/*
 * Limits that outlive the process (AC-182 to AC-191): what one request wants
 * to take is collected, then taken as a whole or not at all, in the
 * transaction that makes what it counts.
 *
 *	limits_init(&l, j, &conf->limits);
 *	limits_add(&l, LIMIT_NEW_ORDERS, account_id, 1);
 *	limits_add_mail(&l, account_id, client_address, mailbox);
 *	if (limits_take(&l, resp) < 0)
 *		return -1;	429, with the longest of all waits
 *
 * The request rate of an address is acme/throttle.h's.
 */
#ifndef ACME_LIMIT_H
#define ACME_LIMIT_H

#include "lib/conf.h"
#include "lib/json.h"

struct job;
struct response;

/* Names are those of the configuration's section limits. */
enum limit {
	LIMIT_NEW_ACCOUNTS,
	LIMIT_NEW_ACCOUNTS_NET,
	LIMIT_NEW_ORDERS,
	LIMIT_MAILS_TO_MAILBOX,
	LIMIT_MAILS_TO_KNOWN_MAILBOX,
	LIMIT_MAILS_TO_DOMAIN,
	LIMIT_MAILS_BY_ACCOUNT,
	LIMIT_MAILS_BY_ADDRESS,
	LIMIT_MAILS_TOTAL,
	LIMIT_CERTIFICATES,
	LIMIT_FAILED_VALIDATIONS,
	LIMIT_KEY_REPORTS,
	LIMIT_KEY_REPORTS_TOTAL,
};

struct limit_use;
struct limit_pending;

struct limits {
	struct job *job;
	const struct conf_limits *conf;
	struct limit_use *uses;
	size_t count, room;
	struct limit_pending *pending; /* newest first */
	int64_t mails;                 /* asked for so far */
	/* The longest wait found so far. */
	int64_t wait;
	const char *words;
	bool total_used_up; /* LIMIT_MAILS_TOTAL: an alarm */
	bool failed;        /* the store did: the job has the error */
};

/* `conf` is borrowed: the configuration's, or an account's own. */
void limits_init(
    struct limits *l, struct job *j, const struct conf_limits *conf);
/* To be taken; and only to be looked at, whether it could be. */
void limits_add(
    struct limits *l, enum limit limit, const char *subject, int64_t n);
void limits_ask(
    struct limits *l, enum limit limit, const char *subject, int64_t n);
/* All that one more challenge mail counts for (AC-185 to AC-187), and the
 * validation that waits for its answer (AC-183, AC-188). */
void limits_add_mail(struct limits *l, const char *account_id,
    const char *client_address, const char *mailbox);
/* The same without the mailbox's own budget (PK-194). */
void limits_add_mail_of_incident(struct limits *l, const char *account_id,
    const char *client_address, const char *mailbox);
/* Of these only the mailbox's own budget (AC-185): for a mail that leaves much
 * later than it was asked for. */
void limits_add_mailbox(
    struct limits *l, const char *account_id, const char *mailbox);
/* An account made from this address (AC-182). */
void limits_add_account(struct limits *l, const char *client_address);
/* A proof about a key that no certificate has (acme/key_report.h). */
void limits_add_key_report(struct limits *l, const char *client_address);
/* A certificate for the mailbox (AC-188). */
void limits_add_certificate(struct limits *l, const char *mailbox);
void limits_ask_certificate(
    struct limits *l, const char *account_id, const char *mailbox);
/* 0, or -1 ERR_RATE_LIMITED and nothing was taken. */
int limits_take(struct limits *l, struct response *resp);

/* A validation has failed: counted whatever is left (AC-188). */
int limits_note_failure(
    struct job *j, const char *account_id, const char *mailbox);

/* "new_orders" and the like as text; sets that limit: 0, or -1 if there is no
 * limit of that name that an account can have for itself, or the value is
 * none of its kind. */
int limits_set(struct conf_limits *l, struct span name, struct span value);
/* The same for all members of a JSON object, on a copy in the job's arena;
 * what is not understood leaves the server's own. */
const struct conf_limits *limits_of_account(
    struct job *j, const struct conf_limits *server, const char *json);

/* For people: a stored bucket's limit and time ("new_orders/10800"): its
 * words and seconds until one more can be taken; -1 if there is no such limit
 * in the configuration now. */
struct bucket;
int limits_explain(struct job *j, const struct conf_limits *conf,
    const struct bucket *b, const char **words, const struct conf_rate **rate,
    int64_t *wait);

#endif
