/* Replies that come to an IMAP mailbox (ER-21). */
#ifndef SRC_INTAKE_IMAP_H
#define SRC_INTAKE_IMAP_H

struct conf_imap;
struct fetch;
struct job;
struct role_env;

/* Reads the login's secret; connects later.  0 or -1. */
int intake_imap_open(
    struct job *j, const struct conf_imap *m, struct fetch **out);
/* The validator's loop over its mailbox, until it is told to stop. */
int intake_imap_run(struct role_env *env);

#endif
