/*
 * Temporary folders, which go with all that is in them.
 *
 *	put(unit_path("ca.pem"), …);
 *	assert_int_equal(load(j, unit_folder()), 0);
 *
 * They have mode 0700 and lie in $TMPDIR or, without that, in /tmp.  Paths are
 * absolute and of at most 255 octets; nobody frees them.  What cannot be made
 * fails the test, and what cannot be removed fails the test or the program.
 */
#ifndef TESTS_UNIT_UNIT_FOLDER_H
#define TESTS_UNIT_UNIT_FOLDER_H

/* The running test's: empty at its first call, the same one until the test has
 * ended and its teardown, too.  The path of a name in it lives in the test's
 * job. */
const char *unit_folder(void);
const char *unit_path(const char *name);

/* A new one, for as long as the program runs (what several tests read).  It is
 * removed by the process that made it, not by one that was forked.  Works
 * before the tests run, too.  At most 8 in a program. */
const char *unit_folder_new(void);

/* For unit.c: the test has ended.  0, or -1 if something stayed. */
int unit_folder_end(void);

#endif
