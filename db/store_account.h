/* ACME accounts (AC-64 to AC-74). */
#ifndef DB_STORE_ACCOUNT_H
#define DB_STORE_ACCOUNT_H

#include "db/store.h"

struct account {
	const char *id;         /* 22 characters */
	const char *thumbprint; /* 43 characters, unique for ever (AC-65) */
	const char *jwk;        /* public key, canonical members (AC-47) */
	const char *contact;    /* JSON array of strings */
	const char *client_address;
	int64_t created_at;
	int64_t tos_agreed_at;
	const char *tos_url; /* agreed to; NULL if none */
	int64_t deactivated_at;
	int64_t revoked_at;
};

/* ERR_CONFLICT if the thumbprint is taken (AC-67). */
int store_account_create(struct job *j, const struct account *a);
int store_account_by_id(struct job *j, const char *id, struct account *out);
int store_account_by_thumbprint(
    struct job *j, const char *thumbprint, struct account *out);
int store_account_set_contact(
    struct job *j, const char *id, const char *contact);

#endif
