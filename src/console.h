/*
 * Secrets that somebody types at the terminal, or hands over line by line.
 */
#ifndef SRC_CONSOLE_H
#define SRC_CONSOLE_H

#include "lib/buf.h"

struct job;

/* Octets of a secret, without its line end. */
#define CONSOLE_SECRET_MAX 1024

/* One line, octet by octet: what follows it is for others.  1 and *out, wiped
 * with the arena; or -1. */
int console_read_line(struct job *j, int fd, struct span *out);

/*
 * Asks at the terminal that the program was started from; what is typed is not
 * shown.  1 and *out, wiped with the arena; 0: there is no terminal; or -1,
 * also after a signal that wants to end the program: the terminal is as it was.
 */
int console_ask_secret(struct job *j, const char *prompt, struct span *out);

#endif
