#include "config.h"

#include "src/caa_report.h"

#include <string.h>

#include "db/store_audit.h"
#include "db/store_bucket.h"
#include "db/store_caa.h"
#include "db/store_caa_report.h"
#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/orgdomain.h"
#include "lib/rate.h"
#include "lib/rnd.h"
#include "mail/iodef.h"
#include "pki/caa.h"
#include "src/recipient.h"
#include "src/worker.h"

#define DAY ((int64_t)86400)
#define BUCKET "caa_report/86400"

static const struct conf_rate once_a_day = { .count = 1, .secs = DAY };

/* --- how often ------------------------------------------------------------ */

static bool
is_free(struct job *j, const struct bucket *b)
{
	return bucket_wait(&once_a_day, b->full_at_ms, j->now * 1000, 1) == 0;
}

/* Locks it: 1 if it may be taken, 0, -1. */
static int
look(struct job *j, struct bucket *b)
{
	if (store_bucket_lock(j, b) < 0)
		return -1;
	return is_free(j, b);
}

static int
take(struct job *j, struct bucket *b)
{
	b->full_at_ms =
	    bucket_take(&once_a_day, b->full_at_ms, j->now * 1000, 1);
	return store_bucket_write(j, b);
}

/* Both, or neither: 1, 0, -1.  In the order of their names. */
static int
claim(struct job *j, const char *found_at, const char *recipient)
{
	struct bucket domain = { .name = BUCKET,
		.subject = arena_printf(
		    j->arena, "domain:%s", orgdomain_of(found_at)) };
	struct bucket to = { .name = BUCKET,
		.subject = arena_printf(
		    j->arena, "to:%s", addr_counted(j, recipient)) };
	int free = look(j, &domain);

	if (free > 0)
		free = look(j, &to);
	if (free <= 0)
		return free;
	return take(j, &domain) < 0 || take(j, &to) < 0 ? -1 : 1;
}

/* --- whom ----------------------------------------------------------------- */

/* Mail of ours that comes back to us would be read as a reply. */
static bool
is_ours(const struct conf *conf, const struct addr *a)
{
	return strcmp(a->domain, addr_domain_of(conf->sender.from)) == 0 ||
	       strcmp(a->domain,
		   addr_domain_of(recipient_base(&conf->sender))) == 0;
}

static bool
find_contact(struct job *j, const struct json *list, struct addr *out)
{
	const struct addr_policy policy = { .reserved_domains =
						j->conf->allow_reserved_domains,
		.is_public = j->conf->mode == CONF_MODE_PUBLIC };

	for (size_t i = 0; i < json_count(list) && i < CAA_CONTACTS_MAX; i++)
		if (iodef_mailbox(
			j, json_string(json_at(list, i)), &policy, out) > 0 &&
		    !is_ours(j->conf, out))
			return true;
	return false;
}

static int
queue(struct job *j, const struct caa_row *c, const char *found_at,
    const struct addr *to)
{
	char *id = arena_alloc(j->arena, RND_ID_LEN + 1);
	const struct caa_report r = { .id = id,
		.caa_id = c->id,
		.domain = c->domain,
		.found_at = found_at,
		.reason = c->reason,
		.refused_at = c->checked_at,
		.recipient = to->canonical,
		.expires_at = j->now + DAY };

	rnd_id(id);
	if (store_caa_report_queue(j, &r) < 0)
		return -1;
	log_info("caa report", "authz=%s domain=%s found_at=%s", c->authz_id,
	    c->domain, found_at);
	return store_audit_add(j, "validator", "caa report",
	    arena_printf(j->arena, "authz:%s", c->authz_id), "queued",
	    worker_detail(j, "report", id));
}

int
caa_report_queue(struct job *j, const struct caa_row *c)
{
	const struct json *trace;
	const char *found_at;
	struct addr to;
	int free;

	if (j->conf->caa_report != CONF_CAA_REPORT_MAILTO ||
	    strcmp(c->result, caa_result_name(CAA_DENY)) != 0)
		return 0;
	if (caa_trace_parse(j, c->trace, &trace) < 0)
		return -1;
	/* Not if these records permit, and other networks see others. */
	if (!span_eq_str(json_string(json_get(trace, "result")),
		caa_result_name(CAA_DENY)))
		return 0;
	found_at = span_dup(j->arena, json_string(json_get(trace, "found_at")));
	if (found_at[0] == '\0' ||
	    !find_contact(j, json_get(trace, "iodef"), &to))
		return 0;
	free = claim(j, found_at, to.canonical);
	return free > 0 ? queue(j, c, found_at, &to) : free;
}
