/*
 * The challenge that a received message is about, found by what is in the
 * message.
 */
#ifndef DB_STORE_CHALLENGE_H
#define DB_STORE_CHALLENGE_H

#include "db/store_authz.h"

/* What the validator must know of a challenge to judge a reply. */
struct challenge_subject {
	struct authz authz;             /* with its challenge */
	const char *account_thumbprint; /* the key in force now */
	bool account_is_valid;
	struct span token_part1_hash;
};

/* By SHA-256 of token-part1 from the Subject, also after part1 is wiped:
 * 1 and *out, 0, -1. */
int store_challenge_by_part1_hash(
    struct job *j, struct span hash, struct challenge_subject *out);
/* By the tagged address that a bounce came to (ER-24): challenge_answer_to().
 */
int store_challenge_by_address(
    struct job *j, const char *address, struct challenge_subject *out);
/* By the Message-ID, with <>, of the challenge mail that a bounce returns
 * (ER-24, a From address without tag). */
int store_challenge_by_message_id(
    struct job *j, const char *message_id, struct challenge_subject *out);

#endif
