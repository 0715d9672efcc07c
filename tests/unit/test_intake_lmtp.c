/*
 * Messages that come with their envelope, by LMTP: judged once however often
 * they are delivered (ER-21, MA-64), by the rules for envelopes (MA-48,
 * MA-106), and without making the mail server wait for the DNS (ER-34).
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "acme/status.h"
#include "db/store.h"
#include "lib/clock.h"
#include "src/intake_lmtp.h"
#include "src/judge.h"

/* As intake_lmtp.c does it. */
static enum verdict
deliver(struct role_lab *lab, struct span raw, bool null_sender,
    const char *recipient)
{
	struct received m = { .raw = raw,
		.arrival = lab->j->now,
		.null_sender = null_sender,
		.is_gone = true };
	enum verdict verdict = VERDICT_UNKNOWN;

	if (recipient != NULL) {
		m.recipients = &recipient;
		m.recipient_count = 1;
	}
	lab->validator.hasty_ms = PATIENCE_DNS_MS;
	intake_lmtp_identify(&m);
	EXPECT(
	    lab->j, validator_take(&lab->validator, lab->j, &m, &verdict), 0);
	return verdict;
}

static void
lab_init(struct role_lab *lab, struct job *j)
{
	role_lab_init(lab, j);
	role_lab_send(lab);
	role_lab_post(lab);
	j->wake = 0;
}

static const char *
address_of(const struct role_lab *lab)
{
	return lab->order->identifiers[0].authz.challenge.from;
}

/* ER-21: the answer 250 was lost, and the message comes again. */
static void
test_again(struct job *j)
{
	static const struct role_lab_reply bad = { .is_unsigned = true };
	struct role_lab lab;
	struct span raw;

	lab_init(&lab, j);
	raw = role_lab_reply(&lab, &bad);
	assert_int_equal(deliver(&lab, raw, false, address_of(&lab)),
	    VERDICT_UNAUTHENTICATED);
	for (int i = 0; i < 3; i++)
		assert_int_equal(deliver(&lab, raw, false, address_of(&lab)),
		    VERDICT_REPEATED);
	assert_int_equal(role_lab_authz(&lab)->challenge.soft_count, 1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply"), 1);
	/* Nothing is left to be moved away. */
	assert_int_equal(
	    fixture_count(
		j, "SELECT COUNT(*) FROM reply WHERE is_disposed = 0"),
	    0);
	/* Other octets are another message. */
	assert_int_equal(
	    deliver(&lab, role_lab_reply(&lab, NULL), false, address_of(&lab)),
	    VERDICT_MATCH);
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_VALID);
}

static void
test_identity(struct job *j)
{
	struct received a = { .raw = SPAN("a") }, b = { .raw = SPAN("b") },
			again = { .raw = SPAN("a") };

	(void)j;
	intake_lmtp_identify(&a);
	intake_lmtp_identify(&b);
	intake_lmtp_identify(&again);
	/* SHA-256("a") is ca978112ca1bbdca fac231b39a23dc4d …, halved. */
	assert_int_equal(a.uidvalidity, 0x654bc089650ddee5);
	assert_int_equal(a.uid, 0x7d6118d9cd11ee26);
	assert_int_equal(a.uid, again.uid);
	assert_int_equal(a.uidvalidity, again.uidvalidity);
	assert_int_not_equal(a.uid, b.uid);
	assert_string_equal(a.source, "lmtp");
}

/* MA-48: no envelope sender. */
static void
test_null_sender(struct job *j)
{
	struct role_lab lab;
	struct reply_record r;

	lab_init(&lab, j);
	assert_int_equal(
	    deliver(&lab, role_lab_reply(&lab, NULL), true, address_of(&lab)),
	    VERDICT_UNAUTHENTICATED);
	r = role_lab_last_reply(&lab);
	assert_string_equal(r.code, "hdr.automatic");
	assert_non_null(strstr(r.evidence, "no envelope sender"));
	assert_int_equal(lab.queries, 0);
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_PENDING);
	/* About nothing here: as without. */
	assert_int_equal(
	    deliver(&lab, SPAN("From: a@b.example\r\n\r\n"), true, NULL),
	    VERDICT_UNKNOWN);
}

/* MA-106: a report counts by the tag of its envelope recipient; what its
 * header says does not matter then. */
static void
test_report(struct job *j)
{
	struct role_lab lab;
	struct span raw;

	lab_init(&lab, j);
	raw = role_lab_report(&lab, address_of(&lab), "failed", "5.1.1", NULL);
	assert_int_equal(
	    deliver(&lab, raw, true, "acme@ca.example"), VERDICT_UNKNOWN);
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_PENDING);

	raw = role_lab_report(
	    &lab, "somebody@ca.example", "failed", "5.1.1", NULL);
	assert_int_equal(
	    deliver(&lab, raw, true, address_of(&lab)), VERDICT_DSN_FAILED);
	assert_int_equal(
	    authz_status(role_lab_authz(&lab), j->now), AUTHZ_INVALID);
}

/* MA-31: what the DNS cannot answer at once is for another process, at once;
 * it waits as always from then on. */
static void
test_deferred(struct job *j)
{
	struct role_lab lab;
	struct span raw;
	int64_t at;

	lab_init(&lab, j);
	lab.key_status = DNS_TEMPORARY;
	raw = role_lab_reply(&lab, NULL);
	assert_int_equal(
	    deliver(&lab, raw, false, address_of(&lab)), VERDICT_DEFERRED);
	assert_true(j->wake & 1u << ROLE_VALIDATOR);
	EXPECT(j, judge_next_due(j, &at), 1);
	assert_int_equal(at, j->now);
	/* Delivered once more meanwhile: still one. */
	assert_int_equal(
	    deliver(&lab, raw, false, address_of(&lab)), VERDICT_DEFERRED);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply"), 1);

	lab.validator.hasty_ms = 0;
	EXPECT(j, judge_deferred(&lab.validator, j), 1);
	EXPECT(j, judge_next_due(j, &at), 1);
	assert_int_equal(at, j->now + 30);
	lab.key_status = DNS_OK;
	role_lab_at(&lab, at);
	EXPECT(j, judge_deferred(&lab.validator, j), 1);
	assert_int_equal(role_lab_last_reply(&lab).verdict, VERDICT_MATCH);
	assert_int_equal(
	    deliver(&lab, raw, false, address_of(&lab)), VERDICT_REPEATED);
	assert_int_equal(
	    fixture_count(
		j, "SELECT COUNT(*) FROM reply WHERE is_disposed = 0"),
	    0);
}

/* However slow the name servers of strangers are: a tenth of the time. */
static void
test_patience(struct job *j)
{
	struct patience p = { 0 };
	int64_t now = 1000000, spent = 0;

	(void)j;
	assert_int_equal(patience_left(&p, now), PATIENCE_DNS_MS);
	/* What waits for nothing costs nothing. */
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(patience_left(&p, now), PATIENCE_DNS_MS);
		patience_use(&p, 20);
	}
	for (int i = 0; i < 1000; i++) {
		int64_t left = patience_left(&p, now);

		assert_true(left >= 50 && left <= PATIENCE_DNS_MS);
		if (left > 50)
			spent += left;
		patience_use(&p, left);
		now += left;
	}
	assert_true(spent > 3000);
	assert_true(spent < 3000 + (now - 1000000) / 8);
	/* It comes back. */
	assert_int_equal(patience_left(&p, now + 3600000), PATIENCE_DNS_MS);
	assert_true(p.credit_ms == 3000);
}

/* --- the process dies ---------------------------------------------------- */

enum death { NEVER, BEFORE_COMMIT, AFTER_COMMIT };

struct server {
	struct role_lab *lab;
	struct intake_lmtp *lmtp;
	enum death death;
};

static void
die(void *ctx, bool after)
{
	const struct server *s = ctx;

	if (s->death == (after ? AFTER_COMMIT : BEFORE_COMMIT))
		_exit(9);
}

static int
serve(struct job *j, void *ctx)
{
	struct server *s = ctx;
	struct validator v = s->lab->validator;
	/* It has just said that it lives, so the next commit is the reply's. */
	struct role_env env = { .conf = &s->lab->conf,
		.store = j->store,
		.role = &v,
		.seen_ms = clock_mono_ms() };

	v.lmtp = s->lmtp;
	store_set_commit_hook(die, s);
	return intake_lmtp_run(&env);
}

/* Says all of it at once, as pipelining allows; the last answer, or 0 if the
 * connection ended before it. */
static int
mail_server(const char *path, const char *to, struct span raw)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char in[1024];
	size_t n = 0;
	ssize_t got;
	struct buf b;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), answers = 0;

	assert_true(fd >= 0 && strlen(path) < sizeof(a.sun_path));
	memcpy(a.sun_path, path, strlen(path));
	assert_int_equal(
	    connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	buf_init(&b, unit_job()->arena, 100000);
	buf_addf(&b,
	    "LHLO mx\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<%s>\r\n"
	    "DATA\r\n%.*s.\r\nQUIT\r\n",
	    to, (int)raw.n, raw.p);
	assert_int_equal(send(fd, b.p, b.n, MSG_NOSIGNAL), b.n);
	while ((got = read(fd, in + n, sizeof(in) - 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	in[n] = '\0';
	if (strstr(in, "\r\n221 ") == NULL)
		return 0;
	for (const char *p = in; (p = strstr(p, "\r\n")) != NULL; p += 2)
		answers++;
	assert_true(answers > 5);
	return strstr(in, "250 2.0.0 stored") != NULL ? 250 : 451;
}

/* ER-21: killed between judgement and commit, and between commit and answer:
 * no 250, and the next delivery is the same message. */
static void
test_killed(struct job *j)
{
	static const enum death deaths[] = { BEFORE_COMMIT, AFTER_COMMIT };
	const char *path = arena_printf(j->arena, "%s.s", fixture_file());
	const char *listen[] = { arena_printf(j->arena, "unix:%s", path) };

	for (size_t i = 0; i < 2; i++) {
		struct server s = { .death = deaths[i] };
		struct role_lab lab;
		const char *to;
		struct span raw;
		int pid;

		unit_case("%zu", i);
		lab_init(&lab, j);
		s.lab = &lab;
		lab.conf.validator.lmtp_listen =
		    (struct conf_list){ listen, 1 };
		EXPECT(j, intake_lmtp_open(j, &s.lmtp), 0);
		raw = role_lab_reply(&lab, NULL);
		to = address_of(&lab);

		pid = fixture_fork(serve, &s);
		assert_int_equal(mail_server(path, to, raw), 0);
		assert_int_equal(fixture_wait(pid), 9);
		assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM reply"),
		    i + (deaths[i] == AFTER_COMMIT));

		s.death = NEVER;
		pid = fixture_fork(serve, &s);
		for (int k = 0; k < 3; k++)
			assert_int_equal(mail_server(path, to, raw), 250);
		kill(pid, SIGTERM);
		assert_int_equal(fixture_wait(pid), 128 + SIGTERM);
		assert_int_equal(
		    fixture_count(j, "SELECT COUNT(*) FROM reply"), i + 1);
		assert_int_equal(
		    authz_status(role_lab_authz(&lab), j->now), AUTHZ_VALID);
		intake_lmtp_close(s.lmtp);
		assert_int_equal(access(path, F_OK), -1);
	}
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_again),
	STORE_TEST(test_identity),
	STORE_TEST(test_null_sender),
	STORE_TEST(test_report),
	STORE_TEST(test_deferred),
	STORE_TEST(test_patience),
	STORE_TEST_SQLITE(test_killed),
};

UNIT_MAIN(tests)
