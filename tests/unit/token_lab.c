#include "config.h"

#include "tests/unit/token_lab.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "pki/ossl.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

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

void
token_lab_write(const char *name, mode_t mode, const char *text)
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

const char *
token_lab_path(const char *name)
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
	    module, TOKEN_PIN, label, id, options);
}

EVP_PKEY *
token_lab_public_key(struct job *j, const char *label)
{
	const char *path = token_lab_path("public.der");
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

struct token_place
token_lab_place(const char *label, const char *id)
{
	return (struct token_place){ .module = module,
		.token = "ca",
		.label = label,
		.id = id,
		.pin_file = token_lab_path("pin"),
		.statement = "none" };
}

CK_FUNCTION_LIST *
token_lab_functions(void)
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

void
token_lab_end_sessions(void)
{
	(void)token_lab_functions()->C_Finalize(NULL);
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
	unsigned char label[32], pin[] = TOKEN_PIN, id = flaw->id;
	CK_FUNCTION_LIST *f = token_lab_functions();
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
	token_lab_end_sessions();
}

/* pkcs11-tool 0.23 cannot read the public part of a P-384 key, so this one is
 * brought along. */
void
token_lab_import_into(
    const char *token, const char *label, const char *id, EVP_PKEY *key)
{
	const char *path = token_lab_path("import.pem");
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(
	    PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	run("softhsm2-util --import %s --token %s --label %s --id %s --pin %s "
	    ">/dev/null",
	    path, token, label, id, TOKEN_PIN);
	(void)unlink(path);
}

void
token_lab_import(const char *label, const char *id, EVP_PKEY *key)
{
	token_lab_import_into("ca", label, id, key);
}

void
token_lab_add(const char *token)
{
	run("softhsm2-util --init-token --free --label %s --so-pin so-secret "
	    "--pin %s >/dev/null",
	    token, TOKEN_PIN);
	run("mkdir %s/away-%s", folder, token);
}

void
token_lab_take_away(const char *token)
{
	run("mv \"$(dirname \"$(grep -l '%s  ' %s/tokens/*/token.object)\")\" "
	    "%s/away-%s/",
	    token, folder, folder, token);
}

void
token_lab_bring_back(const char *token)
{
	run("mv %s/away-%s/* %s/tokens/", folder, token, folder);
}

void
token_lab_start_empty(void)
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
	assert_int_equal(mkdir(token_lab_path("tokens"), 0700), 0);
	snprintf(conf, sizeof conf,
	    "directories.tokendir = %s/tokens\nobjectstore.backend = file\n"
	    "log.level = ERROR\n",
	    folder);
	token_lab_write("softhsm2.conf", 0600, conf);
	setenv("SOFTHSM2_CONF", token_lab_path("softhsm2.conf"), 1);
	token_lab_write("pin", 0400, TOKEN_PIN "\n");
	token_lab_add("ca");
}

void
token_lab_save(void)
{
	run("cp -a %s/tokens %s/tokens.saved", folder, folder);
}

void
token_lab_restore(void)
{
	run("rm -rf %s/tokens && cp -a %s/tokens.saved %s/tokens", folder,
	    folder, folder);
}

void
token_lab_start(void)
{
	token_lab_start_empty();
	if (module == NULL)
		return;
	make_key("p256", "01", "--key-type EC:prime256v1 --usage-sign");
	token_lab_import("p384", "02", lab_key(KEY_TYPE_P384, 0));
	make_key("rsa2048", "03", "--key-type rsa:2048 --usage-sign");
	make_key("rsa4096", "04", "--key-type rsa:4096 --usage-sign");
	make_key("twice", "05", "--key-type EC:prime256v1 --usage-sign");
	make_key("twice", "05", "--key-type EC:prime256v1 --usage-sign");
	for (size_t i = 0; i < COUNT(flaws); i++)
		make_flawed(&flaws[i]);
}

bool
token_lab_is_there(void)
{
	return module != NULL;
}
