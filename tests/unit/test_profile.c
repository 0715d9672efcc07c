/*
 * The profiles that ship, and those of the configuration: AC-161, AC-163,
 * PK-18, PK-68, PK-100, PK-101, PK-103, PK-106, PK-109.
 */
#include "config.h"

#include "pki/profile_conf.h"
#include "pki/profile_read.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "tests/unit/unit.h"

enum { S = 1 << KEY_CLASS_SIGNING, E = 1 << KEY_CLASS_ENCRYPTION };
enum { D = 1 << KEY_CLASS_DUAL };

/* PK-18: records hold the hash of the text. */
static const struct {
	const char *name, *policy, *sha256;
	unsigned classes;
} expected[] = {
	{ "mailbox-strict", "67810c01050103",
	    "4cc02efc2bad83a3d352f24ee8d9eaf1fc67f9ce47d01e271465733fd6187237",
	    S | E | D },
	{ "mailbox-multipurpose", "67810c01050102",
	    "4694be1864278e6d01cf0077441088e45c10d64d2c6b5dd005d827a25929b288",
	    S | E | D },
	{ "mailbox-signing", "67810c01050103",
	    "6638e0070a1be700bf0987660d54b6c853a9cb0a030ce62b8ef066710e275023",
	    S },
	{ "mailbox-encryption", "67810c01050103",
	    "7c0b07116f91eb91d7f5bb7962e69f165b87206a284e49996d1c1cdee5483a61",
	    E },
};

static const char *
text_hash(struct job *j, const struct profile *p)
{
	uint8_t hash[SHA256_LEN];

	sha256(span_str(profile_text(j->arena, p)), hash);
	return hex_dup(j->arena, span_mem(hash, sizeof(hash)));
}

static void
test_table(void **state)
{
	struct job *j = unit_job();
	(void)state;

	assert_int_equal(profile_count, COUNT(expected));
	for (size_t i = 0; i < profile_count; i++) {
		const struct profile *p = &profiles[i];
		const char *text = profile_text(j->arena, p);

		unit_case("%s", expected[i].name);
		assert_string_equal(p->name, expected[i].name);
		assert_ptr_equal(profile_find(NULL, span_str(p->name)), p);
		assert_string_equal(profile_name(NULL, i), p->name);
		assert_string_equal(
		    hex_dup(j->arena, profile_policy(p)), expected[i].policy);
		assert_string_equal(text_hash(j, p), expected[i].sha256);
		for (int c = KEY_CLASS_SIGNING; c <= KEY_CLASS_DUAL; c++)
			assert_int_equal(profile_allows(p, (enum key_class)c),
			    expected[i].classes >> c & 1);
		/* The text says what the fields say. */
		assert_non_null(strstr(
		    text, i == 1 ? "2.23.140.1.5.1.2" : "2.23.140.1.5.1.3"));
		assert_int_equal(strstr(text, "digitalSignature") != NULL,
		    (expected[i].classes & S) != 0);
		assert_int_equal(strstr(text, "keyEncipherment") != NULL,
		    (expected[i].classes & E) != 0);
		/* PK-68 */
		assert_string_equal(profile_keys(j->arena, p),
		    "RSA 2048, RSA 3072, RSA 4096, P-256, P-384");
	}
	assert_null(profile_name(NULL, profile_count));
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

	for (size_t i = 0; i < COUNT(others); i++) {
		unit_case("%s", others[i]);
		assert_null(profile_find(NULL, span_str(others[i])));
	}
	assert_null(profile_find(NULL, span_mem("mailbox-strict\0", 15)));
	assert_null(profile_find(NULL, span_mem("mailbox-strict", 13)));
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

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct profile *p =
		    profile_find(NULL, span_str(rows[i].profile));

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

/* --- of the configuration ------------------------------------------------- */

struct heard {
	struct job *j;
	const char *text; /* all mistakes */
};

static void
hear(void *ctx, const char *option, const char *message)
{
	struct heard *h = ctx;

	h->text = arena_printf(h->j->arena, "%s%s: %s\n", h->text,
	    option == NULL ? "-" : option, message);
}

static const char *none[1];

static struct conf_profile
section(const char *name)
{
	struct conf_profile c = { .name = name };

	c.use.v = c.keys.v = c.smime_capabilities.v = none;
	profile_defaults(&c);
	return c;
}

static struct profile
make_good(struct job *j, const struct conf_profile *c)
{
	struct heard h = { j, "" };
	struct profile p;

	if (profile_make(j->arena, c, hear, &h, &p) < 0)
		fail_msg("%s", h.text);
	assert_string_equal(h.text, "");
	return p;
}

/* A section that says nothing is the profile that ships, to the text. */
static void
test_make_shipped(void **state)
{
	struct job *j = unit_job();
	(void)state;

	for (size_t i = 0; i < profile_count; i++) {
		struct conf_profile c = section(profiles[i].name);
		struct profile p = make_good(j, &c);

		unit_case("%s", profiles[i].name);
		assert_string_equal(text_hash(j, &p), expected[i].sha256);
		assert_string_equal(p.description, profiles[i].description);
	}
	/* One of another name is strict. */
	struct conf_profile c = section("other");
	struct profile p = make_good(j, &c);
	assert_int_equal(p.generation, GENERATION_STRICT);
	assert_int_equal(p.classes, profiles[0].classes);
	assert_int_equal(p.keys, profiles[0].keys);
}

/* PK-101, PK-103, PK-106, PK-109: each option, and that the text, of which
 * the records hold the hash, says it (PK-18). */
static void
test_make_each(void **state)
{
	static const char *use[] = { "signing", "dual" };
	static const char *keys[] = { "p-521", "rsa-4096" };
	static const char *ciphers[] = { "aes-256-gcm", "aes-128-cbc" };
	static const char *const subjects[] = { "subject commonName",
		"subject emailAddress", "255 octets", "subject empty" };
	struct job *j = unit_job();
	struct conf_profile c = section("mine");
	struct profile p;
	(void)state;

	for (int i = CONF_SUBJECT_CN; i <= CONF_SUBJECT_EMPTY; i++) {
		c.subject = (enum conf_subject)i;
		p = make_good(j, &c);
		assert_int_equal(p.subject, i);
		assert_non_null(
		    strstr(profile_text(j->arena, &p), subjects[i]));
	}
	c.generation = CONF_GENERATION_MULTIPURPOSE;
	c.use = (struct conf_list){ use, 2 };
	c.keys = (struct conf_list){ keys, 2 };
	c.smime_capabilities = (struct conf_list){ ciphers, 2 };
	c.policy = "1.3.6.1.4.1.32473.7";
	c.non_repudiation = c.client_auth = true;
	c.validity_days = 90;
	c.reuse = false;
	c.description = "mine";
	p = make_good(j, &c);
	assert_string_equal(p.name, "mine");
	assert_string_equal(p.description, "mine");
	assert_int_equal(p.generation, GENERATION_MULTIPURPOSE);
	assert_int_equal(p.classes, S | D);
	assert_int_equal(p.keys,
	    PROFILE_BIT(KEY_KIND_P521) | PROFILE_BIT(KEY_KIND_RSA_4096));
	assert_string_equal(hex_dup(j->arena, p.policy), "2b0601040181fd5907");
	assert_string_equal(hex_dup(j->arena, p.smime_capabilities),
	    "301a300b060960864801650304012e300b0609608648016503040102");
	assert_int_equal(p.days, 90);
	assert_string_equal(profile_text(j->arena, &p),
	    "profile mine\nversion 3\n"
	    "serial 17 octets: one configured, 16 random\n"
	    "validity 90 days, at most 818 days, within the issuing CA's\n"
	    "subject empty\n"
	    "authorityKeyIdentifier keyIdentifier\n"
	    "subjectKeyIdentifier RFC 7093 method 1\n"
	    "keyUsage critical; signing: digitalSignature; dual: "
	    "digitalSignature with keyEncipherment (RSA), with keyAgreement "
	    "(EC); nonRepudiation always, not for encryption\n"
	    "certificatePolicies 2.23.140.1.5.1.2, 1.3.6.1.4.1.32473.7\n"
	    "subjectAltName rfc822Name, SmtpUTF8Mailbox; critical with an "
	    "empty subject\n"
	    "extKeyUsage emailProtection, clientAuth\n"
	    "cRLDistributionPoints one http URI\n"
	    "authorityInfoAccess caIssuers, one http URI, if configured\n"
	    "smimeCapabilities "
	    "301a300b060960864801650304012e300b0609608648016503040102\n"
	    "keys RSA 4096, P-521\n"
	    "validation anew for each order\n");
	/* PK-18, PK-70, PK-112: the text says so, and only then. */
	assert_false(p.any_rsa_exponent || p.subject_number);
	c.rsa_exponent = CONF_EXPONENT_ANY;
	c.subject = CONF_SUBJECT_CN;
	c.subject_number = true;
	p = make_good(j, &c);
	assert_true(p.any_rsa_exponent && p.subject_number);
	assert_non_null(strstr(profile_text(j->arena, &p),
	    "P-521; RSA exponent odd, 65537 to 2^256 - 1\n"));
	assert_non_null(strstr(profile_text(j->arena, &p),
	    "; serialNumber: the account's id, PrintableString, beside a "
	    "mailbox\n"));
}

static void
edit_name(struct conf_profile *c)
{
	c->name = "Mine";
}

static void
edit_long_name(struct conf_profile *c)
{
	c->name = "abcdefghijklmnopqrstuvwxyzabcdefg";
}

static void
edit_use(struct conf_profile *c)
{
	static const char *v[] = { "signing", "everything", "signing" };
	c->use = (struct conf_list){ v, 3 };
}

static void
edit_keys(struct conf_profile *c)
{
	static const char *v[] = { "rsa-1024" };
	c->keys = (struct conf_list){ v, 1 };
}

static void
edit_impossible(struct conf_profile *c)
{
	static const char *keys[] = { "ed25519", "ed448" };
	static const char *use[] = { "encryption", "dual" };
	c->keys = (struct conf_list){ keys, 2 };
	c->use = (struct conf_list){ use, 2 };
}

static void
edit_number(struct conf_profile *c)
{
	c->subject = CONF_SUBJECT_EMPTY;
	c->subject_number = true;
}

static void
edit_ciphers(struct conf_profile *c)
{
	static const char *v[] = { "aes-256-cbc", "3des", "aes-256-cbc" };
	c->smime_capabilities = (struct conf_list){ v, 3 };
}

static void
edit_client_auth(struct conf_profile *c)
{
	c->client_auth = true;
}

static void
edit_policy(struct conf_profile *c)
{
	c->policy = "my policy";
}

static void
edit_policy_name(struct conf_profile *c)
{
	c->policy = "emailProtection";
}

static void
edit_policy_reserved(struct conf_profile *c)
{
	c->policy = "2.23.140.1.5.1.1";
}

static void
edit_policy_any(struct conf_profile *c)
{
	c->policy = "2.5.29.32.0";
}

static void
test_make_wrong(void **state)
{
	static const struct {
		void (*edit)(struct conf_profile *c);
		const char *said;
	} rows[] = {
		{ edit_name, "-: the section's name must be 1 to 32 lower-case "
			     "letters, digits and -, and not begin with -\n" },
		{ edit_long_name,
		    "-: the section's name must be 1 to 32 lower-case "
		    "letters, digits and -, and not begin with -\n" },
		{ edit_use,
		    "use: everything is none of signing, encryption, dual\n"
		    "use: has signing twice\n" },
		{ edit_keys,
		    "keys: rsa-1024 is none of rsa-2048, rsa-3072, rsa-4096, "
		    "p-256, p-384, p-521, ed25519, ed448\n" },
		{ edit_impossible,
		    "keys: no key of these can do what use asks for: Ed25519 "
		    "and Ed448 keys only sign\n" },
		{ edit_number, "subject_number: stands beside a mailbox in the "
			       "subject; set subject to cn, email or "
			       "cn+email\n" },
		{ edit_ciphers,
		    "smime_capabilities: 3des is none of aes-256-gcm, "
		    "aes-192-gcm, aes-128-gcm, aes-256-cbc, aes-192-cbc, "
		    "aes-128-cbc\n"
		    "smime_capabilities: has aes-256-cbc twice\n" },
		{ edit_client_auth,
		    "client_auth: the strict generation is for mail only; set "
		    "generation to multipurpose\n" },
		{ edit_policy, "policy: my policy is not an OID in dots "
			       "(1.3.6.1.4.1.32473.1)\n" },
		{ edit_policy_name,
		    "policy: emailProtection is not an OID in dots "
		    "(1.3.6.1.4.1.32473.1)\n" },
		{ edit_policy_reserved,
		    "policy: 2.23.140.1.5.1.1 is not an OID of your own; the "
		    "reserved ones are there without it, and anyPolicy is "
		    "forbidden\n" },
		{ edit_policy_any,
		    "policy: 2.5.29.32.0 is not an OID of your own; the "
		    "reserved ones are there without it, and anyPolicy is "
		    "forbidden\n" },
	};
	struct job *j = unit_job();
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf_profile c = section("mine");
		struct heard h = { j, "" };
		struct profile p;

		rows[i].edit(&c);
		assert_int_equal(profile_make(j->arena, &c, hear, &h, &p), -1);
		assert_string_equal(h.text, rows[i].said);
	}
}

/* What a request must ask for instead. */
static void
test_advice(void **state)
{
	static const char *use[] = { "signing", "encryption" };
	static const char *dual[] = { "dual" };
	struct job *j = unit_job();
	struct conf_profile c = section("mine");
	struct profile p;
	(void)state;

	c.use = (struct conf_list){ use, 2 };
	p = make_good(j, &c);
	assert_string_equal(profile_excluded(&p, KEY_CLASS_DUAL),
	    "signing and encryption with one key");
	assert_string_equal(profile_advice(j->arena, &p),
	    "with mine ask for digitalSignature, or for keyEncipherment (RSA) "
	    "or keyAgreement (EC) and nothing else as key usage");
	c.use = (struct conf_list){ dual, 1 };
	p = make_good(j, &c);
	assert_string_equal(
	    profile_excluded(&p, KEY_CLASS_SIGNING), "signing alone");
	assert_string_equal(
	    profile_excluded(&p, KEY_CLASS_ENCRYPTION), "encryption alone");
	assert_string_equal(profile_advice(j->arena, &p),
	    "with mine ask for digitalSignature with keyEncipherment (RSA) or "
	    "keyAgreement (EC) and nothing else as key usage");
}

static void
expect_read(struct job *j, const struct profile *p)
{
	const char *text = profile_text(j->arena, p);
	struct profile out;

	assert_int_equal(profile_read(j->arena, span_str(text), &out), 0);
	assert_string_equal(out.name, p->name);
	assert_int_equal(out.generation, p->generation);
	assert_int_equal(out.classes, p->classes);
	assert_int_equal(out.keys, p->keys);
	assert_int_equal(out.subject, p->subject);
	assert_int_equal(out.non_repudiation, p->non_repudiation);
	assert_int_equal(out.client_auth, p->client_auth);
	assert_int_equal(out.days, p->days);
	assert_true(span_eq(out.policy, p->policy));
	assert_true(span_eq(out.smime_capabilities, p->smime_capabilities));
}

/* PK-188: a profile comes back from its text, each field in each value. */
static void
test_read(void **state)
{
	const struct span empty = { NULL, 0 };
	struct job *j = unit_job();
	struct profile p = profiles[0];
	struct span text;
	char *copy;
	(void)state;

	for (size_t i = 0; i < profile_count; i++)
		expect_read(j, &profiles[i]);
	for (unsigned i = 0; i < 4 * 7 * 16; i++) {
		p.subject = (enum profile_subject)(i % 4);
		p.classes = 1 + i / 4 % 7;
		p.non_repudiation = i / 28 & 1;
		p.client_auth = i / 28 & 2;
		p.policy = i / 28 & 4 ? SPAN("\x2b\x06\x01\x04\x01") : empty;
		p.smime_capabilities = i / 28 & 8 ? SPAN("\x30\x00") : empty;
		p.generation =
		    i / 28 & 2 ? GENERATION_MULTIPURPOSE : GENERATION_STRICT;
		p.days = i % 5 == 0 ? 0 : 1 + i;
		p.keys = 1 + i % ((1u << KEY_KIND_COUNT) - 1);
		unit_case("%u", i);
		expect_read(j, &p);
	}
	/* What would not give the same text is none. */
	text = span_str(profile_text(j->arena, &p));
	for (size_t n = 0; n < text.n; n++) {
		assert_int_equal(
		    profile_read(j->arena, span_cut(text, 0, n), &p), -1);
		copy = arena_memdup(j->arena, text.p, text.n);
		copy[n] = '\0';
		assert_int_equal(
		    profile_read(j->arena, span_mem(copy, text.n), &p), -1);
	}
	text = span_str(arena_printf(j->arena, "%smore\n", text.p));
	assert_int_equal(profile_read(j->arena, text, &p), -1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_read),
	cmocka_unit_test(test_table),
	cmocka_unit_test(test_names),
	cmocka_unit_test(test_find),
	cmocka_unit_test(test_excluded),
	cmocka_unit_test(test_make_shipped),
	cmocka_unit_test(test_make_each),
	cmocka_unit_test(test_make_wrong),
	cmocka_unit_test(test_advice),
};

UNIT_MAIN(tests)
