/* What a service of the Open MPIC API answers, as a whole and one element of
 * it: whatever is read has records that hold together. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>

#include "dns/open_mpic_form.h"
#include "lib/job.h"
#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_at(struct job *j, const struct json *element, bool takes_flat)
{
	struct open_mpic_view v;

	if (open_mpic_view_parse(j, element, takes_flat, &v) < 0) {
		job_recover(j);
		return;
	}
	for (size_t i = 0; i < v.count; i++) {
		struct span r = v.rdata[i];

		if (r.n < 3 || (size_t)(uint8_t)r.p[1] + 2 > r.n)
			__builtin_trap();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *names[] = { "ca.example" };
	static const struct open_mpic_request asked = {
		.trace = "AAAAAAAAAAAAAAAAAAAAAA",
		.domain = "example.org",
		.ca = { names, 1 },
		.perspectives = 5,
		.quorum = 4,
	};
	struct span text = span_mem(data, size);
	struct open_mpic_answer a;
	const struct json *element;
	struct job j;

	job_init(&j, NULL, NULL);
	if (open_mpic_answer_parse(&j, text, &asked, &a) == 0)
		for (size_t i = 0; i < a.count; i++)
			look_at(&j, a.elements[i], false);
	job_recover(&j);
	if (json_parse_object(&j, text, "element", &element) == 0)
		look_at(&j, element, true);
	job_done(&j);
	return 0;
}
