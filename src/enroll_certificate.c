#include "config.h"

#include "src/enroll_certificate.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>

#include "lib/arena.h"
#include "lib/b64.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/certview.h"
#include "pki/ossl.h"
#include "src/enroll_csr.h"

#include <string.h>

#define CHAIN_MAX 10
#define CERTIFICATE_MAX (64 * 1024)
#define PEM_MAX (256 * 1024)
/* Our clock and the CA's may differ a little. */
#define SKEW_SECS 600
/* Slow for who guesses, bearable for a mail program. */
#define P12_ITERATIONS 100000
#define P12_MAX (256 * 1024)

struct check {
	struct job *j;
	const struct enroll_request *r;
	struct enroll_certificate *out;
	struct certview view; /* of the leaf */
	int64_t now;          /* the job may be old */
};

static int
wrong(struct job *j, const char *what)
{
	ERR_clear_error();
	return job_fail(j, ERR_MALFORMED,
	    "the certificate that the server sent is not usable: %s", what);
}

/* --- reading ------------------------------------------------------------- */

/* The next block: 1, 0 at the end, -1 for anything else between. */
static int
next_block(struct job *j, struct span *rest, struct span *der)
{
	static const struct span begin =
	    SPAN_INIT("-----BEGIN CERTIFICATE-----");
	static const struct span end = SPAN_INIT("-----END CERTIFICATE-----");
	size_t at;

	*rest = span_trim_fws(*rest);
	if (rest->n == 0)
		return 0;
	at = span_find_span(*rest, 0, end);
	if (!span_starts(*rest, begin) || at == rest->n ||
	    b64_parse_fws(j->arena, span_cut(*rest, begin.n, at), der) < 0)
		return -1;
	*rest = span_from(*rest, at + end.n);
	return 1;
}

static int
read_chain(struct check *c, struct span pem)
{
	struct enroll_certificate *out = c->out;
	struct span der;
	struct buf b;
	int more;

	out->chain = ossl_own_certs(c->j->arena, sk_X509_new_null());
	buf_init(&b, c->j->arena, PEM_MAX);
	while ((more = next_block(c->j, &pem, &der)) > 0) {
		X509 *x = ossl_x509(c->j->arena, der);

		if (x == NULL || der.n > CERTIFICATE_MAX ||
		    sk_X509_num(out->chain) == CHAIN_MAX ||
		    (sk_X509_num(out->chain) == 0 &&
			certview_parse(der, &c->view) < 0))
			return wrong(c->j, "it cannot be read");
		/* The stack frees what is in it, the arena its own. */
		X509_up_ref(x);
		sk_X509_push(out->chain, x);
		pem_add(&b, "CERTIFICATE", der);
	}
	if (more < 0 || !buf_ok(&b))
		return wrong(c->j, "it is not a chain in PEM");
	if (sk_X509_num(out->chain) < 2)
		return wrong(c->j, "the chain lacks its issuer's certificate");
	out->pem = buf_span(&b);
	return 0;
}

/* --- the leaf ------------------------------------------------------------ */

static bool
is_ours(const struct enroll_request *r, struct span mailbox, bool *seen)
{
	for (size_t i = 0; i < r->mailbox_count; i++) {
		if (span_eq_str(mailbox, r->mailboxes[i])) {
			seen[i] = true;
			return true;
		}
	}
	return false;
}

/* Exactly our mailboxes: canonical, to the octet (AC-88). */
static int
check_names(struct check *c)
{
	bool *seen =
	    arena_calloc(c->j->arena, c->r->mailbox_count, sizeof(*seen));
	struct span names, mailbox;
	bool is_utf8;
	int more = certview_names(&c->view, &names);

	if (more <= 0)
		return wrong(c->j, "it names no mailbox");
	while ((more = certview_next_mailbox(&names, &mailbox, &is_utf8)) > 0)
		if (!is_ours(c->r, mailbox, seen))
			return wrong(
			    c->j, "it names a mailbox that is not ours");
	if (more < 0)
		return wrong(c->j, "it names something else than mailboxes");
	for (size_t i = 0; i < c->r->mailbox_count; i++)
		if (!seen[i])
			return wrong(c->j, "it does not name our mailbox");
	return 0;
}

/* Can it be used for what was asked, and for mail? */
static int
check_usage(struct check *c, X509 *leaf)
{
	uint32_t usage = X509_get_key_usage(leaf);
	uint32_t encrypt = KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT;

	if ((X509_get_extended_key_usage(leaf) & XKU_SMIME) == 0)
		return wrong(c->j, "it is not for mail (emailProtection)");
	if (X509_check_ca(leaf) != 0)
		return wrong(c->j, "it is a CA's");
	if (c->r->usage != ENROLL_ENCRYPT && !(usage & KU_DIGITAL_SIGNATURE))
		return wrong(c->j, "it is not for signing");
	if (c->r->usage != ENROLL_SIGN && !(usage & encrypt))
		return wrong(c->j, "it is not for encryption");
	return 0;
}

static int
check_leaf(struct check *c)
{
	X509 *leaf = sk_X509_value(c->out->chain, 0);

	if (EVP_PKEY_eq(X509_get0_pubkey(leaf), c->r->key) != 1)
		return wrong(c->j, "it is for another key");
	if (check_names(c) < 0 || check_usage(c, leaf) < 0)
		return -1;
	c->out->not_before = c->view.not_before;
	c->out->not_after = c->view.not_after;
	if (c->view.not_before > c->now + SKEW_SECS &&
	    c->view.not_before > c->r->not_before)
		return wrong(c->j, "it is not valid yet; is the clock right?");
	if (c->r->not_after != 0 && c->view.not_after > c->r->not_after)
		return wrong(c->j, "it is valid for longer than asked for");
	if (c->view.not_after <= c->now)
		return wrong(c->j, "it has expired; is the clock right?");
	return 0;
}

/* --- the chain ----------------------------------------------------------- */

/* Each certifies the one before; the last one, if nobody else, itself. */
static int
check_chain(struct check *c)
{
	struct arena *a = c->j->arena;
	STACK_OF(X509) *chain = c->out->chain;
	X509 *last = sk_X509_value(chain, sk_X509_num(chain) - 1);
	X509_STORE *store = ossl_own_store(a, X509_STORE_new());
	X509_STORE_CTX *ctx = ossl_own_store_ctx(a, X509_STORE_CTX_new());
	X509_VERIFY_PARAM *param;

	for (int i = 0; i + 1 < sk_X509_num(chain); i++)
		if (X509_check_issued(sk_X509_value(chain, i + 1),
			sk_X509_value(chain, i)) != X509_V_OK)
			return wrong(c->j, "its chain is not in order");
	if (store == NULL || ctx == NULL ||
	    X509_STORE_add_cert(store, last) != 1 ||
	    X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain) !=
		1)
		return ossl_fail(c->j, "cannot verify the certificate");
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN |
					       X509_V_FLAG_X509_STRICT |
					       X509_V_FLAG_CHECK_SS_SIGNATURE);
	/* A certificate that begins this second must not fail by our clock. */
	X509_VERIFY_PARAM_set_time(
	    param, c->now < c->out->not_before ? c->out->not_before : c->now);
	if (X509_verify_cert(ctx) != 1)
		return wrong(
		    c->j, arena_printf(a, "its chain does not verify: %s",
			      X509_verify_cert_error_string(
				  X509_STORE_CTX_get_error(ctx))));
	return 0;
}

int
enroll_certificate_check(struct job *j, struct span pem,
    const struct enroll_request *r, struct enroll_certificate *out)
{
	struct check c = { .j = j, .r = r, .out = out, .now = clock_now() };

	*out = (struct enroll_certificate){ 0 };
	if (read_chain(&c, pem) < 0 || check_leaf(&c) < 0 ||
	    check_chain(&c) < 0)
		return -1;
	out->serial = hex_dup(j->arena, c.view.serial);
	return 0;
}

/* --- PKCS#12 ------------------------------------------------------------- */

static PKCS12 *
make_p12(const struct enroll_request *r, const struct enroll_certificate *c,
    const char *password)
{
	STACK_OF(X509) *above = sk_X509_dup(c->chain);
	X509 *leaf;
	PKCS12 *p12;

	if (above == NULL)
		return NULL;
	leaf = sk_X509_shift(above);
	/* Without its own MAC, which would be made with the library's
	 * choice of hash. */
	p12 = PKCS12_create(password, r->mailboxes[0], r->key, leaf, above,
	    NID_aes_256_cbc, NID_aes_256_cbc, P12_ITERATIONS, -1, 0);
	sk_X509_free(above);
	if (p12 != NULL && PKCS12_set_mac(p12, password, -1, NULL, 0,
			       P12_ITERATIONS, EVP_sha256()) != 1) {
		PKCS12_free(p12);
		return NULL;
	}
	return p12;
}

int
enroll_p12(struct job *j, const struct enroll_request *r,
    const struct enroll_certificate *c, struct span password, struct span *der)
{
	struct buf secret, b;
	unsigned char *p = NULL;
	PKCS12 *p12;
	int n = -1;

	buf_init_secret(&secret, j->arena, password.n);
	buf_add(&secret, password);
	p12 = make_p12(r, c, secret.p);
	if (p12 != NULL)
		n = i2d_PKCS12(p12, &p);
	PKCS12_free(p12);
	if (n <= 0)
		return ossl_fail(j, "cannot make the PKCS#12 file");
	buf_init(&b, j->arena, P12_MAX);
	buf_add_mem(&b, p, (size_t)n);
	OPENSSL_free(p);
	if (!buf_ok(&b))
		return job_fail(
		    j, ERR_INTERNAL, "the PKCS#12 file gets too large");
	*der = buf_span(&b);
	return 0;
}
