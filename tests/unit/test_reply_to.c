/*
 * Challenge mails that ask for their answer at another address than they come
 * from (sender.reply_to: ER-14, ER-17, ER-24, ER-25, decision 64).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <string.h>

#include "acme/proof.h"
#include "acme/status.h"
#include "lib/count.h"
#include "src/evidence.h"

#define FROM "certificates@ca.example"
#define BASE "acme@replies.example"
#define TAGGED "acme+aaaaaaaaaaaaaaaaaaaaaaaaaa@replies.example"

/* A challenge whose mail comes from FROM and has that Reply-To. */
static void
lab_init(struct role_lab *lab, struct job *j, const char *reply_to)
{
	role_lab_init(lab, j);
	lab->conf.sender.from = FROM;
	lab->conf.sender.reply_to = BASE;
	lab->conf.sender.tagged = strcmp(reply_to, BASE) != 0;
	fixture_sql(j, arena_printf(j->arena,
			   "UPDATE challenge SET from_address = '" FROM
			   "', reply_to = '%s'",
			   reply_to));
	role_lab_send(lab);
	role_lab_post(lab);
}

static bool
has_line(const struct role_lab *lab, const char *line)
{
	return span_has(lab->sent,
	    span_str(arena_printf(lab->j->arena, "\r\n%s\r\n", line)));
}

/* ER-14, ER-17: the field, and the envelope, where bounces go. */
static void
test_mail(struct job *j)
{
	struct role_lab lab;

	lab_init(&lab, j, TAGGED);
	assert_string_equal(lab.sent_from, TAGGED);
	assert_true(has_line(&lab, "Reply-To: " TAGGED));
	assert_true(span_has(lab.sent, SPAN("From: " FROM "\r\n")));
	assert_false(has_line(&lab, "From: " TAGGED));
}

/* ER-25: the answer goes to Reply-To. */
static const struct {
	const char *to;
	enum verdict verdict;
	const char *code;
} replies[] = {
	{ TAGGED, VERDICT_MATCH, "" },
	{ "Countersign <" TAGGED ">, " FROM, VERDICT_MATCH, "" },
	{ FROM, VERDICT_UNAUTHENTICATED, "hdr.to-mismatch" },
	{ BASE, VERDICT_UNAUTHENTICATED, "hdr.to-mismatch" },
};

static void
test_replies(struct job *j)
{
	for (size_t i = 0; i < COUNT(replies); i++) {
		const struct role_lab_reply how = { .to = replies[i].to };
		struct reply_record r;
		struct role_lab lab;

		unit_case("%s", replies[i].to);
		lab_init(&lab, j, TAGGED);
		assert_string_equal(verdict_name(role_lab_take(
					&lab, role_lab_reply(&lab, &how))),
		    verdict_name(replies[i].verdict));
		r = role_lab_last_reply(&lab);
		if (replies[i].code[0] != '\0')
			assert_string_equal(r.code, replies[i].code);
	}
}

/* ER-35: the evidence says it, and it cannot be another one. */
static void
test_evidence(struct job *j)
{
	static const struct role_lab_reply how = { .to = TAGGED };
	static const char *const others[] = { NULL, BASE, FROM };
	struct signing_keys keys;
	struct reply_record r;
	struct role_lab lab;
	struct authz a;

	lab_init(&lab, j, TAGGED);
	assert_int_equal(
	    role_lab_take(&lab, role_lab_reply(&lab, &how)), VERDICT_MATCH);
	a = *role_lab_authz(&lab);
	r = role_lab_proof(&lab);
	keys = (struct signing_keys){ .base_url = lab.conf.base_url,
		.account_id = lab.account.id,
		.signer = lab.account.thumbprint };
	assert_string_equal(a.challenge.reply_to, TAGGED);
	assert_non_null(
	    strstr(r.evidence, "\"challenge_reply_to\":\"" TAGGED "\""));
	EXPECT(j, evidence_verify(j, lab.issuer.seal, &a, &keys, &r), 0);
	for (size_t i = 0; i < COUNT(others); i++) {
		a.challenge.reply_to = others[i];
		assert_int_equal(evidence_verify(j, NULL, &a, &keys, &r), -1);
		assert_job_error(j, ERR_UNAUTHORIZED,
		    "the evidence is about something else");
		job_recover(j);
	}
}

/* ER-24: the tag is in Reply-To. */
static const struct {
	const char *reply_to, *to;
	enum verdict verdict;
	enum authz_status authz;
} bounces[] = {
	{ TAGGED, TAGGED, VERDICT_DSN_FAILED, AUTHZ_INVALID },
	/* Everybody knows these, whatever is quoted. */
	{ TAGGED, FROM, VERDICT_UNKNOWN, AUTHZ_PENDING },
	{ TAGGED, BASE, VERDICT_UNKNOWN, AUTHZ_PENDING },
	{ TAGGED, "acme+guess@replies.example", VERDICT_UNKNOWN,
	    AUTHZ_PENDING },
	/* Without a tag it is told, and ends nothing. */
	{ BASE, BASE, VERDICT_DSN_NOTED, AUTHZ_PENDING },
	{ BASE, FROM, VERDICT_UNKNOWN, AUTHZ_PENDING },
};

static void
test_bounces(struct job *j)
{
	for (size_t i = 0; i < COUNT(bounces); i++) {
		struct role_lab lab;
		struct span report;

		unit_case("%s to %s", bounces[i].reply_to, bounces[i].to);
		lab_init(&lab, j, bounces[i].reply_to);
		report = role_lab_report(&lab, bounces[i].to, "failed", "5.1.1",
		    lab.order->identifiers[0].authz.challenge.message_id);
		assert_string_equal(verdict_name(role_lab_take(&lab, report)),
		    verdict_name(bounces[i].verdict));
		assert_int_equal(authz_status(role_lab_authz(&lab), j->now),
		    bounces[i].authz);
	}
}

/* The option was taken back while such a challenge waits: its tag is as good as
 * before. */
static void
test_bounce_after_change(struct job *j)
{
	struct role_lab lab;

	lab_init(&lab, j, TAGGED);
	lab.conf.sender.reply_to = NULL;
	assert_int_equal(
	    role_lab_take(&lab,
		role_lab_report(&lab, TAGGED, "failed", "5.1.1",
		    lab.order->identifiers[0].authz.challenge.message_id)),
	    VERDICT_DSN_FAILED);
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_INVALID);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_mail),
	STORE_TEST(test_replies),
	STORE_TEST(test_evidence),
	STORE_TEST(test_bounces),
	STORE_TEST(test_bounce_after_change),
};

UNIT_MAIN(tests)
