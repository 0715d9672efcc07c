#include "config.h"

#include "src/patience.h"

#include "dns/resolver.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "src/role_validator.h"

#define CREDIT_MAX_MS 3000
#define PART 10
/* What a judgement takes without waiting for anything. */
#define FREE_MS 50

int64_t
patience_left(struct patience *p, int64_t now_ms)
{
	if (p->at_ms == 0)
		p->credit_ms = CREDIT_MAX_MS;
	else
		p->credit_ms += (now_ms - p->at_ms) / PART;
	if (p->credit_ms > CREDIT_MAX_MS)
		p->credit_ms = CREDIT_MAX_MS;
	p->at_ms = now_ms;
	/* Some milliseconds are always there: for what is in the cache. */
	if (p->credit_ms < FREE_MS)
		return FREE_MS;
	return p->credit_ms < PATIENCE_DNS_MS ? p->credit_ms : PATIENCE_DNS_MS;
}

void
patience_use(struct patience *p, int64_t ms)
{
	if (ms > FREE_MS)
		p->credit_ms -= ms;
	if (p->credit_ms < 0)
		p->credit_ms = 0;
}

static void
set_total(struct validator *v, int64_t ms)
{
	resolver_set_total(v->resolver, ms);
	if (v->second != NULL)
		resolver_set_total(v->second, ms);
}

void
patience_begin(struct validator *v)
{
	struct patience *p = &v->patience;

	p->began_ms = clock_mono_ms();
	v->hasty_ms = patience_left(p, p->began_ms);
	set_total(v, v->hasty_ms);
}

void
patience_end(struct validator *v, const struct conf *conf)
{
	patience_use(&v->patience, clock_mono_ms() - v->patience.began_ms);
	v->hasty_ms = 0;
	set_total(v, conf->validator.dns_total_ms);
}
