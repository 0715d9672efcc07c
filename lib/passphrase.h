/*
 * What OpenSSL asks for an encrypted key's passphrase (pem_password_cb).  It
 * would ask at the terminal where nobody is given to it: a service must not
 * wait there, and a file that was not said to be encrypted is a mistake.
 */
#ifndef LIB_PASSPHRASE_H
#define LIB_PASSPHRASE_H

/* There is none: what is encrypted cannot be read. */
int passphrase_none(char *out, int size, int is_writing, void *context);

/* The struct span that `context` is; one that is too long for OpenSSL is
 * refused, never cut. */
int passphrase_give(char *out, int size, int is_writing, void *context);

#endif
