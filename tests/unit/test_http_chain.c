/* The chains of CAs that issue and have issued, from their files (AC-146,
 * AC-150). */
#include "config.h"

#include <string.h>

#include "acme/route.h"
#include "lib/conf.h"
#include "pki/ca.h"
#include "src/http_chain.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

static struct conf_issuer
files_of(struct job *j, const char *type, const char *url)
{
	return (struct conf_issuer){
		.ca_certificate = arena_printf(
		    j->arena, "%s/issuing.pem", lab_ca_folder(type)),
		.ca_chain =
		    arena_printf(j->arena, "%s/root.pem", lab_ca_folder(type)),
		.ca_issuers_url = url,
	};
}

/* A former CA whose files are away keeps nobody from downloading what the
 * others have issued. */
static void
test_formers(void **state)
{
	struct job *j = lab_job();
	const struct ca *now = lab_ca("p256"), *before = lab_ca("p384");
	struct conf_former formers[] = {
		{ .name = "away",
		    .issuer = { .ca_certificate = "/nonexistent",
			.ca_chain = "/nonexistent" } },
		{ .name = "old",
		    .issuer =
			files_of(j, "p384", "http://ca.example/old.cer") },
	};
	const struct conf conf = {
		.issuer = files_of(j, "p256", "http://ca.example/new.cer"),
		.formers = formers,
		.former_count = 2,
	};
	const struct conf *kept = j->conf;
	struct acme_chain chain;
	const struct ca *ca;

	(void)state;
	j->conf = &conf;
	assert_int_equal(http_chain_load(j, j->arena, &ca, &chain), 0);
	assert_string_equal(chain.ca_label, ca_key_label(now));
	assert_string_equal(chain.issuer_url, "http://ca.example/new.cer");
	assert_true(span_eq(chain.pem, ca_chain_pem(now)));
	assert_int_equal(chain.alternate_count, 0);
	assert_int_equal(chain.former_count, 1);
	assert_string_equal(chain.formers[0].ca_label, ca_key_label(before));
	assert_string_equal(
	    chain.formers[0].issuer_url, "http://ca.example/old.cer");
	assert_true(span_eq(chain.formers[0].pem, ca_chain_pem(before)));
	assert_false(span_eq(chain.formers[0].pem, chain.pem));
	j->conf = kept;
}

/* Without the issuing CA there is nothing to start with. */
static void
test_missing(void **state)
{
	struct job *j = lab_job();
	const struct conf conf = { .issuer = { .ca_certificate = "/nonexistent",
				       .ca_chain = "/nonexistent" } };
	const struct conf *kept = j->conf;
	struct acme_chain chain;
	const struct ca *ca;

	(void)state;
	j->conf = &conf;
	assert_int_equal(http_chain_load(j, j->arena, &ca, &chain), -1);
	assert_non_null(strstr(j->err.text, "/nonexistent"));
	job_recover(j);
	j->conf = kept;
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_formers),
	cmocka_unit_test(test_missing),
};
UNIT_MAIN(tests)
