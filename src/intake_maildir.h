/*
 * Replies that the mail server puts into a Maildir (ER-21).  A message is
 * known by its name and what is in it, and its verdict is committed before it
 * leaves new/: a crash in between repeats no verdict.  (A name alone may come
 * again: not every program that delivers keeps to the rules for names, and a
 * clock may be set back.)
 */
#ifndef SRC_INTAKE_MAILDIR_H
#define SRC_INTAKE_MAILDIR_H

#include "src/maildir.h"

struct intake_maildir;
struct received;
struct role_env;

/* Of one folder of validator.maildir. */
struct maildir maildir_of(const struct conf *c, const char *path);

/* In the arena of the role; touches nothing yet. */
struct intake_maildir *intake_maildir_new(
    struct role_env *env, const char *path);
/* The validator's loop over its folder, until it is told to stop. */
int intake_maildir_run(struct role_env *env);

/* Sets source, uidvalidity and uid. */
void intake_maildir_identify(struct job *j, const char *path, const char *name,
    const struct maildir_file *file, struct received *m);

#endif
