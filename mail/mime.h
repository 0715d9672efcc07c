/*
 * MIME, as little of it as a reply needs (ER-27, MA-55 to MA-59).
 *
 * mime_find_text() goes from the root to the one text/plain leaf that may be
 * read, and returns its decoded text in UTF-8 with LF line ends;
 * format=flowed is undone.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "mail/field.h"
#include "mail/mime_type.h"

struct mime_text {
	struct span text; /* decoded, UTF-8, lines end in LF */
	bool wrapped;     /* inside multipart/mixed or multipart/signed */
};

/* 0, or -1 with a mime.* finding. */
int mime_find_text(struct job *j, const struct message *m,
    struct mime_text *out, struct finding *f);

/* The same in two steps (mail/mime_part.h): which part of the tree is read,
 * and its text.  0, or -1 with a mime.* finding. */
struct mime_part;
int mime_text_part(const struct message *m, const struct mime_part *root,
    const struct mime_part **leaf, bool *wrapped, struct finding *f);
int mime_part_text(struct job *j, const struct mime_part *p, struct span *out,
    struct finding *f);
/* Of a text in format=flowed, each of its lines alone, without the blank that
 * says that it goes on: not every signature covers that blank. */
bool mime_part_is_flowed(const struct mime_part *p);
int mime_part_lines(struct job *j, const struct mime_part *p, struct span *out,
    struct finding *f);

/* Strict decoders: 0 or -1. */
int mime_decode_qp(struct job *j, struct span in, struct span *out);
int mime_decode_base64(struct job *j, struct span in, struct span *out);
/* RFC 2047 words in an unstructured field, UTF-8 and US-ASCII only (ER-23):
 * unfolded, decoded text; 0 or -1. */
int mime_decode_words(struct job *j, struct span body, struct span *out);

/* An encoded word as lenient readers find it: anything may stand around it, and
 * blanks and "?" in its text. */
struct mime_word {
	struct span charset; /* without the language of RFC 2231 */
	char encoding;       /* 'b' or 'q' */
	struct span text;
};

/* Up to where the last word can end: who looks for the next one in all of `s`
 * reads what is left for each that only begins. */
struct span mime_words_of(struct span s);
/* The word that begins at *at, which moves behind it; or false. */
bool mime_word_at(struct span s, size_t *at, struct mime_word *out);
/* Its octets; "=" that is no escape stays.  0, or -1 for what is not quite
 * base64. */
int mime_word_undo(struct job *j, const struct mime_word *w, struct span *out);
/* The same wherever such words stand, in whatever charset, to their octets,
 * which are valid in none; what cannot be undone stays.  For looking for what
 * may speak against a message, never for what speaks for it. */
struct span mime_undo_words(struct job *j, struct span body);

#endif
