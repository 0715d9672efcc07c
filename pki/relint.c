#include "config.h"

#include "pki/relint.h"

#include <openssl/x509v3.h>

#include "lib/arena.h"
#include "lib/job.h"
#include "pki/certview.h"
#include "pki/issue.h"
#include "pki/lint.h"
#include "pki/ossl.h"

#include <string.h>

static const char *
uri_of(struct job *j, const GENERAL_NAME *name)
{
	int type;
	const ASN1_STRING *text = GENERAL_NAME_get0_value(name, &type);

	if (type != GEN_URI)
		return NULL;
	return span_dup(
	    j->arena, span_mem((const char *)ASN1_STRING_get0_data(text),
			  (size_t)ASN1_STRING_length(text)));
}

static void
read_access(struct job *j, X509 *x, struct issue_input *in)
{
	AUTHORITY_INFO_ACCESS *list =
	    X509_get_ext_d2i(x, NID_info_access, NULL, NULL);

	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(list); i++) {
		const ACCESS_DESCRIPTION *d =
		    sk_ACCESS_DESCRIPTION_value(list, i);

		if (OBJ_obj2nid(d->method) == NID_ad_ca_issuers)
			in->ca_issuers_url = uri_of(j, d->location);
		else if (OBJ_obj2nid(d->method) == NID_ad_OCSP)
			in->ocsp_url = uri_of(j, d->location);
	}
	AUTHORITY_INFO_ACCESS_free(list);
}

/* Where there is another form of it, a lint says so. */
static void
read_list(struct job *j, X509 *x, struct issue_input *in)
{
	CRL_DIST_POINTS *points =
	    X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);
	const DIST_POINT *p = sk_DIST_POINT_num(points) > 0
				  ? sk_DIST_POINT_value(points, 0)
				  : NULL;

	in->crl_url = "";
	if (p != NULL && p->distpoint != NULL && p->distpoint->type == 0 &&
	    sk_GENERAL_NAME_num(p->distpoint->name.fullname) > 0) {
		const char *url = uri_of(
		    j, sk_GENERAL_NAME_value(p->distpoint->name.fullname, 0));

		if (url != NULL)
			in->crl_url = url;
	}
	CRL_DIST_POINTS_free(points);
}

int
relint(struct job *j, const struct ca *ca, const struct relint_input *in,
    const char **report)
{
	struct issue_input as_issued = { .profile = in->profile,
		.mailboxes = in->mailboxes,
		.mailbox_count = in->mailbox_count,
		.csr = in->csr,
		.subject_number = in->subject_number };
	X509 *x = ossl_x509(j->arena, in->der);
	struct lint_result linted;
	struct certview view;
	int result;

	*report = NULL;
	if (x == NULL || certview_parse(in->der, &view) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "lint: the certificate cannot be read");
	if (view.serial.n == SERIAL_LEN)
		memcpy(as_issued.serial, view.serial.p, SERIAL_LEN);
	as_issued.not_before = view.not_before;
	as_issued.not_after = view.not_after;
	read_access(j, x, &as_issued);
	read_list(j, x, &as_issued);
	result = lint_certificate(j, ca, &as_issued, in->der, &linted);
	*report = linted.report;
	return result;
}
