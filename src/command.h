/*
 * The subcommands of countersign(1): each has a file, a main function and one
 * line for the list.
 */
#ifndef SRC_COMMAND_H
#define SRC_COMMAND_H

#include "lib/conf.h"
#include "lib/job.h"

struct arena;

/* `argv[0]` is the subcommand's name.  Returns the exit status. */
int cmd_init(int argc, char **argv);
int cmd_orders(int argc, char **argv);
int cmd_order(int argc, char **argv);
int cmd_limits(int argc, char **argv);
int cmd_suppress(int argc, char **argv);
int cmd_accounts(int argc, char **argv);
int cmd_account(int argc, char **argv);
int cmd_eab(int argc, char **argv);
int cmd_authz(int argc, char **argv);
int cmd_cert(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_key(int argc, char **argv);
int cmd_enroll(int argc, char **argv);

#define COMMAND_DEFAULT_CONFIG CS_SYSCONFDIR "/countersign/countersign.conf"

/* What commands that look into the database share. */
struct command {
	struct arena *keep;
	const struct conf *conf;
	struct store *store;
	struct job job;
};

/* Loads the configuration and opens the database: 0, or -1 after saying on
 * standard error what is wrong and what to do. */
int command_open(struct command *c, const char *config);
void command_close(struct command *c);
/* "countersign: <text>" on standard error; returns EXIT_FAILURE. */
int command_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
