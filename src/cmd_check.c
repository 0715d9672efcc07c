#include "config.h"

#include "acme/offer.h"
#include "db/store.h"
#include "dns/resolver.h"
#include "lib/addr.h"
#include "lib/aead.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/fdio.h"
#include "lib/log.h"
#include "lib/seal.h"
#include "mail/dkim_sign.h"
#include "mail/finding.h"
#include "mail/smime_signer.h"
#include "mail/smime_trust.h"
#include "mail/submit.h"
#include "pki/effective.h"
#include "pki/key.h"
#include "pki/profile.h"
#include "pki/weakkeys.h"
#include "src/audit_keys.h"
#include "src/ca_check.h"
#include "src/ca_conf.h"
#include "src/command.h"
#include "src/conf_file.h"
#include "src/conf_owner.h"
#include "src/database.h"
#include "src/dns_conf.h"
#include "src/external_check.h"
#include "src/intake.h"
#include "src/intake_check.h"
#include "src/key_files.h"
#include "src/linter_check.h"
#include "src/listen_check.h"
#include "src/login_check.h"
#include "src/overview.h"
#include "src/perspective_check.h"
#include "src/perspective_client.h"
#include "src/place_check.h"
#include "src/privilege.h"
#include "src/relay.h"
#include "src/remarks.h"
#include "src/switched_off.h"
#include "src/tls.h"
#include "src/wording.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define TIMEOUT_MS 15000
#define DAY 86400
#define CLIENT_KEY_MAX ((size_t)64 * 1024)
#define SPACE_MIN ((uint64_t)100 << 20)

static const char check_usage[] =
    "usage: countersign check [-f FILE]\n"
    "\n"
    "Looks at everything that the server needs: configuration, database,\n"
    "keys, certificates, those of admins, the audit records' signed heads, "
    "the\n"
    "CA that issues in place of this server, the DKIM records in the DNS, the\n"
    "login at the relay, the ways by which replies come in, roots and\n"
    "revocation lists for S/MIME, remote perspectives, linters, disk space.\n"
    "One line each: ok, or WRONG and what to do; warn is for what works and\n"
    "could be better.  Run it as the user that starts countersignd.  The exit\n"
    "status is 0 if nothing is wrong.\n"
    "\n"
    "  -f, --config FILE  configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

struct check {
	struct arena *keep;
	const struct conf *conf;
	struct resolver *resolver; /* NULL if it cannot be had */
	struct intake intake;      /* that is looked at */
	struct remarks remarks;
};

static void
good(struct check *c, const char *what, const char *detail)
{
	remark(&c->remarks, REMARK_OK, what, detail);
}

static void
bad(struct check *c, const char *what, const char *detail)
{
	remark(&c->remarks, REMARK_WRONG, what, detail);
}

static void
warn(struct check *c, const char *what, const char *advice)
{
	remark(&c->remarks, REMARK_WARN, what, advice);
}

static void
bad_texts(void *ctx, const char *message)
{
	bad(ctx, "texts of the mail", message);
}

static void
check_texts(struct check *c)
{
	if (wording_check(c->conf, bad_texts, c) == 0)
		good(c, "texts of the mail", "");
}

/* One check with a job of its own. */
static void
run(struct check *c, const char *what, int (*f)(struct check *, struct job *))
{
	struct job j;

	job_init(&j, NULL, c->conf);
	if (f(c, &j) < 0)
		bad(c, what, j.err.text);
	else
		good(c, what, "");
	fflush(stdout);
	job_done(&j);
}

static void
check_conf_file(struct check *c)
{
	struct job j;

	job_init(&j, NULL, c->conf);
	if (conf_file_is_safe(&j, c->conf->file, c->conf->user) == 0)
		good(c, "configuration file", "");
	else if (c->conf->mode == CONF_MODE_PUBLIC)
		bad(c, "configuration file", j.err.text);
	else
		warn(c, "configuration file", j.err.text);
	job_done(&j);
}

static void
bad_address(void *ctx, const char *message)
{
	bad(ctx, "addresses to listen on", message);
}

static void
check_addresses(struct check *c)
{
	struct job j;

	job_init(&j, NULL, c->conf);
	if (listen_check(&j, bad_address, c) == 0)
		good(c, "addresses to listen on", "");
	job_done(&j);
}

static int
check_user(struct check *c, struct job *j)
{
	const char *other = c->conf->external.user;

	if (privilege_check(j, c->conf->user) < 0)
		return -1;
	if (c->conf->external.kind == CONF_EXTERNAL_NONE || other == NULL ||
	    privilege_check(j, other) == 0)
		return 0;
	return job_context(j, "external.user");
}

static void
bad_place(void *ctx, const char *message)
{
	bad(ctx, "places to write", message);
}

static void
check_places(struct check *c)
{
	struct job j;
	int count;

	job_init(&j, NULL, c->conf);
	/* Without that user the line above says all. */
	if (privilege_check(&j, c->conf->user) == 0) {
		count = place_check(&j, bad_place, c);
		if (count < 0)
			bad_place(c, j.err.text);
		else if (count == 0)
			good(c, "places to write", "");
	}
	job_done(&j);
}

/* A file that is there has another trouble. */
static bool
is_made(const char *database)
{
	struct stat st;

	return strncmp(database, "sqlite:", 7) == 0 &&
	       stat(database + 7, &st) == 0 && st.st_size > 0;
}

static int
check_database(struct check *c, struct job *j)
{
	struct store_login login;
	int result;

	(void)c;
	if (database_login(j, DATABASE_OWNER, &login) < 0)
		return -1;
	if (store_open_as(j, &login, &j->store) < 0)
		return is_made(j->conf->database)
			   ? -1
			   : job_context(j,
				 "if countersignd never ran, start it once: it "
				 "makes the database");
	result = store_ping(j);
	store_close(j->store);
	return result;
}

/* What the records say that an admin should know.  That the database cannot be
 * opened has been said. */
static void
check_records(struct check *c)
{
	struct store_login login;
	struct job j;

	job_init(&j, NULL, c->conf);
	if (database_login(&j, DATABASE_OWNER, &login) == 0 &&
	    store_open_as(&j, &login, &j.store) == 0) {
		if (overview_reminders(&j, &c->remarks) < 0)
			bad(c, "records", j.err.text);
		store_close(j.store);
		j.store = NULL;
	}
	job_done(&j);
}

static void
check_logins(struct check *c)
{
	static const char what[] = "database logins of the roles";
	const char *advice;
	struct job j;

	job_init(&j, NULL, c->conf);
	if (login_check(&j, &advice) < 0)
		bad(c, what, j.err.text);
	else if (advice != NULL)
		warn(c, what, advice);
	else
		good(c, what, "");
	job_done(&j);
}

static void
key_file(void *ctx, const char *message)
{
	struct check *c = ctx;

	if (c->conf->mode == CONF_MODE_PUBLIC)
		bad(c, "key files", message);
	else
		warn(c, "key files", message);
}

static void
check_key_files(struct check *c)
{
	struct job j;

	job_init(&j, NULL, c->conf);
	if (key_files_check(&j, key_file, c) == 0)
		good(c, "key files", "");
	job_done(&j);
}

static int
check_seal(struct check *c, struct job *j)
{
	const struct seal_key *key;

	return seal_key_load(j, j->arena, c->conf->seal_key_file, &key);
}

/* PK-21: the CA is looked at elsewhere. */
static int
check_audit_keys(struct check *c, struct job *j)
{
	const struct audit_signer *signer;

	(void)c;
	return audit_keys_signer(j, j->arena, NULL, &signer);
}

/* PK-74 */
static int
check_weak_keys(struct check *c, struct job *j)
{
	const struct weakkeys *w;

	return weakkeys_load(j, j->arena, c->conf->weak_keys, &w);
}

static int
check_eab(struct check *c, struct job *j)
{
	const struct aead_key *key;

	return aead_key_load(j, j->arena, c->conf->web.eab_key_file, &key);
}

/* Of the profiles that are offered. */
static int64_t
longest_days(const struct conf *conf)
{
	int64_t longest = 0;
	const char *name;

	for (size_t i = 0; (name = profile_offered(conf, i)) != NULL; i++) {
		int64_t days =
		    profile_days(conf, profile_find(conf, span_str(name)));

		if (days > longest)
			longest = days;
	}
	return longest;
}

static int
check_ca(struct check *c, struct job *j)
{
	const struct conf_issuer *i = &c->conf->issuer;
	struct ca_files files = ca_conf_files(j->arena, c->conf);
	const struct ca *ca;
	char until[CLOCK_RFC3339_MAX];
	const char *problem;
	int64_t days;

	if (ca_load(j, j->arena, &files, &ca) < 0)
		return -1;
	problem = ca_conf_profile_problem(j, ca);
	if (problem != NULL && c->conf->mode == CONF_MODE_PUBLIC)
		return job_fail(j, ERR_INTERNAL, "%s", problem);
	if (problem != NULL)
		warn(c, "issuing CA", problem);
	days = longest_days(c->conf);
	if (ca_not_after(ca) > j->now + days * DAY)
		return 0;
	clock_format_rfc3339(ca_not_after(ca), until);
	return job_fail(j, ERR_INTERNAL,
	    "%s ends at %s, before a certificate of %" PRId64 " days would: "
	    "renew the issuing CA or lower validity_days",
	    i->ca_certificate, until, days);
}

/* PK-3 */
static void
warn_of_upcoming(struct check *c)
{
	const struct effective *rules[EFFECTIVE_COUNT];
	struct job j;

	job_init(&j, NULL, c->conf);
	size_t n = effective_upcoming(c->conf, j.now, rules);

	for (size_t i = 0; i < n; i++)
		warn(c, "rules to come",
		    arena_printf(j.arena, "from %s: %s (%s): %s", rules[i]->day,
			rules[i]->rule, rules[i]->source, rules[i]->advice));
	job_done(&j);
}

static void
tell_of_ca(void *ctx, enum remark level, const char *what, const char *text)
{
	struct check *c = ctx;

	remark(&c->remarks, level, what, text);
}

/* What the CAs of the configuration owe. */
static void
check_dues(struct check *c)
{
	struct store_login login;
	struct job j;

	job_init(&j, NULL, c->conf);
	if (database_login(&j, DATABASE_OWNER, &login) == 0 &&
	    store_open_as(&j, &login, &j.store) == 0) {
		ca_check(&j, tell_of_ca, c);
		store_close(j.store);
		j.store = NULL;
	}
	job_done(&j);
}

static int
check_other_ca(struct check *c, struct job *j)
{
	(void)c;
	return external_check(j);
}

/* The name or address in base_url. */
static const char *
host_of(struct job *j, const char *base_url)
{
	struct span s = span_from(span_str(base_url), strlen("https://"));
	size_t end = span_find(s, 0, ']');

	if (s.n > 0 && s.p[0] == '[' && end < s.n)
		return span_dup(j->arena, span_cut(s, 1, end));
	return span_dup(j->arena, span_cut(s, 0, span_find(s, 0, ':')));
}

/* A proxy that clients see has a certificate of its own. */
static void
check_tls(struct check *c)
{
	static const char what[] = "HTTPS certificate";
	const struct conf_web *w = &c->conf->web;
	char until[CLOCK_RFC3339_MAX];
	const char *host;
	struct job j;

	job_init(&j, NULL, c->conf);
	host = host_of(&j, c->conf->base_url);
	if (w->tls_certificate == NULL) {
		good(c, what, "a proxy has it");
	} else if (tls_load(&j, w->tls_certificate, w->tls_key) < 0 ||
		   tls_check_dates(&j, w->tls_certificate, j.now) < 0) {
		bad(c, what, j.err.text);
	} else if (tls_check_host(&j, w->tls_certificate, host) < 0) {
		if (w->trusted_proxies.n > 0)
			warn(c, what, j.err.text);
		else
			bad(c, what, j.err.text);
	} else if (tls_not_after() <= j.now + 14 * DAY) {
		clock_format_rfc3339(tls_not_after(), until);
		warn(c, what,
		    arena_printf(j.arena,
			"%s ends at %s: replace it and send countersignd "
			"SIGHUP",
			w->tls_certificate, until));
	} else {
		good(c, what, "");
	}
	job_done(&j);
}

/* The mail domain's MX, which every resolver must know; `more` ends the
 * error. */
static int
ask_mx(struct check *c, struct job *j, struct resolver *r, const char *more)
{
	const char *domain = addr_domain_of(c->conf->sender.from);
	struct dns_answer a;

	if (resolver_query(r, j, domain, DNS_TYPE_MX, &a) < 0)
		return -1;
	if (a.status == DNS_OK)
		return 0;
	return job_fail(j, ERR_INTERNAL, "MX of %s: %s%s%s%s", domain,
	    dns_status_name(a.status), a.why != NULL ? ": " : "",
	    a.why != NULL ? a.why : "", more);
}

static int
check_resolver(struct check *c, struct job *j)
{
	const struct conf_validator *v = &c->conf->validator;
	struct resolver_conf conf = dns_conf_of(c->conf, v->dns_config);

	if (resolver_new(j, &conf, &c->resolver) < 0 ||
	    resolver_check_validates(c->resolver, j) < 0)
		return -1;
	return ask_mx(c, j, c->resolver, "; replies and bounces need it");
}

/* MA-32 */
static int
check_second(struct check *c, struct job *j)
{
	const struct conf_validator *v = &c->conf->validator;
	struct resolver_conf conf = dns_conf_of(c->conf, v->dns_second_config);
	struct resolver *second;
	int result;

	if (resolver_new(j, &conf, &second) < 0)
		return -1;
	result = resolver_check_validates(second, j) < 0
		     ? -1
		     : ask_mx(c, j, second, "");
	resolver_free(second);
	return result;
}

static int
check_signer(
    struct check *c, struct job *j, const char *file, const char *selector)
{
	const struct dkim_signer *s;
	struct finding f;

	if (dkim_signer_load(j, j->arena, file, selector, &s) < 0)
		return -1;
	if (c->resolver == NULL)
		return job_fail(
		    j, ERR_INTERNAL, "not looked up, for want of a resolver");
	if (dkim_signer_check(j, s, addr_domain_of(c->conf->sender.from),
		c->resolver, &f) == 0)
		return 0;
	return j->err.kind != ERR_NONE
		   ? -1
		   : job_fail(j, ERR_INTERNAL, "%s (%s)", f.detail, f.code);
}

static int
check_dkim_rsa(struct check *c, struct job *j)
{
	return check_signer(c, j, c->conf->sender.dkim_rsa_key,
	    c->conf->sender.dkim_rsa_selector);
}

static int
check_dkim_ed25519(struct check *c, struct job *j)
{
	return check_signer(c, j, c->conf->sender.dkim_ed25519_key,
	    c->conf->sender.dkim_ed25519_selector);
}

static int
check_smime(struct check *c, struct job *j)
{
	const struct conf_sender *s = &c->conf->sender;
	struct smime_files files = { s->smime_certificate, s->smime_key };
	const struct smime_signer *signer;
	char until[CLOCK_RFC3339_MAX];

	if (smime_signer_load(j, j->arena, &files, s->from, &signer) < 0)
		return -1;
	if (!smime_signer_ends_soon(signer, j->now))
		return 0;
	clock_format_rfc3339(signer->not_after, until);
	return job_fail(j, ERR_INTERNAL,
	    "%s ends at %s: replace it and start countersignd again",
	    files.certificate, until);
}

static int
check_relay(struct check *c, struct job *j)
{
	const struct conf_sender *s = &c->conf->sender;
	struct submit *submit;
	bool wanted = c->conf->utf8_mailboxes, utf8 = false;
	int result;

	if (relay_new(j, s, TIMEOUT_MS, &submit) < 0)
		return -1;
	result = submit_check(submit, j, wanted ? &utf8 : NULL);
	submit_free(submit);
	if (result < 0)
		return -1;
	/* ER-20 */
	if (wanted && !utf8)
		return job_fail(j, ERR_INTERNAL,
		    "relay %s port %" PRId64 " works, but does not offer "
		    "SMTPUTF8: orders for mailboxes beyond ASCII would fail; "
		    "let it (Postfix: smtputf8_enable = yes), or set "
		    "policy.utf8_mailboxes = no to refuse them at once",
		    s->relay_host, s->relay_port);
	return 0;
}

static int
check_intake(struct check *c, struct job *j)
{
	return intake_check(j, &c->intake);
}

static void
check_intakes(struct check *c)
{
	char room[INTAKE_NAME_MAX];
	const char *name;
	struct job j;

	job_init(&j, NULL, c->conf);
	for (size_t i = 0; i < intake_count(c->conf); i++) {
		c->intake = intake_at(c->conf, i, room);
		name = intake_check_name(&j, &c->intake);
		if (name != NULL)
			run(c, name, check_intake);
	}
	job_done(&j);
}

/* Whoever is traced back to them: a list that has run out says nothing any
 * more, and then (smime_revocation = hard) nobody's signature counts. */
static int
check_smime_trust(struct check *c, struct job *j)
{
	const struct conf_validator *v = &c->conf->validator;
	char until[CLOCK_RFC3339_MAX];
	struct smime_trust *t;
	int64_t end;

	if (smime_trust_load(j, v->smime_roots, &v->smime_crls, &t) < 0)
		return -1;
	end = smime_trust_next_update(t);
	smime_trust_free(t);
	if (v->smime_revocation == CONF_REVOCATION_OFF || end > j->now)
		return 0;
	clock_format_rfc3339(end, until);
	return job_fail(j, ERR_INTERNAL,
	    "a revocation list of smime_crls has run out (%s): fetch the new "
	    "one and send countersignd SIGHUP",
	    until);
}

static int
check_disk(struct check *c, struct job *j)
{
	const char *path = c->conf->issuer.crl_file;
	struct statvfs fs;
	uint64_t room;

	if (strncmp(c->conf->database, "sqlite:", 7) == 0)
		path = c->conf->database + 7;
	if (path == NULL) /* another CA has the lists */
		return 0;
	path = file_folder(j->arena, path);
	if (statvfs(path, &fs) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "%s: %s", path, strerror(errno));
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room >= SPACE_MIN)
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "%s: only %" PRIu64 " MiB left: make room", path, room >> 20);
}

/* --- perspectives --------------------------------------------------------- */

static void
tell_perspective(void *ctx, const char *service, const struct testimony *t)
{
	char what[200];

	if (service != NULL)
		snprintf(what, sizeof(what), "perspective %s of %s", t->code,
		    service);
	else
		snprintf(what, sizeof(what), "perspective %s", t->code);
	if (t->answer == ANSWER_SILENT)
		bad(ctx, what, t->why);
	else
		good(ctx, what, "");
	fflush(stdout);
}

/* Its key is read by the roles, and by nobody else. */
static int
check_client_keys(struct check *c, struct job *j)
{
	const struct conf_mpic *m = &c->conf->mpic;
	struct span key;

	for (size_t i = 0; i < m->service_count; i++)
		if (m->services[i].key != NULL &&
		    file_read_secret(
			j, m->services[i].key, CLIENT_KEY_MAX, &key) < 0)
			return -1;
	for (size_t i = 0; i < m->perspective_count; i++) {
		const struct conf_perspective *p = &m->perspectives[i];

		if (p->key != NULL &&
		    file_read_private(j, p->key, CLIENT_KEY_MAX, &key) < 0)
			return job_context(j, "perspective %s", p->name);
	}
	return 0;
}

/* MP-12: a line for each. */
static void
check_perspectives(struct check *c)
{
	struct perspective_client *client = NULL;
	struct job j;

	run(c, "keys for perspectives", check_client_keys);
	job_init(&j, NULL, c->conf);
	if (perspective_client_new(&j, &client) < 0 ||
	    perspective_check(client, &j, tell_perspective, c) < 0)
		bad(c, "perspectives", j.err.text);
	perspective_client_free(client);
	job_done(&j);
}

/* --- linters -------------------------------------------------------------- */

static void
tell_linter(void *ctx, const struct lint_answer *a)
{
	char what[20 + LINTER_NAME_MAX];
	char detail[LINT_DETAIL_MAX + 1];

	snprintf(what, sizeof(what), "linter %.*s", (int)a->name.n, a->name.p);
	if (a->has_failed) {
		snprintf(detail, sizeof(detail), "%.*s", (int)a->detail.n,
		    a->detail.p);
		bad(ctx, what, detail);
	} else {
		snprintf(detail, sizeof(detail), "%.*s", (int)a->version.n,
		    a->version.p);
		good(ctx, what, detail);
	}
	fflush(stdout);
}

/* PK-140: a line for each. */
static void
check_linters(struct check *c)
{
	const char *left;
	struct job j;

	job_init(&j, NULL, c->conf);
	left = linter_check_left(j.arena, c->conf);
	if (left != NULL)
		warn(c, "linters",
		    arena_printf(
			j.arena, "none judges %s: see the option lints", left));
	if (linter_check(&j, tell_linter, c) < 0)
		bad(c, "linters", j.err.text);
	job_done(&j);
}

static void
warn_of_switched_off(struct check *c)
{
	const struct switched_off *s;
	char what[100];

	for (size_t i = 0; (s = switched_off_at(c->conf, i)) != NULL; i++) {
		snprintf(what, sizeof(what), "%s is %s", s->option, s->value);
		warn(c, what, s->effect);
	}
}

static void
check_all(struct check *c)
{
	const struct conf_sender *s = &c->conf->sender;

	warn_of_switched_off(c);
	check_conf_file(c);
	run(c, "user of the roles", check_user);
	check_places(c);
	warn_of_upcoming(c);
	run(c, "database", check_database);
	check_records(c);
	check_logins(c);
	check_key_files(c);
	run(c, "seal key", check_seal);
	if (c->conf->issuer.audit_key != NULL)
		run(c, "audit key", check_audit_keys);
	if (c->conf->web.eab_key_file != NULL)
		run(c, "EAB key file", check_eab);
	if (c->conf->weak_keys != NULL)
		run(c, "weak keys", check_weak_keys);
	run(c, "issuing CA", check_ca);
	if (c->conf->external.kind != CONF_EXTERNAL_NONE)
		run(c, "other CA", check_other_ca);
	check_dues(c);
	if (c->conf->linter_count > 0)
		check_linters(c);
	check_addresses(c);
	check_tls(c);
	run(c, "DNS", check_resolver);
	if (c->conf->validator.dns_second_config != NULL)
		run(c, "second resolver", check_second);
	if (s->dkim_rsa_key != NULL)
		run(c, "DKIM record (RSA)", check_dkim_rsa);
	if (s->dkim_ed25519_key != NULL)
		run(c, "DKIM record (Ed25519)", check_dkim_ed25519);
	if (s->relay_signs)
		good(c, "DKIM", "the configuration says that the relay signs");
	check_texts(c);
	if (s->smime_certificate != NULL)
		run(c, "S/MIME certificate", check_smime);
	run(c, "mail relay", check_relay);
	check_intakes(c);
	if (c->conf->validator.smime_roots != NULL ||
	    c->conf->validator.smime_crls.n > 0)
		run(c, "S/MIME roots and lists", check_smime_trust);
	if (c->conf->mpic.perspective_count > 0)
		check_perspectives(c);
	run(c, "disk space", check_disk);
}

int
cmd_check(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *config = COMMAND_DEFAULT_CONFIG;
	struct check c = { .keep = arena_new() };
	int option;

	while ((option = getopt_long(argc, argv, "f:h", options, NULL)) != -1) {
		if (option == 'f') {
			config = optarg;
		} else if (option == 'h') {
			fputs(check_usage, stdout);
			return EXIT_SUCCESS;
		} else {
			return EXIT_FAILURE;
		}
	}
	if (optind < argc) {
		fputs(check_usage, stderr);
		return EXIT_FAILURE;
	}
	log_open("command", LOG_LEVEL_ERROR);
	if (conf_load(c.keep, config, conf_report_stderr, NULL, &c.conf) < 0) {
		bad(&c, "configuration", "see the lines above");
	} else {
		good(&c, "configuration", config);
		check_all(&c);
	}
	resolver_free(c.resolver);
	arena_free(c.keep);
	return c.remarks.wrong > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
