/* Problem reports with the time that is left (PK-184), and incidents. */
#include "config.h"

#include "acme/report.h"
#include "db/store_incident.h"
#include "db/store_report.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "src/admin_pages.h"
#include "src/page.h"
#include "src/report_due.h"
#include "src/role_issuer.h"

#include <inttypes.h>

#define REPORTS_MAX 200
#define INCIDENTS_MAX 200

/* --- reports -------------------------------------------------------------- */

static void
add_report(struct admin_view *v, const struct report *r)
{
	struct buf *b = v->b;
	int64_t due = report_due(r);

	buf_add_str(b, "<tr>");
	page_cell(b, "Report", NULL);
	buf_addf(b,
	    "<a href=\"/reports/%" PRId64 "\">Report %" PRId64 "</a></td>",
	    r->number, r->number);
	page_cell(b, "Received", NULL);
	page_time(b, r->received_at);
	buf_add_str(b, "</td>");
	page_cell(b, "State", NULL);
	page_str(b, report_state(r));
	buf_add_str(b, "</td>");
	page_cell(b, "Lacks", NULL);
	page_str(b, due == 0 ? "to be closed" : report_lacks(r));
	buf_add_str(b, "</td>");
	page_cell(
	    b, "Time left", due != 0 && due < v->job->now ? "late" : NULL);
	page_str(b, report_left(v->job, r));
	buf_add_str(b, "</td>");
	page_cell(b, "Due", NULL);
	page_time(b, due);
	buf_add_str(b, "</td></tr>\n");
}

int
admin_table_open_reports(struct admin_view *v)
{
	static const char *const columns[] = { "Report", "Received", "State",
		"Lacks", "Time left", "Due", NULL };
	struct report *list;
	size_t count;

	if (store_report_list(v->job, false, REPORT_ANSWER_SECS, REPORTS_MAX,
		&list, &count) < 0)
		return -1;
	if (count == 0) {
		buf_add_str(v->b, "<p>No report is open.</p>\n");
		return 0;
	}
	page_table_begin(v->b, "Open reports, the most urgent first", columns);
	for (size_t i = 0; i < count; i++)
		add_report(v, &list[i]);
	page_table_end(v->b);
	return 0;
}

int
admin_page_reports(struct admin_view *v)
{
	const struct page p = { .title = "Problem reports",
		.ca_name = v->job->conf->ca_name,
		.admin = v->admin,
		.here = "/reports" };

	page_begin(v->b, &p);
	if (admin_table_open_reports(v) < 0)
		return -1;
	buf_add_str(v->b, "<p>To enter one: ");
	page_code(v->b, arena_printf(v->job->arena,
			    "countersign --admin %s report add --from MAILBOX "
			    "--serial NUMBER TEXT",
			    v->admin));
	buf_add_str(v->b, ". Those that are closed: ");
	page_code(v->b, "countersign report list --all");
	buf_add_str(v->b, "</p>\n");
	page_end(v->b, &p);
	return 0;
}

int
admin_page_reports_json(struct admin_view *v)
{
	struct report *list;
	struct json_out w;
	size_t count;

	if (store_report_list(v->job, false, REPORT_ANSWER_SECS, REPORTS_MAX,
		&list, &count) < 0)
		return -1;
	json_out_init(&w, v->b);
	json_object_begin(&w);
	json_key(&w, "reports");
	json_array_begin(&w);
	for (size_t i = 0; i < count; i++) {
		const struct report *r = &list[i];

		json_object_begin(&w);
		json_member_int(&w, "number", r->number);
		json_member_time(&w, "received", r->received_at);
		json_member_str(&w, "state", report_state(r));
		json_member_str(&w, "lacks", report_lacks(r));
		if (report_due(r) != 0) {
			json_member_time(&w, "due", report_due(r));
			json_member_int(
			    &w, "left_secs", report_due(r) - v->job->now);
		}
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return 0;
}

/* --- one report ----------------------------------------------------------- */

static void
add_terms(struct admin_view *v, const struct report *r)
{
	struct buf *b = v->b;

	buf_add_str(b, "<dl class=\"terms\">\n");
	page_term(b, "State", report_state(r));
	page_term(b, "Lacks", report_lacks(r));
	page_term(b, "Time left", report_left(v->job, r));
	page_term_time(b, "Due", report_due(r));
	page_term(b, "From", r->reporter);
	page_term_time(b, "Received", r->received_at);
	page_term(b, "Entered by", r->entered_by);
	page_term(b, "About the certificate", r->cert_id);
	page_term(b, "Proof", r->proof_kind);
	page_term_time(b, "Answered", r->answered_at);
	page_term(b, "Answered by", r->answered_by);
	page_term_time(b, "Decided", r->decided_at);
	page_term(b, "Decided by", r->decided_by);
	page_term(b, "Decision", r->decision);
	page_term(b, "Cause", r->cause);
	page_term(b, "Incident", r->incident_id);
	page_term_time(b, "Closed", r->closed_at);
	page_term(b, "Closed by", r->closed_by);
	buf_add_str(b, "</dl>\n<h2>What was reported</h2>\n"
		       "<pre class=\"stranger\" dir=\"auto\">");
	page_str(b, r->text);
	buf_add_str(b, "</pre>\n");
}

/* The next step, as a command. */
static void
add_command(struct admin_view *v, const struct report *r)
{
	const char *verb = "close", *text = "";

	if (r->closed_at != 0)
		return;
	if (r->answered_at == 0 || r->decided_at == 0) {
		verb = r->answered_at == 0 ? "answer" : "decide --no-action";
		text = " TEXT";
	}
	buf_add_str(v->b, "<h2>Next</h2>\n<p>");
	page_code(v->b, arena_printf(v->job->arena,
			    "countersign --admin %s report %s %" PRId64 "%s",
			    v->admin, verb, r->number, text));
	buf_add_str(v->b, "</p>\n");
}

int
admin_page_report(struct admin_view *v)
{
	struct page p = { .ca_name = v->job->conf->ca_name,
		.admin = v->admin,
		.here = "/reports" };
	struct report r;
	int64_t number;
	int found = 0;

	if (span_to_int(v->tail, 1, INT64_MAX, &number) == 0)
		found = store_report_look(v->job, number, &r);
	if (found == 0)
		return job_fail_status(
		    v->job, ERR_MALFORMED, 404, "There is no such report.");
	if (found < 0)
		return -1;
	p.title = arena_printf(v->job->arena, "Report %" PRId64, r.number);
	page_begin(v->b, &p);
	add_terms(v, &r);
	add_command(v, &r);
	page_end(v->b, &p);
	return 0;
}

/* --- incidents ------------------------------------------------------------ */

static void
add_incident(struct admin_view *v, const struct incident *i)
{
	struct buf *b = v->b;
	const char *status = issuer_incident_status(v->job, i);
	bool is_late =
	    i->late_at != 0 || (i->due_at != 0 && i->deadline < v->job->now);

	buf_add_str(b, "<tr>");
	page_cell(b, "Incident", NULL);
	page_code(b, i->id);
	buf_add_str(b, "</td>");
	page_cell(b, "State", NULL);
	page_str(b, status);
	buf_add_str(b, "</td>");
	page_cell(b, "Cause", NULL);
	page_str(b, i->cause);
	buf_add_str(b, "</td>");
	page_cell(b, "Certificates", NULL);
	buf_addf(b, "%" PRId64 "</td>", i->cert_count);
	page_cell(b, "Opened", NULL);
	buf_add_str(b, "<div>");
	page_time(b, i->opened_at);
	buf_add_str(b, " by ");
	page_str(b, i->opened_by);
	buf_add_str(b, "</div></td>");
	page_cell(b, "Deadline", is_late ? "late" : NULL);
	page_time(b, i->deadline);
	buf_add_str(b, is_late ? " (missed)</td>" : "</td>");
	page_cell(b, "Cancelling", NULL);
	page_str(b, i->cancel_asked_by != NULL ? i->cancel_asked_by : "-");
	buf_add_str(b, "</td></tr>\n");
}

int
admin_page_incidents(struct admin_view *v)
{
	static const char *const columns[] = { "Incident", "State", "Cause",
		"Certificates", "Opened", "Deadline", "Cancelling", NULL };
	const struct page p = { .title = "Incidents",
		.ca_name = v->job->conf->ca_name,
		.admin = v->admin,
		.here = "/incidents" };
	struct incident *list;
	size_t count;

	if (store_incident_list(v->job, INCIDENTS_MAX, &list, &count) < 0)
		return -1;
	page_begin(v->b, &p);
	if (count > 0) {
		page_table_begin(v->b, "Incidents, newest first", columns);
		for (size_t i = 0; i < count; i++)
			add_incident(v, &list[i]);
		page_table_end(v->b);
	} else {
		buf_add_str(v->b, "<p>There are none.</p>\n");
	}
	buf_add_str(v->b, "<p>How far one is: ");
	page_code(v->b, "countersign incident show ID");
	buf_add_str(v->b, "</p>\n");
	page_end(v->b, &p);
	return 0;
}

int
admin_page_incidents_json(struct admin_view *v)
{
	struct incident *list;
	struct json_out w;
	size_t count;

	if (store_incident_list(v->job, INCIDENTS_MAX, &list, &count) < 0)
		return -1;
	json_out_init(&w, v->b);
	json_object_begin(&w);
	json_key(&w, "incidents");
	json_array_begin(&w);
	for (size_t i = 0; i < count; i++) {
		json_object_begin(&w);
		json_member_str(&w, "incident", list[i].id);
		json_member_str(
		    &w, "status", issuer_incident_status(v->job, &list[i]));
		json_member_str(&w, "cause", list[i].cause);
		json_member_int(&w, "certificates", list[i].cert_count);
		json_member_time(&w, "opened", list[i].opened_at);
		json_member_time(&w, "deadline", list[i].deadline);
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return 0;
}
