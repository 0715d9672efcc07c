/* How the configuration wants the DNS to be asked. */
#ifndef SRC_DNS_CONF_H
#define SRC_DNS_CONF_H

#include "dns/resolver.h"

struct conf;

/* `config_file` is validator.dns_config, or that of the second resolver. */
struct resolver_conf dns_conf_of(
    const struct conf *conf, const char *config_file);

#endif
