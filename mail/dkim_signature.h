/*
 * One DKIM-Signature field, read and checked before anything is asked or
 * computed (RFC 6376 3.5; MA-12 to MA-22, MA-38).
 *
 *	dkim_signature_open()   tags, version, d= and s=: whose is it?
 *	dkim_signature_check()  all the other rules
 */
#ifndef MAIL_DKIM_SIGNATURE_H
#define MAIL_DKIM_SIGNATURE_H

#include "mail/dkim_canon.h"
#include "mail/dkim_key.h"
#include "mail/dkim_tags.h"
#include "mail/field.h"

#define DKIM_NAMES_MAX 200 /* MA-21 */

struct dkim_signature {
	const struct field *field;
	const char *domain; /* d=, lower-case A-labels; NULL if not readable */
	const char *selector;        /* s=, likewise */
	const char *identity_domain; /* of i=, or d= */
	enum dkim_key_type type;     /* a= */
	enum dkim_canon header_canon, body_canon;
	struct span header_list; /* h= as received */
	struct span *names;
	size_t name_count;
	struct span body_hash; /* 32 octets */
	struct span value;     /* b=, decoded */
	struct dkim_tags tags; /* last, as they are large */
};

/* 0, or -1: dkim.tag-syntax, duplicate-tag, version, missing-tag,
 * domain-syntax, selector-syntax, idna; hdr.bad-utf8 (REFUSE). */
int dkim_signature_open(struct job *j, const struct field *f,
    struct dkim_signature *out, struct finding *why);

/* 0, or -1 with the dkim.* code.  `arrival` is the moment that t= and x=
 * are compared with. */
int dkim_signature_check(struct job *j, struct dkim_signature *s,
    int64_t arrival, struct finding *why);

#endif
