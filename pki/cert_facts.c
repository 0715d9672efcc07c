#include "config.h"

#include <openssl/x509.h>

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "pki/certview.h"
#include "pki/issue.h"
#include "pki/ossl.h"

#define MAILBOX_MAX 256

/* The subject for people: RFC 2253, UTF-8, control characters escaped. */
static const char *
subject_text(struct arena *a, X509 *certificate)
{
	BIO *bio = ossl_own_bio(a, BIO_new(BIO_s_mem()));
	char *text;

	if (bio == NULL ||
	    X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
		XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) < 0)
		return NULL;
	long n = BIO_get_mem_data(bio, &text);
	return n < 0 ? NULL : span_dup(a, span_mem(text, (size_t)n));
}

static int
take_mailboxes(struct job *j, const struct certview *v, struct cert_facts *out)
{
	const char **list = arena_calloc(j->arena, MAILBOX_MAX, sizeof *list);
	struct span names = { 0 };
	struct span mailbox;
	bool is_utf8;
	int r = certview_names(v, &names);

	while (r == 1) {
		r = certview_next_mailbox(&names, &mailbox, &is_utf8);
		if (r == 1 && (out->mailbox_count == MAILBOX_MAX ||
				  span_has_control(mailbox)))
			r = -1;
		if (r == 1)
			list[out->mailbox_count++] =
			    span_dup(j->arena, mailbox);
	}
	out->mailboxes = list;
	return r;
}

int
cert_facts(struct job *j, struct span der, struct cert_facts *out)
{
	struct certview v;
	X509 *certificate = ossl_x509(j->arena, der);

	*out = (struct cert_facts){ 0 };
	if (certificate == NULL || certview_parse(der, &v) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "not a certificate in strict DER");
	if (take_mailboxes(j, &v, out) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "a certificate with names that are not mailboxes");
	out->subject = subject_text(j->arena, certificate);
	if (out->subject == NULL)
		return ossl_fail(j, "the certificate's subject");
	out->serial_hex = hex_dup(j->arena, v.serial);
	out->not_before = v.not_before;
	out->not_after = v.not_after;
	sha256(der, out->sha256);
	sha256(v.spki, out->spki_sha256);
	return 0;
}
