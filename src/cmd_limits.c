#include "config.h"

#include "acme/limit.h"
#include "db/store.h"
#include "db/store_audit.h"
#include "db/store_bucket.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/rate.h"
#include "src/command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE 500
#define LINE_OCTETS 4096

struct options {
	const char *config;
	const char *reset;
	bool all;
	bool json;
};

static const char usage[] =
    "usage: countersign limits [--all] [--json] [-f FILE]\n"
    "       countersign limits --reset SUBJECT [-f FILE]\n"
    "\n"
    "Lists who has used up a limit of the configuration's section limits, and\n"
    "for how long: an account, a mailbox (without +suffix), a domain, a "
    "client\n"
    "address.  Request rates are counted in memory and are not shown.\n"
    "\n"
    "  --all              also those that have something left\n"
    "  --reset SUBJECT    give SUBJECT, as the list names it, all of it back\n"
    "  --json             one JSON object a line\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static int
parse(int argc, char **argv, struct options *o)
{
	const struct command_option options[] = {
		{ "all", &o->all, NULL },
		{ "json", &o->json, NULL },
		{ "reset", NULL, &o->reset },
		{ NULL, NULL, NULL },
	};

	*o = (struct options){ .config = NULL };
	if (command_parse(argc, argv, usage, options, &o->config, 0) < 0)
		return -1;
	return o->reset != NULL && (o->all || o->json)
		   ? command_misused(usage,
			 "--reset shows nothing: it is given without --all "
			 "and --json")
		   : 0;
}

/* A limit's row in words, or nothing: it is of a limit that the configuration
 * no longer has. */
struct row {
	const struct bucket *bucket;
	const char *words;
	const char *rate;
	int64_t wait;
};

static bool
explain(struct job *j, const struct bucket *b, struct row *out)
{
	const struct conf_rate *rate;
	struct conf_rates one = { .n = 1 };
	struct buf text;

	out->bucket = b;
	if (limits_explain(
		j, &j->conf->limits, b, &out->words, &rate, &out->wait) < 0)
		return false;
	one.v[0] = *rate;
	buf_init(&text, j->arena, LINE_OCTETS);
	rates_format(&one, &text);
	out->rate = text.p;
	return true;
}

static void
print_line(struct job *j, const struct row *r)
{
	char until[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(j->now + r->wait, until);
	if (r->wait > 0)
		printf("%s  used up until %s  %s (%s)\n", r->bucket->subject,
		    until, r->words, r->rate);
	else
		printf("%s  has some left  %s (%s)\n", r->bucket->subject,
		    r->words, r->rate);
}

static void
print_json(struct job *j, const struct row *r)
{
	struct json_out w;
	struct buf b;

	buf_init(&b, j->arena, LINE_OCTETS);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "subject", r->bucket->subject);
	json_member_str(&w, "limit", r->bucket->name);
	json_member_str(&w, "words", r->words);
	json_member_str(&w, "rate", r->rate);
	json_member_int(&w, "wait_seconds", r->wait);
	json_object_end(&w);
	puts(b.p);
}

/* Page by page: the table may be long. */
static int
print_all(struct command *c, const struct options *o)
{
	struct bucket *page, last;
	const struct bucket *after = NULL;
	size_t count = PAGE, printed = 0;

	while (count == PAGE) {
		if (store_bucket_list(&c->job, after, PAGE, &page, &count) < 0)
			return -1;
		for (size_t i = 0; i < count; i++) {
			struct row r;

			if (!explain(&c->job, &page[i], &r) ||
			    (r.wait == 0 && !o->all))
				continue;
			printed++;
			if (o->json)
				print_json(&c->job, &r);
			else
				print_line(&c->job, &r);
		}
		if (count > 0) {
			last = page[count - 1];
			after = &last;
		}
	}
	if (printed == 0 && !o->json)
		puts(o->all ? "nothing was taken from any limit"
			    : "nobody has used a limit up");
	return 0;
}

/* Who gave somebody more mails than the limits allow is on record. */
static int
give_back(struct job *j, const char *subject, int64_t *count)
{
	if (store_bucket_reset(j, subject, count) < 0)
		return -1;
	if (*count == 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s: no limit counts that; countersign limits --all lists "
		    "what they count",
		    subject);
	return store_audit_add(j, command_operator(j), "limits reset",
	    arena_printf(j->arena, "subject:%s", subject), "ok", NULL);
}

static int
reset(struct command *c, const char *subject)
{
	int64_t count;

	if (store_begin(&c->job) < 0)
		return -1;
	if (give_back(&c->job, subject, &count) < 0 ||
	    store_commit(&c->job) < 0) {
		store_rollback(&c->job);
		return -1;
	}
	printf("%s: %lld limits are full again\n", subject, (long long)count);
	return 0;
}

int
cmd_limits(int argc, char **argv)
{
	struct options o;
	struct command c;

	if (parse(argc, argv, &o) < 0 ||
	    command_open(&c, o.config,
		o.reset != NULL ? ACT_LIMITS_RESET : ACT_LIMITS_LIST) < 0)
		return EXIT_FAILURE;
	return command_end(
	    &c, o.reset != NULL ? reset(&c, o.reset) : print_all(&c, &o));
}
