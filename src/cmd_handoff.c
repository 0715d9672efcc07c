/* countersign handoff: requests to another CA that wait for a person. */
#include "config.h"

#include "src/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/store_audit.h"
#include "db/store_handoff.h"
#include "lib/arena.h"
#include "lib/clock.h"

#define HELD_MAX 1000

struct options {
	const char *config;
	const char *retry, *resend, *fail;
};

static const char usage[] =
    "usage: countersign handoff [-f FILE]\n"
    "       countersign handoff --retry ORDER | --resend ORDER | --fail ORDER\n"
    "           [-f FILE]\n"
    "\n"
    "Lists the orders whose request to another CA is held because it is not\n"
    "known whether that CA has it, or settles one of them.\n"
    "\n"
    "  --retry ORDER      ask that CA once more what became of it\n"
    "  --resend ORDER     that CA does not have it: send it again\n"
    "  --fail ORDER       end the order\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static int
print_held(struct command *c)
{
	struct handoff *list;
	size_t count;
	char at[CLOCK_RFC3339_MAX];

	if (store_handoff_held(&c->job, HELD_MAX, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		clock_format_rfc3339(list[i].created_at, at);
		printf(
		    "%s  order %s  id %s\n", at, list[i].order_id, list[i].id);
	}
	if (count == 0)
		puts("no request is held");
	return 0;
}

static int
settle(
    struct job *j, const char *order, enum handoff_stage to, const char *what)
{
	struct handoff h;
	int found = store_handoff_by_order(j, order, &h);

	if (found < 0)
		return -1;
	if (found == 0 || h.stage != HANDOFF_HELD)
		return job_fail(j, ERR_MALFORMED,
		    "order %s: no request of it is held; countersign handoff "
		    "lists those that are",
		    order);
	if (to == HANDOFF_REFUSED)
		h.error = err_kind_name(ERR_INTERNAL);
	if (store_handoff_move(j, &h, to, to == HANDOFF_REFUSED ? 0 : j->now) <
		0 ||
	    (to == HANDOFF_REFUSED && store_handoff_wake_order(j, order) < 0))
		return -1;
	return store_audit_add(j, command_operator(j), "hand-off",
	    arena_printf(j->arena, "order:%s", order), what, NULL);
}

static int
change(struct command *c, const char *order, enum handoff_stage to,
    const char *what)
{
	if (store_begin(&c->job) < 0)
		return -1;
	if (settle(&c->job, order, to, what) < 0 || store_commit(&c->job) < 0) {
		store_rollback(&c->job);
		return -1;
	}
	printf("order %s: %s\n", order, what);
	return 0;
}

static int
act(struct command *c, const struct options *o)
{
	if (o->retry != NULL)
		return change(c, o->retry, HANDOFF_SENDING, "asked again");
	if (o->resend != NULL)
		return change(c, o->resend, HANDOFF_ASKED, "sent again");
	if (o->fail != NULL)
		return change(c, o->fail, HANDOFF_REFUSED, "ended");
	return print_held(c);
}

int
cmd_handoff(int argc, char **argv)
{
	struct options o = { .config = NULL };
	const struct command_option options[] = {
		{ "retry", NULL, &o.retry },
		{ "resend", NULL, &o.resend },
		{ "fail", NULL, &o.fail },
		{ NULL, NULL, NULL },
	};
	struct command c;

	if (command_parse(argc, argv, usage, options, &o.config, 0) < 0)
		return EXIT_FAILURE;
	if ((o.retry != NULL) + (o.resend != NULL) + (o.fail != NULL) > 1) {
		command_misused(
		    usage, "give one of --retry, --resend and --fail");
		return EXIT_FAILURE;
	}
	if (command_open(&c, o.config,
		o.retry != NULL || o.resend != NULL || o.fail != NULL
		    ? ACT_HANDOFF_SETTLE
		    : ACT_HANDOFF_LIST) < 0)
		return EXIT_FAILURE;
	return command_end(&c, act(&c, &o));
}
