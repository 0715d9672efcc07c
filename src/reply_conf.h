/* The configuration's rules for a reply. */
#ifndef SRC_REPLY_CONF_H
#define SRC_REPLY_CONF_H

#include "mail/reply.h"

/* With what the section `domain` of the mailbox's domain has instead; mailbox
 * NULL: before it is known.  What S/MIME is traced back to is
 * the role's to add (src/smime_source.h). */
struct reply_policy reply_policy_of(
    const struct conf *conf, const char *mailbox);

#endif
