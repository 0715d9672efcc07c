/*
 * A fuzzer without a fuzzing engine: runs every file of the corpus, whole and
 * cut short, and says so in TAP.  With files or folders as arguments it runs
 * those (to try a crash again under a debugger).
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/time_limit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int files_count;
static int failures_count;

/* An exact copy of each length, so that a sanitizer sees one byte too far. */
static void
run_cut(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n == 0 ? 1 : n);

	if (copy == NULL)
		abort();
	if (n > 0)
		memcpy(copy, data, n);
	(void)LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

/* Every length of small inputs; of large ones, about 64 and the last 64. */
static void
run_lengths(const uint8_t *data, size_t n)
{
	size_t step = n <= 256 ? 1 : n / 64;

	for (size_t i = 0; i < n; i += step)
		run_cut(data, i);
	for (size_t i = n > 64 ? n - 64 : n; i < n; i++)
		run_cut(data, i);
	run_cut(data, n);
}

static uint8_t *
load(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	struct stat st;

	if (f == NULL)
		return NULL;
	if (fstat(fileno(f), &st) == 0 && st.st_size >= 0) {
		*n = (size_t)st.st_size;
		data = malloc(*n + 1);
		if (data != NULL && fread(data, 1, *n, f) != *n) {
			free(data);
			data = NULL;
		}
	}
	fclose(f);
	return data;
}

static void
run_file(const char *path)
{
	size_t n = 0;
	uint8_t *data = load(path, &n);

	files_count++;
	if (data == NULL) {
		failures_count++;
		printf(
		    "not ok %d - %s: %s\n", files_count, path, strerror(errno));
		return;
	}
	time_limit.what = path;
	run_lengths(data, n);
	free(data);
	printf("ok %d - %s\n", files_count,
	    strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1);
	fflush(stdout);
}

static void
run_path(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);

	if (count < 0) {
		run_file(path);
		return;
	}
	for (int i = 0; i < count; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			run_file(file);
		free(entries[i]);
	}
	free(entries);
}

/* fuzz_json runs the corpus in the folder "json". */
static void
run_corpus(const char *program)
{
	const char *slash = strrchr(program, '/');
	const char *name = slash == NULL ? program : slash + 1;
	char path[4096];

	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	snprintf(path, sizeof(path), "%s/%s", CS_FUZZ_CORPUS, name);
	run_path(path);
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		run_corpus(argv[0]);
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	printf("# slowest: %s, of which %zu octets, %lld ms\n",
	    time_limit.slowest_what, time_limit.slowest_len,
	    (long long)time_limit.slowest_usecs / 1000);
	printf("1..%d\n", files_count);
	return failures_count == 0 && files_count > 0 ? 0 : 1;
}
