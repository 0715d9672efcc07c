/*
 * One message and what was found of it: from bytes to a verdict with its
 * evidence.  The DNS may be asked, nothing is written: src/judgement_record.h
 * commits it.
 */
#ifndef SRC_JUDGEMENT_H
#define SRC_JUDGEMENT_H

#include "db/store_challenge.h"
#include "db/store_reply.h"
#include "lib/digest.h"
#include "lib/seal.h"
#include "mail/reply.h"

struct received;
struct validator;

/* A message on its way to its row. */
struct judgement {
	const struct received *received;
	struct reply reply;
	struct challenge_subject subject;
	bool has_subject;
	bool is_copy; /* late, and of one that was judged */
	struct reply_record record;
	uint8_t hash[SHA256_LEN], seal[SEAL_LEN];
	enum verdict applied; /* as recorded */
};

/* Whom a message came to. */
struct recipients {
	const char *const *v;
	size_t n;
};
/* MA-106: the envelope, where it is known, else the header. */
struct recipients judgement_recipients(const struct judgement *g);
bool recipients_have(const struct recipients *to, const char *address);

/*
 * Judges *m: 0 with *out, whatever the verdict; or -1 for our own faults.  *out
 * is in the job's arena, *m must live as long.
 */
int judgement_make(struct validator *v, struct job *j, const struct received *m,
    struct judgement **out);

#endif
