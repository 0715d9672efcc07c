/*
 * Files that are part of the binary: tables made by tools/embed.
 *
 * The header beside the code that uses a table declares it
 * (extern const struct embed db_schema[];); its last entry has a NULL name.
 * The bytes are followed by a NUL that is not counted.
 */
#ifndef LIB_EMBED_H
#define LIB_EMBED_H

#include "lib/buf.h"

struct embed {
	const char *name; /* the file's name without its folder */
	struct span bytes;
};

/* The entry with this name, or NULL. */
const struct embed *embed_find(const struct embed *table, const char *name);

#endif
