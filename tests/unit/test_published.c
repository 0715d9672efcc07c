/* MA-101: what the DNS says of our keys, and what follows from it. */
#include "config.h"

#include "tests/unit/dkim_lab.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/count.h"
#include "mail/dkim_sign.h"
#include "src/published.h"

/* A signer as the child of countersignd has it: without its private key. */
static const struct dkim_signer *
load(const char *key, const char *selector)
{
	struct job *j = unit_job();
	char path[] = "/tmp/test_published.XXXXXX";
	int fd = mkstemp(path);
	struct span pem = lab_pem(j, key);
	const struct dkim_signer *s;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, pem.p, pem.n), pem.n);
	assert_int_equal(fchmod(fd, 0400), 0);
	close(fd);
	assert_int_equal(dkim_signer_load(j, j->arena, path, selector, &s), 0);
	assert_int_equal(unlink(path), 0);
	s = dkim_signer_public(j->arena, s);
	assert_non_null(s);
	return s;
}

/* Two selectors, each with an answer of its own. */
struct zone {
	enum dns_status status[2];
	const char *record[2];
	size_t asked;
};

static int
query(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	struct zone *z = ctx;
	size_t i = strcmp(name, "ed._domainkey.ca.test") == 0;

	assert_int_equal(type, DNS_TYPE_TXT);
	assert_true(i == 1 || strcmp(name, "rsa._domainkey.ca.test") == 0);
	z->asked++;
	*out = (struct dns_answer){ .status = z->status[i],
		.name = name,
		.canonical = name,
		.count = z->status[i] == DNS_OK };
	out->rdata = arena_calloc(j->arena, 1, sizeof(*out->rdata));
	out->rdata[0] = lab_rdata(j, span_str(z->record[i]));
	return 0;
}

static enum published
ask(struct zone *z, bool relay_signs)
{
	struct published_keys keys = { .signers = { load("rsa2048", "rsa"),
					   load("ed25519", "ed") },
		.count = 2,
		.domain = "ca.test",
		.relay_signs = relay_signs };
	struct resolver *r = resolver_new_custom(query, z);
	enum published answer = published_ask(unit_job(), &keys, r);

	resolver_free(r);
	assert_int_equal(z->asked, 2);
	return answer;
}

static void
test_answers(void **state)
{
	struct job *j = unit_job();
	const char *rsa = lab_record(j, "rsa2048"),
		   *ed = lab_record(j, "ed25519"),
		   *other = lab_record(j, "rsa4096"),
		   *testing = arena_printf(j->arena, "%s; t=y", ed);
	const struct {
		struct zone zone;
		enum published ours, relays;
	} cases[] = {
		{ { { DNS_OK, DNS_OK }, { rsa, ed }, 0 }, PUBLISHED_YES,
		    PUBLISHED_YES },
		{ { { DNS_OK, DNS_OK }, { other, ed }, 0 }, PUBLISHED_NO,
		    PUBLISHED_YES },
		{ { { DNS_OK, DNS_OK }, { rsa, testing }, 0 }, PUBLISHED_NO,
		    PUBLISHED_YES },
		{ { { DNS_NXDOMAIN, DNS_OK }, { "", ed }, 0 }, PUBLISHED_NO,
		    PUBLISHED_YES },
		{ { { DNS_OK, DNS_NODATA }, { rsa, "" }, 0 }, PUBLISHED_NO,
		    PUBLISHED_YES },
		{ { { DNS_OK, DNS_OK }, { rsa, "v=DKIM1; p=" }, 0 },
		    PUBLISHED_NO, PUBLISHED_YES },
		/* Who does not answer has said nothing. */
		{ { { DNS_TEMPORARY, DNS_OK }, { "", ed }, 0 },
		    PUBLISHED_UNKNOWN, PUBLISHED_UNKNOWN },
		{ { { DNS_OK, DNS_BOGUS }, { rsa, "" }, 0 }, PUBLISHED_UNKNOWN,
		    PUBLISHED_UNKNOWN },
		/* Of two answers the worst counts, in either order. */
		{ { { DNS_TEMPORARY, DNS_NXDOMAIN }, { "", "" }, 0 },
		    PUBLISHED_NO, PUBLISHED_UNKNOWN },
		{ { { DNS_NXDOMAIN, DNS_TEMPORARY }, { "", "" }, 0 },
		    PUBLISHED_NO, PUBLISHED_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct zone zone = cases[i].zone;

		unit_case("%zu", i);
		assert_int_equal(ask(&zone, false), cases[i].ours);
		zone = cases[i].zone;
		assert_int_equal(ask(&zone, true), cases[i].relays);
	}
}

/* Without its private half a signer still has its record, and signs not. */
static void
test_public(void **state)
{
	static const char mail[] = "From: a@ca.test\r\n\r\n";
	static const char *const keys[] = { "rsa2048", "ed25519" };
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		const struct dkim_signer *s[1] = { load(keys[i], "sel") };
		struct span out;

		unit_case("%s", keys[i]);
		assert_string_equal(
		    dkim_signer_record(j, s[0]), lab_record(j, keys[i]));
		assert_string_equal(dkim_signer_selector(s[0]), "sel");
		assert_int_equal(dkim_sign(j, span_str(mail), "ca.test", s, 1,
				     LAB_NOW, LAB_NOW + 60, &out),
		    -1);
		job_recover(j);
	}
}

static void
test_pauses(void **state)
{
	static const int64_t expected[] = { 5, 5, 10, 20, 40 };

	(void)state;
	for (unsigned i = 0; i < COUNT(expected); i++)
		assert_int_equal(published_pause(i), expected[i]);
	assert_int_equal(published_pause(1000), 1800);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_answers),
	cmocka_unit_test(test_public),
	cmocka_unit_test(test_pauses),
};
UNIT_MAIN(tests)
