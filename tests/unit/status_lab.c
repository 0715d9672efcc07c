#include "config.h"

#include "tests/unit/status_lab.h"

#include "tests/unit/store_fixture.h"

#include <openssl/ocsp.h>
#include <string.h>

#include "db/store_revoke.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/seal.h"
#include "pki/certfield.h"
#include "pki/der.h"
#include "src/evidence.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"
#include "tests/unit/pki_lab.h"

#define LIST_MAX ((size_t)100000)

const struct seal_key *
status_lab_seal_key(struct job *j)
{
	static const uint8_t key[32] = "a seal key of thirty-two octets";

	return seal_key_new(j->arena, key);
}

struct span
status_lab_tbs(struct job *j, const struct ca *ca, const char *serial,
    int64_t not_before, int64_t not_after, const char *crl_url)
{
	struct buf b;

	buf_init(&b, j->arena, 4096);
	size_t mark = der_open(&b, DER_SEQUENCE);
	field_head(
	    &b, lab_hex(j, serial), ca->signer.alg->der, ca->signer.name);
	field_validity(&b, not_before, not_after);
	der_add(&b, DER_SEQUENCE, SPAN(""));
	buf_add(&b, lab_spki(j, lab_key(KEY_TYPE_P256, 0)));
	size_t explicit = der_open(&b, DER_CONTEXT(3));
	size_t list = der_open(&b, DER_SEQUENCE);
	extension_authority_key_id(&b, ca->signer.key_id);
	extension_crl_point(&b, crl_url);
	der_close(&b, list);
	der_close(&b, explicit);
	der_close(&b, mark);
	return buf_span(&b);
}

struct crl_input
status_lab_list(struct job *j, const struct issuer *issuer)
{
	struct crl_input l;
	struct span der;

	EXPECT(j, file_read(j, j->conf->issuer.crl_file, LIST_MAX, &der), 0);
	EXPECT(j, crl_read(j, issuer->ca, der, &l), 0);
	return l;
}

const char *
status_lab_listed(struct job *j, const struct issuer *issuer)
{
	const struct crl_input l = status_lab_list(j, issuer);
	const char *text = "";

	for (size_t i = 0; i < l.count; i++)
		text = arena_printf(j->arena, "%s%s%s:%d", text,
		    i > 0 ? " " : "", hex_dup(j->arena, l.entries[i].serial),
		    l.entries[i].reason);
	return text;
}

void
status_lab_seal(struct job *j, const struct seal_key *key, struct cert *c)
{
	uint8_t seal[SEAL_LEN];

	evidence_seal_tbs(key, c, seal);
	c->evidence = arena_printf(j->arena, "{\"seal\":\"%s\"}",
	    hex_dup(j->arena, span_mem(seal, sizeof(seal))));
}

struct conf_issuer
status_lab_conf(struct job *j, const char *key_type)
{
	static unsigned n;
	const char *folder = lab_ca_folder(key_type);

	n++;
	return (struct conf_issuer){
		.ca_certificate =
		    arena_printf(j->arena, "%s/issuing.pem", folder),
		.ca_chain = arena_printf(j->arena, "%s/root.pem", folder),
		.crl_shards = 1,
		.crl_url = LAB_CRL_URL,
		.ca_issuers_url = LAB_CA_ISSUERS_URL,
		.ocsp_url = "http://ocsp.example.com/ocsp",
		.crl_file = arena_printf(j->arena, "%s/list%u.crl", folder, n),
		.ocsp_folder = arena_printf(j->arena, "%s/ocsp%u", folder, n),
		.max_per_hour = 1000,
	};
}

void
status_lab_at(struct job *j, int64_t now)
{
	clock_set(now);
	j->now = now;
}

void
status_lab_run(struct job *j, struct issuer *issuer)
{
	int result;

	while ((result = issuer_step(issuer, j)) > 0)
		continue;
	EXPECT(j, result, 0);
}

void
status_lab_revoke(struct job *j, const char *id, int64_t reason)
{
	struct revocation r = { reason, "operator", { NULL, 0 } };

	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_revoke_cert(j, id, &r), 1);
	EXPECT(j, store_commit(j), 0);
}

struct cert
status_lab_reserve(struct job *j, const struct status_lab_cert *in)
{
	const char *account =
	    in->account != NULL ? in->account : fixture_account(j);
	struct cert c = {
		.id = in->id,
		.order_id = fixture_order(j, account, 1)->id,
		.account_id = account,
		.ca_label = ca_key_label(in->ca),
		.serial = in->serial,
		.profile = "mailbox-multipurpose",
		.profile_sha256 = SPAN("profile"),
		.tbs = status_lab_tbs(j, in->ca, in->serial, in->not_before,
		    in->not_after, LAB_CRL_URL),
		.signature_alg = SPAN("alg"),
		.lint_report = "{}",
		.br_version = "1.0.16",
		.spki_sha256 = SPAN("the key"),
		.not_before = in->not_before,
		.not_after = in->not_after,
	};
	bool taken;

	status_lab_seal(j, in->seal, &c);
	COMMITTED(j, store_cert_reserve(j, &c, &taken));
	return c;
}

struct span
status_lab_request(struct job *j, const struct ca *ca, const EVP_MD *md,
    const char *serial, int count)
{
	OCSP_REQUEST *r = OCSP_REQUEST_new();
	struct span octets = lab_hex(j, serial), out;
	BIGNUM *bn =
	    BN_bin2bn((const unsigned char *)octets.p, (int)octets.n, NULL);
	ASN1_INTEGER *n = BN_to_ASN1_INTEGER(bn, NULL);
	unsigned char *der = NULL;
	int len;

	for (int i = 0; i < count; i++)
		OCSP_request_add0_id(r,
		    OCSP_cert_id_new(md, X509_get_subject_name(ca->certificate),
			X509_get0_pubkey_bitstr(ca->certificate), n));
	len = i2d_OCSP_REQUEST(r, &der);
	out = span_mem(arena_memdup(j->arena, der, (size_t)len), (size_t)len);
	OPENSSL_free(der);
	ASN1_INTEGER_free(n);
	BN_free(bn);
	OCSP_REQUEST_free(r);
	return out;
}

const char *
status_lab_header(const struct status_result *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (strcmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return "";
}
