/*
 * One reading of one configuration file: what was found where, and the
 * mistakes in it.  Shared by conf_file.c and conf_parse.c.
 */
#ifndef SRC_CONF_READING_H
#define SRC_CONF_READING_H

#include "src/conf_file.h"

struct arena;
struct conf_option;

/* How an option came to its value, to notice a second time. */
struct conf_setting {
	int line;      /* 0: not set */
	char *first;   /* a list's first value */
	unsigned size; /* of a list, so far */
	bool closed;   /* its closing brace was seen */
	int doubled;   /* the line where it was reported */
};

/* The options of one section, or all those of sections without a title. */
struct conf_place {
	const char *section; /* "" for the latter */
	const char *title;
	struct conf_setting *set; /* of each option of the table */
	struct conf_place *next;
};

struct conf_reading {
	struct arena *arena;
	const char *path;
	const char *folder;        /* of the file */
	const struct span *octets; /* of the file; NULL: it is read */
	const char *sha256;        /* of its octets, once they are read */
	conf_report_fn *report;
	void *ctx;
	unsigned mistakes;
	bool is_perspective; /* a file of its kind */
	bool is_of_linters;  /* nothing else in it is looked at */
	struct conf_place untitled;
	/* What libconfuse said of the latest attempt. */
	int error_line;
	char error_text[256];
};

/* Reports it and counts it; line 0: of none. */
void conf_mistake(struct conf_reading *r, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* For conf_check.c: a mistake found by looking at the values.  ctx is the
 * reading. */
void conf_report_check(void *ctx, const char *option, const char *message);

struct conf_place *conf_place_new(
    struct arena *a, const char *section, const char *title);
/* Made when it is first seen, in the order of the file. */
struct conf_place *conf_place_of(
    struct conf_reading *r, const char *section, const char *title);

/* "section.name" as people write it in messages, or "imap two: name". */
const char *conf_full_name(struct conf_reading *r, const struct conf_place *p,
    const struct conf_option *o);
/* The option whose name is nearest to the word, for "did you mean", or NULL. */
const char *conf_nearest(struct conf_reading *r, const char *word);
/* A word that no option is called by: "web.listen", as messages and the manual
 * call one (so that it is no secret), is a mistake of its own: was it? */
bool conf_report_full_name(struct conf_reading *r, const char *word);

#endif
