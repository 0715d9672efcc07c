/*
 * The vectors in tests/data/acme-vectors.json, as jansson values.
 *
 *	json_t *cases = vectors_at("jws_invalid/cases");
 *	size_t i; json_t *c;
 *	json_array_foreach(cases, i, c)
 *		unit_case("%s", vectors_str(c, "name"));
 *
 * A path that is not in the file fails the test.  Values are borrowed.
 */
#ifndef TESTS_UNIT_VECTORS_H
#define TESTS_UNIT_VECTORS_H

/* What our own json.h calls by the same names. */
#define json_type jansson_type
#define json_string jansson_string
#define json_integer jansson_integer
#include <jansson.h>
#undef json_type
#undef json_string
#undef json_integer

#include "lib/buf.h"

struct job;

/* The nonce that the vectors are signed with. */
#define VECTOR_NONCE "Q3VzaWduLXRlc3Qtbm9uY2UtMDAwMQ"

/* A value by its path of member names, from the top. */
json_t *vectors_at(const char *path);
/* A string member's text; a member of any type, or NULL if there is none. */
const char *vectors_str(const json_t *object, const char *name);
json_t *vectors_get(const json_t *object, const char *name);
/* As compact JSON text, in the job's arena. */
struct span vectors_dump(struct job *j, const json_t *value);
/* The element of an array whose "name" is this. */
json_t *vectors_named(const json_t *array, const char *name);

#endif
