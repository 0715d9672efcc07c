/* countersign stop issuance, countersign resume issuance (PK-45). */
#include "config.h"

#include "db/store_audit.h"
#include "db/store_stop.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "pki/ca_key_end.h"
#include "src/command.h"
#include "src/worker.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_MAX 500

struct options {
	const char *config;
	const char *profile, *domain, *issuer, *signing, *reason;
	bool all, list;
};

static const char usage_stop[] =
    "usage: countersign stop issuance --reason TEXT [-f FILE]\n"
    "           --all | --profile NAME | --domain DOMAIN | --issuer KEYID\n"
    "       countersign stop issuance --list [-f FILE]\n"
    "\n"
    "Stops issuance at once, until countersign resume.  Orders that are ready\n"
    "or being processed wait; revocation goes on.\n"
    "\n"
    "  --all              everything\n"
    "  --profile NAME     certificates of one profile\n"
    "  --domain DOMAIN    mailboxes of a domain and of those below it\n"
    "  --issuer KEYID     the CA with this subject key identifier\n"
    "  --reason TEXT      why, for the audit log\n"
    "  --list             what is stopped\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static const char usage_resume[] =
    "usage: countersign resume issuance --reason TEXT [-f FILE]\n"
    "           --all | --profile NAME | --domain DOMAIN | --issuer KEYID |\n"
    "           --signing TYPE\n"
    "\n"
    "Lifts one stop, as countersign stop issuance --list names it.\n"
    "\n"
    "  --all, --profile NAME, --domain DOMAIN, --issuer KEYID\n"
    "                     which one; --all lifts the stop of everything, and\n"
    "                     no other\n"
    "  --signing TYPE     the hold on lists, answers or responders, which the\n"
    "                     issuer puts on itself above a limit per hour\n"
    "  --reason TEXT      why, for the audit log\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static int
scope_count(const struct options *o)
{
	return o->all + (o->profile != NULL) + (o->domain != NULL) +
	       (o->issuer != NULL) + (o->signing != NULL);
}

/* What is wrong with them, or NULL. */
static const char *
problem_of(const struct options *o, const char *what)
{
	if (strcmp(what, "issuance") != 0)
		return "say what: issuance";
	if (o->list)
		return scope_count(o) == 0 && o->reason == NULL
			   ? NULL
			   : "--list is given alone";
	if (scope_count(o) == 0)
		return "say of what, as the lines above have it; --all is all "
		       "issuance";
	if (scope_count(o) > 1)
		return "of the options that say of what, only one can be "
		       "given: each stop is one of its own";
	return o->reason == NULL ? "--reason is missing" : NULL;
}

static int
parse(
    int argc, char **argv, const char *usage, bool may_list, struct options *o)
{
	const struct command_option options[] = {
		{ "all", &o->all, NULL },
		{ "profile", NULL, &o->profile },
		{ "domain", NULL, &o->domain },
		{ "issuer", NULL, &o->issuer },
		{ "reason", NULL, &o->reason },
		{ may_list ? "list" : "signing", may_list ? &o->list : NULL,
		    may_list ? NULL : &o->signing },
		{ NULL, NULL, NULL },
	};
	const char *problem;

	*o = (struct options){ .config = NULL };
	if (command_parse(argc, argv, usage, options, &o->config, 1) < 0)
		return -1;
	problem = problem_of(o, argv[optind]);
	return problem == NULL ? 0 : command_misused(usage, "%s", problem);
}

/* --- what ---------------------------------------------------------------- */

/* Key identifiers have no capital letters. */
static const char *
lower(struct job *j, const char *text)
{
	char *out = arena_strdup(j->arena, text);

	for (char *p = out; *p != '\0'; p++)
		*p = ascii_lower(*p);
	return out;
}

static bool
is_hexadecimal(const char *text)
{
	return text[0] != '\0' &&
	       text[strspn(text, "0123456789abcdef")] == '\0';
}

/* A stop that holds for nothing would be believed. */
static int
check_value(struct job *j, const struct stop *s)
{
	if (strcmp(s->scope, STOP_PROFILE) == 0 &&
	    command_profile(j, s->value) < 0)
		return -1;
	if (strcmp(s->scope, STOP_ISSUER) == 0 && !is_hexadecimal(s->value))
		return job_fail(j, ERR_MALFORMED,
		    "--issuer %s: give the CA's subject key identifier in "
		    "hexadecimal, without colons",
		    s->value);
	return command_text(j, "reason", s->reason, REASON_MAX);
}

static int
read_stop(struct job *j, const struct options *o, struct stop *s)
{
	*s = (struct stop){ .scope = STOP_ALL,
		.value = "",
		.reason = o->reason,
		.by = command_operator(j) };
	if (o->profile != NULL) {
		s->scope = STOP_PROFILE;
		s->value = o->profile;
	} else if (o->domain != NULL) {
		s->scope = STOP_DOMAIN;
		if (command_domain(j, o->domain, &s->value) < 0)
			return -1;
	} else if (o->issuer != NULL) {
		s->scope = STOP_ISSUER;
		s->value = lower(j, o->issuer);
	} else if (o->signing != NULL) {
		s->scope = STOP_SIGNING;
		s->value = o->signing;
	}
	return check_value(j, s);
}

static const char *
words(struct job *j, const struct stop *s)
{
	if (s->value[0] == '\0')
		return s->scope;
	return arena_printf(j->arena, "%s %s", s->scope, s->value);
}

/* --- doing it ------------------------------------------------------------ */

static int
record(struct job *j, const struct stop *s, const char *event)
{
	return store_audit_add(j, s->by, event,
	    arena_printf(j->arena, "issuance:%s", words(j, s)), "ok",
	    worker_detail(j, "reason", s->reason));
}

/* Nothing is signed by another one. */
static int
check_issuer(struct job *j, const struct stop *s)
{
	struct ca_key_facts facts;

	if (strcmp(s->scope, STOP_ISSUER) != 0)
		return 0;
	if (ca_key_facts(j, j->conf->issuer.ca_certificate, &facts) < 0)
		return job_context(j, "issuer.ca_certificate");
	if (strcmp(s->value, facts.label) == 0)
		return 0;
	return job_fail(j, ERR_MALFORMED,
	    "--issuer %s: does not issue here; the CA that does is %s",
	    s->value, facts.label);
}

static int
stop(struct job *j, const struct stop *s)
{
	int added;

	if (check_issuer(j, s) < 0)
		return -1;
	added = store_stop_add(j, s);
	if (added == 0)
		return job_fail(j, ERR_MALFORMED,
		    "issuance is stopped already (%s)", words(j, s));
	return added < 0 ? -1 : record(j, s, "issuance stopped");
}

static int
resume(struct job *j, const struct stop *s)
{
	int lifted = store_stop_lift(j, s->scope, s->value);

	if (lifted == 0)
		return job_fail(j, ERR_MALFORMED,
		    "there is no such stop (%s); countersign stop issuance "
		    "--list shows which there are",
		    words(j, s));
	return lifted < 0 ? -1 : record(j, s, "issuance resumed");
}

static int
print_list(struct job *j)
{
	char at[CLOCK_RFC3339_MAX];
	struct stop *list;
	size_t count;

	if (store_stop_list(j, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		clock_format_rfc3339(list[i].at, at);
		printf("%s  since %s  by %s: %s\n", words(j, &list[i]), at,
		    list[i].by, list[i].reason);
	}
	if (count == 0)
		puts("issuance is not stopped");
	return 0;
}

typedef int change_fn(struct job *j, const struct stop *s);

static int
change(struct job *j, const struct options *o, change_fn *how, const char *done)
{
	struct stop s;

	if (read_stop(j, o, &s) < 0 || store_begin(j) < 0)
		return -1;
	if (how(j, &s) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	printf("issuance %s: %s\n", done, words(j, &s));
	return 0;
}

int
cmd_stop(int argc, char **argv)
{
	struct options o;
	struct command c;

	if (parse(argc, argv, usage_stop, true, &o) < 0 ||
	    command_open(&c, o.config, o.list ? ACT_STOP_LIST : ACT_STOP) < 0)
		return EXIT_FAILURE;
	return command_end(&c,
	    o.list ? print_list(&c.job) : change(&c.job, &o, stop, "stopped"));
}

int
cmd_resume(int argc, char **argv)
{
	struct options o;
	struct command c;

	if (parse(argc, argv, usage_resume, false, &o) < 0 ||
	    command_open(&c, o.config, ACT_RESUME) < 0)
		return EXIT_FAILURE;
	return command_end(&c, change(&c.job, &o, resume, "resumed"));
}
