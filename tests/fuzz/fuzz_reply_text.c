/*
 * MA-61: the text of a reply, and the HTML beside it.  Whatever the input is,
 * it is no answer and no STOP where a mail program quotes it below words of the
 * holder's own, with marks or without; in HTML, where it stands in a quotation
 * that it does not end.
 */
#include "config.h"

#include <stdlib.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "mail/reply_block.h"
#include "mail/reply_html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MAX ((size_t)64 * 1024)

static const char *const above[] = {
	"What is this?\n\n    On Mon, 2 Mar 2026 at 10:00, CA <a@b.test> "
	"wrote:  "
	"\n \n",
	"What is this?\nOn Mon, 2 Mar 2026 at 10:00, CA <a@b.test> wrote:\n",
	"No.\r\n\r\n-----Original Message-----\r\n",
	"No.\n\nFrom: A long name\n<a@b.test>\nSubject: ACME: x\n\n",
};

static struct span
joined(struct arena *a, const char *before, struct span text)
{
	struct buf b;

	buf_init(&b, a, text.n + 4096);
	buf_add_str(&b, before);
	buf_add(&b, text);
	return buf_span(&b);
}

static void
check_text(struct arena *a, struct span text)
{
	struct reply_blocks b;

	reply_blocks_scan(text, &b);
	for (size_t i = 0; i < COUNT(above); i++) {
		reply_blocks_scan(joined(a, above[i], text), &b);
		if (b.counts.found || b.bad || b.stop)
			abort();
	}
}

static void
check_html(struct job *j, struct span html)
{
	(void)reply_html_has_block(j, html);
	if (!span_has(html, SPAN("</")) &&
	    reply_html_has_block(j, joined(j->arena, "<blockquote>", html)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct job j = { .arena = arena_new() };

	if (n <= MAX) {
		check_text(j.arena, span_mem(data, n));
		check_html(&j, span_mem(data, n));
	}
	arena_free(j.arena);
	return 0;
}
