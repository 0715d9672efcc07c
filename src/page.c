#include "config.h"

#include "src/page.h"

#include "lib/clock.h"
#include "lib/count.h"
#include "lib/embed.h"
#include "lib/markup.h"
#include "lib/utf8.h"

#include <assert.h>
#include <string.h>

extern const struct embed page_files[];

/* The menu; "/" is that of the first. */
static const struct {
	const char *path, *title;
} menu[] = {
	{ "/", "Status" },
	{ "/orders", "Orders" },
	{ "/reports", "Problem reports" },
	{ "/incidents", "Incidents" },
};

struct span
page_file(const char *name)
{
	const struct embed *e = embed_find(page_files, name);

	assert(e != NULL);
	return e->bytes;
}

/* --- what strangers wrote ------------------------------------------------- */

void
page_text(struct buf *b, struct span text)
{
	size_t at = 0;
	uint32_t c;

	while (at < text.n) {
		size_t from = at;
		int found = utf8_next(text, &at, &c);

		if (found == 1 && utf8_is_shown(c))
			buf_add_markup(b, span_cut(text, from, at));
		else
			buf_add_str(b, "\xef\xbf\xbd");
		if (found != 1)
			at = from + 1;
	}
}

void
page_str(struct buf *b, const char *text)
{
	page_text(b, span_str(text));
}

/* --- the frame ------------------------------------------------------------ */

static void
add_menu(struct buf *b, const struct page *p)
{
	buf_add_str(b, "<nav aria-label=\"Pages\"><ul>");
	for (size_t i = 0; i < COUNT(menu); i++)
		buf_addf(b, "<li><a href=\"%s\"%s>%s</a></li>", menu[i].path,
		    strcmp(menu[i].path, p->here) == 0
			? " aria-current=\"page\""
			: "",
		    menu[i].title);
	buf_add_str(b, "</ul></nav>\n<form class=\"who\" method=\"post\" "
		       "action=\"/logout\"><span>");
	page_str(b, p->admin);
	buf_add_str(b, "</span> <button>Log out</button></form>\n");
}

void
page_begin(struct buf *b, const struct page *p)
{
	buf_add(b, page_file("head.html"));
	buf_add_str(b, "<title>");
	page_str(b, p->title);
	buf_add_str(b, " – ");
	page_str(b, p->ca_name);
	buf_add_str(b, "</title>\n</head>\n<body>\n<a class=\"skip\" "
		       "href=\"#main\">To the contents</a>\n<header>\n"
		       "<p class=\"name\">");
	page_str(b, p->ca_name);
	buf_add_str(b, "</p>\n");
	if (p->admin != NULL)
		add_menu(b, p);
	buf_add_str(b, "</header>\n<main id=\"main\">\n<h1>");
	page_str(b, p->title);
	buf_add_str(b, "</h1>\n");
}

void
page_end(struct buf *b, const struct page *p)
{
	buf_add_str(b, "</main>\n");
	if (p->admin != NULL)
		buf_add(b, page_file("foot.html"));
	buf_add_str(b, "</body>\n</html>\n");
}

/* --- pieces --------------------------------------------------------------- */

void
page_code(struct buf *b, const char *text)
{
	buf_add_str(b, "<code>");
	page_str(b, text);
	buf_add_str(b, "</code>");
}

/* 2027-01-15 08:00:00 UTC */
void
page_time(struct buf *b, int64_t at)
{
	char text[CLOCK_RFC3339_MAX];

	if (at == 0)
		return;
	clock_format_rfc3339(at, text);
	buf_addf(b, "<time datetime=\"%s\">%.10s %.8s UTC</time>", text, text,
	    text + 11);
}

void
page_query_value(struct buf *b, const char *value)
{
	for (; *value != '\0'; value++) {
		if (ascii_is_alnum(*value) || strchr("-._~", *value) != NULL)
			buf_add_char(b, *value);
		else
			buf_addf(b, "%%%02X", (unsigned char)*value);
	}
}

static void
term_begin(struct buf *b, const char *name)
{
	buf_add_str(b, "<div><dt>");
	page_str(b, name);
	buf_add_str(b, "</dt><dd>");
}

void
page_term(struct buf *b, const char *name, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	term_begin(b, name);
	page_str(b, value);
	buf_add_str(b, "</dd></div>\n");
}

void
page_term_time(struct buf *b, const char *name, int64_t at)
{
	if (at == 0)
		return;
	term_begin(b, name);
	page_time(b, at);
	buf_add_str(b, "</dd></div>\n");
}

void
page_table_begin(struct buf *b, const char *caption, const char *const *columns)
{
	buf_add_str(b, "<div class=\"table\" tabindex=\"0\" role=\"region\" "
		       "aria-label=\"");
	page_str(b, caption);
	buf_add_str(b, "\"><table><caption>");
	page_str(b, caption);
	buf_add_str(b, "</caption><thead><tr>");
	for (; *columns != NULL; columns++)
		buf_addf(b, "<th scope=\"col\">%s</th>", *columns);
	buf_add_str(b, "</tr></thead><tbody>\n");
}

void
page_cell(struct buf *b, const char *head, const char *class)
{
	buf_addf(b, "<td data-head=\"%s\"", head);
	if (class != NULL)
		buf_addf(b, " class=\"%s\"", class);
	buf_add_char(b, '>');
}

void
page_table_end(struct buf *b)
{
	buf_add_str(b, "</tbody></table></div>\n");
}
