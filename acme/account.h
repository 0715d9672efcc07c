/* Accounts (AC-64 to AC-73). */
#ifndef ACME_ACCOUNT_H
#define ACME_ACCOUNT_H

#include "acme/request.h"

struct account;
struct acme;
struct job;
struct jwk;

int account_create(
    struct acme *a, struct job *j, struct request *req, struct response *resp);
/* Read, update of the contacts, deactivation. */
int account_serve(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

/* Step 15: 0, or -1 with 401 unauthorized (AC-49). */
int account_check_status(
    struct job *j, const struct account *account, const char *what);

/* The object (AC-64). */
void account_respond(const struct acme *a, struct job *j,
    const struct account *account, int status, struct response *resp);
/* AC-176: 0, or -1 with 403, without a look-up. */
int account_check_own(struct job *j, const struct request *req);
/* AC-44, AC-135: may the key become an account's?  `id` NULL: of a new one.
 * 0, or -1 ERR_BAD_PUBLIC_KEY. */
int account_check_key(
    const struct acme *a, struct job *j, const struct jwk *key, const char *id);
/* AC-72: has the account agreed to the terms that bind it? */
bool account_has_agreed(const struct acme *a, const struct account *account);
/* What a client does next, for a refusal with ERR_USER_ACTION_REQUIRED. */
void account_explain_terms(const struct acme *a, struct job *j,
    const char *instance, struct response *resp);

#endif
