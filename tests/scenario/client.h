/*
 * An ACME client for scenarios: signs requests with its own P-256 key and
 * hands them to acme/route.h directly, with a transaction as src/http.c
 * would make it.
 */
#ifndef TESTS_SCENARIO_CLIENT_H
#define TESTS_SCENARIO_CLIENT_H

#include "acme/route.h"

struct client;

struct client *client_new(const struct conf *conf);
void client_free(struct client *c); /* NULL-safe */
/* The thumbprint of its key (43 characters). */
const char *client_thumbprint(const struct client *c);
/* Of the key before; "" if there was none. */
const char *client_former_thumbprint(const struct client *c);

struct answer {
	int status;
	char location[300];
	char *body; /* malloc()ed */
};

/*
 * One signed request in a fresh struct acme (as after a restart): nonce,
 * request, commit.  `payload` NULL: POST-as-GET.  `kid` NULL: with the key
 * itself (newAccount).
 */
void client_post(struct client *c, struct job *j, const char *kid,
    const char *url, const char *payload, struct answer *out);

/* The payload that asks for another key (malloc()ed), and the change itself,
 * once the server has taken it. */
char *client_key_change(struct client *c, const char *kid, const char *url);
void client_use_next_key(struct client *c);

/* A CSR for these mailboxes under a key of its own, base64url. */
char *client_csr(struct client *c, const char *const *mailboxes, size_t count);

#endif
