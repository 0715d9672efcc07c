/*
 * Tag lists: "v=1; a=rsa-sha256; d=…" (RFC 6376 3.2), in signatures and key
 * records.  Strict by the ABNF; nothing is copied or changed.
 */
#ifndef MAIL_DKIM_TAGS_H
#define MAIL_DKIM_TAGS_H

#include "lib/buf.h"

#define DKIM_TAGS_MAX 32 /* MA-12 */

struct dkim_tag {
	struct span name;
	struct span value; /* without the white space around it */
	/* All between "=" and ";", white space included: offsets in the
	 * list (what MA-26 takes out for b=). */
	size_t from, to;
};

struct dkim_tags {
	struct dkim_tag tags[DKIM_TAGS_MAX];
	size_t count;
	/* Where a name of one letter is, and one: most have one, and all are
	 * asked for by name. */
	unsigned char letter[128];
};

enum dkim_tags_fault {
	DKIM_TAGS_OK,
	DKIM_TAGS_SYNTAX, /* or more than 32 tags */
	DKIM_TAGS_DUPLICATE,
};

enum dkim_tags_fault dkim_tags_parse(struct span list, struct dkim_tags *out);
/* The tag of exactly that name, or NULL. */
const struct dkim_tag *dkim_tags_find(
    const struct dkim_tags *t, struct span name);
static inline const struct dkim_tag *
dkim_tags_get(const struct dkim_tags *t, const char *name)
{
	return dkim_tags_find(t, span_str(name));
}

/*
 * The next element of a colon-separated list, without the white space around
 * it: true and *out, *rest moved on; false at the end.  A list of n colons has
 * n + 1 elements, which may be empty.  Start with `*more` true.
 */
bool dkim_list_next(struct span *rest, bool *more, struct span *out);
/* Is `word` an element of the list? */
bool dkim_list_has(struct span list, const char *word);

#endif
