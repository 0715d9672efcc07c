#include "config.h"

#include "tests/unit/unit.h"

#include "lib/embed.h"
#include "lib/fdio.h"

extern const struct embed embed_samples[];

/* The generator's table holds the files' bytes: an empty one, text, and all
 * 256 octets. */
static void
test_table_equals_files(void **state)
{
	static const char *const names[] = { "empty", "text", "octets" };
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct embed *e = embed_find(embed_samples, names[i]);
		struct span file;

		unit_case("%s", names[i]);
		assert_non_null(e);
		assert_ptr_equal(e, &embed_samples[i]);
		assert_int_equal(file_read(j,
				     arena_printf(j->arena, "%s/embed/%s",
					 CS_TEST_DATA, names[i]),
				     1000, &file),
		    0);
		assert_true(span_eq(e->bytes, file));
		assert_int_equal(e->bytes.p[e->bytes.n], '\0');
	}
	assert_null(embed_samples[3].name);
	assert_null(embed_find(embed_samples, "embed/text"));
	assert_null(embed_find(embed_samples, ""));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_table_equals_files),
};

UNIT_MAIN(tests)
