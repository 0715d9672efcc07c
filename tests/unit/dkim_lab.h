/*
 * A small signer for tests of DKIM: it signs whatever it is told to, right or
 * wrong, and shares no code with mail/dkim_*.c, so that a mistake there does
 * not cancel itself out.  And a resolver with the records of a test.
 */
#ifndef TESTS_UNIT_DKIM_LAB_H
#define TESTS_UNIT_DKIM_LAB_H

#include "dns/resolver.h"
#include "lib/buf.h"
#include "mail/dkim_key.h"
#include "mail/dkim_verify.h"
#include "mail/field.h"

struct job;

/* A time at which the samples were signed, and when the challenge went out. */
#define LAB_NOW 1772445600
#define LAB_SENT (LAB_NOW - 7200)

/*
 * How to sign.  `tags` is the field's body; @BH@ and @B@ in it become the body
 * hash and the signature.  What is hashed follows from the other members, not
 * from the tags.
 */
struct lab_signature {
	const char *tags;
	const char *key;   /* "rsa2048", "ed25519": tests/data/dkim */
	const char *canon; /* two letters, r or s; NULL: "rr" */
	const char *names; /* colon list; NULL: LAB_NAMES */
	bool is_sha1;
	size_t fold; /* a line end after each so many characters of b= */
};

#define LAB_NAMES "from:to:subject:date"
#define LAB_TAGS_OF(a, d, s, h)                                                \
	" v=1; a=" a "; c=relaxed/relaxed; d=" d "; s=" s "; h=" h             \
	"; bh=@BH@; b=@B@"
#define LAB_TAGS LAB_TAGS_OF("rsa-sha256", "user.test", "sel", LAB_NAMES)

/* The same, put together so that one tag can be another or one be added. */
#define LAB_BEGIN " v=1; a=rsa-sha256; c=relaxed/relaxed; "
#define LAB_D_S "d=user.test; s=sel; "
#define LAB_H_B "h=" LAB_NAMES "; bh=@BH@; b=@B@"
#define LAB_WITH(tag) LAB_BEGIN LAB_D_S tag "; " LAB_H_B
#define LAB_DOMAIN(d) LAB_BEGIN "d=" d "; s=sel; " LAB_H_B
#define LAB_SELECTOR(s) LAB_BEGIN "d=user.test; s=" s "; " LAB_H_B

/* A message of alice@user.test, unsigned. */
extern const char lab_message[];

/* The message with the signature at its top. */
struct span lab_sign(
    struct job *j, struct span message, const struct lab_signature *s);

/* A message with one more field, first or last: its line, with the line end. */
struct span lab_with_field(struct span raw, const char *field, bool on_top);

/* What a signature over these names covers, in canonical form: the fields, an
 * empty line, the body.  Equal data are covered alike. */
struct span lab_covered(
    struct job *j, struct span message, const char *canon, const char *names);

/* A signature over any data, in base64. */
const char *lab_sign_data(struct job *j, const char *key, struct span data);

/* The record to publish for a key: "v=DKIM1; k=rsa; p=…". */
const char *lab_record(struct job *j, const char *key);
/* p= alone; `pkcs1` without the SubjectPublicKeyInfo around it. */
const char *lab_public_key(struct job *j, const char *key, bool pkcs1);
/* The private key's PEM. */
struct span lab_pem(struct job *j, const char *key);

/* TXT RDATA of a text, in strings of 255 octets. */
struct span lab_rdata(struct job *j, struct span text);

/* One name, several texts. */
struct lab_dns {
	const char *name; /* NULL: answers to each name */
	enum dns_status status;
	bool secure, too_large;
	struct span texts[4];
	size_t count;
	size_t queries;  /* how often it was asked */
	char asked[300]; /* the last name */
};
struct resolver *lab_resolver(struct job *j, struct lab_dns *dns);
/* This text at each name. */
struct lab_dns lab_one_record(const char *text);

/* Grade core, no DNSSEC needed. */
extern const struct dkim_policy lab_policy;
/* The verification, at 100 s after LAB_NOW; it must not fail. */
struct dkim_result lab_verify(struct span raw, const char *from_domain,
    struct lab_dns *dns, const struct dkim_policy *policy, int64_t arrival);

/* Parsed, or the test fails. */
struct message lab_parse(struct job *j, struct span raw);

/* "good" with a key that can verify, or the code of what is wrong. */
const char *lab_key_parse(
    const char *record, enum dkim_key_type want, struct dkim_key *key);

#endif
