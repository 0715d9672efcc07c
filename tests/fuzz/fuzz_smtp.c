/* ER-10, ER-20: what a relay answers, one answer after the other. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/job.h"
#include "mail/smtp_reply.h"
#include "mail/smtp_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_text(const char *text, size_t room)
{
	size_t n = strlen(text);

	if (n >= room)
		abort();
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			abort();
}

static void
check_reply(struct span bytes, ssize_t used, const struct smtp_reply *r)
{
	static const struct smtp_enhanced none;
	char code[24];

	if ((size_t)used > bytes.n || bytes.p[used - 1] != '\n' ||
	    r->code < 200 || r->code > 599 || r->raw.p < bytes.p ||
	    r->raw.p + r->raw.n > bytes.p + used)
		abort();
	check_text(r->text, sizeof(r->text));
	smtp_code_format(code, r->code, &none, r->text);
	check_text(code, sizeof(code));
	if (atoi(code) != r->code)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span bytes = span_mem(data, n);

	while (bytes.n > 0) {
		struct smtp_offer offer = { 0 };
		struct smtp_reply r;
		const char *why = NULL;
		ssize_t used =
		    smtp_reply_read(bytes, &r, &why, smtp_offer_line, &offer);

		if ((used < 0) != (why != NULL))
			abort();
		if (used <= 0)
			break;
		check_reply(bytes, used, &r);
		check_text(offer.names, sizeof(offer.names));
		if ((offer.mechanisms & 1u << SASL_NONE) != 0 ||
		    offer.mechanisms >= 1u << SASL_COUNT)
			abort();
		/* Cut short it goes on; it is no other answer. */
		if (smtp_reply_read(span_cut(bytes, 0, (size_t)used - 1), &r,
			&why, NULL, NULL) != 0)
			abort();
		bytes = span_from(bytes, (size_t)used);
	}
	return 0;
}
