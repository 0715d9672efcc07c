#include "config.h"

#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/json.h"
#include "lib/seal.h"
#include "src/command.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_OCTETS 4096

static const char usage[] =
    "usage: countersign audit verify [--json] [-f FILE]\n"
    "\n"
    "Computes the chain of audit records again.  Ends with 1 and names the "
    "first\n"
    "record that was changed, removed or put in another place.\n"
    "\n"
    "  --json             as one JSON object\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

struct result {
	const char *broken; /* what is wrong, or NULL */
	int64_t last, purged;
	const char *seal; /* "ok", or why it was not looked at */
};

/* An auditor does not hold the seal's key; the rest verifies without. */
static int
verify(struct command *c, struct result *r)
{
	struct job *j = &c->job;
	const struct seal_key *seal = NULL;

	r->seal = "ok";
	if (seal_key_load(j, c->keep, c->conf->seal_key_file, &seal) < 0) {
		r->seal =
		    arena_printf(c->keep, "not checked (%s)", j->err.text);
		job_recover(j);
		seal = NULL;
	}
	if (store_audit_verify_sealed(j, seal, &r->last, &r->purged) == 0)
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
	if (r->purged > 0)
		json_member_str(&w, "seals", r->seal);
	json_object_end(&w);
	puts(b.p);
}

static void
print_text(const struct result *r)
{
	if (r->broken != NULL)
		printf("%s\n", r->broken);
	else
		printf("records 1 to %" PRId64 " are as they were written\n",
		    r->last);
	if (r->purged > 0)
		printf("%" PRId64 " of them were purged; the seals on the "
		       "gaps: %s\n",
		    r->purged, r->seal);
}

int
cmd_audit(int argc, char **argv)
{
	struct result r = { .broken = NULL };
	const char *config;
	bool json = false;
	const struct command_option options[] = {
		{ "json", &json, NULL },
		{ NULL, NULL, NULL },
	};
	struct command c;
	int result;

	if (command_parse(argc, argv, usage, options, &config, 1) < 0)
		return EXIT_FAILURE;
	if (strcmp(argv[optind], "verify") != 0) {
		(void)command_misused(usage);
		return EXIT_FAILURE;
	}
	if (command_open(&c, config, ACT_AUDIT_VERIFY) < 0)
		return EXIT_FAILURE;
	result = verify(&c, &r);
	if (result < 0)
		command_fail("%s", c.job.err.text);
	else if (json)
		print_json(&c.job, &r);
	else
		print_text(&r);
	command_close(&c);
	return result < 0 || r.broken != NULL ? EXIT_FAILURE : EXIT_SUCCESS;
}
