#include "config.h"

#include "src/dns_conf.h"

#include "lib/conf.h"

struct resolver_conf
dns_conf_of(const struct conf *conf, const char *config_file)
{
	const struct conf_validator *v = &conf->validator;

	return (struct resolver_conf){ .config_file = config_file,
		.trust_anchor = v->dns_trust_anchor,
		.try_ms = v->dns_try_ms,
		.total_ms = v->dns_total_ms,
		.is_public = conf->mode == CONF_MODE_PUBLIC };
}
