/*
 * The option table: the truth about every option.  Parsing, checking,
 * `countersignd -n`, `countersign init` and the list in countersign.conf(5)
 * come from it; a test compares the page.
 */
#ifndef SRC_CONF_TABLE_H
#define SRC_CONF_TABLE_H

#include "lib/conf.h"

enum conf_type {
	CONF_STRING,
	CONF_PATH, /* relative ones are meant from the file's folder */
	CONF_LIST, /* of strings */
	CONF_BOOL,
	CONF_INTEGER,
	CONF_SECONDS, /* 90, 90s, 15m, 24h, 30d */
	CONF_PERIOD,  /* 2y6m, 110w, 800d: seconds, no shorter than the
		       * calendar's */
	CONF_OCTETS,  /* 65536, 64K, 1M */
	CONF_RATES,   /* "3/1h 6/24h", or none */
	CONF_CHOICE,  /* one of `choices`, stored as its index */
};

/* The longest year, in seconds: the unit of CONF_PERIOD's bounds. */
#define CONF_YEAR (INT64_C(366) * 86400)

/* In the order in which a row is written. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): a few octets */
struct conf_option {
	const char *section; /* "" at the top level */
	const char *name;
	enum conf_type type;
	size_t offset;       /* in struct conf, or in the section's own */
	const char *initial; /* default, as written; NULL: none */
	int64_t min, max;
	const char *choices; /* "core|present|rfc" */
	bool required;
	bool reloads;        /* may change on SIGHUP */
	const char *meaning; /* one sentence */
};

/*
 * A section that has a title and may stand several times: imap NAME { … }.
 * Each becomes a struct whose first member is `const char *name`.
 */
struct conf_section {
	const char *name;
	const char *title; /* what the title is, for people */
	size_t size;
	size_t array_offset; /* in struct conf: the structs … */
	size_t count_offset; /* … and how many */
	bool reloads;        /* all of them may change on SIGHUP */
	/* What an option is that is not set and has no default: those of the
	 * table are set already.  May be NULL. */
	void (*inherit)(const struct conf *c, void *fresh);
};

extern const struct conf_section conf_sections[];
extern const size_t conf_section_count;
/* NULL for a section without titles. */
const struct conf_section *conf_section_find(const char *name);

extern const struct conf_option conf_options[];
extern const size_t conf_option_count;

#endif
