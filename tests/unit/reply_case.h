/*
 * Replies as data (MA-91): the files tests/data/replies/NAME.case, whose form
 * tests/data/replies/README says.  A case makes a message step by step, signs
 * it on the way, and says in which code it must end.
 *
 *	reply_cases_load()   the cases of one file
 *	reply_case_judge()   the verdict (tests/unit/reply_case_judge.h)
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

#endif
