#include "config.h"

#include "tests/unit/linter_lab.h"

#include "tests/unit/unit.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fdio.h"
#include "pki/linter.h"
#include "tests/unit/unit_folder.h"

static const char *folder;
const char *
linter_lab_path(struct job *j, const char *name)
{
	return arena_printf(j->arena, "%s/%s", folder, name);
}

void
linter_lab_change(struct job *j, const char *name, const char *script)
{
	if (folder == NULL) {
		folder = unit_folder_new();
		/* The parent of linters is somebody else. */
		assert_int_equal(chmod(folder, 0755), 0);
	}
	assert_int_equal(
	    file_write(j, linter_lab_path(j, name), 0755,
		span_str(arena_printf(j->arena, "#!/bin/sh\n%s\n", script))),
	    0);
	assert_int_equal(chmod(linter_lab_path(j, name), 0755), 0);
}

static struct conf_list
words(struct job *j, const char *first, const char *second)
{
	const char **list = arena_calloc(j->arena, 3, sizeof(*list));

	list[0] = first;
	list[1] = second;
	return (struct conf_list){ list, 2 };
}

void
linter_lab_add(struct job *j, struct conf *conf, const char *name,
    const char *script, int64_t secs)
{
	struct conf_linter *list =
	    arena_calloc(j->arena, LINTERS_MAX, sizeof(*list));
	size_t n = conf->linter_count;

	assert_true(n < LINTERS_MAX);
	if (n > 0)
		memcpy(list, conf->linters, n * sizeof(*list));
	linter_lab_change(j, name, script);
	list[n] = (struct conf_linter){ .name = name,
		.exec = words(j, linter_lab_path(j, name), "%t"),
		.version = words(j, "/bin/echo", "lab 1.0"),
		.timeout = secs,
		.memory = INT64_C(2) << 30 };
	conf->linters = list;
	conf->linter_count = n + 1;
	/* Root does not run them. */
	conf->user = geteuid() == 0 ? "nobody" : NULL;
}

void
linter_lab_add_network(struct job *j, struct conf *conf)
{
	linter_lab_add(j, conf, "network",
	    "exec python3 -c '\n"
	    "import socket\n"
	    "for family in socket.AF_INET, socket.AF_INET6, socket.AF_UNIX:\n"
	    "    try:\n"
	    "        socket.socket(family)\n"
	    "    except PermissionError:\n"
	    "        continue\n"
	    "    raise SystemExit(1)\n"
	    "print(\"{\\\"e_a\\\":{\\\"result\\\":\\\"pass\\\"}}\")'",
	    60);
}

struct span
linter_lab_der(void)
{
	return SPAN("\x30\x03\x02\x01\x05");
}
