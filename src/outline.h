/*
 * An outline of named values, written as text for people or as JSON by the
 * same calls, so that both have the same content.
 *
 *	outline_begin(&o, "caa");
 *	outline_list(&o, "issuer_domains", &list);
 *	outline_end(&o);
 *
 * Names are JSON's; people see blanks for underscores.
 */
#ifndef SRC_OUTLINE_H
#define SRC_OUTLINE_H

#include "lib/buf.h"
#include "lib/json.h"

struct conf_list;

struct outline {
	struct buf *b;
	bool is_json;
	struct json_out json;
	int depth;
	bool has_words;   /* in the list that is written */
	bool is_empty;    /* the rows that are written */
	bool begins_item; /* the next name is an item's first */
};

/* The whole of it is one object. */
void outline_init(struct outline *o, struct buf *b, bool is_json);
void outline_done(struct outline *o);

/* A group with a name. */
void outline_begin(struct outline *o, const char *name);
void outline_end(struct outline *o);
/* A row of groups without names, each with outline_item() and outline_end(). */
void outline_rows(struct outline *o, const char *name);
void outline_item(struct outline *o);
void outline_rows_end(struct outline *o);

/* NULL: JSON's null, and "none" for people. */
void outline_text(struct outline *o, const char *name, const char *value);
void outline_number(struct outline *o, const char *name, int64_t value);
void outline_bool(struct outline *o, const char *name, bool value);
/* Seconds, under a name that ends with _secs: for people "3 days". */
void outline_secs(struct outline *o, const char *name, int64_t secs);
/* A list of texts, for people with semicolons: begin, any number of words, end;
 * or all at once. */
void outline_words(struct outline *o, const char *name);
void outline_word(struct outline *o, const char *word);
void outline_words_end(struct outline *o);
void outline_list(
    struct outline *o, const char *name, const struct conf_list *list);

#endif
