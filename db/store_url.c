#include "config.h"

#include "db/store_url.h"

#include "db/store_private.h"

/* Orders that waited for it go on at once. */
int
store_url_pass(struct job *j, const char *ca_label, const char *url)
{
	if (store_change(j, NULL,
		"INSERT INTO url_check (ca_label, url, passed_at) "
		"VALUES ($1, $2, $3) "
		"ON CONFLICT (ca_label, url) DO UPDATE SET passed_at = $3",
		ARGS(v_text(ca_label), v_text(url), v_int(j->now))) < 0)
		return -1;
	j->wake |= 1u << ROLE_ISSUER;
	return 0;
}

int
store_url_passed(
    struct job *j, const char *ca_label, const char *url, int64_t *at)
{
	return store_get_int(j, at,
	    "SELECT passed_at FROM url_check WHERE ca_label = $1 AND url = $2",
	    ARGS(v_text(ca_label), v_text(url)));
}
