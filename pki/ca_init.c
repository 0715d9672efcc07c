#include "config.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "lib/utf8.h"
#include "pki/ca.h"
#include "pki/certfield.h"
#include "pki/certview.h"
#include "pki/crl.h"
#include "pki/issue.h"
#include "pki/key.h"
#include "pki/keycheck.h"
#include "pki/oid.h"
#include "pki/ossl.h"

#define DAY_SECS ((int64_t)86400)
#define ROOT_DAYS 3650    /* PK-118 */
#define ISSUING_DAYS 1825 /* PK-118 */
/* As far back as a subscriber certificate may begin (PK-93): the first one
 * may be asked for at once. */
#define ALLOWANCE_SECS 3600
#define ROOT_CRL_DAYS 360 /* PK-156: below 12 months */
#define CERTIFICATE_MAX 8192
#define PEM_MAX (64 * 1024)
#define PASSPHRASE_OCTETS 32
#define NAME_BASE_MAX 50 /* with what is put behind it: 64 */
#define ORGANIZATION_MAX 64
#define SALT_LEN 16
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 1

enum {
	ROOT_PEM,
	ROOT_KEY,
	ISSUING_PEM,
	ISSUING_KEY,
	PASSPHRASE,
	ROOT_CRL,
	FILE_COUNT
};

static const struct {
	const char *name;
	mode_t mode;
} file_kinds[FILE_COUNT] = {
	[ROOT_PEM] = { "root.pem", 0444 },
	[ROOT_KEY] = { "root-key.pem", 0400 },
	[ISSUING_PEM] = { "issuing.pem", 0444 },
	[ISSUING_KEY] = { "issuing-key.pem", 0400 },
	[PASSPHRASE] = { "ca-passphrase", 0400 },
	[ROOT_CRL] = { "root.crl", 0444 },
};

struct output {
	const char *path;
	struct span data;
	bool is_written;
};

struct making {
	struct job *j;
	const struct ca_init *in;
	struct signer root;
	struct signer issuing;
	struct output files[FILE_COUNT];
};

/* --- what was asked for -------------------------------------------------- */

static bool
is_text(const char *s, size_t max)
{
	struct span t = span_str(s);

	return t.n > 0 && t.n <= max && utf8_is_plain(t) &&
	       span_trim(t).n == t.n;
}

/* PK-119: the names say who it is. */
static bool
is_generic(const char *s)
{
	static const char *const generic[] = { "ca", "root", "root ca",
		"issuing ca", "certificate authority",
		"certification authority" };

	for (size_t i = 0; i < sizeof generic / sizeof generic[0]; i++)
		if (span_caseeq_str(span_str(s), generic[i]))
			return true;
	return false;
}

static int
refuse(struct making *m, const char *what, const char *why)
{
	(void)job_fail(m->j, ERR_INTERNAL, "%s: %s", what, why);
	return -1;
}

static int
check_input(struct making *m)
{
	const struct ca_init *in = m->in;
	const char *problem;

	if (in->country == NULL || strlen(in->country) != 2 ||
	    in->country[0] < 'A' || in->country[0] > 'Z' ||
	    in->country[1] < 'A' || in->country[1] > 'Z')
		return refuse(
		    m, "country", "must be two capital letters (PK-119)");
	if (!is_text(in->organization, ORGANIZATION_MAX) ||
	    is_generic(in->organization))
		return refuse(m, "organization",
		    "must name it in 1 to 64 octets (PK-119)");
	if (!is_text(in->common_name, NAME_BASE_MAX) ||
	    is_generic(in->common_name))
		return refuse(m, "common name",
		    "must name the CA in 1 to 50 octets (PK-119)");
	problem = public_url_problem(span_str(in->root_crl_url));
	if (problem != NULL)
		return refuse(m, "URL of the root's CRL (PK-133)", problem);
	problem = public_url_problem(span_str(in->root_url));
	if (problem != NULL)
		return refuse(m, "URL of the root (PK-133)", problem);
	return 0;
}

static int
plan_files(struct making *m)
{
	struct stat st;

	for (size_t i = 0; i < FILE_COUNT; i++) {
		const char *path = arena_printf(
		    m->j->arena, "%s/%s", m->in->dir, file_kinds[i].name);
		if (lstat(path, &st) == 0)
			return job_fail(m->j, ERR_CONFLICT,
			    "%s exists: a CA is never overwritten", path);
		if (errno != ENOENT)
			return job_fail(m->j, ERR_INTERNAL, "%s: %s", path,
			    strerror(errno));
		m->files[i].path = path;
	}
	return 0;
}

/* --- keys ---------------------------------------------------------------- */

static EVP_PKEY *
generate_key(const char *type)
{
	if (strcmp(type, "p256") == 0)
		return EVP_EC_gen("P-256");
	if (strcmp(type, "p384") == 0)
		return EVP_EC_gen("P-384");
	if (strcmp(type, "rsa3072") == 0)
		return EVP_RSA_gen(3072);
	if (strcmp(type, "rsa4096") == 0)
		return EVP_RSA_gen(4096);
	return NULL;
}

static struct span
public_key_der(struct making *m, EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	struct span out = { 0 };

	if (n > 0)
		out = span_mem(
		    arena_memdup(m->j->arena, der, (size_t)n), (size_t)n);
	OPENSSL_free(der);
	return out;
}

static void
add_name(struct making *m, struct signer *s, const char *suffix)
{
	const char *name =
	    arena_printf(m->j->arena, "%s %s", m->in->common_name, suffix);
	struct buf b;

	buf_init(&b, m->j->arena, CERTIFICATE_MAX);
	size_t mark = der_open(&b, DER_SEQUENCE);
	field_attribute(
	    &b, OID_COUNTRY, DER_PRINTABLE_STRING, span_str(m->in->country));
	field_attribute(&b, OID_ORGANIZATION, DER_UTF8_STRING,
	    span_str(m->in->organization));
	field_attribute(&b, OID_COMMON_NAME, DER_UTF8_STRING, span_str(name));
	der_close(&b, mark);
	s->name = buf_span(&b);
}

static int
make_signer(struct making *m, struct signer *s, enum ca_role role,
    const char *suffix, struct span *spki)
{
	uint8_t *key_id = arena_alloc(m->j->arena, KEY_ID_LEN);
	EVP_PKEY *key = generate_key(m->in->key_type);
	enum key_type type;
	struct span bits;

	if (key == NULL)
		return refuse(
		    m, "key type", "must be p256, p384, rsa3072 or rsa4096");
	s->role = role;
	s->public_key = ossl_own_pkey(m->j->arena, key);
	s->key = signing_key_new(m->j->arena, key);
	s->alg = sig_alg_for(key, role);
	*spki = public_key_der(m, key);
	if (s->alg == NULL || spki_split(*spki, &type, &bits) < 0) {
		(void)ossl_fail(m->j, "generating a key");
		return -1;
	}
	key_id_compute(bits, key_id);
	s->key_id = span_mem(key_id, KEY_ID_LEN);
	add_name(m, s, suffix);
	return 0;
}

/* PK-201: PKCS#8, scrypt, AES-256-CBC. */
static int
encrypt_key(
    struct making *m, EVP_PKEY *key, struct span passphrase, struct span *pem)
{
	struct arena *a = m->j->arena;
	unsigned char salt[SALT_LEN];
	char *text;

	rnd_bytes(salt, sizeof salt);
	PKCS8_PRIV_KEY_INFO *plain = ossl_own_pkcs8(a, EVP_PKEY2PKCS8(key));
	X509_ALGOR *algorithm = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt,
	    sizeof salt, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
	if (plain == NULL || algorithm == NULL) {
		X509_ALGOR_free(algorithm);
		return ossl_fail(m->j, "encrypting a key");
	}
	X509_SIG *sealed = ossl_own_sig(a,
	    PKCS8_set0_pbe(passphrase.p, (int)passphrase.n, plain, algorithm));
	if (sealed == NULL) {
		X509_ALGOR_free(algorithm);
		return ossl_fail(m->j, "encrypting a key");
	}
	BIO *bio = ossl_own_bio(a, BIO_new(BIO_s_mem()));
	if (bio == NULL || PEM_write_bio_PKCS8(bio, sealed) != 1)
		return ossl_fail(m->j, "writing a key");
	long n = BIO_get_mem_data(bio, &text);
	*pem = span_mem(arena_memdup(a, text, (size_t)n), (size_t)n);
	return 0;
}

/* --- certificates (section 10) ------------------------------------------- */

static void
add_basic_constraints(struct buf *b, bool is_root)
{
	struct extension_mark m =
	    extension_open(b, OID_BASIC_CONSTRAINTS, true);
	size_t mark = der_open(b, DER_SEQUENCE);
	der_add_true(b);
	if (!is_root)
		der_add_uint(b, 0); /* pathLen, PK-120 */
	der_close(b, mark);
	extension_close(b, m);
}

static void
add_ca_extensions(struct making *m, struct buf *b, const struct signer *s)
{
	const struct span policies[] = { OID_MAILBOX_MULTIPURPOSE,
		OID_MAILBOX_STRICT };
	bool is_root = s == &m->root;
	size_t explicit = der_open(b, DER_CONTEXT(3));
	size_t list = der_open(b, DER_SEQUENCE);

	add_basic_constraints(b, is_root);
	extension_key_usage(b, SPAN("\x03\x02\x01\x06")); /* PK-121 */
	extension_subject_key_id(b, s->key_id);
	if (!is_root) {
		extension_authority_key_id(b, m->root.key_id);
		extension_email_protection(b);      /* PK-122 */
		extension_policies(b, policies, 2); /* PK-123 */
		extension_crl_point(b, m->in->root_crl_url);
		extension_authority_info(b, m->in->root_url, NULL);
	}
	der_close(b, list);
	der_close(b, explicit);
}

static int
make_certificate(struct making *m, const struct signer *s, struct span spki,
    int64_t days, struct span *der)
{
	uint8_t serial[SERIAL_LEN];
	int64_t from;
	int64_t to;
	struct buf b;

	issue_serial(1, serial);
	issue_validity(m->j->now, ALLOWANCE_SECS, days, &from, &to);
	buf_init(&b, m->j->arena, CERTIFICATE_MAX);
	size_t mark = der_open(&b, DER_SEQUENCE);
	field_head(&b, span_mem(serial, sizeof serial), m->root.alg->der,
	    m->root.name);
	field_validity(&b, from, to);
	buf_add(&b, s->name);
	buf_add(&b, spki);
	add_ca_extensions(m, &b, s);
	der_close(&b, mark);
	if (!buf_ok(&b))
		return refuse(m, "certificate", "too large");
	return signer_sign(m->j, &m->root, SIGNED_CA, buf_span(&b), der);
}

/* L-50 to L-57 as far as ca_load() does not repeat them: encoding, key
 * quality, the root's signature on both. */
static int
check_certificate(struct making *m, struct span der)
{
	X509 *x = ossl_x509(m->j->arena, der);
	struct certview v;
	EVP_PKEY *key = NULL;
	enum key_type type;
	const char *reason;

	if (x == NULL || certview_parse(der, &v) < 0)
		return refuse(m, "certificate", "not strict DER");
	reason =
	    keycheck_spki(m->j->arena, v.spki, KEYCHECK_SUBJECT, &type, &key);
	if (reason != NULL)
		return refuse(m, "key", reason);
	if (X509_verify(x, m->root.public_key) != 1)
		return ossl_fail(m->j, "the root's signature");
	return 0;
}

static int
take_pem(struct making *m, size_t file, struct span der)
{
	struct buf b;

	if (check_certificate(m, der) < 0)
		return -1;
	buf_init(&b, m->j->arena, PEM_MAX);
	pem_add(&b, "CERTIFICATE", der);
	m->files[file].data = buf_span(&b);
	return 0;
}

static int
make_certificates(struct making *m)
{
	struct span root_spki = { 0 };
	struct span issuing_spki = { 0 };
	struct span der = { 0 };

	if (make_signer(m, &m->root, CA_ROLE_ROOT, "Root CA", &root_spki) < 0 ||
	    make_signer(m, &m->issuing, CA_ROLE_ISSUING, "Issuing CA",
		&issuing_spki) < 0)
		return -1;
	if (make_certificate(m, &m->root, root_spki, ROOT_DAYS, &der) < 0 ||
	    take_pem(m, ROOT_PEM, der) < 0)
		return -1;
	if (make_certificate(m, &m->issuing, issuing_spki, ISSUING_DAYS, &der) <
	    0)
		return -1;
	return take_pem(m, ISSUING_PEM, der);
}

static int
make_crl(struct making *m)
{
	const struct crl_input list = {
		.number = 1,
		.this_update = m->j->now,
		.next_update = m->j->now + ROOT_CRL_DAYS * DAY_SECS - 1,
	};

	return crl_sign_as(
	    m->j, &m->root, CA_ROLE_ROOT, &list, &m->files[ROOT_CRL].data);
}

static int
make_keys(struct making *m)
{
	uint8_t octets[PASSPHRASE_OCTETS];
	struct buf b;

	rnd_bytes(octets, sizeof octets);
	buf_init_secret(&b, m->j->arena, 2 * PASSPHRASE_OCTETS);
	b64url_add(&b, span_mem(octets, sizeof octets));
	wipe(octets, sizeof octets);
	struct span passphrase = buf_span(&b);
	m->files[PASSPHRASE].data = passphrase;
	if (encrypt_key(m, m->root.public_key, passphrase,
		&m->files[ROOT_KEY].data) < 0)
		return -1;
	return encrypt_key(
	    m, m->issuing.public_key, passphrase, &m->files[ISSUING_KEY].data);
}

/* --- files --------------------------------------------------------------- */

static int
write_files(struct making *m)
{
	for (size_t i = 0; i < FILE_COUNT; i++) {
		if (file_create(m->j, m->files[i].path, file_kinds[i].mode,
			m->files[i].data) < 0)
			return -1;
		m->files[i].is_written = true;
	}
	return 0;
}

/* As the service will read them. */
static int
read_back(struct making *m)
{
	const struct ca_files files = {
		.certificate = m->files[ISSUING_PEM].path,
		.chain = m->files[ROOT_PEM].path,
		.key = m->files[ISSUING_KEY].path,
		.passphrase_file = m->files[PASSPHRASE].path,
	};
	const struct ca *ca;

	return ca_load(m->j, m->j->arena, &files, &ca);
}

int
ca_init_create(struct job *j, const struct ca_init *in)
{
	struct making m = { .j = j, .in = in };

	if (check_input(&m) < 0 || plan_files(&m) < 0 ||
	    make_certificates(&m) < 0 || make_crl(&m) < 0 || make_keys(&m) < 0)
		return -1;
	if (write_files(&m) == 0 && read_back(&m) == 0)
		return 0;
	/* All or nothing: what was written is of no use alone. */
	for (size_t i = 0; i < FILE_COUNT; i++)
		if (m.files[i].path != NULL && m.files[i].is_written)
			(void)unlink(m.files[i].path);
	return -1;
}
