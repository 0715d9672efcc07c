/*
 * DER (X.690), read and written strictly.
 *
 * The reader accepts exactly one spelling: minimal lengths, definite form,
 * low tag numbers, booleans 00 or FF, minimal integers, sorted SETs.  What it
 * returns are views of its input.  Requests, certificates and lints are read
 * with it and nothing else (PK-56, L-01); OpenSSL sees only what passed.
 *
 * The writer fills a struct buf: der_open() … der_close() around the
 * contents of a constructed element; the buf's sticky failure is asked for
 * once, at the end.
 */
#ifndef PKI_DER_H
#define PKI_DER_H

#include "lib/buf.h"

#define DER_BOOLEAN 0x01
#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_OCTET_STRING 0x04
#define DER_NULL 0x05
#define DER_OID 0x06
#define DER_ENUMERATED 0x0a
#define DER_UTF8_STRING 0x0c
#define DER_NUMERIC_STRING 0x12
#define DER_PRINTABLE_STRING 0x13
#define DER_T61_STRING 0x14
#define DER_IA5_STRING 0x16
#define DER_UTC_TIME 0x17
#define DER_GENERALIZED_TIME 0x18
#define DER_UNIVERSAL_STRING 0x1c
#define DER_BMP_STRING 0x1e
#define DER_SEQUENCE 0x30
#define DER_SET 0x31
#define DER_CONTEXT(n) (0xa0 | (n))           /* [n], constructed */
#define DER_CONTEXT_PRIMITIVE(n) (0x80 | (n)) /* [n], primitive */

struct der {
	uint8_t tag;
	struct span body;  /* content octets */
	struct span whole; /* with identifier and length */
};

/* Takes the first element off `in`: 1, 0 when `in` is empty, -1 when what is
 * there is not an element in DER.  Looks at this level only. */
int der_next(struct span *in, struct der *out);
/* The next element, which has to be `tag`: 0 or -1. */
int der_take(struct span *in, uint8_t tag, struct der *out);
/* The next element if it is `tag`: 1, 0 (nothing taken), -1. */
int der_take_optional(struct span *in, uint8_t tag, struct der *out);
/* `in` is one element `tag` and nothing else: 0 or -1. */
int der_only(struct span in, uint8_t tag, struct der *out);

/* Is the whole of `in` one element in DER, all the way down? */
bool der_is_strict(struct span in);
/* Are the elements of a SET OF in ascending order, none twice? */
bool der_set_is_sorted(struct span body);

/* A BOOLEAN that is TRUE: FALSE is the default wherever we read one, and a
 * default is not written.  0 or -1. */
int der_boolean_true(struct span body);
/* A named bit list of at most `max` bits (no trailing zero bit): 0 with bit
 * i as 1u << i, or -1. */
int der_named_bits(struct span body, unsigned max, unsigned *out);
/* UTCTime or GeneralizedTime in the form of RFC 5280 4.1.2.5: 0 or -1.
 * PK-94: UTCTime exactly through 2049. */
int der_time(const struct der *d, int64_t *out);
/* Dotted decimals, for people; "?" for octets that are not an OID. */
const char *der_oid_text(struct arena *a, struct span oid);

size_t der_open(struct buf *b, uint8_t tag);
void der_close(struct buf *b, size_t mark);
void der_add(struct buf *b, uint8_t tag, struct span body);
void der_add_uint(struct buf *b, uint64_t value);
void der_add_true(struct buf *b);
/* Zero unused bits. */
void der_add_bit_string(struct buf *b, struct span octets);
/* UTCTime through 2049, GeneralizedTime from 2050 (PK-94). */
void der_add_time(struct buf *b, int64_t secs);

#endif
