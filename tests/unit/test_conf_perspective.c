/*
 * The configuration of perspectives: how many, and how far from each other
 * (PK-50, PK-46); and the file of a perspective itself.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "src/conf_file.h"
#include "src/conf_perspective.h"

#define IN_2027 1798761600 /* five are needed */
#define MAX 6

static void
note(void *ctx, const char *option, const char *message)
{
	buf_addf(ctx, "%s: %s\n", option, message);
}

/* Frankfurt, Ashburn, Singapore, São Paulo, Johannesburg, Stockholm. */
static const struct conf_perspective far[MAX] = {
	{ .name = "fra", .rir = "ripe", .location = "50.11 8.68" },
	{ .name = "iad", .rir = "arin", .location = "38.95 -77.45" },
	{ .name = "sin", .rir = "apnic", .location = "1.35 103.99" },
	{ .name = "gru", .rir = "lacnic", .location = "-23.43 -46.47" },
	{ .name = "jnb", .rir = "afrinic", .location = "-26.13 28.24" },
	{ .name = "arn", .rir = "ripe", .location = "59.65 17.92" },
};

struct lab {
	struct conf_perspective p[MAX];
	struct conf conf;
};

static void
lab_init(struct lab *lab, size_t count)
{
	memcpy(lab->p, far, sizeof(far));
	for (size_t i = 0; i < MAX; i++) {
		lab->p[i].url = "https://p.example/countersign/perspective/1";
		lab->p[i].resolver_rir = lab->p[i].rir;
	}
	lab->conf = (struct conf){ .mode = CONF_MODE_PUBLIC,
		.caa_enforce = true,
		.mpic = { .policy = CONF_MPIC_ENFORCE,
		    .location = "47.38 8.54",
		    .perspectives = lab->p,
		    .perspective_count = count } };
	/* Zürich is 300 km from Frankfurt. */
	lab->p[0] = far[5];
	lab->p[0].url = lab->p[1].url;
	lab->p[0].resolver_rir = lab->p[0].rir;
	for (size_t i = 0; i < MAX; i++)
		lab->p[i].ca_file = lab->p[i].certificate = lab->p[i].key = "f";
	lab->p[0].name = "fra";
}

static const char *
complaints(const struct lab *lab)
{
	struct buf b;

	buf_init(&b, unit_job()->arena, 10000);
	conf_perspective_check(
	    unit_job()->arena, &lab->conf, IN_2027, note, &b);
	return b.n > 0 ? b.p : "";
}

static void
test_places(void **state)
{
	struct lab lab;

	(void)state;
	lab_init(&lab, 5);
	assert_string_equal(complaints(&lab), "");
	lab.p[0].location = "50.11 8.68"; /* near the validator */
	assert_non_null(
	    strstr(complaints(&lab), "perspective fra: location: is 30"));
	assert_non_null(strstr(complaints(&lab), "km from this validator"));
	lab.conf.mode = CONF_MODE_PRIVATE;
	assert_string_equal(complaints(&lab), "");
	lab_init(&lab, 5);
	lab.p[4].location = "59.0 18.0"; /* near another one */
	assert_non_null(
	    strstr(complaints(&lab), "perspective jnb: location: is 7"));
	lab_init(&lab, 5);
	lab.conf.mpic.location = NULL;
	assert_string_equal(complaints(&lab),
	    "mpic.location: is missing: perspectives must be 500 km from "
	    "here\n");
}

static void
test_number(void **state)
{
	struct lab lab;

	(void)state;
	lab_init(&lab, 4);
	assert_string_equal(complaints(&lab),
	    "mpic.policy: needs at least 5 sections perspective at this date; "
	    "there are 4\n");
	lab_init(&lab, 5);
	for (size_t i = 0; i < 5; i++)
		lab.p[i].rir = lab.p[i].resolver_rir = "ripe";
	assert_string_equal(complaints(&lab),
	    "mpic.policy: needs perspectives in the regions of two "
	    "registries\n");
	lab_init(&lab, 0);
	lab.conf.mpic.policy = CONF_MPIC_RECORD;
	assert_string_equal(complaints(&lab), "");
	lab_init(&lab, 5);
	lab.conf.caa_enforce = false;
	assert_string_equal(complaints(&lab),
	    "mpic.policy: enforce needs policy.caa_enforce = yes\n");
}

static void
test_values(void **state)
{
	static const char *const places[] = { "", "50.11", "50.11,8.68", "91 0",
		"0 181", "north east", "1.2.3 4", "1e1 4", "50 8 9" };
	struct lab lab;

	(void)state;
	for (size_t i = 0; i < COUNT(places); i++) {
		unit_case("%s", places[i]);
		lab_init(&lab, 5);
		lab.p[1].location = places[i];
		assert_string_equal(complaints(&lab),
		    "perspective iad: location: must be latitude and longitude "
		    "in degrees, such as 50.11 8.68\n");
	}
	lab_init(&lab, 5);
	lab.p[1].rir = lab.p[1].resolver_rir = "RIPE";
	lab.p[2].url = "http://p.example/";
	assert_string_equal(complaints(&lab),
	    "perspective iad: rir: must be afrinic, apnic, arin, lacnic or "
	    "ripe\n"
	    "perspective iad: resolver_rir: must be afrinic, apnic, arin, "
	    "lacnic or ripe\n"
	    "perspective sin: url: must be an https URL\n");
}

/* PK-50: the resolver's region is stated, and is the perspective's. */
static void
test_resolver(void **state)
{
	struct lab lab;

	(void)state;
	lab_init(&lab, 5);
	lab.p[1].resolver_rir = NULL;
	lab.p[3].resolver_rir = "arin";
	assert_string_equal(complaints(&lab),
	    "perspective iad: resolver_rir: is missing: say in which "
	    "registry's region the resolver is that it asks; in public mode "
	    "it must be that of rir\n"
	    "perspective gru: resolver_rir: is arin, and the perspective is "
	    "in lacnic: in public mode it must ask a resolver in its own "
	    "region\n");
	lab.conf.mode = CONF_MODE_PRIVATE;
	assert_string_equal(complaints(&lab), "");
}

/* PK-53: an URL each, or a service that asks all.  MP-11: or two, each with
 * perspectives enough of its own. */
static void
test_service(void **state)
{
	static const struct conf_open_mpic good = {
		.name = "one", .url = "https://mpic.example/v1", .ca_file = "f"
	};
	struct conf_open_mpic services[3] = { good, good, good };
	struct lab lab;

	(void)state;
	lab_init(&lab, 5);
	lab.p[1].url = NULL;
	assert_string_equal(complaints(&lab),
	    "perspective iad: url: is missing; it is needed without a section "
	    "open_mpic\n");
	lab_init(&lab, 5);
	lab.conf.mpic.open_mpic_flat = true;
	assert_string_equal(complaints(&lab),
	    "mpic.open_mpic_flat: must not be set without a section "
	    "open_mpic, whose service it is about\n");
	lab.conf.mpic.open_mpic_flat = false;
	lab.conf.mpic.dkim_via_dcv = true;
	assert_string_equal(complaints(&lab),
	    "mpic.dkim_via_dcv: must not be set without a section open_mpic, "
	    "whose service it is about\n");
	for (size_t i = 0; i < 5; i++)
		lab.p[i].url = lab.p[i].ca_file = lab.p[i].certificate =
		    lab.p[i].key = NULL;
	lab.conf.mpic.services = services;
	lab.conf.mpic.service_count = 1;
	assert_string_equal(complaints(&lab), "");
	services[1].name = "two";
	lab.conf.mpic.service_count = 2;
	assert_string_equal(complaints(&lab), "");
	lab.p[0].service = "one";
	assert_string_equal(complaints(&lab),
	    "mpic.policy: needs at least 5 sections perspective of open_mpic "
	    "two at this date; there are 4\n");
	lab.p[0].service = "three";
	lab.p[2].key = "f";
	services[0].url = "http://mpic.example";
	lab.conf.mpic.policy = CONF_MPIC_RECORD;
	lab.conf.mode = CONF_MODE_PRIVATE;
	assert_string_equal(complaints(&lab),
	    "open_mpic one: url: must be an https URL, without a slash at the "
	    "end\n"
	    "perspective fra: service: there is no section open_mpic three\n"
	    "perspective sin: key: must not be set with a section open_mpic, "
	    "whose service asks the perspectives\n");
	lab.p[0].service = lab.p[2].key = NULL;
	services[0].url = good.url;
	lab.conf.mpic.service_count = 3;
	assert_string_equal(complaints(&lab),
	    "open_mpic: 3 sections; at most 2: a round goes to one, and the "
	    "next to the other if it was silent\n");
	lab.conf.mpic.service_count = 1;
	lab.conf.mpic.perspective_count = 0;
	assert_string_equal(complaints(&lab),
	    "open_mpic one: needs a section perspective for each code that "
	    "the service may answer with: its registry and place\n");
}

/* --- the file of a perspective ------------------------------------------- */

static void
note_line(void *ctx, const char *message)
{
	const char *at = strstr(message, ".conf:");

	buf_addf(ctx, "%s\n", at != NULL ? at + 6 : message);
}

#define GOOD                                                                   \
	"user = nobody\nagent {\n code = fra\n listen = {\"[::1]:8443\"}\n"    \
	" tls_certificate = a.pem\n tls_key = b.pem\n client_ca = c.pem\n"     \
	" dns_trust_anchor = d\n}\n"

static const char *
load(const char *text, const struct conf **out)
{
	static char path[] = "test-perspective-XXXXXX.conf";
	int fd;
	FILE *f;
	struct buf b;

	memcpy(path, "test-perspective-XXXXXX.conf", sizeof(path));
	fd = mkstemps(path, 5);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	buf_init(&b, unit_job()->arena, 10000);
	*out = NULL;
	if (conf_load_perspective(
		unit_job()->arena, path, note_line, &b, out) == 0)
		assert_int_equal(b.n, 0);
	unlink(path);
	return b.n > 0 ? b.p : "";
}

static void
test_agent(void **state)
{
	const struct conf *c;

	(void)state;
	assert_string_equal(load(GOOD, &c), "");
	assert_non_null(c);
	assert_string_equal(c->agent.code, "fra");
	assert_int_equal(c->agent.listen.n, 1);
	assert_int_equal(c->agent.processes, 16);
	assert_string_equal(c->user, "nobody");
	assert_string_equal(c->agent.tls_key, "./b.pem");
	assert_null(c->database);
}

static void
test_agent_mistakes(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ GOOD "ca_name = X\n", "10: ca_name: has no place in the file "
					"of a perspective" },
		{ GOOD "web {\n threads = 2\n}\n",
		    "11: web.threads: has no place" },
		{ GOOD "perspective x {\n url = y\n}\n",
		    "11: perspective x: url: has no place" },
		{ "agent {\n code = \"a b\"\n}\n",
		    "2: agent.code: must be letters" },
		{ "agent {\n listen = {\"unix:/x\"}\n}\n",
		    "2: agent.listen: unix:/x is not an address" },
		{ "agent {\n code = a\n}\n", "agent.client_ca: is missing" },
		{ "agent {\n code = a\n}\n",
		    "agent.dns_trust_anchor: is missing" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct conf *c;
		const char *said = load(cases[i].text, &c);

		unit_case("%s: %s", cases[i].text, said);
		assert_null(c);
		assert_non_null(strstr(said, cases[i].says));
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_places),
	cmocka_unit_test(test_number),
	cmocka_unit_test(test_values),
	cmocka_unit_test(test_resolver),
	cmocka_unit_test(test_service),
	cmocka_unit_test(test_agent),
	cmocka_unit_test(test_agent_mistakes),
};

UNIT_MAIN(tests)
