#include "config.h"

#include "src/cps_tables.h"

#include "acme/acme.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/job.h"
#include "pki/caa.h"
#include "pki/crl.h"
#include "pki/key.h"
#include "pki/key_proof.h"
#include "pki/ocsp_answer.h"
#include "pki/version.h"
#include "src/ca_conf.h"
#include "src/caa_rules.h"
#include "src/cps_profiles.h"
#include "src/outline.h"
#include "src/status_place.h"
#include "src/switched_off.h"

static void
put_requirements(struct outline *o)
{
	outline_begin(o, "requirements");
	outline_text(o, "smime_baseline_requirements", PKI_SBR_VERSION);
	outline_text(o, "tls_baseline_requirements", PKI_TBR_VERSION);
	outline_text(o, "software", PACKAGE_STRING);
	outline_end(o);
}

/* What does not hold although the requirements say it. */
static void
put_exceptions(struct outline *o, const struct conf *conf)
{
	const struct switched_off *s;

	outline_rows(o, "rules_switched_off");
	for (size_t i = 0; (s = switched_off_at(conf, i)) != NULL; i++) {
		outline_item(o);
		outline_text(o, "rule", s->rule);
		outline_text(o, "option", s->option);
		outline_text(o, "value", s->value);
		outline_text(o, "effect", s->effect);
		outline_end(o);
	}
	outline_rows_end(o);
	outline_rows(o, "lints_allowed");
	for (size_t i = 0; i < conf->allow_lint_count; i++) {
		outline_item(o);
		outline_text(o, "lint", conf->allow_lints[i].name);
		outline_text(o, "reason", conf->allow_lints[i].reason);
		outline_text(o, "until", conf->allow_lints[i].until);
		outline_end(o);
	}
	outline_rows_end(o);
}

/* --- before the certificate ----------------------------------------------- */

static void
put_validation(struct outline *o, const struct conf *conf)
{
	outline_begin(o, "validation");
	outline_text(o, "method", CAA_METHOD " (RFC 8823)");
	outline_secs(o, "challenge_life_secs", conf->authz_pending_life);
	outline_secs(o, "reuse_period_secs", conf->authz_valid_life);
	outline_secs(o, "order_life_secs", conf->order_life);
	outline_end(o);
}

/* PK-26: the list that the directory shows and that records are compared
 * with. */
static void
put_caa(struct outline *o, struct arena *a, const struct conf *conf)
{
	const struct caa_policy policy = caa_rules_policy(conf);

	outline_begin(o, "caa");
	outline_text(o, "property", "issuemail");
	outline_list(o, "issuer_domains", policy.issuer_domains);
	outline_words(o, "parameters");
	outline_word(o, CAA_PARAMETER_ACCOUNT);
	outline_word(o, CAA_PARAMETER_METHODS);
	outline_words_end(o);
	outline_words(o, "validation_methods");
	outline_word(o, CAA_METHOD);
	outline_words_end(o);
	outline_words(o, "account_uris");
	outline_word(o, arena_printf(a, "%s/acme/acct/", conf->base_url));
	for (size_t i = 0; i < policy.account_prefixes->n; i++)
		outline_word(o, policy.account_prefixes->v[i]);
	outline_words_end(o);
	outline_text(o, "other_parameters",
	    policy.ignore_unknown ? "ignored" : "refused");
	outline_bool(o, "flag_1_is_critical", policy.flag1_critical);
	outline_bool(o, "enforced", conf->caa_enforce);
	outline_secs(o, "check_max_age_secs", conf->issuer.caa_max_age);
	outline_bool(o, "refusals_reported_by_mail",
	    conf->caa_report == CONF_CAA_REPORT_MAILTO);
	outline_number(
	    o, "perspectives", (int64_t)conf->mpic.perspective_count);
	outline_bool(o, "corroboration_enforced",
	    conf->mpic.perspective_count > 0 &&
		conf->mpic.policy == CONF_MPIC_ENFORCE);
	outline_end(o);
}

/* --- the CA and its status services --------------------------------------- */

static const char *
issued_by(const struct conf *conf)
{
	switch (conf->external.kind) {
	case CONF_EXTERNAL_HOOK:
		return "another CA, through a program";
	case CONF_EXTERNAL_ACME:
		return "another CA, through ACME";
	case CONF_EXTERNAL_CMP:
		return "another CA, through CMP";
	case CONF_EXTERNAL_NONE:
		break;
	}
	return "this server";
}

static void
put_lists(struct outline *o, struct arena *a, const struct conf_issuer *i,
    int64_t shards)
{
	outline_words(o, "crl_urls");
	for (int64_t s = 0; s < shards; s++)
		outline_word(o, status_shard_url(a, i, s));
	outline_words_end(o);
	outline_text(o, "ca_issuers_url", i->ca_issuers_url);
	outline_text(o, "ocsp_url", i->ocsp_url);
}

/* How often, where the lists and answers are ours. */
static void
put_intervals(struct outline *o, const struct conf_issuer *i)
{
	outline_secs(o, "crl_every_secs", CRL_EVERY_SECS);
	outline_secs(o, "crl_life_secs", CRL_LIFE_SECS);
	if (!status_ocsp_is_on(i))
		return;
	outline_text(o, "ocsp_mode",
	    status_ocsp_is_live(i) ? "live" : "signed in advance");
	outline_secs(o, "ocsp_every_secs", OCSP_REFRESH_SECS);
	outline_secs(o, "ocsp_life_secs", OCSP_LIFE_SECS);
	outline_text(o, "ocsp_signature_algorithm", "ecdsa-with-SHA256");
}

static int
put_ca(struct outline *o, struct job *j)
{
	const struct conf *conf = j->conf;
	const struct ca_files files = ca_conf_certificates(conf);
	bool is_ours = conf->external.kind == CONF_EXTERNAL_NONE;
	const struct ca *ca;

	if (ca_load(j, j->arena, &files, &ca) < 0)
		return -1;
	outline_begin(o, "issuing_ca");
	outline_text(o, "issued_by", issued_by(conf));
	outline_text(o, "key_id", ca_key_label(ca));
	outline_text(o, "signature_algorithm", ca_signature_algorithm(ca));
	put_lists(o, j->arena, &conf->issuer, conf->issuer.crl_shards);
	if (is_ours)
		put_intervals(o, &conf->issuer);
	outline_end(o);
	outline_rows(o, "former_cas");
	for (size_t i = 0; i < conf->former_count; i++) {
		const struct conf_issuer *f = &conf->formers[i].issuer;

		outline_item(o);
		outline_text(o, "name", conf->formers[i].name);
		put_lists(o, j->arena, f, f->crl_shards);
		outline_end(o);
	}
	outline_rows_end(o);
	return 0;
}

/* --- afterwards ----------------------------------------------------------- */

/*
 * PK-77: what makes a key compromised.  The first is acme/revoke.c's, which
 * asks nobody; the next three are verified by countersign key block and report
 * add, and the last two of them by acme/key_report.c (pki/key_proof.h); for the
 * last a person gives the reason.
 */
static const char *const proofs[] = {
	"revokeCert (RFC 8555, 7.6) with reason 1, signed by the certificate's "
	"key",
	"the private key itself",
	"a certificate request (PKCS#10) by the key, whose commonName begins "
	"with \"" KEY_PROOF_NAME "\"",
	"a signature by the key over a line that we choose, which names key "
	"and CA",
	"other evidence in a problem report that an operator finds good",
};

static void
put_reports(struct outline *o, struct arena *a, const struct conf *conf)
{
	outline_begin(o, "problem_reports");
	outline_text(o, "address", conf->report_address);
	outline_text(o, "page",
	    conf->report_address != NULL
		? arena_printf(a, "%s" PATH_HELP, conf->base_url)
		: NULL);
	outline_text(o, "website", conf->website_url);
	outline_text(
	    o, "proofs", arena_printf(a, "%s" PATH_REPORT, conf->base_url));
	outline_words(o, "proofs_of_key_compromise");
	for (size_t i = 0; i < COUNT(proofs); i++)
		outline_word(o, proofs[i]);
	outline_words_end(o);
	outline_end(o);
}

/* PK-22 */
static void
put_records(struct outline *o, const struct conf *conf)
{
	outline_begin(o, "records");
	outline_secs(o, "retention_secs", conf->retention);
	outline_secs(
	    o, "retention_without_certificate_secs", conf->retain_final);
	outline_bool(o, "replies_encrypted", conf->encrypt_to != NULL);
	outline_end(o);
	outline_begin(o, "terms");
	outline_text(o, "url", conf->tos_url);
	outline_text(o, "sha256", conf->tos_sha256);
	outline_bool(o, "binding", conf->tos_binding);
	outline_end(o);
}

int
cps_tables_format(struct job *j, bool is_json, struct buf *out)
{
	const struct conf *conf = j->conf;
	struct outline o;

	outline_init(&o, out, is_json);
	outline_text(&o, "ca", conf->ca_name);
	outline_text(
	    &o, "mode", conf->mode == CONF_MODE_PUBLIC ? "public" : "private");
	put_requirements(&o);
	put_exceptions(&o, conf);
	put_validation(&o, conf);
	put_caa(&o, j->arena, conf);
	cps_profiles_put(&o, j->arena, conf);
	if (put_ca(&o, j) < 0)
		return -1;
	put_reports(&o, j->arena, conf);
	put_records(&o, conf);
	outline_done(&o);
	if (!buf_ok(out))
		return job_fail(
		    j, ERR_INTERNAL, "the tables are too long to be printed");
	return 0;
}
