#include "config.h"

#include "mail/smime_chain.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "mail/finding.h"
#include "mail/smime_key.h"
#include "mail/smime_trust.h"

/* 112 bits: no SHA-1 and no short key anywhere in the chain. */
#define AUTH_LEVEL 2

static void
free_certs(void *certs)
{
	sk_X509_pop_free(certs, X509_free);
}

static void
free_list(void *certs)
{
	sk_X509_free(certs);
}

static void
free_ctx(void *ctx)
{
	X509_STORE_CTX_free(ctx);
}

static int
internal(struct job *j)
{
	ERR_clear_error();
	return job_fail(
	    j, ERR_INTERNAL, "the crypto library cannot build a chain");
}

/* --- what the signer's certificate is for -------------------------------- */

static int
refuse_usage(struct finding *f, const char *why)
{
	return finding_set(f, FINDING_REFUSE, "smime.usage",
	    "the signer's certificate %s", why);
}

/* emailProtection by name: "any" was not made for mail. */
static bool
is_for_mail(X509 *x)
{
	EXTENDED_KEY_USAGE *eku =
	    X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_ASN1_OBJECT_num(eku); i++)
		found |= OBJ_obj2nid(sk_ASN1_OBJECT_value(eku, i)) ==
			 NID_email_protect;
	EXTENDED_KEY_USAGE_free(eku);
	return found;
}

static int
check_usage(X509 *x, struct finding *f)
{
	uint32_t usage = X509_get_key_usage(x); /* all bits if absent */

	if (X509_check_ca(x) != 0)
		return refuse_usage(f, "is a CA's");
	if ((X509_get_extension_flags(x) & EXFLAG_INVALID) != 0)
		return refuse_usage(f, "has extensions that cannot be read");
	if (!is_for_mail(x))
		return refuse_usage(
		    f, "does not name emailProtection as its purpose");
	if ((usage & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) == 0)
		return refuse_usage(f, "is not for signatures");
	return 0;
}

/* --- the chain ----------------------------------------------------------- */

static int
refuse_chain(struct finding *f, const char *why)
{
	return finding_set(f, FINDING_REFUSE, "smime.chain",
	    "the signer's certificate leads to no root that is trusted here: "
	    "%s",
	    why);
}

/* Strangers choose what comes along: only keys that are cheap to verify with
 * take part. */
static STACK_OF(X509) * useful(struct job *j, STACK_OF(X509) * others)
{
	STACK_OF(X509) *list =
	    arena_own(j->arena, sk_X509_new_null(), free_list);
	struct smime_key key;

	for (int i = 0; i < sk_X509_num(others); i++) {
		X509 *x = sk_X509_value(others, i);

		if (smime_key_check(j, X509_get0_pubkey(x), &key) == NULL)
			(void)sk_X509_push(list, x);
	}
	ERR_clear_error();
	return list;
}

static X509_STORE_CTX *
open_ctx(struct job *j, X509 *signer, STACK_OF(X509) * others,
    const struct smime_chain_policy *policy, int64_t at)
{
	X509_STORE_CTX *ctx =
	    arena_own(j->arena, X509_STORE_CTX_new(), free_ctx);
	X509_VERIFY_PARAM *param;

	if (ctx == NULL ||
	    X509_STORE_CTX_init(
		ctx, smime_trust_roots(policy->trust), signer, others) != 1)
		return NULL;
	param = X509_STORE_CTX_get0_param(ctx);
	if (X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SMIME_SIGN) != 1)
		return NULL;
	X509_VERIFY_PARAM_set_depth(param, SMIME_INTERMEDIATES_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	X509_VERIFY_PARAM_set_time(param, (time_t)at);
	return ctx;
}

/* The library takes a certificate with keyCertSign and nothing else, or an
 * old self-signed one, for a CA's. */
static int
check_links(STACK_OF(X509) * chain, struct finding *f)
{
	if (sk_X509_num(chain) < 2)
		return refuse_chain(f, "it stands alone");
	for (int i = 1; i < sk_X509_num(chain); i++)
		if (X509_check_ca(sk_X509_value(chain, i)) != 1)
			return refuse_chain(
			    f, "a certificate above it is no CA's");
	return 0;
}

static int
build(struct job *j, X509 *signer, STACK_OF(X509) * others,
    const struct smime_chain_policy *policy, struct smime_chain *out,
    struct finding *f)
{
	X509_STORE_CTX *ctx = open_ctx(j, signer, others, policy, policy->at);
	int result, error;

	if (ctx == NULL)
		return internal(j);
	result = X509_verify_cert(ctx);
	error = X509_STORE_CTX_get_error(ctx);
	ERR_clear_error();
	if (result != 1 && error == X509_V_ERR_OUT_OF_MEM)
		return internal(j);
	if (result != 1)
		return refuse_chain(f, X509_verify_cert_error_string(error));
	out->certs =
	    arena_own(j->arena, X509_STORE_CTX_get1_chain(ctx), free_certs);
	return check_links(out->certs, f);
}

/* --- revocation ---------------------------------------------------------- */

struct revocation {
	bool revoked;
	bool unknown;
};

/* The ends of the certificates were judged at arrival; all else that goes
 * wrong here is about the lists. */
static int
note_revocation(int ok, X509_STORE_CTX *ctx)
{
	struct revocation *r = X509_STORE_CTX_get_app_data(ctx);

	if (ok)
		return 1;
	switch (X509_STORE_CTX_get_error(ctx)) {
	case X509_V_ERR_CERT_REVOKED:
		r->revoked = true;
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		break;
	default:
		r->unknown = true;
		break;
	}
	return 1;
}

static int
ask_lists(struct job *j, X509 *signer, const struct smime_chain *chain,
    const struct smime_chain_policy *policy, struct revocation *out)
{
	X509_STORE_CTX *ctx = open_ctx(j, signer, chain->certs, policy, j->now);

	if (ctx == NULL || X509_STORE_CTX_set_app_data(ctx, out) != 1)
		return internal(j);
	X509_STORE_CTX_set0_crls(ctx, smime_trust_crls(policy->trust));
	X509_STORE_CTX_set_flags(
	    ctx, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	X509_STORE_CTX_set_verify_cb(ctx, note_revocation);
	if (X509_verify_cert(ctx) != 1)
		out->unknown = true;
	ERR_clear_error();
	return 0;
}

static int
check_revocation(struct job *j, X509 *signer,
    const struct smime_chain_policy *policy, struct smime_chain *chain,
    struct finding *f)
{
	struct revocation r = { false, false };

	if (policy->revocation == CONF_REVOCATION_OFF)
		return 0;
	if (ask_lists(j, signer, chain, policy, &r) < 0)
		return -1;
	if (r.revoked)
		return finding_set(f, FINDING_REFUSE, "smime.revoked",
		    "the signer's certificate, or one above it, is revoked");
	chain->revocation_unknown = r.unknown;
	if (r.unknown && policy->revocation == CONF_REVOCATION_HARD)
		return finding_set(f, FINDING_REFUSE,
		    "smime.revocation-unknown",
		    "no list in force says whether a certificate of the chain "
		    "is revoked");
	return 0;
}

int
smime_chain_check(struct job *j, X509 *signer, STACK_OF(X509) * others,
    const struct smime_chain_policy *policy, struct smime_chain *out,
    struct finding *f)
{
	*out = (struct smime_chain){ NULL, false };
	if (check_usage(signer, f) < 0)
		return -1;
	if (policy->trust == NULL || smime_trust_root_count(policy->trust) == 0)
		return refuse_chain(
		    f, "the configuration names none (smime_roots)");
	if (build(j, signer, useful(j, others), policy, out, f) < 0)
		return -1;
	return check_revocation(j, signer, policy, out, f);
}

bool
smime_chain_uses(const struct smime_chain *c, X509_CRL *crl)
{
	const X509_NAME *name = X509_CRL_get_issuer(crl);

	for (int i = 0; i < sk_X509_num(c->certs); i++)
		if (X509_NAME_cmp(name,
			X509_get_issuer_name(sk_X509_value(c->certs, i))) == 0)
			return true;
	return false;
}
