#include "config.h"

#include "acme/renewal.h"

#include "acme/acme.h"
#include "acme/certid.h"
#include "acme/response.h"
#include "db/store_cert.h"
#include "db/store_incident.h"
#include "db/store_window.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"

#define SHORT_LIFE ((int64_t)10 * 86400)
/* A revoked certificate's: renew at once, whenever this is read. */
#define PAST_SECS 3600
#define DAY_SECS 86400
/* PK-191 */
#define PERSON_LIFE ((int64_t)60 * 86400)
#define PERSON_SECS ((int64_t)14 * 86400)
#define SPARE_SECS ((int64_t)12 * 3600) /* PK-192 */

static struct renewal_window
window_past(int64_t before)
{
	return (struct renewal_window){ before - 1 - PAST_SECS, before - 1 };
}

/* Another CA's, if it makes sense: 1, or 0. */
static int
window_of_other(const struct renewal_facts *f,
    const struct renewal_window *others, struct renewal_window *w)
{
	int64_t v = f->not_after + 1 - f->not_before;
	int64_t latest =
	    v >= PERSON_LIFE ? f->not_after - PERSON_SECS : f->not_after;
	int64_t width = others->end - others->start;

	if (width <= 0 || others->end <= f->not_before ||
	    others->start >= f->not_after)
		return 0;
	if (width < v / 50)
		width = v / 50;
	w->end = others->end < latest ? others->end : latest;
	w->start = w->end - width;
	/* None begins before its certificate: nobody would renew at once. */
	if (w->start < f->not_before)
		w->start = f->not_before;
	if (w->end - w->start < v / 50)
		w->end = w->start + v / 50;
	return w->end > w->start;
}

/*
 * PK-191 wants a window that ends 14 days before notAfter if a person must
 * answer a mail.  From a validity of 60 days on this one always does: it ends
 * at notAfter - v/3 + v/100.
 */
struct renewal_window
renewal_window_of(const struct renewal_facts *f,
    const struct renewal_window *others, int64_t now)
{
	int64_t v = f->not_after + 1 - f->not_before;
	int64_t centre = f->not_after - (v < SHORT_LIFE ? v / 2 : v / 3);
	int64_t width = v / 50 > 0 ? v / 50 : 1;
	struct renewal_window w = { centre - width / 2, 0 }, other;

	w.end = w.start + width;
	if (f->revoked_at != 0)
		return window_past(f->revoked_at < now ? f->revoked_at : now);
	if (f->deadline == 0)
		return others != NULL && window_of_other(f, others, &other)
			   ? other
			   : w;
	if (f->deadline - now <= DAY_SECS)
		return window_past(now);
	w.start = now;
	w.end = f->deadline - SPARE_SECS;
	return w;
}

struct renewal_window
renewal_window(const struct renewal_facts *f, int64_t now)
{
	return renewal_window_of(f, NULL, now);
}

int64_t
renewal_opens_at(int64_t not_before, int64_t not_after)
{
	const struct renewal_facts f = { not_before, not_after, 0, 0 };

	return renewal_window(&f, not_before).start;
}

/* AC-166, AC-167 */
static int
find(struct job *j, struct span text, struct cert *out)
{
	struct certid id;
	int found;

	if (certid_parse(text, &id) < 0)
		return job_fail(
		    j, ERR_MALFORMED, "not a certificate identifier");
	found = store_cert_by_serial(j, id.ca_label, id.serial, out);
	if (found < 0)
		return -1;
	if (found == 0 || j->now > out->not_after)
		return job_fail_status(
		    j, ERR_MALFORMED, 404, "no such certificate");
	return 0;
}

int
renewal_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	struct renewal_facts facts;
	struct renewal_window w, others = { 0, 0 };
	const struct conf *conf = a->conf;
	struct json_out o;
	int any;
	struct cert cert = { .id = NULL };

	if (find(j, req->tail, &cert) < 0)
		return -1;
	facts = (struct renewal_facts){ cert.not_before, cert.not_after,
		cert.revoked_at, 0 };
	any = store_incident_any_open(j);
	if (any < 0 ||
	    (any > 0 &&
		store_incident_deadline(j, cert.id, &facts.deadline) < 0) ||
	    store_window_get(j, cert.id, &others.start, &others.end) < 0)
		return -1;
	w = renewal_window_of(&facts, &others, j->now);
	response_object(resp, 200, &o);
	json_key(&o, "suggestedWindow");
	json_object_begin(&o);
	json_member_time(&o, "start", w.start);
	json_member_time(&o, "end", w.end);
	json_object_end(&o);
	if ((cert.revoked_at != 0 || facts.deadline != 0) &&
	    conf->renewal_explanation_url != NULL)
		json_member_str(
		    &o, "explanationURL", conf->renewal_explanation_url);
	json_object_end(&o);
	/* PK-193: of all certificates, so that it tells nothing of this one. */
	response_retry_after(resp, j,
	    any > 0 ? RENEWAL_RETRY_AFTER_INCIDENT : RENEWAL_RETRY_AFTER);
	return 0;
}
