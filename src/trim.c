#include "config.h"

#include "src/trim.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Only code: it is never written, so its pages equal the file's.  Read-only
 * data may hold relocated addresses, which would be lost.
 */
static int
is_code_of_a_file(const char *rights, const char *path)
{
	return strcmp(rights, "r-xp") == 0 && path[0] == '/';
}

void
trim_resident(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], rights[5], path[256];
	void *from, *to;

	if (maps == NULL)
		return;
	while (fgets(line, sizeof(line), maps) != NULL) {
		path[0] = '\0';
		if (sscanf(line, "%p-%p %4s %*s %*s %*s %255s", &from, &to,
			rights, path) >= 3 &&
		    is_code_of_a_file(rights, path) &&
		    madvise(from, (size_t)((char *)to - (char *)from),
			MADV_DONTNEED) != 0)
			break; /* a kernel that does not: nothing is lost */
	}
	fclose(maps);
}
