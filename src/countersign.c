#include "config.h"

#include "src/command.h"

#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/typo.h"
#include "src/acts.h"
#include "src/admin_factors.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

static const struct subcommand subcommands[] = {
	{ "init", cmd_init, "make a CA, keys and a configuration" },
	{ "crl", cmd_crl, "list the revocation lists, take over one" },
	{ "db", cmd_db, "show what each role may do in the database" },
	{ "admin", cmd_admin, "say who may give commands, with two factors" },
	{ "ca", cmd_ca, "hold a ceremony: root, issuing CAs, their lists" },
	{ "check", cmd_check, "see whether everything is in place" },
	{ "status", cmd_status, "see how the service stands" },
	{ "clock", cmd_clock, "set aside what a wrong clock has left" },
	{ "cps-tables", cmd_cps_tables,
	    "print the tables of the practice statement" },
	{ "orders", cmd_orders, "list orders" },
	{ "order", cmd_order, "tell the whole story of one order" },
	{ "accounts", cmd_accounts, "list accounts" },
	{ "account", cmd_account, "look at one account, or end it" },
	{ "eab", cmd_eab, "make and withdraw keys that accounts need" },
	{ "handoff", cmd_handoff, "settle what another CA has left open" },
	{ "limits", cmd_limits, "see who has used a limit up" },
	{ "mail", cmd_mail, "see the challenge mail as people get it" },
	{ "suppress", cmd_suppress, "keep mail from a mailbox" },
	{ "authz", cmd_authz, "tell about an authorization, or revoke it" },
	{ "evidence", cmd_evidence,
	    "show what proves a mailbox, and verify it" },
	{ "cert", cmd_cert, "tell about a certificate, or revoke it" },
	{ "key", cmd_key,
	    "block keys; note the end of a CA's key, or destroy it" },
	{ "incident", cmd_incident, "revoke many certificates by a deadline" },
	{ "report", cmd_report, "answer and decide problem reports" },
	{ "stop", cmd_stop, "stop issuance" },
	{ "resume", cmd_resume, "let issuance go on" },
	{ "audit", cmd_audit, "verify the audit records; examine a sample" },
	{ "purge", cmd_purge, "delete what is kept no longer" },
	{ "enroll", cmd_enroll, "get a certificate for a mailbox" },
};

#define SUBCOMMAND_COUNT COUNT(subcommands)

static void
print_usage(FILE *to)
{
	fputs("usage: countersign [ADMIN…] COMMAND [OPTION…]\n\n", to);
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
		fprintf(to, "  %-10s  %s\n", subcommands[i].name,
		    subcommands[i].summary);
	fputs(
	    "\nADMIN: who gives a command that changes something, where there "
	    "are\nadmins (countersign admin list); before the command:\n"
	    "  --admin NAME\n"
	    "  --admin-password-file FILE, --admin-password-fd NUMBER\n"
	    "                         the password; else it is asked for\n"
	    "  --admin-key FILE       the client key, encrypted; with\n"
	    "  --admin-key-passphrase-file FILE, "
	    "--admin-key-passphrase-fd NUMBER\n"
	    "                         its passphrase; else it is asked for\n"
	    "  --admin-token LABEL    or the client key is in a token; with\n"
	    "                         --admin-token-module, "
	    "--admin-token-label,\n"
	    "                         --admin-token-id and "
	    "--admin-token-pin-file\n"
	    "  --admin-signer PROGRAM\n"
	    "                         or this program signs\n"
	    "As in: countersign --admin alice --admin-key alice.pem stop "
	    "issuance \\\n           --all --reason \"key stolen\"\n"
	    "\ncountersign COMMAND --help says more about a command; see "
	    "countersign(1).\n",
	    to);
}

static int
refuse(const char *name)
{
	struct typo t = typo_of(name);
	const char *near = NULL;

	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++)
		if (typo_is_nearer(&t, subcommands[i].name))
			near = subcommands[i].name;
	return near == NULL
		   ? command_fail("%s: there is no such command; countersign "
				  "--help lists them",
			 name)
		   : command_fail("%s: there is no such command; did you mean "
				  "%s?  countersign --help lists them",
			 name, near);
}

int
main(int argc, char **argv)
{
	struct admin_options admin;
	const char *name;
	bool is_admin; /* or so it begins */

	fd_hold_standard();
	if (atexit(command_end_output) != 0)
		abort();
	is_admin = argc > 1;
	if (admin_options_take(&admin, &argc, &argv) < 0)
		return EXIT_FAILURE;
	name = argc > 1 ? argv[1] : NULL;
	if (name == NULL && is_admin)
		return command_fail("a command is missing after the admin's "
				    "options; countersign --help lists them");
	if (name == NULL) {
		print_usage(stderr);
		return EXIT_FAILURE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		puts(PACKAGE_STRING);
		return EXIT_SUCCESS;
	}
	command_line_is(argc - 1, argv + 1, &admin);
	for (size_t i = 0; i < SUBCOMMAND_COUNT; i++) {
		/* Whom it needs is said in src/acts.c. */
		assert(act_is_of_command(subcommands[i].name));
		if (strcmp(subcommands[i].name, name) == 0)
			return subcommands[i].run(argc - 1, argv + 1);
	}
	return refuse(name);
}
