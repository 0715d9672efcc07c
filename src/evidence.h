/*
 * What the validator vouches for and the issuer believes (architecture.md,
 * PK-44, PK-205): statements under the seal that only these two can make.
 *
 * A verdict's evidence is one JSON text: when, for which key, which digest was
 * expected, each DNS answer, each check.  The seal covers the text and the
 * fields that the issuer acts on, so that changing any row in between makes
 * it worthless.
 */
#ifndef SRC_EVIDENCE_H
#define SRC_EVIDENCE_H

#include "db/store_caa.h"
#include "db/store_reply.h"
#include "lib/digest.h"
#include "lib/seal.h"
#include "pki/version.h"

struct cert;
struct reply;
struct reply_policy;
struct recorder;
struct signing_keys;

/* The requirements that the code implements (PK-1), and the method's name as it
 * is recorded (PK-16). */
#define BR_VERSION "SBR " PKI_SBR_VERSION ", TBR " PKI_TBR_VERSION
#define BR_METHOD "SBR 3.2.2.4 / RFC 8823 email-reply-00"

struct evidence_input {
	const struct reply *reply; /* judged */
	const struct authz *authz;
	const char *thumbprint;  /* of the account's key */
	const uint8_t *expected; /* digest, SHA256_LEN octets */
	const struct reply_policy *policy;
	const struct recorder *dns;
};

/* The text to store with a judged reply; NULL: it would be too long. */
const char *evidence_format(struct job *j, const struct evidence_input *in);

/* Seals a matching verdict. */
void evidence_seal_reply(const struct seal_key *k, const struct authz *a,
    const struct reply_record *r, uint8_t out[SEAL_LEN]);
void evidence_seal_caa(
    const struct seal_key *k, const struct caa_row *c, uint8_t out[SEAL_LEN]);
bool evidence_caa_is_sealed(const struct seal_key *k, const struct caa_row *c);
/* Of an attempt that was followed by another one (db/store_caa_round.h). */
void evidence_seal_caa_round(
    const struct seal_key *k, const struct caa_row *c, uint8_t out[SEAL_LEN]);
bool evidence_caa_round_is_sealed(
    const struct seal_key *k, const struct caa_row *c);

/*
 * The issuer's own seal on what it is about to sign: committed with the
 * contents, checked before the key is used, so that the key signs nothing
 * that this issuer did not build and lint (PK-44, PK-203).
 */
void evidence_seal_tbs(
    const struct seal_key *k, const struct cert *c, uint8_t out[SEAL_LEN]);
/* The seal stands in the row's evidence; one that is not there or cannot be
 * read is none. */
bool evidence_row_is_sealed(
    const struct seal_key *k, struct job *j, const struct cert *c);
/*
 * A second seal, beside the first: when the number was reserved and which
 * requirements it was linted by, from which the issuer concludes whether it
 * may still be signed (PK-142).  A row of an earlier version has none.
 */
void evidence_seal_reservation(
    const struct seal_key *k, const struct cert *c, uint8_t out[SEAL_LEN]);
bool evidence_reservation_is_sealed(
    const struct seal_key *k, struct job *j, const struct cert *c);

/*
 * Does the stored reply prove the authorization, today, from what is stored
 * alone?  Seal, the key that the reply proved being keys->signer or one that
 * handed over to it (AC-82), every reply rule again with the
 * recorded DNS answers.  0, or -1 with ERR_UNAUTHORIZED saying what fails.
 * seal NULL: the seal is not checked (an auditor does not hold the key).
 */
int evidence_verify(struct job *j, const struct seal_key *seal,
    const struct authz *a, const struct signing_keys *keys,
    const struct reply_record *r);

#endif
