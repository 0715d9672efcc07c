#include "config.h"

#include "acme/offer.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/json.h"

const char *
profile_offered(const struct conf *conf, size_t i)
{
	if (conf->profiles.n == 0)
		return i == 0 ? conf->profile : NULL;
	return i < conf->profiles.n ? conf->profiles.v[i] : NULL;
}

/* There is one reader of JSON texts, and it wants an object. */
static bool
array_has(struct job *j, const char *array, const char *name)
{
	const struct json *o, *list;

	if (json_parse_object(j,
		span_str(arena_printf(j->arena, "{\"profiles\":%s}", array)),
		"allowed profiles", &o) < 0 ||
	    json_count(o) != 1 || json_get_array(j, o, "profiles", &list) != 1)
		return false;
	for (size_t i = 0; i < json_count(list); i++)
		if (span_eq_str(json_string(json_at(list, i)), name))
			return true;
	return false;
}

bool
profile_is_permitted(
    const struct conf *conf, const char *allowed, const char *name)
{
	const char *one = NULL;
	bool found;
	struct job j;

	for (size_t i = 0; (one = profile_offered(conf, i)) != NULL; i++)
		if (strcmp(one, name) == 0)
			break;
	if (one == NULL || allowed == NULL)
		return one != NULL;
	job_init(&j, NULL, conf);
	found = array_has(&j, allowed, name);
	job_done(&j);
	return found;
}

bool
profile_is_stopped(const struct conf *conf, const char *name)
{
	return conf_list_has(&conf->profiles_stopped, name);
}

bool
profile_takes_dates(const struct conf *conf, const char *name)
{
	return conf_list_has(&conf->allow_not_after, name);
}
