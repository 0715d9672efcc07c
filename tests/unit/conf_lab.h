/*
 * For the tests of configuration files: the smallest good one, changed a
 * little, in a folder of its own; and what is said about it.
 */
#ifndef TESTS_UNIT_CONF_LAB_H
#define TESTS_UNIT_CONF_LAB_H

#include "lib/conf.h"
#include "tests/unit/unit.h"

/* Its lines are numbered in the .c: the numbers stand in the cases. */
extern const char conf_lab_base[];
/* Where the file is written. */
extern char conf_lab_path[300];

/* Setup of a test that writes it. */
int conf_lab_make(void **state);
#define WITH_FOLDER(test) cmocka_unit_test_setup(test, conf_lab_make)

void conf_lab_write(struct span text);

/* Every report, one a line, with "conf" for the file's name. */
struct conf_reports {
	struct buf text;
	size_t count;
};
void conf_reports_init(struct conf_reports *r);
/* Takes a report into the conf_reports that ctx is. */
void conf_lab_note(void *ctx, const char *message);

/* Writes and loads. */
int conf_lab_load(
    struct span text, struct conf_reports *r, const struct conf **out);
/* The same, without a report. */
const struct conf *conf_lab_good(const char *text);
/* What was written since, and what of it can be applied while running. */
int conf_lab_reload(
    const struct conf *old, struct conf_reports *r, const struct conf **now);

/* `text` with the first `from` replaced by `to`; from NULL: added before. */
const char *conf_lab_edit(const char *text, const char *from, const char *to);

/* The smallest good one with one edit each, refused in exactly these words. */
struct conf_wrong {
	const char *from, *to;
	const char *expected;
};
void conf_lab_mistakes(const struct conf_wrong *wrongs, size_t count);

/* The smallest good one with further sections, from line 23. */
const char *conf_lab_with(const char *more);

#endif
