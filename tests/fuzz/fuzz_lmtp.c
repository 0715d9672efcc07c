/*
 * A hostile LMTP client (src/lmtp.h).  The first octet says into what pieces
 * the rest is cut; the outcome must not depend on it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "src/lmtp.h"

#define MESSAGE_MAX 4096
#define KEEP (1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static bool
is_ours(void *ctx, struct span address)
{
	(void)ctx;
	return address.n % 2 == 1;
}

/* All that came of it: answers, and messages with what is known of them. */
static void
take(struct lmtp *l, struct buf *out)
{
	struct lmtp_message m;

	lmtp_message(l, &m);
	must(m.raw.n <= MESSAGE_MAX);
	must(
	    m.recipient_count >= 1 && m.recipient_count <= LMTP_RECIPIENTS_MAX);
	for (size_t i = 0; i < m.recipient_count; i++)
		must(m.recipients[i].n % 2 == 1);
	buf_addf(out, "<%d %zu>", m.null_sender, m.recipient_count);
	buf_add(out, m.raw);
	lmtp_answer(l, m.raw.n % 3 == 0 ? LMTP_LATER : LMTP_STORED);
}

static void
hear(struct lmtp *l, struct buf *out)
{
	struct span answers = lmtp_output(l);

	buf_add(out, answers);
	lmtp_sent(l, answers.n);
}

static void
run(struct span in, size_t step, struct buf *out)
{
	const struct lmtp_conf conf = { "localhost", MESSAGE_MAX, is_ours,
		NULL };
	struct lmtp *l = lmtp_new(&conf);
	enum lmtp_event e = LMTP_MORE;

	for (size_t at = 0; at < in.n && e != LMTP_END; at += step) {
		struct span piece = span_cut(in, at, at + step);

		do {
			e = lmtp_read(l, &piece);
			must(e != LMTP_MORE || piece.n == 0);
			hear(l, out);
			if (e == LMTP_MESSAGE)
				take(l, out);
		} while (e == LMTP_MESSAGE || e == LMTP_FLUSH);
	}
	lmtp_farewell(l, LMTP_STOPPING);
	must(lmtp_read(l, &in) == LMTP_END);
	lmtp_free(l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new();
	struct buf whole, pieces;

	if (n > 0) {
		struct span in = span_mem(data + 1, n - 1);

		buf_init(&whole, a, KEEP);
		buf_init(&pieces, a, KEEP);
		run(in, in.n + 1, &whole);
		run(in, 1 + data[0] % 32, &pieces);
		must(buf_ok(&whole) == buf_ok(&pieces));
		must(!buf_ok(&whole) ||
		     span_eq(buf_span(&whole), buf_span(&pieces)));
	}
	arena_free(a);
	return 0;
}
