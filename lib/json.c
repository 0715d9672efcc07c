#include "config.h"

#include "lib/json.h"

#include <stdlib.h>
#include <string.h>

/* What our own json.h calls by the same names. */
#define json_type jansson_type
#define json_string jansson_string
#define json_integer jansson_integer
#include <jansson.h>
#undef json_type
#undef json_string
#undef json_integer

#include "lib/arena.h"
#include "lib/job.h"
#include "lib/json_scan.h"
#include "lib/log.h"

#define MAX_ITEMS 1000 /* AC-25 */

/*
 * A value: jansson's, and where it stands in the text.  jansson says what is
 * JSON and decodes it; the text is kept so that json_dup() repeats a value as
 * it was written.
 */
struct json {
	enum json_type type;
	struct span source;
	struct span string;
	int64_t integer; /* also of JSON_T_BOOL */
	const char **names;
	struct json *items; /* of arrays and objects */
	size_t count;
};

/* --- after jansson: the tree, with each value's place in the text ------- */

/* Through the text that jansson has accepted.  Where it reads something else
 * than jansson read, the text is refused: one of the two is wrong. */
struct walk {
	struct arena *arena;
	struct span text;
	size_t at;
	bool differs;
};

static void
skip_blanks(struct walk *w)
{
	while (w->at < w->text.n && json_is_blank(w->text.p[w->at]))
		w->at++;
}

static void
expect(struct walk *w, char c)
{
	skip_blanks(w);
	if (w->at < w->text.n && w->text.p[w->at] == c)
		w->at++;
	else
		w->differs = true;
}

/* A string, number or word that begins with one of `first`. */
static void
expect_scalar(struct walk *w, const char *first)
{
	struct json_scan s = { .text = w->text };

	skip_blanks(w);
	s.at = w->at;
	if (s.at < s.text.n && strchr(first, s.text.p[s.at]) != NULL)
		(void)json_scan_token(&s);
	else
		w->differs = true;
	w->at = s.at;
}

static void build(struct walk *w, json_t *v, struct json *out);

static void
build_array(struct walk *w, json_t *v, struct json *out)
{
	out->count = json_array_size(v);
	out->items = arena_calloc(w->arena, out->count, sizeof(*out->items));
	expect(w, '[');
	for (size_t i = 0; i < out->count; i++) {
		if (i > 0)
			expect(w, ',');
		build(w, json_array_get(v, i), &out->items[i]);
	}
	expect(w, ']');
}

/* jansson keeps members in the order of the text. */
static void
build_object(struct walk *w, json_t *v, struct json *out)
{
	const char *name;
	json_t *member;
	size_t i = 0;

	out->count = json_object_size(v);
	out->items = arena_calloc(w->arena, out->count, sizeof(*out->items));
	out->names = arena_calloc(w->arena, out->count, sizeof(*out->names));
	expect(w, '{');
	json_object_foreach (v, name, member) {
		if (i > 0)
			expect(w, ',');
		expect_scalar(w, "\"");
		expect(w, ':');
		out->names[i] = arena_strdup(w->arena, name);
		build(w, member, &out->items[i++]);
	}
	expect(w, '}');
}

static void
build_string(struct walk *w, json_t *v, struct json *out)
{
	size_t n = json_string_length(v);
	char *copy = arena_alloc(w->arena, n + 1);

	memcpy(copy, json_string_value(v), n);
	out->string = span_mem(copy, n);
	expect_scalar(w, "\"");
}

/* One value; goes behind its last character.  json_scan() has bounded the
 * depth. */
static void
build(struct walk *w, json_t *v, struct json *out)
{
	size_t start;

	skip_blanks(w);
	start = w->at;
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		out->type = JSON_T_OBJECT;
		build_object(w, v, out);
		break;
	case JSON_ARRAY:
		out->type = JSON_T_ARRAY;
		build_array(w, v, out);
		break;
	case JSON_STRING:
		out->type = JSON_T_STRING;
		build_string(w, v, out);
		break;
	case JSON_INTEGER:
		out->type = JSON_T_INTEGER;
		expect_scalar(w, "-0123456789");
		/* jansson may have read a part of it.  A bracket follows. */
		out->integer = strtoll(w->text.p + start, NULL, 10);
		break;
	case JSON_REAL:
		out->type = JSON_T_REAL;
		expect_scalar(w, "-0123456789");
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		out->type = JSON_T_BOOL;
		out->integer = json_is_true(v);
		expect_scalar(w, out->integer != 0 ? "t" : "f");
		break;
	case JSON_NULL:
		out->type = JSON_T_NULL;
		expect_scalar(w, "n");
		break;
	}
	out->source = span_cut(w->text, start, w->at);
}

/* --- reading ------------------------------------------------------------- */

/* The string token that ends at `end`, decoded; NULL if there is none. */
static json_t *
token_before(struct span text, size_t end)
{
	size_t start;

	if (end < 2 || end > text.n || text.p[end - 1] != '"')
		return NULL;
	for (start = end - 2;; start--) {
		size_t escapes = 0;

		while (text.p[start] == '"' && escapes < start &&
		       text.p[start - 1 - escapes] == '\\')
			escapes++;
		if (text.p[start] == '"' && escapes % 2 == 0)
			break;
		if (start == 0)
			return NULL;
	}
	return json_loadb(text.p + start, end - start, JSON_DECODE_ANY, NULL);
}

/* AC-24, AC-22: the name escaped and cut, here without the quotes. */
static int
fail_duplicate(struct job *j, struct span text, const json_error_t *error)
{
	size_t end = error->position < 0 ? 0 : (size_t)error->position;
	json_t *name = token_before(text, end);
	struct log_quoted quoted;
	const char *closing;

	if (name == NULL)
		return job_fail(j, ERR_MALFORMED, "duplicate member");
	log_quote(&quoted,
	    span_mem(json_string_value(name), json_string_length(name)));
	json_decref(name);
	closing = strrchr(quoted.text, '"');
	return job_fail(j, ERR_MALFORMED, "duplicate member %.*s%s",
	    (int)(closing - quoted.text - 1), quoted.text + 1, closing + 1);
}

static int
not_one(struct job *j, const char *what, enum json_type type)
{
	return job_fail(j, ERR_MALFORMED, "%s is not a JSON %s", what,
	    type == JSON_T_ARRAY ? "array" : "object");
}

static int
fail_jansson(struct job *j, struct span text, const char *what,
    enum json_type type, const json_error_t *error)
{
	/* The other codes all mean "not JSON".  Numbers were made to fit. */
	switch ((int)json_error_code(error)) {
	case json_error_out_of_memory:
		return job_fail(j, ERR_BUSY, "%s: out of memory", what);
	case json_error_duplicate_key:
		return fail_duplicate(j, text, error);
	case json_error_stack_overflow:
		return job_fail(
		    j, ERR_MALFORMED, "JSON exceeds the limits of this server");
	default:
		return not_one(j, what, type);
	}
}

static void
release(void *x)
{
	json_decref(x);
}

/* One value of that type, "object" or "array", and nothing else. */
static int
parse(struct job *j, struct span text, const char *what, enum json_type type,
    size_t items_max, const struct json **out)
{
	json_error_t error;
	struct span fitted = text;
	struct json *root;
	struct walk w;
	json_t *v;

	/* jansson 2.14 drops a NUL that follows a number or a word. */
	if (span_find(text, 0, '\0') < text.n)
		return not_one(j, what, type);
	switch (json_scan(text, items_max)) {
	case JSON_SCAN_OK:
		break;
	case JSON_SCAN_LARGE:
		fitted = json_scan_fit(j->arena, text);
		break;
	case JSON_SCAN_LIMIT:
		return job_fail(
		    j, ERR_MALFORMED, "JSON exceeds the limits of this server");
	case JSON_SCAN_CHARACTER:
		return job_fail(
		    j, ERR_MALFORMED, "string with a forbidden character");
	}
	v = json_loadb(fitted.n == 0 ? "" : fitted.p, fitted.n,
	    JSON_REJECT_DUPLICATES, &error);
	if (v == NULL)
		return fail_jansson(j, fitted, what, type, &error);
	arena_own(j->arena, v, release);
	if (type == JSON_T_ARRAY ? !json_is_array(v) : !json_is_object(v))
		return not_one(j, what, type);

	/* Our own copy: the value may live longer than the caller's text. */
	w = (struct walk){ .arena = j->arena };
	w.text = span_mem(arena_memdup(j->arena, text.p, text.n), text.n);
	root = arena_alloc(j->arena, sizeof(*root));
	build(&w, v, root);
	skip_blanks(&w);
	if (w.differs || w.at != text.n)
		return not_one(j, what, type);
	*out = root;
	return 0;
}

int
json_parse_object(
    struct job *j, struct span text, const char *what, const struct json **out)
{
	return json_parse_many(j, text, what, MAX_ITEMS, out);
}

int
json_parse_many(struct job *j, struct span text, const char *what,
    size_t items_max, const struct json **out)
{
	return parse(j, text, what, JSON_T_OBJECT, items_max, out);
}

int
json_parse_list(struct job *j, struct span text, const char *what,
    size_t items_max, const struct json **out)
{
	return parse(j, text, what, JSON_T_ARRAY, items_max, out);
}

enum json_type
json_type(const struct json *v)
{
	return v == NULL ? JSON_T_ABSENT : v->type;
}

const struct json *
json_get(const struct json *object, const char *name)
{
	if (json_type(object) != JSON_T_OBJECT)
		return NULL;
	for (size_t i = 0; i < object->count; i++) {
		if (strcmp(object->names[i], name) == 0)
			return &object->items[i];
	}
	return NULL;
}

size_t
json_count(const struct json *array_or_object)
{
	return array_or_object == NULL ? 0 : array_or_object->count;
}

const struct json *
json_at(const struct json *array, size_t i)
{
	return i < json_count(array) ? &array->items[i] : NULL;
}

struct span
json_string(const struct json *v)
{
	if (json_type(v) != JSON_T_STRING)
		return SPAN("");
	return v->string;
}

int64_t
json_integer(const struct json *v)
{
	return json_type(v) == JSON_T_INTEGER ? v->integer : 0;
}

bool
json_bool(const struct json *v)
{
	return json_type(v) == JSON_T_BOOL && v->integer != 0;
}

const char *
json_name_at(const struct json *object, size_t i)
{
	if (json_type(object) != JSON_T_OBJECT || i >= object->count)
		return NULL;
	return object->names[i];
}

char *
json_dup(struct job *j, const struct json *v)
{
	char *copy = arena_alloc(j->arena, v->source.n + 1);
	char *out = copy;
	bool quoted = false;

	for (size_t i = 0; i < v->source.n; i++) {
		char c = v->source.p[i];

		if (!quoted && json_is_blank(c))
			continue;
		if (c == '"')
			quoted = !quoted;
		*out++ = c;
		if (quoted && c == '\\')
			*out++ = v->source.p[++i];
	}
	*out = '\0';
	return copy;
}

/* AC-26: 1 with the member, 0 if absent or null, -1 if it is something else
 * than `type`. */
static int
get_typed(struct job *j, const struct json *object, const char *name,
    enum json_type type, const struct json **out)
{
	static const char *const wanted[] = {
		[JSON_T_BOOL] = "a boolean",
		[JSON_T_INTEGER] = "an integer",
		[JSON_T_STRING] = "a string",
		[JSON_T_ARRAY] = "an array",
		[JSON_T_OBJECT] = "an object",
	};
	const struct json *v = json_get(object, name);

	if (v == NULL || v->type == JSON_T_NULL)
		return 0;
	if (v->type != type) {
		job_fail(j, ERR_MALFORMED, "%s must be %s", name, wanted[type]);
		return -1;
	}
	*out = v;
	return 1;
}

int
json_get_string(struct job *j, const struct json *object, const char *name,
    struct span *out)
{
	const struct json *v;
	int found = get_typed(j, object, name, JSON_T_STRING, &v);

	if (found > 0)
		*out = v->string;
	return found;
}

int
json_get_bool(
    struct job *j, const struct json *object, const char *name, bool *out)
{
	const struct json *v;
	int found = get_typed(j, object, name, JSON_T_BOOL, &v);

	if (found > 0)
		*out = v->integer != 0;
	return found;
}

int
json_get_integer(
    struct job *j, const struct json *object, const char *name, int64_t *out)
{
	const struct json *v;
	int found = get_typed(j, object, name, JSON_T_INTEGER, &v);

	if (found > 0)
		*out = v->integer;
	return found;
}

int
json_get_array(struct job *j, const struct json *object, const char *name,
    const struct json **out)
{
	return get_typed(j, object, name, JSON_T_ARRAY, out);
}

int
json_get_object(struct job *j, const struct json *object, const char *name,
    const struct json **out)
{
	return get_typed(j, object, name, JSON_T_OBJECT, out);
}
