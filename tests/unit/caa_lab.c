#include "config.h"

#include "tests/unit/caa_lab.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "lib/job.h"

static const char *domains[] = { "ca.example", "Old-CA.example" };
static const struct conf_list issuer_domains = { domains, 2 };
const struct caa_policy caa_lab_policy = { .issuer_domains = &issuer_domains,
	.flag1_critical = true };

struct span
caa_lab_record(struct job *j, const char *text)
{
	unsigned flags;
	char tag[64] = "";
	int value_at = 0;
	struct buf b;

	assert_true(sscanf(text, "%u %63s%n", &flags, tag, &value_at) >= 2);
	if (text[value_at] == ' ')
		value_at++;
	buf_init(&b, j->arena, 65536);
	buf_add_char(&b, (char)flags);
	buf_add_char(&b, (char)strlen(tag));
	buf_add_str(&b, tag);
	buf_add_str(&b, text + value_at);
	return buf_span(&b);
}

size_t
caa_lab_records(struct job *j, const char *text, struct span *out, size_t max)
{
	size_t n = 0;
	struct span rest = span_str(text);

	while (rest.n > 0) {
		size_t end = span_find(rest, 0, '|');
		assert_true(n < max);
		out[n++] = caa_lab_record(
		    j, span_dup(j->arena, span_cut(rest, 0, end)));
		rest = span_from(rest, end + 1);
	}
	return n;
}
