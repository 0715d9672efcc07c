/*
 * What a good configuration file means, option by option; a reload keeps what
 * cannot change; and whether the table of options agrees with itself.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/count.h"
#include "src/conf_listen.h"
#include "src/conf_table.h"
#include "tests/unit/conf_lab.h"
#include "tests/unit/unit_folder.h"

/* --- good files ---------------------------------------------------------- */

static void
test_values(void **state)
{
	const struct conf *c = conf_lab_good(conf_lab_base);

	(void)state;
	assert_string_equal(c->file, conf_lab_path);
	assert_string_equal(c->base_url, "https://acme.ca.example");
	assert_string_equal(c->ca_name, "Example CA");
	assert_int_equal(c->web.listen.n, 1);
	assert_string_equal(c->web.listen.v[0], "127.0.0.1:443");
	/* Relative names are meant from the file's folder. */
	assert_string_equal(c->seal_key_file, unit_path("seal.key"));
	assert_string_equal(c->web.tls_key, "/keys/web.key");
	assert_true(c->sender.relay_signs);
	assert_null(c->user);
	assert_null(c->sender.dkim_rsa_key);
	assert_int_equal(c->deny.n, 0);
}

static void
test_defaults(void **state)
{
	const struct conf *c = conf_lab_good(conf_lab_base);

	(void)state;
	assert_int_equal(c->mode, CONF_MODE_PRIVATE);
	assert_int_equal(c->max_identifiers, 10);
	assert_true(c->utf8_mailboxes);
	assert_false(c->allow_reserved_domains);
	assert_int_equal(c->authz_pending_life, 86400);
	assert_int_equal(c->retention, INT64_C(918) * 86400);
	assert_int_equal(c->retain_final, 30 * 86400);
	assert_int_equal(c->authz_valid_life, 3 * 86400);
	assert_int_equal(c->challenge_mail_delay, 5);
	assert_true(c->caa_enforce);
	assert_int_equal(c->web.max_body, 65536);
	assert_int_equal(c->sender.relay_tls, CONF_TLS_STARTTLS);
	assert_true(c->sender.tagged);
	assert_int_equal(c->validator.imap.tls, CONF_TLS_IMPLICIT);
	assert_int_equal(c->validator.coverage, CONF_COVERAGE_CORE);
	assert_false(c->validator.require_dnssec); /* MA-31 */
	assert_int_equal(c->validator.dns_total_ms, 20000);
	assert_int_equal(c->issuer.caa_max_age, 3600);
	assert_int_equal(c->issuer.max_per_hour, 1000);
}

static void
test_units(void **state)
{
	static const struct {
		const char *text;
		int64_t secs;
	} cases[] = {
		{ "3600", 3600 },
		{ "3600s", 3600 },
		{ "60m", 3600 },
		{ "2h", 7200 },
		{ "30d", 2592000 },
		{ "1D", 86400 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *text = conf_lab_edit(
		    conf_lab_base, "max_identifiers = 10", "order_life = @");

		unit_case("%s", cases[i].text);
		text = conf_lab_edit(text, "@\n",
		    arena_printf(unit_job()->arena, "%s\n", cases[i].text));
		assert_int_equal(
		    conf_lab_good(text)->order_life, cases[i].secs);
	}
	assert_int_equal(conf_lab_good(conf_lab_edit(conf_lab_base, "\ttls_key",
					   "\tmax_body = 128k\n\ttls_key"))
			     ->web.max_body,
	    131072);
}

/* PK-22 */
static void
test_periods(void **state)
{
	static const struct {
		const char *text;
		int64_t days;
	} cases[] = {
		{ "2y", 732 },
		{ "24m", 744 },
		{ "732d", 732 },
		{ "2Y1M1W1D", 771 },
		{ "110w", 770 },
		{ "30y", 10980 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *line = arena_printf(unit_job()->arena,
		    "retention = %s\n\tretain_final = 1d", cases[i].text);

		unit_case("%s", cases[i].text);
		assert_int_equal(
		    conf_lab_good(conf_lab_edit(conf_lab_base,
				      "max_identifiers = 10", line))
			->retention,
		    cases[i].days * 86400);
	}
}

static void
test_lists(void **state)
{
	const struct conf *c = conf_lab_good(
	    conf_lab_edit(conf_lab_base, "\tmax_identifiers = 10\n",
		"\tallow = { \"a.example\",\n\t\t\"bob@b.example\",\n"
		"\t\tc.example }\n\tdeny = { x.example }\n"
		"\tdeny += { y.example }\n"));

	(void)state;
	assert_int_equal(c->allow.n, 3);
	assert_string_equal(c->allow.v[1], "bob@b.example");
	assert_string_equal(c->allow.v[2], "c.example");
	assert_int_equal(c->deny.n, 2);
}

/* Comments of each kind, where a line number counts after them. */
static void
test_comments(void **state)
{
	const char *text = conf_lab_edit(conf_lab_base, NULL,
	    "# one { \" ' }\n// two {\n/* three {\n * four \"\n */\n");
	const struct conf *c;
	struct conf_reports r;

	(void)state;
	text = conf_lab_edit(
	    text, "\"Example CA\"", "\"# is a // CA /* no */\"  # x {");
	c = conf_lab_good(text);
	assert_string_equal(c->ca_name, "# is a // CA /* no */");
	assert_int_equal(
	    conf_lab_load(span_str(conf_lab_edit(text, "= 10", "= 0")), &r, &c),
	    -1);
	assert_string_equal(r.text.p,
	    "conf:11: policy.max_identifiers: 0 is out of range; give 1 to "
	    "100\n");
}

/* What editors elsewhere make of it. */
static void
test_foreign(void **state)
{
	const struct conf *c;

	(void)state;
	c = conf_lab_good(conf_lab_edit(conf_lab_base, NULL, "\xef\xbb\xbf"));
	assert_string_equal(c->base_url, "https://acme.ca.example");
	c = conf_lab_good(conf_lab_edit(
	    conf_lab_base, "\"Example CA\"\n", "'${CA} M\xc3\xbcller'\r\n"));
	assert_string_equal(c->ca_name, "${CA} M\xc3\xbcller");
	c = conf_lab_good(conf_lab_edit(conf_lab_base, "Example", "\\${CA}"));
	assert_string_equal(c->ca_name, "${CA} CA");
}

/* The file ends anywhere: an answer, no crash, nothing twice. */
static void
test_cut(void **state)
{
	size_t whole = strlen(conf_lab_base), good = 0;

	(void)state;
	for (size_t n = 0; n < whole; n++) {
		const struct conf *c = NULL;
		struct conf_reports r;

		unit_case("%zu octets", n);
		if (conf_lab_load(span_mem(conf_lab_base, n), &r, &c) == 0) {
			good++;
			assert_int_equal(r.count, 0);
			continue;
		}
		assert_true(r.count >= 1 && r.count < 25);
		job_reset(unit_job());
	}
	/* Only the last line end is not needed. */
	assert_int_equal(good, 1);
}

/* Each octet another one: an answer, no crash. */
static void
test_octets(void **state)
{
	static const char others[] = "\"'{}=,\\#/+(\n\x80";
	const size_t whole = strlen(conf_lab_base);
	char *text = xstrdup(conf_lab_base);

	(void)state;
	for (size_t i = 0; i < whole; i += 3) {
		const struct conf *c = NULL;
		struct conf_reports r;

		memcpy(text, conf_lab_base, whole);
		text[i] = others[i % (sizeof(others) - 1)];
		unit_case("octet %zu is %02x", i, (unsigned char)text[i]);
		if (conf_lab_load(span_str(text), &r, &c) == 0)
			assert_int_equal(r.count, 0);
		else
			assert_true(r.count >= 1 && r.count < 45);
		job_reset(unit_job());
	}
	free(text);
}

/* --- reload -------------------------------------------------------------- */

static void
test_reload(void **state)
{
	const struct conf *old = conf_lab_good(conf_lab_base), *now = NULL;
	struct conf_reports r;
	const char *text = conf_lab_base;

	(void)state;
	text = conf_lab_edit(text, "Example CA", "Other CA");
	text = conf_lab_edit(text, "= 10", "= 20");
	text = conf_lab_edit(text, "https://acme", "https://other");
	text = conf_lab_edit(text, "\"127.0.0.1:443\"", "\"127.0.0.1:444\"");
	text = conf_lab_edit(text, "localhost", "127.0.0.1");
	text =
	    conf_lab_edit(text, "\tcrl_file", "\tserial_octet = 2\n\tcrl_file");
	conf_lab_write(span_str(text));
	conf_reports_init(&r);
	assert_int_equal(conf_lab_reload(old, &r, &now), 0);
	assert_string_equal(r.text.p,
	    "base_url\nweb.listen\nsender.relay_host\n"
	    "issuer.serial_octet\n");
	assert_string_equal(now->ca_name, "Other CA");
	assert_int_equal(now->max_identifiers, 20);
	assert_string_equal(now->base_url, "https://acme.ca.example");
	assert_string_equal(now->web.listen.v[0], "127.0.0.1:443");
	assert_string_equal(now->sender.relay_host, "localhost");
	assert_int_equal(now->issuer.serial_octet, 1);
	assert_string_equal(old->ca_name, "Example CA");
}

static void
test_reload_refused(void **state)
{
	const struct conf *old = conf_lab_good(conf_lab_base), *now = NULL;
	struct conf_reports r;

	(void)state;
	conf_lab_write(
	    span_str(conf_lab_edit(conf_lab_base, "= 10", "= 1000")));
	conf_reports_init(&r);
	assert_int_equal(conf_lab_reload(old, &r, &now), -1);
	assert_int_equal(r.count, 1);
	assert_null(now);
	/* The same file again: nothing to say. */
	conf_lab_write(span_str(conf_lab_base));
	conf_reports_init(&r);
	assert_int_equal(conf_lab_reload(old, &r, &now), 0);
	assert_int_equal(r.count, 0);
}

/* --- the table itself ---------------------------------------------------- */

static bool
inherits(const struct conf_section *s)
{
	return s != NULL && s->inherit != NULL;
}

static void
test_table(void **state)
{
	const struct conf_section *section;

	(void)state;
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		unit_case("%s.%s", o->section, o->name);
		section = conf_section_find(o->section);
		assert_true(
		    o->offset <
		    (section != NULL ? section->size : sizeof(struct conf)));
		assert_true(strlen(o->meaning) > 10);
		/* What is required has no default; a choice has both. */
		assert_false(o->required && o->initial != NULL);
		if (o->type == CONF_CHOICE) {
			assert_non_null(o->choices);
			assert_true(o->initial != NULL || inherits(section));
		}
		if (o->type == CONF_INTEGER || o->type == CONF_SECONDS ||
		    o->type == CONF_PERIOD || o->type == CONF_OCTETS) {
			assert_true(o->initial != NULL || inherits(section));
			assert_true(o->max > o->min);
		}
		for (size_t k = 0; k < i; k++) {
			const struct conf_option *p = &conf_options[k];

			if (section == conf_section_find(p->section))
				assert_true(o->offset != p->offset);
			assert_false(strcmp(o->section, p->section) == 0 &&
				     strcmp(o->name, p->name) == 0);
		}
	}
}

static void
test_listen(void **state)
{
	static const struct {
		const char *text, *host, *port;
	} cases[] = {
		{ "127.0.0.1:443", "127.0.0.1", "443" },
		{ "[::1]:8443", "::1", "8443" },
		{ "192.0.2.1:65535", "192.0.2.1", "65535" },
		{ ":443", NULL, NULL },
		{ "127.0.0.1", NULL, NULL },
		{ "127.0.0.1:", NULL, NULL },
		{ "127.0.0.1:65536", NULL, NULL },
		{ "127.0.0.1:0", NULL, NULL },
		{ "127.0.0.1:+1", NULL, NULL },
		{ "::1:443", NULL, NULL },
		{ "[]:443", NULL, NULL },
		{ "", NULL, NULL },
	};
	/* Others may listen there. */
	static const char *const names[] = { "host.example:65535",
		"localhost:443", "*:443" };
	const char *host = NULL, *port = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		unit_case("%s", names[i]);
		assert_int_equal(conf_parse_listen(
				     unit_job()->arena, names[i], &host, &port),
		    -1);
		assert_int_equal(conf_parse_host_port(
				     unit_job()->arena, names[i], &host, &port),
		    0);
	}
	assert_string_equal(host, "*");
	assert_string_equal(port, "443");
	for (size_t i = 0; i < COUNT(cases); i++) {
		int expected = cases[i].host != NULL ? 0 : -1;

		unit_case("%s", cases[i].text);
		assert_int_equal(conf_parse_listen(unit_job()->arena,
				     cases[i].text, &host, &port),
		    expected);
		if (expected < 0)
			continue;
		assert_string_equal(host, cases[i].host);
		assert_string_equal(port, cases[i].port);
	}
}

static const struct CMUnitTest tests[] = {
	WITH_FOLDER(test_values),
	WITH_FOLDER(test_defaults),
	WITH_FOLDER(test_units),
	WITH_FOLDER(test_periods),
	WITH_FOLDER(test_lists),
	WITH_FOLDER(test_comments),
	WITH_FOLDER(test_foreign),
	WITH_FOLDER(test_cut),
	WITH_FOLDER(test_octets),
	WITH_FOLDER(test_reload),
	WITH_FOLDER(test_reload_refused),
	cmocka_unit_test(test_table),
	cmocka_unit_test(test_listen),
};

UNIT_MAIN(tests)
