/*
 * What a scenario happens in: a database, a clock that the script moves, a
 * relay and a mailbox that are folders, a DNS of a few answers, and all roles,
 * run a step at a time.
 *
 * Everything that touches the database happens in a child process of its own,
 * as after a restart; nothing in memory can matter.  A child can be stopped
 * at any commit (world.crash): it is then started again, as the supervisor
 * and a patient client would.
 */
#ifndef TESTS_SCENARIO_WORLD_H
#define TESTS_SCENARIO_WORLD_H

#include "lib/conf.h"
#include "tests/scenario/client.h"

#define MAILBOXES_MAX 8
#define ORDERS_MAX 8

struct known_mailbox {
	char address[128];
	char authz_url[300];
	char challenge_url[300];
	char token_part2[64];
	char from[200];
};

struct known_order {
	char name[32];
	char url[300];
	struct known_mailbox mailboxes[MAILBOXES_MAX];
	size_t count;
};

enum dns_mood { DNS_MOOD_OK, DNS_MOOD_FAIL, DNS_MOOD_BOGUS };
enum relay_mood { RELAY_ACCEPT, RELAY_TEMPFAIL, RELAY_PERMFAIL, RELAY_UNKNOWN };

/* Shared with the children: where they stop. */
struct crash {
	int points;  /* commits begun and ended so far */
	int stop_at; /* the child ends at this point; 0: never */
	bool stopped;
};

struct world {
	char dir[200];
	char schema[64]; /* PostgreSQL's; else empty */
	struct arena *keep;
	const struct conf *conf;
	struct client *client;
	const struct dkim_signer *signer; /* of user.test */
	const char *key_record;
	struct crash *crash;
	int64_t now;
	enum dns_mood dns;
	enum caa_mood { CAA_MOOD_NONE, CAA_MOOD_FORBID, CAA_MOOD_FAIL } caa;
	enum relay_mood relay;
	char account[300];
	struct known_order orders[ORDERS_MAX];
	size_t order_count;
	int inbox_count;
	char error[1000]; /* why the scenario failed */
	char settings[4000];
};

/* Each returns 0, or -1 with world.error. */
int world_open(struct world *w, bool pgsql);
int world_close(struct world *w);
int world_fail(struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

int world_account(struct world *w);
/* Mailboxes, and members of the order as NAME=VALUE. */
int world_order(
    struct world *w, const char *name, const char *const *words, size_t count);
/* newAuthz: known under the name as an order of one mailbox without a URL. */
int world_authorize(struct world *w, const char *name, const char *mailbox);
int world_deactivate(struct world *w, const char *order, const char *mailbox);
int world_post(struct world *w, const char *order, const char *mailbox);
/* Another account key; and the end of the account. */
int world_rekey(struct world *w);
int world_leave(struct world *w);
/* 0 if the server says to the account that it has ended. */
int world_expect_ended(struct world *w);
int world_finalize(struct world *w, const char *order);
/* The order's certificate is revoked by the account that obtained it. */
int world_revoke(struct world *w, const char *order, const char *reason);
/* Entries on the revocation list as it is published; -1: there is none. */
int world_listed(struct world *w);
/* The row of `order` gets another order's "csr", "request" or "both". */
int world_forge(
    struct world *w, const char *order, const char *kind, const char *from);
/* The object at a URL, as JSON text (malloc()ed). */
int world_read(struct world *w, const char *url, char **body);
struct known_order *world_find(struct world *w, const char *name);
struct known_mailbox *world_find_mailbox(
    struct known_order *o, const char *address);

/* Sender, validator and issuer until none has anything to do now. */
int world_roles(struct world *w);
/* A reply of that kind is put into the mailbox. */
int world_reply(
    struct world *w, const char *order, const char *mailbox, const char *kind);

struct counts {
	int submissions; /* handed to the relay */
	int mails;       /* different Message-IDs among them */
	int certificates;
};
/* The certificate's dates, with a blank between them (malloc()ed). */
int world_validity(struct world *w, const char *order, char **text);
int world_count(struct world *w, struct counts *out);
/*
 * What must hold after any crash: one Message-ID a challenge, equal octets
 * under one Message-ID, at most one certificate an order, an unbroken audit
 * chain.
 */
int world_check_invariants(struct world *w);

#endif
