#include "config.h"

#include "acme/dates.h"

#include "acme/offer.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/rfc3339.h"
#include "pki/issue.h"
#include "pki/profile.h"

#define DAY_SECS ((int64_t)86400)
#define PAST_MAX_SECS 60 /* AC-92 */
#define AHEAD_MAX_SECS DAY_SECS

static const char *
text_of(struct job *j, int64_t secs)
{
	char *text = arena_alloc(j->arena, CLOCK_RFC3339_MAX);

	clock_format_rfc3339(secs, text);
	return text;
}

/* From the first second to the last one, both inclusive (PK-92). */
static int64_t
longest(const struct conf *conf, const struct profile *p)
{
	return profile_days(conf, p) * DAY_SECS - 1;
}

static int
refuse_dates(struct job *j)
{
	return job_fail(j, ERR_MALFORMED,
	    "this profile does not support notBefore/notAfter");
}

static int
parse_one(struct job *j, const struct json *payload, const char *name,
    bool supported, int64_t *out)
{
	struct span text;
	int found = json_get_string(j, payload, name, &text);

	*out = 0;
	if (found <= 0)
		return found;
	if (!supported)
		return refuse_dates(j);
	if (rfc3339_parse(text, out) < 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s is not a date of RFC 3339, as 2027-01-31T12:00:00Z",
		    name);
	/* 0 would stand for none. */
	if (*out <= 0)
		return job_fail(j, ERR_MALFORMED, "%s lies before 1970", name);
	return 0;
}

int
dates_parse(struct job *j, const struct conf *conf, const struct profile *p,
    const struct json *payload, struct dates *out)
{
	bool supported = profile_takes_dates(conf, p->name);
	int64_t past = conf->issuer.clock_allowance < PAST_MAX_SECS
			   ? conf->issuer.clock_allowance
			   : PAST_MAX_SECS;

	if (parse_one(j, payload, "notBefore", supported, &out->not_before) <
		0 ||
	    parse_one(j, payload, "notAfter", supported, &out->not_after) < 0)
		return -1;
	return dates_check(j, conf, p, out, j->now - past);
}

static int
check_not_before(struct job *j, int64_t not_before, int64_t earliest)
{
	if (not_before < earliest)
		return job_fail(j, ERR_MALFORMED,
		    "notBefore is too early: not before %s",
		    text_of(j, earliest));
	if (not_before > j->now + AHEAD_MAX_SECS)
		return job_fail(
		    j, ERR_MALFORMED, "notBefore is more than 24 hours ahead");
	return 0;
}

static int
check_not_after(struct job *j, const struct conf *conf, const struct profile *p,
    const struct dates *d)
{
	int64_t begin = d->not_before != 0 ? d->not_before : j->now;
	int64_t end = begin + longest(conf, p);

	if (d->not_after <= j->now)
		return job_fail(
		    j, ERR_MALFORMED, "notAfter is not in the future");
	if (d->not_after <= begin)
		return job_fail(
		    j, ERR_MALFORMED, "notAfter is not after notBefore");
	if (d->not_after > end)
		return job_fail(j, ERR_MALFORMED,
		    "notAfter is beyond the longest validity of the profile: "
		    "at most %s",
		    text_of(j, end));
	return 0;
}

int
dates_check(struct job *j, const struct conf *conf, const struct profile *p,
    const struct dates *d, int64_t earliest)
{
	if (d->not_before == 0 && d->not_after == 0)
		return 0;
	if (!profile_takes_dates(conf, p->name))
		return refuse_dates(j);
	if (d->not_before != 0 &&
	    check_not_before(j, d->not_before, earliest) < 0)
		return -1;
	return d->not_after != 0 ? check_not_after(j, conf, p, d) : 0;
}

void
dates_validity(const struct conf *conf, const struct profile *p,
    const struct dates *d, int64_t now, int64_t *not_before, int64_t *not_after)
{
	issue_validity(now, conf->issuer.clock_allowance, profile_days(conf, p),
	    not_before, not_after);
	if (d->not_before != 0)
		*not_before = d->not_before;
	else if (d->not_after - longest(conf, p) > *not_before)
		/* The allowance counts into the validity (PK-93): it gives
		 * way where the whole length was asked for. */
		*not_before = d->not_after - longest(conf, p);
	*not_after =
	    d->not_after != 0 ? d->not_after : *not_before + longest(conf, p);
}

int
dates_fit(struct job *j, const struct conf *conf, const struct profile *p,
    const struct dates *d, int64_t ca_not_after)
{
	int64_t not_before, not_after;

	dates_validity(conf, p, d, j->now, &not_before, &not_after);
	if (not_after <= ca_not_after)
		return 0;
	if (d->not_after != 0)
		return job_fail(j, ERR_MALFORMED,
		    "notAfter is beyond the end of the CA, which is %s",
		    text_of(j, ca_not_after));
	/* PK-92: nothing is cut short. */
	log_error("the CA ends too soon",
	    "profile=%s ends=%s next=\"make a new issuing CA, or lower "
	    "validity_days\"",
	    p->name, text_of(j, ca_not_after));
	return job_fail(j, ERR_INVALID_PROFILE,
	    "profile %s does not fit: the certificate would end after the CA, "
	    "which ends at %s",
	    p->name, text_of(j, ca_not_after));
}
