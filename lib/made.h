/*
 * What an act has made on the disk, so that it leaves nothing when it fails.
 *
 *	made_begin(j);
 *	if (act(j) < 0)
 *		left = made_undo(j);
 *
 * Between the two file_create() and made_folder() note what they make, and
 * nothing else is removed: not what was there before, and not what somebody has
 * put in its place.
 */
#ifndef LIB_MADE_H
#define LIB_MADE_H

#include <stddef.h>
#include <sys/types.h>

struct job;

/* The list is in the job's arena, which must not be emptied before the end. */
void made_begin(struct job *j);
/* Removes, what was made last first; the list is empty then.  NULL, or the path
 * of something that is left, since it cannot be removed. */
const char *made_undo(struct job *j);

/* A name that was just made; without made_begin() nothing is noted. */
void made_note(struct job *j, const char *path);
/* mkdir(); one that is there stays, and is not noted.  0, or -1
 * ERR_INTERNAL. */
int made_folder(struct job *j, const char *path, mode_t mode);

#endif
