/*
 * Reports of refusals, from the records to the relay (PK-37): off by default,
 * one a day, never to ourselves, and nothing that a stranger can multiply.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "db/store_audit.h"
#include "db/store_caa.h"
#include "db/store_suppressed.h"
#include "lib/count.h"
#include "src/judge_caa.h"

#define FORBID "\0\11issuemail;"
#define HOUR 3600

/* Two records: nobody may, and whom to tell. */
struct zone {
	struct role_lab lab;
	struct span rdata[8];
	size_t count;
};

static int
answer(void *ctx, struct job *j, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	struct zone *z = ctx;

	(void)j;
	*out = (struct dns_answer){
		.status = DNS_NODATA, .name = name, .canonical = name
	};
	if (type != DNS_TYPE_CAA)
		return 0;
	out->status = DNS_OK;
	out->rdata = z->rdata;
	out->count = z->count;
	out->ttl = 300;
	return 0;
}

static void
release(void *r)
{
	resolver_free(r);
}

static void
add_contact(struct zone *z, const char *value)
{
	struct buf b;

	buf_init(&b, z->lab.j->arena, 1000);
	buf_add(&b, SPAN("\0\5iodef"));
	buf_add_str(&b, value);
	z->rdata[z->count++] = buf_span(&b);
}

/* Proven, so that CAA is what is looked at. */
static void
zone_init(struct zone *z, struct job *j)
{
	*z = (struct zone){ .count = 1 };
	role_lab_init(&z->lab, j);
	z->lab.conf.caa_report = CONF_CAA_REPORT_MAILTO;
	z->rdata[0] = SPAN(FORBID);
	role_lab_send(&z->lab);
	role_lab_post(&z->lab);
	assert_int_equal(role_lab_take(&z->lab, role_lab_reply(&z->lab, NULL)),
	    VERDICT_MATCH);
	z->lab.validator.resolver =
	    arena_own(j->arena, resolver_new_custom(answer, z), release);
	z->lab.submissions = 0;
}

/* One more check for the mailbox, which is refused. */
static void
refuse_again(struct zone *z)
{
	struct job *j = z->lab.j;
	struct authz *a = role_lab_authz(&z->lab);

	COMMITTED(j, store_caa_request(j, a->id, a->order_id, j->now));
	EXPECT(j, judge_caa(&z->lab.validator, j), 1);
}

/* All that is due; how many mails went out. */
static size_t
send_all(struct zone *z)
{
	size_t before = z->lab.submissions;

	while (sender_step(&z->lab.sender, z->lab.j) > 0)
		continue;
	return z->lab.submissions - before;
}

/* Refusal twice in an hour: one mail; and the next one on the next day. */
static void
test_once_a_day(struct job *j)
{
	struct zone z;
	struct caa_row c;

	zone_init(&z, j);
	add_contact(&z, "mailto:caa@contact.example");
	EXPECT(j, judge_caa(&z.lab.validator, j), 1);
	EXPECT(j, store_caa_latest(j, role_lab_authz(&z.lab)->id, &c), 1);
	assert_string_equal(c.result, "deny");
	assert_non_null(
	    strstr(c.trace, "\"iodef\":[\"mailto:caa@contact.example\"]"));
	assert_int_equal(send_all(&z), 1);
	assert_string_equal(z.lab.sent_to, "caa@contact.example");
	assert_string_equal(z.lab.sent_from, "acme@ca.example");
	assert_true(
	    span_has(z.lab.sent, SPAN("Auto-Submitted: auto-generated\r\n")));
	/* Nothing of the mailbox but its domain. */
	assert_true(!span_has(z.lab.sent, SPAN("mailbox0")));
	role_lab_at(&z.lab, j->now + HOUR / 2);
	refuse_again(&z);
	assert_int_equal(send_all(&z), 0);
	role_lab_at(&z.lab, FIXTURE_NOW + 24 * HOUR - 1);
	refuse_again(&z);
	assert_int_equal(send_all(&z), 0);
	role_lab_at(&z.lab, FIXTURE_NOW + 24 * HOUR);
	refuse_again(&z);
	assert_int_equal(send_all(&z), 1);
}

/* What remembers it is in the database: another validator knows. */
static void
test_other_process(struct job *j)
{
	struct zone z, other;

	zone_init(&z, j);
	add_contact(&z, "mailto:caa@contact.example");
	EXPECT(j, judge_caa(&z.lab.validator, j), 1);
	zone_init(&other, j);
	add_contact(&other, "mailto:someone.else@contact.example");
	EXPECT(j, judge_caa(&other.lab.validator, j), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM caa_report"), 1);
	assert_int_equal(send_all(&other), 1);
	assert_int_equal(send_all(&other), 0);
}

static void
test_off(struct job *j)
{
	struct zone z;

	zone_init(&z, j);
	z.lab.conf.caa_report = CONF_CAA_REPORT_NONE;
	add_contact(&z, "mailto:caa@contact.example");
	EXPECT(j, judge_caa(&z.lab.validator, j), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM caa_report"), 0);
	/* Switched off while one waits. */
	role_lab_at(&z.lab, j->now + HOUR);
	z.lab.conf.caa_report = CONF_CAA_REPORT_MAILTO;
	refuse_again(&z);
	z.lab.conf.caa_report = CONF_CAA_REPORT_NONE;
	assert_int_equal(send_all(&z), 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM caa_report "
			     "WHERE failed_at > 0 AND due_at IS NULL"),
	    1);
}

/* Who is written to, if anybody. */
static void
test_contacts(struct job *j)
{
	static const struct {
		const char *contacts[3];
		const char *to; /* NULL: nobody */
	} table[] = {
		{ { NULL }, NULL },
		{ { "https://example.org/caa" }, NULL },
		{ { "https://example.org/caa", "mailto:a@one.example" },
		    "a@one.example" },
		{ { "mailto:a@two.example", "mailto:b@two.example" },
		    "a@two.example" },
		{ { "mailto:a@three.example?cc=b@three.example" }, NULL },
		{ { "mailto:a@x.example\r\nBcc: b@x.example" }, NULL },
		/* ourselves, however written */
		{ { "mailto:acme@ca.example" }, NULL },
		{ { "mailto:acme+tag@ca.example" }, NULL },
		{ { "mailto:postmaster@CA.example" }, NULL },
		{ { "mailto:acme@ca.example", "mailto:a@four.example" },
		    "a@four.example" },
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct zone z;

		unit_case("%zu", i);
		zone_init(&z, j);
		for (size_t k = 0; k < 3 && table[i].contacts[k] != NULL; k++)
			add_contact(&z, table[i].contacts[k]);
		fixture_sql(j, "DELETE FROM bucket");
		EXPECT(j, judge_caa(&z.lab.validator, j), 1);
		assert_int_equal(send_all(&z), table[i].to != NULL);
		if (table[i].to != NULL)
			assert_string_equal(z.lab.sent_to, table[i].to);
	}
}

/* Many domains whose records name one mailbox: one mail a day to it. */
static void
test_no_amplification(struct job *j)
{
	struct zone z;

	zone_init(&z, j);
	add_contact(&z, "mailto:victim@contact.example");
	for (int i = 0; i < 5; i++) {
		if (i > 0)
			COMMITTED(
			    j, store_caa_request(j, role_lab_authz(&z.lab)->id,
				   z.lab.order->id, j->now));
		fixture_sql(
		    j, arena_printf(j->arena,
			   "UPDATE caa SET domain = 'a.d%d.example', mailbox = "
			   "'x@a.d%d.example' WHERE checked_at = 0",
			   i, i));
		EXPECT(j, judge_caa(&z.lab.validator, j), 1);
	}
	assert_int_equal(send_all(&z), 1);
	/* Nor do names below one domain count as several. */
	z.count = 1;
	add_contact(&z, "mailto:other@contact.example");
	for (int i = 0; i < 5; i++) {
		COMMITTED(j, store_caa_request(j, role_lab_authz(&z.lab)->id,
				 z.lab.order->id, j->now));
		fixture_sql(j,
		    arena_printf(j->arena,
			"UPDATE caa SET domain = 's%d.shop.example', mailbox "
			"= 'x@s%d.shop.example' WHERE checked_at = 0",
			i, i));
		EXPECT(j, judge_caa(&z.lab.validator, j), 1);
	}
	assert_int_equal(send_all(&z), 1);
}

/* Only a refusal by these records; not what other networks see, nor what is
 * recorded and refuses nothing. */
static void
test_no_refusal(struct job *j)
{
	struct zone z;

	zone_init(&z, j);
	z.rdata[0] = SPAN("\0\5issue;");
	add_contact(&z, "mailto:caa@contact.example");
	EXPECT(j, judge_caa(&z.lab.validator, j), 1);
	z.rdata[0] = SPAN(FORBID);
	z.lab.conf.caa_enforce = false;
	refuse_again(&z);
	assert_int_equal(send_all(&z), 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM caa_report"), 0);
}

/* What the relay says: tried again, or not; who wants no mail gets none. */
static void
test_relay(struct job *j)
{
	static const struct {
		enum submit_outcome outcome;
		bool is_again;
	} table[] = {
		{ SUBMIT_ACCEPTED, false },
		{ SUBMIT_PERMANENT, false },
		{ SUBMIT_UNKNOWN, false },
		{ SUBMIT_TEMPORARY, true },
	};

	for (size_t i = 0; i < COUNT(table); i++) {
		struct zone z;
		struct span first;

		unit_case("%zu", i);
		zone_init(&z, j);
		add_contact(&z, "mailto:caa@contact.example");
		fixture_sql(j, "DELETE FROM bucket");
		EXPECT(j, judge_caa(&z.lab.validator, j), 1);
		z.lab.answer.outcome = table[i].outcome;
		assert_int_equal(send_all(&z), 1);
		first = z.lab.sent;
		role_lab_at(&z.lab, j->now + HOUR);
		z.lab.answer.outcome = SUBMIT_ACCEPTED;
		assert_int_equal(send_all(&z), table[i].is_again);
		assert_true(span_eq(first, z.lab.sent));
	}
}

/* A stop of our own is no word of the relay's, and no attempt. */
static void
test_cut_off(struct job *j)
{
	struct zone z;
	int64_t at;

	zone_init(&z, j);
	add_contact(&z, "mailto:caa@contact.example");
	EXPECT(j, judge_caa(&z.lab.validator, j), 1);
	z.lab.answer.outcome = SUBMIT_CUT_OFF;
	EXPECT(j, sender_step(&z.lab.sender, j), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT attempts FROM caa_report"), 0);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event = "
			     "'caa report' AND actor = 'sender'"),
	    0);
	EXPECT(j, sender_next_due(&z.lab.sender, j, &at), 1);
	assert_int_equal(at, j->now);
	z.lab.answer.outcome = SUBMIT_ACCEPTED;
	assert_int_equal(send_all(&z), 1);
}

static void
test_suppressed(struct job *j)
{
	const struct suppressed s = { .mailbox = "caa@contact.example",
		.since = FIXTURE_NOW,
		.until = FIXTURE_NOW + 90 * 24 * HOUR,
		.source = "operator" };
	struct zone z;

	zone_init(&z, j);
	COMMITTED(j, store_suppressed_add(j, &s));
	add_contact(&z, "mailto:caa@contact.example");
	EXPECT(j, judge_caa(&z.lab.validator, j), 1);
	assert_int_equal(send_all(&z), 0);
	role_lab_at(&z.lab, j->now + HOUR);
	assert_int_equal(send_all(&z), 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_once_a_day),
	STORE_TEST(test_other_process),
	STORE_TEST(test_off),
	STORE_TEST_SQLITE(test_contacts),
	STORE_TEST_SQLITE(test_no_amplification),
	STORE_TEST_SQLITE(test_no_refusal),
	STORE_TEST_SQLITE(test_relay),
	STORE_TEST(test_cut_off),
	STORE_TEST(test_suppressed),
};

UNIT_MAIN(tests)
