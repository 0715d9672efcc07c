/* Orders: those that are looked for, page by page, and the story of one. */
#include "config.h"

#include "acme/status.h"
#include "db/store_order_look.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "src/admin_pages.h"
#include "src/form.h"
#include "src/page.h"
#include "src/story.h"

#include <inttypes.h>
#include <string.h>

#define PAGE_MAX 50
/* Where a state is looked for, so many orders are looked at for one page. */
#define LOOK_MAX 200
#define FIELD_MAX 320
#define ID_MAX 22

/* As story_status() has them; "open" is more than one. */
static const char *const states[] = { "open", "pending", "ready", "processing",
	"valid", "invalid", NULL };
/* An order that is one of these is neither issued nor failed. */
#define OPEN_STATES 4

/* --- what is asked for ---------------------------------------------------- */

struct question {
	struct order_search search;
	const char *mailbox, *account; /* as they were typed; "" */
	const char *state;             /* of `states`, or "" */
	bool is_cut;                   /* by state, row for row */
};

static int
read_field(struct admin_view *v, const char *name, const char **out)
{
	struct buf b;

	*out = "";
	buf_init(&b, v->job->arena, FIELD_MAX);
	if (form_field(v->query, name, &b) < 0)
		return job_fail(v->job, ERR_MALFORMED,
		    "%s: give it once, and not that long", name);
	*out = span_dup(v->job->arena, span_trim(buf_span(&b)));
	return 0;
}

static int
read_mailbox(struct job *j, struct question *q)
{
	const struct addr_policy policy = { .utf8_local = true,
		.reserved_domains = true };
	struct addr a;

	if (q->mailbox[0] == '\0')
		return 0;
	if (addr_parse(j, span_str(q->mailbox), &policy, &a) < 0)
		return job_context(j, "Mailbox");
	q->search.mailbox = a.canonical;
	return 0;
}

static int
read_state(struct job *j, struct question *q)
{
	size_t i = 0;

	if (q->state[0] == '\0')
		return 0;
	while (states[i] != NULL && strcmp(states[i], q->state) != 0)
		i++;
	if (states[i] == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "State: open, pending, ready, processing, valid or "
		    "invalid");
	q->search.is_open = i < OPEN_STATES;
	q->is_cut =
	    i > 0 || q->search.mailbox != NULL || q->search.account_id != NULL;
	return 0;
}

static bool
is_id(const char *text)
{
	size_t i = 0;

	while (ascii_is_alnum(text[i]) ||
	       (text[i] != '\0' && strchr("-_", text[i]) != NULL))
		i++;
	return i > 0 && i <= ID_MAX && text[i] == '\0';
}

/* "1800000000-<id>" */
static int
read_cursor(struct job *j, const char *text, struct order_search *s)
{
	struct span cursor = span_str(text);
	size_t sign = span_find(cursor, 0, '-');

	s->before_at = INT64_MAX;
	s->before_id = "";
	if (cursor.n == 0)
		return 0;
	s->before_id = span_dup(j->arena, span_from(cursor, sign + 1));
	if (span_to_int(
		span_cut(cursor, 0, sign), 0, INT64_MAX, &s->before_at) < 0 ||
	    !is_id(s->before_id))
		return job_fail(j, ERR_MALFORMED,
		    "before: take it from the page before, or leave it out");
	return 0;
}

static int
read_question(struct admin_view *v, struct question *q)
{
	const char *before = "";

	*q = (struct question){ .state = "" };
	if (read_field(v, "mailbox", &q->mailbox) < 0 ||
	    read_field(v, "account", &q->account) < 0 ||
	    read_field(v, "state", &q->state) < 0 ||
	    read_field(v, "before", &before) < 0)
		return -1;
	if (q->account[0] != '\0' && !is_id(q->account))
		return job_fail(v->job, ERR_MALFORMED,
		    "Account: give its id, %d letters, digits, '-' and '_'",
		    ID_MAX);
	if (q->account[0] != '\0')
		q->search.account_id = q->account;
	return read_mailbox(v->job, q) < 0 || read_state(v->job, q) < 0
		   ? -1
		   : read_cursor(v->job, before, &q->search);
}

/* --- what is found -------------------------------------------------------- */

struct found {
	struct order *orders;
	size_t count;
	const char *next; /* cursor of the page that follows, or NULL */
};

static bool
has_account(const struct question *q, const struct order *o)
{
	return q->account[0] == '\0' || strcmp(q->account, o->account_id) == 0;
}

static bool
has_state(struct job *j, const struct question *q, const struct order *o)
{
	const char *status = story_status(j, o);

	if (q->state[0] == '\0')
		return true;
	if (strcmp(q->state, "open") == 0)
		return strcmp(status, "pending") == 0 ||
		       strcmp(status, "ready") == 0 ||
		       strcmp(status, "processing") == 0;
	return strcmp(status, q->state) == 0;
}

/* Of what one index has: the rows that are meant, and where to go on. */
static int
search(struct job *j, const struct question *q, struct found *out)
{
	size_t max = q->state[0] != '\0' ? LOOK_MAX : PAGE_MAX, seen;
	struct order *all;
	const struct order *last = NULL;

	*out = (struct found){ .next = NULL };
	if (store_order_search(j, &q->search, max, &all, &seen) < 0)
		return -1;
	out->orders = arena_calloc(j->arena, PAGE_MAX, sizeof(*out->orders));
	for (size_t i = 0; i < seen && out->count < PAGE_MAX; i++) {
		last = &all[i];
		if (has_account(q, last) && has_state(j, q, last))
			out->orders[out->count++] = *last;
	}
	if (last != NULL && (seen == max || last != &all[seen - 1]))
		out->next = arena_printf(
		    j->arena, "%" PRId64 "-%s", last->created_at, last->id);
	return 0;
}

/* --- as a table ----------------------------------------------------------- */

static void
add_row(struct admin_view *v, const struct order *o)
{
	struct buf *b = v->b;
	const char *status = story_status(v->job, o);

	buf_add_str(b, "<tr>");
	page_cell(b, "Order", NULL);
	buf_add_str(b, "<a href=\"/orders/");
	page_query_value(b, o->id);
	buf_add_str(b, "\">");
	page_code(b, o->id);
	buf_add_str(b, "</a></td>");
	page_cell(b, "Created", NULL);
	page_time(b, o->created_at);
	buf_add_str(b, "</td>");
	page_cell(b, "State", NULL);
	buf_add_str(b, "<span class=\"state ");
	page_str(b, status);
	buf_add_str(b, "\">");
	page_str(b, status);
	buf_add_str(b, "</span></td>");
	page_cell(b, "Mailboxes", NULL);
	/* The local part stays before the @, whatever its script. */
	buf_add_str(b, "<ul class=\"mailboxes\">");
	for (size_t i = 0; i < o->identifier_count; i++) {
		buf_add_str(b, "<li><bdi dir=\"ltr\">");
		page_str(b, o->identifiers[i].authz.mailbox);
		buf_add_str(b, "</bdi></li>");
	}
	buf_add_str(b, "</ul></td>");
	page_cell(b, "Waits for", NULL);
	page_str(b, story_waits_for(v->job, o));
	buf_add_str(b, "</td></tr>\n");
}

static void
add_table(struct admin_view *v, const struct order *list, size_t count)
{
	static const char *const columns[] = { "Order", "Created", "State",
		"Mailboxes", "Waits for", NULL };

	page_table_begin(v->b, "Orders, newest first", columns);
	for (size_t i = 0; i < count; i++)
		add_row(v, &list[i]);
	page_table_end(v->b);
}

int
admin_table_open_orders(struct admin_view *v, size_t max)
{
	struct order *list;
	size_t count;

	if (store_order_list(v->job, true, max, &list, &count) < 0)
		return -1;
	if (count == 0) {
		buf_add_str(v->b, "<p>No order is pending.</p>\n");
		return 0;
	}
	add_table(v, list, count);
	buf_add_str(v->b,
	    "<p><a href=\"/orders?state=open\">All open orders</a></p>\n");
	return 0;
}

/* --- the page ------------------------------------------------------------- */

static void
add_input(struct buf *b, const char *name, const char *label, const char *value)
{
	buf_addf(b,
	    "<p><label for=\"%s\">%s</label><input id=\"%s\" name=\"%s\" "
	    "autocomplete=\"off\" autocapitalize=\"none\" spellcheck=\"false\" "
	    "value=\"",
	    name, label, name, name);
	page_str(b, value);
	buf_add_str(b, "\"></p>\n");
}

static void
add_search(struct buf *b, const struct question *q)
{
	buf_add_str(b, "<form class=\"search\" method=\"get\" "
		       "action=\"/orders\" role=\"search\">\n");
	add_input(b, "mailbox", "Mailbox", q->mailbox);
	add_input(b, "account", "Account", q->account);
	buf_add_str(b, "<p><label for=\"state\">State</label>"
		       "<select id=\"state\" name=\"state\">"
		       "<option value=\"\">any</option>");
	for (size_t i = 0; states[i] != NULL; i++)
		buf_addf(b, "<option%s>%s</option>",
		    strcmp(states[i], q->state) == 0 ? " selected" : "",
		    states[i]);
	buf_add_str(b, "</select></p>\n<p><button>Look for</button></p>\n"
		       "</form>\n");
}

static void
add_next(struct buf *b, const struct question *q, const char *next)
{
	buf_add_str(b, "<p class=\"next\"><a rel=\"next\" href=\"/orders?");
	buf_add_str(b, "mailbox=");
	page_query_value(b, q->mailbox);
	buf_add_str(b, "&amp;account=");
	page_query_value(b, q->account);
	buf_add_str(b, "&amp;state=");
	page_query_value(b, q->state);
	buf_add_str(b, "&amp;before=");
	page_query_value(b, next);
	buf_add_str(b, "\">Older orders</a></p>\n");
}

int
admin_page_orders(struct admin_view *v)
{
	const struct page p = { .title = "Orders",
		.ca_name = v->job->conf->ca_name,
		.admin = v->admin,
		.here = "/orders" };
	struct question q;
	struct found found;

	if (read_question(v, &q) < 0 || search(v->job, &q, &found) < 0)
		return -1;
	page_begin(v->b, &p);
	add_search(v->b, &q);
	if (found.count > 0)
		add_table(v, found.orders, found.count);
	else
		buf_add_str(
		    v->b, found.next != NULL
			      ? "<p>None among those of this page.</p>\n"
			      : "<p>There are none.</p>\n");
	if (found.next != NULL)
		add_next(v->b, &q, found.next);
	page_end(v->b, &p);
	return 0;
}

static void
put_order(struct job *j, const struct order *o, struct json_out *w)
{
	json_object_begin(w);
	json_member_str(w, "order", o->id);
	if (o->is_preauth)
		json_member_bool(w, "preauthorization", true);
	json_member_str(w, "status", story_status(j, o));
	json_member_str(w, "account", o->account_id);
	json_member_str(w, "profile", o->profile);
	json_member_time(w, "created", o->created_at);
	json_member_time(w, "expires", order_expires(o, j->now));
	json_key(w, "mailboxes");
	json_array_begin(w);
	for (size_t i = 0; i < o->identifier_count; i++)
		json_put_string(w, span_str(o->identifiers[i].authz.mailbox));
	json_array_end(w);
	json_member_str(w, "waits_for", story_waits_for(j, o));
	if (o->cert_id != NULL)
		json_member_str(w, "certificate", o->cert_id);
	json_object_end(w);
}

int
admin_page_orders_json(struct admin_view *v)
{
	struct question q;
	struct found found;
	struct json_out w;

	if (read_question(v, &q) < 0 || search(v->job, &q, &found) < 0)
		return -1;
	json_out_init(&w, v->b);
	json_object_begin(&w);
	json_key(&w, "orders");
	json_array_begin(&w);
	for (size_t i = 0; i < found.count; i++)
		put_order(v->job, &found.orders[i], &w);
	json_array_end(&w);
	if (found.next != NULL)
		json_member_str(&w, "next", found.next);
	json_object_end(&w);
	return 0;
}

/* --- one order ------------------------------------------------------------ */

static int
find(struct admin_view *v, struct order *o)
{
	const char *id = span_dup(v->job->arena, v->tail);
	int found = store_order_look(v->job, id, o);

	if (found == 0)
		return job_fail_status(
		    v->job, ERR_MALFORMED, 404, "There is no such order.");
	return found < 0 ? -1 : 0;
}

static void
add_terms(struct admin_view *v, const struct order *o)
{
	struct buf *b = v->b;

	buf_add_str(b, "<dl class=\"terms\">\n");
	page_term(b, "Order", o->id);
	page_term(b, "State", story_status(v->job, o));
	page_term(b, "Waits for", story_waits_for(v->job, o));
	for (size_t i = 0; i < o->identifier_count; i++) {
		const struct authz *a = &o->identifiers[i].authz;

		page_term(b, "Mailbox",
		    arena_printf(v->job->arena, "%s (%s)", a->mailbox,
			authz_status_name(authz_status(a, v->job->now))));
	}
	page_term(b, "Account", o->account_id);
	page_term(b, "Profile", o->profile);
	page_term_time(b, "Valid from, as asked for", o->not_before);
	page_term_time(b, "Valid until, as asked for", o->not_after);
	page_term(b, "Replaces the certificate", o->replaces);
	page_term(b, "Certificate", o->cert_id);
	page_term_time(b, "Created", o->created_at);
	page_term_time(b, "Expires", order_expires(o, v->job->now));
	buf_add_str(b, "</dl>\n");
}

static int
add_steps(struct admin_view *v, const struct order *o)
{
	const struct story_step *steps;
	struct buf *b = v->b;
	size_t count;

	if (story_steps(v->job, o, &steps, &count) < 0)
		return -1;
	buf_add_str(b, "<h2>What happened</h2>\n<ol class=\"story\">\n");
	for (size_t i = 0; i < count; i++) {
		buf_add_str(b, "<li>");
		page_time(b, steps[i].at);
		buf_add_str(b, " <div><span>");
		page_str(b, steps[i].what);
		buf_add_str(b, "</span>");
		if (steps[i].detail != NULL) {
			buf_add_str(b, "<span class=\"detail\" dir=\"auto\">");
			page_str(b, steps[i].detail);
			buf_add_str(b, "</span>");
		}
		buf_add_str(b, "</div></li>\n");
	}
	buf_add_str(b, "</ol>\n");
	return 0;
}

/* What a command would do about it. */
static void
add_commands(struct admin_view *v, const struct order *o)
{
	struct buf *b = v->b;

	buf_add_str(b, "<p><a href=\"/orders?account=");
	page_query_value(b, o->account_id);
	buf_add_str(b, "\">Orders of this account</a></p>\n"
		       "<h2>Commands</h2>\n");
	for (size_t i = 0; i < o->identifier_count; i++) {
		const struct authz *a = &o->identifiers[i].authz;

		buf_add_str(b, "<p>What proves <bdi dir=\"ltr\">");
		page_str(b, a->mailbox);
		buf_add_str(b, "</bdi>: ");
		page_code(b, arena_printf(v->job->arena,
				 "countersign evidence %s", a->id));
		buf_add_str(b, "</p>\n");
	}
	if (o->cert_id == NULL)
		return;
	buf_add_str(b, "<p>To revoke the certificate: ");
	page_code(b,
	    arena_printf(v->job->arena, "countersign --admin %s cert revoke %s",
		v->admin, o->cert_id));
	buf_add_str(b, "</p>\n");
}

int
admin_page_order(struct admin_view *v)
{
	const struct page p = { .title = "The story of an order",
		.ca_name = v->job->conf->ca_name,
		.admin = v->admin,
		.here = "/orders" };
	struct order o;

	if (find(v, &o) < 0)
		return -1;
	page_begin(v->b, &p);
	add_terms(v, &o);
	if (add_steps(v, &o) < 0)
		return -1;
	add_commands(v, &o);
	page_end(v->b, &p);
	return 0;
}

int
admin_page_order_json(struct admin_view *v)
{
	struct order o;

	return find(v, &o) < 0 ? -1 : story_json(v->job, &o, v->b);
}
