/*
 * A Content-Type field as values (RFC 2045 section 5.1, MA-56): what one of the
 * readers of a mail might read in another way than the next is refused.
 *
 * Spans belong to the job's arena or point into what was parsed.
 */
#ifndef MAIL_MIME_TYPE_H
#define MAIL_MIME_TYPE_H

#include "lib/buf.h"

struct finding;
struct job;

struct mime_param {
	struct span name;  /* lower case */
	struct span value; /* unquoted */
};
struct mime_type {
	struct span type;    /* lower case: "text" */
	struct span subtype; /* lower case: "plain" */
	struct mime_param *params;
	size_t param_count;
};

/* Parses a Content-Type body strictly (MA-56): 0, or -1 (mime.parameter). */
int mime_type_parse(
    struct job *j, struct span body, struct mime_type *out, struct finding *f);
/* What may follow a value: *( ";" name "=" value ); as above. */
int mime_params_parse(
    struct job *j, struct span text, struct mime_type *out, struct finding *f);
/* A parameter by lower-case name: 1 or 0. */
int mime_param_get(
    const struct mime_type *t, const char *name, struct span *out);

#endif
