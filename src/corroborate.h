/*
 * What remote perspectives say to what the validator saw (pki.md 6): judged
 * from their answers by our own rules, counted, written down, and computed
 * again from what was written.  No sockets: those are
 * src/perspective_client.c's.
 */
#ifndef SRC_CORROBORATE_H
#define SRC_CORROBORATE_H

#include "dns/agent_form.h"
#include "dns/quorum.h"
#include "pki/caa.h"

struct authz;
struct caa_row;
struct conf;
struct json;
struct seal_key;

/* What is to be confirmed. */
struct question {
	struct agent_request request; /* without mx: PK-47 */
	struct span key; /* p= of the DKIM key, decoded; empty: none */
	struct caa_policy policy;
	/* Asked of a service, which knows nothing of keys: an answer is one
	 * element of its perspectives[] (dns/open_mpic_form.h). */
	bool is_open_mpic;
	/* What the primary found has parameters, which a service does not
	 * know, or it found no set, so that the one which the service has seen
	 * is not known here: its word alone is not enough (PK-53). */
	bool needs_records;
};

/*
 * For the CAA check of an authorization, with the DKIM key by which its reply
 * was authenticated (none if S/MIME stood in for it, or of a service).  The id
 * is fresh.
 * 0, or -1: ERR_UNAUTHORIZED if the evidence does not say by which key, or
 * holds one that cannot be read.
 */
int question_of(struct job *j, const struct caa_row *c, struct question *out);
/* The same as it was when the check was made, whatever the configuration says
 * today. */
int question_was(struct job *j, const struct caa_row *c, struct question *out);
bool question_has_key(const struct question *q);
void question_leave_key(struct question *q);

/* One configured perspective in one round. */
struct testimony {
	const char *code;
	enum rir rir;
	enum answer answer;
	const char *why;   /* for people; never NULL once it is not pending */
	bool is_alarming;  /* MP-2: somebody should look */
	bool is_unreached; /* no answer came at all (PK-52) */
	struct span body;  /* as received; empty: none */
	int64_t took_ms;
};

/* Fills answer, why and is_alarming from body (PK-47, MP-2). */
void testimony_judge(
    struct job *j, const struct question *q, struct testimony *t);

struct round {
	struct testimony *v;
	size_t n;
	int64_t at;
	const char *service; /* that was asked, or NULL: each of them was */
};
struct quorum round_count(struct job *j, const struct round *r);

/* The trace with a member "corroboration" that holds everything (PK-55,
 * MP-10); NULL: too large. */
const char *corroboration_add(struct job *j, const char *trace,
    const struct question *q, const struct round *r);

struct corroborated {
	struct quorum counted;
	/* The key was asked for, too; it may have been left out. */
	bool saw_key;
	/* As in struct round, and never two of them (MP-11). */
	const char *service;
};
/*
 * From such a trace: 1 and the outcome, computed again from the answers; 0 if
 * it holds none, or such of another kind of perspectives; -1 ERR_UNAUTHORIZED
 * if what is written does not follow from what was answered, or is about
 * something else than `expected`.
 */
int corroboration_verify(struct job *j, const char *trace,
    const struct question *expected, struct corroborated *out);

/*
 * The key that authenticated a reply is asked for when the reply has come; its
 * domain may change it afterwards.  Has there been a round of this
 * authorization in which enough perspectives saw it (PK-47)?  1, 0; -1
 * ERR_UNAUTHORIZED: the row that says so cannot be believed.  `seal`: NULL
 * where nobody knows the key.  *row: which one it was.
 */
int corroboration_of_key(struct job *j, const struct seal_key *seal,
    const char *authz_id, struct caa_row *row);
/* Is this check such a round?  1, or -1 as above. */
int corroboration_shows_key(
    struct job *j, const struct seal_key *seal, const struct caa_row *c);

#endif
