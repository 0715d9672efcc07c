/*
 * An admin gives one command, with two factors (PK-206): the password, and the
 * client key's signature over a statement that holds a fresh nonce of the
 * database, the whole command line and the time.  Nothing else in the program
 * says that an admin is one.
 *
 *	admin_login_begin()   counts the try; the statement to sign
 *	admin_login_finish()  looks at both factors and the role; the record
 *	                      in the audit
 *
 * Both commit by themselves.  What is wrong with a factor is not said to
 * whoever asks, but recorded: a name that there is not is like a wrong
 * password.
 *
 * A key counts from the first command on that it has signed.  Then it takes the
 * place of the one before; an account that has none before counts from then on
 * as an admin.
 */
#ifndef SRC_ADMIN_LOGIN_H
#define SRC_ADMIN_LOGIN_H

#include "db/store_admin.h"
#include "src/acts.h"

struct command_line {
	int argc; /* from the subcommand's name on */
	char **argv;
};

struct admin_login {
	const char *name;
	const struct act_row *act;
	/* As the database has it; admin_login_finish() looks anew. */
	bool is_known; /* a live admin of that name */
	struct admin admin;
	const struct admin_key *key; /* of admin: which has signed */
	char nonce[23];
	struct span statement;
};

/* a-z, 0-9, '.', '_', '-'; begins with a letter; at most ADMIN_NAME_MAX. */
bool admin_name_is_good(const char *name);
/* Why a try is refused unseen, in the record. */
#define ADMIN_TOO_MANY "too many wrong tries before it: it was not looked at"

/* "admin:NAME": the actor in records. */
const char *admin_actor(struct job *j, const char *name);
/* The name in it, or NULL: it is another kind of actor. */
const char *admin_of_actor(const char *actor);

/* Must acts that change something be an admin's: admin.required, public mode,
 * or there is an admin?  1 / 0 / -1. */
int admin_is_required(struct job *j);

/* `by` is who runs the command as far as the system knows, for the record of a
 * refusal.  0; -1 ERR_RATE_LIMITED saying until when to wait. */
int admin_login_begin(struct job *j, const char *name,
    const struct act_row *act, const struct command_line *line, const char *by,
    struct admin_login *out);
/* A missing factor is an empty span.  0; -1 ERR_UNAUTHORIZED. */
int admin_login_finish(struct job *j, struct admin_login *l,
    struct span password, struct span signature, const char *by);
/* Somebody wanted to act without being an admin: for the record.  0 or -1. */
int admin_login_missing(
    struct job *j, const struct act_row *act, const char *by);

/*
 * Are the signatures in the audit records of this admin's logins those of keys
 * that the admin has or had, over statements of this admin, each with a nonce
 * of its own?  0 and how many there are; -1 ERR_SPOILED naming the record.
 */
int admin_verify(struct job *j, const char *admin, size_t *count);

#endif
