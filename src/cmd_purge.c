#include "config.h"

#include "db/store.h"
#include "db/store_purge.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/seal.h"
#include "src/audit_keys.h"
#include "src/command.h"
#include "src/purge.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define BITE 100
#define LINE_OCTETS 1024

struct options {
	const char *config;
	bool dry;
	bool json;
};

static const char usage[] =
    "usage: countersign purge [--dry-run] [--json] [-f FILE]\n"
    "\n"
    "Deletes what policy.retention and policy.retain_final keep no longer.  "
    "The\n"
    "issuer does so once a day by itself.  Shows how many rows of each kind "
    "went,\n"
    "and from when on the oldest that is left counts.\n"
    "\n"
    "  --dry-run          delete nothing; show what would go\n"
    "  --json             one JSON object a line\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static int
parse(int argc, char **argv, struct options *o)
{
	const struct command_option options[] = {
		{ "dry-run", &o->dry, NULL },
		{ "json", &o->json, NULL },
		{ NULL, NULL, NULL },
	};

	*o = (struct options){ .config = NULL };
	return command_parse(argc, argv, usage, options, &o->config, 0);
}

/* --- one kind ------------------------------------------------------------- */

static int
purge_kind(struct job *j, enum purge_kind k, const struct purge_rules *rules,
    int64_t *purged)
{
	struct purge_walk w;

	purge_walk_init(&w);
	while (!w.is_done) {
		if (store_begin(j) < 0 ||
		    store_purge(j, k, rules, BITE, &w) < 0 ||
		    store_commit(j) < 0)
			return -1;
	}
	*purged = w.purged;
	if (rules->dry || w.purged == 0)
		return 0;
	if (store_begin(j) < 0 ||
	    purge_audit_add(j, command_operator(j), k, w.purged) < 0)
		return -1;
	return store_commit(j);
}

static void
print_json(struct job *j, enum purge_kind k, const struct options *o,
    int64_t purged, int64_t oldest)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, LINE_OCTETS);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "kind", purge_kind_name(k));
	json_member_bool(&w, "dry_run", o->dry);
	json_member_int(&w, "purged", purged);
	if (oldest > 0)
		json_member_time(&w, "oldest", oldest);
	json_object_end(&w);
	puts(b.p);
}

static void
print_line(
    enum purge_kind k, const struct options *o, int64_t purged, int64_t oldest)
{
	char text[CLOCK_RFC3339_MAX] = "";

	if (oldest > 0)
		clock_format_rfc3339(oldest, text);
	printf("%-16s  %8" PRId64 " %s%s%s\n", purge_kind_name(k), purged,
	    o->dry ? "would go" : "gone",
	    oldest > 0 ? "; the oldest counts from " : "", text);
}

static int
run(struct command *c, const struct options *o)
{
	struct job *j = &c->job;
	struct purge_rules rules = purge_rules_of(j);

	rules.dry = o->dry;
	/* Before anything goes: without the key the audit records of what
	 * goes would stay. */
	if (seal_key_load(j, c->keep, c->conf->seal_key_file, &rules.seal) <
		0 &&
	    !o->dry)
		return job_context(
		    j, "run it as root, or as the issuer's user");
	job_recover(j);
	if (!o->dry && audit_keys_signer(j, c->keep, NULL, &rules.signer) < 0)
		return job_context(j, "run it as root");
	for (enum purge_kind k = 0; k < PURGE_KINDS; k++) {
		int64_t purged, oldest = 0;

		if (purge_kind(j, k, &rules, &purged) < 0)
			return job_context(j, "%s", purge_kind_name(k));
		if (store_purge_oldest(j, k, &oldest) < 0)
			return -1;
		if (o->json)
			print_json(j, k, o, purged, oldest);
		else
			print_line(k, o, purged, oldest);
	}
	return 0;
}

int
cmd_purge(int argc, char **argv)
{
	struct options o;
	struct command c;

	if (parse(argc, argv, &o) < 0 ||
	    command_open(&c, o.config, o.dry ? ACT_PURGE_SHOW : ACT_PURGE) < 0)
		return EXIT_FAILURE;
	return command_end(&c, run(&c, &o));
}
