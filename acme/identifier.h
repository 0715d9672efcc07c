/* The identifiers of a newOrder, the one of a newAuthz (AC-83 to AC-91). */
#ifndef ACME_IDENTIFIER_H
#define ACME_IDENTIFIER_H

#include "lib/addr.h"

struct conf;
struct conf_list;
struct job;
struct json;
struct response;

struct identifier {
	struct span type; /* as sent (AC-88) */
	struct span value;
	struct addr addr;
};

/*
 * `allow`: the account's own list, or NULL (AC-78).
 *
 * All of the payload's identifiers, each mailbox once, in the order given: 0,
 * or -1 with every one that is refused as a subproblem (AC-91).
 */
int identifier_parse(struct job *j, const struct conf *conf,
    const struct conf_list *allow, const struct json *payload,
    struct response *resp, struct identifier **out, size_t *count);

/* The one member `identifier` of a newAuthz (AC-106). */
int identifier_parse_one(struct job *j, const struct conf *conf,
    const struct conf_list *allow, const struct json *payload,
    struct response *resp, struct identifier *out);

#endif
