/*
 * A message as bytes and header fields: the one parser (MA principle 1).
 *
 * message_parse() checks size, NUL, line ends and the shape of the header
 * section (MA-1 to MA-6) and splits it; every later decision, DKIM's hashes
 * included, reads the spans that it returns.  Nothing is copied: spans point
 * into the raw message, which outlives the struct.
 */
#ifndef MAIL_FIELD_H
#define MAIL_FIELD_H

#include "lib/buf.h"

struct finding;
struct job;

struct field {
	struct span name; /* as written, without colon */
	struct span body; /* after the colon, folded as received, without the
			   * CRLF that ends the field */
	struct span raw;  /* name to final CRLF */
};

struct message {
	struct span raw;
	struct field *fields; /* top to bottom */
	size_t field_count;
	struct span body; /* after the empty line */
};

struct message_limits {
	size_t message_max; /* MA-1 */
};

/* 0, or -1 with the finding (msg.*).  MA-1 to MA-4. */
int message_parse(struct job *j, struct span raw,
    const struct message_limits *limits, struct message *out,
    struct finding *f);
/* MA-5 (duplicates, required fields) and MA-6 (UTF-8): 0, or -1 (hdr.*). */
int message_check_fields(const struct message *m, struct finding *f);

/*
 * A header section alone, of a message or of a MIME part (MA-1, MA-4): the
 * fields up to the first empty line, and *rest behind it.  0, or -1 (msg.*).
 */
int field_section_parse(struct job *j, struct span text, struct field **fields,
    size_t *count, struct span *rest, struct finding *f);
size_t field_count(const struct field *fields, size_t count, struct span name);
/* The topmost of that name, or NULL. */
const struct field *field_find(
    const struct field *fields, size_t count, const char *name);

size_t message_count(const struct message *m, const char *name);
/* The topmost field of that name, or NULL. */
const struct field *message_field(const struct message *m, const char *name);
/* Unfolded, trimmed body in the arena. */
struct span field_unfold(struct job *j, const struct field *f);

/* LF line ends become CRLF, for input from a local file (MA-3): each of them.
 * A CR before one is no part of it but stands in the message, which is then
 * refused as it would have been before it became a file. */
struct span message_from_lf(struct job *j, struct span raw);

#endif
