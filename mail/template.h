/*
 * A template of the challenge mail, text or HTML: words in braces stand for
 * values, and a line with one that is not set is left out.
 *
 * Templates that an installation brings are checked when they are read
 * (template_check.h); expanding one cannot fail but for its length.
 */
#ifndef MAIL_TEMPLATE_H
#define MAIL_TEMPLATE_H

#include "lib/buf.h"

struct job;

enum template_value {
	TEMPLATE_CA_NAME,
	TEMPLATE_MAILBOX,
	TEMPLATE_EXPIRES,
	TEMPLATE_HELP_URL, /* NULL: none; the others are always there */
	TEMPLATE_VALUES
};

/* "{mailbox}" */
extern const char *const template_names[TEMPLATE_VALUES];

struct template_values {
	const char *v[TEMPLATE_VALUES];
};

/* Of one part, expanded; three times as much in quoted-printable. */
#define TEMPLATE_PART_MAX 32768

/* Text with paragraphs filled to 72 columns, and HTML with values escaped:
 * lines end in LF.  ERR_INTERNAL if it gets longer than TEMPLATE_PART_MAX. */
int template_text(struct job *j, struct span template,
    const struct template_values *values, struct span *out);
int template_html(struct job *j, struct span template,
    const struct template_values *values, struct span *out);

/* What stands in <title>, or nothing. */
struct span template_title(struct span html);

/* Code points, since that is what a reader sees. */
size_t template_width(struct span text);

#define TEMPLATE_FILL_WIDTH 72

/* Is what stands from `at` to `end` a word, and not a part of one? */
bool template_is_word(struct span s, size_t at, size_t end);

#endif
