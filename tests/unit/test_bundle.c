/*
 * A ceremony's files as one tar file (PK-214): any octet that is another is
 * found, and so is all that tar could say besides.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "lib/count.h"
#include "pki/bundle.h"

#define BLOCK 512

static struct bundle bundle, back;

static struct span
sample(struct job *j)
{
	struct span tar;

	bundle.n = 3;
	bundle.v[0] = (struct bundle_entry){ "root/root.pem", SPAN("PEM\n") };
	bundle.v[1] = (struct bundle_entry){ "issued/01.pem", SPAN("") };
	bundle.v[2] = (struct bundle_entry){ "lints", SPAN("pass\n") };
	assert_int_equal(bundle_write(j, &bundle, &tar), 0);
	return tar;
}

static void
refuse(struct job *j, struct span tar, const char *why)
{
	assert_int_equal(bundle_read(j, tar, &back), -1);
	assert_int_equal(j->err.kind, ERR_MALFORMED);
	if (why != NULL && strstr(j->err.text, why) == NULL)
		fail_msg("%s: %s", why, j->err.text);
	job_recover(j);
}

/* PK-214 */
static void
test_round(void **state)
{
	struct job *j = unit_job();
	struct span tar = sample(j);

	(void)state;
	assert_int_equal(tar.n % BLOCK, 0);
	assert_int_equal(bundle_read(j, tar, &back), 0);
	assert_int_equal(back.n, 3);
	assert_string_equal(back.v[0].name, "issued/01.pem");
	assert_string_equal(back.v[1].name, "lints");
	assert_string_equal(back.v[2].name, "root/root.pem");
	assert_span_equal(back.v[2].data, "PEM\n");
	assert_string_equal(back.sha256, bundle.sha256);
	assert_span_equal(bundle_find(&back, "lints")->data, "pass\n");
	assert_null(bundle_find(&back, "manifest"));
}

/* PK-214: each octet in turn, one bit and all of them; cut at each length, and
 * with something behind it. */
static void
test_flip(void **state)
{
	struct job *j = unit_job();
	struct span tar = sample(j);
	char *copy = arena_alloc(j->arena, tar.n + BLOCK);

	(void)state;
	memset(copy, 0, tar.n + BLOCK);
	for (size_t i = 0; i < tar.n; i++) {
		memcpy(copy, tar.p, tar.n);
		copy[i] ^= 1;
		refuse(j, span_mem(copy, tar.n), NULL);
		copy[i] = (char)~copy[i];
		refuse(j, span_mem(copy, tar.n), NULL);
	}
	for (size_t n = 0; n < tar.n; n++)
		refuse(j, span_cut(tar, 0, n), NULL);
	memcpy(copy, tar.p, tar.n);
	refuse(j, span_mem(copy, tar.n + 1), NULL);
	refuse(j, span_mem(copy, tar.n + BLOCK), NULL);
}

/* The checksum again, of a header that was changed. */
static void
sum_up(char *header)
{
	unsigned sum = 0;
	char text[8];

	memset(header + 148, ' ', 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)header[i];
	snprintf(text, sizeof(text), "%06o", sum);
	memcpy(header + 148, text, 7);
}

/* PK-214: paths that lead out, links, folders, other owners and modes, although
 * their checksums are right. */
static void
test_headers(void **state)
{
	static const struct {
		size_t at;
		const char *text;
		size_t n;
		const char *why;
	} cases[] = {
		{ 0, "../issued/01.p", 14, "a name" },
		{ 0, "/issued/01.pem", 14, "a name" },
		{ 0, "issued/../x.pe", 14, "a name" },
		{ 0, "issued//01.pem", 14, "a name" },
		{ 0, ".issued/01.pem", 14, "a name" },
		{ 0, "issued\\01.pem\0", 14, "a name" },
		{ 0, "issued/\xc3\xa4.pem\0", 14, "a name" },
		{ 156, "1", 1, "no plain file" }, /* hard link */
		{ 156, "2", 1, "no plain file" }, /* symbolic link */
		{ 156, "5", 1, "no plain file" }, /* folder */
		{ 156, "x", 1, "no plain file" }, /* pax */
		{ 156, "L", 1, "no plain file" }, /* GNU's long name */
		{ 156, "\0", 1, "no plain file" },
		{ 157, "/etc/passwd", 11, "no plain file" },
		{ 345, "..", 2, "no plain file" }, /* prefix */
		{ 100, "0004755", 7, "no plain file" },
		{ 108, "0000001", 7, "no plain file" },
		{ 136, "00000000001", 11, "no plain file" },
		{ 265, "root", 4, "no plain file" },
		{ 124, "77777777777", 11, "its size" },
		{ 124, "\x80\0\0\0\0\0\0\0\0\0\0", 11, "its size" },
		{ 124, "-0000000001", 11, "its size" },
		{ 124, "00000100000", 11, "cut short" },
		{ 124, "00000000001", 11, NULL },
	};
	struct job *j = unit_job();
	struct span tar = sample(j);
	size_t second = 2 * BLOCK; /* behind the manifest */

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *copy = arena_memdup(j->arena, tar.p, tar.n);

		memcpy(copy + second + cases[i].at, cases[i].text, cases[i].n);
		sum_up(copy + second);
		unit_case("%zu", i);
		refuse(j, span_mem(copy, tar.n), cases[i].why);
	}
}

/* Blocks of the sample in another sequence. */
static struct span
blocks(struct job *j, struct span tar, const int *list, size_t n)
{
	struct buf b;

	buf_init(&b, j->arena, 64 * 1024);
	for (size_t i = 0; i < n; i++)
		buf_add(&b, span_cut(tar, (size_t)list[i] * BLOCK,
				((size_t)list[i] + 1) * BLOCK));
	return buf_span(&b);
}

/* PK-214: files in another order, one twice, one missing, one too many, no
 * manifest, the manifest elsewhere or twice. */
static void
test_files(void **state)
{
	/* 0, 1 manifest; 2 issued (empty); 3, 4 lints; 5, 6 root; 7, 8 end */
	static const int whole[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const int reordered[] = { 0, 1, 3, 4, 2, 5, 6, 7, 8 };
	static const int twice[] = { 0, 1, 2, 3, 4, 3, 4, 5, 6, 7, 8 };
	static const int missing[] = { 0, 1, 2, 5, 6, 7, 8 };
	static const int none[] = { 2, 3, 4, 5, 6, 7, 8 };
	static const int last[] = { 2, 3, 4, 5, 6, 0, 1, 7, 8 };
	static const int two[] = { 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const int early[] = { 0, 1, 2, 7, 8, 3, 4, 5, 6, 7, 8 };
	struct job *j = unit_job();
	struct span tar = sample(j), other;
	struct buf mixed;

	(void)state;
	assert_int_equal(tar.n, 9 * BLOCK);
	assert_int_equal(bundle_read(j, blocks(j, tar, whole, 9), &back), 0);
	refuse(j, blocks(j, tar, reordered, 9), "not in its place");
	refuse(j, blocks(j, tar, twice, 11), "not in its place");
	refuse(j, blocks(j, tar, missing, 7), "the files differ");
	refuse(j, blocks(j, tar, none, 7), "not its first file");
	refuse(j, blocks(j, tar, last, 9), "not its first file");
	refuse(j, blocks(j, tar, two, 11), "there twice");
	refuse(j, blocks(j, tar, early, 11), NULL);
	/* The manifest of another bundle. */
	bundle.n = 4;
	bundle.v[3] = (struct bundle_entry){ "zz", SPAN("more") };
	assert_int_equal(bundle_write(j, &bundle, &other), 0);
	buf_init(&mixed, j->arena, 64 * 1024);
	buf_add(&mixed, span_cut(tar, 0, (size_t)2 * BLOCK));
	buf_add(&mixed, span_from(other, (size_t)2 * BLOCK));
	refuse(j, buf_span(&mixed), "the files differ");
}

/* PK-214: what cannot be read again is not written. */
static void
test_names(void **state)
{
	static char too_long[101];
	static const char *const bad[] = { "", "/a", "a/", "../a", "a/../b",
		"a//b", ".a", "a/.b", "manifest", "a b", "a\nb", too_long };
	struct job *j = unit_job();
	struct span tar;

	(void)state;
	memset(too_long, 'x', sizeof(too_long) - 1);
	for (size_t i = 0; i < COUNT(bad); i++) {
		unit_case("%s", bad[i]);
		assert_false(bundle_name_is_good(bad[i]));
		bundle.n = 1;
		bundle.v[0] = (struct bundle_entry){ bad[i], SPAN("") };
		assert_int_equal(bundle_write(j, &bundle, &tar), -1);
		job_recover(j);
	}
	assert_true(bundle_name_is_good("root/issued/01ab.pem"));
	bundle.n = 2;
	bundle.v[0] = bundle.v[1] = (struct bundle_entry){ "a", SPAN("") };
	assert_int_equal(bundle_write(j, &bundle, &tar), -1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_round),
	cmocka_unit_test(test_flip),
	cmocka_unit_test(test_headers),
	cmocka_unit_test(test_files),
	cmocka_unit_test(test_names),
};

UNIT_MAIN(tests)
