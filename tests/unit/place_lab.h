/*
 * For the tests of who may read and write what: a folder of this test alone,
 * with files and folders of one owner and of any mode.
 */
#ifndef TESTS_UNIT_PLACE_LAB_H
#define TESTS_UNIT_PLACE_LAB_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/unit/unit.h"

struct place_lab {
	struct arena *keep; /* until the tests have run */
	const char *folder;
	uid_t uid; /* whose all of it is, but for the folder */
	gid_t gid;
};
extern struct place_lab place_lab;

/* The folder, which others may enter or not. */
void place_lab_begin(uid_t uid, gid_t gid, bool is_open);
/* Names are below the folder. */
const char *place_lab_path(const char *name);
void place_lab_make_folder(const char *name, mode_t mode);
void place_lab_make_file(const char *name, mode_t mode);

/* A check writes what it has to say here, a line each; p is never NULL. */
void place_lab_said_init(struct buf *b);
void place_lab_note(void *said, const char *message);
#define SAYS(said, text) assert_non_null(strstr(said, text))

/* As unit_run(); then what was kept goes. */
int place_lab_run(const struct CMUnitTest *tests, size_t count);

#endif
