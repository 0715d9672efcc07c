/*
 * For which mailboxes a client gets an order: what an identifier may be, and
 * what the policy refuses (AC-84 to AC-91, AC-116, ER-1, ER-2, ER-4, ER-13,
 * PK-84, PK-87, L-7).
 */
#include "config.h"

#include <string.h>

#include "acme/policy.h"
#include "db/store_outbox.h"
#include "lib/count.h"
#include "tests/unit/order_lab.h"
#include "tests/unit/vectors.h"

static bool
is_refused_too(const json_t *value)
{
	size_t i;
	json_t *v;

	json_array_foreach (vectors_at("email_identifiers/refused"), i, v) {
		if (json_equal(json_array_get(v, 0), value))
			return true;
	}
	return false;
}

/* As in an SQL literal. */
static const char *
sql_text(struct job *j, const char *text)
{
	struct buf b;

	buf_init(&b, j->arena, 1000);
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			buf_add_char(&b, '\'');
		buf_add_char(&b, *text);
	}
	return b.p;
}

/* `email_identifiers`: AC-86, AC-87, AC-88, AC-90, ER-1, ER-2 */
static void
test_identifiers(struct job *j)
{
	size_t i;
	json_t *v;
	int accepted = 0;

	front_open(j);
	json_array_foreach (vectors_at("email_identifiers/accepted"), i, v) {
		const char *value = vectors_dump(j, json_array_get(v, 0)).p;
		struct answer a;

		/* One value stands in both lists; nothing is repaired, so it
		 * is refused (ER-2, the vectors' own note). */
		if (is_refused_too(json_array_get(v, 0)))
			continue;
		unit_case("%s", value);
		accepted++;
		a = order_lab_new(
		    j, arena_printf(j->arena,
			   "[{\"type\":\"email\",\"value\":%s}]", value));
		front_expect(&a, 201, "", NULL);
		assert_span_equal(
		    json_string(json_get(
			json_at(json_get(a.doc, "identifiers"), 0), "value")),
		    json_string_value(json_array_get(v, 0)));
		/* The mailbox that the newest order is for. */
		assert_int_equal(
		    fixture_count(
			j, arena_printf(j->arena,
			       "SELECT COUNT(*) FROM authz WHERE id "
			       "= '%s' AND mailbox = '%s'",
			       order_lab_authz_url(&a, 0) +
				   strlen(FRONT_BASE "/acme/authz/"),
			       sql_text(j,
				   json_string_value(json_array_get(v, 1))))),
		    1);
	}
	assert_true(accepted >= 6);
	json_array_foreach (vectors_at("email_identifiers/refused"), i, v) {
		const char *value = vectors_dump(j, json_array_get(v, 0)).p;
		const char *type = json_string_value(json_array_get(v, 1));
		const json_t *raw = json_array_get(v, 0);
		bool has_nul =
		    strlen(json_string_value(raw)) != json_string_length(raw);
		struct answer a;

		unit_case("%s", value);
		a = order_lab_new(
		    j, arena_printf(j->arena,
			   "[{\"type\":\"email\",\"value\":%s}]", value));
		front_expect(&a,
		    strcmp(type, "rejectedIdentifier") == 0 ? 403 : 400, type,
		    NULL);
		/* U+0000 does not get as far as identifiers (AC-27). */
		assert_int_equal(json_count(json_get(a.doc, "subproblems")),
		    has_nul ? 0 : 1);
	}
	front_close();
}

/* ER-1: with utf8_mailboxes off. */
static void
test_ascii_only(struct job *j)
{
	struct answer a;

	front_conf()->utf8_mailboxes = false;
	front_open(j);
	a = order_lab_new(j, "[" EMAIL("\xc3\xa4lice@example.com") "]");
	front_expect(&a, 403, "rejectedIdentifier", NULL);
	front_close();
}

/* AC-85, AC-88, AC-90, AC-91 */
static void
test_several_bad(struct job *j)
{
	static const char *deny[] = { "denied.example" };
	struct answer a;
	const struct json *sub;

	front_conf()->deny = (struct conf_list){ deny, 1 };
	front_open(j);
	/* One bad among good ones: its own type, and one subproblem. */
	a = order_lab_new(j, "[" ALICE "," EMAIL("*@example.com") "]");
	front_expect(&a, 400, "malformed",
	    "wildcards are not allowed in email identifiers");
	sub = json_get(a.doc, "subproblems");
	assert_int_equal(json_count(sub), 1);
	assert_string_equal(json_dup(j, json_at(sub, 0)),
	    "{\"type\":\"urn:ietf:params:acme:error:malformed\","
	    "\"detail\":\"wildcards are not allowed in email identifiers\","
	    "\"identifier\":" EMAIL("*@example.com") "}");
	assert_null(json_get(a.doc, "identifier"));

	a = order_lab_new(j, "[" EMAIL("*@a.b") "," EMAIL("x") "]");
	front_expect(&a, 400, "malformed", "several identifiers were refused");
	assert_int_equal(json_count(json_get(a.doc, "subproblems")), 2);

	a = order_lab_new(j,
	    "[{\"type\":\"dns\",\"value\":\"example.com\"},"
	    "{\"type\":\"ip\",\"value\":\"192.0.2.1\"},"
	    "{\"type\":\"Email\",\"value\":\"a@example.com\"}]");
	front_expect(&a, 400, "unsupportedIdentifier",
	    "several identifiers were refused");

	a = order_lab_new(
	    j, "[" EMAIL("*@a.b") ",{\"type\":\"ip\",\"value\":\"x\"}]");
	front_expect(&a, 400, "compound", "several identifiers were refused");
	a = order_lab_new(
	    j, "[" EMAIL("*@a.b") "," EMAIL("a@denied.example") "]");
	front_expect(&a, 403, "compound", "several identifiers were refused");
	a = order_lab_new(j, "[" EMAIL("A@Denied.Example") "]");
	front_expect(&a, 403, "rejectedIdentifier",
	    "this server does not issue for the requested identifier");
	a = order_lab_new(j, "[" EMAIL("a@x.test") "]");
	front_expect(&a, 403, "rejectedIdentifier", NULL);
	front_close();
}

/* AC-84, AC-89, AC-116, ER-4 */
static void
test_several(struct job *j)
{
	struct outbox_mail mail;
	struct answer a;

	front_conf()->max_identifiers = 3;
	front_open(j);
	a = order_lab_new(
	    j, "[" EMAIL("a@B.example") "," EMAIL("a@b.EXAMPLE") "," EMAIL(
		   "a@b.example") "," EMAIL("A@b.example") "," EMAIL("c@b."
								     "examp"
								     "le") "]");
	front_expect(&a, 201, "", NULL);
	assert_string_equal(json_dup(j, json_get(a.doc, "identifiers")),
	    "[" EMAIL("a@B.example") "," EMAIL("A@b.example") "," EMAIL(
		"c@b.example") "]");
	assert_int_equal(json_count(json_get(a.doc, "authorizations")), 3);
	/* One mail at a time, in this order. */
	front_set_time(j, FIXTURE_NOW + 5);
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_outbox_lease(j, j->now + 60, &mail), 1);
	assert_string_equal(mail.mailbox, "a@b.example");
	EXPECT(j, store_outbox_lease(j, j->now + 60, &mail), 0);
	store_rollback(j);

	a = order_lab_new(
	    j, "[" EMAIL("a@b.example") "," EMAIL("b@b.example") "," EMAIL(
		   "c@b.example") "," EMAIL("d@b.example") "]");
	front_expect(&a, 400, "malformed", "at most 3 identifiers per order");
	front_close();
}

/* L-7: type dns with a mailbox as value, echoed as sent. */
static void
test_dns_mailbox(struct job *j)
{
	static const char dns[] =
	    "{\"type\":\"dns\",\"value\":\"Alice@Example.com\"}";
	struct answer a, authz;

	front_open(j);
	a = order_lab_new(j, arena_printf(j->arena, "[%s]", dns));
	front_expect(&a, 201, "", NULL);
	assert_string_equal(json_dup(j, json_get(a.doc, "identifiers")),
	    arena_printf(j->arena, "[%s]", dns));
	authz = order_lab_read(j, order_lab_authz_url(&a, 0));
	assert_string_equal(
	    json_dup(j, json_get(authz.doc, "identifier")), dns);
	assert_string_equal(
	    order_lab_member(order_lab_challenge(&authz), "type"),
	    "email-reply-00");
	front_close();

	front_conf()->compat_dns_mailbox = false;
	front_open_again(j);
	a = order_lab_new(j, arena_printf(j->arena, "[%s]", dns));
	front_expect(&a, 400, "unsupportedIdentifier",
	    "only identifiers of type email are supported");
	front_close();
}

/* AC-90, ER-13 */
static void
test_policy(void **state)
{
	static const char *list[] = { "example.com", ".below.example",
		"Bob@Other.example" };
	static const struct {
		const char *local, *domain;
		bool in_allow, in_deny;
	} rows[] = {
		{ "a", "example.com", true, true },
		{ "a", "sub.example.com", false, false },
		{ "a", "xexample.com", false, false },
		{ "a", "below.example", false, false },
		{ "a", "x.below.example", true, true },
		{ "a", "x.y.below.example", true, true },
		{ "a", "xbelow.example", false, false },
		{ "Bob", "other.example", true, true },
		{ "bob", "other.example", false, true },
		{ "bobb", "other.example", false, false },
		{ "Bob", "another.example", false, false },
	};
	struct conf conf = { .profile = "x" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr addr = { .local = rows[i].local,
			.domain = rows[i].domain };

		unit_case("%s@%s", rows[i].local, rows[i].domain);
		conf.allow = conf.deny = (struct conf_list){ NULL, 0 };
		assert_true(policy_allows(&conf, &addr));
		conf.allow = (struct conf_list){ list, 3 };
		assert_int_equal(policy_allows(&conf, &addr), rows[i].in_allow);
		conf.allow.n = 0;
		conf.deny = (struct conf_list){ list, 3 };
		assert_int_equal(policy_allows(&conf, &addr), !rows[i].in_deny);
	}
}

/* PK-87: reserved local parts, unless the mailbox is approved. */
static void
test_reserved_local(struct job *j)
{
	static const char *parts[] = { "postmaster", "Abuse" };
	static const char *approved[] = { "abuse@example.com" };
	static const struct {
		const char *value;
		int status;
	} rows[] = {
		{ EMAIL("alice@example.com"), 201 },
		{ EMAIL("postmaster@example.com"), 403 },
		{ EMAIL("PostMaster@example.com"), 403 },
		{ EMAIL("postmaster+x@example.com"), 403 },
		{ EMAIL("postmasters@example.com"), 201 },
		{ EMAIL("abuse@example.com"), 201 },
		{ EMAIL("abuse@example.org"), 403 },
		{ EMAIL("abuse+x@example.com"), 403 },
	};

	front_conf()->reserved_local_parts = (struct conf_list){ parts, 2 };
	front_conf()->approved = (struct conf_list){ approved, 1 };
	front_open(j);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a;

		unit_case("%s", rows[i].value);
		a = order_lab_new(
		    j, arena_printf(j->arena, "[%s]", rows[i].value));
		if (rows[i].status == 201)
			front_expect(&a, 201, "", NULL);
		else
			front_expect(&a, 403, "rejectedIdentifier",
			    "this server does not issue for the requested "
			    "identifier");
	}
	front_close();
}

/* PK-84: at newOrder, from the date on, in public mode. */
static void
test_needs_ascii(struct job *j)
{
	static const struct {
		enum conf_mode mode;
		const char *identifiers;
		int64_t now;
		int status;
	} rows[] = {
		{ CONF_MODE_PUBLIC, "[" EMAIL("\xc3\xa4@example.com") "]",
		    1801440000 - 1, 201 },
		{ CONF_MODE_PUBLIC, "[" EMAIL("\xc3\xa4@example.com") "]",
		    1801440000, 403 },
		{ CONF_MODE_PUBLIC,
		    "[" EMAIL("\xc3\xa4@example.com") "," EMAIL(
			"alice@example.com") "]",
		    1801440000, 201 },
		{ CONF_MODE_PRIVATE, "[" EMAIL("\xc3\xa4@example.com") "]",
		    1801440000, 201 },
	};

	front_open(j);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a;

		unit_case("%zu", i);
		front_conf()->mode = rows[i].mode;
		front_set_time(j, rows[i].now);
		a = order_lab_new(j, rows[i].identifiers);
		if (rows[i].status == 201)
			front_expect(&a, 201, "", NULL);
		else
			front_expect(&a, 403, "rejectedIdentifier",
			    "since 2027-02-01 a certificate needs a mailbox "
			    "whose local part is ASCII, and may hold others "
			    "beside it");
	}
	front_close();
}

static const struct CMUnitTest tests[] = {
	STORE_TEST_SQLITE(test_identifiers),
	STORE_TEST_SQLITE(test_ascii_only),
	STORE_TEST_SQLITE(test_several_bad),
	STORE_TEST(test_several),
	STORE_TEST_SQLITE(test_dns_mailbox),
	cmocka_unit_test(test_policy),
	STORE_TEST(test_reserved_local),
	STORE_TEST_SQLITE(test_needs_ascii),
};

UNIT_MAIN(tests)
