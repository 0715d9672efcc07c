#include "config.h"

#include "mail/smime_verify.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "mail/smime_chain.h"
#include "mail/smime_identity.h"
#include "mail/smime_layer.h"
#include "mail/smime_signature.h"
#include "mail/smime_trust.h"

/* One verification. */
struct verify {
	struct job *j;
	const struct smime_input *in;
	const struct smime_policy *policy;
	struct smime_result *out;
	struct finding *f;
	CMS_ContentInfo *cms;
	STACK_OF(X509) * certs;
	struct smime_chain chains[SMIME_SIGNERS_MAX];
	bool has_from;
};

static int
refuse_structure(const struct verify *v, const char *why)
{
	return finding_set(v->f, FINDING_REFUSE, "smime.structure", "%s", why);
}

static void
free_certs(void *certs)
{
	sk_X509_pop_free(certs, X509_free);
}

/* --- what it is ---------------------------------------------------------- */

/* MA-71 */
static int
check_content(const struct verify *v)
{
	ASN1_OCTET_STRING **embedded = CMS_get0_content(v->cms);

	if (OBJ_obj2nid(CMS_get0_eContentType(v->cms)) != NID_pkcs7_data)
		return refuse_structure(v, "what is signed is no plain data");
	if (v->in->layer->kind == SMIME_KIND_DETACHED && embedded != NULL &&
	    *embedded != NULL)
		return finding_set(v->f, FINDING_REFUSE, "smime.content",
		    "a detached signature with content of its own");
	return 0;
}

static int
open_signature(struct verify *v)
{
	const struct smime_layer *layer = v->in->layer;

	if (layer->finding.result != FINDING_PASS) {
		*v->f = layer->finding;
		return -1;
	}
	v->cms = layer->kind == SMIME_KIND_OPAQUE
		     ? layer->cms
		     : smime_cms(v->j, layer->signature);
	if (v->cms == NULL)
		return refuse_structure(
		    v, "the signature is no CMS signed data");
	if (check_content(v) < 0)
		return -1;
	v->certs = arena_own(v->j->arena, CMS_get1_certs(v->cms), free_certs);
	ERR_clear_error();
	if (sk_X509_num(v->certs) > SMIME_CERTS_MAX)
		return refuse_structure(v, "too many certificates");
	return 0;
}

/* --- each signer --------------------------------------------------------- */

static int
check_header(const struct verify *v, const struct smime_signature *s,
    const struct smime_signed *what)
{
	/* What another signer protects is checked, but protects nothing. */
	struct smime_protected ignored = { false, false, false };

	if (what->protected.n == 0)
		return 0;
	return smime_protect_attribute(v->j, v->in->outer, what->protected,
	    s->is_from ? &v->out->header : &ignored, v->f);
}

static int
verify_signer(struct verify *v, CMS_SignerInfo *si)
{
	const struct smime_chain_policy policy = { .trust = v->policy->trust,
		.revocation = v->policy->revocation,
		.at = v->in->at };
	size_t i = v->out->signer_count;
	struct smime_signature *s = &v->out->signers[i];
	struct smime_signed what;
	struct finding ignored;

	v->out->signer_count++;
	if (smime_signature_verify(v->j, si, v->certs, v->in->layer->content, s,
		&what, v->f) < 0 ||
	    smime_chain_check(v->j, what.certificate, v->certs, &policy,
		&v->chains[i], v->f) < 0)
		return -1;
	s->is_from = smime_identity_check(
			 v->j, what.certificate, v->in->from, &ignored) == 0;
	if (s->is_from && !v->has_from)
		sha256(what.attributes, v->out->covered_hash);
	v->has_from |= s->is_from;
	if (v->chains[i].revocation_unknown)
		(void)finding_set(&v->out->note, FINDING_NOTE,
		    "smime.revocation-unknown",
		    "no list in force says whether a certificate is revoked");
	return check_header(v, s, &what);
}

/* MA-72: one to three, all of them good. */
static int
verify_signers(struct verify *v)
{
	STACK_OF(CMS_SignerInfo) *list = CMS_get0_SignerInfos(v->cms);
	int count = sk_CMS_SignerInfo_num(list);

	if (count < 1 || count > SMIME_SIGNERS_MAX)
		return refuse_structure(v, "not one to three signers");
	for (int i = 0; i < count; i++)
		if (verify_signer(v, sk_CMS_SignerInfo_value(list, i)) < 0)
			return -1;
	if (v->has_from)
		return 0;
	return finding_set(v->f, FINDING_REFUSE, "smime.identity",
	    "no signer's certificate names the From address");
}

/* --- what it was verified with (MA-86) ----------------------------------- */

static struct span
own_octets(struct job *j, unsigned char *take_der, int n)
{
	struct span out = span_mem(NULL, 0);

	if (n > 0)
		out = span_mem(
		    arena_memdup(j->arena, take_der, (size_t)n), (size_t)n);
	OPENSSL_free(take_der);
	return out;
}

static void
keep_root(struct verify *v, const struct smime_chain *c)
{
	struct smime_result *out = v->out;
	unsigned char *der = NULL;
	int n =
	    i2d_X509(sk_X509_value(c->certs, sk_X509_num(c->certs) - 1), &der);
	struct span root = own_octets(v->j, der, n);

	for (size_t i = 0; i < out->root_count; i++)
		if (span_eq(out->roots[i], root))
			return;
	out->roots[out->root_count++] = root;
}

static bool
is_used(const struct verify *v, X509_CRL *crl)
{
	for (size_t i = 0; i < v->out->signer_count; i++)
		if (smime_chain_uses(&v->chains[i], crl))
			return true;
	return false;
}

static void
keep_list(struct verify *v, X509_CRL *crl, size_t *total)
{
	struct smime_list *list = &v->out->lists[v->out->list_count++];
	int n = i2d_X509_CRL(crl, NULL);
	unsigned char *der = NULL;
	unsigned len;

	(void)X509_CRL_digest(crl, EVP_sha256(), list->sha256, &len);
	*total += n > 0 ? (size_t)n : 0;
	v->out->lists_kept &= n > 0 && *total <= SMIME_KEPT_LISTS_MAX;
	if (!v->out->lists_kept)
		return;
	n = i2d_X509_CRL(crl, &der);
	list->der = own_octets(v->j, der, n);
}

/* Only where the signature decides: else nobody has to verify it again. */
static void
keep_evidence(struct verify *v)
{
	STACK_OF(X509_CRL) *crls = smime_trust_crls(v->policy->trust);
	size_t total = 0;
	int n = sk_X509_CRL_num(crls);

	for (size_t i = 0; i < v->out->signer_count; i++)
		keep_root(v, &v->chains[i]);
	v->out->lists_kept = true;
	if (v->policy->revocation == CONF_REVOCATION_OFF)
		return;
	v->out->lists =
	    arena_calloc(v->j->arena, (size_t)n + 1, sizeof(*v->out->lists));
	for (int i = 0; i < n; i++) {
		X509_CRL *crl = sk_X509_CRL_value(crls, i);

		if (is_used(v, crl))
			keep_list(v, crl, &total);
	}
}

/* --- in place of DKIM (MA-76) -------------------------------------------- */

/*
 * A certificate that this server issued may have been issued for a reply
 * that was authenticated like this one: then a key that was once stolen
 * could renew itself for ever.  So no certificate of this server counts, by
 * its number: that is signed, while other octets of a certificate can be
 * written in more than one way.
 */
static int
check_own(const struct verify *v, bool *is_own)
{
	*is_own = v->policy->is_own == NULL;
	for (size_t i = 0; i < v->out->signer_count; i++) {
		int found = *is_own ? 0
				    : v->policy->is_own(
					  v->j, v->out->signers[i].serial);

		if (found < 0)
			return -1;
		*is_own |= found > 0;
	}
	return 0;
}

static int
check_replacement(struct verify *v)
{
	struct smime_result *out = v->out;
	bool is_own;

	if (!v->policy->instead_of_dkim)
		return 0;
	if (check_own(v, &is_own) < 0)
		return -1;
	if (is_own)
		(void)finding_set(&out->no_dkim, FINDING_NOTE, "smime.identity",
		    "a certificate of this server stands in for no DKIM "
		    "signature");
	else if (!out->header.from || !out->header.subject)
		(void)finding_set(&out->no_dkim, FINDING_NOTE,
		    "smime.header-mismatch",
		    "From and Subject are not under the S/MIME signature, so "
		    "it stands in for no DKIM signature");
	else
		out->replaces_dkim = true;
	return 0;
}

static int
verify(struct verify *v)
{
	if (open_signature(v) < 0 || verify_signers(v) < 0)
		return -1;
	if (smime_protect_payload(
		v->j, v->in->outer, v->in->layer, &v->out->header, v->f) < 0)
		return -1;
	v->out->accepted = true;
	(void)finding_set(v->f, FINDING_NOTE, "smime.accepted", "%zu signer%s",
	    v->out->signer_count, v->out->signer_count == 1 ? "" : "s");
	if (v->policy->instead_of_dkim || v->policy->mode == CONF_SMIME_REQUIRE)
		keep_evidence(v);
	return check_replacement(v);
}

int
smime_verify(struct job *j, const struct smime_input *in,
    const struct smime_policy *policy, struct smime_result *out)
{
	struct verify v = { .j = j, .in = in, .policy = policy, .out = out };

	memset(out, 0, sizeof(*out));
	v.f = &out->finding;
	(void)finding_set(&out->note, FINDING_PASS, "smime", "%s", "");
	(void)finding_set(&out->no_dkim, FINDING_PASS, "smime", "%s", "");
	out->present = in->layer->kind != SMIME_KIND_NONE;
	if (!out->present) {
		(void)refuse_structure(
		    &v, "the reply carries no S/MIME signature");
		return 0;
	}
	(void)verify(&v);
	ERR_clear_error();
	return j->err.kind == ERR_NONE ? 0 : -1;
}
