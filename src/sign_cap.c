#include "config.h"

#include "src/sign_cap.h"

#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "pki/remote_key.h"

#include <inttypes.h>

#define TIMES 2
#define HALVES_MAX 62
#define REMIND_SECS 600
#define HOUR_SECS 3600
/* src/lists.c's reserve: one of each shard in 5 minutes. */
#define RESERVE_OF_SHARD 12
/* A responder asks for one when it starts, and one in thirty days.  Twice this
 * is more than it gets to ask if it dies again and again, for then the
 * supervisor waits for 30 seconds: so no option is needed, and whoever can only
 * make it die does not stop it until SIGHUP. */
#define REQUESTS 100

static const struct {
	char tag;
	const char *name;
	const char *option;
} kinds[SIGN_CAP_KINDS] = {
	{ REMOTE_SUBSCRIBER, "certificates", "max_per_hour" },
	{ REMOTE_RESPONDER, "certificates of OCSP responders",
	    "max_responders_per_hour" },
	{ REMOTE_LIST, "revocation lists", "max_lists_per_hour" },
	{ REMOTE_ANSWER, "OCSP answers", "max_live_answers" },
	{ REMOTE_REQUEST, "requests of an OCSP responder", NULL },
};

static size_t
kind_of(char tag)
{
	size_t k = 0;

	while (k < SIGN_CAP_KINDS && kinds[k].tag != tag)
		k++;
	return k;
}

void
sign_cap_set(
    struct sign_cap *c, const struct conf_issuer *conf, int64_t max_per_hour)
{
	const int64_t limits[SIGN_CAP_KINDS] = { max_per_hour,
		ceiling_max_responders(conf),
		ceiling_max_lists(conf) + RESERVE_OF_SHARD * conf->crl_shards,
		HOUR_SECS * conf->max_live_answers, REQUESTS };

	for (size_t k = 0; k < SIGN_CAP_KINDS; k++) {
		c->max[k] = TIMES * limits[k];
		c->is_held[k] = false;
		c->told_at[k] = 0;
	}
}

static void
tell(const struct sign_cap *c, size_t k)
{
	const char *option = kinds[k].option;

	log_error("signer on hold",
	    "reason=\"%" PRId64 " signatures of %s within an hour, twice what "
	    "is asked for at most\" next=\"find out what asks so often; then "
	    "%s%s%ssend SIGHUP\"",
	    c->max[k], kinds[k].name, option != NULL ? "raise issuer." : "",
	    option != NULL ? option : "",
	    option != NULL ? " if it is too low, and " : "");
}

int
sign_cap_check(struct job *j, struct sign_cap *c, char tag)
{
	size_t k = kind_of(tag);

	if (k == SIGN_CAP_KINDS)
		return 0;
	c->is_held[k] =
	    c->is_held[k] || ceiling_sum(&c->made[k], j->now) >= c->max[k];
	if (!c->is_held[k])
		return 0;
	if (j->now >= c->told_at[k] + REMIND_SECS) {
		c->told_at[k] = j->now;
		tell(c, k);
	}
	return job_fail(j, ERR_BUSY,
	    "the signer signs no more %s until SIGHUP (PK-204)", kinds[k].name);
}

void
sign_cap_resume(struct sign_cap *c, int64_t now, int64_t ends)
{
	int shift = ends < HALVES_MAX ? (int)ends : HALVES_MAX;

	for (size_t k = 0; k < SIGN_CAP_KINDS; k++)
		ceiling_add(&c->made[k], now, c->max[k] - (c->max[k] >> shift));
}

void
sign_cap_count(struct sign_cap *c, int64_t now, char tag)
{
	size_t k = kind_of(tag);

	if (k < SIGN_CAP_KINDS)
		ceiling_count(&c->made[k], now);
}
