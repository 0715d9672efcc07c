/*
 * What validator and perspective say to each other (mpic-open-api.md 4): one
 * JSON object each way.
 *
 *	validator:    agent_request_format()  …  agent_answer_parse()
 *	perspective:  agent_request_parse()   …  agent_answer_format()
 *
 * The answer carries what the DNS said, not what follows from it: the
 * validator decides by itself from the steps.
 */
#ifndef DNS_AGENT_FORM_H
#define DNS_AGENT_FORM_H

#include "dns/resolver.h"
#include "lib/conf.h"

struct json;

#define AGENT_PATH "/countersign/perspective/1"
#define AGENT_REQUEST_MAX ((size_t)4 * 1024)
#define AGENT_ANSWER_MAX ((size_t)64 * 1024)
#define AGENT_CA_MAX 32
#define AGENT_STEPS_MAX 128 /* a name has no more labels */

/* NULL where something is not asked for; at least one is. */
struct agent_request {
	const char *id; /* 22 characters base64url */
	struct conf_list ca;
	const char *caa_domain;
	const char *account_url; /* "accounturi" */
	const char *method;
	const char *dkim_selector, *dkim_domain;
	const char *mx_domain;
};

/* JSON in the job's arena, or NULL with ERR_INTERNAL: longer than 4 KiB. */
const char *agent_request_format(struct job *j, const struct agent_request *r);
/* 0, or -1 ERR_MALFORMED.  Every name is a public host name by then, in
 * lower-case A-labels. */
int agent_request_parse(
    struct job *j, struct span text, struct agent_request *out);

struct agent_answer {
	const char *id;
	const char *code, *version;
	bool has_caa, has_dkim, has_mx;
	const char *caa_decision, *caa_reason;
	struct dns_answer *steps; /* of type CAA, as they were asked */
	size_t step_count;
	struct dns_answer dkim; /* TXT; `name` is the parser's caller's */
	struct dns_answer mx;
};

/* JSON of at most 64 KiB, or NULL: it would be longer.  `now_ms` is since
 * 1970. */
const char *agent_answer_format(
    struct job *j, const struct agent_answer *a, int64_t now_ms);
/* 0, or -1 ERR_MALFORMED: not an answer of this form. */
int agent_answer_parse(
    struct job *j, struct span text, struct agent_answer *out);

/* A resolver over steps: a name that is not among them is DNS_TEMPORARY. */
struct resolver *agent_replay(struct job *j, const struct agent_answer *a);

#endif
