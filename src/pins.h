/*
 * PINs of tokens that are in no file (PK-199): the supervisor is given them
 * once, by an inherited descriptor (key_pin_fd) or by a person at the terminal
 * (key_pin_ask), keeps them in memory that is neither swapped
 * out nor copied into a child, and gives them to each signer that it starts,
 * and to nobody else, through a pipe.  What a token has refused is forgotten.
 */
#ifndef SRC_PINS_H
#define SRC_PINS_H

#include "lib/buf.h"

struct arena;
struct conf_token;
struct job;
struct pins;

/* Octets of a PIN. */
#define PINS_OCTETS_MAX 256

/* At the begin of main(), while all that is open was inherited. */
void pins_note_descriptors(void);

/*
 * For j->conf: 0 and *out, which lives as long as `keep`; NULL where all PINs
 * are in files.  -1 ERR_INTERNAL saying what to do.
 */
int pins_take(struct job *j, struct arena *keep, struct pins **out);
/* Whose: the signer's, which are all but the last, or the one of the
 * responder's key, which has a process of its own (PK-177). */
enum pins_of { PINS_OF_CAS, PINS_OF_RESPONDER };
/* For such a process that is about to be started: 0 and the end to inherit, -1:
 * there is nothing to give (any more); or -1.  `p` may be NULL. */
int pins_give(struct job *j, struct pins *p, enum pins_of whose, int *fd);
/* Were some taken, whatever became of them?  Harmless with NULL, all three. */
bool pins_were_taken(const struct pins *p, enum pins_of whose);
void pins_forget(struct pins *p, enum pins_of whose);

/* --- the signer's end --- */

/* Keys are counted: 0 is the issuing CA's, 1 and on those of former ones, as
 * they stand in the configuration; and the responder's. */
#define PINS_RESPONDER ((size_t)0xffff)
struct pin_given {
	size_t key;
	bool is_by_hand; /* typed for this very start */
	struct span octets;
};
struct pins_given {
	struct pin_given *v;
	size_t n;
};
/* 0 or -1; wiped with the job's arena.  fd is closed; -1: none. */
int pins_receive(struct job *j, int fd, struct pins_given *out);
/* NULL: none was given. */
const struct pin_given *pins_find(const struct pins_given *g, size_t key);

/* For a command: asks for the PIN at the terminal if it is in no file.  1 and
 * *out; 0: it is in a file, or there is no terminal; -1. */
int pins_ask(struct job *j, const struct conf_token *t, struct span *out);

#endif
