/*
 * OCSP answers with one thing out of order, signed by the responder all the
 * same: each lint names itself (L-70 to L-73, L-75; PK-165, PK-168, PK-174).
 */
#include "config.h"

#include <openssl/evp.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "pki/ca.h"
#include "pki/ossl.h"
#include "pki/responder.h"
#include "pki/signing_key.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define ROOM 8192
#define REFUSED "OCSP answer refused: "

/* --- an answer in pieces -------------------------------------------------- */

enum piece {
	RESPONDER_ID,
	PRODUCED_AT,
	CERT_ID,
	STATUS,
	THIS_UPDATE,
	NEXT_UPDATE,
	SINGLE_MORE, /* behind them, in the single response */
	SECOND,      /* behind the single response */
	MORE,        /* behind the list of them, in what is signed */
	CERTS,
	PIECES
};

#define SHA1 "30{06052b0e03021a 0500}"
#define SHA256 "30{0609608648016503040201 0500}"
#define ID_OF(serial) "30{" SHA1 "04{H}04{K}" serial "}"
#define ID ID_OF("0203012a01")
#define REVOKED "a1{18{'20261123110000Z'} a0{0a0104}}"
#define SINGLE(id, status) "30{" id status "T a0{X}}"
#define OTHER_HASH "'01234567890123456789'"
#define NONCE "a1{30{30{06092b0601050507300102 04{04{'0123456789'}}}}}"

/* As notation: H and K are the CA's hashes, R the responder's, N its name, C
 * its certificate, D another of this CA's, T when it is made and X when it
 * ends. */
static const char *const good[PIECES] = {
	[RESPONDER_ID] = "a2{04{R}}",
	[PRODUCED_AT] = "T",
	[CERT_ID] = ID,
	[STATUS] = REVOKED,
	[THIS_UPDATE] = "T",
	[NEXT_UPDATE] = "a0{X}",
	[SINGLE_MORE] = "",
	[SECOND] = "",
	[MORE] = "",
	[CERTS] = "a0{30{C}}",
};

struct lab {
	struct job *j;
	const struct ca *ca;
	struct ocsp_ca id;
	struct responder responder, other;
};

static void
make_responder(struct job *j, const struct ca *ca, struct responder *r)
{
	if (responder_prepare(j, j->arena, ca, r) < 0 ||
	    responder_sign(j, j->arena, ca, r) < 0)
		fail_msg("%s", j->err.text);
}

static struct lab
lab_new(void)
{
	struct lab lab = { .j = lab_job(), .ca = lab_ca("p256") };

	make_responder(lab.j, lab.ca, &lab.responder);
	make_responder(lab.j, lab.ca, &lab.other);
	assert_int_equal(responder_ca(lab.j, lab.ca, &lab.id), 0);
	return lab;
}

/* What the good one says. */
static struct ocsp_status
revoked(int64_t at)
{
	return (struct ocsp_status){ .serial = { 0x01, 0x2a, 0x01 },
		.serial_len = 3,
		.is_revoked = true,
		.reason = 4,
		.revoked_at = LAB_NOW - 3600,
		.this_update = at };
}

/* GeneralizedTime. */
static struct span
time_of(struct job *j, int64_t secs)
{
	char rfc3339[CLOCK_RFC3339_MAX], text[sizeof(rfc3339)], *out = text;

	clock_format_rfc3339(secs, rfc3339);
	for (const char *p = rfc3339; *p != '\0'; p++)
		if (*p != '-' && *p != ':' && *p != 'T')
			*out++ = *p;
	return lab_der(j, 0x18, span_mem(text, (size_t)(out - text)));
}

static void
add(struct lab *lab, struct buf *b, const char *const *pieces,
    const struct span *words, enum piece from, enum piece to)
{
	for (enum piece i = from; i <= to; i++)
		buf_add(b, lab_notation(lab->j, pieces[i], words));
}

static struct span
data_of(struct lab *lab, const char *const *pieces, const struct span *words)
{
	struct job *j = lab->j;
	struct buf single, list, data;

	buf_init(&single, j->arena, ROOM);
	add(lab, &single, pieces, words, CERT_ID, SINGLE_MORE);
	buf_init(&list, j->arena, ROOM);
	buf_add(&list, lab_der(j, 0x30, buf_span(&single)));
	add(lab, &list, pieces, words, SECOND, SECOND);
	buf_init(&data, j->arena, ROOM);
	add(lab, &data, pieces, words, RESPONDER_ID, PRODUCED_AT);
	buf_add(&data, lab_der(j, 0x30, buf_span(&list)));
	add(lab, &data, pieces, words, MORE, MORE);
	assert_true(buf_ok(&single) && buf_ok(&list) && buf_ok(&data));
	return lab_der(j, 0x30, buf_span(&data));
}

static struct span
signature_of(struct job *j, EVP_PKEY *key, struct span data)
{
	unsigned char out[SIGNATURE_MAX];
	EVP_MD_CTX *ctx = ossl_own_md_ctx(j->arena, EVP_MD_CTX_new());
	size_t n = sizeof(out);

	assert_int_equal(
	    EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL, key, NULL),
	    1);
	assert_int_equal(
	    EVP_DigestSign(ctx, out, &n, ossl_bytes(data), data.n), 1);
	return lab_copy(j, span_mem(out, n));
}

/* The words of a notation, and B: what is signed. */
static void
fill_words(struct lab *lab, const struct responder *r, int64_t at,
    const char *const *pieces, struct span *words)
{
	words['C' - 'A'] = r->certificate;
	words['D' - 'A'] = lab->other.certificate;
	words['H' - 'A'] = span_mem(lab->id.name_sha1, 20);
	words['K' - 'A'] = span_mem(lab->id.key_sha1, 20);
	words['N' - 'A'] = lab->ca->signer.name;
	words['R' - 'A'] = span_mem(r->key_hash, OCSP_KEY_HASH_LEN);
	words['T' - 'A'] = time_of(lab->j, at);
	words['X' - 'A'] = time_of(lab->j, ocsp_next_update(at));
	words['B' - 'A'] = data_of(lab, pieces, words);
}

/* The answer of this responder, made at that time. */
static struct span
answer(struct lab *lab, const struct responder *r, int64_t at,
    const char *const *pieces)
{
	struct span words[LAB_WORDS] = { { NULL, 0 } };
	struct job *j = lab->j;

	fill_words(lab, r, at, pieces, words);
	words['S' - 'A'] = signature_of(j, r->key, words['B' - 'A']);
	words['P' - 'A'] = lab_notation(j, pieces[CERTS], words);
	return lab_notation(j,
	    "30{0a0100 a0{30{06092b0601050507300101 04{"
	    "30{B 30{06082a8648ce3d040302} 03{00 S} P}}}}}",
	    words);
}

static struct span
with_piece(struct lab *lab, enum piece at, const char *text)
{
	const char *pieces[PIECES];

	memcpy(pieces, good, sizeof(pieces));
	pieces[at] = text;
	return answer(lab, &lab->responder, LAB_NOW, pieces);
}

static void
assert_refused(struct job *j, int result, const char *lint)
{
	assert_int_equal(result, -1);
	assert_job_error(
	    j, ERR_INTERNAL, arena_printf(j->arena, REFUSED "%s", lint));
	job_recover(j);
}

/* --- lints ---------------------------------------------------------------- */

/* The pieces are what the responder itself makes, to the octet. */
static void
test_good(void **state)
{
	struct lab lab = lab_new();
	struct job *j = lab.j;
	const struct ocsp_single one = { OCSP_SHA1, revoked(LAB_NOW) };
	const struct ocsp_data d = { &one, 1, LAB_NOW, { NULL, 0 } };
	struct span der = answer(&lab, &lab.responder, LAB_NOW, good), made;
	struct span words[LAB_WORDS] = { { NULL, 0 } };
	(void)state;

	assert_int_equal(
	    responder_reply(j, &lab.responder, &lab.id, &d, &made), 0);
	fill_words(&lab, &lab.responder, LAB_NOW, good, words);
	assert_true(span_has(made, words['B' - 'A']));
	if (responder_check(j, lab.ca, OCSP_SHA1, &one.status, der) < 0)
		fail_msg("%s", j->err.text);
}

#define L70_KEY "L-70: not by key, or without the responder's certificate"
#define L70_CERTIFICATE "L-70: the responder's certificate"
#define L70_SIGNATURE "L-70: the signature does not verify"
#define L70_CHAIN "L-70: the responder's certificate does not verify"
#define L71_PRODUCED "L-71: producedAt"
#define L71_TIMES "L-71: thisUpdate or nextUpdate"
#define L71_LIFE "L-71: it outlives the responder's certificate"
#define L72_STATUS "L-72: the status is another one"
#define L72_REVOCATION "L-72: time or reason of the revocation"
#define L73_SINGLE "L-73: an extension of the single response"
#define L73_NONCE "L-73: another nonce, or another extension"
#define L75_COUNT "L-75: not as many answers as questions"
#define L75_NUMBER "L-75: not an answer about this number"

/* Each property, broken alone. */
static void
test_broken(void **state)
{
	static const struct {
		const char *what;
		enum piece at;
		const char *text, *lint;
	} cases[] = {
		{ "by name", RESPONDER_ID, "a1{N}", L70_KEY },
		{ "by another key", RESPONDER_ID, "a2{04{" OTHER_HASH "}}",
		    L70_SIGNATURE },
		{ "without certificates", CERTS, "", L70_KEY },
		{ "two certificates", CERTS, "a0{30{C D}}", L70_KEY },
		{ "another responder's certificate", CERTS, "a0{30{D}}",
		    L70_SIGNATURE },

		{ "producedAt later", PRODUCED_AT, "18{'20261123120001Z'}",
		    L71_PRODUCED },
		{ "producedAt earlier", PRODUCED_AT, "18{'20261123115959Z'}",
		    L71_PRODUCED },
		{ "thisUpdate later", THIS_UPDATE, "18{'20261123120001Z'}",
		    L71_TIMES },
		{ "thisUpdate earlier", THIS_UPDATE, "18{'20261123115959Z'}",
		    L71_TIMES },
		{ "nextUpdate later", NEXT_UPDATE, "a0{18{'20261127120000Z'}}",
		    L71_TIMES },
		{ "nextUpdate earlier", NEXT_UPDATE,
		    "a0{18{'20261127115958Z'}}", L71_TIMES },
		{ "no nextUpdate", NEXT_UPDATE, "", L71_TIMES },

		{ "good", STATUS, "8000", L72_STATUS },
		{ "unknown", STATUS, "8200", L72_STATUS },
		{ "another time", STATUS,
		    "a1{18{'20261123110001Z'} a0{0a0104}}", L72_REVOCATION },
		{ "another reason", STATUS,
		    "a1{18{'20261123110000Z'} a0{0a0101}}", L72_REVOCATION },
		{ "no reason", STATUS, "a1{18{'20261123110000Z'}}",
		    L72_REVOCATION },
		{ "reason 0 written", STATUS,
		    "a1{18{'20261123110000Z'} a0{0a0100}}", L72_REVOCATION },

		{ "reasonCode in the single response", SINGLE_MORE,
		    "a1{30{30{0603551d15 04{0a0104}}}}", L73_SINGLE },
		{ "archiveCutoff", SINGLE_MORE,
		    "a1{30{30{06092b0601050507300106 "
		    "04{18{'20261123110000Z'}}}}}",
		    L73_SINGLE },
		{ "a nonce that nobody sent", MORE, NONCE, L73_NONCE },
		{ "another extension", MORE,
		    "a1{30{30{06092b0601050507300109 04{0500}}}}", L73_NONCE },

		{ "another number", CERT_ID, ID_OF("0203012a02"), L75_NUMBER },
		{ "the number, negative", CERT_ID, ID_OF("0203fed5ff"),
		    L75_NUMBER },
		{ "a longer number", CERT_ID, ID_OF("0204012a0100"),
		    L75_NUMBER },
		{ "another name", CERT_ID,
		    "30{" SHA1 "04{" OTHER_HASH "} 04{K} 0203012a01}",
		    L75_NUMBER },
		{ "another key", CERT_ID,
		    "30{" SHA1 "04{H} 04{" OTHER_HASH "} 0203012a01}",
		    L75_NUMBER },
		{ "another hash's name", CERT_ID,
		    "30{" SHA256 "04{H} 04{K} 0203012a01}", L75_NUMBER },
		{ "two", SECOND, SINGLE(ID_OF("0203012a02"), "8000"),
		    L75_COUNT },
		{ "the same twice", SECOND, SINGLE(ID, REVOKED), L75_COUNT },
	};
	struct lab lab = lab_new();
	const struct ocsp_status s = revoked(LAB_NOW);
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span der = with_piece(&lab, cases[i].at, cases[i].text);

		unit_case("%s", cases[i].what);
		assert_refused(lab.j,
		    responder_check(lab.j, lab.ca, OCSP_SHA1, &s, der),
		    cases[i].lint);
	}
}

/* What was asked for is another thing than what is answered. */
static void
test_wanted(void **state)
{
	struct lab lab = lab_new();
	struct job *j = lab.j;
	struct span der = answer(&lab, &lab.responder, LAB_NOW, good);
	struct ocsp_single two[2] = { { OCSP_SHA1, revoked(LAB_NOW) },
		{ OCSP_SHA1, revoked(LAB_NOW) } };
	struct ocsp_data d = { two, 1, LAB_NOW, SPAN("0123456789") };
	struct ocsp_status s = revoked(LAB_NOW);
	(void)state;

	s.is_revoked = false;
	assert_refused(
	    j, responder_check(j, lab.ca, OCSP_SHA1, &s, der), L72_STATUS);
	s = revoked(LAB_NOW);
	assert_refused(
	    j, responder_check(j, lab.ca, OCSP_SHA256, &s, der), L75_NUMBER);
	s.reason = 0;
	assert_refused(
	    j, responder_check(j, lab.ca, OCSP_SHA1, &s, der), L72_REVOCATION);
	/* a nonce: absent, another one, right */
	assert_refused(j, responder_check_data(j, lab.ca, &d, der), L73_NONCE);
	der = with_piece(&lab, MORE, NONCE);
	assert_int_equal(responder_check_data(j, lab.ca, &d, der), 0);
	d.nonce = SPAN("0123456780");
	assert_refused(j, responder_check_data(j, lab.ca, &d, der), L73_NONCE);
	/* two: one is missing, both are there, the other way round */
	d = (struct ocsp_data){ two, 2, LAB_NOW, { NULL, 0 } };
	two[1].status.serial[2] = 2;
	der = answer(&lab, &lab.responder, LAB_NOW, good);
	assert_refused(j, responder_check_data(j, lab.ca, &d, der), L75_COUNT);
	der = with_piece(&lab, SECOND, SINGLE(ID_OF("0203012a02"), REVOKED));
	assert_int_equal(responder_check_data(j, lab.ca, &d, der), 0);
	two[0].status.serial[2] = 2;
	two[1].status.serial[2] = 1;
	assert_refused(j, responder_check_data(j, lab.ca, &d, der), L75_NUMBER);
}

/* L-70, L-71: no answer before the responder's certificate begins or after it
 * ends. */
static void
test_life(void **state)
{
	struct lab lab = lab_new();
	const struct responder *r = &lab.responder;
	/* the last that ends in time, and the first that does not */
	const int64_t last = r->not_after - OCSP_LIFE_SECS + 1;
	const struct {
		int64_t at;
		const char *lint;
	} cases[] = {
		{ last, NULL },
		{ last + 1, L71_LIFE },
		{ r->not_before, NULL },
		{ r->not_before - 1, L70_CHAIN },
	};
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ocsp_status s = revoked(cases[i].at);
		struct span der = answer(&lab, r, cases[i].at, good);
		int result = responder_check(lab.j, lab.ca, OCSP_SHA1, &s, der);

		unit_case("%zu", i);
		if (cases[i].lint != NULL)
			assert_refused(lab.j, result, cases[i].lint);
		else
			assert_int_equal(result, 0);
	}
}

/* The responder's certificate with these octets in the place of others of the
 * same length, signed by the CA's key. */
static void
recertify(
    struct lab *lab, struct responder *r, struct span from, struct span to)
{
	struct job *j = lab->j;
	const struct signer *signer = &lab->ca->signer;
	unsigned char signature[SIGNATURE_MAX];
	char *tbs = arena_memdup(j->arena, r->tbs.p, r->tbs.n);
	size_t at = span_find_span(r->tbs, 0, from), n = 0;
	struct span words[LAB_WORDS] = { { NULL, 0 } };

	assert_int_equal(from.n, to.n);
	assert_true(at < r->tbs.n);
	memcpy(tbs + at, to.p, to.n);
	words[0] = span_mem(tbs, r->tbs.n);
	assert_int_equal(signing_key_use(j, signer->key, signer->alg, words[0],
			     signature, &n),
	    0);
	words[1] = signer->alg->der;
	words[2] = span_mem(signature, n);
	r->certificate = lab_notation(j, "30{A B 03{00 C}}", words);
}

/* L-70: whose certificate it is. */
static void
test_responder(void **state)
{
	struct lab lab = lab_new();
	struct job *j = lab.j;
	const struct ocsp_status s = revoked(LAB_NOW);
	struct responder r = lab.responder;
	struct span der;
	char *changed;
	(void)state;

	/* the same contents signed again: what follows is the change alone */
	recertify(&lab, &r, SPAN("\x06\x03\x55\x1d\x23"),
	    SPAN("\x06\x03\x55\x1d\x23"));
	der = answer(&lab, &r, LAB_NOW, good);
	assert_int_equal(responder_check(j, lab.ca, OCSP_SHA1, &s, der), 0);
	/* emailProtection in the place of OCSPSigning */
	recertify(&lab, &r, SPAN("\x2b\x06\x01\x05\x05\x07\x03\x09"),
	    SPAN("\x2b\x06\x01\x05\x05\x07\x03\x04"));
	der = answer(&lab, &r, LAB_NOW, good);
	assert_refused(
	    j, responder_check(j, lab.ca, OCSP_SHA1, &s, der), L70_CERTIFICATE);
	/* no id-pkix-ocsp-nocheck */
	recertify(&lab, &r, SPAN("\x2b\x06\x01\x05\x05\x07\x30\x01\x05"),
	    SPAN("\x2b\x06\x01\x05\x05\x07\x30\x01\x63"));
	der = answer(&lab, &r, LAB_NOW, good);
	assert_refused(
	    j, responder_check(j, lab.ca, OCSP_SHA1, &s, der), L70_CERTIFICATE);
	/* signed by another key than the certificate's */
	r = lab.responder;
	r.key = lab.other.key;
	der = answer(&lab, &r, LAB_NOW, good);
	assert_refused(
	    j, responder_check(j, lab.ca, OCSP_SHA1, &s, der), L70_SIGNATURE);
	/* the certificate is not the CA's: its signature is broken */
	r = lab.responder;
	changed = arena_memdup(j->arena, r.certificate.p, r.certificate.n);
	changed[r.certificate.n - 1] ^= 1;
	r.certificate = span_mem(changed, r.certificate.n);
	der = answer(&lab, &r, LAB_NOW, good);
	assert_refused(
	    j, responder_check(j, lab.ca, OCSP_SHA1, &s, der), L70_CHAIN);
	/* another CA's responder */
	make_responder(j, lab_ca("p384"), &r);
	der = answer(&lab, &r, LAB_NOW, good);
	assert_refused(
	    j, responder_check(j, lab.ca, OCSP_SHA1, &s, der), L70_CHAIN);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_good),
	cmocka_unit_test(test_broken),
	cmocka_unit_test(test_wanted),
	cmocka_unit_test(test_life),
	cmocka_unit_test(test_responder),
};

UNIT_MAIN(tests)
