#include "config.h"

#include "db/store.h"
#include "db/store_audit.h"
#include "db/store_suppressed.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "src/command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY ((int64_t)86400)
#define DAYS "90" /* AC-189 */
#define DAYS_MAX 36500
#define PAGE 500
#define LINE_OCTETS 4096

struct options {
	const char *config;
	const char *days;
	bool lift;
	bool list;
	bool json;
};

static const char usage[] =
    "usage: countersign suppress [--days N] [-f FILE] MAILBOX\n"
    "       countersign suppress --lift [-f FILE] MAILBOX\n"
    "       countersign suppress --list [--json] [-f FILE]\n"
    "\n"
    "Keeps challenge mails from a mailbox whose holder wants none: orders for\n"
    "it are refused, and mails that still wait do not leave.  Letter case and\n"
    "+suffix of the local part make no difference.\n"
    "\n"
    "  --days N           for how long (default: " DAYS ")\n"
    "  --lift             end it now\n"
    "  --list             the mailboxes that it holds for\n"
    "  --json             one JSON object a line\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static int
parse(int argc, char **argv, struct options *o)
{
	const struct command_option options[] = {
		{ "days", NULL, &o->days },
		{ "lift", &o->lift, NULL },
		{ "list", &o->list, NULL },
		{ "json", &o->json, NULL },
		{ NULL, NULL, NULL },
	};

	*o = (struct options){ .config = NULL };
	if (command_parse(argc, argv, usage, options, &o->config, -1) < 0)
		return -1;
	if (command_counts(argc, argv, usage, o->list ? 0 : 1) < 0)
		return -1;
	if (o->lift + o->list + (o->days != NULL) > 1)
		return command_misused(
		    usage, "give one of --days, --lift and --list");
	if (o->json && !o->list)
		return command_misused(usage, "--json is for --list");
	if (o->days == NULL)
		o->days = DAYS;
	return 0;
}

/* --- one mailbox --------------------------------------------------------- */

/* As it is counted; the error says what is wrong with the argument. */
static int
counted(struct job *j, const char *argument, const char **out)
{
	static const struct addr_policy policy = { .utf8_local = true,
		.reserved_domains = true };
	struct addr addr;

	if (addr_parse(j, span_str(argument), &policy, &addr) < 0)
		return job_context(j, "%s", argument);
	*out = addr_counted(j, addr.canonical);
	return 0;
}

static int
add(struct job *j, const char *mailbox, int64_t days)
{
	struct suppressed s = { .mailbox = mailbox,
		.since = j->now,
		.until = j->now + days * DAY,
		.source = "admin" };

	if (store_suppressed_add(j, &s) < 0)
		return -1;
	return store_audit_add(j, command_operator(j), "mailbox suppressed",
	    arena_printf(j->arena, "mailbox:%s", mailbox), "ok", NULL);
}

static int
lift(struct job *j, const char *mailbox)
{
	int lifted = store_suppressed_lift(j, mailbox);

	if (lifted == 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s: is not suppressed; countersign suppress --list shows "
		    "which are",
		    mailbox);
	if (lifted < 0)
		return -1;
	return store_audit_add(j, command_operator(j),
	    "mailbox suppression lifted",
	    arena_printf(j->arena, "mailbox:%s", mailbox), "ok", NULL);
}

static int
change(struct job *j, const struct options *o, const char *argument)
{
	const char *mailbox = NULL;
	int64_t days;

	if (span_to_int(span_str(o->days), 1, DAYS_MAX, &days) < 0)
		return job_fail(j, ERR_MALFORMED,
		    "--days %s: give a number from 1 to %d", o->days, DAYS_MAX);
	if (counted(j, argument, &mailbox) < 0 || store_begin(j) < 0)
		return -1;
	if ((o->lift ? lift(j, mailbox) : add(j, mailbox, days)) < 0 ||
	    store_commit(j) < 0) {
		store_rollback(j);
		return -1;
	}
	if (o->lift)
		printf("%s: gets mail again\n", mailbox);
	else
		printf("%s: gets no challenge mail for %lld days\n", mailbox,
		    (long long)days);
	return 0;
}

/* --- the list ------------------------------------------------------------ */

static void
print_one(struct job *j, const struct suppressed *s, bool json)
{
	char since[CLOCK_RFC3339_MAX], until[CLOCK_RFC3339_MAX];
	struct json_out w;
	struct buf b;

	clock_format_rfc3339(s->since, since);
	clock_format_rfc3339(s->until, until);
	if (!json) {
		printf("%s  from %s to %s  by %s\n", s->mailbox, since, until,
		    s->source);
		return;
	}
	buf_init(&b, j->arena, LINE_OCTETS);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "mailbox", s->mailbox);
	json_member_str(&w, "since", since);
	json_member_str(&w, "until", until);
	json_member_str(&w, "source", s->source);
	json_object_end(&w);
	puts(b.p);
}

static int
print_list(struct job *j, bool json)
{
	const char *after = NULL;
	struct suppressed *page;
	size_t count = PAGE, printed = 0;

	while (count == PAGE) {
		if (store_suppressed_list(j, after, PAGE, &page, &count) < 0)
			return -1;
		for (size_t i = 0; i < count; i++)
			print_one(j, &page[i], json);
		printed += count;
		if (count > 0)
			after = page[count - 1].mailbox;
	}
	if (printed == 0 && !json)
		puts("no mailbox is suppressed");
	return 0;
}

int
cmd_suppress(int argc, char **argv)
{
	struct options o;
	struct command c;

	if (parse(argc, argv, &o) < 0 ||
	    command_open(
		&c, o.config, o.list ? ACT_SUPPRESS_LIST : ACT_SUPPRESS) < 0)
		return EXIT_FAILURE;
	return command_end(&c, o.list ? print_list(&c.job, o.json)
				      : change(&c.job, &o, argv[optind]));
}
