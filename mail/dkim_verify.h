/*
 * DKIM verification of our own (RFC 6376, 8301, 8463; MA-10 to MA-41).
 *
 * dkim_verify() sorts the signatures out by alignment first, so only
 * signatures of the From domain cost a DNS look-up, at most eight; it passes
 * when one of them obeys every rule.  With the same message, the same
 * resolver answers (resolver_new_custom over stored records) and the same
 * arrival it gives the same result ten years later.
 *
 * The first signature from the top that passes counts, and none after it is
 * looked at.  `signatures` holds the aligned ones that were evaluated, in
 * their order, then others as far as there is room.
 */
#ifndef MAIL_DKIM_VERIFY_H
#define MAIL_DKIM_VERIFY_H

#include "dns/resolver.h"
#include "lib/conf.h"
#include "mail/field.h"
#include "mail/finding.h"

struct dkim_policy {
	enum conf_coverage coverage;
	bool require_dnssec;
	bool allow_testing; /* keys with t=y count (MA-36) */
	const char *parent; /* a domain above, A-labels, whose signatures
			     * count too (MA-40); NULL: none */
	int64_t sent_at;    /* of the challenge mail, for *arrival* (MA-19) */
};

#define DKIM_EVALUATED_MAX 8

struct dkim_signature_result {
	struct finding finding; /* PASS or why it does not count */
	struct finding note;    /* PASS, or key.weak */
	const char *domain;     /* d=, A-labels, or NULL */
	const char *selector;
	const char *algorithm; /* "rsa-sha256", "ed25519-sha256" */
	unsigned key_bits;
	const char *header_list;  /* h= as received, unfolded */
	enum conf_coverage grade; /* highest grade reached */
	bool reaches_core;
	struct dns_answer key;  /* what the DNS said */
	struct span key_record; /* the joined TXT in use */
};

struct dkim_result {
	bool pass;
	/* The verdict over all: PASS, or the most telling failure. */
	struct finding finding;
	size_t signature_count;
	size_t passed;             /* index of the signature that counts */
	const struct field *field; /* that one in the message, or NULL */
	struct finding note;       /* PASS, or dkim.too-many */
	int64_t arrival; /* the moment that t= and x= were judged by; the
			  * same one gives the same result later */
	/* SHA-256 over the signed header data of that signature. */
	uint8_t covered_hash[32];
	/* Is Content-Type / Content-Transfer-Encoding / To covered by it?
	 * An absent field is covered if h= names it: nobody took it out. */
	bool covers_content_type, covers_cte, covers_to;
	bool covers_blanks; /* at the ends of the body's lines */
	/* The first `signature_count` are filled; last, as they are large. */
	struct dkim_signature_result signatures[DKIM_EVALUATED_MAX];
};

/* 0 with *out whatever the message is like; -1 only for our own faults. */
int dkim_verify(struct job *j, const struct message *m, const char *from_domain,
    int64_t arrival, const struct dkim_policy *policy,
    struct resolver *resolver, struct dkim_result *out);

/*
 * SHA-256 over the signed header data of each signature of that domain whose
 * body hash fits: what covered_hash of a result is, for telling a copy of a
 * message that was judged before, without any look-up and without saying that
 * a signature is good (MA-64).
 */
void dkim_covered(struct job *j, const struct message *m,
    const char *from_domain, int64_t arrival,
    uint8_t hashes[DKIM_EVALUATED_MAX][32], size_t *count);

#endif
