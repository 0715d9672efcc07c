#include "config.h"

#include "tests/unit/list_lab.h"

#include "tests/unit/store_fixture.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "db/store_cert.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "pki/ca.h"
#include "pki/crl.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/status_lab.h"

void
list_lab_init(struct list_lab *lab, struct job *j)
{
	*lab = (struct list_lab){ .j = j, .cert_url = LAB_CRL_URL };
	lab->conf.issuer = status_lab_conf(j, "p256");
	lab->issuer.ca = lab_ca("p256");
	lab->issuer.seal = status_lab_seal_key(j);
	j->conf = &lab->conf;
	status_lab_at(j, FIXTURE_NOW);
	lab->account = fixture_account(j);
}

void
list_lab_issue(struct list_lab *lab, const char *serial, int64_t not_after)
{
	struct job *j = lab->j;
	const struct cert c = status_lab_reserve(
	    j, &(struct status_lab_cert){ .ca = lab->issuer.ca,
		   .seal = lab->issuer.seal,
		   .account = lab->account,
		   .id = serial,
		   .serial = serial,
		   .not_before = j->now,
		   .not_after = not_after });

	COMMITTED(j, store_cert_record(j, c.id, SPAN("der"), span_str(c.id)));
}

const char *
list_lab_cert(struct list_lab *lab, int64_t not_after)
{
	struct job *j = lab->j;
	unsigned n = ++lab->certs;
	const char *id = arena_printf(j->arena, "cert%u", n);
	const char *serial = arena_printf(j->arena, "01%02x", n);
	struct cert c = {
		.id = id,
		.order_id = fixture_order(j, lab->account, 1)->id,
		.account_id = lab->account,
		.ca_label = ca_key_label(lab->issuer.ca),
		.serial = serial,
		.profile = "mailbox-multipurpose",
		.profile_sha256 = SPAN("profile"),
		.tbs = status_lab_tbs(j, lab->issuer.ca, serial, FIXTURE_NOW,
		    not_after, lab->cert_url),
		.signature_alg = SPAN("alg"),
		.lint_report = "{}",
		.br_version = "1.0.16",
		.spki_sha256 = LIST_LAB_SPKI,
		.not_before = FIXTURE_NOW,
		.not_after = not_after,
	};
	bool taken;

	status_lab_seal(j, lab->issuer.seal, &c);
	COMMITTED(j, store_cert_reserve(j, &c, &taken));
	COMMITTED(j, store_cert_record(j, id, SPAN("der"), span_str(id)));
	return id;
}

void
list_lab_revoked_rows(struct list_lab *lab, const char *count)
{
	struct job *j = lab->j;

	fixture_certs(j, lab->account, count);
	fixture_sql(
	    j, arena_printf(j->arena,
		   "UPDATE cert SET ca_label = '%s', serial = '01' || "
		   "CAST(100000 + CAST(substr(id, 2) AS BIGINT) AS TEXT), "
		   "revoked_at = %d, reason = 4, revoked_by = 'operator', "
		   "list_due_at = %d",
		   ca_key_label(lab->issuer.ca), FIXTURE_NOW, FIXTURE_NOW));
}

int64_t
list_lab_publish(struct list_lab *lab)
{
	static const char count[] =
	    "SELECT COUNT(*) FROM crl WHERE der IS NOT NULL";
	int64_t before = fixture_count(lab->j, count);
	int result;

	while ((result = issuer_list_step(&lab->issuer, lab->j)) == 1)
		continue;
	EXPECT(lab->j, result, 0);
	return fixture_count(lab->j, count) - before;
}

int64_t
list_lab_due(struct list_lab *lab)
{
	int64_t when;

	EXPECT(lab->j, issuer_list_due(&lab->issuer, lab->j, &when), 0);
	return when;
}

const char *
list_lab_listed(struct list_lab *lab)
{
	struct job *j = lab->j;
	struct span der;
	const unsigned char *p;
	X509_CRL *crl;
	struct buf b;

	EXPECT(j, file_read(j, lab->conf.issuer.crl_file, 100000, &der), 0);
	p = (const unsigned char *)der.p;
	crl = d2i_X509_CRL(NULL, &p, (long)der.n);
	assert_non_null(crl);
	buf_init(&b, j->arena, 10000);
	for (int i = 0; i < sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));
	     i++) {
		X509_REVOKED *r =
		    sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), i);
		ASN1_ENUMERATED *reason =
		    X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);

		buf_addf(&b, "%s%04llx:%ld", i > 0 ? " " : "",
		    (unsigned long long)ASN1_INTEGER_get(
			X509_REVOKED_get0_serialNumber(r)),
		    reason == NULL ? 0 : ASN1_ENUMERATED_get(reason));
		ASN1_ENUMERATED_free(reason);
	}
	X509_CRL_free(crl);
	return b.p;
}

struct span
list_lab_file(struct list_lab *lab, int64_t shard)
{
	struct span der;

	EXPECT(lab->j,
	    file_read(lab->j,
		status_shard_file(lab->j->arena, &lab->conf.issuer, shard),
		100000, &der),
	    0);
	return der;
}

bool
list_lab_has(struct list_lab *lab, int64_t shard, const char *serial)
{
	struct job *j = lab->j;
	struct crl_input l;

	EXPECT(
	    j, crl_read(j, lab->issuer.ca, list_lab_file(lab, shard), &l), 0);
	return crl_find(&l, lab_hex(j, serial)) != NULL;
}

int64_t
list_lab_number(struct job *j, const char *which)
{
	return fixture_count(
	    j, arena_printf(j->arena, "SELECT %s(number) FROM crl", which));
}
