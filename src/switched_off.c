#include "config.h"

#include "src/switched_off.h"

#include "lib/conf.h"
#include "lib/count.h"
#include "lib/log.h"

static bool
caa_is_off(const struct conf *c)
{
	return !c->caa_enforce;
}

static bool
special_use_is_off(const struct conf *c)
{
	return c->allow_reserved_domains;
}

static const struct {
	bool (*is_off)(const struct conf *c);
	struct switched_off what;
} rules[] = {
	{ caa_is_off, { "PK-25", "policy.caa_enforce", "no",
			  "CAA records are looked up and recorded, and refuse "
			  "nothing" } },
	{ special_use_is_off,
	    { "PK-86", "policy.allow_reserved_domains", "yes",
		"mailboxes in domains that are reserved for special use get "
		"certificates" } },
};

const struct switched_off *
switched_off_at(const struct conf *conf, size_t i)
{
	for (size_t k = 0; k < COUNT(rules); k++)
		if (rules[k].is_off(conf) && i-- == 0)
			return &rules[k].what;
	return NULL;
}

void
switched_off_log(const struct conf *conf)
{
	const struct switched_off *s;

	for (size_t i = 0; (s = switched_off_at(conf, i)) != NULL; i++)
		log_warning("rule switched off",
		    "rule=%s option=%s value=%s effect=\"%s\"", s->rule,
		    s->option, s->value, s->effect);
}
