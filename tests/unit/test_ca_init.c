/*
 * Making a CA and loading one: PK-116 to PK-127, PK-130, PK-132, PK-133,
 * PK-137, PK-148, PK-156, PK-201; L-50 to L-57 where they concern the two
 * certificates made here.
 */
#include "config.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "pki/ca.h"
#include "pki/ca_profile.h"
#include "pki/certview.h"
#include "pki/key.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "pki/profile.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const names[] = { "root.pem", "root-key.pem", "issuing.pem",
	"issuing-key.pem", "ca-passphrase", "root.crl" };
static const mode_t modes[] = { 0444, 0400, 0444, 0400, 0400, 0444 };

static const char *
path_of(struct job *j, const char *folder, const char *name)
{
	return arena_printf(j->arena, "%s/%s", folder, name);
}

static struct span
read_file(struct job *j, const char *path)
{
	struct span out = { 0 };

	if (file_read(j, path, 65536, &out) < 0)
		fail_msg("%s", j->err.text);
	return out;
}

static void
write_pem(struct job *j, const char *path, X509 *const *x, size_t count)
{
	FILE *f = fopen(path, "w");

	(void)j;
	assert_non_null(f);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(PEM_write_X509(f, x[i]), 1);
	fclose(f);
}

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

static struct span
der_of(struct job *j, X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	assert_true(n > 0);
	struct span out = lab_copy(j, span_mem(der, (size_t)n));
	OPENSSL_free(der);
	return out;
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
		X509 *r = read_pem(j, path_of(j, folder, names[0]));
		X509 *s = read_pem(j, path_of(j, folder, names[2]));
		assert_int_equal(certview_parse(der_of(j, r), &root), 0);
		assert_int_equal(certview_parse(der_of(j, s), &issuing), 0);
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
	X509 *x = read_pem(j, path_of(j, lab_ca_folder(g->type), names[i]));
	struct span der = der_of(j, x);
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
		assert_int_equal(stat(path_of(j, folder, names[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, modes[i]);
	}
	assert_int_equal(
	    read_file(j, path_of(j, folder, "ca-passphrase")).n, 43);
	struct span key = read_file(j, path_of(j, folder, "root-key.pem"));
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

	struct span list = read_file(j, path_of(j, folder, "root.crl"));
	const unsigned char *p = (const unsigned char *)list.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)list.n);
	X509 *root = read_pem(j, path_of(j, folder, "root.pem"));
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
		n += lstat(path_of(j, folder, names[i]), &st) == 0;
	return n;
}

/* Nothing is overwritten, and then nothing else is written either. */
static void
test_never_overwrites(void **state)
{
	struct job *j = lab_job();
	const char *folder = path_of(j, lab_folder(), "full");
	struct ca_init in = init_for(folder);
	(void)state;

	assert_int_equal(mkdir(folder, 0700), 0);
	for (size_t i = 0; i < COUNT(names); i++) {
		const char *path = path_of(j, folder, names[i]);
		unit_case("%s", names[i]);
		assert_int_equal(
		    file_create(j, path, 0600, SPAN("precious")), 0);
		assert_int_equal(ca_init_create(j, &in), -1);
		assert_int_equal(j->err.kind, ERR_CONFLICT);
		assert_non_null(strstr(j->err.text, names[i]));
		job_recover(j);
		assert_true(span_eq(read_file(j, path), SPAN("precious")));
		assert_int_equal(files_in(j, folder), 1);
		assert_int_equal(unlink(path), 0);
	}
	unit_case("a link that leads nowhere");
	assert_int_equal(
	    symlink("/nonexistent/x", path_of(j, folder, "root.crl")), 0);
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
	const char *folder = path_of(j, lab_folder(), "bad");
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
	const char *folder = path_of(j, lab_folder(), "rehearsal");
	struct ca_init in = init_for(folder);
	(void)state;

	assert_int_equal(mkdir(folder, 0700), 0);
	in.common_name = "REHEARSAL Example Mail";
	assert_int_equal(ca_init_create(j, &in), -1);
	assert_non_null(strstr(j->err.text, "PK-213"));
	assert_int_equal(files_in(j, folder), 0);
}

static struct ca_files
files_for(struct job *j, const char *type)
{
	lab_ca(type);
	const char *folder = lab_ca_folder(type);

	return (struct ca_files){
		.certificate = path_of(j, folder, "issuing.pem"),
		.chain = path_of(j, folder, "root.pem"),
		.key = path_of(j, folder, "issuing-key.pem"),
		.passphrase_file = path_of(j, folder, "ca-passphrase"),
	};
}

static void
load_fails(struct job *j, const struct ca_files *files, const char *part)
{
	const struct ca *ca;

	if (ca_load(j, j->arena, files, &ca) == 0)
		fail_msg("loaded, expected: %s", part);
	assert_int_equal(j->err.kind, ERR_INTERNAL);
	if (strstr(j->err.text, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, j->err.text);
	job_recover(j);
}

/* Without a key: for web; the chain without the root (PK-148). */
static void
test_load(void **state)
{
	struct job *j = lab_job();
	struct ca_files files = files_for(j, "p256");
	const struct ca *ca;
	(void)state;

	files.key = NULL;
	files.passphrase_file = NULL;
	assert_int_equal(ca_load(j, j->arena, &files, &ca), 0);
	assert_null(ca->signer.key);
	assert_null(ca->lint.key);
	struct span pem = ca_chain_pem(ca);
	assert_true(span_eq(pem, read_file(j, files.certificate)));
	assert_int_equal(strlen(ca_key_label(ca)), 40);
	assert_int_equal(
	    ca_not_after(ca), LAB_NOW - 3600 + (int64_t)1825 * 86400 - 1);
}

/* PK-116: in public mode the whole table of section 10 holds for a CA that was
 * made elsewhere, or for a demonstration. */
static void
test_load_public(void **state)
{
	static const struct {
		const char *type, *problem;
	} rows[] = {
		{ "p384", NULL },
		{ "rsa4096", NULL },
		{ "p256", "not for public mode: L-50: " },
		{ "rsa3072", "not for public mode: L-50: " },
	};
	struct job *j = lab_job();
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct ca_files files = files_for(j, rows[i].type);
		const struct ca *ca;

		unit_case("%s", rows[i].type);
		files.is_public = true;
		if (rows[i].problem == NULL)
			assert_int_equal(ca_load(j, j->arena, &files, &ca), 0);
		else
			load_fails(j, &files, rows[i].problem);
	}
}

static const char *
write_text(struct job *j, const char *name, mode_t mode, struct span text)
{
	const char *path = path_of(j, lab_folder(), name);

	unlink(path);
	if (file_create(j, path, mode, text) < 0)
		fail_msg("%s", j->err.text);
	return path;
}

/* PK-201 and what else goes wrong with files. */
static void
test_load_faults(void **state)
{
	struct job *j = lab_job();
	const struct ca_files good = files_for(j, "p256");
	struct ca_files files;
	(void)state;

	unit_case("key of another CA");
	files = good;
	files.key = files_for(j, "p384").key;
	files.passphrase_file = files_for(j, "p384").passphrase_file;
	load_fails(j, &files, "not the key of the certificate");
	unit_case("wrong passphrase");
	files = good;
	files.passphrase_file = files_for(j, "p384").passphrase_file;
	load_fails(j, &files,
	    arena_printf(j->arena,
		"issuing-key.pem: the passphrase in %s does not open it: put "
		"the one there",
		files.passphrase_file));
	unit_case("empty key file");
	files = good;
	files.key = write_text(j, "empty", 0400, SPAN(""));
	load_fails(j, &files,
	    "empty: is empty, where a key or a password has "
	    "to be: write it again, or restore");
	unit_case("no passphrase file");
	files.passphrase_file = NULL;
	load_fails(j, &files, "no passphrase file");
	unit_case("mode 0440");
	files = good;
	files.key = write_text(j, "key0440", 0440, read_file(j, good.key));
	load_fails(j, &files, "key0440");
	unit_case("plain key");
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	assert_int_equal(
	    PEM_write_bio_PrivateKey(
		bio, lab_key(KEY_TYPE_P256, 0), NULL, NULL, 0, NULL, NULL),
	    1);
	long n = BIO_get_mem_data(bio, &text);
	files.key = write_text(j, "plain", 0400, span_mem(text, (size_t)n));
	BIO_free(bio);
	load_fails(j, &files, "not an encrypted PKCS#8 key");
	unit_case("no such file");
	files = good;
	files.certificate = "/nonexistent.pem";
	load_fails(j, &files, "/nonexistent.pem");
	unit_case("not PEM");
	files.certificate = write_text(j, "text", 0444, SPAN("hello\n"));
	load_fails(j, &files, "no certificate in PEM");
	unit_case("broken PEM");
	struct span pem = read_file(j, good.certificate);
	char *broken = arena_memdup(j->arena, pem.p, pem.n);
	broken[60] = '!';
	files.certificate =
	    write_text(j, "broken", 0444, span_mem(broken, pem.n));
	load_fails(j, &files, "broken");
	unit_case("two certificates");
	files.certificate = write_text(j, "two", 0444, lab_join(j, pem, pem));
	load_fails(j, &files, "chain file");
	unit_case("no chain");
	files = good;
	files.chain = NULL;
	load_fails(j, &files, "chain file");
	unit_case("no root in the chain");
	files.chain = good.certificate;
	load_fails(j, &files, "no self-signed root");
	unit_case("another root");
	files.chain = files_for(j, "p384").chain;
	load_fails(j, &files, "does not lead to the root");
	unit_case("the root issues");
	files = good;
	files.certificate = good.chain;
	load_fails(j, &files, "PK-130");
	unit_case("expired");
	j->now = LAB_NOW + (int64_t)1825 * 86400;
	load_fails(j, &good, "expired");
	unit_case("not yet valid");
	j->now = LAB_NOW - 3601;
	load_fails(j, &good, "not yet valid");
}

/* --- CAs of others ------------------------------------------------------- */

struct odd_ca {
	const char *what;
	const char *basic_constraints, *key_usage, *ext_key_usage;
	const char *digest;
	int rsa_bits; /* 0: P-256 */
	bool has_key_id;
	const char *expected; /* NULL: loads */
};

static void
add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	if (value == NULL)
		return;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static X509 *
make(struct job *j, const char *name, EVP_PKEY *key, X509 *issuer,
    EVP_PKEY *signer, const struct odd_ca *o)
{
	X509 *x = ossl_own_x509(j->arena, X509_new());
	X509_NAME *n = X509_NAME_new();

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 4711);
	X509_NAME_add_entry_by_txt(
	    n, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
	X509_set_subject_name(x, n);
	X509_NAME_free(n);
	X509_set_issuer_name(x, issuer == NULL ? X509_get_subject_name(x)
					       : X509_get_subject_name(issuer));
	ASN1_TIME_set(X509_getm_notBefore(x), LAB_NOW - 3600);
	ASN1_TIME_set(X509_getm_notAfter(x), LAB_NOW + 86400 * 1000);
	X509_set_pubkey(x, key);
	add_extension(x, x, NID_basic_constraints, o->basic_constraints);
	add_extension(x, x, NID_key_usage, o->key_usage);
	add_extension(x, x, NID_ext_key_usage, o->ext_key_usage);
	if (o->has_key_id)
		add_extension(x, x, NID_subject_key_identifier, "hash");
	if (issuer != NULL)
		add_extension(
		    x, issuer, NID_authority_key_identifier, "keyid:always");
	assert_true(X509_sign(x, signer, EVP_get_digestbyname(o->digest)) > 0);
	return x;
}

#define CA_0 "critical,CA:TRUE,pathlen:0"
#define KU "critical,keyCertSign,cRLSign"

/* PK-120 to PK-124, PK-131, PK-132, PK-116 at a CA that others made. */
static void
test_odd_cas(void **state)
{
	static const struct odd_ca root_form = { "root", "critical,CA:TRUE", KU,
		NULL, "SHA384", 0, true, NULL };
	static const struct odd_ca cases[] = {
		{ "good", CA_0, KU, "emailProtection", "SHA384", 0, true,
		    NULL },
		{ "good, RSA", CA_0, KU, "emailProtection,clientAuth", "SHA384",
		    3072, true, NULL },
		{ "no pathLen", "critical,CA:TRUE", KU, "emailProtection",
		    "SHA384", 0, true, "PK-120" },
		{ "pathLen 1", "critical,CA:TRUE,pathlen:1", KU,
		    "emailProtection", "SHA384", 0, true, "PK-120" },
		{ "not critical", "CA:TRUE,pathlen:0", KU, "emailProtection",
		    "SHA384", 0, true, "PK-120" },
		{ "no basicConstraints", NULL, KU, "emailProtection", "SHA384",
		    0, true, "PK-120" },
		{ "digitalSignature", CA_0, KU ",digitalSignature",
		    "emailProtection", "SHA384", 0, true, "PK-121" },
		{ "keyUsage not critical", CA_0, "keyCertSign,cRLSign",
		    "emailProtection", "SHA384", 0, true, "PK-121" },
		{ "no keyUsage", CA_0, NULL, "emailProtection", "SHA384", 0,
		    true, "PK-121" },
		{ "no EKU", CA_0, KU, NULL, "SHA384", 0, true, "PK-122" },
		{ "serverAuth", CA_0, KU, "emailProtection,serverAuth",
		    "SHA384", 0, true, "PK-122" },
		{ "OCSPSigning", CA_0, KU, "emailProtection,OCSPSigning",
		    "SHA384", 0, true, "PK-122" },
		{ "any", CA_0, KU, "anyExtendedKeyUsage", "SHA384", 0, true,
		    "PK-122" },
		{ "clientAuth alone", CA_0, KU, "clientAuth", "SHA384", 0, true,
		    "PK-122" },
		{ "no SKI", CA_0, KU, "emailProtection", "SHA384", 0, false,
		    "PK-124" },
		{ "SHA-1", CA_0, KU, "emailProtection", "SHA1", 0, true,
		    "PK-132" },
		/* PK-117: its signer is P-384. */
		{ "SHA-256", CA_0, KU, "emailProtection", "SHA256", 0, true,
		    "not ecdsa-with-SHA384" },
		/* Not only from 2027-09-15 on. */
		{ "RSA-2048", CA_0, KU, "emailProtection", "SHA384", 2048, true,
		    "PK-116, PK-131" },
	};
	struct job *j = lab_job();
	EVP_PKEY *root_key = lab_key(KEY_TYPE_P384, 0);
	X509 *root = make(j, "Odd Root", root_key, NULL, root_key, &root_form);
	const struct ca_files files = {
		.certificate = path_of(j, lab_folder(), "odd.pem"),
		.chain = path_of(j, lab_folder(), "odd-root.pem"),
	};
	(void)state;

	write_pem(j, files.chain, &root, 1);
	for (size_t i = 0; i < COUNT(cases); i++) {
		EVP_PKEY *key = cases[i].rsa_bits != 0
				    ? lab_key(KEY_TYPE_RSA, cases[i].rsa_bits)
				    : lab_key(KEY_TYPE_P256, 0);
		const struct ca *ca;

		unit_case("%s", cases[i].what);
		X509 *x =
		    make(j, "Odd Issuing", key, root, root_key, &cases[i]);
		write_pem(j, files.certificate, &x, 1);
		if (cases[i].expected != NULL)
			load_fails(j, &files, cases[i].expected);
		else if (ca_load(j, j->arena, &files, &ca) < 0)
			fail_msg("%s", j->err.text);
	}
	unit_case("a root signed with SHA-1");
	struct odd_ca sha1 = root_form;
	sha1.digest = "SHA1";
	X509 *old = make(j, "Odd Root", root_key, NULL, root_key, &sha1);
	X509 *x = make(j, "Odd Issuing", lab_key(KEY_TYPE_P256, 0), old,
	    root_key, &cases[0]);
	write_pem(j, files.certificate, &x, 1);
	write_pem(j, files.chain, &old, 1);
	load_fails(j, &files, "PK-132");
	unit_case("PK-117: a P-384 root signed with SHA-256");
	sha1.digest = "SHA256";
	old = make(j, "Odd Root", root_key, NULL, root_key, &sha1);
	x = make(j, "Odd Issuing", lab_key(KEY_TYPE_P256, 0), old, root_key,
	    &cases[0]);
	write_pem(j, files.certificate, &x, 1);
	write_pem(j, files.chain, &old, 1);
	load_fails(j, &files, "odd-root.pem: certificate 1: its signature");
}

/* PK-117: an RSA key of others signs with any of the three in private mode. */
static void
test_rsa_root(void **state)
{
	static const char *const digests[] = { "SHA256", "SHA384", "SHA512" };
	struct odd_ca upper = { "root", "critical,CA:TRUE", KU, NULL, NULL, 0,
		true, NULL };
	struct odd_ca lower = { "lower", CA_0, KU, "emailProtection", NULL, 0,
		true, NULL };
	struct job *j = lab_job();
	EVP_PKEY *key = lab_key(KEY_TYPE_RSA, 4096);
	const struct ca_files files = {
		.certificate = path_of(j, lab_folder(), "rsa.pem"),
		.chain = path_of(j, lab_folder(), "rsa-root.pem"),
	};
	const struct ca *ca;
	(void)state;

	for (size_t i = 0; i < COUNT(digests); i++) {
		unit_case("%s", digests[i]);
		upper.digest = lower.digest = digests[i];
		X509 *root = make(j, "Root", key, NULL, key, &upper);
		X509 *x = make(
		    j, "Issuing", lab_key(KEY_TYPE_P256, 0), root, key, &lower);
		write_pem(j, files.certificate, &x, 1);
		write_pem(j, files.chain, &root, 1);
		if (ca_load(j, j->arena, &files, &ca) < 0)
			fail_msg("%s", j->err.text);
	}
}

/* In hex; OpenSSL reads it as text from a file only. */
static void
add_policies(struct job *j, X509 *x, const char *hex)
{
	if (hex == NULL)
		return;
	struct span der = lab_hex(j, hex);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	assert_int_equal(ASN1_OCTET_STRING_set(
			     value, (const unsigned char *)der.p, (int)der.n),
	    1);
	X509_EXTENSION *e = X509_EXTENSION_create_by_NID(
	    NULL, NID_certificate_policies, 0, value);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(value);
}

#define MULTIPURPOSE "3009060767810c01050102"

/* PK-122, PK-123: purposes and policies that the CA above a leaf lacks. */
static void
test_profiles(void **state)
{
	static const char own_oid[] = "\x2b\x06\x01\x04\x01\x81\xfd\x59\x07";
	static const struct {
		const char *what, *ext_key_usage, *policies;
		bool client_auth, has_own;
		const char *expected; /* NULL: nothing lacks */
	} rows[] = {
		{ "all", "emailProtection,clientAuth",
		    "3018" MULTIPURPOSE "300b06092b0601040181fd5907", true,
		    true, NULL },
		{ "no clientAuth", "emailProtection", "300b" MULTIPURPOSE, true,
		    false, "PK-122" },
		{ "no clientAuth, none wanted", "emailProtection",
		    "300b" MULTIPURPOSE, false, false, NULL },
		{ "no own policy", "emailProtection", "300b" MULTIPURPOSE,
		    false, true, "1.3.6.1.4.1.32473.7" },
		{ "another generation's", "emailProtection",
		    "300b3009060767810c01050103", false, false, "PK-123" },
		{ "no policies", "emailProtection", NULL, false, false,
		    "PK-123" },
		{ "anyPolicy", "emailProtection", "300830060604551d2000", false,
		    true, NULL },
	};
	static const struct odd_ca upper = { "root", "critical,CA:TRUE", KU,
		NULL, "SHA384", 0, true, NULL };
	struct job *j = lab_job();
	EVP_PKEY *key = lab_key(KEY_TYPE_P384, 0);
	X509 *root = make(j, "Root", key, NULL, key, &upper);
	const struct ca_files files = {
		.certificate = path_of(j, lab_folder(), "for.pem"),
		.chain = path_of(j, lab_folder(), "for-root.pem"),
	};
	const struct ca *ca;
	(void)state;

	write_pem(j, files.chain, &root, 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct odd_ca lower = { "lower", CA_0, KU,
			rows[i].ext_key_usage, "SHA384", 0, true, NULL };
		const struct profile p = { .name = "own",
			.generation = GENERATION_MULTIPURPOSE,
			.client_auth = rows[i].client_auth,
			.policy = span_mem(own_oid,
			    rows[i].has_own ? sizeof own_oid - 1 : 0) };

		unit_case("%s", rows[i].what);
		X509 *x = make(
		    j, "Issuing", lab_key(KEY_TYPE_P256, 0), root, key, &lower);
		add_policies(j, x, rows[i].policies);
		assert_true(X509_sign(x, key, EVP_sha384()) > 0);
		write_pem(j, files.certificate, &x, 1);
		if (ca_load(j, j->arena, &files, &ca) < 0)
			fail_msg("%s", j->err.text);
		const char *problem = ca_profile_problem(j->arena, ca, &p);
		if (rows[i].expected == NULL && problem != NULL)
			fail_msg("%s", problem);
		if (rows[i].expected != NULL)
			assert_non_null(strstr(problem, rows[i].expected));
	}
}

/* PK-148: with an intermediate above, the chain has two certificates. */
static void
test_intermediate(void **state)
{
	static const struct odd_ca upper = { "upper", "critical,CA:TRUE", KU,
		NULL, "SHA384", 0, true, NULL };
	static const struct odd_ca lower = { "lower", CA_0, KU,
		"emailProtection", "SHA384", 0, true, NULL };
	struct job *j = lab_job();
	EVP_PKEY *root_key = lab_key(KEY_TYPE_P384, 0);
	EVP_PKEY *middle_key = lab_key(KEY_TYPE_RSA, 3072);
	X509 *root = make(j, "Root", root_key, NULL, root_key, &upper);
	X509 *middle = make(j, "Middle", middle_key, root, root_key, &upper);
	X509 *issuing = make(j, "Issuing", lab_key(KEY_TYPE_P256, 0), middle,
	    middle_key, &lower);
	X509 *above[] = { root, middle };
	const struct ca_files files = {
		.certificate = path_of(j, lab_folder(), "3.pem"),
		.chain = path_of(j, lab_folder(), "3-chain.pem"),
	};
	const struct ca *ca;
	struct buf expected;
	(void)state;

	write_pem(j, files.certificate, &issuing, 1);
	write_pem(j, files.chain, above, 2);
	if (ca_load(j, j->arena, &files, &ca) < 0)
		fail_msg("%s", j->err.text);
	buf_init(&expected, j->arena, 65536);
	pem_add(&expected, "CERTIFICATE", der_of(j, issuing));
	pem_add(&expected, "CERTIFICATE", der_of(j, middle));
	assert_true(span_eq(ca_chain_pem(ca), buf_span(&expected)));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_certificates),
	cmocka_unit_test(test_golden),
	cmocka_unit_test(test_files),
	cmocka_unit_test(test_never_overwrites),
	cmocka_unit_test(test_bad_input),
	cmocka_unit_test(test_rehearsal),
	cmocka_unit_test(test_load),
	cmocka_unit_test(test_load_public),
	cmocka_unit_test(test_load_faults),
	cmocka_unit_test(test_odd_cas),
	cmocka_unit_test(test_rsa_root),
	cmocka_unit_test(test_profiles),
	cmocka_unit_test(test_intermediate),
};

UNIT_MAIN(tests)
