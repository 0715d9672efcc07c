/*
 * Seals: a statement of fields, of which nothing can be changed, moved from
 * one field to another or left out (PK-205).
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/count.h"
#include "lib/hex.h"
#include "lib/seal.h"

#define FIELDS 3

static const struct seal_key *
key(uint8_t first)
{
	uint8_t octets[32];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(first + i);
	return seal_key_new(unit_job()->arena, octets);
}

static const struct span statement[FIELDS] = { { "kind 1", 6 }, { "", 0 },
	{ "a\0b", 3 } };

/* HMAC-SHA256 under 00 01 02 … over the count and each field, both with
 * their lengths in eight octets; made with Python's hmac. */
static const char known[] =
    "fe2ab1452f542ea0860f19c1a3de37903c10b0d6e1247f2efdd578753745122e";

static void
test_known(void **state)
{
	uint8_t seal[SEAL_LEN];

	(void)state;
	seal_make(key(0), statement, FIELDS, seal);
	assert_string_equal(
	    hex_dup(unit_job()->arena, span_mem(seal, SEAL_LEN)), known);
	assert_true(
	    seal_verify(key(0), statement, FIELDS, span_mem(seal, SEAL_LEN)));
}

static void
test_changes(void **state)
{
	static const struct {
		const char *name;
		struct span fields[4];
		size_t count;
	} others[] = {
		{ "other kind", { { "kind 2", 6 }, { "", 0 }, { "a\0b", 3 } },
		    3 },
		{ "moved", { { "kind 1", 6 }, { "a\0b", 3 }, { "", 0 } }, 3 },
		{ "border moved", { { "kind 1", 6 }, { "a", 1 }, { "\0b", 2 } },
		    3 },
		{ "up to the NUL", { { "kind 1", 6 }, { "", 0 }, { "a", 1 } },
		    3 },
		{ "one less", { { "kind 1", 6 }, { "", 0 } }, 2 },
		{ "one more",
		    { { "kind 1", 6 }, { "", 0 }, { "a\0b", 3 }, { "", 0 } },
		    4 },
		{ "none", { { "", 0 } }, 0 },
	};
	uint8_t seal[SEAL_LEN];

	(void)state;
	seal_make(key(0), statement, FIELDS, seal);
	for (size_t i = 0; i < COUNT(others); i++) {
		unit_case("%s", others[i].name);
		assert_false(seal_verify(key(0), others[i].fields,
		    others[i].count, span_mem(seal, SEAL_LEN)));
	}
	assert_false(
	    seal_verify(key(1), statement, FIELDS, span_mem(seal, SEAL_LEN)));
}

/* Each octet of the seal counts, and so does its length. */
static void
test_seal_octets(void **state)
{
	uint8_t seal[SEAL_LEN + 1] = { 0 };

	(void)state;
	seal_make(key(0), statement, FIELDS, seal);
	for (size_t i = 0; i < SEAL_LEN; i++) {
		unit_case("octet %zu", i);
		seal[i] ^= 0x80;
		assert_false(seal_verify(
		    key(0), statement, FIELDS, span_mem(seal, SEAL_LEN)));
		seal[i] ^= 0x80;
		assert_false(
		    seal_verify(key(0), statement, FIELDS, span_mem(seal, i)));
	}
	assert_false(seal_verify(
	    key(0), statement, FIELDS, span_mem(seal, SEAL_LEN + 1)));
	assert_false(seal_verify(key(0), statement, FIELDS, SPAN("")));
}

/* A row of somebody else may be of any size: it is only not sealed. */
static void
test_too_long(void **state)
{
	struct span fields[2] = { SPAN("kind 1"), SPAN("") };
	uint8_t seal[SEAL_LEN] = { 0 };

	(void)state;
	fields[1].n = (size_t)1 << 20;
	fields[1].p = arena_calloc(unit_job()->arena, 1, fields[1].n);
	assert_false(seal_verify(key(0), fields, 2, span_mem(seal, SEAL_LEN)));
}

/* --- key files ----------------------------------------------------------- */

static char path[64];

static int
make_file(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_seal.XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

#define HEX62 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e"

static const struct {
	const char *text;
	mode_t mode;
	bool is_good;
} files[] = {
	{ HEX62 "1f", 0400, true },
	{ HEX62 "1f\n", 0400, true },
	{ HEX62 "1F", 0600, true },
	{ HEX62 "1f", 0444, false },
	{ HEX62 "1f", 0420, false },
	{ HEX62, 0400, false },
	{ HEX62 "1f20", 0400, false },
	{ HEX62 "1g", 0400, false },
	{ HEX62 "1f\n\n", 0400, false },
	{ " " HEX62 "1f", 0400, false },
	{ "", 0400, false },
};

static void
test_load(void **state)
{
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		const struct seal_key *k = NULL;
		uint8_t seal[SEAL_LEN];
		FILE *f;

		unit_case("%zu", i);
		assert_int_equal(chmod(path, 0600), 0);
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(files[i].text, f);
		assert_int_equal(fclose(f), 0);
		assert_int_equal(chmod(path, files[i].mode), 0);
		assert_int_equal(seal_key_load(j, j->arena, path, &k),
		    files[i].is_good ? 0 : -1);
		if (!files[i].is_good) {
			assert_job_error(j, ERR_INTERNAL, NULL);
			assert_non_null(strstr(j->err.text, path));
			assert_null(strstr(j->err.text, "0f10"));
			job_recover(j);
			continue;
		}
		seal_make(k, statement, FIELDS, seal);
		assert_string_equal(
		    hex_dup(j->arena, span_mem(seal, SEAL_LEN)), known);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_known),
	cmocka_unit_test(test_changes),
	cmocka_unit_test(test_seal_octets),
	cmocka_unit_test(test_too_long),
	cmocka_unit_test_setup_teardown(test_load, make_file, remove_file),
};

UNIT_MAIN(tests)
