#include "config.h"

#include "src/enroll_place.h"

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SERVER_MAX 200

const char *
enroll_place_name(struct job *j, const char *directory)
{
	struct span s = span_str(directory);
	struct buf b;

	if (span_starts(s, SPAN("https://")))
		s = span_from(s, 8);
	s = span_cut(s, 0, span_find(s, 0, '/'));
	s = span_cut(s, 0, SERVER_MAX);
	buf_init(&b, j->arena, SERVER_MAX + 20);
	buf_add_str(&b, "account-");
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		buf_add_char(
		    &b, ascii_is_alnum(c) || c == '.' || c == '-' ? c : '_');
	}
	buf_add_str(&b, ".pem");
	return b.p;
}

static int
make_folders(struct job *j, const char *path)
{
	char *copy = arena_strdup(j->arena, path);

	for (char *p = copy + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return job_fail(j, ERR_INTERNAL,
			    "%s: %s; say with --account-key where the account "
			    "key goes",
			    copy, strerror(errno));
		*p = c;
		if (c == '\0')
			return 0;
	}
}

int
enroll_place_file(
    struct job *j, const char *name, const char *out, const char **path)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	const char *slash = strrchr(out, '/'), *folder;

	/* The standard says: a relative path counts as none. */
	if (state != NULL && state[0] == '/')
		folder = arena_printf(j->arena, "%s/countersign", state);
	else if (home != NULL && home[0] == '/')
		folder =
		    arena_printf(j->arena, "%s/.local/state/countersign", home);
	else
		folder = NULL;
	if (folder == NULL) {
		*path = arena_printf(j->arena, "%.*s%s",
		    slash == NULL ? 0 : (int)(slash - out + 1), out, name);
		return 0;
	}
	*path = arena_printf(j->arena, "%s/%s", folder, name);
	return make_folders(j, folder);
}

int
enroll_place_account(
    struct job *j, const char *directory, const char *out, const char **path)
{
	return enroll_place_file(j, enroll_place_name(j, directory), out, path);
}
