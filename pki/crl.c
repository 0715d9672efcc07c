#include "config.h"

#include "pki/crl.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "pki/ca.h"
#include "pki/certfield.h"
#include "pki/crl_lint.h"
#include "pki/der.h"
#include "pki/oid.h"
#include "pki/ossl.h"

#define DAY_SECS 86400
#define FIXED_MAX 8192
#define ENTRY_MAX 80
#define GENERAL_NAME_URI DER_CONTEXT_PRIMITIVE(6)

int64_t
crl_next_update(int64_t this_update)
{
	return this_update + CRL_LIFE_SECS - 1;
}

/* PK-158: what may stand on the list of subscriber certificates, and on a
 * root's list of CA certificates, where one is mandatory. */
bool
crl_reason_is_allowed(int reason, enum ca_role role)
{
	switch (reason) {
	case 0:
		return role == CA_ROLE_ISSUING;
	case 1:
	case 3:
	case 4:
	case 5:
	case 9:
		return true;
	case 2:
		return role == CA_ROLE_ROOT;
	default:
		return false;
	}
}

static const char *
input_problem(const struct crl_input *in, enum ca_role role)
{
	int64_t days_max = role == CA_ROLE_ISSUING ? 10 : 366;

	if (in->point != NULL &&
	    (role != CA_ROLE_ISSUING ||
		public_url_problem(span_str(in->point)) != NULL))
		return "its distribution point is not a public URL of an "
		       "issuing CA (PK-155)";
	if (in->number == 0)
		return "its number is 0 (PK-153)";
	if (in->next_update <= in->this_update ||
	    in->next_update - in->this_update >= days_max * DAY_SECS)
		return "nextUpdate does not fit thisUpdate (PK-156)";
	for (size_t i = 0; i < in->count; i++) {
		const struct crl_entry *e = &in->entries[i];
		if (!crl_serial_is_proper(e->serial))
			return "a serial number is not one";
		if (i > 0 && crl_serial_compare(
				 in->entries[i - 1].serial, e->serial) >= 0)
			return "its entries are not sorted and unique "
			       "(PK-151)";
		if (e->revoked_at > in->this_update)
			return "a revocation is later than thisUpdate "
			       "(PK-159)";
		if (!crl_reason_is_allowed(e->reason, role))
			return "a reason code is not allowed (PK-158)";
	}
	return NULL;
}

static void
add_entry(struct buf *b, const struct crl_entry *e)
{
	size_t mark = der_open(b, DER_SEQUENCE);
	der_add(b, DER_INTEGER, e->serial);
	der_add_time(b, e->revoked_at);
	if (e->reason != 0) {
		char reason = (char)e->reason;
		size_t list = der_open(b, DER_SEQUENCE);
		struct extension_mark m =
		    extension_open(b, OID_REASON_CODE, false);
		der_add(b, DER_ENUMERATED, span_mem(&reason, 1));
		extension_close(b, m);
		der_close(b, list);
	}
	der_close(b, mark);
}

/* PK-155: critical; FALSE values are left out. */
static void
add_distribution_point(struct buf *b, const char *url)
{
	struct extension_mark m =
	    extension_open(b, OID_ISSUING_DISTRIBUTION_POINT, true);
	size_t list = der_open(b, DER_SEQUENCE);
	size_t choice = der_open(b, DER_CONTEXT(0)); /* distributionPoint */
	size_t names = der_open(b, DER_CONTEXT(0));  /* fullName */
	der_add(b, GENERAL_NAME_URI, span_str(url));
	der_close(b, names);
	der_close(b, choice);
	/* onlyContainsUserCerts */
	der_add(b, DER_CONTEXT_PRIMITIVE(1), SPAN("\xff"));
	der_close(b, list);
	extension_close(b, m);
}

static void
add_extensions(struct buf *b, struct span key_id, const struct crl_input *in)
{
	size_t explicit = der_open(b, DER_CONTEXT(0));
	size_t list = der_open(b, DER_SEQUENCE);
	extension_authority_key_id(b, key_id);
	struct extension_mark m = extension_open(b, OID_CRL_NUMBER, false);
	der_add_uint(b, in->number);
	extension_close(b, m);
	if (in->point != NULL)
		add_distribution_point(b, in->point);
	der_close(b, list);
	der_close(b, explicit);
}

static int
build_tbs(struct job *j, const struct signer *signer,
    const struct crl_input *in, struct span *tbs)
{
	struct buf b;

	if (in->count > (SIZE_MAX - FIXED_MAX) / ENTRY_MAX)
		return job_fail(j, ERR_INTERNAL, "the list is too long");
	buf_init(&b, j->arena, FIXED_MAX + in->count * ENTRY_MAX);
	size_t mark = der_open(&b, DER_SEQUENCE);
	der_add_uint(&b, 1); /* v2 */
	buf_add(&b, signer->alg->der);
	buf_add(&b, signer->name);
	der_add_time(&b, in->this_update);
	der_add_time(&b, in->next_update);
	/* PK-151: without entries the field is absent. */
	if (in->count > 0) {
		size_t list = der_open(&b, DER_SEQUENCE);
		for (size_t i = 0; i < in->count; i++)
			add_entry(&b, &in->entries[i]);
		der_close(&b, list);
	}
	add_extensions(&b, signer->key_id, in);
	der_close(&b, mark);
	if (!buf_ok(&b))
		return job_fail(j, ERR_INTERNAL, "the list is too long");
	*tbs = buf_span(&b);
	return 0;
}

/* PK-141: read again by both readers, complete, verified, and linted. */
static int
check_signed(struct job *j, const struct signer *signer, enum ca_role role,
    const struct crl_input *in, struct span der)
{
	const unsigned char *p = ossl_bytes(der);
	const char *problem;
	long n;

	problem = crl_lint(j, signer, role, in, der);
	if (problem != NULL)
		return job_fail(j, ERR_INTERNAL, "list refused: %s", problem);
	if (ossl_len(der, &n) < 0)
		return job_fail(j, ERR_INTERNAL, "the list is too long");
	X509_CRL *crl = ossl_own_crl(j->arena, d2i_X509_CRL(NULL, &p, n));
	if (crl == NULL || p != ossl_bytes(der) + der.n)
		return ossl_fail(j, "the list cannot be parsed");
	int revoked = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
	if (revoked != (in->count == 0 ? -1 : (int)in->count))
		return job_fail(j, ERR_INTERNAL, "the list is not complete");
	if (X509_CRL_verify(crl, signer->public_key) != 1)
		return ossl_fail(j, "the list's signature does not verify");
	return 0;
}

static int
make(struct job *j, const struct signer *signer, enum ca_role role,
    const struct crl_input *in, struct span *der)
{
	struct span tbs = { 0 };
	const char *problem = input_problem(in, role);

	if (problem != NULL)
		return job_fail(j, ERR_INTERNAL, "list refused: %s", problem);
	return build_tbs(j, signer, in, &tbs) < 0
		   ? -1
		   : signer_sign(j, signer, SIGNED_CRL, tbs, der);
}

int
crl_sign_as(struct job *j, const struct signer *signer, enum ca_role role,
    const struct crl_input *in, struct span *der)
{
	return make(j, signer, role, in, der) < 0
		   ? -1
		   : check_signed(j, signer, role, in, *der);
}

int
crl_sign(struct job *j, const struct ca *ca, const struct crl_input *in,
    struct span *der)
{
	return crl_sign_as(j, &ca->signer, CA_ROLE_ISSUING, in, der);
}

int
crl_lint_as(struct job *j, const struct signer *lint, enum ca_role role,
    const struct crl_input *in, struct span *der)
{
	return make(j, lint, role, in, der);
}

int
crl_lint_sign(struct job *j, const struct ca *ca, const struct crl_input *in,
    struct span *der)
{
	return crl_lint_as(j, &ca->lint, CA_ROLE_ISSUING, in, der);
}
