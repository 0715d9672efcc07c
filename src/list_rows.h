/*
 * What a revocation list takes from the rows of certificates, held against the
 * certificates themselves: whoever may write rows can have one listed where
 * nobody who meets the certificate looks (L-62), or lost (L-66).
 */
#ifndef SRC_LIST_ROWS_H
#define SRC_LIST_ROWS_H

#include <stddef.h>
#include <stdint.h>

struct crl;
struct crl_entry;
struct crl_input;
struct issuer;
struct job;
struct revoked;

struct list_rows {
	struct revoked *v;
	size_t count;
	const struct crl_entry *entries; /* sorted and unique (PK-151) */
	size_t entry_count;
	size_t spoiled, strays; /* rows that were told */
};

/*
 * The revoked rows of the list's shard, and the entries that they make; what
 * expired before `last_update` was on the list of then (PK-160).
 *
 * L-62, L-65: each row that this list shows for the first time is held against
 * what it holds, under the issuer's seal or signature.  No row stops the list
 * of all others:
 *
 *	another number	the certificate's is listed, and is the row's from here
 *			on; told with each list until the row is put right
 *	no number	the same; where nothing in the row is the issuer's no
 *			certificate could be listed, so it is left out, its
 *			serial is empty, and it stays due
 *	another list	listed as the row says, and told once
 *	nobody's	the same
 *
 * 0, or -1.
 */
int list_rows_collect(const struct issuer *i, struct job *j,
    const struct crl *list, int64_t last_update, struct list_rows *out);

/*
 * L-66: what the shard's former list has, the next one has too, but for a
 * certificate that ended before the former list (PK-160), or names another
 * list, as it does after a row that said otherwise was put right.  All else
 * goes on, is added to *next and told: an entry whose certificate no row of
 * this CA holds, as after a restore from a backup that is older than the list,
 * and one whose row is revoked and says another list or end than the
 * certificate.  -1 where its row says that it is not revoked.  One that was
 * there for keyCompromise is so again, whatever the row says now (PK-180), and
 * told.
 */
int list_rows_keep(const struct issuer *i, struct job *j, int64_t shard,
    const struct crl_input *former, struct crl_input *next);

/* That there were such rows, when the list is made: 0, or -1. */
int list_rows_record(const struct issuer *i, struct job *j, int64_t shard,
    const struct list_rows *rows);

#endif
