/* For the tests of admins and their two factors. */
#ifndef TESTS_UNIT_ADMIN_LAB_H
#define TESTS_UNIT_ADMIN_LAB_H

#include <openssl/types.h>

#include "db/store_admin.h"
#include "lib/buf.h"

struct conf;
struct job;

/* A client key, as PEM in both halves. */
struct client_pem {
	struct span secret, public;
};

/* Its secret half as `openssl genpkey -aes256` has it: ours costs more. */
struct client_pem admin_lab_pem(
    struct job *j, EVP_PKEY *key, struct span passphrase);
/* The configuration that statements and rules look at, new each time; and the
 * clock shows the job's time. */
struct conf *admin_lab_conf(struct job *j);
/* Approved, with this password; the key has not signed anything yet. */
void admin_lab_add(struct job *j, const char *name, enum admin_role role,
    const struct admin_key *key, struct span password);

#endif
