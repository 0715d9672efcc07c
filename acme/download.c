#include "config.h"

#include "acme/download.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/response.h"
#include "db/store_account.h"
#include "db/store_cert.h"
#include "lib/arena.h"
#include "lib/job.h"
#include "pki/ossl.h"

#define TYPE_CHAIN "application/pem-certificate-chain"
#define TYPE_DER "application/pkix-cert"

/* Up to the next `c`, which is dropped. */
static struct span
next_part(struct span *rest, char c)
{
	size_t end = span_find(*rest, 0, c);
	struct span part = span_cut(*rest, 0, end);

	*rest = span_from(*rest, end + 1);
	return span_trim(part);
}

/* "0.25" in thousandths; what is not a weight is none (RFC 9110 12.4.2). */
static int
parse_weight(struct span text)
{
	static const int place[] = { 100, 10, 1 };
	int weight;

	if (text.n == 0 || text.n > 5 || (text.p[0] != '0' && text.p[0] != '1'))
		return 0;
	weight = text.p[0] == '1' ? 1000 : 0;
	if (text.n > 1 && text.p[1] != '.')
		return 0;
	for (size_t i = 2; i < text.n; i++) {
		if (!ascii_is_digit(text.p[i]))
			return 0;
		weight += (text.p[i] - '0') * place[i - 2];
	}
	return weight <= 1000 ? weight : 0;
}

static int
weight_of(struct span parameters)
{
	int weight = 1000;

	while (parameters.n > 0) {
		struct span p = next_part(&parameters, ';');

		if (span_casestarts(p, SPAN("q=")))
			weight = parse_weight(span_from(p, 2));
	}
	return weight;
}

/* The most specific range counts (RFC 9110 12.5.1). */
bool
accept_prefers_der(struct span accept)
{
	int der = 0, chain = -1, application = -1, any = 0;

	while (accept.n > 0) {
		struct span range = next_part(&accept, ',');
		struct span type = next_part(&range, ';');
		int weight = weight_of(range);

		if (span_caseeq_str(type, TYPE_DER))
			der = weight;
		else if (span_caseeq_str(type, TYPE_CHAIN))
			chain = weight;
		else if (span_caseeq_str(type, "application/*"))
			application = weight;
		else if (span_caseeq_str(type, "*/*"))
			any = weight;
	}
	if (chain < 0)
		chain = application >= 0 ? application : any;
	return der > chain;
}

/* What stands above a certificate, and where its issuer's own is. */
struct above {
	struct span pem;
	const char *issuer_url;
};

static bool
is_ours(const struct acme *a, const struct cert *cert)
{
	return a->chain.ca_label != NULL &&
	       strcmp(a->chain.ca_label, cert->ca_label) == 0;
}

/* AC-150: a certificate keeps its chain when another CA has taken over. */
static struct above
above_of(const struct acme *a, const struct cert *cert)
{
	const struct acme_chain *c = &a->chain;

	if (is_ours(a, cert))
		return (struct above){ c->pem, c->issuer_url };
	for (size_t i = 0; i < c->former_count; i++) {
		const struct acme_former *f = &c->formers[i];

		if (strcmp(f->ca_label, cert->ca_label) == 0)
			return (struct above){ f->pem, f->issuer_url };
	}
	return (struct above){ .issuer_url = NULL };
}

static size_t
alternates_of(const struct acme *a, const struct cert *cert)
{
	return is_ours(a, cert) ? a->chain.alternate_count : 0;
}

static void
respond_der(const struct acme *a, struct job *j, const struct cert *cert,
    struct response *resp)
{
	const char *issuer_url = above_of(a, cert).issuer_url;

	response_header(resp, "Content-Type", TYPE_DER);
	if (issuer_url != NULL)
		response_link(resp, j, issuer_url, "up");
	buf_add(&resp->body, cert->der);
}

/* AC-146: the leaf, then what is above it.  Of a CA whose certificates have all
 * ended nothing need be configured any more: the leaf, that ended too, is all
 * that there is. */
static int
respond_chain(const struct acme *a, struct job *j, const struct cert *cert,
    size_t number, struct response *resp)
{
	struct span pem = above_of(a, cert).pem;

	if (pem.n == 0 && (is_ours(a, cert) || j->now <= cert->not_after))
		return job_fail(j, ERR_INTERNAL,
		    "certificate %s: CA %s is in no section issuer or "
		    "former_ca",
		    cert->id, cert->ca_label);
	response_header(resp, "Content-Type", TYPE_CHAIN);
	pem_add(&resp->body, "CERTIFICATE", cert->der);
	buf_add(
	    &resp->body, number == 0 ? pem : a->chain.alternates[number - 1]);
	return 0;
}

/* AC-148: each chain but this one; 0 is the default one. */
static void
link_alternates(const struct acme *a, struct job *j, const struct cert *cert,
    size_t number, struct response *resp)
{
	const char *url = acme_url(a, j, PATH_CERTIFICATE, cert->id);

	for (size_t i = 0; i <= alternates_of(a, cert); i++) {
		if (i == number)
			continue;
		response_link(resp, j,
		    i == 0 ? url : arena_printf(j->arena, "%s/%zu", url, i),
		    "alternate");
	}
}

int
certificate_read(
    struct acme *a, struct job *j, struct request *req, struct response *resp)
{
	struct cert cert;
	int64_t number = 0;
	int found = store_cert_by_id(j, req->id, req->account->id, &cert);

	if (found < 0)
		return -1;
	if (found == 0 ||
	    (req->tail.n > 0 &&
		span_to_int(req->tail, 1, (int64_t)alternates_of(a, &cert),
		    &number) < 0))
		return job_fail_status(
		    j, ERR_MALFORMED, 404, "no such certificate");
	resp->status = 200;
	if (accept_prefers_der(req->accept))
		respond_der(a, j, &cert, resp);
	else if (respond_chain(a, j, &cert, (size_t)number, resp) < 0)
		return -1;
	link_alternates(a, j, &cert, (size_t)number, resp);
	if (!buf_ok(&resp->body))
		return job_fail(j, ERR_INTERNAL,
		    "certificate %s: chain too large", cert.id);
	return 0;
}
