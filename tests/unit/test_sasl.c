/*
 * Mechanisms of login: what is said to which challenge.  The two exchanges of
 * SCRAM are those printed in RFC 5802 5 and RFC 7677 3.
 */
#include "config.h"

#include "mail/sasl.h"

#include <string.h>

#include "lib/count.h"
#include "mail/scram.h"
#include "tests/unit/unit.h"

static const struct {
	enum scram_hash hash;
	const char *nonce, *first, *server_first, *final, *server_final;
} exchanges[] = {
	{ SCRAM_SHA1, "fyko+d2lbbFgONRv9qkxdawL",
	    "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
	    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
	    "s=QSXCR+Q6sek8bf92,i=4096",
	    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
	    "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
	{ SCRAM_SHA256, "rOprNGfwEbeRWgbNEkqO",
	    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
	    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	    "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
};

static struct scram *
start(size_t i)
{
	return scram_new(unit_job(), exchanges[i].hash, SPAN("user"),
	    SPAN("pencil"), exchanges[i].nonce);
}

static void
test_scram(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct scram *s = start(i);
		struct span out, final = span_str(exchanges[i].server_final);
		const char *why = NULL;

		unit_case("%zu", i);
		assert_span_equal(scram_first(s), exchanges[i].first);
		assert_int_equal(
		    scram_final(
			s, span_str(exchanges[i].server_first), &out, &why),
		    0);
		assert_span_equal(out, exchanges[i].final);
		assert_int_equal(scram_check(s, final, &why), 0);
		/* Cut, or changed anywhere, it proves nothing. */
		for (size_t n = 0; n < final.n; n++) {
			char *copy = span_dup(unit_job()->arena, final);

			assert_int_equal(
			    scram_check(s, span_cut(final, 0, n), &why), -1);
			copy[n] ^= 1;
			assert_int_equal(
			    scram_check(s, span_str(copy), &why), -1);
		}
		assert_int_equal(
		    scram_check(s, SPAN("e=other-error"), &why), -1);
	}
}

static void
test_scram_refused(void **state)
{
	static const char nonce[] = "rOprNGfwEbeRWgbNEkqO";
	static const struct {
		const char *server_first, *why;
	} bad[] = {
		{ "", "lacks" },
		{ "r=rOprNGfwEbeRWgbNEkqOx,s=QUJD", "lacks" },
		{ "s=QUJD,r=rOprNGfwEbeRWgbNEkqOx,i=4096", "lacks" },
		{ "m=x,r=rOprNGfwEbeRWgbNEkqOx,s=QUJD,i=4096", "lacks" },
		{ "e=unknown-user", "lacks" },
		{ "r=rOprNGfwEbeRWgbNEkqO,s=QUJD,i=4096", "nonce" },
		{ "r=other,s=QUJD,i=4096", "nonce" },
		{ "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096", "salt" },
		{ "r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096", "salt" },
		{ "r=rOprNGfwEbeRWgbNEkqOx,s=QUJD,i=4095", "iterations" },
		{ "r=rOprNGfwEbeRWgbNEkqOx,s=QUJD,i=1000001", "iterations" },
		{ "r=rOprNGfwEbeRWgbNEkqOx,s=QUJD,i=-1", "iterations" },
		{ "r=rOprNGfwEbeRWgbNEkqOx,s=QUJD,i=99999999999999999999",
		    "iterations" },
		{ "r=rOprNGfwEbeRWgbNEkqO\xc3\xa9,s=QUJD,i=4096", "text" },
	};
	struct span out;
	const char *why = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct scram *s = scram_new(unit_job(), SCRAM_SHA256,
		    SPAN("user"), SPAN("pencil"), nonce);

		unit_case("%zu", i);
		assert_int_equal(
		    scram_final(s, span_str(bad[i].server_first), &out, &why),
		    -1);
		if (strstr(why, bad[i].why) == NULL)
			fail_msg("%s", why);
		/* Nothing was said: nothing can be proven. */
		assert_int_equal(
		    scram_check(s,
			SPAN("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			     "AAAAAAAA="),
			&why),
		    -1);
	}
}

static void
test_scram_names(void **state)
{
	struct scram *s =
	    scram_new(unit_job(), SCRAM_SHA1, SPAN("a,b=c"), SPAN("x"), "N");

	(void)state;
	assert_span_equal(scram_first(s), "n,,n=a=2Cb=3Dc,r=N");
	/* Each has a nonce of its own. */
	s = scram_new(unit_job(), SCRAM_SHA1, SPAN("a"), SPAN("x"), NULL);
	assert_true(scram_first(s).n > 30);
	assert_false(span_eq(
	    scram_first(s), scram_first(scram_new(unit_job(), SCRAM_SHA1,
				SPAN("a"), SPAN("x"), NULL))));
}

static void
test_simple(void **state)
{
	struct sasl_login login = { .user = "us,er",
		.secret = SPAN("s3cret"),
		.host = "relay.test",
		.port = 465 };
	struct job *j = unit_job();
	const char *why = NULL;
	struct span out;
	struct sasl *s;

	(void)state;
	s = sasl_new(j, SASL_PLAIN, &login);
	assert_int_equal(sasl_initial(s, &out), 1);
	assert_true(span_eq(out, SPAN("\0us,er\0s3cret")));
	assert_true(sasl_is_proven(s));
	assert_int_equal(sasl_answer(s, SPAN("?"), &out, &why), -1);

	s = sasl_new(j, SASL_LOGIN, &login);
	assert_int_equal(sasl_initial(s, &out), 0);
	assert_int_equal(sasl_answer(s, SPAN("Username:"), &out, &why), 0);
	assert_span_equal(out, "us,er");
	assert_int_equal(sasl_answer(s, SPAN("Password:"), &out, &why), 0);
	assert_span_equal(out, "s3cret");
	assert_int_equal(sasl_answer(s, SPAN("More:"), &out, &why), -1);

	login.is_token = true;
	s = sasl_new(j, SASL_XOAUTH2, &login);
	assert_int_equal(sasl_initial(s, &out), 1);
	assert_span_equal(out, "user=us,er\x01"
			       "auth=Bearer s3cret\x01\x01");
	assert_int_equal(sasl_answer(s, SPAN("{}"), &out, &why), 0);
	assert_span_equal(out, "");
	assert_int_equal(sasl_answer(s, SPAN("{}"), &out, &why), -1);

	/* RFC 7628 4.1, with the user name in GS2's spelling. */
	s = sasl_new(j, SASL_OAUTHBEARER, &login);
	assert_int_equal(sasl_initial(s, &out), 1);
	assert_span_equal(out, "n,a=us=2Cer,\x01host=relay.test\x01port=465\x01"
			       "auth=Bearer s3cret\x01\x01");
	assert_int_equal(sasl_answer(s, SPAN("{}"), &out, &why), 0);
	assert_span_equal(out, "\x01");
	assert_int_equal(sasl_answer(s, SPAN("{}"), &out, &why), -1);
}

#define BIT(m) (1u << (m))
#define ALL (BIT(SASL_COUNT) - 2)

static void
test_pick(void **state)
{
	static const struct {
		enum conf_auth wanted;
		bool is_token;
		unsigned offered;
		enum sasl_mechanism expected;
		const char *user;
	} picks[] = {
		{ CONF_AUTH_AUTO, false, ALL, SASL_SCRAM_SHA_256, "u" },
		{ CONF_AUTH_AUTO, false, ALL & ~BIT(SASL_SCRAM_SHA_256),
		    SASL_SCRAM_SHA_1, "u" },
		{ CONF_AUTH_AUTO, false, BIT(SASL_PLAIN) | BIT(SASL_LOGIN),
		    SASL_PLAIN, "u" },
		{ CONF_AUTH_AUTO, false, BIT(SASL_LOGIN), SASL_LOGIN, "u" },
		/* A password never goes where a token belongs, nor the other
		 * way round. */
		{ CONF_AUTH_AUTO, false,
		    BIT(SASL_XOAUTH2) | BIT(SASL_OAUTHBEARER), SASL_NONE, "u" },
		{ CONF_AUTH_AUTO, true, ALL, SASL_OAUTHBEARER, "u" },
		{ CONF_AUTH_AUTO, true, BIT(SASL_PLAIN) | BIT(SASL_XOAUTH2),
		    SASL_XOAUTH2, "u" },
		{ CONF_AUTH_AUTO, true, BIT(SASL_PLAIN), SASL_NONE, "u" },
		{ CONF_AUTH_PLAIN, false, ALL, SASL_PLAIN, "u" },
		{ CONF_AUTH_LOGIN, false, ALL, SASL_LOGIN, "u" },
		{ CONF_AUTH_SCRAM, false, ALL, SASL_SCRAM_SHA_256, "u" },
		{ CONF_AUTH_SCRAM, false, BIT(SASL_PLAIN), SASL_NONE, "u" },
		{ CONF_AUTH_XOAUTH2, true, ALL, SASL_XOAUTH2, "u" },
		{ CONF_AUTH_OAUTHBEARER, true, ALL, SASL_OAUTHBEARER, "u" },
		{ CONF_AUTH_OAUTHBEARER, true, BIT(SASL_XOAUTH2), SASL_NONE,
		    "u" },
		{ CONF_AUTH_AUTO, false, ALL, SASL_PLAIN, "\xc3\xa4" },
		{ CONF_AUTH_SCRAM, false, ALL, SASL_NONE, "\xc3\xa4" },
		{ CONF_AUTH_AUTO, false, 0, SASL_NONE, "u" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(picks); i++) {
		struct sasl_login login = { .user = picks[i].user,
			.secret = SPAN("x"),
			.is_token = picks[i].is_token };

		unit_case("%zu", i);
		assert_int_equal(
		    sasl_pick(picks[i].wanted, &login, picks[i].offered),
		    picks[i].expected);
	}
	for (int m = SASL_NONE + 1; m < SASL_COUNT; m++)
		assert_int_equal(
		    sasl_find(span_str(sasl_name((enum sasl_mechanism)m))), m);
	assert_int_equal(sasl_find(SPAN("")), SASL_NONE);
	assert_int_equal(sasl_find(SPAN("SCRAM-SHA-256-PLUS")), SASL_NONE);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_scram),
	cmocka_unit_test(test_scram_refused),
	cmocka_unit_test(test_scram_names),
	cmocka_unit_test(test_simple),
	cmocka_unit_test(test_pick),
};
UNIT_MAIN(tests)
