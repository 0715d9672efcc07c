/* countersign ca record: what a ceremony's bundle tells, in the audit. */
#ifndef SRC_CEREMONY_RECORD_H
#define SRC_CEREMONY_RECORD_H

#include "lib/buf.h"
#include "pki/ceremony_events.h"

struct job;

struct ceremony_recorded {
	size_t fresh; /* events that were written now */
	size_t known; /* transcripts of which nothing was new */
	size_t lists; /* first lists that the database has now (PK-209) */
	/* Why one was not taken over; NULL: none was refused. */
	const char *refusal;
	/* Transcripts of folders that are further ones of their CA: a line
	 * each, which says what it is. */
	const char *others[CEREMONY_STORIES_MAX];
	size_t other_count;
	bool has_judged; /* a list has an audit record that it had not */
};

/*
 * The bundle is checked first; its events that are not on record yet are
 * written in one transaction (PK-19), so the same file, or a later one of the
 * same folders, can be given again.  The first list of an issuing CA comes
 * along (PK-209): the service publishes it as long as it has none of its own.
 * Where another list has its number, it stays out, the audit says so, and the
 * events are recorded all the same.
 * 0; -1 ERR_CONFLICT for an older transcript of a folder that is on record, and
 * for what ceremony_mark_find() does not believe.
 */
int ceremony_record(
    struct job *j, struct span tar, struct ceremony_recorded *out);

/* argv[0] is its name; the exit status. */
int cmd_ca_record(int argc, char **argv);

#endif
