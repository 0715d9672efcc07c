/*
 * Loading a CA, of our making or of others': PK-116 to PK-126, PK-148, PK-156.
 */
#include "config.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "lib/count.h"
#include "lib/fdio.h"
#include "pki/ca.h"
#include "pki/ca_profile.h"
#include "pki/key.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "pki/profile.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

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

static struct ca_files
files_for(struct job *j, const char *type)
{
	lab_ca(type);
	const char *folder = lab_ca_folder(type);

	return (struct ca_files){
		.certificate = lab_path(j, folder, "issuing.pem"),
		.chain = lab_path(j, folder, "root.pem"),
		.key = lab_path(j, folder, "issuing-key.pem"),
		.passphrase_file = lab_path(j, folder, "ca-passphrase"),
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
	assert_true(span_eq(pem, lab_file(j, files.certificate)));
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

	for (size_t i = 0; i < COUNT(rows); i++) {
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
	const char *path = lab_path(j, lab_folder(), name);

	unlink(path);
	if (file_create(j, path, mode, text) < 0)
		fail_msg("%s", j->err.text);
	return path;
}

/* What is said where scrypt finds no memory; in a process of its own. */
static int
load_with_little_memory(const struct ca_files *files)
{
	static const char part[] =
	    "issuing-key.pem: there is not enough memory";
	struct job *j = lab_job();
	struct rlimit limit;
	const struct ca *ca;
	unsigned long pages;
	FILE *f;

	malloc_trim(0);
	f = fopen("/proc/self/statm", "r");
	if (f == NULL || fscanf(f, "%lu", &pages) != 1)
		return 2;
	fclose(f);
	limit.rlim_cur = limit.rlim_max =
	    pages * (unsigned long)sysconf(_SC_PAGESIZE) + (4ul << 20);
	if (setrlimit(RLIMIT_AS, &limit) < 0)
		return 3;
	if (ca_load(j, j->arena, files, &ca) == 0)
		return 4;
	return strstr(j->err.text, part) != NULL ? 0 : 5;
}

/* PK-201: nobody looks for another passphrase then. */
static void
test_load_little_memory(void **state)
{
	const struct ca_files files = files_for(lab_job(), "p256");
	int status;
	pid_t pid;
	(void)state;

	if (UNIT_IS_SANITIZED)
		UNIT_SKIP("sanitizers take more than any limit");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(load_with_little_memory(&files));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* PK-148: whose certificate it is that has ended, and when. */
static void
test_load_dates(void **state)
{
	static const struct {
		int64_t secs; /* from now */
		const char *problem;
	} rows[] = {
		{ 0, NULL },
		{ -3601, " Root CA,O=Example Mail GmbH,C=DE is not valid "
			 "before 20" },
		{ INT64_C(1825) * 86400, " Issuing CA,O=Example Mail GmbH,C=DE "
					 "has ended at 20" },
		{ INT64_C(9000) * 86400, " Root CA,O=Example Mail GmbH,C=DE "
					 "has ended at 20" },
	};
	struct job *j = lab_job();
	const struct ca_files files = files_for(j, "p256");
	const struct ca *ca;
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_case("%d s", (int)rows[i].secs);
		j->now = LAB_NOW + rows[i].secs;
		if (rows[i].problem != NULL)
			load_fails(j, &files, rows[i].problem);
		else
			assert_int_equal(ca_load(j, j->arena, &files, &ca), 0);
	}
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
	files.key = write_text(j, "key0440", 0440, lab_file(j, good.key));
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
	struct span pem = lab_file(j, good.certificate);
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
}

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
		.certificate = lab_path(j, lab_folder(), "odd.pem"),
		.chain = lab_path(j, lab_folder(), "odd-root.pem"),
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
		.certificate = lab_path(j, lab_folder(), "rsa.pem"),
		.chain = lab_path(j, lab_folder(), "rsa-root.pem"),
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
		.certificate = lab_path(j, lab_folder(), "for.pem"),
		.chain = lab_path(j, lab_folder(), "for-root.pem"),
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
		.certificate = lab_path(j, lab_folder(), "3.pem"),
		.chain = lab_path(j, lab_folder(), "3-chain.pem"),
	};
	const struct ca *ca;
	struct buf expected;
	(void)state;

	write_pem(j, files.certificate, &issuing, 1);
	write_pem(j, files.chain, above, 2);
	if (ca_load(j, j->arena, &files, &ca) < 0)
		fail_msg("%s", j->err.text);
	buf_init(&expected, j->arena, 65536);
	pem_add(&expected, "CERTIFICATE", lab_x509_der(j, issuing));
	pem_add(&expected, "CERTIFICATE", lab_x509_der(j, middle));
	assert_true(span_eq(ca_chain_pem(ca), buf_span(&expected)));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_load),
	cmocka_unit_test(test_load_public),
	cmocka_unit_test(test_load_faults),
	cmocka_unit_test(test_load_dates),
	cmocka_unit_test(test_load_little_memory),
	cmocka_unit_test(test_odd_cas),
	cmocka_unit_test(test_rsa_root),
	cmocka_unit_test(test_profiles),
	cmocka_unit_test(test_intermediate),
};
UNIT_MAIN(tests)
