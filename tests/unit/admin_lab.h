/* For the tests of admins and their two factors. */
#ifndef TESTS_UNIT_ADMIN_LAB_H
#define TESTS_UNIT_ADMIN_LAB_H

#include <openssl/types.h>

#include "db/store_admin.h"
#include "db/store_audit.h"
#include "lib/buf.h"
#include "src/acts.h"
#include "src/admin_login.h"

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

#define ADMIN_LAB_PASSWORD SPAN("correct horse battery")
#define ADMIN_LAB_PASSPHRASE SPAN("of the key")
#define ADMIN_LAB_BY "operator:tester"

/* The words of the command that admins ask for. */
extern const struct command_line admin_lab_line;

/* EVP_PKEY_free() is done to the key. */
struct client_pem admin_lab_key(struct job *j, EVP_PKEY *key);

/* Of a kind that is accepted; `out` is what the store holds of it. */
struct client_pem admin_lab_new_key(struct job *j, struct admin_key *out);

/* Approved; the key has not signed anything yet. */
struct client_pem admin_lab_unproven(
    struct job *j, const char *name, enum admin_role role);

/* As if the key that waits had signed. */
void admin_lab_prove(struct job *j, const char *name);

/* The same, and the key has signed. */
struct client_pem admin_lab_live(
    struct job *j, const char *name, enum admin_role role);

/* Ends, or has ended, so many seconds from now. */
void admin_lab_end_certificate(struct job *j, const char *name, int secs);

/* The login's statement. */
struct span admin_lab_sign(
    struct job *j, const struct client_pem *k, const struct admin_login *l);

void admin_lab_begin(
    struct job *j, const char *name, enum act act, struct admin_login *l);

/* The whole of it: 0 or -1; no key: no signature. */
int admin_lab_log_in(struct job *j, const char *name, enum act act,
    struct span password, const struct client_pem *k);

/* Fails unless it was refused with this text; takes the error away. */
void admin_lab_refused(struct job *j, int result, const char *text);

#define ADMIN_LAB_NOT_ACCEPTED                                                 \
	"admin alice: not accepted; both factors are needed, the password "    \
	"and the client key"

/* The last record about this admin. */
struct audit_row admin_lab_last_record(struct job *j, const char *name);

#endif
