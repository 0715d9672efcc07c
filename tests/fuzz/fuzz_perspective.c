/* Both ways between validator and perspective: a question that is accepted
 * and an answer that is read can be written and read again. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>

#include "dns/agent_form.h"
#include "lib/job.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_mem(data, size);
	struct agent_request r;
	struct agent_answer a;
	struct job j;

	job_init(&j, NULL, NULL);
	if (agent_request_parse(&j, text, &r) == 0) {
		const char *again = agent_request_format(&j, &r);

		if (again != NULL &&
		    agent_request_parse(&j, span_str(again), &r) < 0)
			__builtin_trap();
	}
	job_recover(&j);
	if (agent_answer_parse(&j, text, &a) == 0) {
		const char *again = agent_answer_format(&j, &a, 0);
		size_t steps = a.step_count;

		if (again != NULL &&
		    (agent_answer_parse(&j, span_str(again), &a) < 0 ||
			a.step_count != steps))
			__builtin_trap();
	}
	job_done(&j);
	return 0;
}
