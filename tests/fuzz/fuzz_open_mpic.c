/* What a service of the Open MPIC API answers, as a whole and one element of
 * it: whatever is read has records that hold together. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>

#include "dns/open_mpic_form.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_caa(struct span r)
{
	return r.n >= 3 && (size_t)(uint8_t)r.p[1] + 2 <= r.n;
}

static bool
is_txt(struct span r)
{
	size_t at = 0;

	while (at < r.n)
		at += (size_t)(uint8_t)r.p[at] + 1;
	return r.n > 0 && at == r.n;
}

static void
look_at(struct job *j, const struct json *element, enum open_mpic_check check,
    bool takes_flat)
{
	struct open_mpic_view v;

	if (open_mpic_view_parse(j, element, check, takes_flat, &v) < 0) {
		job_recover(j);
		return;
	}
	for (size_t i = 0; i < v.count; i++)
		if (!(check == OPEN_MPIC_CAA ? is_caa(v.rdata[i])
					     : is_txt(v.rdata[i])))
			__builtin_trap();
}

/* In each of its readings. */
static void
look_at_all(struct job *j, const struct json *element)
{
	for (int flat = 0; flat < 2; flat++) {
		look_at(j, element, OPEN_MPIC_CAA, flat != 0);
		look_at(j, element, OPEN_MPIC_KEY, flat != 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *names[] = { "ca.example" };
	static const struct open_mpic_request asked[] = {
		{ .check = OPEN_MPIC_CAA,
		    .trace = "AAAAAAAAAAAAAAAAAAAAAA",
		    .domain = "example.org",
		    .ca = { names, 1 },
		    .perspectives = 5,
		    .quorum = 4 },
		{ .check = OPEN_MPIC_KEY,
		    .trace = "AAAAAAAAAAAAAAAAAAAAAA",
		    .domain = "example.org",
		    .selector = "s1",
		    .key_text = SPAN_INIT("AQID"),
		    .perspectives = 5,
		    .quorum = 4 },
	};
	struct span text = span_mem(data, size);
	struct open_mpic_answer a;
	const struct json *kept;
	struct job j;

	job_init(&j, NULL, NULL);
	for (size_t k = 0; k < COUNT(asked); k++) {
		if (open_mpic_answer_parse(&j, text, &asked[k], &a) == 0)
			for (size_t i = 0; i < a.count; i++)
				look_at_all(&j, a.elements[i]);
		job_recover(&j);
	}
	if (open_mpic_read(&j, text, &kept) == 0) {
		look_at_all(&j, kept);
		for (size_t i = 0;
		     json_type(kept) == JSON_T_ARRAY && i < json_count(kept);
		     i++)
			look_at_all(&j, json_at(kept, i));
	}
	job_done(&j);
	return 0;
}
