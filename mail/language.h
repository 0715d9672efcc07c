/*
 * Languages of the challenge mail: which one a client wants (ER-18, RFC 9110
 * section 12.5.4), and how a moment is written for its readers.
 */
#ifndef MAIL_LANGUAGE_H
#define MAIL_LANGUAGE_H

#include "lib/buf.h"

struct job;

/* How a date is written; NULL in struct language: 2026-03-03, 10:00 UTC. */
struct date_form {
	const char *after_day, *zone;
	const char *months[12];
};

struct language {
	const char *tag; /* in lower case: "de", "pt-br" */
	const struct date_form *date;
	struct span text, html; /* templates */
};

#define LANGUAGE_TAG_MAX 35 /* RFC 5646 section 4.4.1 */

/* "de", "pt-br", as in the name of a template: lower case. */
bool language_is_tag(struct span tag);
/* The built-in form of a language's dates, or NULL. */
const struct date_form *language_date_form(const char *tag);

/* The language of a tag, or of its beginning ("de-AT": de), or NULL. */
const struct language *language_find(
    const struct language *v, size_t count, struct span tag);
/* What an Accept-Language wants most of those that there are, the first of
 * equals; `fallback` if there is none, or `accept` is NULL. */
const struct language *language_choose(const struct language *v, size_t count,
    const char *accept, const struct language *fallback);

/* A moment, in UTC, as that language writes it. */
const char *language_date(
    struct job *j, const struct language *l, int64_t secs);

#endif
