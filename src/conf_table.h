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
	CONF_OCTETS,  /* 65536, 64K, 1M */
	CONF_RATES,   /* "3/1h 6/24h", or none */
	CONF_CHOICE,  /* one of `choices`, stored as its index */
};

/* In the order in which a row is written. */
/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): a few octets */
struct conf_option {
	const char *section; /* "" at the top level */
	const char *name;
	enum conf_type type;
	size_t offset;       /* in struct conf */
	const char *initial; /* default, as written; NULL: none */
	int64_t min, max;
	const char *choices; /* "core|present|rfc" */
	bool required;
	bool reloads;        /* may change on SIGHUP */
	const char *meaning; /* one sentence */
};

extern const struct conf_option conf_options[];
extern const size_t conf_option_count;

#endif
