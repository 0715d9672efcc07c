#include "config.h"

#include "tests/unit/lint_lab.h"

#include <openssl/evp.h>

#include "lib/json.h"
#include "pki/certfield.h"
#include "pki/certview.h"
#include "pki/issue.h"
#include "pki/oid.h"
#include "tests/unit/issue_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

struct span
lint_lab_validity(struct job *j, int64_t from, int64_t to)
{
	struct buf b;

	buf_init(&b, j->arena, 256);
	field_validity(&b, from, to);
	return buf_span(&b);
}

void
lint_lab_good_for(struct job *j, const struct profile *profile,
    struct lint_lab_certificate *c, EVP_PKEY *key, int usage,
    const char *const *mailboxes, size_t count)
{
	struct issue_tbs tbs;
	struct certview v;

	*c = (struct lint_lab_certificate){ .j = j, .now = LAB_NOW };
	c->in = issue_lab_input_for(
	    j, profile, key, usage, mailboxes, count, &c->csr);
	if (issue_prepare(j, lab_ca("p256"), &c->in, &tbs) < 0)
		fail_msg("%s", j->err.text);
	assert_int_equal(certview_parse_tbs(tbs.tbs, &v), 0);
	c->version = lab_hex(j, "a003020102");
	c->serial = v.serial;
	c->inner = c->outer = v.inner_algorithm;
	c->issuer = v.issuer;
	c->validity = lint_lab_validity(j, v.not_before, v.not_after);
	c->subject = v.subject;
	c->spki = v.spki;
	for (size_t i = 0; i < v.extension_count; i++)
		c->extensions[c->extension_count++] = v.extensions[i].whole;
}

void
lint_lab_good(struct job *j, struct lint_lab_certificate *c, EVP_PKEY *key,
    int usage, const char *const *mailboxes, size_t count)
{
	lint_lab_good_for(j, LAB_PROFILE, c, key, usage, mailboxes, count);
}

static struct span
build_tbs(const struct lint_lab_certificate *c)
{
	struct buf b;

	buf_init(&b, c->j->arena, 32768);
	size_t mark = der_open(&b, DER_SEQUENCE);
	buf_add(&b, c->version);
	der_add(&b, DER_INTEGER, c->serial);
	buf_add(&b, c->inner);
	buf_add(&b, c->issuer);
	buf_add(&b, c->validity);
	buf_add(&b, c->subject);
	buf_add(&b, c->spki);
	buf_add(&b, c->unique_id);
	size_t explicit = der_open(&b, DER_CONTEXT(3));
	size_t list = der_open(&b, DER_SEQUENCE);
	for (size_t i = 0; i < c->extension_count; i++)
		buf_add(&b, c->extensions[i]);
	der_close(&b, list);
	der_close(&b, explicit);
	der_close(&b, mark);
	return buf_span(&b);
}

struct span
lint_lab_build(const struct lint_lab_certificate *c)
{
	unsigned char signature[256];
	size_t n = sizeof signature;
	struct span tbs = build_tbs(c);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct buf b;

	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, NULL,
			     lab_ca("p256")->lint.public_key, NULL),
	    1);
	assert_int_equal(EVP_DigestSign(ctx, signature, &n,
			     (const unsigned char *)tbs.p, tbs.n),
	    1);
	EVP_MD_CTX_free(ctx);
	buf_init(&b, c->j->arena, 65536);
	size_t mark = der_open(&b, DER_SEQUENCE);
	buf_add(&b, tbs);
	buf_add(&b, c->outer);
	der_add_bit_string(&b, span_mem(signature, n));
	der_close(&b, mark);
	buf_add(&b, c->after);
	return buf_span(&b);
}

const char *
lint_lab_result(struct job *j, const char *report, const char *id)
{
	const struct json *v;

	assert_int_equal(
	    json_parse_object(j, span_str(report), "report", &v), 0);
	const struct json *lints = json_get(v, "lints");
	for (size_t i = 0; i < json_count(lints); i++) {
		const struct json *one = json_at(lints, i);
		if (span_eq_str(json_string(json_get(one, "lint")), id))
			return span_dup(
			    j->arena, json_string(json_get(one, "result")));
	}
	return "";
}

void
lint_lab_set_extension(struct lint_lab_certificate *c, size_t i,
    struct span oid, bool critical, const char *hex)
{
	c->extensions[i] =
	    lab_extension(c->j, oid, critical, lab_hex(c->j, hex));
}

void
lint_lab_set_names(struct lint_lab_certificate *c, struct span names)
{
	c->extensions[SAN] = lab_extension(c->j, OID_SUBJECT_ALT_NAME, false,
	    lab_der(c->j, DER_SEQUENCE, names));
}
