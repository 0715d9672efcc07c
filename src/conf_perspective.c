#include "config.h"

#include "src/conf_perspective.h"

#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "pki/effective.h"
#include "src/conf_listen.h"
#include "src/https_client.h"

struct check {
	struct arena *arena;
	const struct conf *conf;
	conf_perspective_wrong_fn *wrong;
	void *ctx;
};

/* -180.5: digits and at most one point; the locale has no say. */
static int
degrees_parse(struct span s, double limit, double *out)
{
	double value = 0, unit = 0;
	bool negative = s.n > 0 && s.p[0] == '-';

	s = span_from(s, negative ? 1 : 0);
	if (s.n == 0 || s.n > 12)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && unit == 0 && i > 0) {
			unit = 1;
			continue;
		}
		if (!ascii_is_digit(s.p[i]))
			return -1;
		if (unit > 0)
			value += (s.p[i] - '0') * (unit /= 10);
		else
			value = value * 10 + (s.p[i] - '0');
	}
	*out = negative ? -value : value;
	return value > limit ? -1 : 0;
}

int
location_parse(const char *text, struct site *out)
{
	struct span s = span_trim(span_str(text));
	size_t blank = span_find(s, 0, ' ');

	return degrees_parse(span_cut(s, 0, blank), 90, &out->latitude) < 0 ||
		       degrees_parse(span_trim(span_from(s, blank)), 180,
			   &out->longitude) < 0
		   ? -1
		   : 0;
}

static void
wrong(struct check *c, const struct conf_perspective *p, const char *option,
    const char *message)
{
	c->wrong(c->ctx,
	    arena_printf(c->arena, "perspective %s: %s", p->name, option),
	    message);
}

static const char bad_location[] =
    "must be latitude and longitude in degrees, such as 50.11 8.68";

static void
check_distance(struct check *c, const struct conf_perspective *p,
    const char *other, const char *where)
{
	struct site a, b;

	if (location_parse(p->location, &a) < 0 ||
	    location_parse(where, &b) < 0 ||
	    place_distance_km(a, b) >= PERSPECTIVE_DISTANCE_KM)
		return;
	wrong(c, p, "location",
	    arena_printf(c->arena,
		"is %.0f km from %s; must be at least %.0f in public mode",
		place_distance_km(a, b), other, PERSPECTIVE_DISTANCE_KM));
}

/* TBR 3.2.2.9: what a perspective sees, its resolver sees for it.  Where that
 * is nobody but the operator knows. */
static void
check_resolver(struct check *c, const struct conf_perspective *p)
{
	if (p->resolver_rir == NULL)
		wrong(c, p, "resolver_rir",
		    "is missing: say in which registry's region the resolver "
		    "is that it asks; in public mode it must be that of rir");
	else if (p->rir != NULL && strcmp(p->resolver_rir, p->rir) != 0)
		wrong(c, p, "resolver_rir",
		    arena_printf(c->arena,
			"is %s, and the perspective is in %s: in public mode "
			"it must ask a resolver in its own region",
			p->resolver_rir, p->rir));
}

static void
check_rir(struct check *c, const struct conf_perspective *p, const char *option,
    const char *value)
{
	enum rir rir;

	if (value != NULL && !rir_parse(span_str(value), &rir))
		wrong(c, p, option,
		    "must be afrinic, apnic, arin, lacnic or ripe");
}

static void
check_one(struct check *c, size_t i)
{
	const struct conf_mpic *m = &c->conf->mpic;
	const struct conf_perspective *p = &m->perspectives[i];
	struct site here;

	/* Those that are missing are reported as missing. */
	check_rir(c, p, "rir", p->rir);
	check_rir(c, p, "resolver_rir", p->resolver_rir);
	if (p->url != NULL && !https_url_is_good(p->url))
		wrong(c, p, "url", "must be an https URL");
	if (c->conf->mode == CONF_MODE_PUBLIC)
		check_resolver(c, p);
	if (p->location == NULL)
		return;
	if (location_parse(p->location, &here) < 0)
		wrong(c, p, "location", bad_location);
	if (c->conf->mode != CONF_MODE_PUBLIC)
		return;
	if (m->location != NULL)
		check_distance(c, p, "this validator", m->location);
	for (size_t k = 0; k < i; k++)
		if (m->perspectives[k].location != NULL)
			check_distance(c, p, m->perspectives[k].name,
			    m->perspectives[k].location);
}

enum rir
conf_perspective_rir(const struct conf_perspective *p)
{
	enum rir r = RIR_AFRINIC;

	/* Another name is a mistake of the configuration, and reported. */
	rir_parse(span_str(p->rir), &r);
	return r;
}

bool
conf_corroborates(const struct conf *conf)
{
	return conf->mpic.perspective_count > 0 &&
	       conf->mpic.policy == CONF_MPIC_ENFORCE;
}

bool
conf_perspective_is_of(const struct conf_perspective *p, const char *service)
{
	return service == NULL || p->service == NULL ||
	       strcmp(p->service, service) == 0;
}

size_t
conf_perspective_count(const struct conf *conf, const char *service)
{
	const struct conf_mpic *m = &conf->mpic;
	size_t n = 0;

	if (service != NULL ? conf_open_mpic_find(conf, service) == NULL
			    : m->service_count > 0)
		return 0;
	for (size_t i = 0; i < m->perspective_count; i++)
		n += conf_perspective_is_of(&m->perspectives[i], service);
	return n;
}

const struct conf_open_mpic *
conf_open_mpic_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->mpic.service_count; i++)
		if (strcmp(conf->mpic.services[i].name, name) == 0)
			return &conf->mpic.services[i];
	return NULL;
}

/* By an URL each, or all by services. */
static void
check_way(struct check *c, const struct conf_perspective *p)
{
	bool is_service = c->conf->mpic.service_count > 0;
	const struct {
		const char *name, *value;
	} parts[] = { { "url", p->url }, { "ca_file", p->ca_file },
		{ "certificate", p->certificate }, { "key", p->key } };

	for (size_t i = 0; i < COUNT(parts); i++)
		if ((parts[i].value != NULL) == is_service)
			wrong(c, p, parts[i].name,
			    is_service
				? "must not be set with a section open_mpic, "
				  "whose service asks the perspectives"
				: "is missing; it is needed without a section "
				  "open_mpic");
	if (p->service != NULL &&
	    conf_open_mpic_find(c->conf, p->service) == NULL)
		wrong(c, p, "service",
		    arena_printf(c->arena, "there is no section open_mpic %s",
			p->service));
}

static const char no_service[] =
    "must not be set without a section open_mpic, whose service it is about";

static void
check_services(struct check *c)
{
	const struct conf_mpic *m = &c->conf->mpic;

	if (m->open_mpic_flat && m->service_count == 0)
		c->wrong(c->ctx, "mpic.open_mpic_flat", no_service);
	if (m->dkim_via_dcv && m->service_count == 0)
		c->wrong(c->ctx, "mpic.dkim_via_dcv", no_service);
	if (m->service_count > OPEN_MPIC_MAX)
		c->wrong(c->ctx, "open_mpic",
		    arena_printf(c->arena,
			"%zu sections; at most %d: a round goes to one, and "
			"the next to the other if it was silent",
			m->service_count, OPEN_MPIC_MAX));
	for (size_t i = 0; i < m->service_count; i++) {
		const struct conf_open_mpic *s = &m->services[i];

		if (s->url != NULL &&
		    (!https_url_is_good(s->url) ||
			span_ends(span_str(s->url), SPAN("/"))))
			c->wrong(c->ctx,
			    arena_printf(
				c->arena, "open_mpic %s: url", s->name),
			    "must be an https URL, without a slash at the "
			    "end");
		if (conf_perspective_count(c->conf, s->name) == 0)
			c->wrong(c->ctx,
			    arena_printf(c->arena, "open_mpic %s", s->name),
			    "needs a section perspective for each code that "
			    "the service may answer with: its registry and "
			    "place");
	}
}

static size_t
count_regions(const struct conf_mpic *m, const char *service)
{
	bool seen[RIR_COUNT] = { false };
	size_t n = 0;

	for (size_t i = 0; i < m->perspective_count; i++) {
		enum rir r = conf_perspective_rir(&m->perspectives[i]);

		if (!conf_perspective_is_of(&m->perspectives[i], service))
			continue;
		n += !seen[r];
		seen[r] = true;
	}
	return n;
}

/* Of one service, or (NULL) of those with an URL each. */
static void
check_quorum(struct check *c, const char *service, int64_t now)
{
	size_t minimum = effective_perspectives(now);
	size_t n = conf_perspective_count(c->conf, service);
	const char *of = service == NULL ? ""
					 : arena_printf(c->arena,
					       " of open_mpic %s", service);

	if (n < minimum)
		c->wrong(c->ctx, "mpic.policy",
		    arena_printf(c->arena,
			"needs at least %zu sections perspective%s at this "
			"date; there are %zu",
			minimum, of, n));
	else if (count_regions(&c->conf->mpic, service) < 2)
		c->wrong(c->ctx, "mpic.policy",
		    arena_printf(c->arena,
			"needs perspectives%s in the regions of two "
			"registries",
			of));
}

static void
check_number(struct check *c, int64_t now)
{
	const struct conf_mpic *m = &c->conf->mpic;

	if (m->policy != CONF_MPIC_ENFORCE &&
	    (c->conf->mode != CONF_MODE_PUBLIC || m->perspective_count == 0))
		return;
	if (m->policy == CONF_MPIC_ENFORCE && !c->conf->caa_enforce)
		c->wrong(c->ctx, "mpic.policy",
		    "enforce needs policy.caa_enforce = yes");
	if (m->service_count == 0)
		check_quorum(c, NULL, now);
	for (size_t i = 0; i < m->service_count; i++)
		check_quorum(c, m->services[i].name, now);
}

void
conf_perspective_check(struct arena *a, const struct conf *conf, int64_t now,
    conf_perspective_wrong_fn *wrong_fn, void *ctx)
{
	struct check c = { a, conf, wrong_fn, ctx };
	const struct conf_mpic *m = &conf->mpic;
	struct site here;

	if (m->location != NULL && location_parse(m->location, &here) < 0)
		c.wrong(ctx, "mpic.location", bad_location);
	if (m->location == NULL && m->perspective_count > 0 &&
	    conf->mode == CONF_MODE_PUBLIC)
		c.wrong(ctx, "mpic.location",
		    "is missing: perspectives must be 500 km from here");
	check_services(&c);
	for (size_t i = 0; i < m->perspective_count; i++) {
		check_way(&c, &m->perspectives[i]);
		check_one(&c, i);
	}
	check_number(&c, now);
}

/* --- a perspective itself ------------------------------------------------- */

static bool
is_code(const char *code)
{
	for (const char *p = code; *p != '\0'; p++)
		if (!ascii_is_alnum(*p) && *p != '-' && *p != '_' && *p != '.')
			return false;
	return true;
}

void
conf_agent_check(struct arena *a, const struct conf *conf,
    conf_perspective_wrong_fn *wrong_fn, void *ctx)
{
	const struct conf_agent *g = &conf->agent;
	const char *host, *port;

	if (g->code != NULL && !is_code(g->code))
		wrong_fn(ctx, "agent.code",
		    "must be letters, digits, and - . _ only, such as "
		    "eu-west-1");
	for (size_t i = 0; i < g->listen.n; i++)
		if (conf_parse_listen(a, g->listen.v[i], &host, &port) < 0)
			wrong_fn(ctx, "agent.listen",
			    arena_printf(a,
				"%s is not an address and a port; write "
				"\"192.0.2.1:8443\" or \"[::]:8443\"",
				g->listen.v[i]));
	if (g->listen.n > AGENT_LISTEN_MAX)
		wrong_fn(ctx, "agent.listen",
		    arena_printf(a, "at most %d addresses", AGENT_LISTEN_MAX));
}
