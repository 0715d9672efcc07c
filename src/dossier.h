/*
 * All that the store keeps about how one mailbox was proven (ER-35, MA-86),
 * for admins and auditors: printed as text or JSON, and verified again from
 * what is stored alone, without the DNS, however old it is.
 */
#ifndef SRC_DOSSIER_H
#define SRC_DOSSIER_H

#include "db/store_reply.h"
#include "lib/buf.h"
#include "src/dossier_checks.h"

struct json;
struct seal_key;

struct dossier {
	struct authz authz;
	struct span part1_sha256, part2_sha256;
	bool has_reply; /* a matching one */
	struct reply_record reply;
	const struct json *evidence; /* its text, parsed */
	struct dossier_checks checks;
	/* The raw reply holds token-part1; while the challenge is open, it
	 * stays unseen (ER-6). */
	bool shows_raw;
	/* After dossier_verify(): */
	bool verified;
	const char *verdict;     /* "ok", or what does not verify */
	const char *seal_result; /* "ok", or why it was not looked at */
};

/* 1, 0 if there is no such authorization, -1. */
int dossier_load(struct job *j, const char *authz_id, struct dossier *d);
/*
 * seal NULL: it is not checked, for the reason `why`.  0 whatever the
 * result; -1 for a fault of ours.
 */
int dossier_verify(struct job *j, struct dossier *d,
    const struct seal_key *seal, const char *why);

/* Adds all of it to `out`, as lines or as one object: 0, or -1. */
int dossier_text(struct job *j, const struct dossier *d, struct buf *out);
int dossier_json(struct job *j, const struct dossier *d, struct buf *out);

#endif
