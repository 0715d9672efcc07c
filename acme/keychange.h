/* Changing an account's key (AC-80 to AC-82). */
#ifndef ACME_KEYCHANGE_H
#define ACME_KEYCHANGE_H

#include "acme/request.h"

struct acme;
struct conf;
struct job;
struct json;
struct jwk;

int account_change_key(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

/* Whose key is changed, by a request to which URL. */
struct keychange {
	const char *url;        /* of keyChange */
	const char *kid;        /* the account's URL */
	const char *thumbprint; /* of its key until now */
};
/*
 * Steps 1 to 9 of AC-80, for the payload of a request whose own signature was
 * verified with the key until now: 0 and the new key, or -1.  conf NULL: any
 * known algorithm.
 */
int keychange_read(struct job *j, const struct conf *conf,
    const struct keychange *change, const struct json *payload,
    const struct jwk **out);

#endif
