#include "config.h"

#include "src/enroll_renew.h"

#include "acme/certid.h"
#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/rfc3339.h"
#include "pki/certview.h"
#include "src/acme_client.h"
#include "src/enroll_options.h"
#include "src/enroll_place.h"
#include "src/enroll_session.h"
#include "src/remote.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PEM_MAX (256 * 1024)
#define PLAN_MAX 1024
#define MAILBOXES_MAX 100
#define RESULT_MAX (64 * 1024)
#define ASK_USUAL 21600
#define ASK_MIN 60
#define ASK_MAX 86400

/* --- the certificate ----------------------------------------------------- */

static int
unusable(struct job *j, const char *what)
{
	return job_fail(
	    j, ERR_MALFORMED, "the certificate cannot be renewed: %s", what);
}

/* The first block. */
static int
first_certificate(struct job *j, struct span pem, struct span *der)
{
	static const struct span begin =
	    SPAN_INIT("-----BEGIN CERTIFICATE-----");
	static const struct span end = SPAN_INIT("-----END CERTIFICATE-----");
	size_t at = span_find_span(pem, 0, begin);

	if (at == pem.n)
		return -1;
	pem = span_from(pem, at + begin.n);
	at = span_find_span(pem, 0, end);
	return at == pem.n ? -1
			   : b64_parse_fws(j->arena, span_cut(pem, 0, at), der);
}

static int
read_mailboxes(
    struct job *j, const struct certview *view, struct enroll_renewal *out)
{
	struct span names, mailbox;
	bool is_utf8;
	int more = certview_names(view, &names);

	out->mailboxes =
	    arena_calloc(j->arena, MAILBOXES_MAX, sizeof(*out->mailboxes));
	while (more > 0 && out->mailbox_count < MAILBOXES_MAX &&
	       (more = certview_next_mailbox(&names, &mailbox, &is_utf8)) > 0)
		out->mailboxes[out->mailbox_count++] =
		    span_dup(j->arena, mailbox);
	return more == 0 && out->mailbox_count > 0 ? 0 : -1;
}

static int
read_certid(
    struct job *j, const struct certview *view, struct enroll_renewal *out)
{
	struct span issuer;
	struct certid id;

	if (certview_authority_key_id(view, &issuer) <= 0 || issuer.n == 0 ||
	    issuer.n > CERTID_KEY_MAX || view->serial.n == 0 ||
	    view->serial.n > CERTID_SERIAL_MAX)
		return -1;
	hex_format(id.ca_label, issuer);
	hex_format(id.serial, view->serial);
	out->certid = certid_format(j, id.ca_label, id.serial);
	return certid_parse(span_str(out->certid), &id);
}

int
enroll_renewal_parse(struct job *j, struct span pem, struct enroll_renewal *out)
{
	struct certview view;
	struct span der;

	*out = (struct enroll_renewal){ .certid = NULL };
	if (first_certificate(j, pem, &der) < 0 ||
	    certview_parse(der, &view) < 0)
		return unusable(j, "it is not a certificate in PEM");
	if (read_mailboxes(j, &view, out) < 0)
		return unusable(j, "it does not name mailboxes alone");
	if (read_certid(j, &view, out) < 0)
		return unusable(
		    j, "it has no identifier of RFC 9773 section 4.1");
	out->not_before = view.not_before;
	out->not_after = view.not_after;
	return 0;
}

/* --- when ---------------------------------------------------------------- */

int64_t
enroll_renewal_moment(const char *certid, const struct enroll_plan *plan)
{
	uint8_t sum[SHA256_LEN];
	uint64_t part = 0;

	sha256(span_str(certid), sum);
	for (size_t i = 0; i < 4; i++)
		part = part << 8 | sum[i];
	/* Below 2^32 the product of both stays within 64 bits. */
	if (plan->end - plan->start > UINT32_MAX)
		return plan->start;
	return plan->start +
	       (int64_t)((uint64_t)(plan->end - plan->start) * part >> 32);
}

struct enroll_plan
enroll_renewal_usual(const struct enroll_renewal *r)
{
	int64_t third = (r->not_after - r->not_before) / 3;

	return (struct enroll_plan){ r->not_after - third,
		r->not_after - third + third / 10 + 1, 0 };
}

int64_t
enroll_plan_ask_at(int64_t retry_after, int64_t now)
{
	if (retry_after < 0)
		retry_after = ASK_USUAL;
	if (retry_after < ASK_MIN)
		retry_after = ASK_MIN;
	return now + (retry_after < ASK_MAX ? retry_after : ASK_MAX);
}

struct span
enroll_plan_format(struct job *j, const struct enroll_plan *plan)
{
	struct json_out o;
	struct buf b;

	buf_init(&b, j->arena, PLAN_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_time(&o, "start", plan->start);
	json_member_time(&o, "end", plan->end);
	json_member_time(&o, "ask_again", plan->ask_at);
	json_object_end(&o);
	buf_add_char(&b, '\n');
	return buf_span(&b);
}

static int
read_moment(const struct json *object, const char *name, int64_t *out)
{
	return rfc3339_parse(json_string(json_get(object, name)), out);
}

int
enroll_plan_parse(
    struct job *j, struct span text, int64_t now, struct enroll_plan *out)
{
	const struct json *object;

	*out = (struct enroll_plan){ 0 };
	if (json_parse_object(j, text, "the plan", &object) < 0) {
		job_recover(j);
		return -1;
	}
	if (read_moment(object, "start", &out->start) < 0 ||
	    read_moment(object, "end", &out->end) < 0 ||
	    read_moment(object, "ask_again", &out->ask_at) < 0 ||
	    out->end <= out->start)
		return -1;
	/* Later than any that we write: the clock was wrong. */
	return out->ask_at > now && out->ask_at - now <= ASK_MAX ? 0 : -1;
}

/* --- one run ------------------------------------------------------------- */

/* It is only there to spare the server questions: without it, it is asked. */
static int
plan_path(struct enroll *e, const char **path)
{
	const char *name =
	    arena_printf(e->j->arena, "renewal-%s.json", e->renewal.certid);

	if (enroll_place_file(e->j, name, e->o->out, path) == 0)
		return 0;
	job_recover(e->j);
	return -1;
}

static void
read_plan(struct enroll *e)
{
	const char *path;
	struct span text;

	if (plan_path(e, &path) < 0 || access(path, F_OK) < 0)
		return;
	if (file_read(e->j, path, PLAN_MAX, &text) < 0) {
		job_recover(e->j);
		return;
	}
	if (enroll_plan_parse(e->j, text, clock_now(), &e->renewal.plan) < 0)
		e->renewal.plan = (struct enroll_plan){ 0 };
}

static void
keep_plan(struct enroll *e)
{
	const char *path;

	if (plan_path(e, &path) == 0 &&
	    file_write(e->j, path, 0600,
		enroll_plan_format(e->j, &e->renewal.plan)) == 0)
		return;
	enroll_tellf("when to ask again cannot be kept: %s", e->j->err.text);
	job_recover(e->j);
}

int
enroll_renew_load(struct enroll *e)
{
	struct span pem;

	if (e->o->renew == NULL)
		return 0;
	if (file_read(e->j, e->o->renew, PEM_MAX, &pem) < 0)
		return job_context(e->j, "--renew");
	if (enroll_renewal_parse(e->j, pem, &e->renewal) < 0)
		return job_context(e->j, "--renew %s", e->o->renew);
	read_plan(e);
	return 0;
}

static bool
is_time(const struct enroll *e, int64_t now)
{
	const struct enroll_renewal *r = &e->renewal;

	return e->o->force || now > r->not_after ||
	       now >= enroll_renewal_moment(r->certid, &r->plan);
}

bool
enroll_renew_waits(const struct enroll *e)
{
	int64_t now = clock_now();

	return e->o->renew != NULL && e->renewal.plan.ask_at > now &&
	       !is_time(e, now);
}

/* What the server cannot tell the certificate's dates do: who does not get an
 * answer for weeks must not end without a certificate. */
static void
go_by_dates(struct enroll *e)
{
	e->renewal.plan = enroll_renewal_usual(&e->renewal);
	enroll_tell("the server does not say when to renew: the dates of the "
		    "certificate do");
}

int
enroll_renew_ask(struct enroll *e)
{
	struct enroll_renewal *r = &e->renewal;
	struct remote_renewal info;
	int64_t now = clock_now();
	int found;

	if (e->o->renew == NULL)
		return 1;
	if (r->plan.ask_at > now) { /* it has come while nobody asked */
		r->is_known = true;
		return is_time(e, now);
	}
	while ((found = acme_client_renewal(
		    e->client, e->j, r->certid, &info)) < 0)
		if (!enroll_again(e))
			break;
	r->is_known = found > 0;
	if (found <= 0) {
		if (found < 0)
			enroll_tell(e->j->err.text);
		job_recover(e->j);
		go_by_dates(e);
		return is_time(e, now);
	}
	r->plan = (struct enroll_plan){ info.start, info.end,
		enroll_plan_ask_at(info.retry_after, now) };
	if (info.explanation != NULL)
		enroll_tellf("the server explains: %s", info.explanation);
	if (is_time(e, now))
		return 1;
	keep_plan(e);
	return 0;
}

/* --- the answer ---------------------------------------------------------- */

static void
print_json(const struct enroll *e, int64_t moment)
{
	const struct enroll_plan *plan = &e->renewal.plan;
	struct json_out o;
	struct buf b;

	buf_init(&b, e->j->arena, RESULT_MAX);
	json_out_init(&o, &b);
	json_object_begin(&o);
	json_member_bool(&o, "renewed", false);
	json_member_str(&o, "certificate", e->o->renew);
	json_member_time(&o, "window_start", plan->start);
	json_member_time(&o, "window_end", plan->end);
	json_member_time(&o, "renew_at", moment);
	if (plan->ask_at != 0)
		json_member_time(&o, "ask_again", plan->ask_at);
	json_object_end(&o);
	puts(b.p);
}

void
enroll_renew_print(const struct enroll *e)
{
	const struct enroll_plan *plan = &e->renewal.plan;
	int64_t moment = enroll_renewal_moment(e->renewal.certid, plan);
	char start[CLOCK_RFC3339_MAX], end[CLOCK_RFC3339_MAX],
	    at[CLOCK_RFC3339_MAX];

	if (e->o->json) {
		print_json(e, moment);
		return;
	}
	clock_format_rfc3339(plan->start, start);
	clock_format_rfc3339(plan->end, end);
	clock_format_rfc3339(moment, at);
	printf("not yet: certificate=%s renew_at=%s window=%s/%s\n",
	    e->o->renew, at, start, end);
}

void
enroll_renew_done(struct enroll *e)
{
	const char *path;

	if (e->o->renew != NULL && plan_path(e, &path) == 0)
		unlink(path);
}
