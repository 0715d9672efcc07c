/*
 * How the issuer and the process that has the key in a token talk (PK-202,
 * PK-203), and the responder and the one that has its own (PK-177), over a
 *SOCK_SEQPACKET pair that both inherit: a question in one message or several,
 *and one answer to it.
 *
 *	question  "CSSQ" id[16] tag[1] label total[4] at[4] octets
 *	answer    "CSSA" id[16] outcome[1] octets
 *
 * The label is an octet with the length of ca_key_label(), of a responder's key
 * of its CKA_ID, and as many octets, lower-case hexadecimal.
 * The tag is one of pki/remote_key.h, and then what is to be signed has `total`
 * octets in all, of which these come after the first `at`; or "?": would the
 * key sign, which has none, as a responder's key is asked for its request with
 * REMOTE_REQUEST.  The outcome is "0" with the signature, or with
 * nothing after "?"; or "B" (the token is away), "R" (it refuses until it is
 * mended), "F" (nothing is signed for another reason) with a text.  "G" of the
 * supervisor, with the id of no question: the process has ended.  Numbers have
 * their highest octet first.
 */
#ifndef SRC_SIGN_FRAME_H
#define SRC_SIGN_FRAME_H

#include "lib/err.h"

#include <stdint.h>

#include "lib/buf.h"

struct job;

#define SIGN_ID_LEN 16
#define SIGN_LABEL_MAX 128
#define SIGN_PART_MAX ((size_t)64 * 1024)
#define SIGN_TBS_MAX ((size_t)32 * 1024 * 1024) /* a revocation list */
#define SIGN_FRAME_MAX (SIGN_PART_MAX + 256)
#define SIGN_ANSWER_MAX ((size_t)2048)
#define SIGN_IS_READY '?'

struct sign_question { /* or a part of one */
	uint8_t id[SIGN_ID_LEN];
	char tag;
	struct span label;
	size_t total;
	size_t at;
	struct span part;
};

enum sign_outcome {
	SIGN_DONE,
	SIGN_BUSY,
	SIGN_REFUSED,
	SIGN_FAILED,
	SIGN_GONE,
	SIGN_OUTCOMES
};

struct sign_answer {
	uint8_t id[SIGN_ID_LEN];
	enum sign_outcome outcome;
	struct span octets; /* a signature, or a text */
};

/* Into a message: 0, or -1 ERR_INTERNAL for what does not fit. */
int sign_question_write(
    struct job *j, const struct sign_question *q, struct span *out);
int sign_answer_write(
    struct job *j, const struct sign_answer *a, struct span *out);

/* Out of one, whose octets they point into: 0, or -1 ERR_MALFORMED. */
int sign_question_read(
    struct job *j, struct span message, struct sign_question *out);
int sign_answer_read(
    struct job *j, struct span message, struct sign_answer *out);

/*
 * A question on its way, put together from its parts, which come one after the
 * other.  A part of another question than before begins anew; one that does
 * not go on where the last one ended ends it.
 */
struct sign_incoming {
	struct sign_question head; /* its label is the one below */
	char label[SIGN_LABEL_MAX];
	struct buf tbs;
	bool is_partial;
};
/* Empty.  However many questions come, it takes memory for one alone, of the
 * job's arena. */
void sign_incoming_init(struct job *j, struct sign_incoming *in);
/* 1: with this part it is whole, its octets are in->tbs; 0: it is not. */
int sign_incoming_add(
    struct sign_incoming *in, const struct sign_question *part);

#endif
