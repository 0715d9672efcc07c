/*
 * How far the transcripts of a CA's ceremony folders are on record: marks in
 * the audit, each of one folder, which is known by the hash of the first line
 * of its transcript.  Lines are chained, so the hash of the last line on record
 * stands for all before it.
 */
#ifndef SRC_CEREMONY_MARK_H
#define SRC_CEREMONY_MARK_H

#include <stddef.h>

struct ceremony_story;
struct job;

struct ceremony_mark {
	size_t lines;  /* of this folder's transcript that are on record */
	size_t others; /* further folders of the CA are on record, if lines is
			  0: at least so many marks */
};

/* This transcript, in the file `bundle`, is on record: comes before
 * ceremony_mark_find(), since who writes an audit record has the chain for
 * itself, so that nobody else records the same meanwhile.  In a transaction. */
int ceremony_mark_add(
    struct job *j, const char *bundle, const struct ceremony_story *s);
/*
 * What was on record before the mark that was just added.  0; -1 ERR_CONFLICT
 * for a transcript that is not what it was (an older one of this folder, or one
 * that went on from an older one), and for one that is said to be of another
 * folder and claims a key which another one has made.
 */
int ceremony_mark_find(
    struct job *j, const struct ceremony_story *s, struct ceremony_mark *out);
/* The first transcript of a further folder: a record of what it is.  *line is
 * for the admin. */
int ceremony_mark_other(
    struct job *j, const struct ceremony_story *s, const char **line);

#endif
