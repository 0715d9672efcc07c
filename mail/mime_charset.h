/*
 * The charsets that a reply's text may be in (MA-58), and the way from them to
 * UTF-8, strictly: an octet that is no character of its charset is refused.
 */
#ifndef MAIL_MIME_CHARSET_H
#define MAIL_MIME_CHARSET_H

#include "lib/buf.h"

struct finding;
struct job;

enum mime_charset {
	MIME_ASCII,
	MIME_UTF_8,
	MIME_LATIN_1,
	MIME_LATIN_9,
	MIME_WINDOWS_1252
};

/* By one of its names, in whatever case: 1, or 0 if it is none of these. */
int mime_charset_find(struct span name, enum mime_charset *out);
/*
 * The octets `s` in UTF-8, line ends as LF, in the job's arena, with room for
 * one octet more in *out: 0, or -1 (mime.charset, mime.encoding).
 */
int mime_charset_to_utf8(struct job *j, struct span s,
    enum mime_charset charset, struct buf *out, struct finding *f);

#endif
