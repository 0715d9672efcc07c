/*
 * For the tests of mail/reply.h: a reply of alice@user.test to the challenge
 * mail of acme+tag@ca.test, to be changed field by field and signed, and its
 * verdict.
 */
#ifndef TESTS_UNIT_REPLY_LAB_H
#define TESTS_UNIT_REPLY_LAB_H

#include "lib/count.h"
#include "mail/reply.h"
#include "tests/unit/dkim_lab.h"
#include "tests/unit/unit.h"

#define PART1 "toF_6dSoCcBK0XKz5YlygKzErU5LsT5Q"
#define RIGHT "X8e3dMZUidaqhTiYaD-QdOgOmJ4olQwvvJMWY6okdfs"
#define WRONG "reowUQfQdk2CJw17dkqZLcOLtnFsURLLHJRRCc3Z9wg"
#define FORMER "Znd3qTcMPsFm8aFRNqvB6Jk3p62csFCz-d_s880pylA"
#define BLOCK(digest)                                                          \
	"-----BEGIN ACME RESPONSE-----\r\n" digest                             \
	"\r\n-----END ACME RESPONSE-----\r\n"

/* What h= covers: of most providers; of those that leave out how the body is
 * to be read (annex 1). */
#define COVERED                                                                \
	"from:to:cc:subject:date:message-id:in-reply-to:references:"           \
	"mime-version:content-type:content-transfer-encoding"
#define UNCOVERED "from:to:subject:date:message-id:mime-version"

#define MIME(type) "MIME-Version: 1.0\r\nContent-Type: " type "\r\n"
#define QP "Content-Transfer-Encoding: quoted-printable\r\n"
#define BASE64 "Content-Transfer-Encoding: base64\r\n"
/* BLOCK(RIGHT) */
#define RIGHT_BASE64                                                           \
	"LS0tLS1CRUdJTiBBQ01FIFJFU1BPTlNFLS0tLS0NClg4ZTNkTVpVaWRhcWhUaVlhRC1R" \
	"ZE9nT21K\r\nNG9sUXd2dkpNV1k2b2tkZnMNCi0tLS0tRU5EIEFDTUUgUkVTUE9OU0Ut" \
	"LS0tLQ0K\r\n"
#define PART(type, text) "--b\r\nContent-Type: " type "\r\n\r\n" text "\r\n"

extern const struct reply_policy reply_lab_policy;

/* A reply by its fields; NULL is the usual one, "" leaves it out. */
struct reply_draft {
	const char *from, *to, *subject, *in_reply_to, *type;
	const char *extra; /* fields above all others */
	const char *body;
	const char *names; /* h=; NULL: COVERED; "": no signature */
};

/* Signed, unless it says otherwise. */
struct span reply_draft_render(struct job *j, const struct reply_draft *d);
struct span reply_lab_sign(
    struct job *j, struct span message, const char *names);

struct reply_expect reply_lab_expect(void);
/* With the key of user.test; one at a time. */
struct resolver *reply_lab_dns(struct job *j);
extern struct lab_dns reply_lab_answers;
/* At LAB_NOW. */
struct job *reply_lab_job(void);

/* Nothing that was sent may stand in the evidence (MA-85, AC-129). */
void reply_lab_evidence(struct job *j, const struct reply *r);
/* Its verdict, and evidence without anything that was sent. */
struct reply reply_lab_judge(
    struct span raw, const struct reply_expect *expect);
struct reply reply_draft_judge(const struct reply_draft *d);

struct reply_expected {
	struct reply_draft draft;
	enum verdict verdict;
	const char *code;
};

void reply_lab_check(const struct reply_expected *cases, size_t count);

#endif
