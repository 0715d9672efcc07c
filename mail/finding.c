#include "config.h"

#include "mail/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int
returned(enum finding_class result)
{
	return result == FINDING_PASS || result == FINDING_NOTE ? 0 : -1;
}

int
finding_set(struct finding *f, enum finding_class result, const char *code,
    const char *fmt, ...)
{
	va_list ap;

	/* Writing a number costs more than most checks. */
	if (strchr(fmt, '%') == NULL)
		return finding_set_text(f, result, code, fmt);
	f->result = result;
	f->code = code;
	va_start(ap, fmt);
	/* Cut where it does not fit: reporting cannot fail. */
	(void)vsnprintf(f->detail, sizeof(f->detail), fmt, ap);
	va_end(ap);
	return returned(result);
}

int
finding_set_text(struct finding *f, enum finding_class result, const char *code,
    const char *detail)
{
	size_t n = strnlen(detail, sizeof(f->detail) - 1);

	f->result = result;
	f->code = code;
	memcpy(f->detail, detail, n);
	f->detail[n] = '\0';
	return returned(result);
}

const char *
finding_class_name(enum finding_class c)
{
	switch (c) {
	case FINDING_PASS:
		return "pass";
	case FINDING_NOTE:
		return "note";
	case FINDING_SKIP:
		return "skip";
	case FINDING_DEFER:
		return "defer";
	case FINDING_REFUSE:
		return "refuse";
	}
	return "unknown";
}
