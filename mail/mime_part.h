/*
 * The MIME structure of a message as a tree of parts (MA-55, MA-56).
 *
 * mime_part_parse() cuts the message at its boundaries, strictly: at most
 * four multiparts inside one another, at most 32 parts, every delimiter line
 * exact, every multipart closed.  It decodes nothing and judges no types;
 * spans point into the message.
 */
#ifndef MAIL_MIME_PART_H
#define MAIL_MIME_PART_H

#include "mail/mime.h"

#define MIME_DEPTH_MAX 4
#define MIME_PARTS_MAX 32

enum mime_encoding {
	MIME_UNSTATED, /* no Content-Transfer-Encoding */
	MIME_7BIT,
	MIME_8BIT,
	MIME_BINARY,
	MIME_QUOTED_PRINTABLE,
	MIME_BASE64,
};

struct mime_part {
	struct field *fields;
	size_t field_count;
	struct mime_type type; /* text/plain where no field says it */
	enum mime_encoding encoding;
	bool attachment;    /* Content-Disposition other than inline */
	struct span octets; /* header and body, as they lie in the message */
	struct span body;   /* without the CRLF that the delimiter owns */
	/* Of a multipart; or the one that an opened layer holds
	 * (mail/smime_layer.h). */
	struct mime_part *parts;
	size_t part_count;
	struct span preamble;
};

/* 0, or -1 with a mime.* finding. */
int mime_part_parse(struct job *j, const struct message *m,
    struct mime_part *root, struct finding *f);
/* The same for what a part of another message holds, which lies in `depth`
 * layers already. */
int mime_part_parse_inner(struct job *j, const struct message *m, size_t depth,
    struct mime_part *root, struct finding *f);
/* The transfer encoding undone: 0, or -1 (mime.encoding). */
int mime_part_decode(struct job *j, const struct mime_part *p, struct span *out,
    struct finding *f);
/* `subtype` NULL: any. */
bool mime_part_is(
    const struct mime_part *p, const char *type, const char *subtype);

#endif
