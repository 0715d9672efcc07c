#include "config.h"

#include "tests/unit/unit_folder.h"

#include "tests/unit/unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS_MAX ((size_t)8)
#define PATH_SIZE ((size_t)256)

static char of_test[PATH_SIZE];
static char kept[FOLDERS_MAX][PATH_SIZE];
static size_t kept_count;
static pid_t maker;

static bool
make(char path[PATH_SIZE])
{
	const char *where = getenv("TMPDIR");
	int n = snprintf(path, PATH_SIZE, "%s/countersign-unit-XXXXXX",
	    where == NULL || where[0] == '\0' ? "/tmp" : where);

	return n > 0 && (size_t)n < PATH_SIZE && mkdtemp(path) != NULL;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static int
remove_all(const char *path)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0)
		return 0;
	perror(path);
	return -1;
}

const char *
unit_folder(void)
{
	if (of_test[0] == '\0' && !make(of_test)) {
		of_test[0] = '\0';
		fail_msg("no temporary folder");
	}
	return of_test;
}

const char *
unit_path(const char *name)
{
	return arena_printf(unit_job()->arena, "%s/%s", unit_folder(), name);
}

int
unit_folder_end(void)
{
	int result = of_test[0] == '\0' ? 0 : remove_all(of_test);

	of_test[0] = '\0';
	return result;
}

static void
remove_kept(void)
{
	bool is_clean = true;

	if (getpid() != maker)
		return;
	for (size_t i = 0; i < kept_count; i++)
		is_clean = remove_all(kept[i]) == 0 && is_clean;
	if (!is_clean)
		abort();
}

const char *
unit_folder_new(void)
{
	if (kept_count == FOLDERS_MAX || !make(kept[kept_count]))
		abort();
	if (kept_count == 0) {
		maker = getpid();
		atexit(remove_kept);
	}
	return kept[kept_count++];
}
