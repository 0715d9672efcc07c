#include "config.h"

#include "acme/status.h"
#include "db/store_account.h"
#include "db/store_cert.h"
#include "db/store_order.h"
#include "db/store_order_look.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "src/command.h"
#include "src/story.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ORDERS_MAX 1000
#define TEXT_MAX (4 * 1024 * 1024)

struct options {
	const char *config;
	bool pending_only;
	bool json;
};

static const char orders_usage[] =
    "usage: countersign orders [--pending] [--json] [-f FILE]\n"
    "\n"
    "Lists orders, newest first (at most 1000).\n"
    "\n"
    "  --pending          only those that wait for something\n"
    "  --json             one JSON object a line\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static const char order_usage[] =
    "usage: countersign order [--json] [-f FILE] ID\n"
    "\n"
    "Tells the whole story of one order: each step and when, what became of\n"
    "the mail, the verdict on each reply and why.\n"
    "\n"
    "  --json             as one JSON object\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

/* 0, or -1 after the usage was printed. */
static int
parse(
    int argc, char **argv, struct options *o, const char *usage, int arguments)
{
	const struct command_option options[] = {
		{ "pending", &o->pending_only, NULL },
		{ "json", &o->json, NULL },
		{ NULL, NULL, NULL },
	};

	*o = (struct options){ .config = NULL };
	if (command_parse(argc, argv, usage, options, &o->config, arguments) <
	    0)
		return -1;
	return o->pending_only && arguments > 0
		   ? command_misused(
			 usage, "--pending is for countersign orders")
		   : 0;
}

static const char *
mailboxes(struct job *j, const struct order *o)
{
	struct buf b;

	buf_init(&b, j->arena, 64 * 1024);
	for (size_t i = 0; i < o->identifier_count; i++)
		buf_addf(&b, "%s%s", i > 0 ? "," : "",
		    o->identifiers[i].authz.mailbox);
	return b.p;
}

/* What else the list says of an order. */
struct beside {
	struct cert cert; /* all zero if there is none */
	struct account account;
	const char *replaced_by; /* an order, or NULL */
};

static int
beside_load(struct job *j, const struct order *o, struct beside *out)
{
	*out = (struct beside){ .replaced_by = NULL };
	if (store_account_by_id(j, o->account_id, &out->account) < 0)
		return -1;
	if (o->cert_id == NULL)
		return 0;
	if (store_cert_by_id(j, o->cert_id, NULL, &out->cert) < 0)
		return -1;
	return store_cert_replaced_by(j, o->cert_id, &out->replaced_by) < 0 ? -1
									    : 0;
}

static void
print_line(struct job *j, const struct order *o, const struct beside *beside)
{
	char time[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(o->created_at, time);
	printf("%s  %s  %-10s  %s  (%s%s%swaits for: %s)\n", o->id, time,
	    story_status(j, o), mailboxes(j, o),
	    o->is_preauth ? "pre-authorization; " : "",
	    o->replaces != NULL ? "renewal; " : "",
	    beside->cert.revoked_at != 0 ? "certificate revoked; " : "",
	    story_waits_for(j, o));
}

static void
print_json(struct job *j, const struct order *o, const struct beside *beside)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, 128 * 1024);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "order", o->id);
	if (o->is_preauth)
		json_member_bool(&w, "preauthorization", true);
	json_member_str(&w, "status", story_status(j, o));
	json_member_str(&w, "account", o->account_id);
	if (beside->account.eab_kid != NULL)
		json_member_str(&w, "eab_kid", beside->account.eab_kid);
	json_member_str(&w, "profile", o->profile);
	if (o->not_before != 0)
		json_member_time(&w, "not_before", o->not_before);
	if (o->not_after != 0)
		json_member_time(&w, "not_after", o->not_after);
	if (o->replaces != NULL)
		json_member_str(&w, "replaces", o->replaces);
	if (beside->replaced_by != NULL)
		json_member_str(&w, "replaced_by", beside->replaced_by);
	json_member_time(&w, "created", o->created_at);
	json_member_time(&w, "expires", order_expires(o, j->now));
	json_key(&w, "mailboxes");
	json_array_begin(&w);
	for (size_t i = 0; i < o->identifier_count; i++)
		json_put_string(&w, span_str(o->identifiers[i].authz.mailbox));
	json_array_end(&w);
	json_member_str(&w, "waits_for", story_waits_for(j, o));
	if (o->cert_id != NULL)
		json_member_str(&w, "certificate", o->cert_id);
	if (beside->cert.revoked_at != 0) {
		json_member_time(&w, "revoked", beside->cert.revoked_at);
		json_member_int(&w, "reason", beside->cert.reason);
		if (beside->cert.revoked_by != NULL)
			json_member_str(
			    &w, "revoked_by", beside->cert.revoked_by);
	}
	json_object_end(&w);
	puts(b.p);
}

int
cmd_orders(int argc, char **argv)
{
	struct options o;
	struct command c;
	struct order *orders;
	struct beside beside;
	size_t count;
	int result;

	if (parse(argc, argv, &o, orders_usage, 0) < 0 ||
	    command_open(&c, o.config, ACT_ORDERS) < 0)
		return EXIT_FAILURE;
	result = store_order_list(
	    &c.job, o.pending_only, ORDERS_MAX, &orders, &count);
	for (size_t i = 0; result == 0 && i < count; i++) {
		result = beside_load(&c.job, &orders[i], &beside);
		if (result == 0 && o.json)
			print_json(&c.job, &orders[i], &beside);
		else if (result == 0)
			print_line(&c.job, &orders[i], &beside);
	}
	if (result == 0)
		command_tell_cut(count, ORDERS_MAX);
	if (result == 0 && count == 0 && !o.json)
		puts(o.pending_only ? "nothing is pending"
				    : "there are no orders");
	return command_end(&c, result);
}

static int
print_story(struct command *c, const char *id, bool json)
{
	struct order order;
	struct buf b;
	int found = store_order_look(&c->job, id, &order);

	if (found == 0)
		return job_fail(&c->job, ERR_MALFORMED,
		    "%s: there is no such order; countersign orders lists "
		    "them",
		    id);
	buf_init(&b, c->job.arena, TEXT_MAX);
	if (found < 0 || (json ? story_json(&c->job, &order, &b)
			       : story_text(&c->job, &order, &b)) < 0)
		return -1;
	fputs(b.p, stdout);
	return 0;
}

int
cmd_order(int argc, char **argv)
{
	struct options o;
	struct command c;

	if (parse(argc, argv, &o, order_usage, 1) < 0 ||
	    command_open(&c, o.config, ACT_ORDER) < 0)
		return EXIT_FAILURE;
	return command_end(&c, print_story(&c, argv[optind], o.json));
}
