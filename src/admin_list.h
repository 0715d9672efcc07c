/* countersign admin list (PK-206). */
#ifndef SRC_ADMIN_LIST_H
#define SRC_ADMIN_LIST_H

#include <stdbool.h>

struct job;

/* All admins, and what should be done about their certificates, to standard
 * output.  0, or -1. */
int admin_list_print(struct job *j, bool json);

#endif
