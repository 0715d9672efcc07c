/*
 * For the tests of live OCSP: an issuer with a segment for each kind of
 * certificate, a responder that it has certified or not, and the client.
 */
#ifndef TESTS_UNIT_LIVE_LAB_H
#define TESTS_UNIT_LIVE_LAB_H

#include "lib/conf.h"
#include "src/status_answer.h"

/* The last octet is the segment. */
#define GOOD 0x11
#define REVOKED 0x22
#define ENDED 0x33
#define ENDING 0x66 /* since half a day */
#define NEVER 0x44  /* issued; its segment has others */
#define NO_FILE 0x55

struct live_lab {
	struct job *j;
	struct conf conf;
	const struct ca *ca;
	struct live *live;
	struct status_service *service;
};

/* The segment of that certificate, by the lab's CA or another. */
void live_lab_write_segment(
    struct live_lab *lab, const struct ca *signed_by, uint8_t last);

/* The key in a responder's request, which verifies. */
struct span live_lab_spki_in(struct job *j, struct span request);

/* The issuer's side: the responder's key gets its certificate. */
void live_lab_certify(struct live_lab *lab);

/* All segments, no certificate for the responder yet. */
void live_lab_init(struct live_lab *lab, struct job *j);

/* What a client asks for, by last octets. */
struct live_lab_question {
	const struct ca *ca; /* NULL: ours */
	uint8_t last[10];
	size_t count;
	struct span nonce; /* p NULL: none */
};

struct span live_lab_request_of(
    struct live_lab *lab, const struct live_lab_question *q);

/* "good", "revoked 4", "unknown", for each number, then " nonce" if it has the
 * request's; "error 6".  OpenSSL verifies. */
const char *live_lab_verdict(
    struct live_lab *lab, struct span request, struct span response);

/* What the listener answers, with status 200. */
struct status_result live_lab_post(struct live_lab *lab, struct span body);

/* Both: the verdict on the answer to a question, or to one about a single
 * certificate with a nonce of so many octets (0: none). */
const char *live_lab_ask(
    struct live_lab *lab, const struct live_lab_question *q);
const char *live_lab_ask_one(struct live_lab *lab, uint8_t last, size_t nonce);

void live_lab_end(struct live_lab *lab);

#endif
