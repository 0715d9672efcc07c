#include "config.h"

#include "pki/returned.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/ca.h"
#include "pki/certview.h"
#include "pki/issue.h"
#include "pki/lint.h"
#include "pki/oid.h"
#include "pki/ossl.h"

/* Serial numbers of others: up to 20 octets (RFC 5280 4.1.2.2). */
#define FOREIGN_SERIAL_MAX 20
#define CLOCK_SECS ((int64_t)24 * 3600)
#define OTHERS_LEAF_MAX (64 * 1024)

/* What PEM has next: 0, or -1 if that is no certificate. */
static int
next_certificate(struct job *j, BIO *bio, struct span *der)
{
	unsigned char *octets = NULL;
	char *name = NULL, *header = NULL;
	long n = 0;
	int ok;

	*der = (struct span){ NULL, 0 };
	ok = PEM_read_bio(bio, &name, &header, &octets, &n) == 1;
	if (ok && strcmp(name, PEM_STRING_X509) == 0 && header[0] == '\0' &&
	    n > 0)
		*der = span_mem(
		    arena_memdup(j->arena, octets, (size_t)n), (size_t)n);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(octets);
	ERR_clear_error();
	return der->n > 0 ? 0 : -1;
}

int
returned_at(struct job *j, struct span answer, size_t i, struct span *der)
{
	long len;
	BIO *bio;

	*der = (struct span){ NULL, 0 };
	if (answer.n == 0 || answer.n > OTHERS_LEAF_MAX ||
	    ossl_len(answer, &len) < 0)
		return -1;
	if (answer.p[0] == 0x30) {
		if (i > 0)
			return -1;
		*der = answer;
		return 0;
	}
	bio = ossl_own_bio(j->arena, BIO_new_mem_buf(answer.p, (int)len));
	if (bio == NULL)
		return -1;
	for (size_t k = 0; k <= i; k++)
		if (next_certificate(j, bio, der) < 0)
			return -1;
	return 0;
}

int
returned_leaf(struct job *j, struct span answer, struct span *der)
{
	return returned_at(j, answer, 0, der);
}

/* The set of names: no more, no less, none twice; whatever their sequence. */
static const char *
names_problem(const struct certview *v, const struct returned_want *want)
{
	struct span names = { 0 };
	struct span mailbox;
	bool is_utf8;
	size_t count = 0;
	uint64_t seen[2] = { 0 };
	int r = certview_names(v, &names);

	if (r == 0)
		return "it has no subjectAltName";
	while (r == 1 &&
	       (r = certview_next_mailbox(&names, &mailbox, &is_utf8)) == 1) {
		size_t i = 0;

		while (i < want->mailbox_count &&
		       !span_eq_str(mailbox, want->mailboxes[i]))
			i++;
		if (i == want->mailbox_count)
			return "it has a name that was not asked for";
		if (seen[i / 64] & UINT64_C(1) << (i % 64))
			return "it has a name twice";
		seen[i / 64] |= UINT64_C(1) << (i % 64);
		count++;
	}
	if (r < 0)
		return "it has a name that is no mailbox";
	return count == want->mailbox_count ? NULL : "it lacks a name";
}

static const char *
time_problem(const struct job *j, const struct ca *ca, const struct certview *v,
    const struct returned_want *want)
{
	if (v->not_after < v->not_before)
		return "it ends before it begins";
	if (v->not_after - v->not_before + 1 > want->life_max ||
	    (want->not_after_max != 0 && v->not_after > want->not_after_max))
		return "it is valid for longer than was asked for";
	if (v->not_before < want->not_before_min)
		return "it begins before what was asked for";
	if (v->not_after > ca->not_after)
		return "it outlives the CA";
	if (v->not_after <= j->now || v->not_before > j->now + CLOCK_SECS)
		return "it is not valid now";
	if (v->not_before < j->now - want->life_max)
		return "it begins too early";
	return NULL;
}

/* A leaf that could issue would be the worst that can be handed on. */
static bool
may_be_ca(const struct certview *v)
{
	const struct cert_extension *e =
	    certview_extension(v, OID_BASIC_CONSTRAINTS);
	struct der list;

	return e != NULL &&
	       (der_only(e->value, DER_SEQUENCE, &list) < 0 || list.body.n > 0);
}

static const char *
view_problem(const struct job *j, const struct ca *ca, const struct certview *v,
    const struct returned_want *want)
{
	const char *problem;
	struct span id;

	if (!span_eq(v->issuer, ca->signer.name))
		return "its issuer is not the configured CA";
	if (certview_authority_key_id(v, &id) != 1 ||
	    !span_eq(id, ca->signer.key_id))
		return "its authorityKeyIdentifier is not the configured CA's";
	if (v->serial.n == 0 || v->serial.n > FOREIGN_SERIAL_MAX ||
	    ((uint8_t)v->serial.p[0] & 0x80))
		return "its serial number is not a positive one of at most 20 "
		       "octets";
	if (!span_eq(v->inner_algorithm, v->outer_algorithm) ||
	    !sig_alg_is_known(v->outer_algorithm))
		return "its signature algorithm is none that is allowed";
	if (!span_eq(v->spki, want->csr->spki))
		return "its key is not the one of the request";
	if (may_be_ca(v))
		return "it could be a CA's";
	problem = names_problem(v, want);
	return problem != NULL ? problem : time_problem(j, ca, v, want);
}

static int
differs(struct returned *out, const char *why)
{
	out->why = why;
	return 0;
}

static bool
has_key(const struct certview *v, struct span tbs)
{
	return span_has(tbs, v->spki);
}

bool
returned_is_of_ca(struct span der, struct span tbs)
{
	struct certview v;

	return certview_parse(der, &v) == 0 && may_be_ca(&v) &&
	       !has_key(&v, tbs);
}

bool
returned_is_for_key(struct span der, struct span tbs)
{
	struct certview v;

	return certview_parse(der, &v) == 0 && has_key(&v, tbs);
}

int
returned_end(struct job *j, struct span der, int64_t *not_after)
{
	struct certview v;
	struct tm tm;
	X509 *x;

	if (certview_parse(der, &v) == 0) {
		*not_after = v.not_after;
		return 0;
	}
	/* Of no use to us, but perhaps to others. */
	x = ossl_x509(j->arena, der);
	ERR_clear_error();
	if (x == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) != 1)
		return -1;
	*not_after = (int64_t)timegm(&tm);
	return 0;
}

/* The linters, and OpenSSL's word on signature and chain. */
static int
check_whole(struct job *j, const struct ca *ca,
    const struct returned_want *want, const struct certview *v,
    struct returned *out)
{
	struct issue_input in = { .profile = want->profile,
		.mailboxes = want->mailboxes,
		.mailbox_count = want->mailbox_count,
		.csr = want->csr,
		.not_before = v->not_before,
		.not_after = v->not_after };
	X509 *certificate = ossl_x509(j->arena, out->der);
	int64_t when = j->now < v->not_before ? v->not_before : j->now;

	if (certificate == NULL)
		return differs(out, "it cannot be read");
	if (lint_returned(j, ca, &in, out->der, &out->lint_report) < 0 ||
	    ca_verify(j, ca->store, certificate, 0, when) < 0) {
		out->why = arena_strdup(j->arena, j->err.text);
		job_recover(j);
		return 0;
	}
	return 1;
}

int
returned_check(struct job *j, const struct ca *ca,
    const struct returned_want *want, struct span answer, struct returned *out)
{
	const char *problem;
	struct certview v;

	*out = (struct returned){ .why = NULL };
	if (want->mailbox_count > 128)
		return job_fail(j, ERR_INTERNAL, "too many mailboxes");
	if (returned_leaf(j, answer, &out->der) < 0)
		return differs(out, "there is no certificate in it");
	if (certview_parse(out->der, &v) < 0)
		return differs(out, "it is not a certificate in strict DER");
	problem = view_problem(j, ca, &v, want);
	if (problem != NULL)
		return differs(out, problem);
	out->tbs = v.tbs;
	out->signature_alg = v.outer_algorithm;
	out->serial = hex_dup(j->arena, v.serial);
	out->not_before = v.not_before;
	out->not_after = v.not_after;
	return check_whole(j, ca, want, &v, out);
}
