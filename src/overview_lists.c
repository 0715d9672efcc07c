#include "config.h"

#include "src/overview_lists.h"

#include <inttypes.h>

#include "db/store_crl.h"
#include "db/store_ocsp.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "pki/ca_key_end.h"
#include "pki/crl.h"
#include "pki/responder.h"
#include "src/answers.h"
#include "src/ca_check.h"
#include "src/ca_life.h"
#include "src/clock_watch.h"
#include "src/remarks.h"
#include "src/status_place.h"

/* A list that should have been made so long ago. */
#define LATE_SECS 3600
/* PK-182: a revocation is published by then. */
#define PUBLISH_SECS 600

/* Of one shard; *end is when it ends, if it does so before. */
static int
look_at_list(struct job *j, struct remarks *r, const char *label, int64_t shard,
    int64_t *end)
{
	const char *url = status_shard_url(j->arena, &j->conf->issuer, shard);
	struct crl l;
	int found = store_crl_head(j, label, shard, &l);

	if (found < 0)
		return -1;
	if (found == 0)
		remark(r, REMARK_WRONG, "revocation list",
		    arena_printf(j->arena,
			"%s: there is none yet: does the issuer run?", url));
	else if (l.next_update < j->now)
		remark(r, REMARK_WRONG, "revocation list",
		    arena_printf(j->arena,
			"%s: ended at %s: nobody can tell any more what is "
			"revoked; the issuer's log says what keeps it",
			url, clock_rfc3339(j->arena, l.next_update)));
	else if (l.this_update + CRL_EVERY_SECS + LATE_SECS < j->now)
		remark(r, REMARK_WARN, "revocation list",
		    arena_printf(j->arena,
			"%s: is of %s, a new one is late: the issuer's log "
			"says what keeps it",
			url, clock_rfc3339(j->arena, l.this_update)));
	if (found == 1 && l.next_update < *end)
		*end = l.next_update;
	return 0;
}

static int
look_at_lists(struct job *j, struct remarks *r, const char *label)
{
	int64_t end = INT64_MAX, since;
	unsigned wrong = r->wrong;
	int waits;

	for (int64_t s = 0; s < j->conf->issuer.crl_shards; s++)
		if (look_at_list(j, r, label, s, &end) < 0)
			return -1;
	waits = store_crl_waits(j, false, &since);
	if (waits < 0)
		return -1;
	if (waits == 1 && j->now - since > PUBLISH_SECS)
		remark(r, REMARK_WRONG, "revocations",
		    arena_printf(j->arena,
			"one waits for its list since %s, which must be out "
			"within 10 minutes: the issuer's log says what keeps "
			"it",
			clock_rfc3339(j->arena, since)));
	if (r->wrong == wrong)
		remark(r, REMARK_OK, "revocation lists",
		    arena_printf(j->arena, "good until %s",
			clock_rfc3339(j->arena, end)));
	return 0;
}

static int
look_at_answers(struct job *j, struct remarks *r, const char *label)
{
	struct ocsp_state states[OCSP_SEGMENTS];
	int64_t since, late = 0;
	int waits;

	if (store_ocsp_states(j, label, states) < 0)
		return -1;
	for (int s = 0; s < OCSP_SEGMENTS; s++)
		late += states[s].generation > 0 &&
			states[s].refresh_at + ANSWERS_LATE_SECS <= j->now;
	waits = store_ocsp_due(j, label, &since);
	if (waits < 0)
		return -1;
	if (late > 0)
		remark(r, REMARK_WRONG, "OCSP answers",
		    arena_printf(j->arena,
			"%" PRId64 " of %d segments are late: the issuer's log "
			"says what keeps them",
			late, OCSP_SEGMENTS));
	else if (waits == 1 && j->now - since > PUBLISH_SECS)
		remark(r, REMARK_WRONG, "OCSP answers",
		    arena_printf(j->arena,
			"a change waits since %s: the issuer's log says what "
			"keeps it",
			clock_rfc3339(j->arena, since)));
	else
		remark(r, REMARK_OK, "OCSP answers", "are fresh");
	return 0;
}

/* PK-177: who answers clients wants another certificate halfway (PK-118). */
static int
look_at_live_key(
    struct job *j, struct remarks *r, const struct ca_key_facts *ca)
{
	static const char what[] = "key of live OCSP answers";
	const char *token = j->conf->responder.key.token;
	const char *where = token == NULL
				? "in memory"
				: arena_printf(j->arena, "in token %s", token);
	int64_t end = 0;
	int found = store_responder_end(j, ca->label, RESPONDER_LIVE, &end);

	if (found < 0)
		return -1;
	if (found == 0 || end <= j->now)
		remark(r, REMARK_WRONG, what,
		    arena_printf(j->arena,
			"%s, has no certificate: the logs of the roles "
			"ocsp-signer, responder and issuer say what keeps it",
			where));
	else if (end < ca->not_after &&
		 end - j->now < RESPONDER_RENEW_SECS - LATE_SECS)
		remark(r, REMARK_WARN, what,
		    arena_printf(j->arena,
			"%s, its certificate ends at %s and is not renewed: "
			"the logs of the roles ocsp-signer, responder and "
			"issuer say what keeps it",
			where, clock_rfc3339(j->arena, end)));
	else
		remark(r, REMARK_OK, what,
		    arena_printf(j->arena, "%s, certified until %s", where,
			clock_rfc3339(j->arena, end)));
	return 0;
}

/* PK-147 */
static int
look_at_clock(struct job *j, struct remarks *r, const char *label)
{
	struct clock_lag lag;

	if (clock_lag(j, label, &lag) < 0)
		return -1;
	if (lag.made > 0)
		remark(r, REMARK_WRONG, "clock",
		    arena_printf(j->arena,
			CLOCK_BEHIND_MADE
			", by %" PRId64 " seconds: nothing "
			"is signed until it is set; " CLOCK_WAY_OUT,
			lag.made));
	else if (lag.audited > 0)
		remark(r, REMARK_WRONG, "clock",
		    arena_printf(j->arena,
			CLOCK_BEHIND_AUDITED
			", by %" PRId64 " seconds: no "
			"certificate is signed until it is set",
			lag.audited));
	return 0;
}

static void
look_at_life(struct job *j, struct remarks *r, int64_t not_after)
{
	bool is_over;
	const char *advice = ca_life_advice(j, not_after, &is_over);

	if (advice != NULL)
		remark(r, is_over ? REMARK_WRONG : REMARK_WARN, "issuing CA",
		    advice);
}

static void
tell(void *ctx, enum remark level, const char *what, const char *text)
{
	remark(ctx, level, what, text);
}

int
overview_lists(struct job *j, struct remarks *r)
{
	const struct conf_issuer *conf = &j->conf->issuer;
	struct ca_key_facts facts;

	ca_check(j, tell, r);
	/* Where another CA signs, lists and answers are its own (PK-220). */
	if (j->conf->external.kind != CONF_EXTERNAL_NONE)
		return 0;
	if (ca_key_facts(j, conf->ca_certificate, &facts) < 0) {
		remark(r, REMARK_WRONG, "issuing CA", j->err.text);
		job_recover(j);
		return 0;
	}
	look_at_life(j, r, facts.not_after);
	if (look_at_clock(j, r, facts.label) < 0 ||
	    look_at_lists(j, r, facts.label) < 0)
		return -1;
	if (status_ocsp_is_on(conf) && look_at_answers(j, r, facts.label) < 0)
		return -1;
	return status_ocsp_is_live(conf) ? look_at_live_key(j, r, &facts) : 0;
}
