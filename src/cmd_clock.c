/* countersign clock: what is on record of moments to come. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/rfc3339.h"
#include "src/clock_aside.h"
#include "src/command.h"

#define REASON_MAX 500

static const char usage[] =
    "usage: countersign clock [-f FILE]\n"
    "       countersign clock --set-aside MOMENT [--reason TEXT] [-f FILE]\n"
    "\n"
    "The issuer signs nothing while the clock is earlier than the newest\n"
    "number or revocation list. If the clock is right, and was far ahead when\n"
    "those were made, this shows what is of moments to come, and sets it\n"
    "aside: what was signed then is revoked, and the issuer goes on.\n"
    "\n"
    "  --set-aside MOMENT  the newest one, as it is shown\n"
    "  --reason TEXT       why the clock was wrong; for the audit\n"
    "  -f, --config FILE   configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

static void
print_count(int64_t count, const char *what)
{
	if (count > 0)
		printf("%8" PRId64 "  %s\n", count, what);
}

static int
show(struct job *j)
{
	struct clock_ahead a;

	if (store_clock_ahead(j, &a) < 0)
		return -1;
	printf("The clock says %s.\n", clock_rfc3339(j->arena, j->now));
	if (a.moment == 0) {
		printf("No number and no list is of a moment to come.\n");
		return 0;
	}
	printf("The newest moment on record is %s. Of moments to come are:\n\n",
	    clock_rfc3339(j->arena, a.moment));
	print_count(a.certs, "numbers of certificates");
	print_count(a.signed_certs, "of them signed, and not revoked");
	print_count(a.lists, "revocation lists");
	print_count(a.answers, "segments of OCSP answers");
	print_count(a.authz, "proofs of mailboxes");
	print_count(
	    a.work, "items of work, put off or counted from such a moment");
	printf(
	    "\nIf the clock is wrong now, set it, and do nothing else. If it "
	    "is right:\n\n  countersign clock --set-aside %s --reason "
	    "\"…\"\n\nrevokes what was signed, ends the proofs, takes the "
	    "work up and lets the\nissuer go on.\n",
	    clock_rfc3339(j->arena, a.moment));
	return 0;
}

static int
set_aside(struct job *j, const char *text, const char *reason)
{
	struct clock_aside done;
	int64_t moment;

	if (rfc3339_parse(span_str(text), &moment) < 0)
		return job_fail(j, ERR_MALFORMED,
		    "--set-aside %s: give the moment as countersign clock "
		    "shows it",
		    text);
	if ((reason != NULL &&
		command_text(j, "reason", reason, REASON_MAX) < 0) ||
	    clock_set_aside(j, moment, reason, &done) < 0)
		return -1;
	if (done.is_asked) {
		printf("It is asked for; another admin confirms it within a "
		       "day with the same command.\n");
		return 0;
	}
	printf("Set aside: %" PRId64 " numbers, %" PRId64 " lists; %zu proofs "
	       "of mailboxes have ended.\n",
	    done.marked.certs, done.marked.lists, done.authz);
	if (done.incident != NULL)
		printf("Incident %s revokes %" PRId64 " certificates now.\n",
		    done.incident, done.certificates);
	return 0;
}

int
cmd_clock(int argc, char **argv)
{
	const char *moment = NULL, *reason = NULL, *config = NULL;
	const struct command_option options[] = { { "set-aside", NULL,
						      &moment },
		{ "reason", NULL, &reason }, { NULL, NULL, NULL } };
	struct command c;

	if (command_parse(argc, argv, usage, options, &config, 0) < 0)
		return EXIT_FAILURE;
	if (moment == NULL && reason != NULL) {
		command_misused(usage,
		    "--reason goes with --set-aside, which takes the moment");
		return EXIT_FAILURE;
	}
	if (command_open(&c, config,
		moment != NULL ? ACT_CLOCK_SET_ASIDE : ACT_CLOCK) < 0)
		return EXIT_FAILURE;
	return command_end(&c,
	    moment != NULL ? set_aside(&c.job, moment, reason) : show(&c.job));
}
