/*
 * How many network perspectives must agree (pki.md 6.2, TBR 3.2.2.9), counted
 * here from what each said, whoever carried the answers (MP-3).
 *
 *	struct quorum q = quorum_count(votes, n, now);
 *
 * A vote that is still open may be counted too: the outcome is QUORUM_OPEN
 * until no answer that may come can change it (PK-52).
 */
#ifndef DNS_QUORUM_H
#define DNS_QUORUM_H

#include "lib/buf.h"

/* The five regions of address registries, which is how TBR tells places that
 * one attacker's announcements hardly reach at once. */
enum rir { RIR_AFRINIC, RIR_APNIC, RIR_ARIN, RIR_LACNIC, RIR_RIPE, RIR_COUNT };
/* "afrinic", "apnic", "arin", "lacnic", "ripe". */
const char *rir_name(enum rir r);
bool rir_parse(struct span name, enum rir *out);

enum answer {
	ANSWER_PENDING,
	ANSWER_AGREES,
	ANSWER_DENIES,
	ANSWER_FAILS,  /* it could not look up */
	ANSWER_SILENT, /* none, or none that can be believed */
};
/* "pending", "agrees", "denies", "fails", "silent". */
const char *answer_name(enum answer a);
bool answer_parse(struct span name, enum answer *out);

/* One configured remote; those that are skipped are asked and silent, so that
 * skipping lowers nothing (PK-52). */
struct vote {
	enum rir rir;
	enum answer answer;
};

/* A second answer under the same code counts once: as dissent, if the two
 * differ (MP-3). */
enum answer answer_join(enum answer before, enum answer now);

enum quorum_outcome {
	QUORUM_OPEN,
	QUORUM_REACHED,
	QUORUM_DENIED, /* MP-6: caa */
	QUORUM_FAILED, /* dns */
	QUORUM_SILENT, /* serverInternal; worth another round */
};
/* "open", "reached", "denied", "failed", "silent". */
const char *quorum_outcome_name(enum quorum_outcome o);

struct quorum {
	enum quorum_outcome outcome;
	size_t asked;
	size_t minimum; /* that must be asked at this date (PK-46) */
	size_t needed;  /* that must agree */
	size_t regions_needed;
	size_t agree, deny, fail, silent, pending;
	size_t regions; /* of those that agree */
};

/* `minimum`: of pki/effective.h, which has the dates (PK-2). */
struct quorum quorum_count(const struct vote *votes, size_t n, size_t minimum);
/* How many of n may disagree or be silent. */
size_t quorum_dissent(size_t n);

/* A place on the earth, in degrees. */
struct site {
	double latitude, longitude;
};
/* Along the great circle, in kilometres (PK-50). */
double place_distance_km(struct site a, struct site b);
#define PERSPECTIVE_DISTANCE_KM 500.0

#endif
