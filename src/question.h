/*
 * What remote perspectives are asked to confirm (pki.md 6): the CAA check of an
 * authorization, and the DKIM key by which its reply was authenticated.
 */
#ifndef SRC_QUESTION_H
#define SRC_QUESTION_H

#include "dns/agent_form.h"
#include "dns/open_mpic_form.h"
#include "pki/caa.h"

struct arena;
struct caa_row;

/* How a trace names the rounds that a service was asked in. */
#define QUESTION_OPEN_MPIC "open-mpic"
/* A member of theirs, true: the key was a question, too. */
#define QUESTION_VIA_DCV "dkim_via_dcv"

/* What is to be confirmed. */
struct question {
	struct agent_request request; /* without mx: PK-47 */
	struct span key; /* p= of the DKIM key, decoded; empty: none */
	struct caa_policy policy;
	/* Asked of a service: an answer is one element of its perspectives[]
	 * (dns/open_mpic_form.h). */
	bool is_open_mpic;
	/* It is asked for the key as well: by this text, which the record that
	 * the primary saw may have with blanks in it. */
	bool via_dcv;
	struct span key_text;
	bool key_has_blanks;
	bool takes_flat; /* of its forms, the flat one as well */
	/* What the primary found has parameters, which a service does not
	 * know, or it found no set, so that the one which the service has seen
	 * is not known here: its word alone is not enough (PK-53). */
	bool needs_records;
};

/*
 * For the CAA check of an authorization, with the DKIM key by which its reply
 * was authenticated (none if S/MIME stood in for it, or of a service without
 * mpic.dkim_via_dcv).  The id is fresh.
 * 0, or -1: ERR_UNAUTHORIZED if the evidence does not say by which key, or
 * holds one that cannot be read.
 */
int question_of(struct job *j, const struct caa_row *c, struct question *out);
/* The same as it was when the check was made, whatever the configuration says
 * today. */
int question_was(struct job *j, const struct caa_row *c, struct question *out);
bool question_has_key(const struct question *q);
void question_leave_key(struct question *q);
/* A copy that is good for judging answers, and lives as long as the arena. */
struct question *question_keep(struct arena *a, const struct question *q);
/* What a service is asked, of out->check and out->perspectives, which are the
 * caller's: 0, or -1 ERR_INTERNAL. */
int question_to_service(
    struct job *j, const struct question *q, struct open_mpic_request *out);
/* p= of a key record, of whatever type: 0, or -1. */
int question_key(struct job *j, struct span record, struct span *out);

#endif
