/*
 * The part of a dossier that is about CAA and other networks: each check with
 * the attempts before it (PK-17, PK-55), and which of them each certificate
 * rests on (PK-18).
 */
#ifndef SRC_DOSSIER_CHECKS_H
#define SRC_DOSSIER_CHECKS_H

#include "db/store_caa.h"
#include "db/store_cert.h"
#include "db/store_reply.h"

struct json_out;
struct seal_key;

struct dossier_check {
	struct caa_row row;
	struct caa_row *rounds; /* attempts that were followed by another */
	size_t round_count;
};
struct dossier_checks {
	struct dossier_check *checks; /* oldest first, the newest of them */
	size_t check_count;
	struct cert *certs; /* issued ones, oldest first */
	size_t cert_count;
	/* After dossier_checks_verify(): the audit has no hash of the evidence
	 * of one of them, to compare it with. */
	bool unrecorded;
};

/* Into the job's arena: 0, or -1. */
int dossier_checks_load(
    struct job *j, const char *authz_id, struct dossier_checks *d);
/*
 * What perspectives said counts again from their answers, and each certificate
 * names this reply and a check of this authorization, as they are now; where
 * there is none, the newest check is looked at.  0, or -1 ERR_UNAUTHORIZED.
 * seal NULL: seals are not checked.
 */
int dossier_checks_verify(struct job *j, const struct seal_key *seal,
    const struct authz *a, const struct reply_record *reply,
    struct dossier_checks *d);

/* Lines for people. */
void dossier_checks_text(struct job *j, const struct authz *a,
    const struct dossier_checks *d, struct buf *out);
/* Members caa_checks and certificates. */
void dossier_checks_json(struct json_out *w, struct job *j,
    const struct authz *a, const struct dossier_checks *d);

#endif
