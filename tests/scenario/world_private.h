/*
 * What the files of the world share (tests/scenario/world.h): its children, the
 * CA that all worlds of the process have, and its folders of mails.
 */
#ifndef TESTS_SCENARIO_WORLD_PRIVATE_H
#define TESTS_SCENARIO_WORLD_PRIVATE_H

#include <stdio.h>

#include "lib/job.h"
#include "tests/scenario/world.h"

struct ca;

/* Writes its result to `out`: 0, or -1 with the job's error. */
typedef int child_fn(struct world *w, struct job *j, void *ctx, FILE *out);
/* Whose login a child uses with PostgreSQL: a role's, or the owner's. */
#define AS_OWNER ROLE_COUNT
/* Runs once, and once more after each stop: 0 and what it wrote (malloc()ed;
 * `written` may be NULL), or -1 with world.error. */
int world_child(
    struct world *w, enum role role, child_fn *run, void *ctx, char **written);
/* All that comes, as text (malloc()ed). */
char *world_read_all(int fd);

extern const struct ca *world_ca;

/* The files of a folder below the world's, by name. */
#define FILES_MAX 200
struct file_list {
	char names[FILES_MAX][256];
	int count;
};
void world_list_files(
    const struct world *w, const char *folder, struct file_list *out);
/* What follows `name` ("\r\nSubject: ") on its line: 0, or -1 if it is not
 * there. */
int world_header_line(
    const char *mail, const char *name, char *out, size_t max);

#endif
