#include "config.h"

#include "src/admin_front.h"

#include "acme/response.h"
#include "db/store_admin.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "src/admin_door.h"
#include "src/admin_pages.h"
#include "src/admin_session.h"
#include "src/form.h"
#include "src/page.h"

#include <stdlib.h>
#include <string.h>

#define COOKIE "__Host-countersign"
#define COOKIE_FIELDS "; Path=/; Secure; HttpOnly; SameSite=Strict"
#define FIELD_MAX 1100
#define FORM_TYPE "application/x-www-form-urlencoded"

struct admin_front {
	struct admin_sessions *sessions;
	struct admin_door *door;
};

/* One request. */
struct visit {
	struct job *job;
	struct admin_front *front;
	const struct admin_query *q;
	struct response *r;
	struct span path, query;
	struct span token;             /* of the cookie; empty: none */
	char name[ADMIN_NAME_MAX + 1]; /* who is logged in; "": nobody */
	bool is_json;
};

struct admin_front *
admin_front_new(void)
{
	struct admin_front *f = xcalloc(1, sizeof(*f));

	f->sessions = admin_sessions_new();
	f->door = admin_door_new();
	return f;
}

void
admin_front_free(struct admin_front *f)
{
	if (f == NULL)
		return;
	admin_sessions_free(f->sessions);
	admin_door_free(f->door);
	free(f);
}

int
admin_front_tend(struct admin_front *f, struct job *j, bool is_end)
{
	return admin_door_tell_strangers(f->door, j, is_end);
}

/* --- answers -------------------------------------------------------------- */

/* Of each answer.  The referrer goes to these pages alone: without any the
 * browser would not say from where a form comes. */
static void
begin_answer(struct visit *v, int status, const char *type)
{
	static const struct {
		const char *name, *value;
	} fields[] = {
		{ "Cache-Control", "no-store" },
		{ "Content-Security-Policy",
		    "default-src 'none'; style-src 'self'; form-action 'self'; "
		    "base-uri 'none'; frame-ancestors 'none'" },
		{ "X-Frame-Options", "DENY" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Referrer-Policy", "same-origin" },
		{ "Cross-Origin-Opener-Policy", "same-origin" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
	};

	response_clear(v->r);
	v->r->status = status;
	response_header(v->r, "Content-Type", type);
	for (size_t i = 0; i < COUNT(fields); i++)
		response_header(v->r, fields[i].name, fields[i].value);
}

static void
begin_html(struct visit *v, int status)
{
	begin_answer(v, status, "text/html; charset=utf-8");
}

static void
go_to(struct visit *v, const char *path)
{
	begin_html(v, 303);
	response_header(v->r, "Location", path);
}

static struct page
plain_page(const struct visit *v, const char *title)
{
	return (struct page){ .title = title,
		.ca_name = v->job->conf->ca_name,
		.admin = v->name[0] != '\0' ? v->name : NULL,
		.here = "" };
}

static void
say_json(struct visit *v, int status, const char *what)
{
	struct json_out w;

	begin_answer(v, status, "application/json");
	json_out_init(&w, &v->r->body);
	json_object_begin(&w);
	json_member_int(&w, "status", status);
	json_member_str(&w, "error", what);
	json_object_end(&w);
}

static void
say(struct visit *v, int status, const char *title, const char *what)
{
	struct page p = plain_page(v, title);
	struct buf *b = &v->r->body;

	if (v->is_json) {
		say_json(v, status, what);
		return;
	}
	begin_html(v, status);
	page_begin(b, &p);
	buf_add_str(b, "<p class=\"summary wrong\" role=\"alert\">");
	page_str(b, what);
	buf_add_str(b, "</p>\n<p><a href=\"/\">To the status</a></p>\n");
	page_end(b, &p);
}

/* What is ours to mend is told to the log. */
static void
say_fault(struct visit *v)
{
	log_error("admin page not shown",
	    "job=%s error=\"%s\" next=\"mend that and ask again\"", v->job->id,
	    v->job->err.text);
	say(v, v->job->err.kind == ERR_BUSY ? 503 : 500, "Not now",
	    "This cannot be shown: the log says why.");
}

static void
say_error(struct visit *v)
{
	const struct err *e = &v->job->err;

	if (!err_is_theirs(e->kind))
		say_fault(v);
	else if (e->http_status == 404)
		say(v, 404, "Not found", e->text);
	else
		say(v, 400, "Not understood", e->text);
}

/* RFC 9110 15.5.6: with what the resource takes. */
static void
refuse_method(struct visit *v)
{
	say(v, 405, "Not here", "These pages change nothing: commands do.");
	if (span_eq_str(v->path, "/login"))
		response_header(v->r, "Allow", "GET, HEAD, POST");
	else if (span_eq_str(v->path, "/logout"))
		response_header(v->r, "Allow", "POST");
	else
		response_header(v->r, "Allow", "GET, HEAD");
}

/* --- who asks ------------------------------------------------------------- */

static struct admin_moment
moment(const struct job *j)
{
	return (struct admin_moment){ j->now, clock_boot_ms() };
}

/* A session that goes on, of an account that still has both factors: 1, 0,
 * -1. */
static int
recognize(struct visit *v)
{
	struct job *j = v->job;
	struct admin_insider who;
	int still;

	if (form_cookie(v->q->cookie, COOKIE, &v->token) <= 0)
		return 0;
	switch (admin_session_find(v->front->sessions, v->token,
	    v->q->client_key, moment(j), j->conf->admin.session_idle, &who)) {
	case ADMIN_SESSION_NONE:
		return 0;
	case ADMIN_SESSION_STOLEN:
		return admin_door_stolen(
			   j, who.name, v->q->client_key, v->q->address) < 0
			   ? -1
			   : 0;
	case ADMIN_SESSION_GOOD:
		break;
	}
	still = admin_door_still(j, &who, v->q->client_key);
	if (still == 1)
		memcpy(v->name, who.name, sizeof(who.name));
	else if (still == 0)
		admin_session_end(v->front->sessions, v->token);
	return still;
}

/* A form of another site's must not do anything here. */
static bool
is_from_here(const struct admin_query *q)
{
	const struct span https = SPAN("https://");

	return q->host.n > 0 && span_starts(q->origin, https) &&
	       span_caseeq(span_from(q->origin, https.n), q->host);
}

/* --- in and out ----------------------------------------------------------- */

static void
show_login(struct visit *v, int status, const char *wrong)
{
	struct page p = plain_page(v, "Log in");
	struct buf *b = &v->r->body;

	begin_html(v, status);
	page_begin(b, &p);
	if (wrong != NULL) {
		buf_add_str(b, "<p class=\"summary wrong\" role=\"alert\">");
		page_str(b, wrong);
		buf_add_str(b, "</p>\n");
	}
	buf_add(b, page_file(v->q->client_key.n > 0 ? "login.html"
						    : "no_certificate.html"));
	page_end(b, &p);
}

static int
read_field(struct visit *v, const char *name, struct buf *b)
{
	buf_init_secret(b, v->job->arena, FIELD_MAX);
	buf_add_str(b, "");
	return form_field(v->q->body, name, b);
}

static void
welcome(struct visit *v, const struct admin_insider *who)
{
	char token[ADMIN_TOKEN_LEN + 1];

	/* One session less for who logs in again. */
	if (v->token.n > 0)
		admin_session_end(v->front->sessions, v->token);
	admin_session_begin(
	    v->front->sessions, who, v->q->client_key, moment(v->job), token);
	go_to(v, "/");
	response_header(v->r, "Set-Cookie",
	    arena_printf(v->job->arena, COOKIE "=%s" COOKIE_FIELDS, token));
	explicit_bzero(token, sizeof(token));
}

static void
log_in(struct visit *v)
{
	struct admin_knock k = { .key = v->q->client_key,
		.address = v->q->address };
	struct admin_insider who;
	struct buf name, password;

	if (!span_casestarts(v->q->content_type, SPAN(FORM_TYPE)) ||
	    read_field(v, "name", &name) != 1 ||
	    read_field(v, "password", &password) != 1) {
		say(v, 400, "Not understood",
		    "Log in with the form: a name and a password.");
		return;
	}
	k.name = name.p;
	k.password = buf_span(&password);
	if (admin_door_enter(v->front->door, v->job, &k, &who) == 0)
		welcome(v, &who);
	else if (v->job->err.kind == ERR_RATE_LIMITED)
		show_login(v, 429, v->job->err.text);
	else if (v->job->err.kind == ERR_UNAUTHORIZED)
		show_login(v, 403, v->job->err.text);
	else
		say_fault(v);
}

static void
log_out(struct visit *v)
{
	if (v->name[0] != '\0') {
		admin_session_end(v->front->sessions, v->token);
		if (admin_door_left(v->job, v->name, v->q->address) < 0) {
			say_fault(v);
			return;
		}
	}
	go_to(v, "/login");
	response_header(
	    v->r, "Set-Cookie", COOKIE "=; Max-Age=0" COOKIE_FIELDS);
}

static void
take_form(struct visit *v)
{
	bool is_login = span_eq_str(v->path, "/login");

	if (!is_login && !span_eq_str(v->path, "/logout"))
		refuse_method(v);
	else if (!is_from_here(v->q))
		say(v, 403, "Not accepted",
		    "This form does not come from these pages (the browser "
		    "must say so in the field Origin).");
	else if (v->q->is_too_long)
		say(v, 413, "Not accepted", "That is too long.");
	else if (is_login)
		log_in(v);
	else
		log_out(v);
}

/* --- what is shown -------------------------------------------------------- */

/* `one` shows what the rest of the path names. */
static const struct {
	const char *path;
	bool is_json;
	admin_page *all, *one;
} pages[] = {
	{ "/", false, admin_page_status, NULL },
	{ "/orders", false, admin_page_orders, admin_page_order },
	{ "/reports", false, admin_page_reports, admin_page_report },
	{ "/incidents", false, admin_page_incidents, NULL },
	{ "/api/status", true, admin_page_status_json, NULL },
	{ "/api/orders", true, admin_page_orders_json, admin_page_order_json },
	{ "/api/reports", true, admin_page_reports_json, NULL },
	{ "/api/incidents", true, admin_page_incidents_json, NULL },
};

/* Letters, digits and what ids are of: no escapes, no second slash. */
static bool
is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return s.n > 0;
}

static admin_page *
find_page(const struct visit *v, struct span *tail)
{
	*tail = (struct span){ NULL, 0 };
	for (size_t i = 0; i < COUNT(pages); i++) {
		struct span path = span_str(pages[i].path);

		if (span_eq(v->path, path))
			return pages[i].all;
		*tail = span_from(v->path, path.n + 1);
		if (pages[i].one != NULL && span_starts(v->path, path) &&
		    v->path.n > path.n && v->path.p[path.n] == '/' &&
		    is_name(*tail))
			return pages[i].one;
	}
	return NULL;
}

static void
show_page(struct visit *v)
{
	struct admin_view view = { .job = v->job,
		.query = v->query,
		.admin = v->name,
		.b = &v->r->body };
	admin_page *page = find_page(v, &view.tail);

	if (page == NULL) {
		say(v, 404, "Not found", "There is no such page.");
		return;
	}
	begin_answer(v, 200,
	    v->is_json ? "application/json" : "text/html; charset=utf-8");
	if (page(&view) == 0 && !buf_ok(view.b))
		job_fail(v->job, ERR_INTERNAL, "the page is too large");
	if (v->job->err.kind != ERR_NONE)
		say_error(v);
}

/* Also for the page that says that there is no database. */
static void
show_style(struct visit *v)
{
	begin_answer(v, 200, "text/css; charset=utf-8");
	buf_add(&v->r->body, page_file("style.css"));
}

static void
show(struct visit *v)
{
	if (span_eq_str(v->path, "/login")) {
		show_login(v, 200, NULL);
	} else if (v->name[0] != '\0') {
		show_page(v);
	} else if (v->is_json) {
		say_json(v, 401, "log in first");
	} else {
		go_to(v, "/login");
	}
}

void
admin_front_answer(struct job *j, struct admin_front *f,
    const struct admin_query *q, struct response *r)
{
	size_t sign = span_find(q->target, 0, '?');
	struct visit v = { .job = j,
		.front = f,
		.q = q,
		.r = r,
		.path = span_cut(q->target, 0, sign),
		.query = span_from(q->target, sign + 1) };
	bool is_read =
	    strcmp(q->method, "GET") == 0 || strcmp(q->method, "HEAD") == 0;

	response_init(r, j);
	v.is_json = span_starts(v.path, SPAN("/api/"));
	if (is_read && span_eq_str(v.path, "/style.css"))
		show_style(&v);
	else if (j->store == NULL || recognize(&v) < 0)
		say_fault(&v);
	else if (strcmp(q->method, "POST") == 0)
		take_form(&v);
	else if (is_read)
		show(&v);
	else
		refuse_method(&v);
}
