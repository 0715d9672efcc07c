#include "config.h"

#include "lib/orgdomain.h"

#include <libpsl.h>
#include <stddef.h>

const char *
orgdomain_of(const char *domain)
{
	const psl_ctx_t *list = psl_builtin();
	const char *found =
	    list == NULL ? NULL : psl_registrable_domain(list, domain);

	return found == NULL ? domain : found;
}
