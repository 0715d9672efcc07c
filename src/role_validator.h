/*
 * The validator: reads replies, judges them, looks up CAA, seals what it
 * found.  The parser of strangers' mail holds no CA key; what it says is
 * checked again by the issuer.
 */
#ifndef SRC_ROLE_VALIDATOR_H
#define SRC_ROLE_VALIDATOR_H

#include "lib/buf.h"
#include "lib/verdict.h"
#include "src/intake.h"
#include "src/patience.h"
#include "src/role.h"
#include "src/smime_source.h"

struct fetch;
struct intake_lmtp;
struct intake_maildir;
struct record_queue;
struct resolver;
struct perspective_client;
struct seal_key;
struct x509_st;

struct validator {
	enum intake_kind kind; /* which of these it has: */
	struct fetch *fetch;   /* NULL in tests: messages are handed in */
	struct record_queue *records; /* beside fetch */
	struct intake_lmtp *lmtp;
	struct intake_maildir *maildir;
	struct resolver *resolver;
	struct resolver *second; /* MA-32; NULL: none */
	const struct seal_key *seal;
	struct x509_st *wrap_to; /* PK-23; NULL: replies stay in the clear */
	struct perspective_client *perspectives; /* NULL: asks none */
	bool perspectives_checked;
	/* For the look-ups of one judgement, where somebody waits for it:
	 * what takes longer is deferred, and due at once (src/patience.h).
	 * 0: as configured. */
	int64_t hasty_ms;
	struct patience patience;
	struct smime_source smime;
	uint32_t stuck_uid;   /* the message that could not be judged … */
	unsigned stuck_count; /* … so often … */
	int64_t stuck_ms;     /* … since then, on the monotonic clock */
	int64_t disposed_uid; /* up to here the mailbox has put away */
	bool reads_alone;     /* no other machine can read this mailbox */
	bool one_by_one;      /* messages are loaded alone, after a failure */
};

/* One message as a mailbox delivered it. */
struct received {
	const char *source; /* fetch_source() */
	int64_t uidvalidity;
	int64_t uid;
	int64_t arrival;
	struct span raw;
	const char *refused; /* a code: it was not loaded or cannot be judged */
	/* Where the envelope is known: */
	const char **recipients; /* canonical (MA-106) */
	size_t recipient_count;
	bool null_sender; /* MA-48 */
	bool is_gone;     /* there is nothing to move away afterwards */
	/* Its number is higher than those of all that were recorded: it is not
	 * looked for among them (where somebody else reads the same mailbox,
	 * the one who comes second is told when it is recorded). */
	bool is_new;
};

/* Where a mailbox does not number its messages: uidvalidity and uid are 126
 * bits of the SHA-256 of what is the same for one message and no other. */
void received_identify(struct received *m, struct span what);

/*
 * Judges one message and commits verdict, evidence and bytes together
 * (ER-21): 0 and *verdict as stored (VERDICT_REPEATED for one that was
 * recorded before), or -1 with nothing changed.
 */
int validator_take(struct validator *v, struct job *j, const struct received *m,
    enum verdict *verdict);

/* A deferred message, or a CAA check, that is due: 1, 0, -1. */
int validator_step(void *validator, struct job *j);
int validator_next_due(void *validator, struct job *j, int64_t *at);

/* See store_reply_recover(). */
int validator_recover(struct job *j);

extern const struct role_ops validator_ops;

#endif
