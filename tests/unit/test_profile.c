/* The profiles that ship: AC-161, AC-163, PK-18, PK-100, PK-101. */
#include "config.h"

#include "pki/profile.h"

#include <string.h>

#include "lib/digest.h"
#include "lib/hex.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "tests/unit/unit.h"

enum { S = 1 << KEY_CLASS_SIGNING, E = 1 << KEY_CLASS_ENCRYPTION };
enum { D = 1 << KEY_CLASS_DUAL };

/* PK-18: records hold the hash of the text.  Whoever changes a text gives it
 * another number, and the hash of the former one stays in the history. */
static const struct {
	const char *name, *policy, *sha256;
	unsigned classes;
} expected[] = {
	{ "mailbox-strict", "67810c01050103",
	    "dec2cc0115677411cf133a3ca28b499f6a5d4ee930db0546e30b2fe96d5559a2",
	    S | E | D },
	{ "mailbox-multipurpose", "67810c01050102",
	    "1d991b7bef7d2eef1b6fa776a476eebb8611473b316eecb43ceaf7c29b92f8e5",
	    S | E | D },
	{ "mailbox-signing", "67810c01050103",
	    "073f17d626546dc8658420ba5bb315194fb188ea5d5b4c3ecaf013a1da76fee7",
	    S },
	{ "mailbox-encryption", "67810c01050103",
	    "31b9cc24d373ba134367c4eda37ea4ac19d5aa10d52ab5c80cb329fed1cb950b",
	    E },
};

static void
test_table(void **state)
{
	struct job *j = unit_job();
	(void)state;

	assert_int_equal(profile_count, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < profile_count; i++) {
		const struct profile *p = &profiles[i];
		uint8_t hash[SHA256_LEN];

		unit_case("%s", expected[i].name);
		assert_string_equal(p->name, expected[i].name);
		assert_ptr_equal(profile_find(span_str(p->name)), p);
		assert_string_equal(
		    hex_dup(j->arena, p->policy), expected[i].policy);
		sha256(span_str(p->text), hash);
		assert_string_equal(
		    hex_dup(j->arena, span_mem(hash, sizeof(hash))),
		    expected[i].sha256);
		for (int c = KEY_CLASS_SIGNING; c <= KEY_CLASS_DUAL; c++)
			assert_int_equal(profile_allows(p, (enum key_class)c),
			    expected[i].classes >> c & 1);
		/* The text says what the fields say. */
		assert_non_null(strstr(
		    p->text, i == 1 ? "2.23.140.1.5.1.2" : "2.23.140.1.5.1.3"));
		assert_int_equal(strstr(p->text, "digitalSignature") != NULL,
		    (expected[i].classes & S) != 0);
		assert_int_equal(strstr(p->text, "keyEncipherment") != NULL,
		    (expected[i].classes & E) != 0);
		assert_int_equal(strstr(p->text, "Ed25519") != NULL,
		    (expected[i].classes & S) != 0);
	}
}

/* AC-161: [a-z0-9][a-z0-9-]{0,31}; the description is one line. */
static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < profile_count; i++) {
		const char *name = profiles[i].name;

		unit_case("%s", name);
		assert_in_range(strlen(name), 1, 32);
		assert_int_not_equal(name[0], '-');
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz"
					      "0123456789-"),
		    strlen(name));
		assert_false(
		    span_has_control(span_str(profiles[i].description)));
		assert_in_range(strlen(profiles[i].description), 20, 200);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(name, profiles[k].name);
	}
}

static void
test_find(void **state)
{
	static const char *const others[] = { "", "mailbox", "mailbox-strict ",
		"Mailbox-strict", "mailbox-strictx", "mailbox_strict" };
	(void)state;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		unit_case("%s", others[i]);
		assert_null(profile_find(span_str(others[i])));
	}
	assert_null(profile_find(span_mem("mailbox-strict\0", 15)));
	assert_null(profile_find(span_mem("mailbox-strict", 13)));
}

static void
test_excluded(void **state)
{
	static const struct {
		const char *profile, *excluded[3]; /* by enum key_class */
	} rows[] = {
		{ "mailbox-strict", { NULL, NULL, NULL } },
		{ "mailbox-multipurpose", { NULL, NULL, NULL } },
		{ "mailbox-signing", { NULL, "encryption", "encryption" } },
		{ "mailbox-encryption", { "signing", NULL, "signing" } },
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct profile *p =
		    profile_find(span_str(rows[i].profile));

		for (int c = KEY_CLASS_SIGNING; c <= KEY_CLASS_DUAL; c++) {
			const char *got =
			    profile_excluded(p, (enum key_class)c);

			unit_case("%s, class %d", rows[i].profile, c);
			if (rows[i].excluded[c] == NULL)
				assert_null(got);
			else
				assert_string_equal(got, rows[i].excluded[c]);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_table),
	cmocka_unit_test(test_names),
	cmocka_unit_test(test_find),
	cmocka_unit_test(test_excluded),
};

UNIT_MAIN(tests)
