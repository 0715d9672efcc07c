/* How the service stands: what `countersign status` tells. */
#include "config.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "src/admin_pages.h"
#include "src/overview.h"
#include "src/page.h"
#include "src/remarks.h"

#define LINES_MAX 400
#define ORDERS_SHOWN 10

struct line {
	enum remark level;
	const char *what, *text;
};

struct lines {
	struct line v[LINES_MAX];
	size_t n;
	size_t of_level[REMARK_WRONG + 1];
};

static void
take(void *ctx, enum remark level, const char *what, const char *text)
{
	struct lines *l = ctx;

	l->of_level[level]++;
	if (l->n < LINES_MAX)
		l->v[l->n++] = (struct line){ level, what, text };
}

static int
look(struct admin_view *v, struct lines **out)
{
	struct lines *l = arena_alloc(v->job->arena, sizeof(*l));
	struct remarks r = { .take = take, .ctx = l };

	*out = l;
	return overview_inside(v->job, &r);
}

static void
add_lines(struct buf *b, const struct lines *l, enum remark level,
    const char *title, const char *word)
{
	if (l->of_level[level] == 0)
		return;
	buf_addf(b, "<h2>%s</h2>\n<ul class=\"remarks\">\n", title);
	for (size_t i = 0; i < l->n; i++) {
		const struct line *one = &l->v[i];

		if (one->level != level)
			continue;
		buf_addf(b,
		    "<li class=\"%s\"><span class=\"level\">%s</span>"
		    "<div><strong>",
		    remark_level_name(level), word);
		page_str(b, one->what);
		buf_add_str(b, "</strong> <span>");
		page_str(b, one->text);
		buf_add_str(b, "</span></div></li>\n");
	}
	buf_add_str(b, "</ul>\n");
}

static void
add_summary(struct buf *b, const struct lines *l, int64_t now)
{
	size_t wrong = l->of_level[REMARK_WRONG];
	size_t warn = l->of_level[REMARK_WARN];

	buf_addf(b, "<p class=\"summary %s\">",
	    wrong > 0  ? "wrong"
	    : warn > 0 ? "warn"
		       : "ok");
	if (wrong == 0 && warn == 0)
		buf_add_str(b, "All is well");
	else if (wrong == 0)
		buf_add_str(b, "Nothing is wrong");
	else
		buf_addf(b, "%zu %s wrong", wrong,
		    wrong == 1 ? "thing is" : "things are");
	if (warn > 0)
		buf_addf(b, ", %zu %s to be looked at", warn,
		    warn == 1 ? "is" : "are");
	buf_add_str(b, ". <span>As of ");
	page_time(b, now);
	buf_add_str(b, "</span></p>\n");
}

int
admin_page_status(struct admin_view *v)
{
	const struct page p = { .title = "Status",
		.ca_name = v->job->conf->ca_name,
		.admin = v->admin,
		.here = "/" };
	struct lines *l;

	if (look(v, &l) < 0)
		return -1;
	page_begin(v->b, &p);
	add_summary(v->b, l, v->job->now);
	add_lines(v->b, l, REMARK_WRONG, "Wrong", "wrong");
	add_lines(v->b, l, REMARK_WARN, "To be looked at", "look");
	buf_add_str(v->b, "<h2>Problem reports</h2>\n");
	if (admin_table_open_reports(v) < 0)
		return -1;
	buf_add_str(v->b, "<h2>What is pending, and why</h2>\n");
	if (admin_table_open_orders(v, ORDERS_SHOWN) < 0)
		return -1;
	add_lines(v->b, l, REMARK_OK, "In order", "ok");
	page_end(v->b, &p);
	return 0;
}

int
admin_page_status_json(struct admin_view *v)
{
	struct json_out w;
	struct lines *l;

	if (look(v, &l) < 0)
		return -1;
	json_out_init(&w, v->b);
	json_object_begin(&w);
	json_member_time(&w, "time", v->job->now);
	json_member_int(&w, "wrong", (int64_t)l->of_level[REMARK_WRONG]);
	json_member_int(&w, "warn", (int64_t)l->of_level[REMARK_WARN]);
	json_key(&w, "remarks");
	json_array_begin(&w);
	for (size_t i = 0; i < l->n; i++) {
		json_object_begin(&w);
		json_member_str(&w, "level", remark_level_name(l->v[i].level));
		json_member_str(&w, "what", l->v[i].what);
		json_member_str(&w, "text", l->v[i].text);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return 0;
}
