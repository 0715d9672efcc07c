/*
 * Acts that need two (PK-185, PK-206, PK-207): one asks and another confirms,
 * in either order, of whom one is an approver.  Never one person twice; and
 * what one asked for who is no admin any more counts for nothing.  Where there
 * are no admins it is two system accounts.
 *
 * `asked_by` is command_operator() of who has asked, NULL: nobody has.
 */
#ifndef SRC_TWO_PERSONS_H
#define SRC_TWO_PERSONS_H

struct job;

/* Does the request count?  Not if it is a system account's and an admin acts
 * now; nor of an admin who was disabled, whose certificate has expired, or
 * whose role does not allow it.  1 / 0 / -1. */
int request_stands(struct job *j, const char *asked_by);
/* Whoever runs the command asks, instead of confirming: no request stands, or
 * one of another does that this one may not confirm.  1 / 0 / -1. */
int request_is_first(struct job *j, const char *asked_by);
/* May whoever runs the command confirm it?  0, or -1 ERR_UNAUTHORIZED saying
 * why. */
int request_may_confirm(struct job *j, const char *asked_by);
/*
 * May whoever runs the command name the client key of `name`?  The own one
 * always.  Another's only while there are no two who can do what needs two:
 * who asked for an account has set its first password, and with its key would
 * be both of the two.  0, or -1 ERR_UNAUTHORIZED saying what to do instead.
 */
int key_may_be_named(struct job *j, const char *name);

#endif
