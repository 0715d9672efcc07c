/*
 * Why an order that is done waits for nothing (acme.md section 17.2); of one
 * that ended without a verdict: test_overview.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include "db/store_order_look.h"
#include "lib/clock.h"
#include "src/story.h"

static void
expect_waits(struct job *j, const struct order *o, const char *wanted)
{
	assert_string_equal(story_waits_for(j, o), wanted);
}

static void
test_AC_145_issued(struct job *j)
{
	struct role_lab lab;
	struct order o;

	role_lab_init(&lab, j);
	EXPECT(j, store_order_look(j, lab.order->id, &o), 1);
	expect_waits(j, &o, "the mail to mailbox0@example.org to leave");
	o.cert_id = "a certificate";
	expect_waits(j, &o, "nothing: the certificate was issued");
}

/* Also where the order does not know why. */
static void
test_AC_127_failed(struct job *j)
{
	struct role_lab lab;
	struct order o;
	struct authz *a;

	role_lab_init(&lab, j);
	EXPECT(j, store_order_look(j, lab.order->id, &o), 1);
	a = &o.identifiers[0].authz;
	a->failed_at = a->challenge.failed_at = j->now;
	a->challenge.error = "{\"detail\":\"no digest\"}";
	expect_waits(j, &o, "nothing: no digest");
}

static void
expect_told(struct job *j, const struct order *o, const char *text, bool is)
{
	struct buf b;

	buf_init(&b, j->arena, 65536);
	EXPECT(j, story_text(j, o, &b), 0);
	assert_int_equal(strstr(b.p, text) != NULL, is);
}

/* The relay's words are not for the client (AC-119), but for the admin. */
static void
test_ER_11_refused(struct job *j)
{
	static const char refused[] =
	    "the challenge mail to mailbox0@example.org was refused";
	static const char words[] = "554 Rejected, see http://relay.example";
	struct role_lab lab;
	struct challenge *c;
	struct order o;

	role_lab_init(&lab, j);
	EXPECT(j, store_order_look(j, lab.order->id, &o), 1);
	c = &o.identifiers[0].authz.challenge;
	expect_told(j, &o, refused, false);
	c->failed_at = j->now;
	expect_told(j, &o, refused, false);
	c->relay_answer = words;
	expect_told(j, &o, refused, true);
	expect_told(j, &o, words, true);
	/* A bounce came later. */
	c->mail_sent_at = j->now;
	expect_told(j, &o, refused, false);
}

/* One without an order of its own is done when its mailbox is proven, however
 * long an order would have lived. */
static void
test_AC_106_preauthorization(struct job *j)
{
	struct role_lab lab;
	struct order o;
	struct authz *a;

	role_lab_init(&lab, j);
	EXPECT(j, store_order_look(j, lab.order->id, &o), 1);
	a = &o.identifiers[0].authz;
	o.is_preauth = true;
	expect_waits(j, &o, "the mail to mailbox0@example.org to leave");
	a->valid_at = j->now;
	a->valid_until = o.life_until + 2;
	expect_waits(j, &o, "nothing: the mailbox is proven");
	clock_set(j->now = o.life_until + 1);
	expect_waits(j, &o, "nothing: the mailbox is proven");
	clock_set(++j->now);
	expect_waits(j, &o, "nothing: its time is over");
	a->revoked_at = j->now;
	expect_waits(j, &o,
	    "nothing: the authorization of mailbox0@example.org was revoked");
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_AC_145_issued),
	STORE_TEST(test_AC_127_failed),
	STORE_TEST(test_ER_11_refused),
	STORE_TEST(test_AC_106_preauthorization),
};

UNIT_MAIN(tests)
