/*
 * What each page for admins shows, as HTML and as JSON.  They read, and write
 * nothing; a list is read by an index and no further than its page.
 */
#ifndef SRC_ADMIN_PAGES_H
#define SRC_ADMIN_PAGES_H

#include "lib/buf.h"

struct job;

struct admin_view {
	struct job *job;   /* with the database open */
	struct span query; /* behind the "?" */
	struct span tail;  /* of the path: which one; empty: the list */
	const char *admin; /* who looks */
	struct buf *b;     /* the answer's body */
};

/* 0; -1 ERR_MALFORMED with what is wrong in the query, 404 for what is not
 * there, or a fault. */
typedef int admin_page(struct admin_view *v);

admin_page admin_page_status, admin_page_status_json;
admin_page admin_page_orders, admin_page_orders_json;
admin_page admin_page_order, admin_page_order_json;
admin_page admin_page_reports, admin_page_reports_json;
admin_page admin_page_report;
admin_page admin_page_incidents, admin_page_incidents_json;

/* --- for one another ------------------------------------------------------ */

/* The tables that the first page shows too. */
int admin_table_open_orders(struct admin_view *v, size_t max);
int admin_table_open_reports(struct admin_view *v);

#endif
