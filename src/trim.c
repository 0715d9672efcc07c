#include "config.h"

#include "src/trim.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct mapping {
	void *from, *to;
	bool is_of_file;   /* code or constants */
	unsigned long kib; /* that are not the file's: in memory or swapped */
};

/* The line that begins a mapping's: true. */
static bool
begin(const char *line, struct mapping *m)
{
	char rights[5] = "", path[256] = "";
	struct mapping next = { NULL, NULL, false, 0 };

	if (sscanf(line, "%p-%p %4s %*s %*s %*s %255s", &next.from, &next.to,
		rights, path) < 3)
		return false;
	next.is_of_file = path[0] == '/' && (strcmp(rights, "r-xp") == 0 ||
						strcmp(rights, "r--p") == 0);
	*m = next;
	return true;
}

static bool
is_about(const char *line, const char *name)
{
	return strncmp(line, name, strlen(name)) == 0;
}

/* Of a line "Name:  12 kB"; 0 of any other. */
static unsigned long
number_of(const char *line, const char *name)
{
	return is_about(line, name) ? strtoul(line + strlen(name), NULL, 10)
				    : 0;
}

/*
 * Pages that were written differ from the file's, and would be lost: relocated
 * addresses in what is read-only since.  Swap comes behind Anonymous.
 */
static int
drop(const struct mapping *m)
{
	if (!m->is_of_file || m->kib > 0)
		return 0;
	return madvise(
	    m->from, (size_t)((char *)m->to - (char *)m->from), MADV_DONTNEED);
}

void
trim_resident(void)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	struct mapping m = { NULL, NULL, false, 0 };
	char line[512];

	if (maps == NULL)
		return;
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (begin(line, &m))
			continue;
		m.kib += number_of(line, "Anonymous:");
		m.kib += number_of(line, "Swap:");
		/* Where a kernel does not, nothing is lost. */
		if (is_about(line, "Swap:") && drop(&m) != 0)
			break;
	}
	fclose(maps);
}
