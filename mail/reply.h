/*
 * The reply rules of RFC 8823 (ER-21 to ER-33, MA-40 to MA-64).
 *
 * Two calls, because between them the caller looks the challenge up:
 *
 *	reply_open(j, raw, …, &r)     structure; finds SHA-256(token-part1)
 *	reply_judge(j, r, &expect, …) authenticates, compares, decides
 *
 * After each, r->verdict says whether it is decided.  Nothing of the message
 * but its bytes is kept: what is stored as evidence is in r->evidence.
 */
#ifndef MAIL_REPLY_H
#define MAIL_REPLY_H

#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/verdict.h"
#include "mail/auth_results.h"
#include "mail/bounce.h"
#include "mail/dkim_verify.h"
#include "mail/field.h"
#include "mail/finding.h"
#include "mail/smime_verify.h"

struct resolver;

/*
 * Counts up when a rule refuses what was accepted before, so that evidence of
 * an earlier count (none: 1) that does not verify again is told from evidence
 * that somebody has changed.
 */
#define REPLY_RULES 8

struct reply_policy {
	size_t message_max;
	/* MA-31, MA-36, MA-40, MA-41: see struct dkim_policy */
	enum conf_coverage coverage;
	bool require_dnssec;
	bool allow_testing;
	const char *parent;
	struct auth_results_conf own_server; /* MA-81 */
	bool spf_if_to_unsigned;             /* MA-50 */
	bool message_id_rewritten;           /* by the relay: MA-49 */
	struct smime_policy smime;
};

struct reply {
	struct span raw;
	int64_t arrival; /* INTERNALDATE */
	struct message message;
	bool decided; /* verdict and finding are final */
	enum verdict verdict;
	struct finding finding;
	bool has_part1;
	struct span part1; /* as it stands in the Subject, white space removed:
			    * for reply_digest(); never stored or logged */
	uint8_t part1_hash[SHA256_LEN]; /* what finds the challenge */
	/* Addresses that the message was delivered to, canonical: To, Cc,
	 * Delivered-To, X-Original-To.  For a DSN the tag is found here. */
	const char **recipients;
	size_t recipient_count;
	struct dsn dsn;
	/* After reply_judge(): */
	struct dkim_result dkim;
	struct smime_result *smime; /* NULL: not looked at */
	bool authenticated; /* by DKIM, or by S/MIME in its place (MA-76) */
	/* An authenticated reply without any response says STOP: its holder
	 * wants no more of these mails (AC-189). */
	bool asks_to_stop;
	bool has_digest;
	uint8_t digest[SHA256_LEN];       /* received */
	uint8_t covered_hash[SHA256_LEN]; /* of the signed part (MA-64), once
					   * authenticated */
	const char *evidence;      /* JSON object: each check, code, operands;
				    * per signature d, s, a, bits, h, grade, key
				    * record, aliases, DNSSEC (MA-85, MA-86) */
	struct reply_trail *trail; /* the checks so far */
};

struct reply_expect {
	const char *mailbox;    /* canonical */
	const char *answer_to;  /* the address the mail asked to answer */
	const char *message_id; /* of the challenge mail, with <> */
	int64_t sent_at;        /* of the challenge mail; 0: unknown */
	int64_t expires_at;     /* of both token halves */
	/* Digests: base64url-decoded SHA-256 of the key authorization under
	 * the account key in force now, and under the one in force when the
	 * mail was queued (AC-82); equal if the key did not change. */
	uint8_t digest_now[SHA256_LEN];
	uint8_t digest_then[SHA256_LEN];
};

/*
 * ER-22, ER-23, ER-26: 0 always for strangers' faults (r->decided is then
 * set); -1 only for our own.
 */
int reply_open(struct job *j, struct span raw, int64_t arrival,
    const struct reply_policy *policy, struct reply *r);
/* The envelope had no sender (MA-48): after reply_open(), where an envelope is
 * known.  A report, which has none, stays what it is. */
void reply_without_sender(struct job *j, struct reply *r);
/* ER-25, ER-27 to ER-32, with the resolver for DKIM keys.  As above. */
int reply_judge(struct job *j, struct reply *r,
    const struct reply_expect *expect, const struct reply_policy *policy,
    struct resolver *resolver);

/*
 * For a reply that comes too late to be an answer: does it say STOP and
 * nothing else, from the mailbox to the challenge's address (AC-189)?  Costs
 * no look-up and proves nothing.
 */
bool reply_says_stop(struct job *j, struct reply *r,
    const struct reply_expect *expect, const struct reply_policy *policy);
/*
 * Such a one: authenticates it, sets r->asks_to_stop, and leaves the verdict
 * (expired or late) as it is, with late.stop or late.stop-unproven.  0, or -1
 * for faults of our own.
 */
int reply_judge_stop(struct job *j, struct reply *r,
    const struct reply_expect *expect, const struct reply_policy *policy,
    struct resolver *resolver);

/* digest = SHA-256(part1 part2 "." thumbprint) (AC-111). */
void reply_digest(struct span part1, struct span part2, struct span thumbprint,
    uint8_t out[SHA256_LEN]);

/*
 * The response block alone, for tests and for people (ER-28, MA-60 to
 * MA-62): 0 and 32 octets, or -1 (body.*).
 */
int reply_find_block(struct job *j, struct span text,
    uint8_t digest[SHA256_LEN], struct finding *f);

#endif
