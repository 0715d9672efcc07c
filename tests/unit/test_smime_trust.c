/*
 * Which certificates of S/MIME signers are believed: MA-73 (usage, chain,
 * depth, revocation), and the files that say whose.
 */
#include "config.h"

#include "tests/unit/smime_world.h"

#include <string.h>
#include <unistd.h>

#include <openssl/cms.h>

#include "lib/count.h"
#include "lib/fdio.h"
#include "mail/smime_layer.h"
#include "mail/smime_trust.h"
#include "mail/smime_verify.h"
#include "pki/der.h"
#include "tests/unit/smime_lab.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

static void
test_usage(void **state)
{
	static const struct {
		struct smime_cert cert;
		const char *code;
	} cases[] = {
		{ { 0 }, "smime.accepted" },
		{ { .eku = "" }, "smime.usage" },
		{ { .eku = "anyExtendedKeyUsage" }, "smime.usage" },
		{ { .eku = "serverAuth" }, "smime.usage" },
		{ { .eku = "clientAuth,codeSigning" }, "smime.usage" },
		{ { .eku = "emailProtection,clientAuth" }, "smime.accepted" },
		{ { .eku = "emailProtection,anyExtendedKeyUsage" },
		    "smime.accepted" },
		{ { .usage = "" }, "smime.accepted" },
		{ { .usage = "critical,keyEncipherment" }, "smime.usage" },
		{ { .usage = "critical,keyAgreement" }, "smime.usage" },
		{ { .usage = "critical,nonRepudiation" }, "smime.accepted" },
		{ { .usage = "critical,digitalSignature,keyEncipherment" },
		    "smime.accepted" },
		{ { .basic = "critical,CA:TRUE",
		      .usage = "digitalSignature,keyCertSign" },
		    "smime.usage" },
		{ { .basic = "CA:FALSE" }, "smime.accepted" },
		{ { .usage = "digitalSignature,keyCertSign" }, "smime.usage" },
		{ { .from = -10, .until = -1 }, "smime.chain" },
		{ { .from = 1, .until = 10 }, "smime.chain" },
		{ { .md = "SHA1" }, "smime.chain" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w = world_new();
		struct smime_result r = world_verify_cert(&w, &cases[i].cert);

		unit_case("%zu", i);
		world_check_code(&r, cases[i].code);
	}
}

static void
test_chain(void **state)
{
	struct world w = world_new();
	struct smime_id other = smime_lab_ca(w.j, NULL), self, below, no_ca;
	struct smime_letter l = { .signers = { &self } };
	struct smime_result r;

	(void)state;
	self = smime_lab_make(w.j, &(struct smime_cert){ .key = "p256/self" });
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.chain");
	/* the root comes along and helps nobody */
	self = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &other });
	l.extra[0] = other.x;
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.chain");
	/* the CA in between is missing; is there but is no CA */
	self = world_alice(&w);
	l.extra[0] = NULL;
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.chain");
	no_ca = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &w.root,
					.key = "p256/noca",
					.usage = "critical,keyCertSign" });
	below = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &no_ca });
	l = (struct smime_letter){ .signers = { &below },
		.extra = { no_ca.x } };
	w.policy.revocation = CONF_REVOCATION_OFF;
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.chain");
	/* a CA that is not for mail */
	no_ca = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &w.root,
					.key = "p256/noca",
					.usage = "critical,keyCertSign",
					.basic = "critical,CA:TRUE",
					.eku = "serverAuth" });
	below = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &no_ca });
	l = (struct smime_letter){ .signers = { &below },
		.extra = { no_ca.x } };
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.chain");
	/* no roots at all */
	self = world_alice(&w);
	l = (struct smime_letter){ .signers = { &self }, .extra = { w.ca.x } };
	w.policy.trust = NULL;
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.chain");
}

/* The root at depth 5, and no deeper; more certificates than anybody needs. */
static void
test_depth(void **state)
{
	struct world w = world_new();
	struct smime_id cas[6], id;
	struct smime_letter l = { .signers = { &id } };
	struct smime_result r;

	(void)state;
	w.policy.revocation = CONF_REVOCATION_OFF;
	cas[0] = w.root;
	for (size_t i = 1; i < 6; i++) {
		cas[i] = smime_lab_ca(w.j, &cas[i - 1]);
		l.extra[i - 1] = cas[i].x;
	}
	id = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &cas[4] });
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.accepted");
	id = smime_lab_make(w.j, &(struct smime_cert){ .issuer = &cas[5] });
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, "smime.chain");
}

static void
test_many_certificates(void **state)
{
	struct world w = world_new();
	struct smime_id id = world_alice(&w);
	struct smime_letter l = { .signers = { &id }, .extra = { w.ca.x } };
	CMS_ContentInfo *cms;
	struct smime_result r;

	(void)state;
	for (int limit = 0; limit < 2; limit++) {
		struct span der = smime_lab_cms(w.j, &l);
		unsigned char *p = NULL;
		int n;

		cms = smime_cms(w.j, der);
		for (int i = 2; i < SMIME_CERTS_MAX + limit; i++)
			CMS_add1_cert(
			    cms, smime_lab_make(w.j,
				     &(struct smime_cert){ .issuer = &w.ca })
				     .x);
		n = i2d_CMS_ContentInfo(cms, &p);
		assert_true(n > 0);
		r = world_verify(
		    &w, smime_lab_around(w.j, &l, span_mem(p, (size_t)n)));
		OPENSSL_free(p);
		world_check_code(
		    &r, limit == 0 ? "smime.accepted" : "smime.structure");
	}
}

struct list_case {
	bool has_root, has_ca; /* a list of it is there */
	bool revokes_alice, revokes_ca;
	int until; /* of the CA's list */
	int from;
	bool forged; /* the CA's list is signed by somebody else */
	const char *soft, *hard;
};

static void
check_list(const struct list_case *c, enum conf_revocation revocation,
    const char *code)
{
	struct world w = world_new();
	struct smime_id id = world_alice(&w), other = smime_lab_ca(w.j, NULL);
	struct smime_letter l = { .signers = { &id }, .extra = { w.ca.x } };
	struct span crls[2];
	size_t n = 0;
	struct smime_result r;
	bool unknown = strcmp(c->hard, "smime.revocation-unknown") == 0;

	if (c->has_root)
		crls[n++] = smime_lab_crl(
		    w.j, &(struct smime_list_spec){ .issuer = &w.root,
			     .revoked = c->revokes_ca ? w.ca.x : NULL });
	if (c->has_ca)
		crls[n++] = smime_lab_crl(
		    w.j, &(struct smime_list_spec){ .issuer = &w.ca,
			     .revoked = c->revokes_alice ? id.x : NULL,
			     .from = c->from,
			     .until = c->until,
			     .signer = c->forged ? &other : NULL });
	w.policy.trust = world_trust(w.j, &w.root, crls, n);
	w.policy.revocation = revocation;
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, code);
	assert_int_equal(r.note.result == FINDING_NOTE,
	    unknown && revocation == CONF_REVOCATION_SOFT && r.accepted);
	if (r.note.result == FINDING_NOTE)
		assert_string_equal(r.note.code, "smime.revocation-unknown");
}

static void
test_revocation(void **state)
{
#define OK "smime.accepted"
#define UNKNOWN "smime.revocation-unknown"
#define REVOKED "smime.revoked"
	static const struct list_case cases[] = {
		{ true, true, false, false, 5, -1, false, OK, OK },
		{ true, true, true, false, 5, -1, false, REVOKED, REVOKED },
		{ true, true, false, true, 5, -1, false, REVOKED, REVOKED },
		/* missing */
		{ true, false, false, false, 5, -1, false, OK, UNKNOWN },
		{ false, true, false, false, 5, -1, false, OK, UNKNOWN },
		{ false, false, false, false, 5, -1, false, OK, UNKNOWN },
		{ false, true, true, false, 5, -1, false, REVOKED, REVOKED },
		/* run out, and not yet in force */
		{ true, true, false, false, -1, -5, false, OK, UNKNOWN },
		{ true, true, true, false, -1, -5, false, REVOKED, REVOKED },
		{ true, true, false, false, 5, 1, false, OK, UNKNOWN },
		/* not the CA's */
		{ true, true, false, false, 5, -1, true, OK, UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%zu", i);
		check_list(&cases[i], CONF_REVOCATION_SOFT, cases[i].soft);
		check_list(&cases[i], CONF_REVOCATION_HARD, cases[i].hard);
		check_list(&cases[i], CONF_REVOCATION_OFF, OK);
	}
}

/* A list that came out after the message did counts as well. */
static void
test_list_after_arrival(void **state)
{
	struct world w = world_new();
	struct smime_id id = world_alice(&w);
	struct smime_letter l = { .signers = { &id }, .extra = { w.ca.x } };
	struct span crls[2] = {
		smime_lab_crl(w.j,
		    &(struct smime_list_spec){ .issuer = &w.root, .from = 1 }),
		smime_lab_crl(w.j,
		    &(struct smime_list_spec){
			.issuer = &w.ca, .from = 1, .revoked = id.x }),
	};
	struct smime_result r;

	(void)state;
	w.policy.trust = world_trust(w.j, &w.root, crls, 2);
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, REVOKED);
	w.j->now += 2L * SMIME_LAB_DAY;
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, REVOKED);
	/* the certificate ended meanwhile: arrival counts */
	crls[1] =
	    smime_lab_crl(w.j, &(struct smime_list_spec){
				   .issuer = &w.ca, .from = 1, .until = 30 });
	crls[0] =
	    smime_lab_crl(w.j, &(struct smime_list_spec){
				   .issuer = &w.root, .from = 1, .until = 30 });
	w.policy.trust = world_trust(w.j, &w.root, crls, 2);
	w.j->now += 10L * SMIME_LAB_DAY;
	r = world_verify(&w, smime_lab_message(w.j, &l));
	world_check_code(&r, OK);
}

static const char *
write_file(struct job *j, const char *name, struct span text)
{
	const char *path = unit_path(name);

	assert_int_equal(file_write(j, path, 0600, text), 0);
	return path;
}

static void
load(struct job *j, struct span roots, struct span crl, const char *why)
{
	const char *path = write_file(j, "roots", roots);
	const char *list = write_file(j, "crl", crl);
	const struct conf_list crls = { &list, crl.n > 0 };
	struct smime_trust *t = NULL;
	int result = smime_trust_load(j, path, &crls, &t);

	if (why == NULL) {
		if (result < 0)
			fail_msg("%s", j->err.text);
		assert_int_equal(smime_trust_root_count(t), 1);
	} else {
		assert_int_equal(result, -1);
		assert_null(t);
		if (strstr(j->err.text, why) == NULL)
			fail_msg("%s", j->err.text);
		job_recover(j);
	}
	smime_trust_free(t);
}

static void
test_files(void **state)
{
	struct world w = world_new();
	struct smime_id leaf = world_alice(&w);
	struct job *j = w.j;
	struct span root = smime_lab_pem(j, w.root.x);
	struct span crl =
	    smime_lab_crl(j, &(struct smime_list_spec){ .issuer = &w.root });
	struct smime_trust *t = NULL;
	const struct conf_list none = { NULL, 0 };

	(void)state;
	load(j, root, SPAN(""), NULL);
	load(j, root, crl, NULL);
	load(j, SPAN(""), crl, "holds none");
	load(j, SPAN("no PEM\n"), crl, "holds none");
	load(j, smime_lab_pem(j, w.ca.x), crl, "not self-signed");
	load(j, smime_lab_pem(j, leaf.x), crl, "not a CA's");
	load(j, span_cut(root, 0, root.n - 60), crl, "holds none");
	load(j, root, span_cut(crl, 0, crl.n - 1), "no revocation list");
	load(j, root,
	    smime_lab_crl(j,
		&(struct smime_list_spec){ .issuer = &w.root, .no_end = true }),
	    "without nextUpdate");
	assert_int_equal(smime_trust_load(j, "/nowhere/roots", &none, &t), -1);
	assert_null(t);
	job_recover(j);
	assert_int_equal(smime_trust_load(j, NULL, &none, &t), 0);
	assert_int_equal(smime_trust_root_count(t), 0);
	smime_trust_free(t);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_usage),
	cmocka_unit_test(test_chain),
	cmocka_unit_test(test_depth),
	cmocka_unit_test(test_many_certificates),
	cmocka_unit_test(test_revocation),
	cmocka_unit_test(test_list_after_arrival),
	cmocka_unit_test(test_files),
};
UNIT_MAIN(tests)
