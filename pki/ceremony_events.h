/*
 * What happened to keys and certificates in a ceremony (PK-19), as its
 * transcripts tell: for the audit of the service that uses the CA.  The root is
 * where no database is, so it gets there in a bundle.
 */
#ifndef PKI_CEREMONY_EVENTS_H
#define PKI_CEREMONY_EVENTS_H

#include "pki/bundle.h"

struct ceremony_event {
	const char *event; /* "CA key generated", "CA certificate issued" … */
	const char *label; /* of the CA that it is about, as ca_key_label() */
	const char *text;  /* the line, without time and hash */
	const char *time;  /* as it stands there */
	const char *persons;
	size_t line; /* from 1 */
};

/* PK-209, step 10: the first list of an issuing CA. */
struct ceremony_list {
	struct span der; /* empty: the ceremony made none */
	int64_t number, this_update, next_update;
};

/* One transcript. */
struct ceremony_story {
	const char *name;  /* "root/transcript" */
	const char *label; /* of the CA in whose folder it was */
	const char *began; /* time of the first line */
	const char **hashes;
	size_t line_count;
	struct ceremony_event *events;
	size_t event_count;
	struct ceremony_list list;
};
#define CEREMONY_STORIES_MAX 3

/*
 * Of a bundle that ceremony_bundle_check() has passed; in the job's arena.  0;
 * -1 ERR_MALFORMED for a rehearsal, or for a folder that has no certificate
 * yet.
 */
int ceremony_events(struct job *j, const struct bundle *b,
    struct ceremony_story out[CEREMONY_STORIES_MAX], size_t *count);

#endif
