#include "config.h"

#include "pki/crl_lint.h"

#include <openssl/x509.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "pki/crl.h"
#include "pki/der.h"
#include "pki/oid.h"
#include "pki/ossl.h"

#define DAY_SECS ((int64_t)86400)
#define SERIAL_MAX 20 /* RFC 5280 4.1.2.2 */
#define ISSUING_DAYS_MAX 10
#define ROOT_DAYS_MAX 366
#define NUMBER_OCTETS_MAX 9 /* 64 bits, and a sign */

/* What a list is made of, on the way through it. */
struct reading {
	struct job *j;
	const struct signer *signer;
	enum ca_role role;
	struct crl_input *out;
	struct span entries; /* what is inside revokedCertificates */
	struct span extensions;
};

bool
crl_serial_is_proper(struct span s)
{
	if (s.n == 0 || s.n > SERIAL_MAX || (s.p[0] & 0x80))
		return false;
	if (s.p[0] == 0)
		return s.n > 1 && (s.p[1] & 0x80);
	return true;
}

int
crl_serial_compare(struct span a, struct span b)
{
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return memcmp(a.p, b.p, a.n);
}

/* --- L-60: the frame ------------------------------------------------------ */

static const char *
read_signed(const struct reading *r, struct span der, struct der *tbs)
{
	struct der outer, algorithm, signature;

	/* No whole-tree walk here: that is one more pass over every entry,
	 * and each is read strictly below. */
	if (der_only(der, DER_SEQUENCE, &outer) < 0 ||
	    der_take(&outer.body, DER_SEQUENCE, tbs) < 0 ||
	    der_take(&outer.body, DER_SEQUENCE, &algorithm) < 0 ||
	    der_only(outer.body, DER_BIT_STRING, &signature) < 0 ||
	    signature.body.n < 2 || signature.body.p[0] != 0)
		return "L-60: not a CertificateList in DER";
	return span_eq(algorithm.whole, r->signer->alg->der)
		   ? NULL
		   : "L-60: not the signature algorithm of the CA's key";
}

static const char *
read_frame(struct reading *r, struct span tbs)
{
	struct der d, this_update, next_update;
	int found;

	if (der_take(&tbs, DER_INTEGER, &d) < 0 ||
	    !span_eq(d.body, SPAN("\x01")))
		return "L-60: not version 2";
	if (der_take(&tbs, DER_SEQUENCE, &d) < 0 ||
	    !span_eq(d.whole, r->signer->alg->der))
		return "L-60: inner and outer signature algorithm differ";
	if (der_take(&tbs, DER_SEQUENCE, &d) < 0 ||
	    !span_eq(d.whole, r->signer->name))
		return "L-60: the issuer is not the CA's subject";
	if (der_next(&tbs, &this_update) != 1 ||
	    der_time(&this_update, &r->out->this_update) < 0 ||
	    der_next(&tbs, &next_update) != 1 ||
	    der_time(&next_update, &r->out->next_update) < 0)
		return "L-60: thisUpdate or nextUpdate is not a time";
	found = der_take_optional(&tbs, DER_SEQUENCE, &d);
	if (found < 0 || (found == 1 && d.body.n == 0))
		return "L-60: revokedCertificates is empty instead of absent";
	r->entries = found == 1 ? d.body : (struct span){ NULL, 0 };
	if (der_only(tbs, DER_CONTEXT(0), &d) < 0 ||
	    der_only(d.body, DER_SEQUENCE, &d) < 0)
		return "L-60: no extensions, or something behind them";
	r->extensions = d.body;
	return NULL;
}

/* --- L-61, L-62: the extensions ------------------------------------------- */

/* Takes one Extension: its OID, criticality and value. */
static int
take_extension(
    struct span *in, struct span *oid, bool *critical, struct span *value)
{
	struct der one, d;
	int found;

	if (der_take(in, DER_SEQUENCE, &one) < 0 ||
	    der_take(&one.body, DER_OID, &d) < 0)
		return -1;
	*oid = d.body;
	found = der_take_optional(&one.body, DER_BOOLEAN, &d);
	if (found < 0 || (found == 1 && der_boolean_true(d.body) < 0))
		return -1;
	*critical = found == 1;
	if (der_only(one.body, DER_OCTET_STRING, &d) < 0)
		return -1;
	*value = d.body;
	return 0;
}

static int
read_key_id(const struct reading *r, struct span value)
{
	struct der list, id;

	return der_only(value, DER_SEQUENCE, &list) == 0 &&
		       der_only(list.body, DER_CONTEXT_PRIMITIVE(0), &id) ==
			   0 &&
		       span_eq(id.body, r->signer->key_id)
		   ? 0
		   : -1;
}

static int
read_number(struct reading *r, struct span value)
{
	struct der d;

	if (der_only(value, DER_INTEGER, &d) < 0 ||
	    !crl_serial_is_proper(d.body) || d.body.n > NUMBER_OCTETS_MAX)
		return -1;
	r->out->number = 0;
	for (size_t i = 0; i < d.body.n; i++)
		r->out->number = r->out->number << 8 | (uint8_t)d.body.p[i];
	return r->out->number > 0 ? 0 : -1;
}

static int
read_point(struct reading *r, struct span value)
{
	struct der list, choice, names, uri;

	if (der_only(value, DER_SEQUENCE, &list) < 0 ||
	    der_take(&list.body, DER_CONTEXT(0), &choice) < 0 ||
	    der_only(choice.body, DER_CONTEXT(0), &names) < 0 ||
	    der_only(names.body, DER_CONTEXT_PRIMITIVE(6), &uri) < 0)
		return -1;
	/* It is compared as text: nothing hides behind a NUL. */
	if (span_find(uri.body, 0, '\0') < uri.body.n)
		return -1;
	r->out->point = span_dup(r->j->arena, uri.body);
	return span_eq(list.body, SPAN("\x81\x01\xff")) ? 0 : -1;
}

static const char *
read_extensions(struct reading *r)
{
	struct span rest = r->extensions, oid, value;
	bool critical;

	if (take_extension(&rest, &oid, &critical, &value) < 0 ||
	    !span_eq(oid, OID_AUTHORITY_KEY_ID) || critical ||
	    read_key_id(r, value) < 0)
		return "L-61: authorityKeyIdentifier is not the CA's key "
		       "identifier alone";
	if (take_extension(&rest, &oid, &critical, &value) < 0 ||
	    !span_eq(oid, OID_CRL_NUMBER) || critical ||
	    read_number(r, value) < 0)
		return "L-61: no CRL number, or not one";
	r->out->point = NULL;
	if (rest.n == 0)
		return NULL;
	if (take_extension(&rest, &oid, &critical, &value) < 0 ||
	    !span_eq(oid, OID_ISSUING_DISTRIBUTION_POINT) || rest.n > 0)
		return "L-61: another extension";
	if (!critical || r->role != CA_ROLE_ISSUING || read_point(r, value) < 0)
		return "L-62: issuingDistributionPoint is not critical, or "
		       "not one URI for user certificates";
	return NULL;
}

/* --- L-60, L-63, L-64: the entries ---------------------------------------- */

static const char *
read_reason(struct span extensions, int *reason)
{
	struct span oid, value;
	struct der d;
	bool critical;

	if (take_extension(&extensions, &oid, &critical, &value) < 0 ||
	    extensions.n > 0 || !span_eq(oid, OID_REASON_CODE) || critical ||
	    der_only(value, DER_ENUMERATED, &d) < 0 || d.body.n != 1 ||
	    d.body.p[0] <= 0)
		return "L-63: an entry's extension is not a reason code";
	*reason = (uint8_t)d.body.p[0];
	return NULL;
}

static const char *
read_entry(const struct reading *r, struct span *in, struct crl_entry *e)
{
	struct der one, d, list;
	const char *problem;

	*e = (struct crl_entry){ .reason = 0 };
	if (der_take(in, DER_SEQUENCE, &one) < 0 ||
	    der_take(&one.body, DER_INTEGER, &d) < 0 ||
	    !crl_serial_is_proper(d.body))
		return "L-60: a serial number is not one";
	e->serial = d.body;
	if (der_next(&one.body, &d) != 1 || der_time(&d, &e->revoked_at) < 0)
		return "L-60: a revocation has no time";
	if (one.body.n > 0) {
		if (der_only(one.body, DER_SEQUENCE, &list) < 0)
			return "L-60: something behind an entry";
		problem = read_reason(list.body, &e->reason);
		if (problem != NULL)
			return problem;
	}
	if (!crl_reason_is_allowed(e->reason, r->role))
		return "L-63: a reason code is not allowed (PK-158)";
	if (e->revoked_at > r->out->this_update)
		return "L-64: a revocation is later than thisUpdate";
	return NULL;
}

static const char *
read_entries(struct reading *r)
{
	/* INTEGER, time and their heads: no entry is shorter. */
	size_t max = r->entries.n / 20 + 1;
	struct crl_entry *list = arena_calloc(r->j->arena, max, sizeof(*list));
	struct span rest = r->entries;
	size_t n = 0;

	while (rest.n > 0) {
		const char *problem;

		if (n == max)
			return "L-60: an entry is too short";
		problem = read_entry(r, &rest, &list[n]);
		if (problem != NULL)
			return problem;
		if (n > 0 &&
		    crl_serial_compare(list[n - 1].serial, list[n].serial) >= 0)
			return "L-60: the entries are not sorted and unique";
		n++;
	}
	r->out->entries = list;
	r->out->count = n;
	return NULL;
}

static const char *
check_span(const struct reading *r)
{
	int64_t days =
	    r->role == CA_ROLE_ISSUING ? ISSUING_DAYS_MAX : ROOT_DAYS_MAX;
	int64_t life = r->out->next_update - r->out->this_update;

	return life > 0 && life < days * DAY_SECS
		   ? NULL
		   : "L-64: nextUpdate does not fit thisUpdate";
}

const char *
crl_parse(struct job *j, const struct signer *signer, enum ca_role role,
    struct span der, struct crl_input *out)
{
	struct reading r = { j, signer, role, out, { NULL, 0 }, { NULL, 0 } };
	const char *problem;
	struct der tbs;

	*out = (struct crl_input){ .number = 0 };
	if ((problem = read_signed(&r, der, &tbs)) != NULL ||
	    (problem = read_frame(&r, tbs.body)) != NULL ||
	    (problem = read_extensions(&r)) != NULL ||
	    (problem = check_span(&r)) != NULL)
		return problem;
	return read_entries(&r);
}

/* --- against what was asked for ------------------------------------------- */

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

const char *
crl_lint(struct job *j, const struct signer *signer, enum ca_role role,
    const struct crl_input *in, struct span der)
{
	const char *problem;
	struct crl_input l;

	problem = crl_parse(j, signer, role, der, &l);
	if (problem != NULL)
		return problem;
	if (l.number != in->number || l.this_update != in->this_update ||
	    l.next_update != in->next_update)
		return "L-60: number or times are not those asked for";
	if (!same_text(l.point, in->point))
		return "L-62: not the distribution point of the shard";
	if (l.count != in->count)
		return "L-65: the list is not complete";
	for (size_t i = 0; i < l.count; i++)
		if (!span_eq(l.entries[i].serial, in->entries[i].serial) ||
		    l.entries[i].revoked_at != in->entries[i].revoked_at ||
		    l.entries[i].reason != in->entries[i].reason)
			return "L-65: an entry is not the one asked for";
	return NULL;
}

/* --- lists that come back ------------------------------------------------- */

int
crl_read(
    struct job *j, const struct ca *ca, struct span der, struct crl_input *out)
{
	const unsigned char *p = ossl_bytes(der);
	const char *problem;
	X509_CRL *crl;
	long n;

	problem = crl_parse(j, &ca->signer, CA_ROLE_ISSUING, der, out);
	if (problem != NULL)
		return job_fail(
		    j, ERR_INTERNAL, "a list of this CA: %s", problem);
	if (ossl_len(der, &n) < 0)
		return job_fail(j, ERR_INTERNAL, "a list is too long");
	crl = ossl_own_crl(j->arena, d2i_X509_CRL(NULL, &p, n));
	if (crl == NULL || X509_CRL_verify(crl, ca->signer.public_key) != 1)
		return ossl_fail(
		    j, "a list that should be this CA's own does not verify");
	return 0;
}

int
crl_read_times(struct span der, struct crl_input *out)
{
	struct der outer, tbs, d;

	*out = (struct crl_input){ .number = 0 };
	if (der_only(der, DER_SEQUENCE, &outer) < 0 ||
	    der_take(&outer.body, DER_SEQUENCE, &tbs) < 0 ||
	    der_take(&tbs.body, DER_INTEGER, &d) < 0 ||
	    der_take(&tbs.body, DER_SEQUENCE, &d) < 0 ||
	    der_take(&tbs.body, DER_SEQUENCE, &d) < 0 ||
	    der_next(&tbs.body, &d) != 1 ||
	    der_time(&d, &out->this_update) < 0 ||
	    der_next(&tbs.body, &d) != 1 || der_time(&d, &out->next_update) < 0)
		return -1;
	return 0;
}

const struct crl_entry *
crl_find(const struct crl_input *l, struct span serial)
{
	size_t from = 0, to = l->count;

	while (from < to) {
		size_t at = from + (to - from) / 2;
		int order = crl_serial_compare(serial, l->entries[at].serial);

		if (order == 0)
			return &l->entries[at];
		if (order < 0)
			to = at;
		else
			from = at + 1;
	}
	return NULL;
}

int
crl_compare(struct job *j, const struct crl_input *former,
    const struct crl_input *next, const struct crl_entry ***lost, size_t *count)
{
	*count = 0;
	*lost =
	    arena_calloc(j->arena, former->count, sizeof(struct crl_entry *));
	if (next->number <= former->number)
		return job_fail(j, ERR_INTERNAL,
		    "list refused: L-66: its number is not greater than the "
		    "former one's");
	if (next->this_update <= former->this_update)
		return job_fail(j, ERR_INTERNAL,
		    "list refused: L-66: thisUpdate is not later than the "
		    "former one's");
	for (size_t i = 0; i < former->count; i++)
		if (crl_find(next, former->entries[i].serial) == NULL)
			(*lost)[(*count)++] = &former->entries[i];
	return 0;
}
