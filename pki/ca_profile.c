#include "config.h"

#include "pki/ca_profile.h"

#include <openssl/x509.h>

#include "lib/arena.h"
#include "pki/ca.h"
#include "pki/certview.h"
#include "pki/der.h"
#include "pki/oid.h"
#include "pki/profile.h"

static bool
has_purpose(const struct certview *v, struct span purpose)
{
	const struct cert_extension *e =
	    certview_extension(v, OID_EXT_KEY_USAGE);
	struct der list, usage;

	if (e == NULL || der_only(e->value, DER_SEQUENCE, &list) < 0)
		return false;
	while (der_next(&list.body, &usage) == 1)
		if (span_eq(usage.body, purpose))
			return true;
	return false;
}

static bool
has_policy(const struct certview *v, struct span policy)
{
	const struct cert_extension *e = certview_extension(v, OID_POLICIES);
	struct der list, one, oid;

	if (e == NULL || der_only(e->value, DER_SEQUENCE, &list) < 0)
		return false;
	while (der_next(&list.body, &one) == 1)
		if (der_take(&one.body, DER_OID, &oid) == 0 &&
		    (span_eq(oid.body, policy) ||
			span_eq(oid.body, OID_ANY_POLICY)))
			return true;
	return false;
}

static const char *
problem_of(struct arena *a, const struct certview *v, const struct profile *p)
{
	const struct span policies[PROFILE_POLICIES_MAX] = { profile_policy(p),
		p->policy };

	if (p->client_auth && !has_purpose(v, OID_CLIENT_AUTH))
		return arena_printf(a,
		    "profile %s has client_auth, which the issuing CA's "
		    "extKeyUsage lacks: nobody would take such a certificate "
		    "for a client's; remove client_auth, or use a CA that has "
		    "clientAuth (PK-122)",
		    p->name);
	for (size_t i = 0; i < PROFILE_POLICIES_MAX; i++)
		if (policies[i].n > 0 && !has_policy(v, policies[i]))
			return arena_printf(a,
			    "profile %s gives the policy %s, which the issuing "
			    "CA's certificatePolicies lacks: it would not be "
			    "valid; %s (PK-123)",
			    p->name, der_oid_text(a, policies[i]),
			    i == 0 ? "choose another generation, or use a CA "
				     "that has it"
				   : "remove policy, or use a CA that has it");
	return NULL;
}

const char *
ca_profile_problem(
    struct arena *a, const struct ca *ca, const struct profile *p)
{
	unsigned char *der = NULL;
	struct certview v;
	int n = i2d_X509(ca->certificate, &der);
	const char *problem =
	    n <= 0 || certview_parse(span_mem(der, (size_t)n), &v) < 0
		? "the issuing CA's certificate is not strict DER"
		: problem_of(a, &v, p);

	OPENSSL_free(der);
	return problem;
}
