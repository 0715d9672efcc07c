/*
 * The sender: takes a due challenge mail, or else a notice, renders it once,
 * hands it to the relay, records what the relay said.  It reads nothing from
 * outside but SMTP answers.
 */
#ifndef SRC_ROLE_SENDER_H
#define SRC_ROLE_SENDER_H

#include "mail/dkim_sign.h"
#include "mail/smime_signer.h"
#include "mail/submit.h"
#include "src/role.h"

struct texts;

struct sender {
	struct submit *submit;
	const struct dkim_signer *signers[2];
	size_t signer_count;              /* 0: the relay signs */
	struct texts *texts;              /* NULL: the built-in ones */
	struct texts *renewal_texts;      /* the same */
	const struct smime_signer *smime; /* NULL: no S/MIME signature */
};

/* One item: 1 done, 0 nothing due, -1 failed (job's error; try later). */
int sender_step(void *sender, struct job *j);
/* When there will be work: 1 and *at, 0, -1. */
int sender_next_due(void *sender, struct job *j, int64_t *at);

/*
 * S/MIME and DKIM, as far as there are keys.  `label` names the mail in the
 * log: "order=… challenge=…".
 */
struct sender_letter {
	const char *from;
	const char *label;
	int64_t expires_at; /* of the DKIM signature */
};
int sender_sign(const struct sender *s, struct job *j,
    const struct sender_letter *letter, struct span plain, struct span *out);
/* "accepted", "temporary failure", … */
const char *sender_outcome_name(enum submit_outcome outcome);
/* What the relay said, for the log: quoted, and without the mailboxes that it
 * may have repeated (AC-178).  The audit record has all of it. */
struct log_quoted;
const char *sender_answer_quote(
    struct log_quoted *q, struct job *j, const char *answer);

/* Seconds until attempt n + 1 (ER-11): 1 min, 2, 4 … at most 30. */
int64_t sender_pause(int64_t attempts);

extern const struct role_ops sender_ops;

#endif
