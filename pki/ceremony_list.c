/* The lists that a ceremony makes, and those that it reads again. */
#include "config.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "pki/ceremony_root.h"
#include "pki/ossl.h"

#define LIST_MAX (1024 * 1024)
#define ENTRIES_MAX 1000

static struct span
integer_octets(struct job *j, const ASN1_INTEGER *i)
{
	const unsigned char *p = ASN1_STRING_get0_data(i);
	size_t n = (size_t)ASN1_STRING_length(i);
	char *out = arena_alloc(j->arena, n + 1);
	size_t sign = n > 0 && (p[0] & 0x80) ? 1 : 0;

	out[0] = 0;
	memcpy(out + sign, p, n);
	return span_mem(out, n + sign);
}

static int64_t
time_secs(const ASN1_TIME *t)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return 0;
	const struct clock_date date = { tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, 0 };
	return clock_secs(&date);
}

static int
take_entries(struct ceremony *c, X509_CRL *crl, struct crl_input *list)
{
	STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
	int n = revoked == NULL ? 0 : sk_X509_REVOKED_num(revoked);
	/* Room for one more. */
	struct crl_entry *entries =
	    arena_calloc(c->j->arena, (size_t)n + 1, sizeof *entries);

	if (n > ENTRIES_MAX)
		return job_fail(c->j, ERR_INTERNAL, "the list is too long");
	for (int i = 0; i < n; i++) {
		X509_REVOKED *r = sk_X509_REVOKED_value(revoked, i);
		ASN1_ENUMERATED *reason =
		    X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);

		entries[i] = (struct crl_entry){
			.serial = integer_octets(
			    c->j, X509_REVOKED_get0_serialNumber(r)),
			.revoked_at =
			    time_secs(X509_REVOKED_get0_revocationDate(r)),
			.reason = reason == NULL
				      ? 0
				      : (int)ASN1_ENUMERATED_get(reason),
		};
		ASN1_ENUMERATED_free(reason);
	}
	list->entries = entries;
	list->count = (size_t)n;
	return 0;
}

int
ceremony_list_read(
    struct ceremony *c, const char *name, EVP_PKEY *key, struct crl_input *list)
{
	const char *path = ceremony_path(c, name);
	struct span der;
	uint64_t number = 0;

	*list = (struct crl_input){ 0 };
	if (file_read(c->j, path, LIST_MAX, &der) < 0)
		return -1;
	const unsigned char *p = ossl_bytes(der);
	X509_CRL *crl =
	    ossl_own_crl(c->j->arena, d2i_X509_CRL(NULL, &p, (long)der.n));
	if (crl == NULL || X509_CRL_verify(crl, key) != 1)
		return ossl_fail(c->j, arena_printf(c->j->arena,
					   "%s is not this CA's list", path));
	ASN1_INTEGER *n = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	int ok = n != NULL && ASN1_INTEGER_get_uint64(&number, n) == 1;
	ASN1_INTEGER_free(n);
	if (!ok)
		return ossl_fail(
		    c->j, arena_printf(c->j->arena, "%s has no number", path));
	list->number = number;
	return take_entries(c, crl, list);
}

static int
by_serial(const void *a, const void *b)
{
	const struct crl_entry *x = a;
	const struct crl_entry *y = b;

	if (x->serial.n != y->serial.n)
		return x->serial.n < y->serial.n ? -1 : 1;
	return memcmp(x->serial.p, y->serial.p, x->serial.n);
}

int
ceremony_list_revoke(struct ceremony *c, EVP_PKEY *root, const char *path,
    int reason, struct crl_input *list)
{
	struct ceremony_cert cert;
	struct crl_entry *entries = arena_memdup(
	    c->j->arena, list->entries, (list->count + 1) * sizeof *entries);

	if (ceremony_cert_read(c->j, path, &cert) < 0)
		return -1;
	if (X509_verify(cert.x509, root) != 1) {
		ERR_clear_error();
		return job_fail(c->j, ERR_INTERNAL,
		    "%s: this root has not signed it", path);
	}
	if (span_eq(cert.view.subject, cert.view.issuer))
		return job_fail(c->j, ERR_INTERNAL,
		    "%s: a root cannot be on its own list", path);
	for (size_t i = 0; i < list->count; i++)
		if (span_eq(entries[i].serial, cert.view.serial))
			return job_fail(c->j, ERR_CONFLICT,
			    "%s: is on the list already", path);
	entries[list->count] = (struct crl_entry){
		.serial = cert.view.serial,
		.revoked_at = c->j->now,
		.reason = reason,
	};
	list->count++;
	qsort(entries, list->count, sizeof *entries, by_serial);
	list->entries = entries;
	return 0;
}

/* --- making --------------------------------------------------------------- */

static int
lint_list(struct ceremony *c, const struct signer *signer, enum ca_role role,
    const struct crl_input *list)
{
	struct signer lint;
	struct span der;

	if (c->lint == NULL)
		return 0;
	if (ca_lint_signer(c->j, c->j->arena, signer, &lint) < 0 ||
	    crl_lint_as(c->j, &lint, role, list, &der) < 0)
		return -1;
	return ceremony_judge(
	    c, c->j, role == CA_ROLE_ROOT ? LINT_ROOT_CRL : LINT_CRL, der);
}

int
ceremony_list_write(struct ceremony *c, const char *name,
    const struct signer *signer, enum ca_role role,
    const struct crl_input *list)
{
	struct span der = { NULL, 0 };

	if (lint_list(c, signer, role, list) < 0 ||
	    crl_sign_as(c->j, signer, role, list, &der) < 0)
		return -1;
	return ceremony_write(c, name, 0444, der, true);
}
