#include "config.h"

#include "tests/unit/pki_lab.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fdio.h"
#include "lib/hex.h"
#include "pki/certfield.h"
#include "pki/certview.h"
#include "pki/der.h"
#include "pki/issue.h"
#include "pki/key.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

#define CA_MAX 4
#define KEY_MAX 9
#define CSR_ROOM (64 * 1024)

const struct profile lab_profile = {
	.name = "lab-multipurpose",
	.description = "for tests",
	.generation = GENERATION_MULTIPURPOSE,
	.classes = LAB_ANY_CLASS,
	.keys = LAB_ANY_KEY,
};

static const char *folder;

static struct {
	char type[16];
	char folder[128];
	const struct ca *ca;
} cas[CA_MAX];
static struct arena *ca_arena;
static EVP_PKEY *keys[KEY_MAX];

struct job *
lab_job(void)
{
	struct job *j = unit_job();

	j->now = LAB_NOW;
	return j;
}

static void
clean_up(void)
{
	arena_free(ca_arena);
	for (size_t i = 0; i < KEY_MAX; i++)
		EVP_PKEY_free(keys[i]);
}

const char *
lab_folder(void)
{
	if (folder == NULL) {
		folder = unit_folder_new();
		atexit(clean_up);
	}
	return folder;
}

const char *
lab_path(struct job *j, const char *where, const char *name)
{
	return arena_printf(j->arena, "%s/%s", where, name);
}

struct span
lab_file(struct job *j, const char *path)
{
	struct span out = { 0 };

	if (file_read(j, path, 65536, &out) < 0)
		fail_msg("%s", j->err.text);
	return out;
}

static void
make_ca(size_t i, const char *key_type)
{
	struct job j;
	char path[4][256];

	job_init(&j, NULL, NULL);
	j.now = LAB_NOW;
	if (ca_arena == NULL)
		ca_arena = arena_new();
	snprintf(cas[i].type, sizeof cas[i].type, "%s", key_type);
	snprintf(cas[i].folder, sizeof cas[i].folder, "%s/%s", lab_folder(),
	    key_type);
	mkdir(cas[i].folder, 0700);
	const struct ca_init init = {
		.dir = cas[i].folder,
		.organization = "Example Mail GmbH",
		.country = "DE",
		.common_name = "Example Mail",
		.key_type = key_type,
		.root_crl_url = "http://crl.example.com/root.crl",
		.root_url = "http://ca.example.com/root.cer",
	};
	static const char *const names[] = { "issuing.pem", "root.pem",
		"issuing-key.pem", "ca-passphrase" };
	for (size_t k = 0; k < 4; k++)
		snprintf(
		    path[k], sizeof path[k], "%s/%s", cas[i].folder, names[k]);
	const struct ca_files files = { .certificate = path[0],
		.chain = path[1],
		.key = path[2],
		.passphrase_file = path[3] };
	if (ca_init_create(&j, &init) < 0 ||
	    ca_load(&j, ca_arena, &files, &cas[i].ca) < 0)
		fail_msg("CA of type %s: %s", key_type, j.err.text);
	job_done(&j);
}

static size_t
find_ca(const char *key_type)
{
	size_t i = 0;

	while (i < CA_MAX && cas[i].ca != NULL &&
	       strcmp(cas[i].type, key_type) != 0)
		i++;
	assert_true(i < CA_MAX);
	if (cas[i].ca == NULL)
		make_ca(i, key_type);
	return i;
}

const struct ca *
lab_ca(const char *key_type)
{
	return cas[find_ca(key_type)].ca;
}

const char *
lab_ca_folder(const char *key_type)
{
	return cas[find_ca(key_type)].folder;
}

EVP_PKEY *
lab_ca_key(const char *key_type)
{
	char path[512], passphrase[128] = "";
	EVP_PKEY *key;
	FILE *f;

	snprintf(
	    path, sizeof(path), "%s/ca-passphrase", lab_ca_folder(key_type));
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(passphrase, sizeof(passphrase), f));
	fclose(f);
	passphrase[strcspn(passphrase, "\n")] = '\0';
	snprintf(
	    path, sizeof(path), "%s/issuing-key.pem", lab_ca_folder(key_type));
	f = fopen(path, "r");
	assert_non_null(f);
	key = PEM_read_PrivateKey(f, NULL, NULL, passphrase);
	fclose(f);
	assert_non_null(key);
	return key;
}

EVP_PKEY *
lab_key(enum key_type type, int bits)
{
	static const char *const curves[] = { [KEY_TYPE_P256] = "P-256",
		[KEY_TYPE_P384] = "P-384",
		[KEY_TYPE_P521] = "P-521" };
	size_t slot = type == KEY_TYPE_RSA ? 5 + (size_t)(bits / 1024) % 4
					   : (size_t)type - 1;

	lab_folder(); /* registers the clean-up */
	if (keys[slot] != NULL)
		return keys[slot];
	if (type == KEY_TYPE_RSA)
		keys[slot] = EVP_RSA_gen((size_t)bits);
	else if (type == KEY_TYPE_ED25519)
		keys[slot] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else if (type == KEY_TYPE_ED448)
		keys[slot] = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
	else
		keys[slot] = EVP_EC_gen(curves[type]);
	assert_non_null(keys[slot]);
	return keys[slot];
}

struct span
lab_copy(struct job *j, struct span s)
{
	return span_mem(arena_memdup(j->arena, s.p, s.n), s.n);
}

struct span
lab_spki(struct job *j, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);

	assert_true(n > 0);
	struct span out = lab_copy(j, span_mem(der, (size_t)n));
	OPENSSL_free(der);
	return out;
}

struct span
lab_x509_der(struct job *j, X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);
	struct span out;

	assert_true(n > 0);
	out = lab_copy(j, span_mem(der, (size_t)n));
	OPENSSL_free(der);
	return out;
}

struct span
lab_der(struct job *j, uint8_t tag, struct span body)
{
	struct buf b;

	buf_init(&b, j->arena, CSR_ROOM);
	der_add(&b, tag, body);
	assert_true(buf_ok(&b));
	return buf_span(&b);
}

struct span
lab_join(struct job *j, struct span a, struct span b)
{
	struct buf out;

	buf_init(&out, j->arena, CSR_ROOM);
	buf_add(&out, a);
	buf_add(&out, b);
	assert_true(buf_ok(&out));
	return buf_span(&out);
}

struct span
lab_rfc822(struct job *j, const char *mailbox)
{
	return lab_der(j, DER_CONTEXT_PRIMITIVE(1), span_str(mailbox));
}

struct span
lab_smtp_utf8(struct job *j, const char *mailbox)
{
	struct span text = lab_der(j, DER_UTF8_STRING, span_str(mailbox));

	return lab_der(j, DER_CONTEXT(0),
	    lab_join(j, lab_der(j, DER_OID, OID_SMTP_UTF8_MAILBOX),
		lab_der(j, DER_CONTEXT(0), text)));
}

struct span
lab_rdn(struct job *j, struct span oid, uint8_t tag, struct span value)
{
	struct buf b;

	buf_init(&b, j->arena, CSR_ROOM);
	field_attribute(&b, oid, tag, value);
	return buf_span(&b);
}

struct span
lab_extension(struct job *j, struct span oid, bool critical, struct span value)
{
	struct buf b;

	buf_init(&b, j->arena, CSR_ROOM);
	struct extension_mark m = extension_open(&b, oid, critical);
	buf_add(&b, value);
	extension_close(&b, m);
	return buf_span(&b);
}

struct span
lab_named_bits(struct job *j, unsigned bits)
{
	unsigned char body[3] = { 0 };
	size_t n = 1;

	for (unsigned i = 0; i < 9; i++) {
		if (!(bits >> i & 1))
			continue;
		body[1 + i / 8] |= (unsigned char)(0x80u >> i % 8);
		n = 2 + i / 8;
		body[0] = (unsigned char)(7 - i % 8);
	}
	return lab_der(j, DER_BIT_STRING, span_mem(body, n));
}

struct span
lab_hex(struct job *j, const char *text)
{
	struct buf b;
	unsigned value;

	buf_init(&b, j->arena, CSR_ROOM);
	for (; *text != '\0'; text++) {
		if (*text == ' ')
			continue;
		assert_true(text[1] != '\0' && text[1] != ' ');
		assert_int_equal(sscanf(text, "%2x", &value), 1);
		buf_add_char(&b, (char)value);
		text++;
	}
	return buf_span(&b);
}

/* From behind an opening brace, or the beginning, to behind the closing one,
 * or the end. */
static const char *
add_notation(struct buf *b, const char *text, const struct span *words)
{
	unsigned value;
	size_t mark, n;

	while (*text != '\0' && *text != '}') {
		if (*text == ' ') {
			text++;
		} else if (*text >= 'A' && *text <= 'Z') {
			buf_add(b, words[*text++ - 'A']);
		} else if (*text == '\'') {
			n = strcspn(text + 1, "'");
			buf_add(b, span_mem(text + 1, n));
			text += n + 2;
		} else {
			assert_int_equal(sscanf(text, "%2x", &value), 1);
			text += 2;
			if (*text == '{') {
				mark = der_open(b, (uint8_t)value);
				text = add_notation(b, text + 1, words);
				der_close(b, mark);
			} else {
				buf_add_char(b, (char)value);
			}
		}
	}
	return *text == '}' ? text + 1 : text;
}

struct span
lab_notation(
    struct job *j, const char *text, const struct span words[LAB_WORDS])
{
	struct buf b;

	buf_init(&b, j->arena, CSR_ROOM);
	add_notation(&b, text, words);
	assert_true(buf_ok(&b));
	return buf_span(&b);
}

struct lab_csr
lab_csr(struct job *j, EVP_PKEY *key, const char *mailbox)
{
	return (struct lab_csr){ .key = key,
		.names = lab_rfc822(j, mailbox),
		.key_usage = LAB_NO_KEY_USAGE };
}

static struct span
extension_request(struct job *j, const struct lab_csr *c)
{
	struct span list = c->extensions;

	if (c->key_usage != LAB_NO_KEY_USAGE)
		list = lab_join(j,
		    lab_extension(j, OID_KEY_USAGE, true,
			lab_named_bits(j, (unsigned)c->key_usage)),
		    list);
	if (c->names.p != NULL)
		list = lab_join(j,
		    lab_extension(j, OID_SUBJECT_ALT_NAME, false,
			lab_der(j, DER_SEQUENCE, c->names)),
		    list);
	if (list.n == 0)
		return list;
	struct span value = lab_der(j, DER_SET, lab_der(j, DER_SEQUENCE, list));
	return lab_der(j, DER_SEQUENCE,
	    lab_join(j, lab_der(j, DER_OID, OID_EXTENSION_REQUEST), value));
}

static struct span
right_algorithm(struct job *j, const struct lab_csr *c)
{
	static const char *const names[] = { "SHA256", "SHA384", "SHA512" };
	static const char *const rsa[] = {
		"300d06092a864886f70d01010b0500",
		"300d06092a864886f70d01010c0500",
		"300d06092a864886f70d01010d0500",
	};
	static const char *const ec[] = {
		"300a06082a8648ce3d040302",
		"300a06082a8648ce3d040303",
		"300a06082a8648ce3d040304",
	};
	size_t i = 0;

	if (EVP_PKEY_get_base_id(c->key) == EVP_PKEY_ED25519)
		return lab_hex(j, "300506032b6570");
	if (EVP_PKEY_get_base_id(c->key) == EVP_PKEY_ED448)
		return lab_hex(j, "300506032b6571");
	while (c->digest != NULL && i < 2 && strcmp(names[i], c->digest) != 0)
		i++;
	return lab_hex(
	    j, EVP_PKEY_get_base_id(c->key) == EVP_PKEY_RSA ? rsa[i] : ec[i]);
}

static struct span
sign(struct job *j, const struct lab_csr *c, struct span info)
{
	unsigned char out[1024];
	size_t n = sizeof out;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pkey_ctx = NULL;
	const char *digest = c->digest != NULL ? c->digest : "SHA256";

	if (EVP_PKEY_get_base_id(c->key) == EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_base_id(c->key) == EVP_PKEY_ED448)
		digest = NULL;
	assert_int_equal(EVP_DigestSignInit_ex(
			     ctx, &pkey_ctx, digest, NULL, NULL, c->key, NULL),
	    1);
	if (c->pss) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(
				     pkey_ctx, RSA_PKCS1_PSS_PADDING),
		    1);
		assert_int_equal(
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey_ctx,
			c->pss_salt > 0 ? c->pss_salt : RSA_PSS_SALTLEN_DIGEST),
		    1);
	}
	assert_int_equal(
	    EVP_DigestSign(ctx, out, &n, (const unsigned char *)info.p, info.n),
	    1);
	EVP_MD_CTX_free(ctx);
	return lab_copy(j, span_mem(out, n));
}

struct span
lab_csr_make(struct job *j, const struct lab_csr *c)
{
	struct buf info;
	struct buf all;

	buf_init(&info, j->arena, CSR_ROOM);
	size_t mark = der_open(&info, DER_SEQUENCE);
	der_add_uint(&info, (uint64_t)c->version);
	der_add(&info, DER_SEQUENCE, c->rdns);
	buf_add(&info, c->spki.p != NULL ? c->spki : lab_spki(j, c->key));
	size_t attributes = der_open(&info, DER_CONTEXT(0));
	buf_add(&info, c->attributes);
	buf_add(&info, extension_request(j, c));
	der_close(&info, attributes);
	der_close(&info, mark);
	buf_init(&all, j->arena, CSR_ROOM);
	mark = der_open(&all, DER_SEQUENCE);
	buf_add(&all, buf_span(&info));
	buf_add(&all,
	    c->algorithm.p != NULL ? c->algorithm : right_algorithm(j, c));
	der_add_bit_string(&all, sign(j, c, buf_span(&info)));
	der_close(&all, mark);
	assert_true(buf_ok(&all));
	return buf_span(&all);
}

struct span
lab_issue(struct job *j, const struct ca *ca, const struct issue_input *in)
{
	struct issue_tbs tbs;
	struct span der = { 0 };

	if (issue_prepare(j, ca, in, &tbs) < 0 ||
	    issue_sign(j, ca, &tbs, &der) < 0)
		fail_msg("%s", j->err.text);
	return der;
}

const char *
lab_value_hex(struct job *j, const struct certview *v, struct span oid)
{
	const struct cert_extension *e = certview_extension(v, oid);

	return e == NULL ? "" : hex_dup(j->arena, e->value);
}
