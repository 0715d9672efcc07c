/* The resolver against a name server of the test's own: MA-30, MA-31, PK-29,
 * PK-30, PK-31. */
#include "config.h"

#include "dns/resolver.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "tests/unit/name_server.h"
#include "tests/unit/unit.h"

static const char *
write_file(const char *text)
{
	static char path[32];
	int fd;

	snprintf(path, sizeof(path), "test-dns-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return path;
}

static struct resolver *
make_resolver(int64_t total_ms, const char *anchor)
{
	char text[400];
	struct resolver *r = NULL;
	struct resolver_conf conf = { .try_ms = 5000, .total_ms = total_ms };

	snprintf(text, sizeof(text),
	    "server:\n do-not-query-localhost: no\n"
	    " local-zone: \"test.\" transparent\n%s%s%s"
	    "stub-zone:\n name: \"test.\"\n stub-addr: 127.0.0.1@%d\n",
	    anchor == NULL ? "" : " trust-anchor: \"",
	    anchor == NULL ? "" : anchor, anchor == NULL ? "" : "\"\n",
	    name_server_port);
	conf.config_file = write_file(text);
	if (resolver_new(unit_job(), &conf, &r) < 0)
		fail_msg("%s", unit_job()->err.text);
	unlink(conf.config_file);
	return r;
}

/* Long enough that no machine is too slow. */
#define PATIENT_MS 60000

/* MA-30: each answer; PK-31: what is refused. */
static void
test_answers(void **state)
{
	static const struct {
		const char *name;
		enum dns_type type;
		enum dns_status status;
		size_t count;
	} cases[] = {
		{ "ok.test", DNS_TYPE_TXT, DNS_OK, 1 },
		{ "sel._domainkey.ok.test", DNS_TYPE_TXT, DNS_OK, 1 },
		{ "ok.test", DNS_TYPE_MX, DNS_OK, 1 },
		{ "OK.Test", DNS_TYPE_TXT, DNS_OK, 1 },
		{ "nodata.test", DNS_TYPE_TXT, DNS_NODATA, 0 },
		{ "ok.test", DNS_TYPE_CAA, DNS_NODATA, 0 },
		{ "nx.test", DNS_TYPE_TXT, DNS_NXDOMAIN, 0 },
		{ "servfail.test", DNS_TYPE_TXT, DNS_TEMPORARY, 0 },
		{ "refused.test", DNS_TYPE_TXT, DNS_TEMPORARY, 0 },
		{ "a..test", DNS_TYPE_TXT, DNS_NXDOMAIN, 0 },
		{ "a\\.b.test", DNS_TYPE_TXT, DNS_NXDOMAIN, 0 },
		{ "", DNS_TYPE_TXT, DNS_NXDOMAIN, 0 },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaa"
		  "a.test",
		    DNS_TYPE_TXT, DNS_NXDOMAIN, 0 },
	};
	struct resolver *r = make_resolver(PATIENT_MS, NULL);
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dns_answer a;

		unit_case("%s %d", cases[i].name, (int)cases[i].type);
		assert_int_equal(
		    resolver_query(r, j, cases[i].name, cases[i].type, &a), 0);
		assert_string_equal(dns_status_name(a.status),
		    dns_status_name(cases[i].status));
		assert_int_equal(a.count, cases[i].count);
		assert_string_equal(a.name, cases[i].name);
		assert_false(a.secure);
		if (a.status == DNS_OK)
			assert_true(a.ttl > 0 && a.ttl <= 300);
		if (a.status == DNS_TEMPORARY)
			assert_non_null(a.why);
	}
	resolver_free(r);
}

static void
test_rdata(void **state)
{
	struct resolver *r = make_resolver(PATIENT_MS, NULL);
	struct dns_answer a;

	(void)state;
	assert_int_equal(
	    resolver_query(r, unit_job(), "ok.test", DNS_TYPE_TXT, &a), 0);
	assert_span_equal(a.rdata[0], "\x05hello\x05there");
	assert_int_equal(
	    resolver_query(r, unit_job(), "ok.test", DNS_TYPE_MX, &a), 0);
	assert_int_equal(a.rdata[0].n, 11);
	assert_memory_equal(a.rdata[0].p, "\x00\x0a\x02mx\x04test", 11);
	resolver_free(r);
}

/* MA-30: eight aliases are followed; a longer chain is temporary. */
static void
test_aliases(void **state)
{
	struct resolver *r = make_resolver(PATIENT_MS, NULL);
	struct dns_answer a;

	(void)state;
	assert_int_equal(
	    resolver_query(r, unit_job(), "c12.test", DNS_TYPE_TXT, &a), 0);
	assert_int_equal(a.status, DNS_OK);
	assert_string_equal(a.canonical, "c20.test");
	assert_int_equal(
	    resolver_query(r, unit_job(), "c11.test", DNS_TYPE_TXT, &a), 0);
	assert_int_equal(a.status, DNS_TEMPORARY);
	assert_int_equal(a.count, 0);
	assert_non_null(a.why);
	assert_int_equal(a.alias_count, 8);
	assert_string_equal(a.canonical, "c19.test");
	resolver_free(r);
}

/* MA-30: truncated over UDP, whole over TCP, 60 KB. */
static void
test_large(void **state)
{
	struct resolver *r = make_resolver(PATIENT_MS, NULL);
	struct dns_answer a;

	(void)state;
	assert_int_equal(
	    resolver_query(r, unit_job(), "large.test", DNS_TYPE_TXT, &a), 0);
	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(a.count, 2);
	assert_int_equal(a.rdata[0].n + a.rdata[1].n, 60000 + 12);
	assert_true(name_server_counters->tcp > 0);
	resolver_free(r);
}

/* Trap: a dead server blocks the library's own call for 17 s and more.
 * MA-30: ours ends with its own deadline, and the answer is temporary. */
static void
test_silent(void **state)
{
	struct dns_answer a;
	int64_t took;
	int tries = 0;

	(void)state;
	/* Generous, but well below what the library alone would take. */
	do {
		struct resolver *r = make_resolver(300, NULL);
		int64_t begin = clock_mono_ms();

		assert_int_equal(resolver_query(r, unit_job(), "silent.test",
				     DNS_TYPE_TXT, &a),
		    0);
		took = clock_mono_ms() - begin;
		assert_int_equal(a.status, DNS_TEMPORARY);
		assert_string_equal(a.why, "no answer within 300 ms");
		assert_true(took >= 300);
		resolver_free(r);
	} while (took >= 12000 && ++tries < 5);
	assert_true(took < 12000);
}

/* A server that was silent is asked again, and other questions go on while
 * one was given up. */
static void
test_recovers(void **state)
{
	struct resolver *r = make_resolver(500, NULL);
	struct dns_answer a;
	int64_t end = clock_mono_ms() + 100000;

	(void)state;
	name_server_counters->quiet_left = 3;
	assert_int_equal(
	    resolver_query(r, unit_job(), "quiet.test", DNS_TYPE_TXT, &a), 0);
	assert_int_equal(a.status, DNS_TEMPORARY);
	do
		assert_int_equal(resolver_query(r, unit_job(), "quiet.test",
				     DNS_TYPE_TXT, &a),
		    0);
	while (a.status != DNS_OK && clock_mono_ms() < end);
	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(
	    resolver_query(r, unit_job(), "ok.test", DNS_TYPE_TXT, &a), 0);
	assert_int_equal(a.status, DNS_OK);
	resolver_free(r);
}

/* ER-34: the second time nobody is asked; and no thread was made. */
static void
test_cache(void **state)
{
	struct resolver *r = make_resolver(PATIENT_MS, NULL);
	struct dns_answer a;
	DIR *tasks;
	int asked, threads = 0;

	(void)state;
	assert_int_equal(
	    resolver_query(r, unit_job(), "ok.test", DNS_TYPE_TXT, &a), 0);
	asked = name_server_counters->udp;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(
		    resolver_query(r, unit_job(), "ok.test", DNS_TYPE_TXT, &a),
		    0);
		assert_int_equal(a.status, DNS_OK);
	}
	assert_int_equal(name_server_counters->udp, asked);
	tasks = opendir("/proc/self/task");
	assert_non_null(tasks);
	for (struct dirent *e; (e = readdir(tasks)) != NULL;)
		threads += e->d_name[0] != '.';
	closedir(tasks);
#if !defined(__SANITIZE_ADDRESS__)
	assert_int_equal(threads, 1);
#endif
	resolver_free(r);
}

/* Trap: a bogus answer still carries data.  MA-31, PK-29, PK-30: a zone that
 * an anchor says is signed answers without signatures. */
static void
test_bogus(void **state)
{
	struct resolver *r = make_resolver(PATIENT_MS,
	    "test. DS 12345 13 2 0000000000000000000000000000000000000000000"
	    "000000000000000000001");
	static const char *names[] = { "ok.test", "nx.test", "nodata.test",
		"c19.test" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct dns_answer a;

		unit_case("%s", names[i]);
		assert_int_equal(
		    resolver_query(r, unit_job(), names[i], DNS_TYPE_TXT, &a),
		    0);
		assert_int_equal(a.status, DNS_BOGUS);
		assert_int_equal(a.count, 0);
		assert_null(a.rdata);
		assert_false(a.secure);
		assert_non_null(a.why);
		/* PK-17: no data, but the way that it names. */
		assert_int_equal(a.alias_count, i == 3 ? 1 : 0);
		assert_string_equal(
		    a.canonical, i == 3 ? "c20.test" : names[i]);
	}
	resolver_free(r);
}

/* A wrong file is noticed at start, with its place. */
static void
test_configuration(void **state)
{
	struct resolver_conf conf = { .try_ms = 5000, .total_ms = 20000 };
	struct resolver *r = NULL;
	struct job *j = unit_job();

	(void)state;
	conf.config_file = write_file("server:\n nonsense: 1\n");
	assert_int_equal(resolver_new(j, &conf, &r), -1);
	assert_int_equal(j->err.kind, ERR_INTERNAL);
	assert_non_null(strstr(j->err.text, conf.config_file));
	assert_non_null(strstr(j->err.text, ":2:"));
	/* It may be the file of a password. */
	assert_null(strstr(j->err.text, "nonsense"));
	unlink(conf.config_file);

	job_recover(j);
	conf.config_file = "no-such-file.conf";
	assert_int_equal(resolver_new(j, &conf, &r), -1);
	assert_non_null(strstr(j->err.text, "no-such-file.conf"));

	job_recover(j);
	conf.config_file = NULL;
	conf.trust_anchor = "no-such-file.key";
	assert_int_equal(resolver_new(j, &conf, &r), -1);
	assert_string_equal(j->err.text,
	    "trust anchor: no-such-file.key: cannot open: No such file or "
	    "directory");

	job_recover(j);
	conf.trust_anchor = write_file("this is no anchor\n");
	assert_int_equal(resolver_new(j, &conf, &r), -1);
	assert_non_null(strstr(j->err.text, conf.trust_anchor));
	unlink(conf.trust_anchor);
}

/* PK-43: what does not validate here is no basis for CAA parameters. */
static void
test_validates(void **state)
{
	static const char anchor[] = " trust-anchor: \". DS 20326 8 2 "
				     "E06D44B80B8F1D39A95C0B0D7C65D08458E"
				     "880409BBC683457104237C7F8EC8D\"\n";
	static const struct {
		const char *text, *lacks;
		bool has_anchor;
	} cases[] = {
		{ "server:\n", NULL, true },
		{ "server:\n", "trust anchor", false },
		{ "server:\n module-config: \"iterator\"\n", "module-config",
		    true },
		{ "server:\n val-permissive-mode: yes\n", "val-permissive-mode",
		    true },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct resolver_conf conf = { .try_ms = 5000,
			.total_ms = 20000 };
		struct resolver *r = NULL;

		unit_case("%zu", i);
		conf.config_file = write_file(arena_printf(j->arena, "%s%s",
		    cases[i].text, cases[i].has_anchor ? anchor : ""));
		assert_int_equal(resolver_new(j, &conf, &r), 0);
		unlink(conf.config_file);
		assert_int_equal(resolver_check_validates(r, j),
		    cases[i].lacks == NULL ? 0 : -1);
		if (cases[i].lacks != NULL)
			assert_non_null(strstr(j->err.text, cases[i].lacks));
		job_recover(j);
		resolver_free(r);
	}
}

#define ROOT ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC6834"
#define ANCHOR "server:\n trust-anchor: \"" ROOT "57104237C7F8EC8D\"\n"

/* PK-29: what public mode takes, and where it says what it does not. */
static void
test_public_options(void **state)
{
	static const struct {
		const char *text, *said; /* NULL: good */
	} cases[] = {
		{ ANCHOR, NULL },
		{ "# a comment\n\n" ANCHOR " module-config: \"validator "
		  "iterator\" # both\n\tdo-ip6:no\nforward-zone:\n name: "
		  "\".\"\n forward-addr: 192.0.2.1@853#dns.test\n",
		    NULL },
		{ "server:\n do-ip6: no\n", "no trust anchor for the root" },
		{ ANCHOR " domain-insecure: \"a.test\"\n",
		    ":3: domain-insecure: " },
		{ ANCHOR " val-override-date: -1\n",
		    ":3: val-override-date: " },
		{ ANCHOR " val-permissive-mode: yes\n",
		    ":3: val-permissive-mode: in public mode it must be "
		    "\"no\"" },
		{ ANCHOR " val-nsec3-keysize-iterations: \"1024 0\"\n",
		    ":3: val-nsec3-keysize-iterations: " },
		{ ANCHOR " val-sig-skew-max: 9999999\n",
		    ":3: val-sig-skew-max: " },
		{ ANCHOR " val-clean-additional: no\n",
		    ":3: val-clean-additional: " },
		{ ANCHOR " harden-dnssec-stripped: no\n",
		    ":3: harden-dnssec-stripped: " },
		{ ANCHOR " disable-edns-do: yes\n", ":3: disable-edns-do: " },
		{ ANCHOR " local-data: \"a.test A 192.0.2.1\"\n",
		    ":3: local-data: " },
		{ ANCHOR " serve-expired: yes\n", ":3: serve-expired: " },
		{ ANCHOR " module-config: \"iterator\"\n",
		    ":3: module-config: " },
		{ ANCHOR "include: /etc/other.conf\n", ":3: include: " },
		/* Two in a line, and all that hides one. */
		{ ANCHOR "server: domain-insecure: a.test\n", ":3: " },
		{ ANCHOR " do-ip6: no domain-insecure: a.test\n", ":3: " },
		{ ANCHOR " do-ip6: \"no\"domain-insecure: a.test\n", ":3: " },
		{ ANCHOR " do-ip6: no\rdomain-insecure: a.test\n", ":3: " },
		{ ANCHOR " do-ip6: 'no' domain-insecure: a.test\n", ":3: " },
		{ ANCHOR " root-hints: \"a\n domain-insecure: b\"\n", ":3: " },
		{ ANCHOR " do-ip6:\n no\n", ":3: do-ip6: " },
		/* Anchors. */
		{ ANCHOR " trust-anchor: \"test. DS 1 8 2 AA\"\n",
		    ":3: test.: in public mode trust anchors are of the root" },
		{ "server:\n trust-anchor: \". 60 IN DS 1 8 1 AA\"\n",
		    "a DS record digest 2 or 4" },
		{ "server:\n trust-anchor: \". DS 1 5 2 AA\"\n",
		    "has algorithm 8" },
		{ "server:\n trust-anchor: \". IN DNSKEY 257 3 253 AA\"\n",
		    "has algorithm 8" },
		{ "server:\n trust-anchor: \". IN A 192.0.2.1\"\n", ":2: A: " },
		{ "server:\n trust-anchor-file: no-such-file\n",
		    "no-such-file" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct resolver_conf conf = {
			.try_ms = 5000, .total_ms = 20000, .is_public = true
		};
		struct resolver *r = NULL;
		int got;

		unit_case("%zu", i);
		conf.config_file = write_file(cases[i].text);
		got = resolver_new(j, &conf, &r);
		unlink(conf.config_file);
		if (cases[i].said == NULL) {
			assert_int_equal(got, 0);
			assert_int_equal(resolver_check_validates(r, j), 0);
			resolver_free(r);
			continue;
		}
		assert_int_equal(got, -1);
		assert_int_equal(j->err.kind, ERR_INTERNAL);
		if (strstr(j->err.text, cases[i].said) == NULL)
			fail_msg("%s", j->err.text);
		if (cases[i].said[0] == ':')
			assert_non_null(strstr(j->err.text, conf.config_file));
		job_recover(j);
	}
}

/* PK-29: the anchor's own file. */
static void
test_public_anchor_file(void **state)
{
	static const struct {
		const char *text;
		const char *said; /* NULL: good */
	} cases[] = {
		{ "; autotrust\n;;id: . 1\n.\t172800\tIN\tDS\t20326 8 2 "
		  "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8"
		  "EC8D ; made\n",
		    NULL },
		{ "; nothing\n", "no trust anchor for the root" },
		{ "\ntest. IN DS 1 8 2 AA\n", ":2: test.: " },
		{ ". IN DS (\n1 8 2 AA )\n", ":1: " },
		{ "$ORIGIN test.\n", ":1: $ORIGIN" },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct resolver_conf conf = {
			.try_ms = 5000, .total_ms = 20000, .is_public = true
		};
		struct resolver *r = NULL;

		unit_case("%zu", i);
		conf.trust_anchor = write_file(cases[i].text);
		assert_int_equal(
		    resolver_new(j, &conf, &r), cases[i].said == NULL ? 0 : -1);
		unlink(conf.trust_anchor);
		if (cases[i].said != NULL &&
		    strstr(j->err.text, cases[i].said) == NULL)
			fail_msg("%s", j->err.text);
		job_recover(j);
		resolver_free(r);
	}
}

static int
stored(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	const char *text = ctx;

	assert_string_equal(name, "a.test");
	assert_int_equal(type, DNS_TYPE_TXT);
	out->status = DNS_OK;
	out->secure = true;
	out->rdata = arena_calloc(j->arena, 1, sizeof(*out->rdata));
	out->rdata[0] = span_str(text);
	out->count = 1;
	return 0;
}

static void
test_custom(void **state)
{
	char text[] = "stored";
	struct resolver *r = resolver_new_custom(stored, text);
	struct dns_answer a;

	(void)state;
	assert_int_equal(
	    resolver_query(r, unit_job(), "a.test", DNS_TYPE_TXT, &a), 0);
	assert_string_equal(a.name, "a.test");
	assert_string_equal(a.canonical, "a.test");
	assert_span_equal(a.rdata[0], "stored");
	resolver_free(r);
	resolver_free(NULL);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(
	    test_answers, name_server_start, name_server_stop),
	cmocka_unit_test_setup_teardown(
	    test_rdata, name_server_start, name_server_stop),
	cmocka_unit_test_setup_teardown(
	    test_aliases, name_server_start, name_server_stop),
	cmocka_unit_test_setup_teardown(
	    test_large, name_server_start, name_server_stop),
	cmocka_unit_test_setup_teardown(
	    test_silent, name_server_start, name_server_stop),
	cmocka_unit_test_setup_teardown(
	    test_recovers, name_server_start, name_server_stop),
	cmocka_unit_test_setup_teardown(
	    test_cache, name_server_start, name_server_stop),
	cmocka_unit_test_setup_teardown(
	    test_bogus, name_server_start, name_server_stop),
	cmocka_unit_test(test_configuration),
	cmocka_unit_test(test_validates),
	cmocka_unit_test(test_public_options),
	cmocka_unit_test(test_public_anchor_file),
	cmocka_unit_test(test_custom),
};
UNIT_MAIN(tests)
