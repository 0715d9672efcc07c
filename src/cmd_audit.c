#include "config.h"

#include "db/audit_mark.h"
#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/seal.h"
#include "src/audit_keys.h"
#include "src/cmd_audit.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_OCTETS 4096

#define EXIT_FINDINGS 2

static const char usage[] =
    "usage: countersign audit verify [--json] [-f FILE]\n"
    "       countersign audit head [--signature] [-f FILE]\n"
    "       countersign audit sample --since TIME [--until TIME] [--seed S]\n"
    "           [--json] [-f FILE]\n"
    "\n"
    "verify computes the chain of audit records again.  Ends with 1 and names\n"
    "the first record that was changed, removed or put in another place; also\n"
    "with 1 if records of more than two days have no signed head, which the\n"
    "issuer writes once a day.\n"
    "\n"
    "head prints the newest head that the issuer signed, to be kept elsewhere, "
    "or\n"
    "with --signature its signature:\n"
    "    openssl dgst -sha256 -verify KEY -signature SIGNATURE HEAD\n"
    "\n"
    "sample draws certificates at random, 3 % of those issued since then and "
    "at\n"
    "least 30, lints each again with every linter of the configuration, and\n"
    "traces each to what proved its mailboxes.  What was drawn is recorded in\n"
    "the audit.  The exit status is 0 if there is nothing to find, 2 if there "
    "is\n"
    "(lines with an exclamation mark), 1 if it could not be done.\n"
    "\n"
    "  --since TIME       issued from then on, as 2027-01-31T12:00:00Z\n"
    "  --until TIME       and before then; now if not given\n"
    "  --seed S           32 hexadecimal digits: draws the sample of that "
    "seed\n"
    "                     again, if --since and --until are the same\n"
    "  --signature        of the head: DER, to standard output\n"
    "  --json             one JSON object; for a sample one a line: the "
    "sample,\n"
    "                     then each certificate\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

struct result {
	const char *broken; /* what is wrong, or NULL */
	int64_t last, purged;
	int64_t head_at;    /* of the newest signed head; 0: there is none */
	int64_t late_since; /* of the first record that has none; 0: it is in
			       time */
	const char *seal;   /* "ok", or why it was not looked at */
	const char *signature;
};

/* An auditor does not hold the seal's key; the rest verifies without. */
static int
verify(struct command *c, struct result *r)
{
	struct job *j = &c->job;
	struct audit_trust trust = { .seal = NULL };
	struct audit_mark head = { .at = 0 };
	int64_t since;
	int late;

	r->seal = "ok";
	if (seal_key_load(j, c->keep, c->conf->seal_key_file, &trust.seal) <
	    0) {
		r->seal =
		    arena_printf(c->keep, "not checked (%s)", j->err.text);
		job_recover(j);
		trust.seal = NULL;
	}
	/* Whoever verifies has the public keys: without them there is no
	 * answer. */
	if (audit_keys_verifier(j, c->keep, &trust.heads) < 0)
		return -1;
	r->signature =
	    trust.heads != NULL
		? "ok"
		: "not checked (issuer.audit_public_keys is not set)";
	late = audit_mark_is_late(j, trust.heads != NULL, &since);
	if (late < 0 ||
	    (trust.heads != NULL ? audit_mark_newest_signed(j, &head)
				 : audit_mark_newest(j, &head)) < 0)
		return -1;
	r->head_at = head.at;
	r->late_since = late == 1 ? since : 0;
	if (store_audit_verify_with(j, &trust, &r->last, &r->purged) == 0)
		return 0;
	if (strncmp(j->err.text, "audit: ", strlen("audit: ")) != 0)
		return -1;
	r->broken = arena_strdup(c->keep, j->err.text);
	job_recover(j);
	return 0;
}

static void
print_json(struct job *j, const struct result *r)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, LINE_OCTETS);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_bool(&w, "verified", r->broken == NULL);
	if (r->broken != NULL)
		json_member_str(&w, "result", r->broken);
	json_member_int(&w, "last", r->last);
	json_member_int(&w, "purged", r->purged);
	if (r->head_at > 0)
		json_member_time(&w, "head_signed", r->head_at);
	if (r->late_since > 0)
		json_member_time(&w, "no_head_since", r->late_since);
	if (r->purged > 0 || r->head_at > 0)
		json_member_str(&w, "seals", r->seal);
	if (r->purged > 0 || r->head_at > 0)
		json_member_str(&w, "signatures", r->signature);
	json_object_end(&w);
	puts(b.p);
}

static void
print_text(const struct result *r)
{
	char at[CLOCK_RFC3339_MAX];

	if (r->broken != NULL)
		printf("%s\n", r->broken);
	else
		printf("records 1 to %" PRId64 " are as they were written\n",
		    r->last);
	if (r->purged > 0)
		printf("%" PRId64 " of them were purged\n", r->purged);
	if (r->head_at > 0) {
		clock_format_rfc3339(r->head_at, at);
		printf("the newest signed head is of %s\n", at);
	}
	if (r->purged > 0 || r->head_at > 0)
		printf("seals on gaps and heads: %s\n", r->seal);
	if (r->purged > 0 || r->head_at > 0)
		printf("signatures of gaps and heads: %s\n", r->signature);
	if (r->late_since > 0) {
		clock_format_rfc3339(r->late_since, at);
		if (r->head_at > 0)
			printf(AUDIT_LATE_TEXT "\n", at);
		else
			printf(AUDIT_NO_HEAD_TEXT "\n", at);
	}
}

static int
verify_and_print(struct command *c, bool json)
{
	struct result r = { .broken = NULL };

	if (verify(c, &r) < 0)
		return -1;
	if (json)
		print_json(&c->job, &r);
	else
		print_text(&r);
	return r.broken != NULL || r.late_since > 0;
}

/* PK-21: for whoever keeps heads where nobody here can write. */
static int
print_head(struct command *c, bool signature)
{
	struct job *j = &c->job;
	struct audit_mark m;
	struct span out;
	int found = audit_mark_newest_signed(j, &m);

	if (found < 0)
		return -1;
	if (found == 0)
		return job_fail(j, ERR_MALFORMED,
		    "there is no signed head: issuer.audit_key signs one once "
		    "a day");
	out = signature ? m.signature : span_str(audit_mark_text(j, &m));
	return fwrite(out.p, 1, out.n, stdout) == out.n
		   ? 0
		   : job_fail(j, ERR_INTERNAL, "standard output");
}

enum part { PART_VERIFY, PART_HEAD, PART_SAMPLE, PART_COUNT };

static const struct {
	const char *name;
	const char *takes; /* as command_takes_only() */
} parts[PART_COUNT] = {
	[PART_VERIFY] = { "verify", "json" },
	[PART_HEAD] = { "head", "signature" },
	[PART_SAMPLE] = { "sample", "since until seed json" },
};

/* 0, or -1 after saying what is wrong. */
static int
part_of(const char *name, const struct command_option *options, enum part *out)
{
	for (int i = 0; i < PART_COUNT; i++) {
		if (strcmp(name, parts[i].name) == 0) {
			*out = (enum part)i;
			return command_takes_only(
			    options, name, parts[i].takes);
		}
	}
	command_misused(usage, "%s: give verify, head or sample", name);
	return -1;
}

static int
run_part(struct command *c, enum part part, const struct audit_options *o,
    bool signature)
{
	if (part == PART_SAMPLE)
		return cmd_audit_sample(c, o);
	return part == PART_HEAD ? print_head(c, signature)
				 : verify_and_print(c, o->json);
}

int
cmd_audit(int argc, char **argv)
{
	struct audit_options o = { .since = NULL };
	bool signature = false;
	const struct command_option options[] = {
		{ "since", NULL, &o.since },
		{ "until", NULL, &o.until },
		{ "seed", NULL, &o.seed },
		{ "json", &o.json, NULL },
		{ "signature", &signature, NULL },
		{ NULL, NULL, NULL },
	};
	const char *config;
	struct command c;
	enum part part;
	int found;

	if (command_parse(argc, argv, usage, options, &config, 1) < 0 ||
	    part_of(argv[optind], options, &part) < 0)
		return EXIT_FAILURE;
	if (command_open(&c, config,
		part == PART_SAMPLE ? ACT_AUDIT_SAMPLE : ACT_AUDIT_VERIFY) < 0)
		return EXIT_FAILURE;
	found = run_part(&c, part, &o, signature);
	if (found < 0)
		command_fail("%s", c.job.err.text);
	command_close(&c);
	if (found > 0 && part == PART_SAMPLE)
		return EXIT_FINDINGS;
	return found != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
