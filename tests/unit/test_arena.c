#include "config.h"

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"

static char released[16];
static size_t released_count;

static void
release(void *x)
{
	released[released_count++] = *(char *)x;
}

static void
test_alloc_is_zeroed_and_aligned(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 17, 100, 4095, 4096, 4097,
		16384, 20000, 1000000 };
	struct arena *a = arena_new();

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < COUNT(sizes); i++) {
			unsigned char *p = arena_alloc(a, sizes[i]);

			unit_case("round %d, %zu octets", round, sizes[i]);
			assert_non_null(p);
			assert_int_equal(
			    (uintptr_t)p % _Alignof(max_align_t), 0);
			for (size_t k = 0; k < sizes[i]; k++)
				assert_int_equal(p[k], 0);
			memset(p, 0xff, sizes[i]);
		}
	}
	arena_free(a);
}

/* Nothing that was given out is given out again. */
static void
test_allocations_are_apart(void **state)
{
	struct arena *a = arena_new();
	unsigned char *p[500];

	(void)state;
	for (size_t i = 0; i < 500; i++) {
		size_t n = 1 + i * 37 % 5000;

		p[i] =
		    i % 7 == 0 ? arena_alloc_secret(a, n) : arena_alloc(a, n);
		memset(p[i], (int)(i % 251), n);
	}
	for (size_t i = 0; i < 500; i++) {
		size_t n = 1 + i * 37 % 5000;

		for (size_t k = 0; k < n; k++)
			assert_int_equal(p[i][k], i % 251);
	}
	arena_free(a);
}

static void
test_owners_run_in_reverse_and_once(void **state)
{
	static char names[] = "abc";
	struct arena *a = arena_new();

	(void)state;
	released_count = 0;
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(arena_own(a, &names[i], release), &names[i]);
	assert_null(arena_own(a, NULL, release));
	arena_clear(a);
	assert_int_equal(released_count, 3);
	assert_memory_equal(released, "cba", 3);

	arena_clear(a);
	assert_int_equal(released_count, 3);
	arena_own(a, &names[1], release);
	arena_free(a);
	assert_int_equal(released_count, 4);
	assert_int_equal(released[3], 'b');
}

/* What stays of an emptied arena is no less zero. */
static void
test_used_again(void **state)
{
	static const unsigned char zero[3000];
	struct arena *a = arena_new();

	(void)state;
	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < 20; i++) {
			void *p = arena_alloc(a, sizeof(zero));

			assert_memory_equal(p, zero, sizeof(zero));
			memset(p, 0xff, sizeof(zero));
		}
		memset(arena_alloc(a, 100000), 0xff, 100000);
		arena_clear(a);
	}
	arena_free(a);
}

/* An owner may look into the arena's memory while it is released. */
static void
test_owner_may_live_in_the_arena(void **state)
{
	struct arena *a = arena_new();
	char *x = arena_alloc_secret(a, 1);
	char *y = arena_alloc(a, 1);

	(void)state;
	*x = 'x';
	*y = 'y';
	released_count = 0;
	arena_own(a, x, release);
	arena_own(a, y, release);
	arena_free(a);
	assert_memory_equal(released, "yx", 2);
}

static void
test_copies(void **state)
{
	struct arena *a = arena_new();
	char *long_text;

	(void)state;
	assert_string_equal(arena_strdup(a, ""), "");
	assert_string_equal(arena_strdup(a, "alice"), "alice");
	assert_memory_equal(arena_memdup(a, "a\0b", 3), "a\0b", 3);
	assert_non_null(arena_memdup(a, NULL, 0));
	assert_string_equal(arena_printf(a, "%s-%d", "x", 42), "x-42");
	long_text = arena_printf(a, "%05000d", 7);
	assert_int_equal(strlen(long_text), 5000);
	assert_int_equal(long_text[4999], '7');
	arena_free(a);
}

static void
test_for_ever(void **state)
{
	char *p = xstrdup("text");
	unsigned char *q = xcalloc(3, 5);

	(void)state;
	arena_free(NULL);
	p = xrealloc(p, 100);
	assert_string_equal(p, "text");
	for (int i = 0; i < 15; i++)
		assert_int_equal(q[i], 0);
	free(p);
	free(q);
	p = xmalloc(0);
	assert_non_null(p);
	free(p);
}

static void
test_grow(void **state)
{
	struct arena *a = arena_new();
	int *list = NULL;

	(void)state;
	for (size_t count = 0; count < 100; count++) {
		list = arena_grow(a, list, count, sizeof(*list));
		assert_int_equal(list[count], 0);
		list[count] = (int)count + 1;
		for (size_t i = 0; i <= count; i++)
			assert_int_equal(list[i], (int)i + 1);
	}
	arena_free(a);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_alloc_is_zeroed_and_aligned),
	cmocka_unit_test(test_allocations_are_apart),
	cmocka_unit_test(test_owners_run_in_reverse_and_once),
	cmocka_unit_test(test_used_again),
	cmocka_unit_test(test_owner_may_live_in_the_arena),
	cmocka_unit_test(test_copies),
	cmocka_unit_test(test_grow),
	cmocka_unit_test(test_for_ever),
};

UNIT_MAIN(tests)
