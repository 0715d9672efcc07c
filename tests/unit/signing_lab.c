#include "config.h"

#include "tests/unit/signing_lab.h"

#include <string.h>

#include "db/store_private.h"
#include "db/store_stop.h"
#include "tests/unit/issuer_lab.h"
#include "tests/unit/pki_lab.h"

#define MAILBOX "mailbox0@example.org"

static const enum signing_mode *modes; /* of the next signatures; then SIGNS */

static size_t mode_count, next_mode;

bool signing_lab_is_away;

static int
check_row(struct role_lab *lab, struct job *j, struct span tbs)
{
	struct cert c;

	/* Committed before: another connection would see it.  PK-144 */
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_cert_by_order(j, lab->order->id, &c), 1);
	EXPECT(j, store_commit(j), 0);
	assert_true(span_eq(c.tbs, tbs));
	assert_int_equal(c.issued_at, 0);
	assert_true(c.reserved_at > 0);
	assert_non_null(strstr(c.lint_report, "L-10"));
	assert_non_null(strstr(c.evidence, "authorizations"));
	assert_string_equal(c.ca_label, ca_key_label(lab->issuer.ca));
	return 0;
}

static void
stop(struct job *j)
{
	struct stop all = { .scope = STOP_ALL,
		.value = "",
		.reason = "a test",
		.by = "admin",
		.at = j->now };

	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_stop_add(j, &all), 1);
	EXPECT(j, store_commit(j), 0);
}

static int
sign(struct job *j, void *context, const struct sig_alg *alg,
    struct span message, unsigned char out[SIGNATURE_MAX], size_t *out_len)
{
	struct role_lab *lab = context;
	bool is_list = j->store != NULL && message.n > 4 &&
		       memcmp(message.p + 2, "\x02\x01\x01", 3) == 0;
	enum signing_mode mode = SIGNS;

	is_list = is_list || span_find_span(message, 0,
				 SPAN("mailbox0@example.org")) >= message.n;
	if (!is_list) {
		check_row(lab, j, message);
		if (next_mode < mode_count)
			mode = modes[next_mode++];
	}
	if (mode == FAILS)
		return job_fail(j, ERR_INTERNAL, "the token is broken");
	if (mode == AWAY) {
		signing_lab_is_away = true;
		return job_fail(j, ERR_BUSY, "the token is away");
	}
	if (signing_key_use(
		j, lab_ca("p256")->signer.key, alg, message, out, out_len) < 0)
		return -1;
	if (mode == STOPS)
		stop(j);
	if (mode == FLIPS_A_BIT)
		out[*out_len - 1] ^= 1;
	return 0;
}

static int
ready(struct job *j, void *context)
{
	(void)context;
	return signing_lab_is_away ? job_fail(j, ERR_BUSY, "the token is away")
				   : 0;
}

static struct signing_key key = { .sign = sign, .ready = ready };

struct ca signing_lab_ca;

void
signing_lab_next(const enum signing_mode *list, size_t n)
{
	modes = list;
	mode_count = n;
	next_mode = 0;
}

void
signing_lab_wait(struct role_lab *lab, struct job *j)
{
	struct lab_csr c;

	signing_lab_ca = *lab_ca("p256");
	signing_lab_ca.signer.key = &key;
	next_mode = 0;
	mode_count = 0;
	key.context = lab;
	issuer_lab_init(lab, j, &signing_lab_ca);
	issuer_lab_prove(lab);
	c = lab_csr(j, lab_key(KEY_TYPE_P256, 0), MAILBOX);
	role_lab_request_take(lab, lab_csr_make(j, &c));
}

struct cert
signing_lab_cert(struct role_lab *lab)
{
	struct cert c = { 0 };

	EXPECT(lab->j, store_cert_by_order(lab->j, lab->order->id, &c), 1);
	return c;
}

void
signing_lab_expect_processing(struct role_lab *lab)
{
	struct order *o = fixture_reread(lab->j, lab->order);

	assert_null(o->cert_id);
	assert_null(o->error);
}

void
signing_lab_begin(struct role_lab *lab, struct job *j)
{
	issuer_lab_clean(j);
	signing_lab_is_away = false;
	signing_lab_wait(lab, j);
}
