/*
 * What the supervisor tells the database of its configuration, for `countersign
 * status` and the pages for admins: whether the file still says what is in use,
 * and when and why the last SIGHUP was refused (db/store_conf_use.h).
 */
#ifndef SRC_CONF_NOTE_H
#define SRC_CONF_NOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "lib/digest.h"
#include "lib/err.h"

#define CONF_NOTE_HASH_MAX (2 * SHA256_LEN + 1)
#define CONF_NOTE_NAMES_MAX 1024

struct conf_note {
	const struct conf *used;
	char restart[CONF_NOTE_NAMES_MAX];
	char seen[CONF_NOTE_HASH_MAX]; /* the file's */
	struct stat file;
	int64_t looked_at;
	int64_t refused_at; /* 0: the last one was taken */
	struct err refused;
	bool is_due;
	pid_t pid; /* who tells it; 0: nobody */
	int64_t look_ms, tell_ms;
};

/* With what the server starts with. */
void conf_note_open(struct conf_note *n, const struct conf *used);
/* SIGHUP was refused. */
void conf_note_refused(struct conf_note *n, const char *why);
/* It was taken.  `restart`: options that count after one only; "": none. */
void conf_note_taken(
    struct conf_note *n, const struct conf *used, const char *restart);

/* Looks at the file, tells what is new: milliseconds until the next time. */
int conf_note_turn(struct conf_note *n);
/* A child has ended. */
void conf_note_ended(struct conf_note *n, pid_t pid, int status);

#endif
