#include "config.h"

#include "mail/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
finding_set(struct finding *f, enum finding_class result, const char *code,
    const char *fmt, ...)
{
	size_t n = strcspn(fmt, "%");
	va_list ap;

	f->result = result;
	f->code = code;
	if (n < sizeof(f->detail) && fmt[n] == '\0') {
		memcpy(f->detail, fmt, n + 1);
	} else {
		va_start(ap, fmt);
		/* Cut where it does not fit: reporting cannot fail. */
		(void)vsnprintf(f->detail, sizeof(f->detail), fmt, ap);
		va_end(ap);
	}
	return result == FINDING_PASS || result == FINDING_NOTE ? 0 : -1;
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
