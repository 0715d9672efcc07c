/* json_parse_object() on any text; what it accepts is walked, repeated with
 * json_dup() and accepted again with the same text. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/job.h"
#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
walk(struct job *j, const struct json *v)
{
	struct span s = json_string(v);

	if (json_type(v) == JSON_T_STRING && memchr(s.p, 0, s.n) != NULL)
		abort();
	if (json_dup(j, v)[0] == '\0')
		abort();
	for (size_t i = 0; i < json_count(v); i++) {
		const char *name = json_name_at(v, i);

		if (name != NULL && json_get(v, name) != json_at(v, i))
			abort();
		walk(j, json_at(v, i));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct json *v, *again;
	const char *copy;
	struct job j;

	job_init(&j, NULL, NULL);
	if (json_parse_object(&j, span_mem(data, n), "text", &v) == 0) {
		walk(&j, v);
		copy = json_dup(&j, v);
		if (json_parse_object(&j, span_str(copy), "copy", &again) !=
			0 ||
		    strcmp(json_dup(&j, again), copy) != 0)
			abort();
	} else if (j.err.kind != ERR_MALFORMED) {
		abort();
	}
	job_done(&j);
	return 0;
}
