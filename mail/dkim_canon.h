/*
 * Canonicalization and header selection (RFC 6376 3.4, 3.7, 5.4.2; MA-25,
 * MA-26), the same code for verifying and signing.
 *
 * The canonical form is never built: it flows through a dkim_out in pieces to
 * wherever its sink takes it, a digest as a rule.  Memory is constant.
 */
#ifndef MAIL_DKIM_CANON_H
#define MAIL_DKIM_CANON_H

#include "mail/field.h"

struct sha256_ctx;

enum dkim_canon { DKIM_SIMPLE, DKIM_RELAXED };

typedef void dkim_sink_fn(void *ctx, struct span piece);

struct dkim_out {
	dkim_sink_fn *sink;
	void *ctx;
	size_t n;
	char room[1024];
};

/* Pieces go to `sink` with `ctx`. */
void dkim_out_init(struct dkim_out *o, dkim_sink_fn *sink, void *ctx);
/* Hands on what is left; call it once at the end. */
void dkim_out_flush(struct dkim_out *o);

/* A whole body, as it stands after the empty line. */
void dkim_canon_body(struct dkim_out *o, enum dkim_canon c, struct span body);
/* One field with its CRLF. */
void dkim_canon_field(
    struct dkim_out *o, enum dkim_canon c, const struct field *f);
/*
 * The DKIM-Signature field itself: body [from, to), which is the value of b=
 * with the white space around it, is left out, and so is the last CRLF.
 */
void dkim_canon_signature(struct dkim_out *o, enum dkim_canon c,
    const struct field *f, size_t from, size_t to);

/*
 * The fields that a list of names selects, in the list's order: per name from
 * the bottom of the message upwards; NULL where none is left.  `self` (the
 * signature's own field, or NULL) is never selected.
 */
const struct field **dkim_select(struct job *j, const struct message *m,
    const struct span *names, size_t count, const struct field *self);

/* SHA-256 of a canonical body. */
void dkim_body_hash(struct sha256_ctx *ctx, enum dkim_canon c, struct span body,
    uint8_t out[32]);
/* What a signature's hash is over. */
struct dkim_header {
	enum dkim_canon canon;
	const struct field *const *selected;
	size_t count;
	const struct field *signature;
	size_t from, to; /* of b= in its body, as above */
};

/* SHA-256 of the selected fields and the signature field. */
void dkim_header_hash(
    struct sha256_ctx *ctx, const struct dkim_header *h, uint8_t out[32]);

#endif
