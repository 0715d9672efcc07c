/* ER-23, MA-56, MA-58: encoded words, media types, transfer encodings. */
#include "config.h"

#include <stdlib.h>

#include "lib/job.h"
#include "lib/utf8.h"
#include "mail/finding.h"
#include "mail/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_type(struct job *j, struct span in)
{
	struct mime_type t;
	struct finding f;
	struct span v;

	if (mime_type_parse(j, in, &t, &f) < 0)
		return;
	if (t.type.n == 0 || t.subtype.n == 0)
		abort();
	/* No parameter twice. */
	for (size_t i = 0; i < t.param_count; i++)
		if (!mime_param_get(&t, t.params[i].name.p, &v) ||
		    v.p != t.params[i].value.p || v.n != t.params[i].value.n)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_mem(data, n), out;
	struct job j;

	job_init(&j, NULL, NULL);
	if (mime_decode_words(&j, in, &out) == 0 &&
	    (!utf8_is_valid(out) || out.n > n))
		abort();
	if (mime_undo_words(&j, in).n > n)
		abort();
	if (mime_decode_qp(&j, in, &out) == 0 && out.n > n + 1)
		abort();
	if (mime_decode_base64(&j, in, &out) == 0 && out.n > n)
		abort();
	check_type(&j, in);
	job_done(&j);
	return 0;
}
