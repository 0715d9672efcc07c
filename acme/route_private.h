/*
 * What the table of acme/route.c says of each resource: for that file and for
 * acme/signed.c only.
 */
#ifndef ACME_ROUTE_PRIVATE_H
#define ACME_ROUTE_PRIVATE_H

#include "acme/route.h"
#include "lib/buf.h"

typedef int handler_fn(
    struct acme *a, struct job *j, struct request *req, struct response *resp);

/* AC-37 */
enum key_rule { NEEDS_KID, NEEDS_JWK, EITHER_KEY };

/* AC-7: signed requests only; GET and HEAD too; those alone; those and a POST
 * that is no request of ACME's, by whomever. */
enum method_rule { SIGNED, PUBLIC, UNSIGNED, STRANGERS };

/* AC-51: what the payload may be. */
enum payload_rule { READ_ONLY, READ_OR_OBJECT, OBJECT_ONLY };

struct route {
	const char *path;   /* all of it, or what stands before the id … */
	const char *suffix; /* … and what after; NULL: there is no id */
	enum method_rule methods;
	enum key_rule key;
	enum payload_rule payload;
	bool writes; /* when there is a payload */
	handler_fn *handle;
};

/* AC-174: 16 octets in their one spelling. */
bool route_is_id(struct span text);

#endif
