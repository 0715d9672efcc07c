#include "config.h"

#include "pki/issue.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/rnd.h"
#include "lib/utf8.h"
#include "pki/ca.h"
#include "pki/certfield.h"
#include "pki/certview.h"
#include "pki/keycheck.h"
#include "pki/lint.h"
#include "pki/oid.h"
#include "pki/ossl.h"
#include "pki/profile.h"

#define TBS_MAX (64 * 1024)
#define DAY_SECS 86400
#define SUBJECT_NUMBER_OCTETS 16

void
issue_serial(uint8_t octet, uint8_t out[SERIAL_LEN])
{
	out[0] = octet;
	rnd_bytes(out + 1, SERIAL_LEN - 1);
}

void
issue_validity(int64_t now, int64_t allowance, int64_t days,
    int64_t *not_before, int64_t *not_after)
{
	*not_before = now - allowance;
	*not_after = *not_before + days * DAY_SECS - 1; /* inclusive, PK-92 */
}

/* PK-110: a common name that does not fit is left out, never cut. */
static bool
fits_common_name(struct span mailbox)
{
	uint32_t code_point;
	size_t characters = 0;

	for (size_t at = 0; utf8_next(mailbox, &at, &code_point) == 1;)
		characters++;
	return characters > 0 && characters <= PROFILE_CN_MAX;
}

/* PK-111 */
static bool
fits_email(struct span mailbox)
{
	return mailbox.n <= PROFILE_EMAIL_MAX && span_is_ascii(mailbox);
}

const char *
issue_subject_number(struct arena *a, const char *account_id)
{
	uint8_t digest[SHA256_LEN];

	sha256(
	    span_str(arena_printf(a, "subject serialNumber\n%s", account_id)),
	    digest);
	return hex_dup(a, span_mem(digest, SUBJECT_NUMBER_OCTETS));
}

/* PK-109.  Returns whether the subject is empty (PK-113). */
static bool
add_subject(struct buf *b, const struct issue_input *in)
{
	enum profile_subject mode = in->profile->subject;
	struct span mailbox = span_str(in->mailboxes[0]);
	bool has_cn = (mode == SUBJECT_CN || mode == SUBJECT_CN_EMAIL) &&
		      fits_common_name(mailbox);
	bool has_email = (mode == SUBJECT_EMAIL || mode == SUBJECT_CN_EMAIL) &&
			 fits_email(mailbox);
	size_t mark = der_open(b, DER_SEQUENCE);

	if (has_cn)
		field_attribute(b, OID_COMMON_NAME, DER_UTF8_STRING, mailbox);
	if (has_email)
		field_attribute(b, OID_EMAIL_ADDRESS, DER_IA5_STRING, mailbox);
	if ((has_cn || has_email) && in->profile->subject_number)
		field_attribute(b, OID_SERIAL_NUMBER, DER_PRINTABLE_STRING,
		    span_str(in->subject_number));
	der_close(b, mark);
	return !has_cn && !has_email;
}

/* PK-81: the form follows from the local part. */
static void
add_mailbox(struct buf *b, struct span mailbox)
{
	if (span_is_ascii(mailbox)) {
		der_add(b, DER_CONTEXT_PRIMITIVE(1), mailbox);
		return;
	}
	size_t other = der_open(b, DER_CONTEXT(0));
	der_add(b, DER_OID, OID_SMTP_UTF8_MAILBOX);
	size_t value = der_open(b, DER_CONTEXT(0));
	der_add(b, DER_UTF8_STRING, mailbox);
	der_close(b, value);
	der_close(b, other);
}

static void
add_names(struct buf *b, const struct issue_input *in, bool is_critical)
{
	struct extension_mark m =
	    extension_open(b, OID_SUBJECT_ALT_NAME, is_critical);
	size_t list = der_open(b, DER_SEQUENCE);
	for (size_t i = 0; i < in->mailbox_count; i++)
		add_mailbox(b, span_str(in->mailboxes[i]));
	der_close(b, list);
	extension_close(b, m);
}

/* PK-101: the reserved one, and one of the operator's own. */
static void
add_policies(struct buf *b, const struct profile *p)
{
	struct span oids[PROFILE_POLICIES_MAX] = { profile_policy(p),
		p->policy };

	extension_policies(b, oids, p->policy.n > 0 ? 2 : 1);
}

/* PK-103 */
static void
add_purposes(struct buf *b, const struct profile *p)
{
	const struct span oids[] = { OID_EMAIL_PROTECTION, OID_CLIENT_AUTH };

	extension_ext_key_usage(b, oids, p->client_auth ? 2 : 1);
}

/* Section 9.2: these, in this order, and nothing else. */
static int
add_extensions(struct job *j, struct buf *b, const struct ca *ca,
    const struct issue_input *in, bool subject_is_empty)
{
	const struct csr *csr = in->csr;
	uint8_t key_id[KEY_ID_LEN];
	struct span key_bits;
	enum key_type type;

	if (spki_split(csr->spki, &type, &key_bits) < 0)
		return job_fail(j, ERR_INTERNAL, "the CSR's key is not ours");
	if (!profile_allows(in->profile, csr->class))
		return job_fail(j, ERR_INTERNAL,
		    "the profile %s does not allow class %s", in->profile->name,
		    key_class_name(csr->class));
	if (!profile_takes_key(in->profile, csr->key_kind))
		return job_fail(j, ERR_INTERNAL,
		    "the profile %s does not take %s keys", in->profile->name,
		    key_kind_name(csr->key_kind));
	struct span usage = profile_key_usage(csr->class, type,
	    csr->non_repudiation || in->profile->non_repudiation);
	if (usage.n == 0)
		return job_fail(j, ERR_INTERNAL,
		    "no key usage for class %s and key type %s",
		    key_class_name(csr->class), key_type_name(type));
	key_id_compute(key_bits, key_id);
	size_t explicit = der_open(b, DER_CONTEXT(3));
	size_t list = der_open(b, DER_SEQUENCE);
	extension_authority_key_id(b, ca->signer.key_id);
	extension_subject_key_id(b, span_mem(key_id, sizeof key_id));
	extension_key_usage(b, usage);
	add_policies(b, in->profile);
	add_names(b, in, subject_is_empty);
	add_purposes(b, in->profile);
	extension_crl_point(b, in->crl_url);
	if (in->ca_issuers_url != NULL || in->ocsp_url != NULL)
		extension_authority_info(b, in->ca_issuers_url, in->ocsp_url);
	if (in->profile->smime_capabilities.n > 0)
		extension_smime_capabilities(
		    b, in->profile->smime_capabilities);
	der_close(b, list);
	der_close(b, explicit);
	return 0;
}

static int
build_tbs(struct job *j, const struct ca *ca, const struct issue_input *in,
    struct span *tbs)
{
	struct buf b;

	if (in->mailbox_count == 0 || in->crl_url == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "a certificate without %s was asked for",
		    in->mailbox_count == 0 ? "mailbox" : "CRL URL");
	if (in->profile->subject_number && in->subject_number == NULL)
		return job_fail(j, ERR_INTERNAL,
		    "a certificate without its account's serialNumber was "
		    "asked for");
	buf_init(&b, j->arena, TBS_MAX);
	size_t mark = der_open(&b, DER_SEQUENCE);
	field_head(&b, span_mem(in->serial, SERIAL_LEN), ca->signer.alg->der,
	    ca->signer.name);
	field_validity(&b, in->not_before, in->not_after);
	bool is_empty = add_subject(&b, in);
	buf_add(&b, in->csr->spki);
	if (add_extensions(j, &b, ca, in, is_empty) < 0)
		return -1;
	der_close(&b, mark);
	if (!buf_ok(&b))
		return job_fail(
		    j, ERR_INTERNAL, "the certificate is too large");
	*tbs = buf_span(&b);
	return 0;
}

int
issue_prepare(struct job *j, const struct ca *ca, const struct issue_input *in,
    struct issue_tbs *out)
{
	struct lint_result linted;
	int result;

	memset(out, 0, sizeof *out);
	out->signature_alg = ca->signer.alg->der;
	out->profile_text = profile_text(j->arena, in->profile);
	sha256(span_str(out->profile_text), out->profile_sha256);
	if (build_tbs(j, ca, in, &out->tbs) < 0)
		return -1;
	/* PK-137: these octets, signed by a key that nobody certified. */
	if (signer_sign(j, &ca->lint, SIGNED_SUBSCRIBER, out->tbs,
		&out->lint_certificate) < 0)
		return -1;
	result = lint_certificate(j, ca, in, out->lint_certificate, &linted);
	out->lint_report = linted.report;
	out->lints_allowed = linted.allowed;
	out->linted = linted.certificate;
	return result;
}

/* The purpose under which OpenSSL accepts the class; none for an EC key that
 * only agrees on keys, which it does not know (L-42). */
static int
purpose_of(X509 *certificate)
{
	uint32_t usage = X509_get_key_usage(certificate);

	if (usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION))
		return X509_PURPOSE_SMIME_SIGN;
	return usage & KU_KEY_ENCIPHERMENT ? X509_PURPOSE_SMIME_ENCRYPT : 0;
}

/* PK-138: parsed again, the same octets, verified up to the CA.  The job may
 * run when notBefore is still to come or the row is old.  What the chain is
 * built from stands in the TBS: OpenSSL need not read that twice. */
static int
check_signed(struct job *j, const struct ca *ca, const struct issue_tbs *what,
    struct span der)
{
	struct certview v;
	X509 *certificate =
	    what->linted != NULL ? what->linted : ossl_x509(j->arena, der);

	if (certificate == NULL || certview_parse(der, &v) < 0 ||
	    !span_eq(v.tbs, what->tbs) ||
	    !span_eq(v.outer_algorithm, v.inner_algorithm))
		return job_fail(j, ERR_INTERNAL,
		    "the signed certificate is not what was to be signed");
	if (v.not_before < ca->not_before || v.not_after > ca->not_after)
		return job_fail(j, ERR_INTERNAL,
		    "the signed certificate lives outside the CA's time");
	if (!signer_verify(&ca->signer, v.tbs, v.signature))
		return job_fail(j, ERR_INTERNAL,
		    "the signed certificate: signature failure");
	if (ca_verify_chain(j, ca, certificate, purpose_of(certificate)) < 0)
		return job_context(j, "the signed certificate");
	return 0;
}

int
issue_sign(struct job *j, const struct ca *ca, const struct issue_tbs *what,
    struct span *der)
{
	struct certview v;

	if (!span_eq(what->signature_alg, ca->signer.alg->der))
		return job_fail(j, ERR_INTERNAL,
		    "the signature algorithm is not this CA's");
	if (certview_parse_tbs(what->tbs, &v) == 0 &&
	    v.not_after > ca->not_after)
		return job_fail(
		    j, ERR_INTERNAL, "refused to sign: it outlives the CA");
	if (signer_sign(j, &ca->signer, SIGNED_SUBSCRIBER, what->tbs, der) < 0)
		return -1;
	return check_signed(j, ca, what, *der);
}

int
issue_chain_pem(
    struct job *j, const struct ca *ca, struct span der, struct span *pem)
{
	struct buf b;
	struct span chain = ca_chain_pem(ca);

	buf_init(&b, j->arena, chain.n + 2 * der.n + 256);
	pem_add(&b, "CERTIFICATE", der);
	buf_add(&b, chain);
	if (!buf_ok(&b))
		return job_fail(j, ERR_INTERNAL, "the chain is too long");
	*pem = buf_span(&b);
	return 0;
}

bool
issue_is_ours(const struct ca *ca, struct span der)
{
	struct certview v;

	return certview_parse(der, &v) == 0 &&
	       span_eq(v.outer_algorithm, ca->signer.alg->der) &&
	       signer_verify(&ca->signer, v.tbs, v.signature);
}
