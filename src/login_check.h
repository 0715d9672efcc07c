/* Do the logins at the database keep the roles apart?  For `countersign
 * check`. */
#ifndef SRC_LOGIN_CHECK_H
#define SRC_LOGIN_CHECK_H

#include "lib/job.h"

/*
 * Logs in as each role: 0, or -1 with what does not work.  *advice: what would
 * keep the roles apart better, or NULL; in private mode that is said only of
 * logins that are there.
 */
int login_check(struct job *j, const char **advice);

#endif
