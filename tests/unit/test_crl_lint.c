/*
 * Lists with one thing out of order, signed by the CA's own key all the same:
 * each lint names itself (L-60 to L-66, PK-151 to PK-153, PK-156, PK-158,
 * PK-159, PK-163).  And what a shard's list says about the certificates of
 * another (PK-155).
 */
#include "config.h"

#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "pki/ca.h"
#include "pki/crl.h"
#include "pki/crl_lint.h"
#include "pki/issue.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "pki/signing_key.h"
#include "tests/unit/issue_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define OTHER_URL "http://crl.example.com/other.crl"

/* --- a list in pieces ----------------------------------------------------- */

enum piece {
	LIST_VERSION,
	ALGORITHM, /* inside what is signed */
	ISSUER,
	THIS_UPDATE,
	NEXT_UPDATE,
	REVOKED,
	KEY_ID,
	NUMBER,
	POINT,
	MORE,   /* behind the extensions, in their SEQUENCE */
	BEHIND, /* behind them, in what is signed */
	OUTER,  /* the algorithm beside the signature */
	TAIL,   /* behind the signature */
	PIECES
};

/* Times of LAB_NOW, a minute before, and a week less a second after. */
#define NOW "17{'261123120000Z'}"
#define BEFORE "17{'261123115900Z'}"
#define WEEK "17{'261130115959Z'}"
#define REASON(value) "30{30{0603551d15 04{" value "}}}"
#define FIRST "30{02022a01" BEFORE "}"
#define SECOND "30{02022a02" BEFORE REASON("0a0101") "}"
#define POINT_OF(value) "30{0603551d1c 0101ff 04{30{" value "}}}"
#define URI "86{'" LAB_CRL_URL "'}"
#define GOOD_POINT POINT_OF("a0{a0{" URI "}} 8101ff")
#define ROOT_REVOKED "30{30{02022a01" BEFORE REASON("0a0102") "}" SECOND "}"

/* As notation: N is the CA's name, G its algorithm, K its key identifier. */
static const char *const good[PIECES] = {
	[LIST_VERSION] = "020101",
	[ALGORITHM] = "G",
	[ISSUER] = "N",
	[THIS_UPDATE] = NOW,
	[NEXT_UPDATE] = WEEK,
	[REVOKED] = "30{" FIRST SECOND "}",
	[KEY_ID] = "30{0603551d23 04{30{80{K}}}}",
	[NUMBER] = "30{0603551d14 04{020107}}",
	[POINT] = GOOD_POINT,
	[MORE] = "",
	[BEHIND] = "",
	[OUTER] = "G",
	[TAIL] = "",
};

static const struct crl_entry entries[] = {
	{ { "\x2a\x01", 2 }, LAB_NOW - 60, 0 },
	{ { "\x2a\x02", 2 }, LAB_NOW - 60, 1 },
};

/* What the good one says. */
static struct crl_input
wanted(void)
{
	return (struct crl_input){ .number = 7,
		.this_update = LAB_NOW,
		.next_update = crl_next_update(LAB_NOW),
		.entries = entries,
		.count = COUNT(entries),
		.point = LAB_CRL_URL };
}

static void
add_all(struct job *j, struct buf *b, const char *const *pieces,
    const struct span *words, enum piece from, enum piece to)
{
	for (enum piece i = from; i <= to; i++)
		buf_add(b, lab_notation(j, pieces[i], words));
}

static struct span
tbs_of(struct job *j, const struct ca *ca, const char *const *pieces)
{
	const struct span words[LAB_WORDS] = { ['N' - 'A'] = ca->signer.name,
		['G' - 'A'] = ca->signer.alg->der,
		['K' - 'A'] = ca->signer.key_id };
	struct buf body, list;

	buf_init(&list, j->arena, 4096);
	add_all(j, &list, pieces, words, KEY_ID, MORE);
	buf_init(&body, j->arena, 4096);
	add_all(j, &body, pieces, words, LIST_VERSION, REVOKED);
	if (list.n > 0)
		buf_add(
		    &body, lab_der(j, 0xa0, lab_der(j, 0x30, buf_span(&list))));
	add_all(j, &body, pieces, words, BEHIND, BEHIND);
	assert_true(buf_ok(&list) && buf_ok(&body));
	return lab_der(j, 0x30, buf_span(&body));
}

/* Signed by the CA's key, whatever it is. */
static struct span
signed_list(struct job *j, const struct ca *ca, const char *const *pieces)
{
	const struct span words[LAB_WORDS] = { ['G' - 'A'] =
						   ca->signer.alg->der };
	struct span tbs = tbs_of(j, ca, pieces);
	unsigned char signature[SIGNATURE_MAX];
	struct buf b;
	size_t n = 0;

	assert_int_equal(signing_key_use(j, ca->signer.key, ca->signer.alg, tbs,
			     signature, &n),
	    0);
	buf_init(&b, j->arena, 8192);
	buf_add(&b, tbs);
	buf_add(&b, lab_notation(j, pieces[OUTER], words));
	buf_add(&b,
	    lab_der(j, 0x03, lab_join(j, SPAN("\0"), span_mem(signature, n))));
	buf_add(&b, lab_notation(j, pieces[TAIL], words));
	assert_true(buf_ok(&b));
	return lab_der(j, 0x30, buf_span(&b));
}

static struct span
with_piece(struct job *j, const struct ca *ca, enum piece at, const char *text,
    enum ca_role role)
{
	const char *pieces[PIECES];

	memcpy(pieces, good, sizeof(pieces));
	if (role == CA_ROLE_ROOT) {
		pieces[POINT] = "";
		pieces[REVOKED] = ROOT_REVOKED;
	}
	pieces[at] = text;
	return signed_list(j, ca, pieces);
}

/* --- lints ---------------------------------------------------------------- */

/* The pieces are what crl_sign() makes, to the octet, and the signature is the
 * CA's: what the next tests find is the piece that they change. */
static void
test_good(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	const struct crl_input in = wanted();
	struct crl_input out;
	struct span der = signed_list(j, ca, good), made;
	(void)state;

	assert_int_equal(crl_sign(j, ca, &in, &made), 0);
	struct span tbs = tbs_of(j, ca, good);
	assert_true(span_find_span(made, 0, tbs) < 8);
	assert_null(crl_lint(j, &ca->signer, CA_ROLE_ISSUING, &in, der));
	assert_int_equal(crl_read(j, ca, der, &out), 0);
	assert_int_equal(out.count, 2);
	assert_int_equal(out.number, 7);
	assert_string_equal(out.point, LAB_CRL_URL);
}

/* Each property, broken alone. */
static void
test_broken(void **state)
{
	static const struct {
		const char *what;
		enum piece at;
		const char *text, *lint;
	} cases[] = {
		{ "version 1", LIST_VERSION, "020100", "L-60: not version 2" },
		{ "no version", LIST_VERSION, "", "L-60: not version 2" },
		{ "another algorithm inside", ALGORITHM,
		    "30{06082a8648ce3d040303}", "L-60: inner and outer" },
		{ "another algorithm outside", OUTER,
		    "30{06082a8648ce3d040303}", "L-60: not the signature" },
		{ "with parameters inside", ALGORITHM,
		    "30{06082a8648ce3d040302 0500}", "L-60: inner and outer" },
		{ "with parameters outside", OUTER,
		    "30{06082a8648ce3d040302 0500}",
		    "L-60: not the signature" },
		{ "another issuer", ISSUER, "30{31{30{0603550403 0c{'CA'}}}}",
		    "L-60: the issuer" },
		{ "something behind the signature", TAIL, "0500",
		    "L-60: not a CertificateList" },
		{ "something behind the extensions", BEHIND, "0500",
		    "L-60: no extensions, or something behind" },
		{ "thisUpdate not UTCTime before 2050", THIS_UPDATE,
		    "18{'20261123120000Z'}", "L-60: thisUpdate" },
		{ "thisUpdate without seconds", THIS_UPDATE,
		    "17{'2611231200Z'}", "L-60: thisUpdate" },
		{ "no nextUpdate", NEXT_UPDATE, "", "L-60: thisUpdate" },
		{ "an empty list of entries", REVOKED, "30{}",
		    "L-60: revokedCertificates is empty" },
		{ "unsorted", REVOKED, "30{" SECOND FIRST "}",
		    "L-60: the entries are not sorted" },
		{ "longer is greater", REVOKED,
		    "30{30{02032a0001" BEFORE "}" SECOND "}",
		    "L-60: the entries are not sorted" },
		{ "twice", REVOKED, "30{" FIRST FIRST SECOND "}",
		    "L-60: the entries are not sorted" },
		{ "a number that is negative", REVOKED,
		    "30{30{0202aa01" BEFORE "}" SECOND "}",
		    "L-60: a serial number" },
		{ "a number that is not minimal", REVOKED,
		    "30{30{0203002a01" BEFORE "}" SECOND "}",
		    "L-60: a serial number" },
		{ "an entry without time", REVOKED,
		    "30{30{02022a01}" SECOND "}", "L-60: a revocation" },
		{ "something behind an entry", REVOKED,
		    "30{30{02022a01" BEFORE REASON("0a0101") "0500}" SECOND "}",
		    "L-60: something behind an entry" },

		{ "no authorityKeyIdentifier", KEY_ID, "", "L-61: authority" },
		{ "a critical one", KEY_ID,
		    "30{0603551d23 0101ff 04{30{80{K}}}}", "L-61: authority" },
		{ "criticality FALSE written", KEY_ID,
		    "30{0603551d23 010100 04{30{80{K}}}}", "L-61: authority" },
		{ "of another key", KEY_ID,
		    "30{0603551d23 04{30{80{'01234567890123456789'}}}}",
		    "L-61: authority" },
		{ "with a serial number", KEY_ID,
		    "30{0603551d23 04{30{80{K} 820101}}}", "L-61: authority" },
		{ "no CRL number", NUMBER, "", "L-61: no CRL number" },
		{ "a critical number", NUMBER,
		    "30{0603551d14 0101ff 04{020107}}", "L-61: no CRL number" },
		{ "number 0", NUMBER, "30{0603551d14 04{020100}}",
		    "L-61: no CRL number" },
		{ "a negative number", NUMBER, "30{0603551d14 04{020187}}",
		    "L-61: no CRL number" },
		{ "a number that is not minimal", NUMBER,
		    "30{0603551d14 04{02020007}}", "L-61: no CRL number" },
		{ "a number beyond 64 bits", NUMBER,
		    "30{0603551d14 04{020a01000000000000000007}}",
		    "L-61: no CRL number" },
		{ "a delta list", POINT, "30{0603551d1b 0101ff 04{020101}}",
		    "L-61: another extension" },
		{ "freshestCRL too", MORE, "30{0603551d2e 04{3000}}",
		    "L-61: another extension" },
		{ "the point twice", MORE, GOOD_POINT,
		    "L-61: another extension" },

		{ "no distribution point", POINT, "", "L-62: not the" },
		{ "one that is not critical", POINT,
		    "30{0603551d1c 04{30{a0{a0{" URI "}} 8101ff}}}",
		    "L-62: issuingDistributionPoint" },
		{ "another name", POINT,
		    POINT_OF("a0{a0{86{'" OTHER_URL "'}}} 8101ff"),
		    "L-62: not the distribution point of the shard" },
		{ "a name with more behind a NUL", POINT,
		    POINT_OF("a0{a0{86{'" LAB_CRL_URL "' 00 'x'}}} 8101ff"),
		    "L-62: issuingDistributionPoint" },
		{ "two names", POINT, POINT_OF("a0{a0{" URI URI "}} 8101ff"),
		    "L-62: issuingDistributionPoint" },
		{ "a name that is not a URI", POINT,
		    POINT_OF("a0{a0{82{'example.com'}}} 8101ff"),
		    "L-62: issuingDistributionPoint" },
		{ "no name", POINT, POINT_OF("8101ff"),
		    "L-62: issuingDistributionPoint" },
		{ "not for user certificates", POINT,
		    POINT_OF("a0{a0{" URI "}}"),
		    "L-62: issuingDistributionPoint" },
		{ "for CA certificates", POINT,
		    POINT_OF("a0{a0{" URI "}} 8201ff"),
		    "L-62: issuingDistributionPoint" },
		{ "FALSE for user certificates", POINT,
		    POINT_OF("a0{a0{" URI "}} 810100"),
		    "L-62: issuingDistributionPoint" },
		{ "FALSE written", POINT,
		    POINT_OF("a0{a0{" URI "}} 8101ff 820100"),
		    "L-62: issuingDistributionPoint" },
		{ "some reasons", POINT,
		    POINT_OF("a0{a0{" URI "}} 8101ff 83020640"),
		    "L-62: issuingDistributionPoint" },
		{ "indirect", POINT, POINT_OF("a0{a0{" URI "}} 8101ff 8401ff"),
		    "L-62: issuingDistributionPoint" },

		{ "revoked after thisUpdate", REVOKED,
		    "30{30{02022a01 17{'261123120001Z'}}" SECOND "}",
		    "L-64: a revocation" },
		{ "nextUpdate = thisUpdate", NEXT_UPDATE, NOW,
		    "L-64: nextUpdate" },
		{ "nextUpdate before it", NEXT_UPDATE, BEFORE,
		    "L-64: nextUpdate" },
		{ "ten days", NEXT_UPDATE, "17{'261203120000Z'}",
		    "L-64: nextUpdate" },
		{ "less than ten days, not those asked for", NEXT_UPDATE,
		    "17{'261203115959Z'}", "L-60: number or times" },
		{ "another thisUpdate", THIS_UPDATE, "17{'261123120001Z'}",
		    "L-60: number or times" },
		{ "another number", NUMBER, "30{0603551d14 04{020108}}",
		    "L-60: number or times" },

		{ "an entry is missing", REVOKED, "30{" FIRST "}",
		    "L-65: the list is not complete" },
		{ "all are missing", REVOKED, "",
		    "L-65: the list is not complete" },
		{ "an entry too much", REVOKED,
		    "30{" FIRST SECOND "30{02022a03" BEFORE "}}",
		    "L-65: the list is not complete" },
		{ "another one in its place", REVOKED,
		    "30{" FIRST "30{02022a03" BEFORE REASON("0a0101") "}}",
		    "L-65: an entry" },
		{ "another time", REVOKED, "30{30{02022a01" NOW "}" SECOND "}",
		    "L-65: an entry" },
		{ "another reason", REVOKED,
		    "30{30{02022a01" BEFORE REASON("0a0104") "}" SECOND "}",
		    "L-65: an entry" },
	};
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	const struct crl_input in = wanted();
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span der = with_piece(
		    j, ca, cases[i].at, cases[i].text, CA_ROLE_ISSUING);
		const char *problem =
		    crl_lint(j, &ca->signer, CA_ROLE_ISSUING, &in, der);

		unit_case("%s: %s", cases[i].what,
		    problem == NULL ? "accepted" : problem);
		assert_non_null(problem);
		assert_ptr_equal(strstr(problem, cases[i].lint), problem);
	}
}

/* L-63: as an entry of either list carries it. */
static void
test_reasons(void **state)
{
	static const struct {
		const char *what, *text;
		bool issuing, root;
	} cases[] = {
		{ "absent", "", true, false },
		{ "0", REASON("0a0100"), false, false },
		{ "1", REASON("0a0101"), true, true },
		{ "2", REASON("0a0102"), false, true },
		{ "3", REASON("0a0103"), true, true },
		{ "4", REASON("0a0104"), true, true },
		{ "5", REASON("0a0105"), true, true },
		{ "6", REASON("0a0106"), false, false },
		{ "7", REASON("0a0107"), false, false },
		{ "8", REASON("0a0108"), false, false },
		{ "9", REASON("0a0109"), true, true },
		{ "10", REASON("0a010a"), false, false },
		{ "11", REASON("0a010b"), false, false },
		{ "-1", REASON("0a01ff"), false, false },
		{ "257", REASON("0a020101"), false, false },
		{ "an INTEGER", REASON("020101"), false, false },
		{ "critical", "30{30{0603551d15 0101ff 04{0a0101}}}", false,
		    false },
		{ "FALSE written", "30{30{0603551d15 010100 04{0a0101}}}",
		    false, false },
		{ "twice",
		    "30{30{0603551d15 04{0a0101}}30{0603551d15 04{0a0101}}}",
		    false, false },
		{ "no extension in the list", "30{}", false, false },
		{ "an invalidityDate",
		    "30{30{0603551d18 04{18{'20261123115900Z'}}}}", false,
		    false },
	};
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	(void)state;

	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		enum ca_role role = i % 2 ? CA_ROLE_ROOT : CA_ROLE_ISSUING;
		bool accepted =
		    i % 2 ? cases[i / 2].root : cases[i / 2].issuing;
		struct span der = with_piece(j, ca, REVOKED,
		    arena_printf(j->arena, "30{30{02022a01" BEFORE "%s}}",
			cases[i / 2].text),
		    role);
		struct crl_input out;
		const char *problem =
		    crl_parse(j, &ca->signer, role, der, &out);

		unit_case("%s: %s", cases[i / 2].what,
		    problem == NULL ? "accepted" : problem);
		if (accepted) {
			assert_null(problem);
			assert_int_equal(out.count, 1);
		} else {
			assert_non_null(problem);
			assert_ptr_equal(strstr(problem, "L-63: "), problem);
		}
	}
}

/* A root's list: complete, so no distribution point (PK-155), and as long as a
 * year and a day at most. */
static void
test_root(void **state)
{
	static const struct {
		const char *what;
		enum piece at;
		const char *text, *lint; /* NULL: accepted */
	} cases[] = {
		{ "as it should be", POINT, "", NULL },
		{ "with a distribution point", POINT, GOOD_POINT, "L-62: " },
		{ "a year", NEXT_UPDATE, "17{'271123115959Z'}", NULL },
		{ "366 days", NEXT_UPDATE, "17{'271124120000Z'}", "L-64: " },
		{ "no entries", REVOKED, "", NULL },
	};
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span der =
		    with_piece(j, ca, cases[i].at, cases[i].text, CA_ROLE_ROOT);
		struct crl_input out;
		const char *problem =
		    crl_parse(j, &ca->signer, CA_ROLE_ROOT, der, &out);

		unit_case("%s: %s", cases[i].what,
		    problem == NULL ? "accepted" : problem);
		if (cases[i].lint == NULL) {
			assert_null(problem);
			continue;
		}
		assert_non_null(problem);
		assert_ptr_equal(strstr(problem, cases[i].lint), problem);
	}
}

/* L-60: each octet matters; another CA's key signs nothing of this one. */
static void
test_signature(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	struct ca other = *ca;
	struct span der = signed_list(j, ca, good);
	char *changed = arena_memdup(j->arena, der.p, der.n);
	struct crl_input out;
	(void)state;

	changed[der.n - 1] ^= 1;
	assert_int_equal(crl_read(j, ca, span_mem(changed, der.n), &out), -1);
	assert_job_error(j, ERR_INTERNAL, NULL);
	assert_non_null(strstr(j->err.text, "does not verify"));
	job_recover(j);
	for (size_t n = 0; n < der.n; n++) {
		assert_int_equal(
		    crl_read(j, ca, span_cut(der, 0, n), &out), -1);
		job_recover(j);
	}
	/* this one's name and key identifier, the throw-away key */
	other.signer.key = ca->lint.key;
	der = signed_list(j, &other, good);
	assert_int_equal(crl_read(j, ca, der, &out), -1);
	assert_non_null(strstr(j->err.text, "does not verify"));
	job_recover(j);
}

/* L-66 */
static void
test_predecessor(void **state)
{
	static const struct {
		const char *what;
		uint64_t number;
		int64_t later;
		size_t from, count; /* of the entries */
		const char *problem;
		size_t lost;
	} cases[] = {
		{ "the next one", 8, 1, 0, 2, NULL, 0 },
		{ "the same number", 7, 1, 0, 2, "its number", 0 },
		{ "a smaller number", 6, 1, 0, 2, "its number", 0 },
		{ "the same time", 8, 0, 0, 2, "thisUpdate", 0 },
		{ "earlier", 8, -1, 0, 2, "thisUpdate", 0 },
		{ "the first is lost", 8, 1, 1, 1, NULL, 1 },
		{ "the second is lost", 8, 1, 0, 1, NULL, 1 },
		{ "both are lost", 8, 1, 0, 0, NULL, 2 },
	};
	struct job *j = lab_job();
	const struct crl_input former = wanted();
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct crl_input next = former;
		const struct crl_entry **lost = NULL;
		size_t count = 0;

		unit_case("%s", cases[i].what);
		next.number = cases[i].number;
		next.this_update += cases[i].later;
		next.entries += cases[i].from;
		next.count = cases[i].count;
		int r = crl_compare(j, &former, &next, &lost, &count);
		assert_int_equal(r, cases[i].problem == NULL ? 0 : -1);
		if (r < 0) {
			assert_non_null(strstr(j->err.text, "L-66: "));
			assert_non_null(strstr(j->err.text, cases[i].problem));
			job_recover(j);
			continue;
		}
		assert_int_equal(count, cases[i].lost);
		if (count > 0)
			assert_ptr_equal(lost[0],
			    &entries[cases[i].from > 0 || cases[i].count == 0
					 ? 0
					 : 1]);
	}
}

/* --- PK-155: what a client makes of it ------------------------------------ */

static X509 *
leaf(struct job *j, const struct ca *ca, uint8_t *serial)
{
	static const char *const mailboxes[] = { "alice@example.com" };
	struct csr csr;
	struct issue_input in = issue_lab_input(
	    j, lab_key(KEY_TYPE_P256, 0), LAB_NO_KEY_USAGE, mailboxes, 1, &csr);

	memcpy(serial, in.serial, SERIAL_LEN);
	X509 *x = ossl_x509(j->arena, lab_issue(j, ca, &in));
	assert_non_null(x);
	return x;
}

/* OpenSSL's verdict on the certificate with this list alone. */
static int
verdict(struct job *j, const struct ca *ca, X509 *x, const char *point,
    struct span revoked)
{
	const struct crl_entry e = { revoked, LAB_NOW - 60, 1 };
	struct crl_input in = wanted();
	X509_STORE_CTX *ctx =
	    ossl_own_store_ctx(j->arena, X509_STORE_CTX_new());
	STACK_OF(X509_CRL) *list = sk_X509_CRL_new_null();
	struct span der;
	int result;

	in.point = point;
	in.entries = &e;
	in.count = revoked.n > 0;
	if (crl_sign(j, ca, &in, &der) < 0)
		fail_msg("%s", j->err.text);
	const unsigned char *p = ossl_bytes(der);
	X509_CRL *crl =
	    ossl_own_crl(j->arena, d2i_X509_CRL(NULL, &p, (long)der.n));
	assert_non_null(crl);
	assert_true(sk_X509_CRL_push(list, crl) > 0);
	assert_int_equal(X509_STORE_CTX_init(ctx, ca->store, x, NULL), 1);
	X509_STORE_CTX_set0_crls(ctx, list);
	X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_CRL_CHECK);
	X509_STORE_CTX_set_time(ctx, 0, LAB_NOW);
	result = X509_verify_cert(ctx) == 1 ? X509_V_OK
					    : X509_STORE_CTX_get_error(ctx);
	sk_X509_CRL_free(list);
	return result;
}

/* The list of its own shard answers for a certificate; another shard's does
 * not, neither that it is good nor that it is revoked. */
static void
test_shards(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	const struct span none = { NULL, 0 };
	uint8_t serial[SERIAL_LEN];
	X509 *x = leaf(j, ca, serial);
	struct span number = span_mem(serial, sizeof(serial));
	(void)state;

	assert_int_equal(verdict(j, ca, x, LAB_CRL_URL, none), X509_V_OK);
	assert_int_equal(
	    verdict(j, ca, x, LAB_CRL_URL, number), X509_V_ERR_CERT_REVOKED);
	assert_int_equal(
	    verdict(j, ca, x, OTHER_URL, none), X509_V_ERR_DIFFERENT_CRL_SCOPE);
	assert_int_equal(verdict(j, ca, x, OTHER_URL, number),
	    X509_V_ERR_DIFFERENT_CRL_SCOPE);
	/* one for all: no shards */
	assert_int_equal(verdict(j, ca, x, NULL, none), X509_V_OK);
	assert_int_equal(
	    verdict(j, ca, x, NULL, number), X509_V_ERR_CERT_REVOKED);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_good),
	cmocka_unit_test(test_broken),
	cmocka_unit_test(test_reasons),
	cmocka_unit_test(test_root),
	cmocka_unit_test(test_signature),
	cmocka_unit_test(test_predecessor),
	cmocka_unit_test(test_shards),
};

UNIT_MAIN(tests)
