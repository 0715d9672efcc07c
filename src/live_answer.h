/*
 * OCSP answers that are made for one client (pki.md section 14, `live`): with
 * its nonce (PK-173), about up to eight numbers (PK-172), and "unknown" for a
 * number that was never issued (PK-170).
 *
 * What they say is what the issuer's own answers say, which were signed in
 * advance (src/status_ocsp.h): each is verified up to the CA before it is said
 * again.  So whoever answers needs no rows, and nobody who writes files makes
 * a revoked certificate good.
 */
#ifndef SRC_LIVE_ANSWER_H
#define SRC_LIVE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

struct arena;
struct ca;
struct conf_issuer;
struct job;
struct live;
struct remote_key;

/* Without a key: every answer is tryLater.  All live as long as `keep`. */
struct live *live_new(
    struct arena *keep, const struct conf_issuer *conf, const struct ca *ca);
/* In place of fresh ones, the key with this label that another process has:
 * both live as long. */
void live_use_key(
    struct live *l, const struct remote_key *remote, const char *label);
/* Wipes the keys. */
void live_free(struct live *l);

/*
 * A key, where one is wanted: none has a certificate yet, or half of that one's
 * life is over (PK-118).  1 and its request (pki/responder_request.h), which
 * lives until its certificate has come; the same again until then; 0: none is
 * wanted; -1, ERR_BUSY and ERR_REFUSED while the key of another process is
 * away.
 */
int live_key(struct job *j, struct live *l, struct span *request);
/* When live_key() is 1 again, after it was answered. */
int64_t live_key_due(const struct live *l);
/* The certificate for that key: 0, or -1 for anything else. */
int live_adopt(struct job *j, struct live *l, struct span certificate);

/* An OCSPResponse, always: an answer, or an error (PK-171). */
struct span live_answer(struct job *j, struct live *l, struct span request);

/*
 * One of the answers for the linters of others (PK-141), in the job's arena:
 * the first that was signed with each key, and then one an hour at most.  Each
 * is given once: true, or there is none.
 */
bool live_take_sample(struct job *j, struct live *l, struct span *response);

/* Signatures since the last time that this was asked. */
uint64_t live_take_count(struct live *l);

#endif
