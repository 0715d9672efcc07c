/*
 * Problem reports (PK-184): what somebody says is wrong with a certificate or
 * its key, when it came, what was answered and decided.  Numbers count from 1.
 */
#ifndef DB_STORE_REPORT_H
#define DB_STORE_REPORT_H

#include "db/store.h"

struct key_hash;

struct report {
	int64_t number;
	const char *reporter; /* mailbox, or NULL */
	const char *text;     /* a stranger's: never printed as it is */
	const char *cert_id;  /* what it is about: a certificate, or NULL … */
	struct span spki_sha256; /* … all with a key, or empty */
	struct span bare_sha256; /* of one that was proven, or empty */
	/* The proof that came with it, as pki/key_proof.h has it: NULL and
	 * empty if none did. */
	const char *proof_kind;
	struct span proof;
	struct span proof_spki;
	int64_t received_at;
	int64_t entered_at;
	const char *entered_by;
	int64_t alarm_at; /* 0: it is answered and decided */
	int64_t answered_at;
	const char *answered_by;
	int64_t decided_at;
	const char *decided_by;
	const char *decision; /* REPORT_REVOKE, REPORT_NONE, or NULL */
	const char *cause;    /* as incidents have them, of REPORT_REVOKE */
	int64_t deadline;
	const char *incident_id; /* that revokes, or NULL */
	int64_t closed_at;
	const char *closed_by;
};
#define REPORT_REVOKE "revoke"
#define REPORT_NONE "none"

/* Stores what came and who entered it; sets number and entered_at. */
int store_report_add(struct job *j, struct report *r);
int store_report_by_number(
    struct job *j, int64_t number, struct report *out); /* 1, 0, -1 */
/* The same without the proof: only what kind it is. */
int store_report_look(
    struct job *j, int64_t number, struct report *out); /* 1, 0, -1 */
/* Without the proofs: those that are open, or all, by the time that is left for
 * the next step: `answer_secs` from when it came for answer and decision, then
 * the deadline.
 */
int store_report_list(struct job *j, bool all, int64_t answer_secs, size_t max,
    struct report **out, size_t *count);
/* Is a report about the key open?  1, 0, -1. */
int store_report_of_key(struct job *j, struct span spki_sha256);
/* The first one that came with a proof about the key, in whatever encoding
 * (PK-76): 1, 0, -1. */
int store_report_of_proof(
    struct job *j, const struct key_hash *key, int64_t *number);
/* Was one closed whose proof about the key, in whatever encoding, had been
 * verified?  web can write no such row.  1, 0, -1. */
int store_report_was_proven(struct job *j, const struct key_hash *key);

/* Each ERR_CONFLICT if it was done before, or the report is closed. */
int store_report_answered(struct job *j, const struct report *r);
int store_report_decided(struct job *j, const struct report *r);
int store_report_closed(struct job *j, const struct report *r);

/* The one whose alarm is due first by j->now: 1, 0, -1. */
int store_report_due(struct job *j, struct report *out);
int store_report_next_due(struct job *j, int64_t *at); /* 1, 0, -1 */
/* ERR_CONFLICT if it is answered and decided by now. */
int store_report_set_alarm(struct job *j, int64_t number, int64_t at);

#endif
