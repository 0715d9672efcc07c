/*
 * Replies as data (MA-91): the files tests/data/replies/NAME.case, whose form
 * tests/data/replies/README says.  A case makes a message step by step, signs
 * it on the way, and says in which code it must end.
 *
 *	reply_cases_load()   the cases of one file
 *	reply_case_judge()   the whole way, as an arriving reply goes it
 *	reply_case_judge_by()  the same, asking a resolver of the caller
 */
#ifndef TESTS_UNIT_REPLY_CASE_H
#define TESTS_UNIT_REPLY_CASE_H

#include "dns/resolver.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "mail/reply.h"

#define CASE_RECORDS_MAX 16
#define CASE_SIGNATURES_MAX 40

struct reply_case {
	const char *file;
	unsigned line;
	const char *name;
	const char *about; /* requirements */
	struct span raw;   /* the message as it arrives */
	struct {
		const char *name;
		struct span text;
	} records[CASE_RECORDS_MAX];
	size_t record_count;
	enum dns_status dns;
	bool is_insecure;
	/* What was signed on the way, the topmost last. */
	struct {
		const char *canon, *names;
	} signatures[CASE_SIGNATURES_MAX];
	size_t signature_count;
	struct reply_policy policy;
	struct reply_expect expect;
	int64_t now, arrival;
	const char *codes[3];  /* by enum conf_coverage; NULL: not asked for */
	const char *verdict;   /* of the grade core, or NULL */
	const char *exception; /* whom MA-90 excuses: "opendkim,dkimpy" */
	const char *dkim_domain; /* only its signature is looked at */
	bool is_whole;           /* see README: "whole" */
	size_t queries;          /* of the last judging */
};

/* All cases of the file; the test fails where it is not well-formed. */
void reply_cases_load(
    struct job *j, const char *path, struct reply_case **out, size_t *count);
/* The paths of all .case files. */
void reply_cases_files(struct job *j, const char ***out, size_t *count);

/* `raw` instead of the case's own message. */
void reply_case_judge(struct job *j, struct reply_case *c, struct span raw,
    enum conf_coverage grade, struct reply *out);
/* It answers with the records of the case, which must outlive it. */
struct resolver *reply_case_resolver(struct reply_case *c);
/* Not for cases of one signature (dkim_domain). */
void reply_case_judge_by(struct job *j, const struct reply_case *c,
    struct span raw, const struct reply_policy *policy,
    struct resolver *resolver, struct reply *out);

#endif
