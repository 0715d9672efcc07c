/*
 * A front without sockets, for tests: requests go through acme_prepare(),
 * acme_handle() and acme_finish() over a real store, as src/http.c does it;
 * what every response must have is checked on the way.
 *
 *	front_open(j);
 *	struct answer a = front_post(j, FRONT_NEW_ORDER, "{…}");
 *	front_expect(&a, 400, "malformed", NULL);
 *	front_close();
 *
 * Everything lives in the job's arena.  The account of the vectors exists,
 * with the key acct-es256-A.
 */
#ifndef TESTS_UNIT_ACME_FRONT_H
#define TESTS_UNIT_ACME_FRONT_H

#include "acme/request.h"
#include "lib/conf.h"
#include "lib/json.h"
#include "tests/unit/acme_signer.h"
#include "tests/unit/store_fixture.h"

#define FRONT_BASE "https://acme.ca.example"
#define FRONT_ACCOUNT_ID "Yl1nV0mJq3bQx8cT7hZp2A"
#define FRONT_KID FRONT_BASE "/acme/acct/" FRONT_ACCOUNT_ID
#define FRONT_NEW_NONCE "/acme/new-nonce"
#define FRONT_NEW_ACCOUNT "/acme/new-acct"
#define FRONT_NEW_ORDER "/acme/new-order"
#define FRONT_NEW_AUTHZ "/acme/new-authz"

struct acme;

/* The configuration that front_open() uses; a test may change it before. */
struct conf *front_conf(void);
/* Limits for it: as they are where nobody configures any. */
extern const struct conf_limits front_limits;
void front_open(struct job *j);
/* The same over the store as it is. */
void front_open_again(struct job *j);
void front_close(void);
struct acme *front_acme(void);
/* The clock of server and job. */
void front_set_time(struct job *j, int64_t now);

struct answer {
	int status;
	const char *type;       /* of a problem, without its prefix; or "" */
	const struct json *doc; /* a JSON body, or NULL */
	struct span body;
	struct response response;
	unsigned wake;
	bool changed; /* rows were written and committed */
};

/* A request as the front gets it; `extra` may be NULL. */
struct answer front_send(struct job *j, enum method method, const char *target,
    struct span body, const struct request *extra);

/* Signed by an account's key (kid) with a fresh nonce; "" is a read. */
struct answer front_post_as(struct job *j, const char *key, const char *kid,
    const char *target, const char *payload);
/* By the account of the vectors. */
struct answer front_post(
    struct job *j, const char *target, const char *payload);
/* By the key itself (newAccount). */
struct answer front_post_jwk(
    struct job *j, const char *key, const char *target, const char *payload);
const char *front_nonce(struct job *j);

/* Status, type ("" for none) and, unless NULL, the exact detail. */
void front_check(const struct answer *a, int status, const char *type,
    const char *detail, const char *file, int line);
#define front_expect(a, status, type, detail)                                  \
	front_check((a), (status), (type), (detail), __FILE__, __LINE__)

/* A response's field by name, the i-th of that name, or NULL. */
const char *front_header(const struct answer *a, const char *name, size_t i);
/* The seconds of Retry-After, which must be there. */
int64_t front_retry_after(const struct answer *a);
/* The path of a URL of this server, or a failed test. */
const char *front_path(const char *url);
/* A string member of the document. */
const char *front_str(const struct answer *a, const char *name);

#endif
