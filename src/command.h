/*
 * The subcommands of countersign(1): each has a file, a main function and one
 * line for the list.
 */
#ifndef SRC_COMMAND_H
#define SRC_COMMAND_H

#include "lib/conf.h"
#include "lib/job.h"
#include "src/acts.h"

struct admin;
struct admin_options;
struct arena;

/* `argv[0]` is the subcommand's name.  Returns the exit status. */
int cmd_admin(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_ca(int argc, char **argv);
int cmd_orders(int argc, char **argv);
int cmd_order(int argc, char **argv);
int cmd_limits(int argc, char **argv);
int cmd_mail(int argc, char **argv);
int cmd_suppress(int argc, char **argv);
int cmd_accounts(int argc, char **argv);
int cmd_account(int argc, char **argv);
int cmd_eab(int argc, char **argv);
int cmd_authz(int argc, char **argv);
int cmd_evidence(int argc, char **argv);
int cmd_cert(int argc, char **argv);
int cmd_incident(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_clock(int argc, char **argv);
int cmd_cps_tables(int argc, char **argv);
int cmd_crl(int argc, char **argv);
int cmd_db(int argc, char **argv);
int cmd_handoff(int argc, char **argv);
int cmd_key(int argc, char **argv);
int cmd_purge(int argc, char **argv);
int cmd_enroll(int argc, char **argv);

#define COMMAND_DEFAULT_CONFIG CS_SYSCONFDIR "/countersign/countersign.conf"

/* An option of a subcommand's own: a flag, or one that takes a text; with both
 * one that may be given again, up to COMMAND_TEXTS_MAX times. */
struct command_option {
	const char *name; /* without dashes; NULL: the end of the list */
	bool *flag;
	const char **text; /* with a flag: COMMAND_TEXTS_MAX + 1, all NULL */
};
#define COMMAND_TEXTS_MAX 32
#define COMMAND_OPTIONS_MAX 16

/*
 * Reads them, -f (--config), whose default it sets, and -h (--help), which
 * prints the usage and ends the program.  0 when `arguments` others are left
 * from argv[optind] on (-1: any number); else -1 after saying what is wrong.
 */
int command_parse(int argc, char **argv, const char *usage,
    const struct command_option *options, const char **config, int arguments);
/* Takes the text of an option that is given once.  0, or -1 after saying that
 * it is empty, or that the option was given before: what only the last one
 * says would be done, and nothing of the others. */
int command_take(const char *option, const char *text, const char **to);
/* getopt_long() has said what is wrong: says where to read more.  -1. */
int command_refused(char **argv);
/*
 * For a command with several acts: `verb` has only the options whose names are
 * in `names`, with blanks between them.  0, or -1 after naming another one that
 * was given: it would change nothing, where --dry-run was meant to.
 */
int command_takes_only(
    const struct command_option *options, const char *verb, const char *names);
/*
 * The canonical form of what was given with --domain, in U-labels or A-labels:
 * what mailboxes are compared with.  0, or -1 ERR_MALFORMED saying what would
 * be right: what is done to no mailbox would be believed.
 */
int command_domain(struct job *j, const char *text, const char **out);
/* 0, or -1 ERR_MALFORMED for a --profile that is none, saying which there
 * are. */
int command_profile(struct job *j, const char *name);
/* A text for the records, of at most `max` octets: UTF-8 in one line.  0, or
 * -1 ERR_MALFORMED that names the option. */
int command_text(
    struct job *j, const char *option, const char *text, size_t max);
/* A serial number as it is stored, from what openssl, mails and other programs
 * make of it: with colons, in capital letters, with "0x" in front, without its
 * first zero. */
const char *command_serial(struct job *j, const char *text);
/*
 * On standard error the synopsis with which `usage` begins, and below it, where
 * it is seen first, what is wrong and where to read more: -1.
 */
int command_misused(const char *usage, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* 0 when so many arguments are left from argv[optind] on; else -1 after saying
 * which is missing or too many. */
int command_counts(int argc, char **argv, const char *usage, int arguments);

/* What commands that look into the database share. */
struct command {
	struct arena *keep;
	const struct conf *conf;
	struct store *store;
	struct job job;
};

/* What main() was given: from the subcommand on, and what stood before it.
 * Borrowed for as long as the program runs. */
void command_line_is(
    int argc, char **argv, const struct admin_options *options);

/*
 * Loads the configuration and opens the database.  Where an admin is needed
 * for the act, or one is named, both factors are asked for and looked at
 * (PK-206).  0, or -1 after saying on standard error what is wrong and what to
 * do.
 */
int command_open(struct command *c, const char *config, enum act act);
void command_close(struct command *c);
/* Closes after the act, which gave 0 or -1 and the job's error: what was begun
 * is taken back, and said on standard error.  The exit status. */
int command_end(struct command *c, int result);
/*
 * Who runs the command, for records: "admin:NAME" of an admin who has shown
 * both factors; else "operator:NAME" of the system account, the one behind sudo
 * if there is one, which whoever can write the database is believed: it is for
 * the record, not a proof.
 */
const char *command_operator(struct job *j);
/* The admin, name and role alone, or NULL: none was named.  Lives until
 * command_close(). */
const struct admin *command_admin(void);
/* For tests: as if this one had shown both factors.  NULL: nobody. */
void command_admin_is(const struct admin *self);
/* Is the admin who is named before the subcommand of this name?  For choosing
 * the act: nobody has shown a factor yet. */
bool command_is_by(const char *name);
/* Says on standard error that a list which shows `max` at most may have more:
 * it would be taken for the whole. */
void command_tell_cut(size_t shown, size_t max);
/* All that was printed has gone where standard output leads; for what cannot be
 * shown a second time. */
bool command_is_printed(void);
/*
 * For atexit(): a text that nobody could read, since the disk is full, is no
 * success.  Says so and ends with EXIT_FAILURE.
 */
void command_end_output(void);
/* "countersign: <text>" on standard error; returns EXIT_FAILURE. */
int command_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
