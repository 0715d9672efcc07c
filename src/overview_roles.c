#include "config.h"

#include "src/overview_roles.h"

#include <string.h>

#include "db/store_life.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "src/overview.h"
#include "src/remarks.h"
#include "src/single.h"

#define DAY 86400
#define TROUBLE_SECS 120

/* A machine without power or network cannot say that its roles have ended, nor
 * can a role that is started again and again but never gets to work. */
static bool
is_silent(const struct job *j, const struct role_life *l)
{
	return l->is_running && j->now - l->seen_at > OVERVIEW_SILENT_SECS;
}

/* Of one host. */
struct silent {
	const char *names;
	int64_t since;
	bool is_all; /* none of its roles is heard of */
};

static void
find_silent(struct job *j, const struct role_life *list, size_t count,
    struct silent *out)
{
	*out = (struct silent){ .names = "", .is_all = true };
	for (size_t i = 0; i < count; i++) {
		if (!is_silent(j, &list[i])) {
			out->is_all = out->is_all && !list[i].is_running;
			continue;
		}
		out->names = arena_printf(j->arena, "%s%s%s", out->names,
		    out->names[0] != '\0' ? ", " : "", list[i].role);
		if (list[i].seen_at > out->since)
			out->since = list[i].seen_at;
	}
}

/* In a line. */
static void
tell_silent(
    struct job *j, struct remarks *r, const char *host, const struct silent *s)
{
	const char *next =
	    s->is_all && store_is_shared(j)
		? arena_printf(j->arena,
		      "start that machine, or look at its network; the others "
		      "do its work (a week later this is forgotten, or with "
		      "countersign status --forget %s)",
		      host)
		: "does not start, hangs, or cannot write the database; its "
		  "log says which";

	remark(r, REMARK_WRONG, "roles",
	    arena_printf(j->arena, "%s on %s: not heard of since %s: %s",
		s->names, host, clock_rfc3339(j->arena, s->since), next));
}

/* The list is in the order of the hosts. */
static void
look_for_silent(struct job *j, struct remarks *r, const struct role_life *list,
    size_t count)
{
	size_t end;

	for (size_t i = 0; i < count; i = end) {
		struct silent s;

		end = i + 1;
		while (end < count && strcmp(list[end].host, list[i].host) == 0)
			end++;
		find_silent(j, list + i, end - i, &s);
		if (s.names[0] != '\0' &&
		    j->now - s.since < OVERVIEW_FORGOTTEN_SECS)
			tell_silent(j, r, list[i].host, &s);
	}
}

/* "issuer, sender, web", and on which host if there are several. */
static const char *
say_roles(struct job *j, const struct role_life *list, size_t count)
{
	bool is_one = strcmp(list[0].host, list[count - 1].host) == 0;
	const char *out = "";

	for (size_t i = 0; i < count; i++)
		if (list[i].is_running && !is_silent(j, &list[i]))
			out = arena_printf(j->arena, "%s%s%s%s%s", out,
			    out[0] != '\0' ? ", " : "", list[i].role,
			    is_one ? "" : " on ", is_one ? "" : list[i].host);
	return out;
}

/* PK-19: a crash is told of for a day. */
static void
tell_crashes(struct job *j, struct remarks *r, const struct role_life *list,
    size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].crash_told_at > j->now - DAY)
			remark(r, REMARK_WARN, "roles",
			    arena_printf(j->arena,
				"%s on %s has crashed, last at %s: its log "
				"says why",
				list[i].role, list[i].host,
				clock_rfc3339(
				    j->arena, list[i].crash_told_at)));
}

/* A connection that is made anew is no trouble yet. */
static void
tell_trouble(struct job *j, struct remarks *r, const struct role_life *list,
    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct role_life *l = &list[i];

		if (!l->is_running || is_silent(j, l) || l->trouble == NULL)
			continue;
		remark(r,
		    j->now - l->trouble_at < TROUBLE_SECS ? REMARK_WARN
							  : REMARK_WRONG,
		    "roles",
		    arena_printf(j->arena,
			"%s on %s cannot do its work since %s: %s; countersign "
			"check tries what it needs",
			l->role, l->host,
			clock_rfc3339(j->arena, l->trouble_at), l->trouble));
	}
}

int
overview_roles(struct job *j, struct remarks *r)
{
	const char *running = "";
	struct role_life *list;
	size_t count;

	if (store_life_list(j, &list, &count) < 0)
		return -1;
	tell_crashes(j, r, list, count);
	/* Where the server itself is known not to run, its roles do not. */
	if (count > 0 && single_is_taken(j, j->conf->database)) {
		look_for_silent(j, r, list, count);
		tell_trouble(j, r, list, count);
		running = say_roles(j, list, count);
	}
	if (running[0] == '\0')
		remark(r, REMARK_WARN, "roles", "none runs");
	else
		remark(r, REMARK_OK, "roles",
		    arena_printf(j->arena, "%s run", running));
	return 0;
}
