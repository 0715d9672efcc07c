/*
 * The responder (PK-177, issuer.ocsp_mode = live): a process with an OCSP key
 * of its own that it makes at its start, and no other secret; or with none, if
 * the key is in a token, which another process has.  It has no
 * database and no network, reads the files of issuer.ocsp_folder, and signs
 * what src/live_answer.h builds from them.
 */
#ifndef SRC_ROLE_RESPONDER_H
#define SRC_ROLE_RESPONDER_H

#include "src/live_link.h"
#include "src/role.h"

struct bare_start;

/* `countersignd --role responder`: the exit status.  `wake` as in struct
 * role_start; `signer_fd` leads to who has its key, -1: it makes its own. */
int responder_main(const struct bare_start *start, const struct live_ends *ends,
    int signer_fd, const int wake[ROLE_COUNT]);

#endif
