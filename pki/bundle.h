/*
 * A ceremony's files as one tar file (PK-214).  Of all that tar can say there
 * is one form here: files only, in the order of their names, mode 0644, of
 * nobody and of no time, and first the manifest, which names each with its
 * SHA-256 and ends with its own.  So no octet can be another without being
 * noticed.
 *
 *	countersign-bundle 1
 *	SHA256 OCTETS NAME
 *	…
 *	end SHA256
 */
#ifndef PKI_BUNDLE_H
#define PKI_BUNDLE_H

#include "lib/buf.h"

struct job;

#define BUNDLE_ENTRIES_MAX 1000
#define BUNDLE_MAX ((size_t)32 * 1024 * 1024)

struct bundle_entry {
	const char *name; /* "root/root.pem" */
	struct span data;
};

struct bundle {
	struct bundle_entry v[BUNDLE_ENTRIES_MAX];
	size_t n; /* without the manifest */
	/* Of the manifest: what is compared with the paper. */
	char sha256[65];
};

/* Parts of letters, digits, "-", "_" and ".", which they do not begin with,
 * with "/" between them; at most 99 octets; not "manifest". */
bool bundle_name_is_good(const char *name);

/* Sorts the entries, makes the manifest and writes all of it: 0, or -1
 * ERR_INTERNAL. */
int bundle_write(struct job *j, struct bundle *b, struct span *out);

/* The opposite, into spans of `tar`.  0, or -1 ERR_MALFORMED saying what is
 * wrong. */
int bundle_read(struct job *j, struct span tar, struct bundle *out);

/* NULL if there is none. */
const struct bundle_entry *bundle_find(
    const struct bundle *b, const char *name);

#endif
