/* One key in several certificates of one account (PK-78): allowed, and warned
 * of where they are for other mailboxes, or one signs and another encrypts. */
#include "config.h"

#include "acme/keyowner.h"

#include <string.h>

#include "db/store_cert.h"
#include "db/store_key.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "pki/csr.h"
#include "pki/issue.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/store_fixture.h"

#define SIGNS 1
#define ENCRYPTS (1 << 4)

static const char *const alice[] = { "alice@example.org" };
static const char *const bob[] = { "bob@example.org" };
static const char *const both[] = { "bob@example.org", "alice@example.org" };
static const char *const swapped[] = { "alice@example.org", "bob@example.org" };

static struct csr
request(struct job *j, int usage, const char *const *mailboxes, size_t count)
{
	struct lab_csr c = lab_csr(j, lab_key(KEY_TYPE_P256, 0), mailboxes[0]);
	const struct csr_policy policy = { .mailboxes = mailboxes,
		.mailbox_count = count,
		.profile = LAB_PROFILE };
	struct csr csr;

	if (count > 1)
		c.names = lab_join(j, c.names, lab_rfc822(j, mailboxes[1]));
	c.key_usage = usage;
	if (csr_parse(j, lab_csr_make(j, &c), &policy, &csr) < 0)
		fail_msg("%s", j->err.text);
	return csr;
}

/* A certificate of the account, as it stands in its row. */
static void
certified(struct job *j, const char *account, const char *id, int usage,
    const char *const *mailboxes, size_t count)
{
	struct csr csr = request(j, usage, mailboxes, count);
	struct order *o = fixture_order(j, account, 1);
	struct issue_input in = { .profile = LAB_PROFILE,
		.mailboxes = mailboxes,
		.mailbox_count = count,
		.csr = &csr,
		.crl_url = "http://crl.example.com/issuing.crl",
		.ca_issuers_url = "http://ca.example.com/issuing.cer" };
	struct issue_tbs tbs;
	struct cert c = { .id = id,
		.order_id = o->id,
		.account_id = account,
		.ca_label = "aabb",
		.serial = id,
		.profile = "lab",
		.lint_report = "{}",
		.evidence = "{}",
		.br_version = "1" };
	bool taken;

	issue_serial(1, in.serial);
	issue_validity(j->now, 300, 30, &in.not_before, &in.not_after);
	if (issue_prepare(j, lab_ca("p256"), &in, &tbs) < 0)
		fail_msg("%s", j->err.text);
	c.profile_sha256 = span_mem(tbs.profile_sha256, 32);
	c.tbs = tbs.tbs;
	c.signature_alg = tbs.signature_alg;
	c.spki_sha256 = span_mem(csr.spki_sha256, sizeof(csr.spki_sha256));
	c.bare_sha256 = span_mem(csr.bare_sha256, sizeof(csr.bare_sha256));
	c.not_before = in.not_before;
	c.not_after = in.not_after;
	COMMITTED(j, store_order_finalize(j, o->id, SPAN("csr"), SPAN("jws")));
	COMMITTED(j, store_cert_reserve(j, &c, &taken));
}

static const char *
warning(struct job *j, const char *account, int usage,
    const char *const *mailboxes, size_t count)
{
	struct csr csr = request(j, usage, mailboxes, count);
	struct order_identifier *ids =
	    arena_calloc(j->arena, count, sizeof(*ids));
	const struct order o = { .id = "this",
		.account_id = account,
		.identifiers = ids,
		.identifier_count = count };

	for (size_t i = 0; i < count; i++)
		ids[i].authz.mailbox = mailboxes[i];
	unit_log_begin();
	EXPECT(j, key_warn_of_uses(j, &o, &csr), 0);
	return unit_log_end();
}

static void
test_warned(struct job *j)
{
	static const struct {
		const char *what;
		int usage;
		const char *const *mailboxes;
		size_t count;
		const char *other, *both; /* NULL: no warning */
	} rows[] = {
		{ "as before", SIGNS, alice, 1, NULL, NULL },
		{ "for both", LAB_NO_KEY_USAGE, alice, 1, NULL, NULL },
		{ "another mailbox", SIGNS, bob, 1, "yes", "no" },
		{ "another beside it", SIGNS, both, 2, "yes", "no" },
		{ "to encrypt", ENCRYPTS, alice, 1, "no", "yes" },
		{ "both", ENCRYPTS, bob, 1, "yes", "yes" },
	};
	const char *account = fixture_account(j), *said;

	assert_string_equal(warning(j, account, SIGNS, alice, 1), "");
	certified(j, account, "01", SIGNS, alice, 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%s", rows[i].what);
		said = warning(j, account, rows[i].usage, rows[i].mailboxes,
		    rows[i].count);
		if (rows[i].other == NULL) {
			assert_string_equal(said, "");
			continue;
		}
		assert_non_null(
		    strstr(said, arena_printf(j->arena,
				     "event=\"key in several certificates\" "
				     "order=this account=%s other_mailboxes=%s "
				     "signs_and_encrypts=%s",
				     account, rows[i].other, rows[i].both)));
	}
	/* Of another account none speaks: that is refused. */
	assert_string_equal(
	    warning(j, fixture_account(j), ENCRYPTS, bob, 1), "");
}

static void
test_same_set(struct job *j)
{
	const char *account = fixture_account(j);

	certified(j, account, "01", SIGNS, both, 2);
	assert_string_equal(warning(j, account, SIGNS, swapped, 2), "");
	assert_non_null(strstr(warning(j, account, SIGNS, alice, 1),
	    "other_mailboxes=yes signs_and_encrypts=no"));
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_warned),
	STORE_TEST(test_same_set),
};
UNIT_MAIN(tests)
