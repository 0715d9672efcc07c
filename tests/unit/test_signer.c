#include "config.h"

#include "pki/signer.h"

#include <openssl/evp.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/job.h"
#include "pki/der.h"
#include "pki/oid.h"
#include "pki/remote_key.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define DAY ((int64_t)86400)

/* A TBSCertificate of this signer with these extensions behind the AKI. */
static struct span
certificate_tbs_of(struct job *j, const struct signer *s, struct span subject,
    struct span extensions, int64_t from, int64_t to)
{
	struct span id = lab_der(j, 0x80, s->key_id);
	struct span aki = lab_extension(
	    j, OID_AUTHORITY_KEY_ID, false, lab_der(j, DER_SEQUENCE, id));
	struct buf b;

	buf_init(&b, j->arena, 8192);
	size_t mark = der_open(&b, DER_SEQUENCE);
	buf_add(&b, SPAN("\xa0\x03\x02\x01\x02\x02\x01\x05"));
	buf_add(&b, s->alg->der);
	buf_add(&b, s->name);
	size_t validity = der_open(&b, DER_SEQUENCE);
	der_add_time(&b, from);
	der_add_time(&b, to);
	der_close(&b, validity);
	buf_add(&b, subject);
	buf_add(&b, lab_spki(j, lab_key(KEY_TYPE_P256, 0)));
	size_t explicit = der_open(&b, DER_CONTEXT(3));
	size_t list = der_open(&b, DER_SEQUENCE);
	buf_add(&b, aki);
	buf_add(&b, extensions);
	der_close(&b, list);
	der_close(&b, explicit);
	der_close(&b, mark);
	assert_true(buf_ok(&b));
	return buf_span(&b);
}

static struct span
certificate_tbs(struct job *j, const struct signer *s, struct span subject,
    struct span extensions)
{
	return certificate_tbs_of(
	    j, s, subject, extensions, LAB_NOW, LAB_NOW + DAY);
}

static struct span
for_purpose(struct job *j, struct span purpose)
{
	return lab_extension(j, OID_EXT_KEY_USAGE, false,
	    lab_der(j, DER_SEQUENCE, lab_der(j, DER_OID, purpose)));
}

static struct span
extensions_of(struct job *j, enum signed_type type)
{
	if (type == SIGNED_SUBSCRIBER)
		return lab_join(j, for_purpose(j, OID_EMAIL_PROTECTION),
		    lab_extension(j, OID_SUBJECT_ALT_NAME, true,
			lab_der(j, DER_SEQUENCE,
			    lab_rfc822(j, "alice@example.org"))));
	if (type == SIGNED_RESPONDER)
		return lab_join(j, for_purpose(j, OID_OCSP_SIGNING),
		    lab_extension(
			j, OID_OCSP_NO_CHECK, false, SPAN("\x05\x00")));
	return lab_extension(j, OID_BASIC_CONSTRAINTS, true,
	    SPAN("\x30\x06\x01\x01\xff\x02\x01\x00"));
}

static struct span
tbs_of(struct job *j, const struct signer *s, enum signed_type type)
{
	struct span empty = lab_der(j, DER_SEQUENCE, SPAN(""));
	struct span d;

	switch (type) {
	case SIGNED_SUBSCRIBER:
	case SIGNED_CA:
	case SIGNED_RESPONDER:
		break;
	case SIGNED_CRL:
		d = lab_join(j, SPAN("\x02\x01\x01"), s->alg->der);
		return lab_der(j, DER_SEQUENCE, lab_join(j, d, s->name));
	case SIGNED_OCSP:
		d = lab_der(j, DER_CONTEXT(2),
		    lab_der(j, DER_OCTET_STRING, s->key_hash));
		d = lab_join(j, d,
		    SPAN("\x18\x0f"
			 "20261123120000Z"));
		return lab_der(j, DER_SEQUENCE, lab_join(j, d, empty));
	case SIGNED_REQUEST:
		d = lab_join(j, SPAN("\x02\x01\x00"), s->name);
		d = lab_join(j, d, lab_spki(j, s->public_key));
		return lab_der(
		    j, DER_SEQUENCE, lab_join(j, d, SPAN("\xa0\x00")));
	}
	return certificate_tbs(j, s, empty, extensions_of(j, type));
}

static const enum signed_type types[] = { SIGNED_SUBSCRIBER, SIGNED_CA,
	SIGNED_RESPONDER, SIGNED_CRL, SIGNED_OCSP, SIGNED_REQUEST };

static bool
is_signed(struct job *j, const struct signer *s, enum signed_type type,
    struct span tbs)
{
	struct span der;

	if (signer_sign(j, s, type, tbs, &der) == 0)
		return true;
	assert_non_null(strstr(j->err.text, "refused to sign"));
	job_recover(j);
	return false;
}

static struct signer
signer_of(enum ca_role role)
{
	struct signer s = lab_ca("p256")->signer;

	s.role = role;
	s.key_hash = SPAN("0123456789abcdefghij");
	return s;
}

/* PK-130, PK-177, PK-203: each signer signs its own kinds of structure, and no
 * structure passes under another tag than its own. */
static void
test_types(void **state)
{
	static const struct {
		enum ca_role role;
		bool may[COUNT(types)];
	} rows[] = {
		{ CA_ROLE_ISSUING, { true, false, true, true, false, true } },
		{ CA_ROLE_ROOT, { false, true, true, true, false, true } },
		{ CA_ROLE_RESPONDER,
		    { false, false, false, false, true, true } },
	};
	struct job *j = lab_job();
	(void)state;

	for (size_t r = 0; r < COUNT(rows); r++) {
		struct signer s = signer_of(rows[r].role);
		for (size_t k = 0; k < COUNT(types) * COUNT(types); k++) {
			size_t built = k / COUNT(types);
			size_t asked = k % COUNT(types);
			struct span tbs = tbs_of(j, &s, types[built]);

			unit_case("role %zu: %zu as %zu", r, built, asked);
			assert_int_equal(is_signed(j, &s, types[asked], tbs),
			    built == asked && rows[r].may[asked]);
		}
	}
}

/* PK-203: raw bytes, and what names another CA or algorithm. */
static void
test_others(void **state)
{
	struct job *j = lab_job();
	struct signer other = lab_ca("p384")->signer;
	(void)state;

	for (size_t k = 0; k < COUNT(types); k++) {
		enum ca_role role = types[k] == SIGNED_CA ? CA_ROLE_ROOT
				    : types[k] == SIGNED_OCSP
					? CA_ROLE_RESPONDER
					: CA_ROLE_ISSUING;
		struct signer s = signer_of(role);
		struct span tbs = tbs_of(j, &s, types[k]);

		other.role = role;
		other.key_hash = SPAN("another key's digest");
		unit_case("type %zu", k);
		assert_true(is_signed(j, &s, types[k], tbs));
		assert_false(
		    is_signed(j, &s, types[k], tbs_of(j, &other, types[k])));
		assert_false(is_signed(j, &s, types[k], SPAN("hello")));
		assert_false(is_signed(
		    j, &s, types[k], lab_join(j, tbs, SPAN("\x05\x00"))));
	}
}

/* PK-118, PK-203, SBR 6.3.2: no longer than such a certificate may be valid,
 * and from now on. */
static void
test_validity(void **state)
{
	static const struct {
		enum signed_type type;
		int64_t from, seconds; /* from now; with both ends */
		bool is_good;
	} rows[] = {
		{ SIGNED_RESPONDER, 0, 30 * DAY, true },
		{ SIGNED_RESPONDER, -300, 30 * DAY, true },
		{ SIGNED_RESPONDER, 0, 30 * DAY + 1, false },
		{ SIGNED_RESPONDER, 0, 3000 * DAY, false },
		{ SIGNED_RESPONDER, 0, 0, false },
		{ SIGNED_RESPONDER, -DAY, DAY, true },
		{ SIGNED_RESPONDER, -DAY - 1, DAY, false },
		{ SIGNED_RESPONDER, 2 * DAY, DAY, true },
		{ SIGNED_RESPONDER, 2 * DAY + 1, DAY, false },
		{ SIGNED_RESPONDER, 1000 * DAY, DAY, false },
		{ SIGNED_SUBSCRIBER, 0, 825 * DAY, true },
		{ SIGNED_SUBSCRIBER, 0, 825 * DAY + 1, false },
		{ SIGNED_SUBSCRIBER, 0, 0, false },
		{ SIGNED_SUBSCRIBER, -30 * DAY, 825 * DAY, true },
		{ SIGNED_SUBSCRIBER, -90 * DAY - 1, DAY, false },
		{ SIGNED_SUBSCRIBER, 2 * DAY + 1, DAY, false },
	};
	struct job *j = lab_job();
	struct signer s = signer_of(CA_ROLE_ISSUING);
	struct span empty = lab_der(j, DER_SEQUENCE, SPAN(""));
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t from = j->now + rows[i].from;
		struct span tbs = certificate_tbs_of(j, &s, empty,
		    extensions_of(j, rows[i].type), from,
		    from + rows[i].seconds - 1);

		unit_case("%zu", i);
		assert_int_equal(
		    is_signed(j, &s, rows[i].type, tbs), rows[i].is_good);
	}
}

/* The certificate of a responder goes with its answers (PK-165). */
static void
test_answer_carries_certificate(void **state)
{
	struct job *j = lab_job();
	struct signer s = signer_of(CA_ROLE_RESPONDER);
	struct span certificate = lab_der(j, DER_SEQUENCE, SPAN("\x05\x00"));
	struct span der;
	(void)state;

	s.certificate = certificate;
	assert_int_equal(
	    signer_sign(j, &s, SIGNED_OCSP, tbs_of(j, &s, SIGNED_OCSP), &der),
	    0);
	struct span tail =
	    lab_der(j, DER_CONTEXT(0), lab_der(j, DER_SEQUENCE, certificate));
	assert_true(der_is_strict(der));
	assert_true(der.n > tail.n);
	assert_true(span_eq(span_cut(der, der.n - tail.n, der.n), tail));
}

/* --- a key that another process has (PK-202) ------------------------------ */

/* A request is of a ceremony, which has its keys itself: no tag. */
static const char tags[] = { REMOTE_SUBSCRIBER, REMOTE_CA, REMOTE_RESPONDER,
	REMOTE_LIST, REMOTE_ANSWER, 0 };
_Static_assert(sizeof(tags) == COUNT(types), "a tag for each type");

/* The process at the other end. */
struct other {
	const struct ca *ca;
	char tag;      /* the last one */
	bool corrupts; /* one bit of each signature */
	bool gives_nothing;
};

static int
sign_there(struct job *j, void *context, const char *label, char tag,
    struct span tbs, struct span *signature)
{
	struct other *o = context;

	assert_string_equal(label, ca_key_label(o->ca));
	o->tag = tag;
	if (ca_signature(j, o->ca, tag, tbs, signature) < 0)
		return -1;
	if (o->corrupts) {
		unsigned char *octets =
		    arena_memdup(j->arena, signature->p, signature->n);

		octets[signature->n - 1] ^= 1;
		signature->p = (const char *)octets;
	}
	if (o->gives_nothing)
		signature->n = 0;
	return 0;
}

static int
ready_there(struct job *j, void *context, const char *label)
{
	(void)context;
	(void)label;
	return job_fail(j, ERR_BUSY, "away");
}

/* PK-202, PK-138: each structure under its own tag, and nothing but the key's
 * signature is taken. */
static void
test_remote(void **state)
{
	struct job *j = lab_job();
	struct other o = { .ca = lab_ca("p256") };
	const struct remote_key remote = { sign_there, ready_there, &o };
	struct signer s = o.ca->signer;
	unsigned char out[SIGNATURE_MAX];
	struct span der;
	size_t n;
	(void)state;

	s.key = remote_key_new(j->arena, &remote, ca_key_label(o.ca));
	for (size_t k = 0; k < COUNT(types); k++) {
		if (types[k] == SIGNED_CA || types[k] == SIGNED_OCSP)
			continue;
		unit_case("type %zu", k);
		struct span tbs = tbs_of(j, &s, types[k]);
		o.tag = 0;
		assert_int_equal(signer_sign(j, &s, types[k], tbs, &der),
		    tags[k] == 0 ? -1 : 0);
		assert_int_equal(o.tag, tags[k]);
		job_recover(j);
	}
	struct span tbs = tbs_of(j, &s, SIGNED_CRL);
	o.corrupts = true;
	assert_int_equal(signer_sign(j, &s, SIGNED_CRL, tbs, &der), -1);
	assert_job_error(j, ERR_INTERNAL,
	    "what the signer gave is no signature of this key");
	job_recover(j);
	o.gives_nothing = true;
	assert_int_equal(signer_sign(j, &s, SIGNED_CRL, tbs, &der), -1);
	job_recover(j);
	/* What it would refuse is not sent there. */
	o.tag = 0;
	assert_false(is_signed(j, &s, SIGNED_CRL, SPAN("hello")));
	assert_int_equal(o.tag, 0);
	/* Octets without a tag are not signed at all. */
	assert_int_equal(
	    signing_key_use(j, s.key, s.alg, SPAN("hello"), out, &n), -1);
	job_recover(j);
	assert_int_equal(s.key->ready(j, s.key->context), -1);
	assert_job_error(j, ERR_BUSY, "away");
	job_recover(j);
}

/* PK-203: the process that has the key looks itself: another tag, raw octets,
 * another CA's structure, another algorithm. */
static void
test_signature(void **state)
{
	struct job *j = lab_job();
	const struct ca *ca = lab_ca("p256");
	struct signer s = ca->signer;
	struct signer other = lab_ca("p384")->signer;
	struct signer renamed = s, stronger = s;
	struct span tbs, signature;
	(void)state;

	renamed.name = lab_der(j, DER_SEQUENCE, SPAN(""));
	stronger.alg = other.alg;
	for (size_t k = 0; k < COUNT(types) && tags[k] != 0; k++) {
		bool may = types[k] != SIGNED_CA && types[k] != SIGNED_OCSP;
		struct span foreign[] = { tbs_of(j, &other, types[k]),
			tbs_of(j, &renamed, types[k]),
			tbs_of(j, &stronger, types[k]), SPAN("hello"),
			SPAN("") };

		tbs = tbs_of(j, &s, types[k]);
		for (size_t n = 0; n < sizeof(tags); n++) {
			unit_case("%zu as %zu", k, n);
			int result =
			    ca_signature(j, ca, tags[n], tbs, &signature);
			assert_int_equal(result, may && n == k ? 0 : -1);
			if (result == 0)
				assert_true(signer_verify(&s, tbs, signature));
			job_recover(j);
		}
		for (size_t n = 0; n < COUNT(foreign); n++) {
			unit_case("%zu: foreign %zu", k, n);
			assert_int_equal(ca_signature(j, ca, tags[k],
					     foreign[n], &signature),
			    -1);
			assert_non_null(strstr(j->err.text, "refused to sign"));
			job_recover(j);
		}
		for (size_t n = 0; n < tbs.n; n++) {
			assert_int_equal(ca_signature(j, ca, tags[k],
					     span_cut(tbs, 0, n), &signature),
			    -1);
			job_recover(j);
		}
		for (int tag = 0; tag < 256; tag++) {
			if (memchr(tags, tag, sizeof(tags)) != NULL)
				continue;
			assert_int_equal(
			    ca_signature(j, ca, (char)tag, tbs, &signature),
			    -1);
			assert_non_null(strstr(j->err.text, "refused to sign"));
			job_recover(j);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_remote),
	cmocka_unit_test(test_signature),
	cmocka_unit_test(test_types),
	cmocka_unit_test(test_validity),
	cmocka_unit_test(test_others),
	cmocka_unit_test(test_answer_carries_certificate),
};

UNIT_MAIN(tests)
