#include "config.h"

#include "pki/ceremony_persons.h"

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"

#define SECRET_MIN 12
#define SECRET_MAX 256
#define PIN_PART_MIN 4
#define PIN_PART_MAX 100

int
ceremony_persons_check(struct ceremony *c)
{
	struct span first = span_trim(span_str(c->first));
	struct span second = span_trim(span_str(c->second));

	if (first.n == 0)
		return job_fail(c->j, ERR_INTERNAL,
		    "who is here? name both persons (PK-208)");
	if (c->second == NULL && !c->is_private)
		return job_fail(c->j, ERR_INTERNAL,
		    "two persons are needed; one alone can do it in private "
		    "mode only (PK-208)");
	/* One who was forgotten is not one who was left out. */
	if (c->second == NULL && !c->is_single)
		return job_fail(c->j, ERR_INTERNAL,
		    "two persons are needed: name the second one with "
		    "--second, or say --single-operator (PK-208)");
	if (c->second != NULL && second.n == 0)
		return job_fail(c->j, ERR_INTERNAL,
		    "the second person has no name (PK-208)");
	if (c->second != NULL && span_caseeq(first, second))
		return job_fail(c->j, ERR_INTERNAL,
		    "the two persons must not be the same (PK-208)");
	return 0;
}

static int
confirm_one(struct ceremony *c, const char *person, const char *what)
{
	struct span answer;

	if (c->ask(c->context, c->j,
		arena_printf(
		    c->j->arena, "%s: %s? Type yes to confirm: ", person, what),
		false, &answer) < 0)
		return -1;
	if (!span_eq_str(answer, "yes"))
		return job_fail(
		    c->j, ERR_INTERNAL, "%s did not confirm: stopped", person);
	return transcript_add(
	    c->j, &c->transcript, "confirmed by %s: %s", person, what);
}

int
ceremony_confirm(struct ceremony *c, const char *what)
{
	if (confirm_one(c, c->first, what) < 0)
		return -1;
	return c->second == NULL ? 0 : confirm_one(c, c->second, what);
}

static int
ask_secret(struct ceremony *c, const char *person, bool is_new,
    struct sha256_ctx *sum, struct span *secret)
{
	struct arena *a = c->j->arena;
	struct span again;
	uint8_t length[2];

	if (c->ask(c->context, c->j,
		arena_printf(a, "%s, your secret: ", person), true, secret) < 0)
		return -1;
	if (secret->n < SECRET_MIN || secret->n > SECRET_MAX)
		return job_fail(c->j, ERR_INTERNAL,
		    "a secret has %d to %d octets", SECRET_MIN, SECRET_MAX);
	if (is_new) {
		if (c->ask(c->context, c->j,
			arena_printf(a, "%s, once more: ", person), true,
			&again) < 0)
			return -1;
		if (!ct_equal(*secret, again))
			return job_fail(c->j, ERR_INTERNAL,
			    "the secret was not the same twice");
	}
	length[0] = (uint8_t)(secret->n >> 8);
	length[1] = (uint8_t)secret->n;
	sha256_add(sum, span_mem(length, sizeof length));
	sha256_add(sum, *secret);
	return 0;
}

int
ceremony_ask_passphrase(
    struct ceremony *c, bool is_new, struct span *passphrase)
{
	struct sha256_ctx *sum = sha256_new(c->j->arena);
	struct span one = { 0 };
	struct span two = { 0 };
	uint8_t digest[SHA256_LEN];
	char text[2 * SHA256_LEN + 1];
	struct buf b;

	if (ask_secret(c, c->first, is_new, sum, &one) < 0 ||
	    (c->second != NULL &&
		ask_secret(c, c->second, is_new, sum, &two) < 0))
		return -1;
	if (c->second != NULL && ct_equal(one, two))
		return job_fail(c->j, ERR_INTERNAL,
		    "both secrets are the same: each person has one of their "
		    "own (PK-208)");
	sha256_finish(sum, digest);
	hex_format(text, span_mem(digest, sizeof digest));
	buf_init_secret(&b, c->j->arena, sizeof text);
	buf_add_str(&b, text);
	*passphrase = buf_span(&b);
	wipe(digest, sizeof digest);
	wipe(text, sizeof text);
	return 0;
}

/* Typed once: the token refuses a wrong one, and is not asked again. */
static int
ask_part(struct ceremony *c, const char *person, const char *which,
    const char *token, struct span *part)
{
	if (c->ask(c->context, c->j,
		arena_printf(c->j->arena,
		    "%s, %s of the PIN of token %s: ", person, which, token),
		true, part) < 0)
		return -1;
	if (part->n < PIN_PART_MIN || part->n > PIN_PART_MAX)
		return job_fail(c->j, ERR_INTERNAL,
		    "%s of a PIN has %d to %d octets (PK-208)", which,
		    PIN_PART_MIN, PIN_PART_MAX);
	return 0;
}

int
ceremony_ask_pin_parts(struct ceremony *c, const char *token, struct span *pin)
{
	struct span one = { 0 };
	struct span two = { 0 };
	struct buf b;

	if (c->second == NULL)
		return ask_part(c, c->first, "all", token, pin);
	if (ask_part(c, c->first, "the first part", token, &one) < 0 ||
	    ask_part(c, c->second, "the second part", token, &two) < 0)
		return -1;
	buf_init_secret(&b, c->j->arena, one.n + two.n);
	buf_add(&b, one);
	buf_add(&b, two);
	*pin = buf_span(&b);
	return 0;
}
