/* MA-50, MA-81: what the own mail server recorded, and what others wrote. */
#include "config.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "mail/auth_results.h"
#include "tests/unit/dkim_lab.h"

#define OWN "Authentication-Results: mx.ca.test; "
#define RECEIVED                                                               \
	"Received: from a by mx.ca.test; Mon, 2 Mar 2026 10:00:00 +0000\r\n"
#define REST "From: alice@user.test\r\nTo: x@ca.test\r\nSubject: y\r\n\r\nz\r\n"

static struct auth_results
read_with(const char *fields, size_t hops)
{
	struct job *j = unit_job();
	const struct auth_results_conf conf = { "mx.ca.test", hops };
	struct message m =
	    lab_parse(j, span_str(arena_printf(j->arena, "%s" REST, fields)));
	struct auth_results r;

	auth_results_read(j, &m, &conf, &r);
	return r;
}

/* "method=result(domain)", a blank between two. */
static const char *
shown(const struct auth_results *r)
{
	struct buf b;

	buf_init(&b, unit_job()->arena, 1 << 16);
	for (size_t i = 0; i < r->count; i++)
		buf_addf(&b, "%s%.*s=%.*s(%s)", i == 0 ? "" : " ",
		    (int)r->v[i].method.n, r->v[i].method.p,
		    (int)r->v[i].result.n, r->v[i].result.p,
		    r->v[i].domain == NULL ? "-" : r->v[i].domain);
	return b.p;
}

static void
test_fields(void **state)
{
	static const struct {
		const char *field, *shown;
	} cases[] = {
		{ "mx.ca.test; none", "" },
		{ "mx.ca.test 1; none", "" },
		{ "mx.ca.test; dkim=pass header.d=user.test",
		    "dkim=pass(user.test)" },
		{ "mx.ca.test 1;\r\n\tdkim=pass (good key) header.i=@user.test "
		  "header.s=a header.b=Ab+/=;\r\n\tspf=pass "
		  "smtp.mailfrom=alice@user.test;\r\n\tdmarc=fail "
		  "(p=none) header.from=USER.test",
		    "dkim=pass(user.test) spf=pass(user.test) "
		    "dmarc=fail(user.test)" },
		{ "\"mx.ca.test\"; spf=pass smtp.mailfrom=\"a b\"@user.test",
		    "" },
		{ "(c (nested \\)) ) mx.ca.test (d) 1 "
		  "(e);(f)dkim(g)=(h)pass(i)",
		    "dkim=pass(-)" },
		{ "mx.ca.test; dkim/1=pass header.d=user.test",
		    "dkim=pass(user.test)" },
		{ "mx.ca.test; dkim=fail reason=\"bad; spf=pass\" "
		  "header.d=user.test",
		    "dkim=fail(user.test)" },
		{ "mx.ca.test; dkim=pass header.d=user.test;",
		    "dkim=pass(user.test)" },
		{ "mx.ca.test; dkim=pass header.d=xn--bcher-kva.example",
		    "dkim=pass(xn--bcher-kva.example)" },
		{ "mx.ca.test; spf=pass smtp.helo=user.test", "spf=pass(-)" },
		{ "mx.ca.test; spf=pass smtp.mailfrom=", "spf=pass(-)" },
		{ "mx.ca.test; arc=pass; dkim=none",
		    "arc=pass(-) dkim=none(-)" },
		/* another's, or none that is well-formed */
		{ "mx.ca.test.evil.example; dkim=fail", "" },
		{ "x.mx.ca.test; dkim=fail", "" },
		{ "mx.ca.tes; dkim=fail", "" },
		{ "MX.ca.test; dkim=fail", "" },
		{ "mx.ca.test 2; dkim=fail", "" },
		{ "mx.ca.test 1 1; dkim=fail", "" },
		{ "(mx.ca.test; ) evil.example; dkim=fail", "" },
		{ "evil.example (; ) mx.ca.test; dkim=fail", "" },
		{ "mx.ca.test dkim=fail", "" },
		{ "mx.ca.test; dkim", "" },
		{ "mx.ca.test; dkim=", "" },
		{ "mx.ca.test; =fail", "" },
		{ "mx.ca.test; dkim/2=fail", "" },
		{ "mx.ca.test; dkim=fail header.d", "" },
		{ "mx.ca.test; dkim=fail (open", "" },
		{ "mx.ca.test; dkim=fail reason=\"open", "" },
		{ "mx.ca.test; spf=pass smtp.mailfrom=user.test; dkim", "" },
		{ "mx.ca.test; dkim=fail (((((((((9 deep)))))))))", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct auth_results r =
		    read_with(arena_printf(unit_job()->arena,
				  "Authentication-Results: %s\r\n" RECEIVED,
				  cases[i].field),
			1);

		unit_case("%s", cases[i].field);
		assert_string_equal(shown(&r), cases[i].shown);
	}
}

/* Only what stands above the Received of the own systems. */
static void
test_place(void **state)
{
	static const struct {
		const char *fields;
		size_t hops;
		const char *shown;
	} cases[] = {
		{ OWN "dkim=fail\r\n" RECEIVED, 1, "dkim=fail(-)" },
		{ RECEIVED OWN "dkim=fail\r\n", 1, "" },
		{ RECEIVED OWN "dkim=fail\r\n" RECEIVED, 1, "" },
		{ RECEIVED OWN "dkim=fail\r\n" RECEIVED, 2, "dkim=fail(-)" },
		{ RECEIVED OWN "dkim=fail\r\n" RECEIVED OWN "spf=pass\r\n", 2,
		    "dkim=fail(-)" },
		{ OWN "dkim=fail\r\n" OWN "spf=pass\r\n" RECEIVED, 1,
		    "dkim=fail(-) spf=pass(-)" },
		/* No Received at all: it did not come by the own server. */
		{ OWN "dkim=fail\r\n", 1, "" },
		{ OWN "dkim=fail\r\n" RECEIVED, 2, "" },
		{ "X-Authentication-Results: mx.ca.test; "
		  "dkim=fail\r\n" RECEIVED,
		    1, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct auth_results r =
		    read_with(cases[i].fields, cases[i].hops);

		unit_case("%zu", i);
		assert_string_equal(shown(&r), cases[i].shown);
	}
}

static void
test_sizes(void **state)
{
	struct job *j = unit_job();
	struct auth_results r;
	struct buf b;

	(void)state;
	for (size_t n = 4000; n < 4200; n += 50) {
		const char *value = arena_printf(
		    j->arena, " mx.ca.test; dkim=fail (%0*d)", (int)n - 26, 0);

		r = read_with(
		    arena_printf(j->arena,
			"Authentication-Results:%s\r\n" RECEIVED, value),
		    1);
		unit_case("%zu octets", strlen(value));
		assert_int_equal(r.count, strlen(value) <= 4096);
	}
	buf_init(&b, j->arena, 1 << 20);
	for (int i = 0; i < 70; i++)
		buf_add_str(&b, OWN "dkim=fail\r\n");
	buf_add_str(&b, RECEIVED);
	r = read_with(b.p, 1);
	assert_int_equal(r.count, AUTH_RESULTS_MAX);
}

static void
test_veto(void **state)
{
	static const struct {
		const char *results;
		bool veto, spf;
	} cases[] = {
		{ "none", false, false },
		{ "dkim=pass header.d=user.test; dmarc=pass "
		  "header.from=user.test; spf=pass smtp.mailfrom=user.test",
		    false, true },
		{ "dkim=fail header.d=user.test", true, false },
		{ "dkim=FAIL header.d=USER.test", true, false },
		{ "dkim=fail", true, false },
		{ "dkim=fail header.d=list.example", false, false },
		/* It signs twice, and one of the two is broken. */
		{ "dkim=fail header.d=user.test; dkim=pass header.d=user.test",
		    false, false },
		{ "dkim=fail header.d=user.test; dkim=pass header.d=a.example",
		    true, false },
		{ "dkim=temperror header.d=user.test", false, false },
		{ "dmarc=fail header.from=user.test", true, false },
		{ "dmarc=fail header.from=other.test", false, false },
		{ "spf=fail smtp.mailfrom=user.test", false, false },
		{ "spf=pass smtp.mailfrom=bounce.user.test", false, false },
		{ "spf=pass smtp.helo=user.test", false, false },
		{ "x-spf=pass smtp.mailfrom=user.test", false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct auth_results r =
		    read_with(arena_printf(unit_job()->arena,
				  OWN "%s\r\n" RECEIVED, cases[i].results),
			1);
		struct finding f;

		unit_case("%s", cases[i].results);
		assert_int_equal(
		    auth_results_veto(&r, "user.test", "user.test", &f),
		    cases[i].veto ? -1 : 0);
		if (cases[i].veto) {
			assert_string_equal(f.code, "ar.disagrees");
			assert_int_equal(f.result, FINDING_DEFER);
		}
		assert_int_equal(
		    auth_results_spf(&r, "user.test"), cases[i].spf);
	}
}

/* MA-81: whoever writes a mail has a say in what its server's field holds. */
static void
test_unread(void **state)
{
	struct job *j = unit_job();
	const char *many =
	    arena_printf(j->arena, "dkim=fail header.d=user.test (%04200d)", 0);
	const struct {
		const char *fields;
		bool veto;
	} cases[] = {
		{ "dkim=fail header.d=user.test; spf=pass "
		  "smtp.mailfrom=a)b@evil.example",
		    true },
		{ "spf=pass smtp.mailfrom=\"a(b\"@evil.example(; "
		  "dmarc=fail header.from=user.test",
		    true },
		{ many, true },
		{ "spf=pass smtp.mailfrom=a)b@evil.example; DKIM=FAIL; "
		  "dmarc=none",
		    true },
		{ "dkim=pass header.d=user.test; spf=pass "
		  "smtp.mailfrom=a)b@evil.example; dmarc=pass",
		    false },
		{ "spf=fail smtp.mailfrom=a)b@evil.example; dkim=temperror",
		    false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct auth_results r =
		    read_with(arena_printf(j->arena, OWN "%s\r\n" RECEIVED,
				  cases[i].fields),
			1);
		struct finding f;

		unit_case("%zu", i);
		assert_int_equal(r.count, 0);
		assert_int_equal(
		    auth_results_veto(&r, "user.test", "user.test", &f),
		    cases[i].veto ? -1 : 0);
		assert_false(auth_results_spf(&r, "evil.example"));
		/* Of somebody else, or below: nothing. */
		r = read_with(arena_printf(j->arena, RECEIVED OWN "%s\r\n",
				  cases[i].fields),
		    1);
		assert_false(r.has_unread_failure);
		r = read_with(arena_printf(j->arena,
				  "Authentication-Results: mx.evil.example; "
				  "%s\r\n" RECEIVED,
				  cases[i].fields),
		    1);
		assert_false(r.has_unread_failure);
		r = read_with(
		    arena_printf(j->arena, OWN "%s\r\n", cases[i].fields), 1);
		assert_false(r.has_unread_failure);
	}
}

/* Nothing is trusted unless the configuration names it. */
static void
test_unset(void **state)
{
	struct job *j = unit_job();
	const struct auth_results_conf conf = { NULL, 1 };
	struct message m =
	    lab_parse(j, SPAN(OWN "dkim=fail\r\n" RECEIVED REST));
	struct auth_results r;

	(void)state;
	auth_results_read(j, &m, &conf, &r);
	assert_int_equal(r.count, 0);
}

static void
test_cut(void **state)
{
	static const char field[] =
	    "mx.ca.test 1; dkim/1=fail (a (b)) reason=\"c\\\"\" "
	    "header.d=user.test; spf=pass smtp.mailfrom=a@user.test";
	struct job *j = unit_job();

	(void)state;
	for (size_t n = 0; n < sizeof(field); n++) {
		struct auth_results r =
		    read_with(arena_printf(j->arena,
				  "Authentication-Results: %.*s\r\n" RECEIVED,
				  (int)n, field),
			1);

		unit_case("%zu octets", n);
		assert_true(r.count <= 2);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_fields),
	cmocka_unit_test(test_place),
	cmocka_unit_test(test_sizes),
	cmocka_unit_test(test_veto),
	cmocka_unit_test(test_unread),
	cmocka_unit_test(test_unset),
	cmocka_unit_test(test_cut),
};

UNIT_MAIN(tests)
