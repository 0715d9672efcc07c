#include "config.h"

#include "acme/status.h"
#include "db/store_audit.h"
#include "lib/arena.h"
#include "src/command.h"
#include "src/story.h"
#include "src/worker.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX (4 * 1024 * 1024)

struct options {
	const char *config;
	bool json;
	bool revoke;
};

static const char usage[] =
    "usage: countersign authz [--json] [--revoke] [-f FILE] ID\n"
    "\n"
    "Tells the whole story of one authorization.\n"
    "\n"
    "  --json             as one JSON object\n"
    "  --revoke           first revoke it: no certificate is issued on it any\n"
    "                     more, and orders that wait for one end\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

/* 0, or -1 after the usage was printed. */
static int
parse(int argc, char **argv, struct options *o)
{
	const struct command_option options[] = {
		{ "json", &o->json, NULL },
		{ "revoke", &o->revoke, NULL },
		{ NULL, NULL, NULL },
	};

	*o = (struct options){ .config = NULL };
	return command_parse(argc, argv, usage, options, &o->config, 1);
}

/* AC-107, section 17.3: what has failed or was deactivated is over. */
static int
revoke(struct job *j, struct authz *a)
{
	enum authz_status s;

	if (store_begin(j) < 0 || store_authz_lock(j, a->id, a) < 0)
		return worker_undo(j);
	s = authz_status(a, j->now);
	if (s == AUTHZ_INVALID || s == AUTHZ_DEACTIVATED ||
	    s == AUTHZ_REVOKED) {
		job_fail(j, ERR_MALFORMED,
		    "%s: the authorization is %s; there is nothing to revoke",
		    a->id, authz_status_name(s));
		return worker_undo(j);
	}
	if (store_authz_revoke(j, a) < 0 ||
	    store_audit_add(j, "operator", "authorization revoked",
		arena_printf(j->arena, "authz:%s", a->id), "ok", NULL) < 0)
		return worker_undo(j);
	return store_commit(j);
}

static int
run(struct job *j, const struct options *o, const char *id)
{
	struct authz a;
	struct buf b;
	int found = store_authz_by_id(j, id, NULL, &a);

	if (found == 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s: there is no such authorization; countersign order "
		    "--json names those of an order",
		    id);
	if (found < 0 || (o->revoke && revoke(j, &a) < 0) ||
	    store_authz_by_id(j, id, NULL, &a) < 0)
		return -1;
	buf_init(&b, j->arena, TEXT_MAX);
	if ((o->json ? story_authz_json(j, &a, &b)
		     : story_authz_text(j, &a, &b)) < 0)
		return -1;
	fputs(b.p, stdout);
	return 0;
}

int
cmd_authz(int argc, char **argv)
{
	struct options o;
	struct command c;
	int result;

	if (parse(argc, argv, &o) < 0 || command_open(&c, o.config) < 0)
		return EXIT_FAILURE;
	result = run(&c.job, &o, argv[optind]);
	if (result < 0)
		command_fail("%s", c.job.err.text);
	command_close(&c);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
