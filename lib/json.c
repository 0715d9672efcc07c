#include "config.h"

#include "lib/json.h"

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
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/log.h"

/* AC-25 */
#define MAX_DEPTH 16
#define MAX_ITEMS 1000
#define MAX_NUMBER 32

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

/* --- before jansson: limits, and what it would not tell apart ----------- */

enum scan_result { SCAN_OK, SCAN_LIMIT, SCAN_CHARACTER };

struct scan {
	struct span text;
	size_t at;
	int depth;
	size_t items, items_max;
	bool opened; /* nothing but white space since [ or { */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The four hexadecimal digits at `at`, or -1. */
static int
hex4(struct span text, size_t at)
{
	int value = 0;

	if (at + 4 > text.n)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		char c = ascii_lower(text.p[at + i]);

		if (ascii_is_digit(c))
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else
			return -1;
	}
	return value;
}

static bool
is_escape_u(struct span text, size_t at)
{
	return at + 1 < text.n && text.p[at] == '\\' && text.p[at + 1] == 'u';
}

/* AC-27: is the \uXXXX at s->at a character?  Goes on behind it. */
static bool
scan_escape_u(struct scan *s)
{
	int unit = hex4(s->text, s->at + 2);
	int low;

	s->at += 2;
	if (unit < 0)
		return true; /* not JSON: jansson says so */
	s->at += 4;
	if (unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff))
		return false;
	if (unit < 0xd800 || unit > 0xdbff)
		return true;
	low = is_escape_u(s->text, s->at) ? hex4(s->text, s->at + 2) : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return false;
	s->at += 6;
	return true;
}

/* From behind the opening quote to behind the closing one. */
static enum scan_result
scan_string(struct scan *s)
{
	bool good = true;

	while (s->at < s->text.n && s->text.p[s->at] != '"') {
		if (is_escape_u(s->text, s->at))
			good = scan_escape_u(s) && good;
		else
			s->at += s->text.p[s->at] == '\\' ? 2 : 1;
	}
	s->at++;
	return good ? SCAN_OK : SCAN_CHARACTER;
}

/* Numbers and the three words. */
static enum scan_result
scan_word(struct scan *s)
{
	size_t start = s->at;
	bool number =
	    s->text.p[start] == '-' || ascii_is_digit(s->text.p[start]);

	while (s->at < s->text.n &&
	       (ascii_is_alnum(s->text.p[s->at]) || s->text.p[s->at] == '+' ||
		   s->text.p[s->at] == '-' || s->text.p[s->at] == '.'))
		s->at++;
	if (s->at == start)
		s->at++;
	return number && s->at - start > MAX_NUMBER ? SCAN_LIMIT : SCAN_OK;
}

/* One token.  Items are the commas, and one more for each pair of brackets
 * that is not empty. */
static enum scan_result
scan_token(struct scan *s)
{
	char c = s->text.p[s->at];
	bool opened = s->opened;

	if (is_blank(c)) {
		s->at++;
		return SCAN_OK;
	}
	s->opened = c == '[' || c == '{';
	if ((opened && c != ']' && c != '}') || c == ',')
		s->items++;
	if (s->items > s->items_max)
		return SCAN_LIMIT;
	switch (c) {
	case '[':
	case '{':
		s->at++;
		return ++s->depth > MAX_DEPTH ? SCAN_LIMIT : SCAN_OK;
	case ']':
	case '}':
		s->depth--;
		s->at++;
		return SCAN_OK;
	case '"':
		s->at++;
		return scan_string(s);
	case ',':
	case ':':
		s->at++;
		return SCAN_OK;
	default:
		return scan_word(s);
	}
}

static enum scan_result
scan(struct span text, size_t items_max)
{
	struct scan s = { .text = text, .items_max = items_max };
	enum scan_result worst = SCAN_OK;

	while (s.at < text.n) {
		enum scan_result r = scan_token(&s);

		if (r == SCAN_LIMIT)
			return r;
		if (r != SCAN_OK)
			worst = r;
	}
	return worst;
}

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
	while (w->at < w->text.n && is_blank(w->text.p[w->at]))
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
	struct scan s = { .text = w->text };

	skip_blanks(w);
	s.at = w->at;
	if (s.at < s.text.n && strchr(first, s.text.p[s.at]) != NULL)
		(void)scan_token(&s);
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

/* One value; goes behind its last character.  scan() has bounded the depth. */
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
		out->integer = json_integer_value(v);
		expect_scalar(w, "-0123456789");
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
	/* The other codes all mean "not JSON". */
	switch ((int)json_error_code(error)) {
	case json_error_out_of_memory:
		return job_fail(j, ERR_BUSY, "%s: out of memory", what);
	case json_error_duplicate_key:
		return fail_duplicate(j, text, error);
	case json_error_numeric_overflow:
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
	struct json *root;
	struct walk w;
	json_t *v;

	/* jansson 2.14 drops a NUL that follows a number or a word. */
	if (span_find(text, 0, '\0') < text.n)
		return not_one(j, what, type);
	switch (scan(text, items_max)) {
	case SCAN_OK:
		break;
	case SCAN_LIMIT:
		return job_fail(
		    j, ERR_MALFORMED, "JSON exceeds the limits of this server");
	case SCAN_CHARACTER:
		return job_fail(
		    j, ERR_MALFORMED, "string with a forbidden character");
	}
	v = json_loadb(
	    text.n == 0 ? "" : text.p, text.n, JSON_REJECT_DUPLICATES, &error);
	if (v == NULL)
		return fail_jansson(j, text, what, type, &error);
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

		if (!quoted && is_blank(c))
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

/* --- writing ------------------------------------------------------------- */

void
json_out_init(struct json_out *o, struct buf *b)
{
	*o = (struct json_out){ .b = b };
}

/* Before a name or a value. */
static void
separate(struct json_out *o)
{
	if (o->comma)
		buf_add_char(o->b, ',');
	o->comma = true;
}

static void
begin(struct json_out *o, char bracket)
{
	separate(o);
	buf_add_char(o->b, bracket);
	o->comma = false;
}

static void
end(struct json_out *o, char bracket)
{
	buf_add_char(o->b, bracket);
	o->comma = true;
}

void
json_object_begin(struct json_out *o)
{
	begin(o, '{');
}

void
json_object_end(struct json_out *o)
{
	end(o, '}');
}

void
json_array_begin(struct json_out *o)
{
	begin(o, '[');
}

void
json_array_end(struct json_out *o)
{
	end(o, ']');
}

/* Octets of the UTF-8 sequence at the start of s, or 0 if it is none
 * (RFC 3629: no surrogate, nothing longer than needed, at most U+10FFFF). */
static size_t
utf8_len(struct span s)
{
	static const struct {
		unsigned char first_min, first_max, second_min, second_max;
		size_t n;
	} forms[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const unsigned char *p = (const unsigned char *)s.p;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (p[0] < forms[i].first_min || p[0] > forms[i].first_max)
			continue;
		if (s.n < forms[i].n ||
		    (forms[i].n > 1 && (p[1] < forms[i].second_min ||
					   p[1] > forms[i].second_max)))
			return 0;
		for (size_t k = 2; k < forms[i].n; k++) {
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].n;
	}
	return 0;
}

/* One character of s, whose length in s is returned. */
static size_t
put_character(struct buf *b, struct span s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = utf8_len(s);

	if (n == 0) {
		buf_add_str(b, "\xef\xbf\xbd"); /* U+FFFD */
		return 1;
	}
	if (c == '"' || c == '\\') {
		buf_add_char(b, '\\');
		buf_add_char(b, (char)c);
	} else if (c < 0x20 || c == 0x7f) {
		buf_addf(b, "\\u%04x", (unsigned)c);
	} else {
		buf_add_mem(b, s.p, n);
	}
	return n;
}

/* How many octets at the beginning stand for themselves. */
static size_t
plain_length(struct span s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= 0x20 && s.p[n] < 0x7f && s.p[n] != '"' &&
	       s.p[n] != '\\')
		n++;
	return n;
}

static void
put_quoted(struct buf *b, struct span s)
{
	buf_add_char(b, '"');
	while (s.n > 0) {
		size_t n = plain_length(s);

		buf_add_mem(b, s.p, n);
		s = span_from(s, n);
		if (s.n > 0)
			s = span_from(s, put_character(b, s));
	}
	buf_add_char(b, '"');
}

void
json_key(struct json_out *o, const char *name)
{
	separate(o);
	put_quoted(o->b, span_str(name));
	buf_add_char(o->b, ':');
	o->comma = false;
}

void
json_put_string(struct json_out *o, struct span s)
{
	separate(o);
	put_quoted(o->b, s);
}

void
json_put_int(struct json_out *o, int64_t v)
{
	separate(o);
	buf_addf(o->b, "%jd", (intmax_t)v);
}

void
json_put_bool(struct json_out *o, bool v)
{
	separate(o);
	buf_add_str(o->b, v ? "true" : "false");
}

void
json_put_null(struct json_out *o)
{
	separate(o);
	buf_add_str(o->b, "null");
}

void
json_put_raw(struct json_out *o, struct span json)
{
	separate(o);
	buf_add(o->b, json);
}

void
json_member_string(struct json_out *o, const char *name, struct span s)
{
	json_key(o, name);
	json_put_string(o, s);
}

void
json_member_str(struct json_out *o, const char *name, const char *s)
{
	json_member_string(o, name, span_str(s));
}

void
json_member_int(struct json_out *o, const char *name, int64_t v)
{
	json_key(o, name);
	json_put_int(o, v);
}

void
json_member_bool(struct json_out *o, const char *name, bool v)
{
	json_key(o, name);
	json_put_bool(o, v);
}

void
json_member_time(struct json_out *o, const char *name, int64_t secs)
{
	char text[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(secs, text);
	json_member_str(o, name, text);
}
