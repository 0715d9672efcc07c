/*
 * Keys of a ceremony, in files and in SoftHSM (PK-195, PK-198, PK-208 to
 * PK-211), what is refused, and what else an issuing CA may be for (PK-122,
 * PK-123).
 */
#include "config.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/count.h"
#include "lib/fdio.h"
#include "pki/ceremony_bundle.h"
#include "pki/ceremony_lock.h"
#include "pki/ceremony_root.h"
#include "pki/policy_oid.h"
#include "tests/unit/ceremony_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/token_lab.h"
#include "tests/unit/unit.h"

#define GOOD(j, call)                                                          \
	do {                                                                   \
		if ((call) < 0)                                                \
			fail_msg("%s", (j)->err.text);                         \
	} while (0)

static void
assert_refused(struct job *j, int result, const char *text)
{
	assert_int_equal(result, -1);
	if (strstr(j->err.text, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, j->err.text);
	job_recover(j);
}

static int
init_root(struct ceremony *c)
{
	return ceremony_init_root(c, &ceremony_lab_root, "p384");
}

static bool
is_there(struct job *j, const char *dir, const char *name)
{
	return access(arena_printf(j->arena, "%s/%s", dir, name), F_OK) == 0;
}

/* PK-195, PK-208 */
static void
test_refused_without_token(void **state)
{
	struct job *j = lab_job();
	struct ceremony c = ceremony_lab(j, ceremony_lab_dir(j));
	struct ceremony_token t = { .pin = "ask" };
	(void)state;

	c.is_private = false;
	assert_refused(j, init_root(&c), "--root-key-module");
	assert_refused(j, ceremony_request(&c, &ceremony_lab_issuing, "p384"),
	    "--private");
	c.is_private = true;
	c.token = &t;
	assert_refused(j, init_root(&c), "for a key in a token");
	t = (struct ceremony_token){ .token = "root" };
	assert_refused(j, init_root(&c), "--root-key-module and");
	c.token = NULL;
	c.second = " ann ";
	assert_refused(j, init_root(&c), "must not be the same (PK-208)");
	c.second = " ";
	assert_refused(j, init_root(&c), "has no name (PK-208)");
	c.second = NULL;
	assert_refused(j, init_root(&c), "--single-operator (PK-208)");
	assert_int_equal(access(c.dir, F_OK), -1);
}

/* A rehearsal shows the way with keys that are thrown away (PK-213). */
static void
test_rehearsal(void **state)
{
	const struct ca_subject name = { "DE", "Example Mail GmbH",
		CEREMONY_REHEARSAL "Example Root CA" };
	struct job *j = lab_job();
	struct ceremony c = ceremony_lab(j, ceremony_lab_dir(j));
	(void)state;

	c.is_private = false;
	c.is_online = false;
	if (ceremony_init_root(&c, &name, "p384") < 0)
		/* Where a network interface is up, it goes as far as that. */
		assert_refused(j, -1, "PK-209");
	assert_true(ceremony_lab_said(j, c.dir, "act: root"));
}

/* PK-195, PK-196, PK-208: what is mistyped. */
static void
test_refused(void **state)
{
	struct ceremony_token good;
	struct job *j = lab_job();
	(void)state;

	NEEDS_TOKEN;
	good = ceremony_lab_place("root");
	const struct {
		const char *text;
		struct ceremony_token t;
		bool is_public;
	} rows[] = {
		{ "absolute path", { .module = "softhsm", .token = "root" },
		    false },
		{ "no such file",
		    { .module = "/usr/lib/none.so", .token = "root" }, false },
		{ "none is labelled", { .module = good.module, .token = "no" },
		    false },
		{ "at most 32 octets",
		    { .module = good.module,
			.token = "a label of more than 32 octets in all" },
		    false },
		{ "hexadecimal",
		    { .module = good.module, .token = "root", .id = "0a1" },
		    false },
		{ "without quotes",
		    { .module = good.module, .token = "root", .label = "a\"b" },
		    false },
		{ "not a PKCS#11 module",
		    { .module = "/lib/x86_64-linux-gnu/libc.so.6",
			.token = "root" },
		    false },
		{ "module-certificate is missing", good, true },
		{ "SoftHSM is not a device",
		    { .module = good.module,
			.token = "root",
			.statement = "FIPS 140-3 level 3, certificate 1" },
		    true },
		{ "quorum",
		    { .module = good.module, .token = "root", .pin = "/pin" },
		    false },
		{ "number of an open descriptor",
		    { .module = good.module,
			.token = "root",
			.pin = "fd:x",
			.quorum = "two cards" },
		    false },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ceremony_token t = rows[i].t;
		struct ceremony c = ceremony_lab(j, ceremony_lab_dir(j));

		if (t.module != NULL && access(t.module, F_OK) < 0 &&
		    strstr(t.module, "libc.so") != NULL)
			continue;
		unit_case("%s", rows[i].text);
		c.token = &t;
		/* A rehearsal of nothing: no interface is looked at. */
		c.is_private = true;
		if (rows[i].is_public) {
			struct ceremony_key k;

			c.is_private = false;
			int r = ceremony_key_plan(&c, "root", false, &k);
			if (r == 0) {
				GOOD(j, mkdir(c.dir, 0700));
				r = ceremony_key_take(&c, &k, "p384");
			}
			assert_refused(j, r, rows[i].text);
		} else {
			assert_refused(j, init_root(&c), rows[i].text);
		}
		assert_false(is_there(j, c.dir, "root-key.token"));
		assert_false(is_there(j, c.dir, "root.pem"));
	}
}

/* PK-199: one try; typed again by hand it is tried again. */
static void
test_wrong_pin(void **state)
{
	struct ceremony_token t;
	struct job *j = lab_job();
	struct ceremony c = ceremony_lab(j, ceremony_lab_dir(j));
	unsigned before;
	(void)state;

	NEEDS_TOKEN;
	t = ceremony_lab_place("root");
	c.token = &t;
	before = ceremony_lab_pins();
	ceremony_lab_wrong_pin("part9");
	assert_refused(j, init_root(&c), "CKR_PIN_INCORRECT");
	assert_int_equal(ceremony_lab_pins() - before, 2);
	assert_false(is_there(j, c.dir, "root-key.token"));
	ceremony_lab_wrong_pin("no");
	assert_refused(j, init_root(&c), "4 to 100 octets");
	ceremony_lab_wrong_pin(NULL);
	GOOD(j, init_root(&c));
}

/* PK-198, PK-209, PK-210, PK-214 */
static void
test_tokens(void **state)
{
	struct job *j = lab_job();
	const char *dir = ceremony_lab_dir(j);
	const char *root = arena_printf(j->arena, "%s/root", dir);
	const char *issuing = arena_printf(j->arena, "%s/issuing", dir);
	struct bundle *b = arena_alloc(j->arena, sizeof *b);
	struct ceremony_token one, two;
	struct ceremony c;
	const char *lints;
	struct span tar;
	(void)state;

	NEEDS_TOKEN;
	one = ceremony_lab_place("root");
	two = ceremony_lab_place("issuing");
	two.label = "the issuing key";
	two.id = "0a1b";
	ceremony_lab_whole(j, dir, &one, &two);
	assert_false(is_there(j, root, "root-key.pem"));
	assert_false(is_there(j, issuing, "issuing-key.pem"));
	assert_false(is_there(j, issuing, "ca-passphrase"));
	assert_true(ceremony_lab_said(j, root, "root key: made in the token"));
	assert_true(ceremony_lab_said(j, root,
	    "CKA_LOCAL true, CKA_SIGN true, CKA_ALWAYS_AUTHENTICATE false, "
	    "CKA_SENSITIVE true, CKA_ALWAYS_SENSITIVE true, "
	    "CKA_NEVER_EXTRACTABLE true, CKA_PRIVATE true, CKA_EXTRACTABLE "
	    "false, CKA_DECRYPT false, CKA_UNWRAP false, CKA_SIGN_RECOVER "
	    "false, CKA_DERIVE false"));
	assert_true(ceremony_lab_said(j, root, "verifies what it signs"));
	assert_true(
	    ceremony_lab_said(j, root, "session with token root is closed"));
	assert_true(ceremony_lab_said(j, issuing,
	    "in the token issuing, label the issuing key, id "
	    "0a1b"));
	/* The folder knows its token; another one is not taken. */
	c = ceremony_lab(j, root);
	GOOD(j, ceremony_root_crl(&c, NULL, 0));
	c.token = &two;
	assert_refused(j, ceremony_root_crl(&c, NULL, 0), "leave the option");
	c.token = NULL;
	assert_refused(j, init_root(&c), "holds a whole root");
	/* A second folder does not get the first one's key. */
	c = ceremony_lab(j, ceremony_lab_dir(j));
	c.token = &two;
	assert_refused(j, ceremony_request(&c, &ceremony_lab_issuing, "p384"),
	    "has a key with label");
	GOOD(j, ceremony_bundle_make(j, dir, b, &tar));
	GOOD(j, ceremony_bundle_check(j, tar, b, &lints));
	assert_non_null(bundle_find(b, "root/root-key.token"));
	assert_non_null(bundle_find(b, "issuing/issuing-key.token"));
	token_lab_end_sessions();
}

/* What the folder says of its key is not changed unnoticed. */
static void
test_changed_place(void **state)
{
	static const char *const broken[] = { "key_module = \"/x\"\n",
		"key_token = \"a\"\nkey_token = \"b\"\n", "hello\n",
		"key_token = a\n", "key_token = \"\n" };
	struct job *j = lab_job();
	struct ceremony c = ceremony_lab(j, ceremony_lab_dir(j));
	(void)state;

	GOOD(j, mkdir(c.dir, 0700));
	for (size_t i = 0; i < COUNT(broken); i++) {
		struct ceremony_key k;

		unit_case("%s", broken[i]);
		GOOD(j, file_write(j, ceremony_path(&c, "root-key.token"), 0444,
			    span_str(broken[i])));
		assert_refused(j, ceremony_key_plan(&c, "root", false, &k),
		    "root-key.token");
	}
}

/* A public half that a generation left, which was cut off. */
static void
test_half_made(void **state)
{
	struct ceremony_token t;
	struct job *j = lab_job();
	struct ceremony c = ceremony_lab(j, ceremony_lab_dir(j));
	struct ceremony_key k;
	char command[512];
	(void)state;

	NEEDS_TOKEN;
	t = ceremony_lab_place("root");
	t.id = "77";
	t.label = "half";
	c.token = &t;
	GOOD(j, ceremony_key_plan(&c, "root", false, &k));
	GOOD(j, ceremony_open(&c, CEREMONY_ROOT));
	GOOD(j, ceremony_key_take(&c, &k, "p384"));
	GOOD(j, ceremony_unlock(&c, ceremony_key_close(&c, &k)));
	snprintf(command, sizeof command,
	    "pkcs11-tool --module %s --token-label root --login --pin "
	    "part1part2 --delete-object --type privkey --id 77 >/dev/null "
	    "2>&1",
	    t.module);
	assert_int_equal(system(command), 0);
	GOOD(j, init_root(&c));
	/* Once it is certified, no other is made in its place. */
	assert_int_equal(system(command), 0);
	assert_refused(j, ceremony_root_crl(&c, NULL, 0), "no private half");
	token_lab_end_sessions();
}

/* --- PK-211 --------------------------------------------------------------- */

static void
test_backup_file(void **state)
{
	struct job *j = lab_job();
	struct ceremony c = ceremony_lab(j, ceremony_lab_dir(j));
	struct ceremony other = ceremony_lab(j, ceremony_lab_dir(j));
	const char *folder = ceremony_lab_dir(j);
	struct ceremony_backup b = { .dir = c.dir };
	(void)state;

	GOOD(j, mkdir(folder, 0700));
	assert_refused(j, ceremony_backup_act(&c), "say where");
	c.backup = other.backup = &b;
	assert_refused(j, init_root(&c), "must be a folder");
	b.none = "because";
	assert_refused(j, init_root(&c), "exclude each other");
	b = (struct ceremony_backup){ .token = "backup" };
	assert_refused(j, init_root(&c), "the key is in a file");
	b = (struct ceremony_backup){ .pin = "ask" };
	assert_refused(j, init_root(&c), "exclude each other");
	b = (struct ceremony_backup){ .none = "" };
	assert_refused(j, init_root(&c), "why there is none");
	assert_int_equal(access(c.dir, F_OK), -1);
	c.backup = NULL;
	GOOD(j, init_root(&c));
	assert_true(
	    ceremony_lab_said(j, c.dir, "WARNING: root key: no backup"));
	c.backup = &b;
	b = (struct ceremony_backup){ .dir = c.dir };
	assert_refused(j, ceremony_backup_act(&c), "folder of the key itself");
	b.dir = folder;
	GOOD(j, ceremony_backup_act(&c));
	assert_true(ceremony_lab_said(j, c.dir, "root key: restored"));
	assert_true(span_eq(ceremony_lab_read(j, c.dir, "root-key.pem"),
	    ceremony_lab_read(j, folder, "root-key.pem")));
	GOOD(j, ceremony_backup_act(&c));
	/* Nobody's backup is overwritten by another one. */
	assert_refused(j, init_root(&other), "another key's");
	assert_int_equal(ceremony_is_done(j, other.dir, CEREMONY_ROOT), 0);
	b = (struct ceremony_backup){ .none = "kept in a safe, by hand" };
	GOOD(j, init_root(&other));
	assert_true(ceremony_lab_said(j, other.dir,
	    "no backup, as the operator states: kept in a safe, by hand"));
	assert_int_equal(ceremony_is_done(j, other.dir, CEREMONY_ROOT), 1);
}

/* The issuing key's passphrase goes with it: alone it opens nothing. */
static void
test_backup_issuing(void **state)
{
	struct job *j = lab_job();
	const char *dir = ceremony_lab_dir(j);
	const char *folder = ceremony_lab_dir(j);
	struct ceremony_backup b = { .dir = folder };
	struct ceremony c =
	    ceremony_lab(j, arena_printf(j->arena, "%s/issuing", dir));
	(void)state;

	ceremony_lab_whole(j, dir, NULL, NULL);
	GOOD(j, mkdir(folder, 0700));
	c.backup = &b;
	GOOD(j, ceremony_backup_act(&c));
	assert_true(is_there(j, folder, "issuing-key.pem"));
	assert_true(is_there(j, folder, "ca-passphrase"));
	assert_true(ceremony_lab_said(j, c.dir, "issuing key: restored"));
}

static int
import_again(struct job *j, const char *dir, struct ceremony *c)
{
	return ceremony_import(c, arena_printf(j->arena, "%s/signed.pem", dir),
	    arena_printf(j->arena, "%s/root/root.pem", dir));
}

/* PK-209, step 10: the first list of the issuing CA, once; a renewal makes no
 * other, and a folder of before, whose service has begun, gets none. */
static void
test_first_list(void **state)
{
	struct job *j = lab_job();
	const char *dir = ceremony_lab_dir(j);
	struct ceremony c =
	    ceremony_lab(j, arena_printf(j->arena, "%s/issuing", dir));
	struct ceremony_cert own;
	struct crl_input list;
	struct span der;
	(void)state;

	ceremony_lab_whole(j, dir, NULL, NULL);
	GOOD(j, ceremony_cert_read(
		    j, arena_printf(j->arena, "%s/issuing.pem", c.dir), &own));
	GOOD(j, ceremony_list_read(
		    &c, "issuing.crl", X509_get0_pubkey(own.x509), &list));
	assert_int_equal(list.number, 1);
	assert_int_equal(list.count, 0);
	der = ceremony_lab_read(j, c.dir, "issuing.crl");
	GOOD(j, crl_read_times(der, &list));
	assert_int_equal(
	    list.next_update, list.this_update + CRL_LIFE_SECS - 1);
	GOOD(j, import_again(j, dir, &c));
	assert_true(span_eq(der, ceremony_lab_read(j, c.dir, "issuing.crl")));
	/* of another CA */
	GOOD(j,
	    file_write(j, arena_printf(j->arena, "%s/issuing.crl", c.dir), 0444,
		ceremony_lab_read(
		    j, arena_printf(j->arena, "%s/root", dir), "root.crl")));
	assert_int_equal(import_again(j, dir, &c), -1);
	assert_non_null(strstr(j->err.text, "is not this CA's list"));
	job_recover(j);
	GOOD(j, unlink(arena_printf(j->arena, "%s/issuing.crl", c.dir)));
	GOOD(j, import_again(j, dir, &c));
	assert_false(is_there(j, c.dir, "issuing.crl"));
}

static void
copy_to(struct job *j, const char *from, const char *name, const char *to)
{
	GOOD(j, file_write(j, arena_printf(j->arena, "%s/%s", to, name), 0400,
		    ceremony_lab_read(j, from, name)));
}

static void
copy_key(struct job *j, const char *dir, const char *to)
{
	const char *from = arena_printf(j->arena, "%s/issuing", dir);

	copy_to(j, from, "issuing-key.pem", to);
	copy_to(j, from, "ca-passphrase", to);
}

static bool
tells(struct job *j, const struct ceremony *c, const char *what)
{
	struct span text = ceremony_lab_read(j, c->dir, "transcript");

	return span_find_span(text, 0, span_str(what)) < text.n;
}

/* Another folder than those of a whole ceremony. */
static struct ceremony
beside_whole(struct job *j, const char **dir)
{
	*dir = ceremony_lab_dir(j);
	ceremony_lab_whole(j, *dir, NULL, NULL);
	return ceremony_lab(j, arena_printf(j->arena, "%s/again", *dir));
}

/* PK-209, step 10: where the key came from its backup, number 1 may be out. */
static void
test_first_list_restored(void **state)
{
	struct job *j = lab_job();
	const char *dir;
	struct ceremony c = beside_whole(j, &dir);
	(void)state;

	assert_refused(j, import_again(j, dir, &c), "no issuing key here");
	copy_key(j, dir, c.dir);
	GOOD(j, import_again(j, dir, &c));
	assert_true(is_there(j, c.dir, "issuing.pem"));
	assert_false(is_there(j, c.dir, "issuing.crl"));
	assert_true(tells(j, &c,
	    " issuing.crl: not made: the key was not made in this folder"));
	/* nor after acts that would say that they made it */
	for (int i = 0; i < 2; i++)
		GOOD(j, ceremony_request(&c, &ceremony_lab_issuing, "p384"));
	assert_true(tells(j, &c, " issuing key: not made here"));
	assert_false(tells(j, &c, " issuing key: made"));
	GOOD(j, unlink(arena_printf(j->arena, "%s/issuing.pem", c.dir)));
	GOOD(j, import_again(j, dir, &c));
	assert_false(is_there(j, c.dir, "issuing.crl"));
}

/* The same where the transcript was restored as well, and not the list. */
static void
test_first_list_lost(void **state)
{
	struct job *j = lab_job();
	const char *dir;
	struct ceremony c = beside_whole(j, &dir);
	(void)state;

	GOOD(j, mkdir(c.dir, 0700));
	copy_key(j, dir, c.dir);
	copy_to(
	    j, arena_printf(j->arena, "%s/issuing", dir), "transcript", c.dir);
	GOOD(j, import_again(j, dir, &c));
	assert_false(is_there(j, c.dir, "issuing.crl"));
	assert_true(
	    tells(j, &c, " issuing.crl: not made: the transcript tells"));
}

/* The device's own backup, seen from here: the same key in another token, and
 * another module; and a link to the first one. */
static void
copy_tokens(struct job *j, const char **conf, const char **module)
{
	char command[1024];

	*conf = token_lab_path("softhsm2-copy.conf");
	*module = token_lab_path("other-module.so");
	snprintf(command, sizeof command,
	    "cp -a %s %s && sed s,/tokens,/copied, %s >%s && "
	    "ln -s %s %s && cat %s >%s && echo >>%s",
	    token_lab_path("tokens"), token_lab_path("copied"),
	    token_lab_path("softhsm2.conf"), *conf,
	    ceremony_lab_place("").module, token_lab_path("link.so"),
	    ceremony_lab_place("").module, *module, *module);
	(void)j;
	assert_int_equal(system(command), 0);
}

static void
test_backup_token(void **state)
{
	struct ceremony_token t;
	struct job *j = lab_job();
	struct ceremony c = ceremony_lab(j, ceremony_lab_dir(j));
	struct ceremony_backup b = { .token = "root" };
	const char *conf, *module;
	(void)state;

	NEEDS_TOKEN;
	t = ceremony_lab_place("root");
	c.token = &t;
	c.backup = &b;
	assert_refused(j, init_root(&c), "token of the key itself");
	b.dir = "/";
	b.token = NULL;
	assert_refused(j, init_root(&c), "--root-backup-token");
	assert_int_equal(access(c.dir, F_OK), -1);
	/* A token into which nobody has restored it. */
	b = (struct ceremony_backup){ .token = "issuing" };
	assert_refused(j, init_root(&c), "the backup: token issuing: no");
	assert_int_equal(ceremony_is_done(j, c.dir, CEREMONY_ROOT), 0);
	token_lab_end_sessions();
	copy_tokens(j, &conf, &module);
	/* By another path it is the same. */
	b = (struct ceremony_backup){ .token = "root",
		.module = token_lab_path("link.so") };
	assert_refused(j, init_root(&c), "token of the key itself");
	b.module = module;
	GOOD(j, init_root(&c));
	assert_true(ceremony_lab_said(j, c.dir,
	    arena_printf(
		j->arena, "backed up in token root, module %s", module)));
	assert_true(ceremony_lab_said(j, c.dir, "root key: restored"));
	token_lab_end_sessions();
}

/* --- PK-122, PK-123 ------------------------------------------------------- */

static void
test_purposes(void **state)
{
	struct job *j = lab_job();
	const char *dir = ceremony_lab_dir(j);
	const char *out = ceremony_lab_dir(j);
	struct ceremony c =
	    ceremony_lab(j, arena_printf(j->arena, "%s/root", dir));
	struct ceremony_sign in;
	struct ceremony_cert cert;
	struct span own;
	(void)state;

	ceremony_lab_whole(j, dir, NULL, NULL);
	in = ceremony_lab_sign(
	    j, arena_printf(j->arena, "%s/issuing", dir), out);
	assert_null(policy_oid_read(j->arena, "1.3.6.1.4.1.32473.1", &own));
	in.client_auth = true;
	in.policies = &own;
	in.policy_count = 1;
	assert_refused(j, ceremony_sign(&c, &in), "purposes or policies");
	in.is_renewal = true;
	/* From that day on, whatever the first hour of its validity. */
	j->now = 1814400000;
	assert_refused(j, ceremony_sign(&c, &in), "2027-07-01");
	j->now--;
	GOOD(j, ceremony_sign(&c, &in));
	GOOD(j, ceremony_cert_read(j, out, &cert));
	assert_int_equal(
	    X509_get_extended_key_usage(cert.x509), XKU_SMIME | XKU_SSL_CLIENT);
	assert_true(span_find_span(cert.view.tbs, 0, own) < cert.view.tbs.n);
	in.is_renewal = false;
	GOOD(j, ceremony_sign(&c, &in));
}

/* PK-101, PK-123 */
static void
test_policy_oids(void **state)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{ "1.3.6.1.4.1.32473.1", NULL },
		{ "2.23.140.1.5.1.2", "not an OID of your own" },
		{ "2.5.29.32.0", "anyPolicy is forbidden" },
		{ "emailProtection", "not an OID in dots" },
		{ "", "not an OID in dots" },
		{ "1.3.", "not an OID in dots" },
		{ "1.2.3", "4 to 20 numbers" },
		{ "1.2.3.4", NULL },
		{ "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20", NULL },
		{ "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21",
		    "4 to 20 numbers" },
		{ "1.3.6.1.4.1.268435455", NULL },
		{ "1.3.6.1.4.1.268435456", "up to 268435455" },
		{ "2.25.329800735698586629295641978511506172918",
		    "up to 268435455" },
	};
	struct job *j = lab_job();
	(void)state;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span oid;
		const char *problem =
		    policy_oid_read(j->arena, rows[i].text, &oid);

		unit_case("%s", rows[i].text);
		if (rows[i].problem == NULL)
			assert_null(problem);
		else
			assert_non_null(strstr(problem, rows[i].problem));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_without_token),
		cmocka_unit_test(test_rehearsal),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_wrong_pin),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_changed_place),
		cmocka_unit_test(test_half_made),
		cmocka_unit_test(test_backup_file),
		cmocka_unit_test(test_backup_issuing),
		cmocka_unit_test(test_first_list),
		cmocka_unit_test(test_first_list_restored),
		cmocka_unit_test(test_first_list_lost),
		cmocka_unit_test(test_purposes),
		cmocka_unit_test(test_policy_oids),
		/* Switches to another configuration of SoftHSM: the last. */
		cmocka_unit_test(test_backup_token),
	};

	token_lab_start_empty();
	if (token_lab_is_there()) {
		ceremony_lab_token("root");
		ceremony_lab_token("issuing");
	}
	return unit_run(tests, COUNT(tests));
}
