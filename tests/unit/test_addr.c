/* ER-1, ER-2, ER-3, AC-69, AC-86, AC-87, AC-88, AC-90, PK-79, PK-80, PK-85:
 * mailboxes. */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/addr.h"
#include "lib/b64.h"
#include "lib/count.h"
#include "tests/unit/vectors.h"

static const struct addr_policy offered = { .utf8_local = true,
	.reserved_domains = true };

static enum err_kind
kind_of(struct job *j, const char *value, size_t n,
    const struct addr_policy *policy)
{
	struct addr a;
	enum err_kind kind;

	if (addr_parse(j, span_mem(value, n), policy, &a) == 0)
		return ERR_NONE;
	kind = j->err.kind;
	assert_false(span_has_control(span_str(j->err.text)));
	job_recover(j);
	return kind;
}

/* What is refused, in the vectors as problem type. */
static bool
is_refused_too(const char *value)
{
	json_t *refused = vectors_at("email_identifiers/refused"), *c;
	size_t i;

	json_array_foreach (refused, i, c)
		if (strcmp(json_string_value(json_array_get(c, 0)), value) == 0)
			return true;
	return false;
}

static void
test_accepted_vectors(void **state)
{
	json_t *c;
	size_t i;

	(void)state;
	json_array_foreach (vectors_at("email_identifiers/accepted"), i, c) {
		const char *value = json_string_value(json_array_get(c, 0));
		const char *want = json_string_value(json_array_get(c, 1));
		struct addr a;

		unit_case("%s", value);
		/* One value stands in both lists; its note says that what is
		 * not NFC is refused (PK-80). */
		if (is_refused_too(value))
			continue;
		assert_int_equal(
		    addr_parse(unit_job(), span_str(value), &offered, &a), 0);
		assert_string_equal(a.canonical, want);
	}
}

static void
test_refused_vectors(void **state)
{
	json_t *c;
	size_t i;

	(void)state;
	json_array_foreach (vectors_at("email_identifiers/refused"), i, c) {
		json_t *value = json_array_get(c, 0);
		const char *want = json_string_value(json_array_get(c, 1));

		unit_case("%zu: %s", i, json_string_value(value));
		assert_string_equal(
		    err_kind_name(kind_of(unit_job(), json_string_value(value),
			json_string_length(value), &offered)),
		    want);
	}
}

/* AC-69: what follows "mailto:" is a mailbox, or is not. */
static void
test_contact_vectors(void **state)
{
	json_t *c;
	size_t i;
	const char *value;

	(void)state;
	json_array_foreach (vectors_at("mailto_contacts/accepted"), i, c) {
		value = json_string_value(json_array_get(c, 0)) + 7;
		unit_case("%s", value);
		assert_int_equal(
		    kind_of(unit_job(), value, strlen(value), &offered),
		    ERR_NONE);
	}
	json_array_foreach (vectors_at("mailto_contacts/refused"), i, c) {
		value = json_string_value(json_array_get(c, 0));
		/* "?", "#" and "%" are atext: contacts look for them. */
		if (strncmp(value, "mailto:", 7) != 0 ||
		    strpbrk(value, "?#%") != NULL)
			continue;
		value += 7;
		unit_case("%s", value);
		assert_int_equal(
		    kind_of(unit_job(), value, strlen(value), &offered),
		    ERR_MALFORMED);
	}
}

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* PK-79, PK-80, PK-85: the canonical form, or NULL for ERR_MALFORMED. */
static void
test_forms(void **state)
{
	static const struct {
		const char *value, *canonical;
	} cases[] = {
		{ "a@M\xc3\x9cNCHEN.example", NULL },
		{ "a@m\xc3\xbcnchen.example", "a@xn--mnchen-3ya.example" },
		{ "a@mu\xcc\x88nchen.example", NULL },           /* not NFC */
		{ "a@\xef\xbd\x8d\xc3\xbcnchen.example", NULL }, /* wide m */
		{ "a@\xf0\x9f\x92\xa9.example", NULL },
		{ "a@xn--ls8h.example", NULL }, /* the same as A-label */
		{ "a@_dmarc.example", NULL },
		{ "a@" L63 ".example", "a@" L63 ".example" },
		{ "a@a" L63 ".example", NULL },
		{ "a@XN--Bcher-KVA.Example", "a@xn--bcher-kva.example" },
		{ "a@xn--mnchen-.example", NULL },
		{ "a@xn--example.example", NULL },
		{ "a@xn--.example", NULL },
		{ "a@xn--a-.example", NULL },
		{ "a@stra\xc3\x9f"
		  "e.example",
		    "a@xn--strae-oqa.example" }, /* non-transitional */
		{ "a@b\xc3\xbc"
		  "cher\xe3\x80\x82"
		  "example.com",
		    NULL }, /* ideographic full stop */
		{ "a@ex\xc2\xad"
		  "ample.com",
		    NULL }, /* soft hyphen */
		{ "a@\xe2\x80\x8b"
		  "example.com",
		    NULL },
		{ "a@-a.example", NULL },
		{ "a@a-.example", NULL },
		{ "a@a.b.c-d.example", "a@a.b.c-d.example" },
		{ "\xc3\x84@example.com", "\xc3\x84@example.com" },
		{ "A\xcc\x88@example.com", NULL },
		{ "Alice@example.com", "Alice@example.com" },
		{ "a\xe2\x80\xae@example.com", NULL }, /* U+202E */
		{ "a\xe2\x80\x8b@example.com", NULL }, /* U+200B */
		{ "a\xc2\xa0@example.com", NULL },
		{ "a\xc2\x85@example.com", NULL }, /* C1 */
		{ "\xd7\x90\xd7\x9c@example.com",
		    "\xd7\x90\xd7\x9c@example.com" },  /* right to left */
		{ "a\xc0\xae@example.com", NULL },     /* overlong */
		{ "a\xed\xa0\x80@example.com", NULL }, /* surrogate */
		{ "a\xf4\x90\x80\x80@example.com", NULL },
		{ "a\xff@example.com", NULL },
		{ "a@b\xff.example.com", NULL },
		{ "a" L63 "@example.com", "a" L63 "@example.com" },
		{ "aa" L63 "@example.com", NULL },
		{ "!#$%&'+-/=?^_`{|}~@example.com",
		    "!#$%&'+-/=?^_`{|}~@example.com" },
		{ "a b@example.com", NULL },
		{ "a(c)@example.com", NULL },
		{ "<a@example.com>", NULL },
		{ "a@example.com ", NULL },
		{ " a@example.com", NULL },
		{ "a@@example.com", NULL },
		{ "a\\@b@example.com", NULL },
		{ "\"a@example.com", NULL },
		{ "\"a\"b@example.com", NULL },
		{ "a@[192.0.2.1", NULL },
		{ "a@192.0.2.1]", NULL },
		{ "a@[]", NULL },
		{ "g: a@example.com;", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr a;
		struct job *j = unit_job();

		unit_case("%zu: %s", i, cases[i].value);
		if (cases[i].canonical == NULL) {
			assert_int_equal(kind_of(j, cases[i].value,
					     strlen(cases[i].value), &offered),
			    ERR_MALFORMED);
			continue;
		}
		assert_int_equal(
		    addr_parse(j, span_str(cases[i].value), &offered, &a), 0);
		assert_string_equal(a.canonical, cases[i].canonical);
		assert_string_equal(addr_domain_of(a.canonical), a.domain);
		assert_int_equal(a.is_ascii, span_is_ascii(span_str(a.local)));
		/* A canonical form is its own. */
		assert_int_equal(
		    addr_parse(j, span_str(a.canonical), &offered, &a), 0);
		assert_string_equal(a.canonical, cases[i].canonical);
	}
}

/* ER-1, AC-87: well-formed, not offered. */
static void
test_not_offered(void **state)
{
	static const struct addr_policy public_policy = { .utf8_local = false };
	static const struct {
		const char *value;
		bool also_offered; /* with everything on */
	} cases[] = {
		{ "\xc3\xa4@example.com", true },
		{ "a@user.test", true },
		{ "a@x.invalid", true },
		{ "a@x.localhost", true },
		{ "a@x.internal", true },
		{ "a@x.ONION", true },
		{ "a@localhost", false },
		{ "a@[192.0.2.1]", false },
		{ "a@192.0.2.1", false },
		{ "a@mail.example.7", false },
		{ "a@[IPv6:2001:db8::1]", false },
		{ "\"a\"@example.com", false },
		{ "\"a@b\"@example.com", false },
		{ "\"a\\\"b\"@example.com", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].value);
		assert_int_equal(kind_of(unit_job(), cases[i].value,
				     strlen(cases[i].value), &public_policy),
		    ERR_REJECTED_IDENTIFIER);
		assert_int_equal(kind_of(unit_job(), cases[i].value,
				     strlen(cases[i].value), &offered),
		    cases[i].also_offered ? ERR_NONE : ERR_REJECTED_IDENTIFIER);
	}
	/* The last label decides, not the end of the text. */
	assert_int_equal(
	    kind_of(unit_job(), "a@4.7example", 12, &public_policy), ERR_NONE);
	assert_int_equal(
	    kind_of(unit_job(), "a@contest.org", 13, &public_policy), ERR_NONE);
	assert_int_equal(
	    kind_of(unit_job(), "a@test.example", 14, &public_policy),
	    ERR_NONE);
}

/* AC-87, PK-85: 253 octets of domain, 254 in all. */
static void
test_lengths(void **state)
{
	struct job *j = unit_job();
	char value[300];

	(void)state;
	for (size_t n = 240; n < 260; n++) {
		memset(value, 'a', sizeof(value));
		value[1] = '@';
		for (size_t i = 50; i < n - 1; i += 50)
			value[i] = '.';
		unit_case("%zu octets", n);
		assert_int_equal(kind_of(j, value, n, &offered),
		    n <= 254 ? ERR_NONE : ERR_MALFORMED);
	}
	/* A-labels longer than the U-labels count. */
	memset(value, 0, sizeof(value));
	strcpy(value, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@");
	for (int i = 0; i < 26; i++)
		strcat(value, "\xc3\xbc.");
	strcat(value, "org");
	assert_int_equal(
	    kind_of(j, value, strlen(value), &offered), ERR_MALFORMED);
}

/* Each length of a value is answered, and NUL never ends one. */
static void
test_cut(void **state)
{
	static const char *const values[] = {
		"\"a\\\"b\"@[IPv6:2001:db8::1]",
		"\xc3\xa4.b@xn--bcher-kva.b\xc3\xbc"
		"cher.example",
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		size_t n = strlen(values[i]);

		for (size_t k = 0; k < n; k++) {
			char *copy = xmalloc(k + 1);

			memcpy(copy, values[i], k);
			(void)kind_of(j, copy, k, &offered);
			copy[k] = '\0';
			assert_int_equal(
			    kind_of(j, copy, k + 1, &offered), ERR_MALFORMED);
			free(copy);
		}
	}
}

/* ER-3 */
static void
test_sender(void **state)
{
	static const struct {
		const char *from, *mailbox;
		bool same;
	} cases[] = {
		{ "alice@example.com", "alice@example.com", true },
		{ "ALICE@example.com", "alice@example.com", true },
		{ "alice@example.org", "alice@example.com", false },
		{ "alice@Example.com", "alice@example.com", false },
		{ "alicf@example.com", "alice@example.com", false },
		{ "alice+x@example.com", "alice@example.com", false },
		{ "\xc3\x84@example.com", "\xc3\xa4@example.com", false },
		{ "alice@example.com", "alice@example.co", false },
		{ "alice", "alice", false },
		{ "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu: %s", i, cases[i].from);
		assert_int_equal(
		    addr_is_sender(cases[i].from, cases[i].mailbox),
		    cases[i].same);
		assert_int_equal(
		    addr_is_sender(cases[i].mailbox, cases[i].from),
		    cases[i].same);
	}
}

/* Domains alone, as DKIM's tags have them. */
static void
test_domain(void **state)
{
	struct job *j = unit_job();
	const char *out;

	(void)state;
	assert_int_equal(addr_domain(j, SPAN("B\x55s.Example"), &out), 0);
	assert_string_equal(out, "bus.example");
	assert_int_equal(addr_domain(j, SPAN("com"), &out), 0);
	assert_string_equal(out, "com");
	assert_int_equal(addr_domain(j, SPAN(""), &out), -1);
	job_recover(j);
	assert_int_equal(addr_domain(j, SPAN("a\0b.example"), &out), -1);
	assert_job_error(j, ERR_MALFORMED,
	    "the domain of the mailbox has a control character");
	job_recover(j);
	assert_int_equal(addr_domain(j, SPAN("a.example."), &out), -1);
}

/* PK-86: names that no mail reaches; those of documentation in public mode
 * only, and the others unless an own network has them. */
static void
test_special_use(void **state)
{
	static const struct {
		const char *domain;
		bool is_real; /* nowhere refused */
		bool is_documentation;
	} rows[] = {
		{ "user.test", false, false }, { "mail.local", false, false },
		{ "mail.localhost", false, false },
		{ "mail.invalid", false, false },
		{ "mail.onion", false, false },
		{ "mail.internal", false, false },
		{ "1.168.192.in-addr.arpa", false, false },
		{ "mail.example", false, true }, { "mail.alt", false, true },
		{ "example.org", true, false },
		{ "test.example.org", true, false },
		{ "mytest", false, false }, /* one label */
	};
	struct job *j = unit_job();
	struct addr a;
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span mailbox = span_str(
		    arena_printf(j->arena, "alice@%s", rows[i].domain));
		bool is_label = strchr(rows[i].domain, '.') == NULL;

		for (int k = 0; k < 4; k++) {
			struct addr_policy p = { .reserved_domains = k & 1,
				.is_public = k & 2 };
			bool good = rows[i].is_documentation
					? !p.is_public
					: rows[i].is_real || p.reserved_domains;

			unit_case("%s, %d", rows[i].domain, k);
			assert_int_equal(addr_parse(j, mailbox, &p, &a),
			    good && !is_label ? 0 : -1);
			if (j->err.kind != ERR_NONE)
				assert_int_equal(
				    j->err.kind, ERR_REJECTED_IDENTIFIER);
			job_recover(j);
		}
	}
}

/* PK-86: in public mode a top-level domain exists. */
static void
test_top_level(void **state)
{
	static const struct {
		const char *domain;
		bool exists;
	} rows[] = {
		{ "mail.lan", false },
		{ "example.corp", false },
		{ "mail.example.home", false },
		{ "mail.xn--0zwm56d", false }, /* of a trial that ended */
		{ "example.de", true },
		{ "example.co.uk", true },
		{ "example.ck", true }, /* everything below is a suffix */
		{ "example.xn--p1ai", true },
		{ "example.co.za", true }, /* "za" alone is none */
		{ "mail.example.org.za", true },
	};
	const struct addr_policy open = { 0 }, public = { .is_public = true };
	struct job *j = unit_job();
	struct addr a;
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span mailbox = span_str(
		    arena_printf(j->arena, "alice@%s", rows[i].domain));

		unit_case("%s", rows[i].domain);
		assert_int_equal(addr_parse(j, mailbox, &open, &a), 0);
		assert_int_equal(addr_parse(j, mailbox, &public, &a),
		    rows[i].exists ? 0 : -1);
		if (rows[i].exists)
			continue;
		assert_job_error(j, ERR_REJECTED_IDENTIFIER,
		    "this server does not issue for mailboxes with a "
		    "top-level domain that does not exist");
		job_recover(j);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_special_use),
	cmocka_unit_test(test_top_level),
	cmocka_unit_test(test_accepted_vectors),
	cmocka_unit_test(test_refused_vectors),
	cmocka_unit_test(test_contact_vectors),
	cmocka_unit_test(test_forms),
	cmocka_unit_test(test_not_offered),
	cmocka_unit_test(test_lengths),
	cmocka_unit_test(test_cut),
	cmocka_unit_test(test_sender),
	cmocka_unit_test(test_domain),
};

UNIT_MAIN(tests)
