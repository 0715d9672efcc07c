/*
 * Access tokens (OAuth, RFC 6750) that log in to a mail server: read from a
 * file that somebody else keeps fresh, or printed by a command.
 *
 *	struct token_source *t = token_source_new(&conf);
 *	token_get(t, j, &secret)      … log in with it …
 *	refused: token_forget(t), token_get() once more
 *
 * Nothing is read or run before the first token_get(): that is after the role
 * has given up its rights, and the command runs with what is left of them.
 * There is no shell: the command's first word is an absolute file name, the
 * rest are its arguments.  It gets no descriptor but 0 to 2, an environment
 * of PATH, HOME and LANG, TOKEN_COMMAND_MS of time (then it and all that it
 * has started are killed), and its first line is the token.  What it writes to
 * its standard error goes where the role's goes.  No token is ever logged.
 */
#ifndef MAIL_TOKEN_H
#define MAIL_TOKEN_H

#include "lib/buf.h"
#include "lib/conf.h"

struct job;
struct token_source;

#define TOKEN_MAX 8192 /* octets */
#define TOKEN_COMMAND_MS 30000
/* A printed token is used again so long, unless token_forget(). */
#define TOKEN_LIFE_MS 600000

struct token_conf {
	const char *file;         /* NULL: none */
	struct conf_list command; /* empty: none */
	int64_t timeout_ms;       /* 0: TOKEN_COMMAND_MS */
};

/*
 * Reads or makes one token: 0 and *out, which is wiped with the job's arena;
 * -1 ERR_BUSY with the file or command, why, and what would be right.
 */
int token_load(struct job *j, const struct token_conf *conf, struct span *out);

/* `conf`'s strings are borrowed. */
struct token_source *token_source_new(const struct token_conf *conf);
void token_source_free(struct token_source *t); /* NULL-safe; wipes */
/* The kept token, or a new one. */
int token_get(struct token_source *t, struct job *j, struct span *out);
/* The server has refused it. */
void token_forget(struct token_source *t);
/* Was the last token_get()'s answer an old one?  Then a fresh one may work. */
bool token_was_kept(const struct token_source *t);

#endif
