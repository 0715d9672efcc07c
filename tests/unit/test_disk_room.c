/* When a file system has too little left, and of what. */
#include "config.h"

#include "src/disk_room.h"

#include <string.h>
#include <sys/statvfs.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "tests/unit/unit.h"

#define MIB_BLOCKS 256 /* of 4096 octets */

static void
test_lacks(void **state)
{
	static const struct {
		const char *what;
		struct statvfs fs;
		const char *said; /* NULL: nothing */
	} cases[] = {
		{ "room",
		    { .f_bavail = 100 * MIB_BLOCKS,
			.f_files = 2000,
			.f_favail = 1000 },
		    NULL },
		{ "files that are not counted, as on btrfs",
		    { .f_bavail = 100 * MIB_BLOCKS }, NULL },
		{ "few octets",
		    { .f_bavail = 100 * MIB_BLOCKS - 1,
			.f_files = 2000,
			.f_favail = 1000 },
		    "only 99 MiB left: make room" },
		{ "few files",
		    { .f_bavail = 100 * MIB_BLOCKS,
			.f_files = 2000,
			.f_favail = 999 },
		    "only 999 files more can be made" },
		{ "no file", { .f_bavail = 5000 * MIB_BLOCKS, .f_files = 2000 },
		    "only 0 files more can be made" },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct statvfs fs = cases[i].fs;
		const char *said;

		unit_case("%s", cases[i].what);
		fs.f_frsize = 4096;
		said = disk_room_lacks(a, &fs);
		if (cases[i].said == NULL) {
			assert_null(said);
			continue;
		}
		assert_non_null(said);
		assert_ptr_equal(strstr(said, cases[i].said), said);
	}
	arena_free(a);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_lacks),
};

UNIT_MAIN(tests)
