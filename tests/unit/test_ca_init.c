/*
 * Making a CA: PK-116 to PK-127, PK-130, PK-132, PK-133, PK-137, PK-201; L-50
 * to L-57 where they concern the two certificates made here.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "pki/certview.h"
#include "pki/key.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

static const char *const names[] = { "root.pem", "root-key.pem", "issuing.pem",
	"issuing-key.pem", "ca-passphrase", "root.crl" };
static const mode_t modes[] = { 0444, 0400, 0444, 0400, 0400, 0444 };

static X509 *
read_pem(struct job *j, const char *path)
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	X509 *x = ossl_own_x509(j->arena, PEM_read_X509(f, NULL, NULL, NULL));
	fclose(f);
	assert_non_null(x);
	return x;
}

static const char *
value_hex(struct job *j, const struct certview *v, struct span oid)
{
	const struct cert_extension *e = certview_extension(v, oid);

	return e == NULL ? "absent"
			 : arena_printf(j->arena, "%s%s",
			       e->critical ? "critical " : "",
			       hex_dup(j->arena, e->value));
}

/* Section 10's table, to the octet. */
static void
test_certificates(void **state)
{
	static const struct {
		const char *type, *algorithm;
	} types[] = {
		{ "p256", "300a06082a8648ce3d040302" },
		{ "p384", "300a06082a8648ce3d040303" },
		{ "rsa3072", "300d06092a864886f70d01010c0500" },
	};
	struct job *j = lab_job();
	(void)state;

	for (size_t i = 0; i < COUNT(types); i++) {
		struct certview root;
		struct certview issuing;
		struct span root_id;
		struct span id;

		unit_case("%s", types[i].type);
		lab_ca(types[i].type);
		const char *folder = lab_ca_folder(types[i].type);
		X509 *r = read_pem(j, lab_path(j, folder, names[0]));
		X509 *s = read_pem(j, lab_path(j, folder, names[2]));
		assert_int_equal(certview_parse(lab_x509_der(j, r), &root), 0);
		assert_int_equal(
		    certview_parse(lab_x509_der(j, s), &issuing), 0);
		assert_int_equal(X509_verify(r, X509_get0_pubkey(r)), 1);
		assert_int_equal(X509_verify(s, X509_get0_pubkey(r)), 1);
		assert_string_equal(hex_dup(j->arena, root.inner_algorithm),
		    types[i].algorithm);
		assert_string_equal(hex_dup(j->arena, issuing.inner_algorithm),
		    types[i].algorithm);

		assert_string_equal(value_hex(j, &root, OID_BASIC_CONSTRAINTS),
		    "critical 30030101ff");
		assert_string_equal(
		    value_hex(j, &issuing, OID_BASIC_CONSTRAINTS),
		    "critical 30060101ff020100");
		assert_string_equal(
		    value_hex(j, &root, OID_KEY_USAGE), "critical 03020106");
		assert_string_equal(
		    value_hex(j, &issuing, OID_KEY_USAGE), "critical 03020106");
		assert_string_equal(value_hex(j, &issuing, OID_EXT_KEY_USAGE),
		    "300a06082b06010505070304");
		/* PK-123, PK-125, PK-126: not critical, and none in a root */
		assert_string_equal(value_hex(j, &issuing, OID_POLICIES),
		    "30163009060767810c01050102"
		    "3009060767810c01050103");
		const char *crl = value_hex(j, &issuing, OID_CRL_POINTS);
		assert_non_null(
		    strstr(crl, hex_dup(j->arena,
				    SPAN("http://crl.example.com/root.crl"))));
		assert_non_null(strstr(
		    value_hex(j, &issuing, OID_AUTHORITY_INFO),
		    hex_dup(j->arena, SPAN("http://ca.example.com/root.cer"))));
		assert_int_equal(certview_subject_key_id(&root, &root_id), 1);
		assert_int_equal(certview_authority_key_id(&issuing, &id), 1);
		assert_true(span_eq(id, root_id));
		assert_int_equal(root.extension_count, 3);
		assert_int_equal(issuing.extension_count, 8);

		/* PK-118, PK-119 */
		assert_int_equal(root.not_after - root.not_before + 1,
		    (int64_t)3650 * 86400);
		assert_int_equal(issuing.not_after - issuing.not_before + 1,
		    (int64_t)1825 * 86400);
		assert_string_equal(hex_dup(j->arena, root.subject),
		    "3048310b3009060355040613024445311a3018060355040a0c11"
		    "4578616d706c65204d61696c20476d6248311d301b06035504030c14"
		    "4578616d706c65204d61696c20526f6f74204341");
		assert_true(span_eq(root.subject, root.issuer));
		assert_true(span_eq(issuing.issuer, root.subject));
		assert_false(span_eq(issuing.subject, root.subject));
		assert_int_equal(issuing.serial.n, 17);
		assert_false(span_eq(issuing.serial, root.serial));
	}
}

/* A whole certificate of section 10, but for numbers and keys: A algorithm, K
 * key, N serial number, R the root's key identifier, S its own, T times, X its
 * subject, Z signature. */
#define DN(name)                                                               \
	"30{ 31{30{ 0603550406 13{'DE'} }} "                                   \
	"31{30{ 060355040a 0c{'Example Mail GmbH'} }} "                        \
	"31{30{ 0603550403 0c{'" name "'} }} } "
#define ROOT_DN DN("Example Mail Root CA")
#define BEGIN "30{ 30{ a0{ 020102 } 02{ N } A " ROOT_DN "T X K a3{30{ "
#define END "}} } A 03{ 00 Z } }"
#define BASIC_AND_USAGE(constraints)                                           \
	"30{ 0603551d13 0101ff 04{ 30{ " constraints " } } } "                 \
	"30{ 0603551d0f 0101ff 04{ 03020106 } } "                              \
	"30{ 0603551d0e 04{ 04{ S } } } "

static const char golden_root[] = BEGIN BASIC_AND_USAGE("0101ff") END;
static const char golden_issuing[] = BEGIN BASIC_AND_USAGE(
    "0101ff 020100") "30{ 0603551d23 04{ 30{ 80{ R } } } } "
		     "30{ 0603551d25 04{ 30{ 06082b06010505070304 } } } "
		     "30{ 0603551d20 04{ 30{ 30{ 060767810c01050102 } "
		     "30{ 060767810c01050103 } } } } "
		     "30{ 0603551d1f 04{ 30{ 30{ a0{ a0{ "
		     "86{'http://crl.example.com/root.crl'} } } } } } } "
		     "30{ 06082b06010505070101 04{ 30{ 30{ "
		     "06082b06010505073002 "
		     "86{'http://ca.example.com/root.cer'} } } } } " END;

struct golden {
	const char *type, *algorithm, *key; /* B: what is random in it */
	size_t random;                      /* octets of that */
};

/* Certificate i of the folder: 0 the root, 2 the issuing CA. */
static struct certview
check_golden(struct job *j, const struct golden *g, size_t i, struct span above)
{
	X509 *x = read_pem(j, lab_path(j, lab_ca_folder(g->type), names[i]));
	struct span der = lab_x509_der(j, x);
	struct span words[LAB_WORDS] = { { NULL, 0 } };
	uint8_t digest[SHA256_LEN];
	struct certview v;
	struct span bits;
	enum key_type type;
	size_t after = g->random > 96 ? 5 : 0; /* RSA: e */

	unit_case("%s %s", g->type, names[i]);
	assert_int_equal(certview_parse(der, &v), 0);
	assert_int_equal(spki_split(v.spki, &type, &bits), 0);
	words['B' - 'A'] =
	    span_cut(bits, bits.n - after - g->random, bits.n - after);
	words['A' - 'A'] = lab_hex(j, g->algorithm);
	words['K' - 'A'] = lab_notation(j, g->key, words);
	words['N' - 'A'] = v.serial;
	words['R' - 'A'] = above;
	sha256(bits, digest);
	words['S' - 'A'] = lab_copy(j, span_mem(digest, 20));
	words['T' - 'A'] = lab_notation(j,
	    i == 0 ? "30{ 17{'261123110000Z'} 17{'361120105959Z'} }"
		   : "30{ 17{'261123110000Z'} 17{'311122105959Z'} }",
	    words);
	words['X' - 'A'] = lab_notation(
	    j, i == 0 ? ROOT_DN : DN("Example Mail Issuing CA"), words);
	words['Z' - 'A'] = v.signature;
	assert_string_equal(hex_dup(j->arena, der),
	    hex_dup(j->arena,
		lab_notation(j, i == 0 ? golden_root : golden_issuing, words)));
	v.spki = words['S' - 'A'];
	return v;
}

#define RSA_KEY                                                                \
	"30{ 300d06092a864886f70d0101010500 "                                  \
	"03{ 00 30{ 02{ 00 B } 0203010001 } } }"

/* PK-88, PK-98, PK-116 to PK-127: each octet, for each type of key. */
static void
test_golden(void **state)
{
	static const struct golden types[] = {
		{ "p256", "300a06082a8648ce3d040302",
		    "30{ 301306072a8648ce3d020106082a8648ce3d030107 "
		    "03{ 00 04 B } }",
		    64 },
		{ "p384", "300a06082a8648ce3d040303",
		    "30{ 301006072a8648ce3d020106052b81040022 03{ 00 04 B } }",
		    96 },
		{ "rsa3072", "300d06092a864886f70d01010c0500", RSA_KEY, 384 },
		{ "rsa4096", "300d06092a864886f70d01010c0500", RSA_KEY, 512 },
	};
	struct job *j = lab_job();
	(void)state;

	for (size_t i = 0; i < COUNT(types); i++) {
		struct certview root, issuing;

		lab_ca(types[i].type);
		root = check_golden(j, &types[i], 0, (struct span){ NULL, 0 });
		issuing = check_golden(j, &types[i], 2, root.spki);
		assert_int_equal(root.serial.n, 17);
		assert_int_equal(issuing.serial.n, 17);
		if (types[i].random > 96)
			assert_int_equal(issuing.signature.n, types[i].random);
	}
}

/* PK-201: modes, encryption, passphrase; the root's list (PK-156). */
static void
test_files(void **state)
{
	struct job *j = lab_job();
	struct stat st;
	(void)state;

	lab_ca("p256");
	const char *folder = lab_ca_folder("p256");
	for (size_t i = 0; i < COUNT(names); i++) {
		unit_case("%s", names[i]);
		assert_int_equal(stat(lab_path(j, folder, names[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, modes[i]);
	}
	assert_int_equal(
	    lab_file(j, lab_path(j, folder, "ca-passphrase")).n, 43);
	struct span key = lab_file(j, lab_path(j, folder, "root-key.pem"));
	assert_true(
	    span_starts(key, SPAN("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")));
	BIO *bio = BIO_new_mem_buf(key.p, (int)key.n);
	X509_SIG *sig = PEM_read_bio_PKCS8(bio, NULL, NULL, NULL);
	unsigned char *der = NULL;
	int n = i2d_X509_SIG(sig, &der);
	const char *hex = hex_dup(j->arena, span_mem(der, (size_t)n));
	/* scrypt; N = 16384, r = 8, p = 1; AES-256-CBC */
	assert_non_null(strstr(hex, "06092b06010401da47040b"));
	assert_non_null(strstr(hex, "02024000020108020101"));
	assert_non_null(strstr(hex, "060960864801650304012a"));
	OPENSSL_free(der);
	X509_SIG_free(sig);
	BIO_free(bio);

	struct span list = lab_file(j, lab_path(j, folder, "root.crl"));
	const unsigned char *p = (const unsigned char *)list.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)list.n);
	X509 *root = read_pem(j, lab_path(j, folder, "root.pem"));
	assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(root)), 1);
	assert_null(X509_CRL_get_REVOKED(crl));
	assert_int_equal(ASN1_TIME_cmp_time_t(X509_CRL_get0_nextUpdate(crl),
			     LAB_NOW + (int64_t)360 * 86400 - 1),
	    0);
	X509_CRL_free(crl);
}

static struct ca_init
init_for(const char *folder)
{
	return (struct ca_init){
		.dir = folder,
		.organization = "Example Mail GmbH",
		.country = "DE",
		.common_name = "Example Mail",
		.key_type = "p256",
		.root_crl_url = "http://crl.example.com/root.crl",
		.root_url = "http://ca.example.com/root.cer",
	};
}

static size_t
files_in(struct job *j, const char *folder)
{
	struct stat st;
	size_t n = 0;

	for (size_t i = 0; i < COUNT(names); i++)
		n += lstat(lab_path(j, folder, names[i]), &st) == 0;
	return n;
}

/* Nothing is overwritten, and then nothing else is written either. */
static void
test_never_overwrites(void **state)
{
	struct job *j = lab_job();
	const char *folder = lab_path(j, lab_folder(), "full");
	struct ca_init in = init_for(folder);
	(void)state;

	assert_int_equal(mkdir(folder, 0700), 0);
	for (size_t i = 0; i < COUNT(names); i++) {
		const char *path = lab_path(j, folder, names[i]);
		unit_case("%s", names[i]);
		assert_int_equal(
		    file_create(j, path, 0600, SPAN("precious")), 0);
		assert_int_equal(ca_init_create(j, &in), -1);
		assert_int_equal(j->err.kind, ERR_CONFLICT);
		assert_non_null(strstr(j->err.text, names[i]));
		job_recover(j);
		assert_true(span_eq(lab_file(j, path), SPAN("precious")));
		assert_int_equal(files_in(j, folder), 1);
		assert_int_equal(unlink(path), 0);
	}
	unit_case("a link that leads nowhere");
	assert_int_equal(
	    symlink("/nonexistent/x", lab_path(j, folder, "root.crl")), 0);
	assert_int_equal(ca_init_create(j, &in), -1);
	assert_int_equal(j->err.kind, ERR_CONFLICT);
	job_recover(j);
	assert_int_equal(files_in(j, folder), 1);
	unit_case("no folder");
	in.dir = "/nonexistent/folder";
	assert_int_equal(ca_init_create(j, &in), -1);
}

/* PK-119, PK-133, PK-116 */
static void
test_bad_input(void **state)
{
	static const char long_name[] =
	    "123456789012345678901234567890123456789012345678901";
	const struct {
		const char *what;
		size_t field;
		const char *value;
	} cases[] = {
#define FIELD(name) offsetof(struct ca_init, name)
		{ "no country", FIELD(country), "" },
		{ "country in small letters", FIELD(country), "de" },
		{ "three letters", FIELD(country), "DEU" },
		{ "no organization", FIELD(organization), "" },
		{ "generic", FIELD(organization), "Certificate Authority" },
		{ "only punctuation", FIELD(organization), "-." },
		{ "a placeholder", FIELD(organization), "N/A" },
		{ "a program's default", FIELD(organization),
		    "Internet Widgits Pty Ltd" },
		{ "only blanks and punctuation", FIELD(common_name), ". ." },
		{ "control character", FIELD(organization), "A\nB" },
		{ "not UTF-8", FIELD(organization), "A\xff" },
		{ "trailing blank", FIELD(common_name), "A " },
		{ "generic name", FIELD(common_name), "root CA" },
		{ "51 octets", FIELD(common_name), long_name },
		{ "key type", FIELD(key_type), "rsa2048" },
		{ "key type", FIELD(key_type), "ed25519" },
		{ "https", FIELD(root_crl_url), "https://a.example/r.crl" },
		{ "no host", FIELD(root_url), "http://localhost/r.cer" },
	};
	struct job *j = lab_job();
	const char *folder = lab_path(j, lab_folder(), "bad");
	(void)state;

	assert_int_equal(mkdir(folder, 0700), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ca_init in = init_for(folder);
		unit_case("%s", cases[i].what);
		memcpy((char *)&in + cases[i].field, &cases[i].value,
		    sizeof cases[i].value);
		assert_int_equal(ca_init_create(j, &in), -1);
		assert_int_equal(j->err.kind, ERR_INTERNAL);
		job_recover(j);
		assert_int_equal(files_in(j, folder), 0);
	}
}

/* PK-213: what a rehearsal made is never loaded. */
static void
test_rehearsal(void **state)
{
	struct job *j = lab_job();
	const char *folder = lab_path(j, lab_folder(), "rehearsal");
	struct ca_init in = init_for(folder);
	(void)state;

	assert_int_equal(mkdir(folder, 0700), 0);
	in.common_name = "REHEARSAL Example Mail";
	assert_int_equal(ca_init_create(j, &in), -1);
	assert_non_null(strstr(j->err.text, "PK-213"));
	assert_int_equal(files_in(j, folder), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_certificates),
	cmocka_unit_test(test_golden),
	cmocka_unit_test(test_files),
	cmocka_unit_test(test_never_overwrites),
	cmocka_unit_test(test_bad_input),
	cmocka_unit_test(test_rehearsal),
};
UNIT_MAIN(tests)
