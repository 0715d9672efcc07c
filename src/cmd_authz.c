#include "config.h"

#include "acme/status.h"
#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/json.h"
#include "lib/rfc3339.h"
#include "pki/caa.h"
#include "src/command.h"
#include "src/story.h"
#include "src/worker.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500
#define TEXT_MAX (4 * 1024 * 1024)

struct options {
	const char *config;
	const char *domain, *method, *from, *to, *reason;
	bool json;
	bool revoke;
	bool all;
};

static const char usage[] =
    "usage: countersign authz [--json] [--revoke] [-f FILE] ID\n"
    "       countersign authz --revoke --reason TEXT [-f FILE]\n"
    "           --all | [--domain DOMAIN] [--method METHOD] [--from TIME]\n"
    "           [--to TIME]\n"
    "\n"
    "Tells the whole story of one authorization.\n"
    "\n"
    "  --json             as one JSON object\n"
    "  --revoke           first revoke it: no certificate is issued on it any\n"
    "                     more, and orders that wait for one end\n"
    "  --all              with --revoke: every valid authorization\n"
    "  --domain DOMAIN    … of the domain's mailboxes, and of those below it\n"
    "  --method METHOD    … proven by it: email-reply-00\n"
    "  --from, --to TIME  … proven from then, to then (2027-01-31T12:00:00Z)\n"
    "  --reason TEXT      why, for the audit log\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static bool
has_limits(const struct options *o)
{
	return o->domain != NULL || o->method != NULL || o->from != NULL ||
	       o->to != NULL;
}

static bool
is_many(const struct options *o)
{
	return o->all || has_limits(o);
}

/* 0, or -1 after the usage was printed. */
static int
parse(int argc, char **argv, struct options *o)
{
	const struct command_option options[] = {
		{ "json", &o->json, NULL },
		{ "revoke", &o->revoke, NULL },
		{ "all", &o->all, NULL },
		{ "domain", NULL, &o->domain },
		{ "method", NULL, &o->method },
		{ "from", NULL, &o->from },
		{ "to", NULL, &o->to },
		{ "reason", NULL, &o->reason },
		{ NULL, NULL, NULL },
	};

	*o = (struct options){ .config = NULL };
	if (command_parse(argc, argv, usage, options, &o->config, -1) < 0)
		return -1;
	if (command_counts(argc, argv, usage, is_many(o) ? 0 : 1) < 0)
		return -1;
	if (!is_many(o))
		return o->reason == NULL
			   ? 0
			   : command_misused(usage,
				 "--reason is for many: with --all, --domain, "
				 "--method, --from or --to");
	if (!o->revoke || o->reason == NULL)
		return command_misused(usage,
		    "%s is missing: many authorizations are revoked together, "
		    "for a reason",
		    !o->revoke ? "--revoke" : "--reason");
	if (o->json)
		return command_misused(usage, "--json is for one, with its ID");
	if (o->all && has_limits(o))
		return command_misused(usage,
		    "--all is every one, without --domain, --method, --from "
		    "and --to");
	return 0;
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
	    store_audit_add(j, command_operator(j), "authorization revoked",
		arena_printf(j->arena, "authz:%s", a->id), "ok", NULL) < 0)
		return worker_undo(j);
	return store_commit(j);
}

/* --- many, PK-15 --------------------------------------------------------- */

static int
read_time(struct job *j, const char *option, const char *text, int64_t *out)
{
	*out = 0; /* no limit */
	if (text == NULL ||
	    (rfc3339_parse(span_str(text), out) == 0 && *out > 0))
		return 0;
	return job_fail(j, ERR_MALFORMED,
	    "--%s %s: give a time as 2027-01-31T12:00:00Z", option, text);
}

/* There is one method so far: it names all, and others name none. */
static int
check_method(struct job *j, const char *method)
{
	if (method == NULL || strcmp(method, CAA_METHOD) == 0)
		return 0;
	return job_fail(j, ERR_MALFORMED,
	    "--method %s: nothing is proven by that here; the method is %s",
	    method, CAA_METHOD);
}

static int
revoke_page(struct job *j, const char **ids, size_t count)
{
	struct authz a;

	for (size_t i = 0; i < count; i++) {
		int found = store_authz_lock(j, ids[i], &a);

		if (found < 0 || (found == 1 && store_authz_revoke(j, &a) < 0))
			return -1;
	}
	return 0;
}

static const char *
scope_json(struct job *j, const struct options *o)
{
	const char *names[] = { "domain", "method", "from", "to", "reason" };
	const char *values[] = { o->domain, o->method, o->from, o->to,
		o->reason };
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, TEXT_MAX);
	json_out_init(&w, &b);
	json_object_begin(&w);
	for (size_t i = 0; i < COUNT(names); i++)
		if (values[i] != NULL)
			json_member_str(&w, names[i], values[i]);
	json_object_end(&w);
	return b.p;
}

/* All of them in one transaction: none is used while the others go. */
static int
revoke_all(struct job *j, const struct options *o, size_t *total)
{
	const char *after = NULL;
	const char **ids;
	size_t count = PAGE;
	struct authz_range range = { .domain = NULL };

	*total = 0;
	if ((o->domain != NULL &&
		command_domain(j, o->domain, &range.domain) < 0) ||
	    check_method(j, o->method) < 0 ||
	    read_time(j, "from", o->from, &range.from) < 0 ||
	    read_time(j, "to", o->to, &range.to) < 0)
		return -1;
	for (; count == PAGE; *total += count) {
		if (store_authz_live(j, &range, after, PAGE, &ids, &count) <
			0 ||
		    revoke_page(j, ids, count) < 0)
			return -1;
		if (count > 0)
			after = ids[count - 1];
	}
	return store_audit_add(j, command_operator(j), "authorizations revoked",
	    "authz:many", "ok", scope_json(j, o));
}

static int
run_many(struct job *j, const struct options *o)
{
	size_t total;

	if (store_begin(j) < 0)
		return -1;
	if (revoke_all(j, o, &total) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	printf("authorizations revoked: %zu\n", total);
	return 0;
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

	if (parse(argc, argv, &o) < 0 ||
	    command_open(
		&c, o.config, o.revoke ? ACT_AUTHZ_REVOKE : ACT_AUTHZ_SHOW) < 0)
		return EXIT_FAILURE;
	result =
	    is_many(&o) ? run_many(&c.job, &o) : run(&c.job, &o, argv[optind]);
	if (result < 0)
		command_fail("%s", c.job.err.text);
	command_close(&c);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
