#include "config.h"

#include "lib/orgdomain.h"

#include <libpsl.h>
#include <stddef.h>
#include <string.h>

const char *
orgdomain_of(const char *domain)
{
	const psl_ctx_t *list = psl_builtin();
	const char *found =
	    list == NULL ? NULL : psl_registrable_domain(list, domain);

	return found == NULL ? domain : found;
}

bool
orgdomain_top_is_known(const char *domain)
{
	const psl_ctx_t *list = psl_builtin();
	const char *dot;

	if (list == NULL)
		return true;
	/* "za" is in no rule, "co.za" is. */
	for (;;) {
		if (psl_is_public_suffix2(list, domain,
			PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE) != 0)
			return true;
		dot = strchr(domain, '.');
		if (dot == NULL)
			return false;
		domain = dot + 1;
	}
}
