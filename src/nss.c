#include "config.h"

#include "src/nss.h"

#include <ctype.h>
#include <dlfcn.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/fdio.h"
#include "lib/job.h"

#define FILE_MAX (64 * 1024)
#define NAME_MAX_LEN 64

static bool
is_wanted(struct span database)
{
	return span_eq(database, SPAN("hosts")) ||
	       span_eq(database, SPAN("passwd")) ||
	       span_eq(database, SPAN("group")) ||
	       span_eq(database, SPAN("initgroups"));
}

static bool
is_name(struct span word)
{
	for (size_t i = 0; i < word.n; i++)
		if (!isalnum((unsigned char)word.p[i]) && word.p[i] != '_' &&
		    word.p[i] != '-')
			return false;
	return word.n > 0 && word.n <= NAME_MAX_LEN;
}

/* For as long as the process. */
static void
load(struct job *j, struct span service)
{
	(void)dlopen(arena_printf(j->arena, "libnss_%.*s.so.2", (int)service.n,
			 service.p),
	    RTLD_NOW | RTLD_LOCAL);
}

/* "hosts: files resolve [!UNAVAIL=return] dns # comment" */
static void
load_line(struct job *j, struct span line)
{
	size_t colon;
	size_t n;

	line.n = span_find(line, 0, '#');
	colon = span_find(line, 0, ':');
	if (colon == line.n || !is_wanted(span_trim(span_cut(line, 0, colon))))
		return;
	line = span_from(line, colon + 1);
	while (line.n > 0) {
		for (n = 0; n < line.n && !isspace((unsigned char)line.p[n]);)
			n++;
		if (is_name(span_cut(line, 0, n)))
			load(j, span_cut(line, 0, n));
		line = span_from(line, n < line.n ? n + 1 : n);
	}
}

void
nss_preload(struct job *j, const char *path)
{
	struct span text = { NULL, 0 };
	size_t n;

	/* Without the file the C library has its own order, of modules that
	 * are parts of it. */
	if (file_read(j, path, FILE_MAX, &text) < 0) {
		job_recover(j);
		return;
	}
	while (text.n > 0) {
		n = span_find(text, 0, '\n');
		load_line(j, span_cut(text, 0, n));
		text = span_from(text, n < text.n ? n + 1 : n);
	}
}
