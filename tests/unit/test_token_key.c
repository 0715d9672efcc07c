/*
 * Keys in SoftHSM, made by pkcs11-tool as an operator would.  Skipped where
 * these are not installed.
 */
#include "config.h"

#include "pki/token_key.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <p11-kit/pkcs11.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "pki/ossl.h"
#include "pki/signer.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PIN "correct-pin"

static const char *const modules[] = { "/usr/lib/softhsm/libsofthsm2.so",
	"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
	"/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so" };
static const char *module;
static const char *folder;

/* --- the token ----------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static void
run(const char *fmt, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void
write_file(const char *name, mode_t mode, const char *text)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	(void)unlink(path);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static const char *
path_of(const char *name)
{
	static char paths[256][512];
	static unsigned next;
	char *path = paths[next++ % 256];

	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

/* Options of pkcs11-tool behind label and id. */
static void
make_key(const char *label, const char *id, const char *options)
{
	run("pkcs11-tool --module %s --token-label ca --login --pin %s "
	    "--keypairgen --label %s --id %s %s >/dev/null 2>&1",
	    module, PIN, label, id, options);
}

static EVP_PKEY *
public_key(struct job *j, const char *label)
{
	const char *path = path_of("public.der");
	struct span der;

	if (strcmp(label, "p384") == 0)
		return lab_key(KEY_TYPE_P384, 0);
	run("pkcs11-tool --module %s --token-label ca --read-object --type "
	    "pubkey --label %s --output-file %s >/dev/null 2>&1",
	    module, label, path);
	assert_int_equal(file_read(j, path, 4096, &der), 0);
	const unsigned char *p = ossl_bytes(der);
	EVP_PKEY *key =
	    ossl_own_pkey(j->arena, d2i_PUBKEY(NULL, &p, (long)der.n));
	assert_non_null(key);
	return key;
}

static struct token_place
place_of(const char *label, const char *id)
{
	return (struct token_place){ .module = module,
		.token = "ca",
		.label = label,
		.id = id,
		.pin_file = path_of("pin"),
		.statement = "none" };
}

static CK_FUNCTION_LIST *
functions(void)
{
	/* The same library as the one that is tested. */
	void *library = dlopen(module, RTLD_NOW);
	CK_C_GetFunctionList get;
	CK_FUNCTION_LIST *f;

	assert_non_null(library);
	void *symbol = dlsym(library, "C_GetFunctionList");
	memcpy(&get, &symbol, sizeof get);
	assert_int_equal(get(&f), CKR_OK);
	return f;
}

/* As a device that was switched off: the module forgets all sessions. */
static void
end_sessions(void)
{
	(void)functions()->C_Finalize(NULL);
}

/* Keys with one attribute that is not as PK-198 wants it. */
static const struct flaw {
	const char *label;
	unsigned char id;
	CK_ATTRIBUTE_TYPE attribute;
} flaws[] = {
	{ "pure", 0x10, CKA_CLASS },
	{ "leaves", 0x11, CKA_EXTRACTABLE },
	{ "decrypts", 0x12, CKA_DECRYPT },
	{ "unwraps", 0x13, CKA_UNWRAP },
	{ "derives", 0x14, CKA_DERIVE },
	{ "plain", 0x15, CKA_SENSITIVE },
	{ "open", 0x16, CKA_PRIVATE },
	{ "mute", 0x17, CKA_SIGN },
};

static CK_SLOT_ID
slot_of_token(CK_FUNCTION_LIST *f)
{
	CK_SLOT_ID slots[8];
	CK_TOKEN_INFO info;
	CK_ULONG n = 8;

	assert_int_equal(f->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK);
	for (CK_ULONG i = 0; i < n; i++)
		if (f->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
		    memcmp(info.label, "ca ", 3) == 0)
			return slots[i];
	fail_msg("no token");
	return 0;
}

static void
make_flawed(const struct flaw *flaw)
{
	static unsigned char curve[] =
	    "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
	static const CK_ATTRIBUTE_TYPE yes[] = { CKA_TOKEN, CKA_PRIVATE,
		CKA_SENSITIVE, CKA_SIGN };
	static const CK_ATTRIBUTE_TYPE no[] = { CKA_EXTRACTABLE, CKA_DECRYPT,
		CKA_UNWRAP, CKA_SIGN_RECOVER, CKA_DERIVE };
	CK_BBOOL values[COUNT(yes) + COUNT(no)];
	CK_ATTRIBUTE private[COUNT(values) + 2];
	unsigned char label[32], pin[] = PIN, id = flaw->id;
	CK_FUNCTION_LIST *f = functions();
	CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_OBJECT_HANDLE made[2];
	CK_SESSION_HANDLE s;
	CK_BBOOL is_true = CK_TRUE;

	snprintf((char *)label, sizeof label, "%s", flaw->label);
	for (size_t i = 0; i < COUNT(values); i++) {
		CK_ATTRIBUTE_TYPE t =
		    i < COUNT(yes) ? yes[i] : no[i - COUNT(yes)];
		values[i] = (i < COUNT(yes)) != (t == flaw->attribute);
		private[i] = (CK_ATTRIBUTE){ t, &values[i], 1 };
	}
	CK_ATTRIBUTE name = { CKA_LABEL, label, strlen(flaw->label) };
	CK_ATTRIBUTE number = { CKA_ID, &id, 1 };
	private[COUNT(values)] = name;
	private[COUNT(values) + 1] = number;
	CK_ATTRIBUTE public[] = { name, number, { CKA_TOKEN, &is_true, 1 },
		{ CKA_VERIFY, &is_true, 1 },
		{ CKA_EC_PARAMS, curve, sizeof curve - 1 } };
	assert_int_equal(f->C_Initialize(NULL), CKR_OK);
	assert_int_equal(
	    f->C_OpenSession(slot_of_token(f),
		CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s),
	    CKR_OK);
	assert_int_equal(f->C_Login(s, CKU_USER, pin, sizeof pin - 1), CKR_OK);
	assert_int_equal(f->C_GenerateKeyPair(s, &m, public, COUNT(public),
			     private, COUNT(private), &made[0], &made[1]),
	    CKR_OK);
	end_sessions();
}

/* pkcs11-tool 0.23 cannot read the public part of a P-384 key, so this one is
 * brought along. */
static void
import_key(const char *label, const char *id, EVP_PKEY *key)
{
	const char *path = path_of("import.pem");
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(
	    PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	run("softhsm2-util --import %s --token ca --label %s --id %s --pin %s "
	    ">/dev/null",
	    path, label, id, PIN);
	(void)unlink(path);
}

static void
group_setup(void)
{
	char conf[1024];

	for (size_t i = 0; i < COUNT(modules) && module == NULL; i++)
		if (access(modules[i], R_OK) == 0)
			module = modules[i];
	if (module == NULL ||
	    system("command -v pkcs11-tool >/dev/null && "
		   "command -v softhsm2-util >/dev/null") != 0) {
		module = NULL;
		return;
	}
	folder = lab_folder();
	assert_int_equal(mkdir(path_of("tokens"), 0700), 0);
	snprintf(conf, sizeof conf,
	    "directories.tokendir = %s/tokens\nobjectstore.backend = file\n"
	    "log.level = ERROR\n",
	    folder);
	write_file("softhsm2.conf", 0600, conf);
	setenv("SOFTHSM2_CONF", path_of("softhsm2.conf"), 1);
	write_file("pin", 0400, PIN "\n");
	run("softhsm2-util --init-token --free --label ca --so-pin so-secret "
	    "--pin %s >/dev/null",
	    PIN);
	make_key("p256", "01", "--key-type EC:prime256v1 --usage-sign");
	import_key("p384", "02", lab_key(KEY_TYPE_P384, 0));
	make_key("rsa2048", "03", "--key-type rsa:2048 --usage-sign");
	make_key("rsa4096", "04", "--key-type rsa:4096 --usage-sign");
	make_key("twice", "05", "--key-type EC:prime256v1 --usage-sign");
	make_key("twice", "05", "--key-type EC:prime256v1 --usage-sign");
	for (size_t i = 0; i < COUNT(flaws); i++)
		make_flawed(&flaws[i]);
}

#define NEEDS_TOKEN                                                            \
	if (module == NULL)                                                    \
	skip()

/* --- formats ------------------------------------------------------------- */

/* PK-197 */
static void
test_ecdsa_der(void **state)
{
	static const struct {
		const char *halves, *der;
	} rows[] = {
		{ "0102", "3006020101020102" },
		{ "7f7f", "300602017f02017f" },
		{ "8001", "30070202008002 0101" },
		{ "00010002", "3006020101020102" },
		{ "00800001", "300702020080020101" },
		{ "0000ff00007f", "3007020200ff02017f" },
		{ "ffffffff", "300a020300ffff020300ffff" },
		{ "", NULL },
		{ "010203", NULL },
		{ "0001", NULL },
		{ "0100", NULL },
	};
	struct job *j = lab_job();
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b;

		unit_case("%s", rows[i].halves);
		buf_init(&b, j->arena, 64);
		assert_int_equal(
		    token_key_ecdsa_der(lab_hex(j, rows[i].halves), &b),
		    rows[i].der == NULL ? -1 : 0);
		if (rows[i].der != NULL)
			assert_true(
			    span_eq(buf_span(&b), lab_hex(j, rows[i].der)));
	}
}

/* PK-197: the prefixes of RFC 8017, 9.2, note 1. */
static void
test_digest_info(void **state)
{
	static const struct {
		const char *digest, *prefix;
		size_t n;
	} rows[] = {
		{ "SHA256", "3031300d060960864801650304020105000420", 32 },
		{ "SHA384", "3041300d060960864801650304020205000430", 48 },
		{ "SHA512", "3051300d060960864801650304020305000440", 64 },
	};
	struct job *j = lab_job();
	struct buf b;
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span hash =
		    span_mem(arena_calloc(j->arena, 1, rows[i].n), rows[i].n);

		unit_case("%s", rows[i].digest);
		buf_init(&b, j->arena, 256);
		assert_int_equal(
		    token_key_digest_info(rows[i].digest, hash, &b), 0);
		assert_true(span_eq(buf_span(&b),
		    lab_join(j, lab_hex(j, rows[i].prefix), hash)));
	}
	buf_init(&b, j->arena, 256);
	assert_int_equal(token_key_digest_info("SHA1", SPAN("x"), &b), -1);
}

/* --- signatures ---------------------------------------------------------- */

static bool
verifies(struct job *j, EVP_PKEY *key, const struct sig_alg *alg,
    struct span message, const unsigned char *signature, size_t n)
{
	EVP_MD_CTX *ctx = ossl_own_md_ctx(j->arena, EVP_MD_CTX_new());

	return EVP_DigestVerifyInit_ex(
		   ctx, NULL, alg->digest, NULL, NULL, key, NULL) == 1 &&
	       EVP_DigestVerify(
		   ctx, signature, n, ossl_bytes(message), message.n) == 1;
}

/* PK-196, PK-197: each type; EC until r or s had a leading zero octet (its
 * INTEGER is shorter then). */
static void
test_signs(void **state)
{
	static const struct {
		const char *label, *id;
		size_t half;
	} rows[] = { { "p256", "01", 32 }, { "p384", "02", 48 },
		{ "rsa2048", "03", 0 }, { "rsa4096", "04", 0 } };
	struct job *j = lab_job();
	(void)state;

	NEEDS_TOKEN;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct token_place place = place_of(rows[i].label, rows[i].id);
		EVP_PKEY *key = public_key(j, rows[i].label);
		const struct sig_alg *alg = sig_alg_for(key, CA_ROLE_ISSUING);
		const struct signing_key *k;
		unsigned char out[SIGNATURE_MAX];
		bool was_short = rows[i].half == 0;
		size_t n, rounds = 0;

		unit_case("%s", rows[i].label);
		if (token_key_open(j, j->arena, &place, key, &k) < 0)
			fail_msg("%s", j->err.text);
		do {
			struct span m =
			    span_str(arena_printf(j->arena, "%zu", rounds));
			assert_int_equal(
			    signing_key_use(j, k, alg, m, out, &n), 0);
			assert_true(verifies(j, key, alg, m, out, n));
			/* tag, length, tag, length of r */
			if (rows[i].half > 0 &&
			    (out[3] < rows[i].half ||
				out[5 + out[3]] < rows[i].half))
				was_short = true;
		} while (++rounds < 20 || (!was_short && rounds < 20000));
		assert_true(was_short);
	}
}

/* PK-196, PK-198, PK-199: what is refused at the start, in which mode. */
static void
test_refusals(void **state)
{
	static const struct {
		const char *label, *id, *key;
		const char *private_text, *public_text;
	} rows[] = {
		{ "pure", "10", "pure", NULL, "SoftHSM" },
		{ "absent", "01", "p256", "no private key", "no private key" },
		{ "p256", "02", "p256", "no private key", "no private key" },
		{ "twice", "05", "p256", "more than one private",
		    "more than one private" },
		{ "p256", "01", "pure", "is not the key of",
		    "is not the key of" },
		{ "rsa2048", "03", "rsa4096", "is not the key of",
		    "is not the key of" },
		/* PK-198 */
		{ "leaves", "11", "leaves", NULL,
		    "CKA_NEVER_EXTRACTABLE of key leaves must be true" },
		{ "decrypts", "12", "decrypts", NULL,
		    "CKA_DECRYPT of key decrypts must be false" },
		{ "unwraps", "13", "unwraps", NULL,
		    "CKA_UNWRAP of key unwraps must be false" },
		{ "derives", "14", "derives", NULL,
		    "CKA_DERIVE of key derives must be false" },
		{ "plain", "15", "plain", NULL,
		    "CKA_SENSITIVE of key plain must be true" },
		{ "open", "16", "open", NULL,
		    "CKA_PRIVATE of key open must be true" },
		{ "mute", "17", "mute", "CKA_SIGN of key mute must be true",
		    "CKA_SIGN of key mute must be true" },
		{ "p256", "zz", "p256", "must be hexadecimal",
		    "must be hexadecimal" },
	};
	struct job *j = lab_job();
	(void)state;

	NEEDS_TOKEN;
	for (size_t i = 0; i < COUNT(rows) * 2; i++) {
		bool is_public = i % 2 == 1;
		struct token_place place =
		    place_of(rows[i / 2].label, rows[i / 2].id);
		const char *text = is_public ? rows[i / 2].public_text
					     : rows[i / 2].private_text;
		EVP_PKEY *key = public_key(j, rows[i / 2].key);
		const struct signing_key *k;

		unit_case("%zu", i);
		place.is_public = is_public;
		int result = token_key_open(j, j->arena, &place, key, &k);
		if (text == NULL) {
			assert_int_equal(result, 0);
			continue;
		}
		assert_int_equal(result, -1);
		assert_non_null(strstr(j->err.text, text));
		job_recover(j);
	}
}

/* PK-199: the PIN's file. */
static void
test_pin_file(void **state)
{
	static const struct {
		mode_t mode;
		const char *text;
	} rows[] = { { 0440, "can read" }, { 0600, "chmod it to 0400" },
		{ 0404, "can read" } };
	struct job *j = lab_job();
	struct token_place place = place_of("p256", "01");
	const struct signing_key *k;
	(void)state;

	NEEDS_TOKEN;
	EVP_PKEY *key = public_key(j, "p256");
	place.pin_file = path_of("pin-open");
	for (size_t i = 0; i < COUNT(rows); i++) {
		write_file("pin-open", rows[i].mode, PIN);
		assert_int_equal(
		    token_key_open(j, j->arena, &place, key, &k), -1);
		assert_non_null(strstr(j->err.text, rows[i].text));
		job_recover(j);
	}
}

/* PK-200: the token goes away and comes back. */
static void
test_lost(void **state)
{
	struct job *j = lab_job();
	struct token_place place = place_of("p256", "01");
	const struct signing_key *k;
	unsigned char out[SIGNATURE_MAX];
	struct span m = SPAN("message");
	static const int64_t pauses[] = { 1, 2, 4, 8, 16, 32, 60, 60 };
	size_t n;
	(void)state;

	NEEDS_TOKEN;
	EVP_PKEY *key = public_key(j, "p256");
	const struct sig_alg *alg = sig_alg_for(key, CA_ROLE_ISSUING);
	assert_int_equal(token_key_open(j, j->arena, &place, key, &k), 0);
	assert_int_equal(signing_key_use(j, k, alg, m, out, &n), 0);
	assert_int_equal(rename(path_of("tokens"), path_of("away")), 0);
	assert_int_equal(mkdir(path_of("tokens"), 0700), 0);
	end_sessions();
	for (size_t i = 0; i < COUNT(pauses); i++) {
		unit_case("pause %zu", i);
		assert_int_equal(signing_key_use(j, k, alg, m, out, &n), -1);
		assert_int_equal(j->err.kind, ERR_BUSY);
		job_recover(j);
		j->now += pauses[i] - 1;
		assert_int_equal(rmdir(path_of("tokens")), 0);
		assert_int_equal(rename(path_of("away"), path_of("tokens")), 0);
		assert_int_equal(k->ready(j, k->context), -1);
		job_recover(j);
		assert_int_equal(rename(path_of("tokens"), path_of("away")), 0);
		assert_int_equal(mkdir(path_of("tokens"), 0700), 0);
		j->now += 1;
	}
	assert_int_equal(rmdir(path_of("tokens")), 0);
	assert_int_equal(rename(path_of("away"), path_of("tokens")), 0);
	assert_int_equal(k->ready(j, k->context), 0);
	assert_int_equal(signing_key_use(j, k, alg, m, out, &n), 0);
	assert_true(verifies(j, key, alg, m, out, n));
}

/* PK-199: a wrong PIN is tried once; the next start finds the token's mark and
 * does not try at all.  Last, since the token remembers. */
static void
test_wrong_pin(void **state)
{
	struct job *j = lab_job();
	struct token_place place = place_of("p256", "01");
	const struct signing_key *k;
	(void)state;

	NEEDS_TOKEN;
	EVP_PKEY *key = public_key(j, "p256");
	write_file("pin-wrong", 0400, "not-the-pin");
	place.pin_file = path_of("pin-wrong");
	assert_int_equal(token_key_open(j, j->arena, &place, key, &k), -1);
	assert_non_null(strstr(j->err.text, "CKR_PIN_INCORRECT"));
	assert_int_equal(j->err.kind, ERR_INTERNAL);
	job_recover(j);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    token_key_open(j, j->arena, &place, key, &k), -1);
		assert_non_null(
		    strstr(j->err.text, "a wrong PIN was tried before"));
		job_recover(j);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_ecdsa_der),
	cmocka_unit_test(test_digest_info),
	cmocka_unit_test(test_signs),
	cmocka_unit_test(test_refusals),
	cmocka_unit_test(test_pin_file),
	cmocka_unit_test(test_lost),
	cmocka_unit_test(test_wrong_pin),
};

int
main(void)
{
	group_setup();
	return unit_run(tests, COUNT(tests));
}
