/*
 * What issuer and upstream role say to each other through the database
 * (pki.md section 17): the request as JSON, under a seal.
 *
 * The seal's key is derived from the one of validator and issuer: the role
 * that calls out, and could be taken over from there, can thus not seal
 * verdicts, and `web`, which has neither key, can hand nothing off.
 */
#ifndef SRC_HANDOFF_H
#define SRC_HANDOFF_H

#include "db/store_handoff.h"
#include "lib/err.h"
#include "lib/seal.h"

struct arena;
struct csr;
struct order;
struct profile;
struct relied_list;

/* The key of these seals, made from that of verdicts; it lives as long as
 * `keep`. */
const struct seal_key *handoff_key(
    struct arena *keep, const struct seal_key *verdicts);

/* The issuer's, on the row that it hands off. */
void handoff_seal(
    const struct seal_key *k, const struct handoff *h, uint8_t out[SEAL_LEN]);
bool handoff_is_sealed(const struct seal_key *k, const struct handoff *h);
/* The upstream role's own, on the token that it polls by. */
void handoff_seal_token(
    const struct seal_key *k, const struct handoff *h, uint8_t out[SEAL_LEN]);
bool handoff_token_is_sealed(const struct seal_key *k, const struct handoff *h);

/* What the issuer asks for. */
struct handoff_input {
	const char *id;
	const struct order *order;
	const struct profile *profile;
	const struct csr *csr;
	struct span tbs; /* what we would have signed */
	int64_t not_before, not_after;
	int64_t send_before; /* its checks are fresh until then */
	/* What it rests on, for the certificate's record; under the issuer's
	 * own seal, which the upstream role cannot make. */
	const struct relied_list *relied;
	const struct seal_key *seal;
};
/* NULL: too long. */
const char *handoff_format(struct job *j, const struct handoff_input *in);

/* What that CA has made for this request goes to nobody (PK-216): it is to
 * revoke the first certificate of `answer` (PEM or DER), and any other one for
 * the key that was asked for; but not what an order got before, nor a CA's.
 * *count: how many it is to revoke. */
int handoff_withdraw(
    struct job *j, const struct handoff *h, struct span answer, size_t *count);

/* Is that CA to revoke this certificate, which ends then, since it was to go to
 * nobody?  Until the transaction ends nobody else decides that.  1, 0, -1. */
int handoff_is_withdrawn(struct job *j, struct span der, int64_t not_after);

/* Why nothing may be signed for it now. */
enum handoff_bar {
	HANDOFF_FREE,
	HANDOFF_ENDED,   /* the order has ended */
	HANDOFF_STOPPED, /* issuance is stopped (PK-45) */
	HANDOFF_OLD      /* its checks are no longer fresh */
};

/* What the upstream role reads of it. */
struct handoff_request {
	struct span csr;      /* DER */
	struct span template; /* what we would have signed */
	const char *profile;
	const char *const *mailboxes;
	size_t mailbox_count;
	int64_t ordered_not_before, ordered_not_after; /* 0: by nobody */
	int64_t send_before;
	/* The upstream role's to find out, with the lease and, by look(),
	 * right before something is signed there: 0, or -1. */
	enum handoff_bar bar;
	int (*look)(struct job *j, void *ctx);
	void *look_ctx;
};
/* What handoff_format() wrote, without `bar` and `look`: 0, or -1
 * ERR_INTERNAL. */
int handoff_parse(struct job *j, const char *text, struct handoff_request *out);

/* PK-219: what the other CA's refusal is to our client. */
enum err_kind handoff_refusal(enum err_kind theirs);
/* And its words: the other CA's own stay in the log. */
const char *handoff_refusal_text(enum err_kind ours);
/* The kind of an err_kind_name(); ERR_INTERNAL for any other text. */
enum err_kind handoff_kind(const char *name);

#endif
