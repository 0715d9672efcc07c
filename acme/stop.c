#include "config.h"

#include "acme/stop.h"

#include <string.h>

#include "lib/addr.h"
#include "lib/job.h"

static bool
has_domain(const struct order *o, const char *parent)
{
	for (size_t i = 0; i < o->identifier_count; i++) {
		const char *mailbox = o->identifiers[i].authz.mailbox;

		if (addr_domain_within(addr_domain_of(mailbox), parent))
			return true;
	}
	return false;
}

/* A scope that a newer version made may be any: it stops. */
static bool
holds(const struct stop *s, const struct order *o, const char *ca_label)
{
	if (strcmp(s->scope, STOP_PROFILE) == 0)
		return strcmp(s->value, o->profile) == 0;
	if (strcmp(s->scope, STOP_DOMAIN) == 0)
		return has_domain(o, s->value);
	if (strcmp(s->scope, STOP_SIGNING) == 0)
		return false;
	if (strcmp(s->scope, STOP_ISSUER) == 0)
		return ca_label == NULL || strcmp(s->value, ca_label) == 0;
	return true;
}

int
stop_find(struct job *j, const struct order *o, const char *ca_label,
    struct stop *out)
{
	struct stop *list;
	size_t count;

	if (store_stop_list(j, &list, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (holds(&list[i], o, ca_label)) {
			*out = list[i];
			return 1;
		}
	}
	return 0;
}
