#include "config.h"

#include "lib/same_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/arena.h"
#include "lib/buf.h"

static bool
have_same_octets(const char *a, const char *b)
{
	FILE *one = fopen(a, "re"), *other = fopen(b, "re");
	bool is_equal = one != NULL && other != NULL;

	while (is_equal) {
		char x[4096], y[4096];
		size_t n = fread(x, 1, sizeof(x), one);

		is_equal = fread(y, 1, sizeof(y), other) == n &&
			   memcmp(x, y, n) == 0 && ferror(one) == 0 &&
			   ferror(other) == 0;
		if (n < sizeof(x))
			break;
	}
	if (one != NULL)
		(void)fclose(one);
	if (other != NULL)
		(void)fclose(other);
	return is_equal;
}

/* Folder and name of what is not there. */
struct place {
	struct stat folder;
	struct span name;
};

static int
find_place(const char *path, struct place *out)
{
	size_t n = strlen(path), at;
	char *folder;
	int result;

	while (n > 1 && path[n - 1] == '/')
		n--;
	for (at = n; at > 0 && path[at - 1] != '/'; at--)
		continue;
	out->name = span_mem(path + at, n - at);
	folder = xstrdup(at == 0 ? "." : path);
	if (at > 0)
		folder[at] = '\0';
	result = stat(folder, &out->folder);
	free(folder);
	return result;
}

static bool
is_same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool
is_same_place(const char *a, const char *b)
{
	struct place one, other;

	return find_place(a, &one) == 0 && find_place(b, &other) == 0 &&
	       span_eq(one.name, other.name) &&
	       is_same_inode(&one.folder, &other.folder);
}

bool
file_is_same(const char *a, const char *b)
{
	struct stat one, other;

	if (a == NULL || b == NULL)
		return false;
	if (strcmp(a, b) == 0)
		return true;
	return stat(a, &one) == 0 && stat(b, &other) == 0
		   ? is_same_inode(&one, &other)
		   : is_same_place(a, b);
}

bool
file_is_copy(const char *a, const char *b)
{
	struct stat one, other;

	return file_is_same(a, b) ||
	       (a != NULL && b != NULL && stat(a, &one) == 0 &&
		   stat(b, &other) == 0 && S_ISREG(one.st_mode) &&
		   S_ISREG(other.st_mode) && one.st_size == other.st_size &&
		   have_same_octets(a, b));
}
