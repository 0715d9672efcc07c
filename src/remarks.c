#include "config.h"

#include "src/remarks.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"

/* In JSON, and before a line of text. */
static const struct {
	const char *name, *head;
} levels[] = {
	[REMARK_OK] = { "ok", "ok    " },
	[REMARK_WARN] = { "warn", "warn  " },
	[REMARK_WRONG] = { "wrong", "WRONG " },
};

const char *
remark_level_name(enum remark level)
{
	return levels[level].name;
}

static void
print_json(FILE *to, enum remark level, const char *what, const char *text)
{
	struct arena *a = arena_new();
	struct json_out w;
	struct buf b;

	/* Each octet may be escaped as six. */
	buf_init(&b, a, 6 * (strlen(what) + strlen(text)) + 256);
	json_out_init(&w, &b);
	json_object_begin(&w);
	json_member_str(&w, "level", levels[level].name);
	json_member_str(&w, "what", what);
	json_member_str(&w, "text", text);
	json_object_end(&w);
	fprintf(to, "%s\n", b.p);
	arena_free(a);
}

void
remark(struct remarks *r, enum remark level, const char *what, const char *text)
{
	FILE *to = r->to != NULL ? r->to : stdout;

	if (level == REMARK_WRONG)
		r->wrong++;
	if (r->take != NULL)
		r->take(r->ctx, level, what, text);
	else if (r->json)
		print_json(to, level, what, text);
	else
		fprintf(to, "%s%s%s%s\n", levels[level].head, what,
		    text[0] != '\0' ? ": " : "", text);
}
