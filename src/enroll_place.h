/*
 * Where the account key lies when nobody says: one for each server, because a
 * key that two servers know would tie two accounts together.
 */
#ifndef SRC_ENROLL_PLACE_H
#define SRC_ENROLL_PLACE_H

struct job;

/*
 * $XDG_STATE_HOME/countersign/account-SERVER.pem, or the same under
 * $HOME/.local/state; without either beside `out`.  Makes the folders: 0, or
 * -1 with the job's error.
 */
int enroll_place_account(
    struct job *j, const char *directory, const char *out, const char **path);

/* The same for any other file of ours. */
int enroll_place_file(
    struct job *j, const char *name, const char *out, const char **path);

/* The file's name alone. */
const char *enroll_place_name(struct job *j, const char *directory);

#endif
