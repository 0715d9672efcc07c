/*
 * For the tests of the roles: an order of mailbox0@example.org in a store, a
 * relay and a DNS that answer what the test says, and replies that the
 * mailbox's own provider has signed.
 *
 *	struct role_lab lab;
 *	role_lab_init(&lab, j);
 *	role_lab_take(&lab, role_lab_reply(&lab, NULL));
 */
#ifndef TESTS_UNIT_ROLE_LAB_H
#define TESTS_UNIT_ROLE_LAB_H

#include "tests/unit/store_fixture.h"

#include "db/store_account.h"
#include "db/store_reply.h"
#include "dns/resolver.h"
#include "lib/conf.h"
#include "lib/seal.h"
#include "mail/submit.h"
#include "src/role_issuer.h"
#include "src/role_sender.h"
#include "src/role_validator.h"

#define ROLE_LAB_SOURCE "imap://acme@ca.example/INBOX"

struct role_lab {
	struct job *j;
	struct conf conf;
	const struct order *order; /* as it was made, with token-part1 */
	struct account account;
	struct evp_pkey_st *key; /* the account's */
	struct validator validator;
	struct issuer issuer;
	struct sender sender;
	int64_t uid; /* of the last message taken */
	int64_t arrival;
	/* The DNS. */
	enum dns_status key_status;
	enum dns_status caa_status;
	struct span caa; /* RDATA, with DNS_OK */
	uint32_t ttl;
	size_t queries;
	void (*during_query)(struct role_lab *lab);
	/* The relay. */
	struct submit_result answer;
	struct span sent; /* the last message */
	const char *sent_from, *sent_to;
	size_t submissions;
	void (*during_submission)(struct role_lab *lab);
};

/* A new account and its order of one mailbox; the clock stands. */
void role_lab_init(struct role_lab *lab, struct job *j);
/* Moves the clock and the job's time. */
void role_lab_at(struct role_lab *lab, int64_t now);
/* A job with the same store, configuration and time: for job_done(). */
void role_lab_job_like(struct job *j, const struct job *other);

/* What is different in a reply; NULL: the good one. */
struct role_lab_reply {
	const char *from;       /* mailbox0@example.org */
	const char *to;         /* the challenge's */
	const char *thumbprint; /* the account's */
	const char *more;       /* fields, with line ends; not signed */
	const char *body;       /* in place of the response block */
	bool is_wrong;          /* digest */
	bool is_empty;          /* no response block */
	bool is_unsigned;
	bool is_broken; /* the body was changed after signing */
};
struct span role_lab_reply(
    struct role_lab *lab, const struct role_lab_reply *how);
/* A delivery report of this action ("failed", "delayed") to that address, about
 * the mail of that Message-ID ("": about none that it quotes). */
struct span role_lab_report(struct role_lab *lab, const char *to,
    const char *action, const char *status, const char *message_id);

/* The mail goes out, the client POSTs. */
void role_lab_send(struct role_lab *lab);
void role_lab_post(struct role_lab *lab);
/* A new order, whose mail is out and whose challenge is `processing`. */
void role_lab_processing(struct role_lab *lab, struct job *j);
/* A row of a certificate, "c1", for the order, from now to not_after; the mail
 * is out and does not count. */
void role_lab_cert(struct role_lab *lab, int64_t not_after);
/* The validator takes the message: the verdict as stored. */
enum verdict role_lab_take(struct role_lab *lab, struct span raw);
/* Sent, posted, proven, CAA checked, finalized: what the issuer waits for. */
void role_lab_finalize(struct role_lab *lab);
/* What the issuer finds of the order as it is stored now; why it does so is in
 * the job. */
enum gate role_lab_gate(struct role_lab *lab);

/* The account's signed request to finalize this order with this CSR; what is
 * NULL is the lab's. */
struct role_lab_request {
	const char *base_url, *account_id, *order_id;
	struct evp_pkey_st *key;
};
struct span role_lab_request(
    struct role_lab *lab, const struct role_lab_request *how, struct span csr);
/* That request, taken by the server. */
void role_lab_request_take(struct role_lab *lab, struct span csr);
/* One more account with this key. */
void role_lab_account(
    struct role_lab *lab, struct evp_pkey_st *key, struct account *out);
struct evp_pkey_st *role_lab_key(struct role_lab *lab);

/* As the store has it now. */
struct authz *role_lab_authz(struct role_lab *lab);
struct reply_record role_lab_proof(struct role_lab *lab);
/* The verdict column of the newest reply. */
struct reply_record role_lab_last_reply(struct role_lab *lab);

#endif
