/* Which envelope recipients are ours: the addresses that challenge mails come
 * from and ask for answers at (sender.from, sender.reply_to), and their tagged
 * forms (ER-15). */
#ifndef SRC_RECIPIENT_H
#define SRC_RECIPIENT_H

#include "lib/buf.h"

struct conf_sender;
struct job;

/*
 * 1 and the canonical form (in the job's arena, the local part as written),
 * or 0.  Any tag is ours, also one that no challenge has, and with fixed
 * addresses too: they may have been tagged before.
 */
int recipient_find(struct job *j, const struct conf_sender *sender,
    struct span address, const char **out);

/* That of both which replies and bounces come to: without a tag it is the
 * envelope sender of what is no challenge mail. */
const char *recipient_base(const struct conf_sender *sender);

#endif
