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
	const char *dot = strrchr(domain, '.');

	return list == NULL ||
	       psl_is_public_suffix2(list, dot == NULL ? domain : dot + 1,
		   PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE) != 0;
}
