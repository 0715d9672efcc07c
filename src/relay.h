/* The relay of the section sender, as mail/submit.h takes it. */
#ifndef SRC_RELAY_H
#define SRC_RELAY_H

#include <stdint.h>

struct conf_sender;
struct job;
struct submit;

/*
 * Reads the password, not the access token: that is read, or its command run,
 * at each login, after the role has given up its rights.  0, or -1.
 */
int relay_new(struct job *j, const struct conf_sender *conf, int64_t timeout_ms,
    struct submit **out);

#endif
