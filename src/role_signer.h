/*
 * The process that alone has the keys in tokens (PK-202): the supervisor starts
 * it where there is a key_module.  It loads the modules, logs in, and signs for
 * the issuer (src/sign_frame.h) what it has looked at itself (PK-203).  It has
 * no database and takes no connections; how far its modules reach, the section
 * signer of the configuration says.
 *
 * The same once more for the responder, whose key is in a token of its own
 * (PK-177): neither process is given a PIN of the other's, and this one's
 * module reaches what the section responder says.
 */
#ifndef SRC_ROLE_SIGNER_H
#define SRC_ROLE_SIGNER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/job.h"

struct bare_start;
struct conf;

/* Is there such a process with this configuration? */
bool signer_is_wanted(const struct conf *conf);
bool ocsp_signer_is_wanted(const struct conf *conf);

/* `countersignd --role signer` or ocsp-signer: until it is told to end; the
 * exit status. `ends`: how many before it have ended within the last hour,
 * untold. `pins_fd`: what src/pins.h gives, or -1. */
int signer_main(const struct bare_start *start, enum role role, int fd,
    int64_t ends, int pins_fd);

#endif
