#include "config.h"

#include "tests/unit/vectors.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static json_t *root;

static void
unload(void)
{
	json_decref(root);
}

static json_t *
load(void)
{
	json_error_t error;

	if (root != NULL)
		return root;
	root = json_load_file(CS_TEST_DATA "/acme-vectors.json",
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (root == NULL)
		fail_msg("%s:%d: %s", error.source, error.line, error.text);
	atexit(unload);
	return root;
}

json_t *
vectors_at(const char *path)
{
	json_t *v = load();
	char name[64];

	for (const char *p = path; *p != '\0';) {
		size_t n = strcspn(p, "/");

		assert_true(n < sizeof(name));
		memcpy(name, p, n);
		name[n] = '\0';
		v = json_object_get(v, name);
		if (v == NULL)
			fail_msg("no %s in the vectors", path);
		p += n;
		if (*p == '/')
			p++;
	}
	return v;
}

json_t *
vectors_get(const json_t *object, const char *name)
{
	return json_object_get(object, name);
}

const char *
vectors_str(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	if (s == NULL)
		fail_msg("no string %s in the vector", name);
	return s;
}

struct span
vectors_dump(struct job *j, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	char *copy = arena_strdup(j->arena, text);

	free(text);
	return span_str(copy);
}

json_t *
vectors_named(const json_t *array, const char *name)
{
	size_t i;
	json_t *v;

	json_array_foreach (array, i, v) {
		const char *s = json_string_value(json_object_get(v, "name"));

		if (s != NULL && strcmp(s, name) == 0)
			return v;
	}
	fail_msg("no vector named %s", name);
	return NULL;
}
