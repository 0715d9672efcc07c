#include "config.h"

#include "acme/urls.h"

#include "db/store_url.h"

int
urls_missing(struct job *j, const struct urls *u, const char **out)
{
	for (size_t i = 0; i < u->n; i++) {
		int64_t at;
		int found = store_url_passed(j, u->ca_label, u->v[i], &at);

		*out = u->v[i];
		if (found <= 0)
			return found < 0 ? -1 : 1;
	}
	return 0;
}
