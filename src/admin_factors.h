/*
 * Where an admin's two factors come from on a command line (PK-206): options
 * before the subcommand, never argv or the environment for a secret itself.
 */
#ifndef SRC_ADMIN_FACTORS_H
#define SRC_ADMIN_FACTORS_H

#include "lib/buf.h"

struct job;

struct admin_options {
	const char *name;            /* --admin */
	const char *password_file;   /* mode 0400; NULL: asked for */
	const char *password_fd;     /* inherited */
	const char *key;             /* encrypted PKCS#8, PEM */
	const char *passphrase_file; /* of the key; mode 0400 */
	const char *passphrase_fd;
	const char *signer; /* a program: statement in, signature out */
	const char *token_module, *token, *token_label, *token_id;
	const char *token_pin_file;
};

/*
 * Takes the options that stand before the subcommand off *argc and *argv (whose
 * first stays the program).  0, or -1 after saying what is wrong.
 */
int admin_options_take(struct admin_options *o, int *argc, char ***argv);

/*
 * 0 and the password, empty if there is no way to get one (no option, no
 * terminal); -1.  Wiped with the job.
 */
int admin_password_get(
    struct job *j, const struct admin_options *o, struct span *out);
/*
 * The same for the signature.  A token signs with the key that has one of these
 * public halves; all empty: nobody's, so it does not sign.
 */
#define ADMIN_KEYS 2
int admin_signature_get(struct job *j, const struct admin_options *o,
    const struct span spkis[ADMIN_KEYS], struct span statement,
    struct span *out);

/* What stands first in an inherited descriptor or a file of mode 0400: 1, 0
 * (neither is given), -1.  Programs that are started later do not inherit the
 * descriptor. */
int admin_read_secret(
    struct job *j, const char *file, const char *fd, struct span *out);

#endif
