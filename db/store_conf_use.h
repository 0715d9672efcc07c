/*
 * What each host's configuration file says, and what its server goes by: one
 * row for each host, of the supervisor.
 */
#ifndef DB_STORE_CONF_USE_H
#define DB_STORE_CONF_USE_H

#include "db/store.h"

struct conf_use {
	const char *host;
	const char *file;
	const char *used_sha256; /* of what is in use, in hexadecimal */
	const char *file_sha256; /* of the file; "": it cannot be read */
	const char *restart;     /* options that count only then; "": none */
	int64_t looked_at;       /* at the file */
	int64_t refused_at;      /* the last SIGHUP; 0: it was not */
	const char *refused;     /* why */
};

/* In the caller's transaction: that is how it is now. */
int store_conf_use_put(struct job *j, const struct conf_use *u);
/* Of each host where a role runs, as far as is known, and has been seen since
 * (db/store_life.h). */
int store_conf_use_list(
    struct job *j, int64_t since, struct conf_use **out, size_t *count);

#endif
