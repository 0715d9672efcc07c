/*
 * Inside acme/: what lives as long as the process, and the URLs that it
 * hands out (AC-173).  Others use acme/route.h.
 */
#ifndef ACME_ACME_H
#define ACME_ACME_H

#include <stdatomic.h>

#include "acme/route.h"

struct account;
struct aead_key;
struct job;
struct jwk;
struct jwk_cache;
struct nonces;
struct refused;
struct throttle;

struct acme {
	_Atomic(const struct conf *) conf;
	struct nonces *nonces;
	struct jwk_cache *keys;
	struct throttle *throttle;
	struct refused *refused;
	const struct aead_key *eab_key;   /* NULL: there is none */
	const struct weakkeys *weak_keys; /* PK-74; NULL: there are none */
	struct acme_chain chain;
	atomic_bool urls_answered; /* those of the chain (PK-133) */
};

#define PATH_DIRECTORY "/acme/directory"
#define PATH_NEW_NONCE "/acme/new-nonce"
#define PATH_NEW_ACCOUNT "/acme/new-acct"
#define PATH_NEW_ORDER "/acme/new-order"
#define PATH_NEW_AUTHZ "/acme/new-authz"
#define PATH_REVOKE "/acme/revoke-cert"
#define PATH_KEY_CHANGE "/acme/key-change"
#define PATH_ACCOUNT "/acme/acct/"
#define PATH_ORDERS "/orders" /* after an account's */
#define PATH_ORDER "/acme/order/"
#define PATH_FINALIZE "/finalize" /* after an order's */
#define PATH_AUTHZ "/acme/authz/"
#define PATH_CHALLENGE "/acme/chall/"
#define PATH_RENEWAL "/acme/renewal-info" /* and "/" and a CertID */
#define PATH_CERTIFICATE "/acme/cert/"
#define PATH_HELP "/acme/help"     /* for people */
#define PATH_REPORT "/acme/report" /* acme/key_report.h */

/* base_url, path, id. */
const char *acme_url(
    const struct acme *a, struct job *j, const char *path, const char *id);

#endif
