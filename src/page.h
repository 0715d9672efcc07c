/*
 * HTML of the pages for admins: a frame from web/, and what stands in it.
 * Everything that is not a literal goes through page_text() or a function that
 * uses it.
 */
#ifndef SRC_PAGE_H
#define SRC_PAGE_H

#include "lib/buf.h"

#include <stdint.h>

struct job;

struct page {
	const char *title;
	const char *ca_name;
	const char *admin; /* who is logged in; NULL: nobody, no menu */
	const char *here;  /* path of the menu's entry that this belongs to */
};

void page_begin(struct buf *b, const struct page *p);
void page_end(struct buf *b, const struct page *p);

/* Escaped.  What is no UTF-8, and what cannot be seen but for blanks and line
 * ends, becomes U+FFFD: nothing turns the rest of a line around. */
void page_text(struct buf *b, struct span text);
void page_str(struct buf *b, const char *text); /* NULL: nothing */
/* <code>: something to type */
void page_code(struct buf *b, const char *text);
/* <time>; 0: nothing */
void page_time(struct buf *b, int64_t at);
/* Escaped for a query, and for the attribute that it stands in. */
void page_query_value(struct buf *b, const char *value);

/* <dt>, <dd>; not for NULL or "". */
void page_term(struct buf *b, const char *name, const char *value);
void page_term_time(struct buf *b, const char *name, int64_t at);

/* A table in a frame that scrolls, with the heads of its columns (the last one
 * NULL), which are literals; page_table_end() ends it. */
void page_table_begin(
    struct buf *b, const char *caption, const char *const *columns);
/* Begins a cell (</td> ends it), and says again under which head it stands, for
 * narrow screens; `class` may be NULL. */
void page_cell(struct buf *b, const char *head, const char *class);
void page_table_end(struct buf *b);

/* A file of web/ as it is. */
struct span page_file(const char *name);

#endif
