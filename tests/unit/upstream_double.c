#include "config.h"

#include "tests/unit/upstream_double.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db/store_handoff.h"
#include "db/store_window.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/job.h"
#include "pki/ossl.h"
#include "src/handoff.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define DAY INT64_C(86400)

struct upstream_double upstream_double;

void
upstream_double_init(void)
{
	upstream_double =
	    (struct upstream_double){ .issue = { .outcome = UPSTREAM_ISSUED },
		    .poll = { .outcome = UPSTREAM_ISSUED },
		    .days = 365 };
}

static void
add(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

	if (e == NULL)
		fail_msg("extension %s: %s", OBJ_nid2sn(nid), value);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

static void
add_unknown(X509 *x, const char *oid)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *name = OBJ_txt2obj(oid, 1);
	X509_EXTENSION *e;

	assert_int_equal(
	    ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05", 2), 1);
	e = X509_EXTENSION_create_by_OBJ(NULL, name, 1, value);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
	ASN1_OBJECT_free(name);
	ASN1_OCTET_STRING_free(value);
}

static void
name_add(X509_NAME *name, const char *type, const char *value)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8,
			     (const unsigned char *)value, -1, -1, 0),
	    1);
}

static const char * or (const char *changed, const char *usual)
{
	return changed != NULL ? changed : usual;
}

static void
add_extensions(X509 *x, const struct ca *ca, const char *mailbox,
    const struct double_change *c)
{
	X509V3_CTX ctx;
	char san[200];

	snprintf(san, sizeof(san), "email:%s", mailbox);
	X509V3_set_ctx(&ctx, ca->certificate, x, NULL, NULL, 0);
	if (!c->no_key_id)
		add(x, &ctx, NID_authority_key_identifier, "keyid:always");
	add(x, &ctx, NID_subject_key_identifier, "hash");
	add(x, &ctx, NID_key_usage,
	    or (c->key_usage, "critical,digitalSignature,keyAgreement"));
	add(x, &ctx, NID_certificate_policies,
	    "DER:30:0b:30:09:06:07:67:81:0c:01:05:01:02");
	add(x, &ctx, NID_subject_alt_name, or (c->names, san));
	add(x, &ctx, NID_ext_key_usage,
	    or (c->ext_key_usage, "emailProtection"));
	add(x, &ctx, NID_crl_distribution_points, "URI:" LAB_CRL_URL);
	if (c->basic_constraints != NULL)
		add(x, &ctx, NID_basic_constraints, c->basic_constraints);
	if (c->more_oid != NULL)
		add_unknown(x, c->more_oid);
}

static struct span
pem_of(struct job *j, X509 *x)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);
	struct buf b;

	assert_true(n > 0);
	buf_init(&b, j->arena, 16384);
	pem_add(&b, "CERTIFICATE", span_mem(der, (size_t)n));
	OPENSSL_free(der);
	return buf_span(&b);
}

/* The laboratory's CAs have their keys in memory (pki/signing_key.h). */
static EVP_PKEY *
key_of(const struct ca *ca)
{
	assert_non_null(ca->signer.key);
	return ca->signer.key->context;
}

/* By OpenSSL, not by our own code. */
static struct span
make(struct job *j, const struct handoff_request *r)
{
	const struct double_change *c = &upstream_double.change;
	const struct ca *ca = lab_ca(or (c->ca, "p256"));
	const unsigned char *p = ossl_bytes(r->csr);
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)r->csr.n);
	X509 *x = X509_new();
	int64_t from = j->now - 300 + c->starts;
	int64_t secs = c->secs != 0 ? c->secs : upstream_double.days * DAY;
	struct span pem;

	upstream_double.signed_count++;
	if (c->instead.p != NULL) {
		X509_REQ_free(req);
		X509_free(x);
		return c->instead;
	}
	assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
	assert_int_equal(
	    ASN1_INTEGER_set(X509_get_serialNumber(x),
		c->serial != 0
		    ? c->serial
		    : (long)j->now % 9999 + upstream_double.issued * 10000),
	    1);
	assert_int_equal(
	    X509_set_issuer_name(x, X509_get_subject_name(ca->certificate)), 1);
	if (c->issuer != NULL)
		name_add(X509_get_issuer_name(x), "CN", c->issuer);
	ASN1_TIME_set(X509_getm_notBefore(x), (time_t)from);
	ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(from + secs - 1));
	name_add(X509_get_subject_name(x), "CN",
	    or (c->common_name, r->mailboxes[0]));
	if (c->attribute != NULL)
		name_add(X509_get_subject_name(x), c->attribute, "Example");
	assert_int_equal(
	    X509_set_pubkey(
		x, c->key != NULL ? c->key : X509_REQ_get0_pubkey(req)),
	    1);
	add_extensions(x, ca, r->mailboxes[0], c);
	assert_true(X509_sign(x, c->signer != NULL ? c->signer : key_of(ca),
			EVP_get_digestbyname(ca->signer.alg->digest)) > 0);
	pem = pem_of(j, x);
	if (c->before != NULL)
		pem = span_str(arena_printf(j->arena, "%s%s",
		    span_dup(j->arena, pem_of(j, c->before)),
		    span_dup(j->arena, pem)));
	X509_free(x);
	X509_REQ_free(req);
	return pem;
}

static void
note(const struct handoff *h)
{
	snprintf(upstream_double.id, sizeof(upstream_double.id), "%s", h->id);
	snprintf(upstream_double.token, sizeof(upstream_double.token), "%s",
	    h->token != NULL ? h->token : "");
}

static void
double_issue(const struct upstream *u, struct job *j, const struct handoff *h,
    const struct handoff_request *r, struct upstream_answer *out)
{
	(void)u;
	upstream_double.issued++;
	note(h);
	if (upstream_double.dies)
		raise(SIGKILL);
	*out = upstream_double.issue;
	if (out->outcome == UPSTREAM_ISSUED)
		out->certificate = make(j, r);
}

static void
double_poll(const struct upstream *u, struct job *j, const struct handoff *h,
    const struct handoff_request *r, struct upstream_answer *out)
{
	(void)u;
	upstream_double.polled++;
	note(h);
	*out = upstream_double.poll;
	if (upstream_double.polled < upstream_double.polls_until_issued)
		out->outcome = UPSTREAM_PENDING;
	if (upstream_double.asks_first && r->bar != HANDOFF_FREE)
		out->outcome = UPSTREAM_BARRED;
	if (out->outcome == UPSTREAM_ISSUED)
		out->certificate = make(j, r);
}

static int
double_revoke(
    const struct upstream *u, struct job *j, const struct withdrawal *w)
{
	(void)u;
	if (upstream_double.is_down)
		return job_fail(j, ERR_BUSY, "connection refused");
	upstream_double.revoked++;
	upstream_double.revoked_der = span_mem(
	    arena_memdup(unit_job()->arena, w->der.p, w->der.n), w->der.n);
	upstream_double.reason = w->reason;
	return 0;
}

static int
double_renewal(
    const struct upstream *u, struct job *j, struct window *w, int64_t *secs)
{
	(void)u;
	upstream_double.windows_asked++;
	if (upstream_double.window < 0)
		return job_fail(j, ERR_BUSY, "connection refused");
	w->start_at = upstream_double.window_start;
	w->end_at = upstream_double.window_end;
	*secs = upstream_double.window_secs;
	return upstream_double.window;
}

const struct upstream_ops upstream_double_ops = { .issue = double_issue,
	.poll = double_poll,
	.revoke = double_revoke,
	.renewal = double_renewal };
