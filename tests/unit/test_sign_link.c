/*
 * The issuer's side of the signer (PK-200): how its answers are told apart, and
 * what is done while it is away.
 */
#include "config.h"

#include "src/sign_link.h"

#include "tests/unit/unit.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "pki/remote_key.h"
#include "src/sign_frame.h"
#include "tests/unit/sign_pair.h"

static void
say(struct job *j, int fd, const uint8_t id[SIGN_ID_LEN],
    enum sign_outcome outcome, struct span octets)
{
	struct sign_answer a = { .outcome = outcome, .octets = octets };
	struct span m;

	memcpy(a.id, id, SIGN_ID_LEN);
	if (sign_answer_write(j, &a, &m) < 0 ||
	    write(fd, m.p, m.n) != (ssize_t)m.n)
		_exit(3);
}

/* A signer that answers one question: with noise before, and with how many
 * octets it was asked to sign in place of a signature. */
static pid_t
play(const struct sign_pair *p, enum sign_outcome outcome)
{
	char room[SIGN_FRAME_MAX];
	struct sign_incoming in;
	struct job *j = unit_job();
	pid_t pid = fork();

	sign_incoming_init(j, &in);
	while (pid == 0) {
		struct pollfd poller = { .fd = p->signer, .events = POLLIN };
		struct sign_question part;
		ssize_t n;

		(void)poll(&poller, 1, SIGN_PAIR_PATIENCE_MS);
		n = read(p->signer, room, sizeof(room));
		if (n <= 0 ||
		    sign_question_read(j, span_mem(room, (size_t)n), &part) < 0)
			_exit(2);
		if (part.tag != SIGN_IS_READY &&
		    sign_incoming_add(&in, &part) == 0)
			continue;
		const char *text =
		    arena_printf(j->arena, "%zu octets", buf_span(&in.tbs).n);
		uint8_t other[SIGN_ID_LEN] = { 0 };

		say(j, p->signer, other, SIGN_DONE, SPAN("of another"));
		if (write(p->signer, "noise", 5) != 5)
			_exit(4);
		if (outcome == SIGN_GONE)
			sign_link_gone(p->signer);
		else
			say(j, p->signer, part.id, outcome, span_str(text));
		_exit(0);
	}
	return pid;
}

/* PK-200: its answers keep their kind, and what is not the answer is passed
 * over. */
static void
test_link(void **state)
{
	static const struct {
		enum sign_outcome outcome;
		enum err_kind kind;
	} rows[] = { { SIGN_DONE, ERR_NONE }, { SIGN_BUSY, ERR_BUSY },
		{ SIGN_REFUSED, ERR_REFUSED }, { SIGN_FAILED, ERR_INTERNAL },
		{ SIGN_GONE, ERR_BUSY } };
	struct job *j = unit_job();
	size_t size = 3 * SIGN_PART_MAX + 7;
	char *octets = arena_calloc(j->arena, 1, size);
	struct span signature;
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct sign_pair p = sign_pair_make(j);
		pid_t pid = play(&p, rows[i].outcome);
		int result;

		unit_case("outcome %d", (int)rows[i].outcome);
		result = p.key->sign(j, p.key->context, "0a1b", REMOTE_LIST,
		    span_mem(octets, size), &signature);
		assert_int_equal(result, rows[i].kind == ERR_NONE ? 0 : -1);
		assert_int_equal(j->err.kind, rows[i].kind);
		if (result == 0)
			assert_span_equal(signature,
			    arena_printf(j->arena, "%zu octets", size));
		else if (rows[i].outcome == SIGN_GONE)
			assert_string_equal(
			    j->err.text, "the signer has ended");
		else
			assert_string_equal(j->err.text,
			    arena_printf(j->arena, "%zu octets", size));
		job_recover(j);
		sign_pair_ended_well(pid);
		sign_pair_end(&p);
	}
}

/* PK-200: also while the question is too long to be given at once. */
static void
test_link_full(void **state)
{
	struct job *j = unit_job();
	struct sign_pair p = sign_pair_make(j);
	size_t size = 100 * SIGN_PART_MAX;
	char *octets = arena_calloc(j->arena, 1, size);
	int64_t began = clock_mono_ms();
	struct span signature;
	pid_t pid = fork();
	(void)state;

	if (pid == 0) {
		struct pollfd poller = { .fd = p.signer, .events = POLLIN };
		uint8_t other[SIGN_ID_LEN] = { 0 };

		/* It begins to ask, and nobody reads. */
		(void)poll(&poller, 1, SIGN_PAIR_PATIENCE_MS);
		say(j, p.signer, other, SIGN_DONE, SPAN("of another"));
		sign_link_gone(p.signer);
		_exit(0);
	}
	assert_int_equal(p.key->sign(j, p.key->context, "0a1b", REMOTE_LIST,
			     span_mem(octets, size), &signature),
	    -1);
	assert_job_error(j, ERR_BUSY, "the signer has ended");
	job_recover(j);
	/* Before it would be said that it does not answer. */
	assert_true(clock_mono_ms() - began < 25000);
	sign_pair_ended_well(pid);
	sign_pair_end(&p);
}

/* PK-200: pauses from 1 s to 60 s; asked meanwhile, nobody is. */
static void
test_link_pauses(void **state)
{
	static const int64_t pauses[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
	struct job *j = unit_job();
	struct sign_pair p = sign_pair_make(j);
	(void)state;

	for (size_t i = 0; i < COUNT(pauses); i++) {
		pid_t pid = play(&p, SIGN_GONE);

		unit_case("%zu", i);
		assert_int_equal(p.key->ready(j, p.key->context, "0a1b"), -1);
		assert_job_error(j, ERR_BUSY, "the signer has ended");
		job_recover(j);
		sign_pair_ended_well(pid);
		j->now += pauses[i] - 1;
		assert_int_equal(p.key->ready(j, p.key->context, "0a1b"), -1);
		assert_job_error(j, ERR_BUSY, "the signer has ended");
		job_recover(j);
		j->now++;
	}
	j->now -= 7200; /* set back: no longer than the pause */
	pid_t pid = play(&p, SIGN_DONE);
	assert_int_equal(p.key->ready(j, p.key->context, "0a1b"), 0);
	sign_pair_ended_well(pid);
	sign_pair_end(&p);
}

/* PK-200: that it has ended may have been said before it was asked; the same
 * goes for what is signed, which may take longer. */
static void
test_link_gone_before(void **state)
{
	struct job *j = unit_job();
	struct span signature;
	(void)state;

	for (int signs = 0; signs < 2; signs++) {
		int64_t began, took;
		int tries = 0;

		/* A machine may stand still for so long, but not each time. */
		do {
			struct sign_pair p = sign_pair_make(j);

			began = clock_mono_ms();
			sign_link_gone(p.signer);
			sign_link_gone(p.signer);
			assert_int_equal(
			    signs ? p.key->sign(j, p.key->context, "0a1b",
					REMOTE_LIST, SPAN("list"), &signature)
				  : p.key->ready(j, p.key->context, "0a1b"),
			    -1);
			assert_job_error(
			    j, ERR_BUSY, "the signer does not answer");
			job_recover(j);
			took = clock_mono_ms() - began;
			sign_pair_end(&p);
		} while (took >= 8000 && ++tries < 5);
		assert_true(took < 8000);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_link),
	cmocka_unit_test(test_link_full),
	cmocka_unit_test(test_link_pauses),
	cmocka_unit_test(test_link_gone_before),
};

UNIT_MAIN(tests)
