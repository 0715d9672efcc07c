/*
 * The validator's side, for tests of acme/: what it would have committed
 * about a reply.
 */
#ifndef TESTS_UNIT_ACME_MAILBOX_H
#define TESTS_UNIT_ACME_MAILBOX_H

#include "lib/verdict.h"

struct job;

/* A reply to the challenge with this URL, judged so; what is deferred is due in
 * half an hour. */
void mailbox_reply(
    struct job *j, const char *challenge_url, enum verdict verdict);

#endif
