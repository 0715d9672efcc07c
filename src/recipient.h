/* Which envelope recipients are ours: the address that challenge mails come
 * from (sender.from), and its tagged forms (ER-15). */
#ifndef SRC_RECIPIENT_H
#define SRC_RECIPIENT_H

#include "lib/buf.h"

struct job;

/*
 * 1 and the canonical form (in the job's arena, the local part as written),
 * or 0.  Any tag is ours, also one that no challenge has, and with a fixed
 * From too: it may have been tagged before.
 */
int recipient_find(
    struct job *j, const char *from, struct span address, const char **out);

#endif
