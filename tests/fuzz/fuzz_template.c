/*
 * ER-18, MA-63: what is taken as a template can be sent, and nothing that
 * quotes it is an answer.
 */
#include "config.h"

#include <stdlib.h>

#include "lib/job.h"
#include "mail/reply_block.h"
#include "mail/template.h"
#include "mail/template_check.h"
#include "mail/template_html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
ignore(void *ctx, const char *message)
{
	(void)ctx;
	(void)message;
}

static void
check_quotation(struct span text)
{
	struct reply_blocks b;

	reply_blocks_scan(text, &b);
	if (b.counts.found || b.below.found || b.bad || b.quoted || b.stop)
		abort();
}

static void
check(struct job *j, struct span in, bool is_html)
{
	static const char mailbox[] =
	    "a-mailbox-of-a-length-that-fills-the-greater-part-of-a-line@b.ex";
	const struct template_file file = { "f", in, is_html, false };
	struct template_values values = {
		.v = { "CA", NULL, "3 March", "https://ca.test/" },
	};
	struct span out;

	if (template_check(j, &file, ignore, NULL) > 0 ||
	    template_check_values(j, &file, &values, ignore, NULL) > 0)
		return;
	values.v[TEMPLATE_MAILBOX] = mailbox;
	if (!is_html) {
		if (template_text(j, in, &values, &out) < 0)
			abort();
		check_quotation(out);
		return;
	}
	if (template_html(j, in, &values, &out) < 0 ||
	    span_has_str(out, "<script") || span_has_str(out, "<img") ||
	    span_has_str(out, "<!-") || span_has_str(out, "<link"))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_mem(data, n);
	struct visible v;
	struct job j;

	if (n > 16384) /* as of files */
		return 0;
	job_init(&j, NULL, NULL);
	template_html_read(&j, in, NULL, NULL, &v);
	if (v.text.n > n)
		abort();
	check(&j, in, false);
	check(&j, in, true);
	job_done(&j);
	return 0;
}
