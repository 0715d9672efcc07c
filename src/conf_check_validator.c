#include "config.h"

#include "src/conf_check_parts.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "src/intake.h"

#include <string.h>

/* What separates folders in a Maildir, or would leave it. */
static void
check_processed(struct check *c)
{
	const struct conf_imap *m = &c->conf->validator.imap;

	if (m->disposal == CONF_DISPOSAL_MOVE && m->processed_folder != NULL &&
	    (strchr(m->processed_folder, '/') != NULL ||
		m->processed_folder[0] == '.'))
		conf_wrong(c, "validator.processed_folder",
		    "a folder of a Maildir has no / in its name and does not "
		    "begin with a dot");
}

static void
check_maildir(struct check *c)
{
	const struct conf_validator *v = &c->conf->validator;

	for (size_t i = 0; i < v->maildir.n; i++) {
		const char *path = v->maildir.v[i];

		if (path[0] != '/')
			conf_wrong(c, "validator.maildir",
			    "%s must be an absolute path", path);
		else if (path[strlen(path) - 1] == '/')
			conf_wrong(c, "validator.maildir",
			    "write %s without the slash at its end", path);
		else if (conf_list_has_before(&v->maildir, path, i))
			conf_wrong(
			    c, "validator.maildir", "has %s twice", path);
	}
	if (v->maildir.n == 0)
		return;
	check_processed(c);
	if (v->maildir_line_ends == NULL)
		conf_wrong(c, "validator.maildir_line_ends",
		    "is missing: lf for what Postfix, Exim and other mail "
		    "servers write on Unix, crlf for files that keep the line "
		    "ends of the mail");
}

/* "validator.imap_tls", or "imap two: tls". */
static const char *
imap_option(struct check *c, const struct conf_imap *m, const char *name)
{
	if (m->name == NULL) {
		bool shared = strcmp(name, "disposal") == 0 ||
			      strcmp(name, "processed_folder") == 0;

		return arena_printf(
		    c->arena, "validator.%s%s", shared ? "" : "imap_", name);
	}
	return arena_printf(c->arena, "imap %s: %s", m->name, name);
}

static void
check_imap(struct check *c, const struct conf_imap *m)
{
	conf_check_host(c, imap_option(c, m, "host"), m->host);
	if (m->tls == CONF_TLS_NONE)
		conf_wrong(c, imap_option(c, m, "tls"),
		    "none would send the password in clear; use implicit or "
		    "starttls");
	if (m->processed_folder != NULL && m->folder != NULL &&
	    m->disposal == CONF_DISPOSAL_MOVE &&
	    strcmp(m->processed_folder, m->folder) == 0)
		conf_wrong(c, imap_option(c, m, "processed_folder"),
		    "must be another folder than %sfolder",
		    m->name == NULL ? "imap_" : "");
}

/* A password, or one way to a token; and a mechanism for it. */
static void
check_imap_secret(struct check *c, const struct conf_imap *m)
{
	bool has_token = m->token_file != NULL || m->token_command.n > 0;
	int ways = (m->password_file != NULL) + (m->token_file != NULL) +
		   (m->token_command.n > 0);

	if (ways == 0)
		conf_wrong(c, imap_option(c, m, "password"),
		    "is missing: the file with the password for the IMAP "
		    "server; or set %s or %s",
		    imap_option(c, m, "token_file"),
		    imap_option(c, m, "token_command"));
	else if (ways > 1)
		conf_wrong(c, imap_option(c, m, "password"),
		    "only one of password, token_file and token_command can "
		    "be used");
	else if (m->auth != CONF_AUTH_AUTO &&
		 has_token != (m->auth == CONF_AUTH_XOAUTH2 ||
				  m->auth == CONF_AUTH_OAUTHBEARER))
		conf_wrong(c, imap_option(c, m, "auth"),
		    has_token ? "a token needs auto, xoauth2 or oauthbearer"
			      : "a password needs auto, plain, login or "
				"scram");
	if (m->token_command.n > 0 && m->token_command.v[0][0] != '/')
		conf_wrong(c, imap_option(c, m, "token_command"),
		    "must begin with the absolute name of a program: there is "
		    "no shell and no search for it");
}

/* The validator's own mailbox is whole, or not there. */
static void
check_first_imap(struct check *c)
{
	const struct conf_imap *m = &c->conf->validator.imap;

	check_imap(c, m);
	if (m->host == NULL) {
		if (m->user != NULL || m->password_file != NULL ||
		    m->token_file != NULL || m->token_command.n > 0)
			conf_wrong(c, "validator.imap_host",
			    "is missing: the server of that mailbox");
		else if (intake_count(c->conf) == 0)
			conf_wrong(c, "validator.imap_host",
			    "is missing: replies have no way in; set it, or "
			    "lmtp_listen, or maildir");
		return;
	}
	if (m->user == NULL)
		conf_wrong(c, "validator.imap_user",
		    "is missing: the login at the IMAP server");
	check_imap_secret(c, m);
}

/* Two processes would each move away what the other one reads. */
static void
check_same_imap(struct check *c, const struct conf_imap *m, size_t before)
{
	const struct conf_validator *v = &c->conf->validator;

	for (size_t i = 0; i <= before; i++) {
		const struct conf_imap *other =
		    i == 0 ? &v->imap : &v->imaps[i - 1];

		if (m->host != NULL && other->host != NULL && m->user != NULL &&
		    other->user != NULL && m->folder != NULL &&
		    other->folder != NULL &&
		    span_caseeq_str(span_str(m->host), other->host) &&
		    strcmp(m->user, other->user) == 0 &&
		    strcmp(m->folder, other->folder) == 0)
			conf_wrong(c, imap_option(c, m, "host"),
			    "this mailbox is watched already by %s",
			    i == 0 ? "the section validator"
				   : arena_printf(
					 c->arena, "imap %s", other->name));
	}
}

/* It stands in process names and logs. */
static void
check_imap_name(struct check *c, const struct conf_imap *m)
{
	struct span name = span_str(m->name);
	bool good = name.n > 0 && name.n <= 32;

	for (size_t i = 0; i < name.n; i++)
		good = good && (ascii_is_alnum(name.p[i]) ||
				   strchr("-_.", name.p[i]) != NULL);
	if (!good)
		conf_wrong(c, imap_option(c, m, "host"),
		    "the section's name must be 1 to 32 letters, digits, "
		    "-, _ or .");
}

static void
check_domain(struct check *c, const struct conf_domain *d)
{
	const char *canonical;
	struct job j;

	job_init(&j, NULL, NULL);
	if (addr_domain(&j, span_str(d->name), &canonical) < 0)
		conf_wrong(c, arena_printf(c->arena, "domain %s", d->name),
		    "the section's name is no domain (example.org)");
	else if (strcmp(d->name, canonical) != 0)
		conf_wrong(c, arena_printf(c->arena, "domain %s", d->name),
		    "write the section's name as %s", canonical);
	if (d->spf_if_to_unsigned &&
	    c->conf->validator.trusted_authserv_id == NULL)
		conf_wrong(c,
		    arena_printf(
			c->arena, "domain %s: spf_if_to_unsigned", d->name),
		    "needs validator.trusted_authserv_id: whose word on SPF "
		    "counts");
	job_done(&j);
}

/* MA-73: what a signature that decides needs; `option` is what says that it
 * does. */
static void
check_smime_needs(struct check *c, const char *option)
{
	const struct conf_validator *v = &c->conf->validator;

	if (v->smime_roots == NULL)
		conf_wrong(c, option,
		    "needs validator.smime_roots: the PEM file of the roots");
	if (v->smime_revocation == CONF_REVOCATION_HARD && v->smime_crls.n == 0)
		conf_wrong(c, option,
		    "needs validator.smime_crls, since "
		    "validator.smime_revocation is hard: name the revocation "
		    "lists, or choose soft or off");
}

static void
check_domain_smime(struct check *c, const struct conf_domain *d)
{
	const char *instead =
	    arena_printf(c->arena, "domain %s: smime_instead_of_dkim", d->name);

	if (d->smime == CONF_SMIME_REQUIRE &&
	    c->conf->validator.smime != CONF_SMIME_REQUIRE)
		check_smime_needs(
		    c, arena_printf(c->arena, "domain %s: smime", d->name));
	if (!d->smime_instead_of_dkim)
		return;
	check_smime_needs(c, instead);
	if (d->smime == CONF_SMIME_IGNORE)
		conf_wrong(c, instead,
		    "needs smime to be note or require: what is ignored can "
		    "stand in for nothing");
	if (c->conf->mode == CONF_MODE_PUBLIC)
		conf_wrong(c, instead, "must be no in public mode");
}

static void
check_smime(struct check *c)
{
	const struct conf_validator *v = &c->conf->validator;

	conf_check_absolute(c, "validator.smime_crls", &v->smime_crls);
	if (v->smime == CONF_SMIME_REQUIRE)
		check_smime_needs(c, "validator.smime");
	for (size_t i = 0; i < v->domain_count; i++)
		check_domain_smime(c, &v->domains[i]);
}

void
conf_check_validator(struct check *c)
{
	const struct conf_validator *v = &c->conf->validator;

	check_first_imap(c);
	check_maildir(c);
	conf_check_lmtp(c);
	for (size_t i = 0; i < v->imap_count; i++) {
		check_imap(c, &v->imaps[i]);
		check_imap_secret(c, &v->imaps[i]);
		check_imap_name(c, &v->imaps[i]);
		check_same_imap(c, &v->imaps[i], i);
	}
	for (size_t i = 0; i < v->domain_count; i++)
		check_domain(c, &v->domains[i]);
	if (v->spf_if_to_unsigned && v->trusted_authserv_id == NULL)
		conf_wrong(c, "validator.spf_if_to_unsigned",
		    "needs trusted_authserv_id: whose word on SPF counts");
	check_smime(c);
	if (v->dns_total_ms < v->dns_try_ms)
		conf_wrong(
		    c, "validator.dns_total_ms", "must be at least dns_try_ms");
}
