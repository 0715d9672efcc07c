/*
 * The client's side of RFC 8555: what `countersign enroll` asks of a server.
 *
 *	acme_client_new()       reads the directory
 *	acme_client_renewal()   asks when a certificate should be renewed
 *	acme_client_account()   finds or makes the account
 *	acme_client_order()     orders; then authorizations are read, challenges
 *	                        answered, the order finalized, the chain read
 *
 * Each call is one signed request with its nonce, repeated when the server
 * says badNonce.  A refusal is the job's error with the server's own words
 * made printable; what does not fit there is acme_client_details().
 * ERR_BUSY: no answer, or the server's own trouble: worth another try.
 *
 * What comes back (src/remote.h) belongs to the job's arena.
 */
#ifndef SRC_ACME_CLIENT_H
#define SRC_ACME_CLIENT_H

#include "lib/buf.h"

struct acme_client;
struct evp_pkey_st;
struct job;
struct remote_authz;
struct remote_order;
struct remote_renewal;

struct acme_client_conf {
	const char *directory;
	const char *ca_file;  /* NULL: the system's */
	const char *language; /* Accept-Language, or NULL */
	const char *agent;    /* behind the product's name, or NULL */
	struct evp_pkey_st *account_key; /* P-256, borrowed */
	bool (*is_ending)(void);         /* src/https_client.h */
};

int acme_client_new(struct job *j, const struct acme_client_conf *conf,
    struct acme_client **out);
void acme_client_free(struct acme_client *c); /* NULL-safe */

const char *acme_client_thumbprint(const struct acme_client *c);
/* The subproblems of the last refusal, a line each, or "". */
const char *acme_client_details(const struct acme_client *c);

struct acme_client_account {
	const char *const *contacts; /* "mailto:…" */
	size_t contact_count;
	bool accept_terms;
	/* External account binding: NULL, or what the server's operator gave.
	 */
	const char *eab_kid;
	struct span eab_key; /* octets */
};
/* *made tells whether it is new. */
int acme_client_account(struct acme_client *c, struct job *j,
    const struct acme_client_account *a, bool *made);

/*
 * Renewal information of a certificate (RFC 9773), by its identifier: 1, or 0
 * if the server offers none.  Needs no account.
 */
int acme_client_renewal(struct acme_client *c, struct job *j,
    const char *certid, struct remote_renewal *out);

/* Does the directory offer this profile?  0, or -1 ERR_INTERNAL naming those
 * that it does; NULL asks for none. */
int acme_client_check_profile(
    const struct acme_client *c, struct job *j, const char *profile);

/* Does it take revocations?  0, or -1 ERR_MALFORMED. */
int acme_client_check_revocation(const struct acme_client *c, struct job *j);

/* A new order; NULL and 0 stand for what is not asked for. */
struct acme_client_wish {
	const char *const *mailboxes;
	size_t mailbox_count;
	const char *profile;
	int64_t not_before, not_after;
	const char *replaces; /* a certificate's identifier (RFC 9773) */
};
int acme_client_order(struct acme_client *c, struct job *j,
    const struct acme_client_wish *wish, struct remote_order *out);
int acme_client_order_read(struct acme_client *c, struct job *j,
    const char *url, struct remote_order *out);
int acme_client_authz(struct acme_client *c, struct job *j, const char *url,
    struct remote_authz *out);
/* Says that the reply is on its way (an empty object). */
int acme_client_respond(struct acme_client *c, struct job *j, const char *url);
int acme_client_finalize(struct acme_client *c, struct job *j,
    const struct remote_order *order, struct span csr,
    struct remote_order *out);
/* The chain as it was sent. */
int acme_client_chain(
    struct acme_client *c, struct job *j, const char *url, struct span *pem);
/* By the account; ERR_ALREADY_REVOKED if it is that. */
int acme_client_revoke(
    struct acme_client *c, struct job *j, struct span der, int64_t reason);

#endif
