/*
 * JSON in and out.  json.c alone knows jansson.
 *
 * Reading is strict (AC-23 to AC-27): one value, RFC 8259 grammar, UTF-8
 * without byte-order mark, nothing after it but white space, no duplicate
 * names, depth at most 16, at most 1000 members and elements, numbers of at
 * most 32 characters, no U+0000 and no unpaired surrogate in strings.
 * A parsed value belongs to the job's arena; pointers and spans taken from
 * it live as long.
 *
 * Writing (json_out.c): a json_out over a buf puts the commas and escapes.
 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include "lib/buf.h"

struct job;
struct json; /* a parsed value */

/*
 * 0, or -1 with ERR_MALFORMED.  `what` names the text in the error ("request
 * body", "payload"): "<what> is not a JSON object", "duplicate member <name>",
 * "JSON exceeds the limits of this server", "string with a forbidden
 * character".
 */
int json_parse_object(
    struct job *j, struct span text, const char *what, const struct json **out);
/* The same with another limit for members and elements. */
int json_parse_many(struct job *j, struct span text, const char *what,
    size_t items_max, const struct json **out);
/* The same for an array. */
int json_parse_list(struct job *j, struct span text, const char *what,
    size_t items_max, const struct json **out);

enum json_type {
	JSON_T_ABSENT,
	JSON_T_NULL,
	JSON_T_BOOL,
	JSON_T_INTEGER,
	JSON_T_REAL,
	JSON_T_STRING,
	JSON_T_ARRAY,
	JSON_T_OBJECT
};
enum json_type json_type(const struct json *v); /* NULL: JSON_T_ABSENT */

/* A member by exact name, or NULL.  `object` may be NULL. */
const struct json *json_get(const struct json *object, const char *name);
size_t json_count(const struct json *array_or_object);
const struct json *json_at(const struct json *array, size_t i);
/* jansson has functions of these two names: the linker must not take ours for
 * them, so it knows ours by another name. */
struct span json_string(const struct json *v) __asm__(
    "cs_json_string"); /* empty if no string */
/* One that 64 bits do not hold: INT64_MAX or INT64_MIN; 0 if no integer. */
int64_t json_integer(const struct json *v) __asm__("cs_json_integer");
bool json_bool(const struct json *v);
/* The i-th member's name, for objects whose names are not known. */
const char *json_name_at(const struct json *object, size_t i);
/* The value as compact text, in the order and spelling it came in. */
char *json_dup(struct job *j, const struct json *v);

/*
 * Members of a known type (AC-26): 1 found, 0 absent or (for an optional
 * one) null, -1 with ERR_MALFORMED "<name> must be <type>".
 */
int json_get_string(struct job *j, const struct json *object, const char *name,
    struct span *out);
int json_get_bool(
    struct job *j, const struct json *object, const char *name, bool *out);
/* Written without fraction or exponent: "<name> must be an integer"; as large
 * as json_integer() has it. */
int json_get_integer(
    struct job *j, const struct json *object, const char *name, int64_t *out);
int json_get_array(struct job *j, const struct json *object, const char *name,
    const struct json **out);
int json_get_object(struct job *j, const struct json *object, const char *name,
    const struct json **out);

struct json_out {
	struct buf *b;
	bool comma;
};
void json_out_init(struct json_out *o, struct buf *b);
void json_object_begin(struct json_out *o);
void json_object_end(struct json_out *o);
void json_array_begin(struct json_out *o);
void json_array_end(struct json_out *o);
void json_key(struct json_out *o, const char *name);
void json_put_string(struct json_out *o, struct span s);
void json_put_int(struct json_out *o, int64_t v);
void json_put_bool(struct json_out *o, bool v);
void json_put_null(struct json_out *o);
/* Text that is JSON already. */
void json_put_raw(struct json_out *o, struct span json);
/* Member shorthands. */
void json_member_string(struct json_out *o, const char *name, struct span s);
void json_member_str(struct json_out *o, const char *name, const char *s);
void json_member_int(struct json_out *o, const char *name, int64_t v);
void json_member_bool(struct json_out *o, const char *name, bool v);
/* A moment in RFC 3339. */
void json_member_time(struct json_out *o, const char *name, int64_t secs);
/* The SHA-256 of what is not put itself, in hexadecimal. */
void json_member_sha256(
    struct json_out *o, const char *name, struct span octets);

#endif
