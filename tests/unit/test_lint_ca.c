/*
 * Lints of CA and responder certificates: PK-116 to PK-129, PK-132, PK-133,
 * PK-135; L-50 to L-58.  A good certificate of each kind, then each rule
 * broken once in a hand-made one.
 */
#include "config.h"

#include <string.h>

#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "pki/ca_build.h"
#include "pki/certfield.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define DAY ((int64_t)86400)

#define ALG_P384 "300a06082a8648ce3d040303"
#define ALG_P256 "300a06082a8648ce3d040302"
#define ALG_RSA_SHA256 "300d06092a864886f70d01010b0500"
#define ALG_RSA_SHA384 "300d06092a864886f70d01010c0500"
#define ALG_RSA_SHA512 "300d06092a864886f70d01010d0500"
#define ALG_SHA1 "300906072a8648ce3d0401"
#define C_DE "310b3009060355040613024445"
#define O_EX "310b3009060355040a0c024578"
#define CN_ROOT "310b300906035504030c025278"
#define CN_ROOT_PRINTABLE "310b3009060355040313025278"
#define CN_SUB "310b300906035504030c024978"
#define ROOT_NAME "3027" C_DE O_EX CN_ROOT
#define SUB_NAME "3027" C_DE O_EX CN_SUB
#define ROOT_ID "0101010101010101010101010101010101010101"
#define SUB_ID "0202020202020202020202020202020202020202"
#define BC "551d13"
#define KU "551d0f"
#define SKI "551d0e"
#define AKI "551d23"
#define EKU "551d25"
#define CP "551d20"
#define CDP "551d1f"
#define AIA "2b06010505070101"
#define NC "551d1e"
#define NOCHECK "2b0601050507300105"
#define MAIL "06082b06010505070304"
#define OCSP_SIGNING "06082b06010505070309"

struct ext {
	const char *oid;
	bool critical;
	const char *value;
};

/* "http://a.b/c" */
#define URL "860c687474703a2f2f612e622f63"
#define GOOD_CDP "30143012a010a00e" URL
#define GOOD_AIA "301a301806082b06010505073002" URL
#define GOOD_CP "300b3009060767810c01050103"

static const struct ext root_exts[] = {
	{ BC, true, "30030101ff" },
	{ KU, true, "03020106" },
	{ SKI, false, "0414" ROOT_ID },
	{ NULL, false, NULL },
};
static const struct ext issuing_exts[] = {
	{ BC, true, "30060101ff020100" },
	{ KU, true, "03020106" },
	{ SKI, false, "0414" SUB_ID },
	{ AKI, false, "30168014" ROOT_ID },
	{ EKU, false, "300a" MAIL },
	{ CP, false, GOOD_CP },
	{ CDP, false, GOOD_CDP },
	{ AIA, false, GOOD_AIA },
	{ NULL, false, NULL },
};
static const struct ext responder_exts[] = {
	{ KU, true, "03020780" },
	{ SKI, false, "0414" SUB_ID },
	{ AKI, false, "30168014" ROOT_ID },
	{ EKU, false, "300a" OCSP_SIGNING },
	{ NOCHECK, false, "0500" },
	{ NULL, false, NULL },
};
static const struct ext *const good[] = { root_exts, issuing_exts,
	responder_exts };

/* What differs from a good one; NULL or 0: nothing. */
struct odd {
	const char *what;
	enum ca_kind kind;
	const char *lint;    /* how the refusal begins; NULL: accepted */
	const char *drop;    /* an extension's OID */
	struct ext add;      /* in place of the same one, or at the end */
	const char *subject; /* hex */
	const char *algorithm;
	int64_t days;
	int64_t from;
	enum key_type key_type;
	int key_bits;
	bool has_key;
	bool has_rsa_signer; /* with 4096 bits, and not P-384 */
	bool is_demonstration;
};

static void
add_ext(struct job *j, struct buf *b, const struct ext *e)
{
	struct extension_mark m =
	    extension_open(b, lab_hex(j, e->oid), e->critical);
	buf_add(b, lab_hex(j, e->value));
	extension_close(b, m);
}

static void
add_exts(struct job *j, struct buf *b, const struct odd *o)
{
	bool is_added = o->add.oid == NULL;
	size_t explicit = der_open(b, DER_CONTEXT(3));
	size_t list = der_open(b, DER_SEQUENCE);

	for (const struct ext *e = good[o->kind]; e->oid != NULL; e++) {
		if (o->drop != NULL && strcmp(o->drop, e->oid) == 0)
			continue;
		if (o->add.oid != NULL && strcmp(o->add.oid, e->oid) == 0) {
			add_ext(j, b, &o->add);
			is_added = true;
		} else
			add_ext(j, b, e);
	}
	if (!is_added)
		add_ext(j, b, &o->add);
	der_close(b, list);
	der_close(b, explicit);
}

static struct span
make_tbs(struct job *j, const struct odd *o)
{
	bool is_root = o->kind == CA_KIND_ROOT;
	int64_t days = o->days != 0 ? o->days : ca_profile_for(o->kind)->days;
	int64_t from = o->from != 0 ? o->from : LAB_NOW;
	const char *subject = o->subject != NULL ? o->subject
			      : is_root          ? ROOT_NAME
						 : SUB_NAME;
	enum key_type type = o->has_key                     ? o->key_type
			     : o->kind == CA_KIND_RESPONDER ? KEY_TYPE_P256
							    : KEY_TYPE_P384;
	struct buf b;

	buf_init(&b, j->arena, 8192);
	size_t mark = der_open(&b, DER_SEQUENCE);
	field_head(&b, SPAN("\x01\x02"),
	    lab_hex(j, o->algorithm != NULL ? o->algorithm : ALG_P384),
	    lab_hex(j, is_root && o->subject != NULL ? o->subject : ROOT_NAME));
	field_validity(&b, from, from + days * DAY - 1);
	buf_add(&b, lab_hex(j, subject));
	buf_add(&b, lab_spki(j, lab_key(type, o->key_bits)));
	add_exts(j, &b, o);
	der_close(&b, mark);
	assert_true(buf_ok(&b));
	return buf_span(&b);
}

static void
check(struct job *j, const struct odd *o)
{
	const struct lint_ca_issuer issuer = { lab_hex(j, ROOT_NAME),
		lab_hex(j, ROOT_ID),
		o->has_rsa_signer ? lab_key(KEY_TYPE_RSA, 4096)
				  : lab_key(KEY_TYPE_P384, 0),
		LAB_NOW, LAB_NOW + 1826 * DAY };
	const struct lint_ca_input in = { o->kind,
		o->kind == CA_KIND_ROOT ? NULL : &issuer, o->is_demonstration };
	struct certview v;

	unit_case("%s: %s", ca_profile_for(o->kind)->name, o->what);
	assert_int_equal(certview_parse_tbs(make_tbs(j, o), &v), 0);
	const char *said = lint_ca(j->arena, &in, &v);
	if (o->lint == NULL) {
		if (said != NULL)
			fail_msg("%s", said);
		return;
	}
	if (said == NULL)
		fail_msg("accepted");
	if (strncmp(said, o->lint, strlen(o->lint)) != 0)
		fail_msg("expected %s, got: %s", o->lint, said);
}

#define R .kind = CA_KIND_ROOT
#define I .kind = CA_KIND_ISSUING
#define O .kind = CA_KIND_RESPONDER
#define KEY(type, bits) .has_key = true, .key_type = (type), .key_bits = (bits)

static const struct odd cases[] = {
	{ .what = "good", R },
	{ .what = "good", I },
	{ .what = "good", O },
	/* L-50 */
	{ .what = "RSA 4096", I, KEY(KEY_TYPE_RSA, 4096) },
	{ .what = "RSA 3072", I, .lint = "L-50", KEY(KEY_TYPE_RSA, 3072) },
	{ .what = "RSA 3072, demonstration",
	    I,
	    .is_demonstration = true,
	    KEY(KEY_TYPE_RSA, 3072) },
	{ .what = "RSA 2048, demonstration",
	    I,
	    .is_demonstration = true,
	    .lint = "L-50",
	    KEY(KEY_TYPE_RSA, 2048) },
	{ .what = "P-256", R, .lint = "L-50", KEY(KEY_TYPE_P256, 0) },
	{ .what = "P-521", R, .lint = "L-50", KEY(KEY_TYPE_P521, 0) },
	{ .what = "Ed25519", I, .lint = "L-50", KEY(KEY_TYPE_ED25519, 0) },
	{ .what = "RSA 2048", O, KEY(KEY_TYPE_RSA, 2048) },
	{ .what = "P-384", O, .lint = "L-50", KEY(KEY_TYPE_P384, 0) },
	{ .what = "unknown extension",
	    I,
	    .lint = "L-50",
	    .add = { "551d11", false, "3000" } },
	/* L-51 */
	{ .what = "SHA-1", R, .lint = "L-51", .algorithm = ALG_SHA1 },
	{ .what = "SHA-1", I, .lint = "L-51", .algorithm = ALG_SHA1 },
	{ .what = "SHA-1", O, .lint = "L-51", .algorithm = ALG_SHA1 },
	/* L-51: what follows from the signer's key (PK-117) */
	{ .what = "P-384 with SHA-256",
	    R,
	    .lint = "L-51",
	    .algorithm = ALG_P256 },
	{ .what = "P-384 with SHA-256",
	    I,
	    .lint = "L-51",
	    .algorithm = ALG_P256 },
	{ .what = "P-384 with SHA-256",
	    O,
	    .lint = "L-51",
	    .algorithm = ALG_P256 },
	{ .what = "ECDSA with an RSA key",
	    R,
	    .lint = "L-51",
	    KEY(KEY_TYPE_RSA, 4096) },
	{ .what = "RSA with a P-384 key",
	    I,
	    .lint = "L-51",
	    .algorithm = ALG_RSA_SHA384 },
	{ .what = "RSA root, SHA-384",
	    R,
	    .algorithm = ALG_RSA_SHA384,
	    KEY(KEY_TYPE_RSA, 4096) },
	{ .what = "RSA root, SHA-256",
	    R,
	    .lint = "L-51",
	    .algorithm = ALG_RSA_SHA256,
	    KEY(KEY_TYPE_RSA, 4096) },
	{ .what = "signed by RSA, SHA-384",
	    I,
	    .has_rsa_signer = true,
	    .algorithm = ALG_RSA_SHA384 },
	{ .what = "signed by RSA, SHA-256",
	    I,
	    .lint = "L-51",
	    .has_rsa_signer = true,
	    .algorithm = ALG_RSA_SHA256 },
	{ .what = "signed by RSA, SHA-512",
	    I,
	    .lint = "L-51",
	    .has_rsa_signer = true,
	    .algorithm = ALG_RSA_SHA512 },
	/* L-52 */
	{ .what = "ten years and their leap days", R, .days = 3653 },
	{ .what = "a day more", R, .lint = "L-52", .days = 3654 },
	{ .what = "until its signer ends", I, .days = 1826 },
	{ .what = "longer than its signer", I, .lint = "L-52", .days = 1827 },
	{ .what = "longer than five years", I, .lint = "L-52", .days = 1828 },
	{ .what = "31 days", O, .lint = "L-52", .days = 31 },
	/* L-53 */
	{ .what = "no C", I, .lint = "L-53", .subject = "301a" O_EX CN_SUB },
	{ .what = "no O", I, .lint = "L-53", .subject = "301a" C_DE CN_SUB },
	{ .what = "no CN", R, .lint = "L-53", .subject = "301a" C_DE O_EX },
	{ .what = "two CN",
	    I,
	    .lint = "L-53",
	    .subject = "3034" C_DE O_EX CN_SUB CN_SUB },
	{ .what = "C as UTF8String",
	    I,
	    .lint = "L-53",
	    .subject = "3027310b300906035504060c024445" O_EX CN_SUB },
	{ .what = "CN as BMPString",
	    I,
	    .lint = "L-53",
	    .subject = "3027" C_DE O_EX "310b300906035504031e020049" },
	{ .what = "empty O",
	    I,
	    .lint = "L-53",
	    .subject = "3025" C_DE "31093007060355040a0c00" CN_SUB },
	{ .what = "its signer's subject",
	    I,
	    .lint = "L-53",
	    .subject = ROOT_NAME },
	/* PK-119: the CN alone must be another; names that name somebody. */
	{ .what = "its signer's CN, as a PrintableString",
	    I,
	    .lint = "L-53",
	    .subject =
		"3027" C_DE "310b3009060355040a0c024579" CN_ROOT_PRINTABLE },
	{ .what = "a generic CN",
	    I,
	    .lint = "L-53",
	    .subject = "3027" C_DE O_EX "310b300906035504030c024341" },
	{ .what = "a generic CN of a root",
	    R,
	    .lint = "L-53",
	    .subject = "3029" C_DE O_EX "310d300b06035504030c04526f6f74" },
	{ .what = "a generic O",
	    I,
	    .lint = "L-53",
	    .subject = "3027" C_DE "310b3009060355040a13026361" CN_SUB },
	{ .what = "an O of punctuation",
	    I,
	    .lint = "L-53",
	    .subject = "3027" C_DE "310b3009060355040a0c022e2d" CN_SUB },
	{ .what = "a CN that only begins so",
	    I,
	    .subject = "3028" C_DE O_EX "310c300a06035504030c03434131" },
	/* L-54 */
	{ .what = "no basicConstraints", R, .lint = "L-54", .drop = BC },
	{ .what = "not critical",
	    R,
	    .lint = "L-54",
	    .add = { BC, false, "30030101ff" } },
	{ .what = "pathLen in a root",
	    R,
	    .lint = "L-54",
	    .add = { BC, true, "30060101ff020101" } },
	{ .what = "no pathLen",
	    I,
	    .lint = "L-54",
	    .add = { BC, true, "30030101ff" } },
	{ .what = "pathLen 1",
	    I,
	    .lint = "L-54",
	    .add = { BC, true, "30060101ff020101" } },
	{ .what = "not a CA", I, .lint = "L-54", .add = { BC, true, "3000" } },
	{ .what = "basicConstraints",
	    O,
	    .lint = "L-54",
	    .add = { BC, true, "3000" } },
	{ .what = "no keyUsage", R, .lint = "L-54", .drop = KU },
	{ .what = "digitalSignature too",
	    I,
	    .lint = "L-54",
	    .add = { KU, true, "03020186" } },
	{ .what = "keyUsage not critical",
	    I,
	    .lint = "L-54",
	    .add = { KU, false, "03020106" } },
	{ .what = "keyCertSign",
	    O,
	    .lint = "L-54",
	    .add = { KU, true, "03020284" } },
	/* L-55 */
	{ .what = "extKeyUsage",
	    R,
	    .lint = "L-55",
	    .add = { EKU, false, "300a" MAIL } },
	{ .what = "no extKeyUsage", I, .lint = "L-55", .drop = EKU },
	{ .what = "critical",
	    I,
	    .lint = "L-55",
	    .add = { EKU, true, "300a" MAIL } },
	{ .what = "clientAuth too",
	    I,
	    .add = { EKU, false, "3014" MAIL "06082b06010505070302" } },
	/* PK-2: the second before 2027-07-01, and the first of it. */
	{ .what = "clientAuth too, before its end",
	    I,
	    .days = 30,
	    .from = 1814400000 - 1,
	    .add = { EKU, false, "3014" MAIL "06082b06010505070302" } },
	{ .what = "clientAuth too, since its end",
	    I,
	    .days = 30,
	    .from = 1814400000,
	    .lint = "L-55",
	    .add = { EKU, false, "3014" MAIL "06082b06010505070302" } },
	{ .what = "clientAuth alone",
	    I,
	    .lint = "L-55",
	    .add = { EKU, false, "300a06082b06010505070302" } },
	{ .what = "OCSPSigning too",
	    I,
	    .lint = "L-55",
	    .add = { EKU, false, "3014" MAIL OCSP_SIGNING } },
	{ .what = "serverAuth too",
	    I,
	    .lint = "L-55",
	    .add = { EKU, false, "3014" MAIL "06082b06010505070301" } },
	{ .what = "any",
	    I,
	    .lint = "L-55",
	    .add = { EKU, false, "3010" MAIL "0604551d2500" } },
	{ .what = "emailProtection too",
	    O,
	    .lint = "L-55",
	    .add = { EKU, false, "3014" OCSP_SIGNING MAIL } },
	/* L-56: PK-123, PK-126, PK-127, PK-128 */
	{ .what = "policies",
	    R,
	    .lint = "L-56",
	    .add = { CP, false, GOOD_CP } },
	{ .what = "policies",
	    O,
	    .lint = "L-56",
	    .add = { CP, false, GOOD_CP } },
	{ .what = "no policies", I, .lint = "L-56", .drop = CP },
	{ .what = "policies critical",
	    I,
	    .lint = "L-56",
	    .add = { CP, true, GOOD_CP } },
	{ .what = "anyPolicy beside ours",
	    I,
	    .lint = "L-56",
	    .add = { CP, false,
		"301330060604551d2000"
		"3009060767810c01050103" } },
	{ .what = "anyPolicy",
	    I,
	    .lint = "L-56",
	    .add = { CP, false, "300830060604551d2000" } },
	{ .what = "an own policy beside ours",
	    I,
	    .add = { CP, false,
		"3014"
		"3009060767810c01050103"
		"30070605"
		"2b06010401" } },
	{ .what = "a policy twice",
	    I,
	    .lint = "L-56",
	    .add = { CP, false,
		"3016"
		"3009060767810c01050103"
		"3009060767810c01050103" } },
	{ .what = "a reserved policy of others",
	    I,
	    .lint = "L-56",
	    .add = { CP, false,
		"3016"
		"3009060767810c01050103"
		"3009060767810c01050303" } },
	{ .what = "an own policy alone",
	    I,
	    .lint = "L-56",
	    .add = { CP, false, "30073005060322030a" } },
	{ .what = "CRL point",
	    R,
	    .lint = "L-56",
	    .add = { CDP, false, GOOD_CDP } },
	{ .what = "CRL point",
	    O,
	    .lint = "L-56",
	    .add = { CDP, false, GOOD_CDP } },
	{ .what = "no CRL point", I, .lint = "L-56", .drop = CDP },
	{ .what = "CRL point critical",
	    I,
	    .lint = "L-56",
	    .add = { CDP, true, GOOD_CDP } },
	{ .what = "CRL point: ldap",
	    I,
	    .lint = "L-56",
	    .add = { CDP, false,
		"30143012a010a00e860c6c6461703a2f2f612e622f63" } },
	{ .what = "two CRL points",
	    I,
	    .lint = "L-56",
	    .add = { CDP, false, "30283012a010a00e" URL "3012a010a00e" URL } },
	{ .what = "AIA", R, .lint = "L-56", .add = { AIA, false, GOOD_AIA } },
	{ .what = "no AIA", I, .lint = "L-56", .drop = AIA },
	{ .what = "AIA: OCSP",
	    I,
	    .lint = "L-56",
	    .add = { AIA, false, "301a301806082b06010505073001" URL } },
	{ .what = "name constraints",
	    I,
	    .add = { NC, true,
		"3009a0073005810361"
		"2e62" } },
	{ .what = "not critical",
	    I,
	    .lint = "L-56",
	    .add = { NC, false,
		"3009a0073005810361"
		"2e62" } },
	{ .what = "excluded",
	    I,
	    .lint = "L-56",
	    .add = { NC, true,
		"3009a1073005810361"
		"2e62" } },
	{ .what = "a mailbox",
	    I,
	    .lint = "L-56",
	    .add = { NC, true,
		"300ba00930078105614061"
		"2e62" } },
	{ .what = "a DNS name",
	    I,
	    .lint = "L-56",
	    .add = { NC, true,
		"3009a0073005820361"
		"2e62" } },
	{ .what = "name constraints",
	    R,
	    .lint = "L-56",
	    .add = { NC, true,
		"3009a0073005810361"
		"2e62" } },
	/* L-57: PK-124, PK-125 */
	{ .what = "no subject key", R, .lint = "L-57", .drop = SKI },
	{ .what = "AKI",
	    R,
	    .lint = "L-57",
	    .add = { AKI, false, "30168014" ROOT_ID } },
	{ .what = "no AKI", I, .lint = "L-57", .drop = AKI },
	{ .what = "another's AKI",
	    I,
	    .lint = "L-57",
	    .add = { AKI, false, "30168014" SUB_ID } },
	{ .what = "AKI with serial",
	    I,
	    .lint = "L-57",
	    .add = { AKI, false, "30198014" ROOT_ID "820101" } },
	{ .what = "no AKI", O, .lint = "L-57", .drop = AKI },
	{ .what = "another's AKI",
	    O,
	    .lint = "L-57",
	    .add = { AKI, false, "30168014" SUB_ID } },
	/* L-58 */
	{ .what = "no nocheck", O, .lint = "L-58", .drop = NOCHECK },
	{ .what = "nocheck critical",
	    O,
	    .lint = "L-58",
	    .add = { NOCHECK, true, "0500" } },
	{ .what = "nocheck not NULL",
	    O,
	    .lint = "L-58",
	    .add = { NOCHECK, false, "3000" } },
	{ .what = "nocheck",
	    I,
	    .lint = "L-58",
	    .add = { NOCHECK, false, "0500" } },
};

static void
test_each_rule(void **state)
{
	struct job *j = lab_job();
	(void)state;

	for (size_t i = 0; i < COUNT(cases); i++)
		check(j, &cases[i]);
}

/* PK-117: the algorithm inside and the one outside. */
static void
test_two_algorithms(void **state)
{
	const struct odd o = { .what = "two algorithms", R };
	const struct lint_ca_input in = { CA_KIND_ROOT, NULL, false };
	struct job *j = lab_job();
	struct certview v;
	(void)state;

	assert_int_equal(certview_parse_tbs(make_tbs(j, &o), &v), 0);
	v.outer_algorithm = v.inner_algorithm;
	assert_null(lint_ca(j->arena, &in, &v));
	v.outer_algorithm = lab_hex(j, "300a06082a8648ce3d040302");
	assert_int_equal(strncmp(lint_ca(j->arena, &in, &v), "L-51", 4), 0);
}

/* PK-210, and a key that cannot be opened with other secrets. */
static void
test_keys(void **state)
{
	static const char *const types[] = { "p384", "rsa4096" };
	struct job *j = lab_job();
	const char *path =
	    arena_printf(j->arena, "%s/sealed.pem", lab_folder());
	struct span pem;
	EVP_PKEY *again;
	(void)state;

	assert_null(ca_key_generate(j->arena, "rsa2048"));
	for (size_t i = 0; i < COUNT(types); i++) {
		EVP_PKEY *key = ca_key_generate(j->arena, types[i]);

		unit_case("%s", types[i]);
		assert_int_equal(ca_key_check(j, key), 0);
		assert_int_equal(ca_key_seal(j, key, SPAN("right"), &pem), 0);
		assert_int_equal(file_write(j, path, 0400, pem), 0);
		assert_int_equal(
		    ca_key_open(j, path, SPAN("right"), &again), 0);
		assert_int_equal(EVP_PKEY_eq(key, again), 1);
		assert_int_equal(
		    ca_key_open(j, path, SPAN("wrong"), &again), -1);
		assert_non_null(strstr(j->err.text, "do not open it"));
		job_recover(j);
	}
}

/* PK-128: the extension as it is written. */
static void
test_permitted(void **state)
{
	static const struct {
		const char *host;
		bool is_good;
	} hosts[] = { { "example.org", true }, { ".example.org", true },
		{ "", false }, { ".", false }, { "alice@example.org", false },
		{ "localhost", false }, { "a..b", false } };
	static const char *const list[] = { "a.b", ".a.b" };
	struct job *j = lab_job();
	struct buf b;
	(void)state;

	for (size_t i = 0; i < COUNT(hosts); i++) {
		unit_case("%s", hosts[i].host);
		assert_int_equal(
		    ca_permitted_problem(span_str(hosts[i].host)) == NULL,
		    hosts[i].is_good);
	}
	buf_init(&b, j->arena, 256);
	extension_permitted_hosts(&b, list, 2);
	assert_string_equal(hex_dup(j->arena, buf_span(&b)),
	    "301d0603551d1e0101ff04133011a00f3005810361"
	    "2e62"
	    "300681042e61"
	    "2e62");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_each_rule),
	cmocka_unit_test(test_two_algorithms),
	cmocka_unit_test(test_keys),
	cmocka_unit_test(test_permitted),
};

UNIT_MAIN(tests)
