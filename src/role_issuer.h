/*
 * The issuer: the only holder of the CA key.  It has no network and believes
 * no row that it cannot recompute (architecture.md, PK-44): before each
 * signature it verifies seal, stored reply, CAA and CSR again.
 */
#ifndef SRC_ROLE_ISSUER_H
#define SRC_ROLE_ISSUER_H

#include <stddef.h>

#include "acme/urls.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "src/ceiling.h"
#include "src/clock_watch.h"
#include "src/purge.h"
#include "src/role.h"
#include "src/status_place.h"

struct answers;
struct audit_signer;
struct ca;
struct crl;
struct cert;
struct crl_input;
struct csr;
struct former;
struct incident;
struct issue_input;
struct issuer_order;
struct linters_hold;
struct linters_question;
struct live_keys;
struct order;
struct own_keys;
struct profile;
struct relied_list;
struct seal_key;

/* A bite of a key that is being followed, and after it one turn for everything
 * else: neither waits for the end of the other. */
struct issuer_round {
	size_t next;    /* step; 0: none is under way */
	bool held;      /* orders wait for what has failed in it */
	struct err why; /* the first failure */
};

struct issuer {
	const struct ca *ca;
	const struct seal_key *seal;
	const struct seal_key *handoff; /* src/handoff.h */
	/* Number of the list in each shard's file; 0: not known. */
	int64_t written[CRL_SHARDS_MAX];
	struct answers *answers;          /* src/answers.h; NULL: OCSP is off */
	const struct weakkeys *weak_keys; /* NULL: there are none */
	struct ceiling ceiling;
	struct ceiling lists; /* signed, the same way */
	bool lists_held;      /* as publishing one found it last (PK-204) */
	int64_t list_at[CRL_SHARDS_MAX]; /* when this process signed the last */
	struct clock_watch clock;
	struct former *formers; /* src/former.h */
	size_t former_count;
	struct issuer_round round;
	bool is_former;       /* one of them: its lists come to an end */
	bool is_gone;         /* and its key was destroyed: nothing is signed */
	bool orders_turn;     /* a report was the last thing done */
	int64_t swept_at;     /* where another CA issues (PK-181) */
	int64_t spent_at;     /* when incidents were looked at last */
	int64_t left_told_at; /* of CAs without a section; 0: never */
	int64_t admins_at;    /* when their certificates were looked at last */
	int64_t head_at; /* when the audit's head was signed last; 0: ask */
	/* With which key; NULL: it is only sealed. */
	const struct audit_signer *head_signer;
	int64_t root_list_at; /* when src/root_list.h looked last; 0: never */
	struct issuer_purge purge;
	struct linters_hold *linters;    /* src/linters_hold.h */
	const struct remote_key *remote; /* src/sign_link.h; NULL: no signer */
	bool tells_of_keys;              /* once the CA's key is ready */
	struct live_keys *live;          /* src/live_key.h; NULL: nobody asks */
	/* SHA-256 of the CA's SubjectPublicKeyInfo (PK-207). */
	struct span key_sha256;
	const struct own_keys *own_keys; /* src/own_keys.h */
	struct urls urls;   /* that must have been answered (PK-133) */
	bool urls_answered; /* all of them were */
};

/* Some orders, or a revocation list that is due (src/issuer_round.c): 1, 0,
 * -1. */
int issuer_step(void *issuer, struct job *j);
int issuer_next_due(void *issuer, struct job *j, int64_t *at);

/*
 * Orders that are due, up to 64 at a time (src/issuer_batch.c): each is judged
 * by itself, all numbers are committed together, then all certificates.  One
 * that fails leaves its neighbours alone.  1, 0 none is due, -1.
 */
int issuer_orders_step(struct issuer *i, struct job *j);

/*
 * Revocation lists (src/lists.c): one that is due, or one that is not in its
 * shard's file yet: 1, 0, -1.  Every 24 hours, and after revocations, which
 * are collected for at most five minutes (PK-156).
 */
int issuer_list_step(struct issuer *i, struct job *j);
/* The file alone, from what was signed before: 1, 0, -1. */
int issuer_list_restore(struct issuer *i, struct job *j);
/* 0, or -1. */
int issuer_list_due(const struct issuer *i, struct job *j, int64_t *at);
/* At the start: the shards of the configuration are those that certificates
 * name, or more (PK-154, PK-155).  0, or -1 saying what is wrong. */
int issuer_list_start(const struct issuer *i, struct job *j);
/* The newest list of the shard that carries this CA's signature, from the
 * database or from the file: 0, or -1. */
int issuer_list_former(const struct issuer *i, struct job *j, int64_t shard,
    struct crl_input *former, bool *found);
/* PK-149: is the list of this shard out, and not at its end?  1, 0, -1. */
int issuer_list_is_out(const struct issuer *i, struct job *j, int64_t shard);
/* How long revocations are collected after a list of so many octets. */
int64_t issuer_list_pause(size_t octets);
/* PK-162: a line in the log from 1 MB on, an alarm from 10 MB on. */
void issuer_list_warn_of_size(const struct crl *list);

/*
 * Incidents (src/incidents.c, PK-185): alarms, and early enough before the
 * deadline some hundred certificates at a time, until all are revoked; at once
 * where nothing is left that is neither revoked nor expired.
 * It is finished when lists, and answers where OCSP is on, show all of them,
 * and late, with an alarm, if they do not at the deadline (PK-157).  1, 0, -1.
 */
int issuer_incident_step(const struct issuer *i, struct job *j);
/* Makes those due of which nothing is left: 1, 0, -1. */
int issuer_incident_spent_step(struct job *j);
/* Undoes what an opening has left that ended before its end, some minutes
 * later (src/incident_open.h): 1, 0, -1; and when that will be. */
int issuer_incident_undo_step(struct job *j);
int issuer_incident_undo_due(struct job *j, int64_t *at);
/* AC-158: of a key with very many certificates, which is blocked, the next ones
 * are revoked (src/issuer_key.c): 1, 0, -1. */
int issuer_key_step(struct job *j);
/* After `now`: the next alarm before `end`, or that. */
int64_t issuer_incident_next(int64_t end, int64_t now);
/* When the issuer has to look at it next: at an alarm, or when it has to begin
 * to revoke, for the lists to be out at the deadline (PK-157). */
int64_t issuer_incident_due(const struct incident *i, int64_t now);
/* "draft", "open", "revoking", "finished", "cancelled" */
const char *issuer_incident_status(
    const struct job *j, const struct incident *i);

/*
 * Problem reports (src/reports.c, PK-184): an alarm 12 hours after one came,
 * and when it is overdue, until it is answered and decided.  One that came
 * with a proof (acme/key_report.h) is settled at once, if the proof holds here
 * as well; the key is blocked and its certificates are revoked, if web has not
 * done it: 1, 0, -1.
 */
int issuer_report_step(struct job *j);

/*
 * The daily look at all unexpired certificates (src/recheck.c, PK-188): keys
 * that are blocked or weak by now, and the lints of today.  Findings open an
 * incident in draft.  1, 0, -1.
 */
int issuer_recheck_step(const struct issuer *i, struct job *j);
/* The lints of today: 1 when one refuses, 0, -1.  Needs of the issuer only its
 * certificate, and no key. */
struct relint_verdict {
	bool linted;        /* could it be looked at? */
	const char *why;    /* the first that refuses, or NULL */
	const char *report; /* all of them, JSON, or NULL */
};
int issuer_relint(const struct issuer *i, struct job *j, const struct cert *c,
    struct relint_verdict *v);
/* What linters that are not ours are to be asked about it: 1; 0 it is another
 * CA's, or its profile is not on record; -1. */
int issuer_linters_question(const struct issuer *i, struct job *j,
    const struct cert *c, struct linters_question *q);
/* 1 and when the next one is due, 0, -1. */
int issuer_recheck_due(struct job *j, int64_t *at);
/* At the start: makes its row, and does not wait for tomorrow if what it
 * checks against is new. */
int issuer_recheck_start(const struct issuer *i, struct job *j);

/* Why an order cannot be signed now. */
enum gate {
	GATE_OPEN,
	GATE_WAIT,   /* CAA too old or missing: asked for, come back */
	GATE_CLOSED, /* never: the job's error is the problem */
};
/* PK-44, PK-13, PK-27.  -1 for faults of our own.  *relied, where it is open:
 * what it rests on (PK-18), in the job's arena. */
int issuer_gate(const struct issuer *i, struct job *j, const struct order *o,
    struct relied_list *relied, enum gate *out);
/* The same for what another CA has signed, without CAA: that counted when it
 * was asked, and is not asked for again. */
int issuer_gate_answer(const struct issuer *i, struct job *j,
    const struct order *o, enum gate *out);

/*
 * Where another CA issues (src/issuer_handoff.c, pki.md section 17).  The step
 * is taken before the gate: 1 the order waits or has ended, 0 the gate and the
 * rest must be passed (issuer_gate_answer() if *answered), -1.  What came back
 * is then judged: 1 the order has its certificate or has ended, 0 nothing came,
 * -1.  With nothing there, the request is committed.
 */
bool issuer_is_external(const struct job *j);
int issuer_handoff_step(struct job *j, const struct order *o, bool *answered);
int issuer_take_answer(const struct issuer *i, struct job *j,
    const struct order *o, const struct profile *profile,
    const struct csr *csr);
int issuer_hand_off(const struct issuer *i, struct issuer_order *w,
    const struct issue_input *in);

/*
 * The order has ended without a certificate, in the caller's transaction: what
 * was not sent is not sent any more, and what came is revoked there.  What that
 * CA is still at is taken and revoked when it comes.
 */
int issuer_handoff_end(struct job *j, const char *order_id);

#define ISSUER_STOP_SECS 15 /* an order that waits for issuance to go on */
/* Faults of our own are tried again for this long (AC-145). */
#define ISSUER_GIVE_UP_SECS ((int64_t)24 * 3600)

/* What these share: src/issuer_outcome.c. */
int issuer_give_back(struct job *j, const struct order *o, int64_t secs);
int issuer_end_order(struct job *j, const struct order *o, enum err_kind kind,
    const char *detail);

/* And src/issuer_checks.c. */
void issuer_mailboxes(
    struct job *j, const struct order *o, const char *const **out);
int issuer_check_csr(const struct issuer *i, struct job *j,
    const struct order *o, const struct profile *profile, struct csr *csr);
/* ERR_BAD_CSR for a key that may not be certified (now). */
int issuer_check_key(const struct issuer *i, struct job *j,
    const struct order *o, const struct csr *csr);
/* ERR_ISSUANCE_STOPPED while a stop holds for the order (PK-45). */
int issuer_check_stop(
    const struct issuer *i, struct job *j, const struct order *o);
/* PK-133: ERR_ISSUANCE_STOPPED until all URLs were answered once. */
int issuer_check_urls(struct issuer *i, struct job *j);
/* PK-207: ERR_REFUSED for a CA key that is on record as destroyed, or about to
 * be. */
int issuer_check_key_is_there(const struct issuer *i, struct job *j);
/* PK-139: each use of an allowance, NULL: none. */
int issuer_record_allowed(
    struct job *j, const struct order *o, const char *allowed);
/* What the certificate relies on (PK-18), and the issuer's own seals on the
 * row; relied NULL: not known, since an earlier version asked for it elsewhere.
 */
const char *issuer_evidence(const struct issuer *i, struct job *j,
    const struct order *o, const struct cert *c,
    const struct relied_list *relied);

extern const struct role_ops issuer_ops;

#endif
