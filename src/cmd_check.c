#include "config.h"

#include "src/cmd_check.h"

#include "db/store.h"
#include "dns/resolver.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/command.h"
#include "src/conf_file.h"
#include "src/conf_files.h"
#include "src/conf_owner.h"
#include "src/database.h"
#include "src/disk_room.h"
#include "src/listen_check.h"
#include "src/login_check.h"
#include "src/overview.h"
#include "src/place_check.h"
#include "src/privilege.h"
#include "src/switched_off.h"
#include "src/tls.h"
#include "src/tls_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void
cmd_check_good(struct check *c, const char *what, const char *detail)
{
	remark(&c->remarks, REMARK_OK, what, detail);
}

void
cmd_check_bad(struct check *c, const char *what, const char *detail)
{
	remark(&c->remarks, REMARK_WRONG, what, detail);
}

void
cmd_check_warn(struct check *c, const char *what, const char *advice)
{
	remark(&c->remarks, REMARK_WARN, what, advice);
}

/* One check with a job of its own. */
void
cmd_check_run(
    struct check *c, const char *what, int (*f)(struct check *, struct job *))
{
	struct job j;

	job_init(&j, NULL, c->conf);
	if (f(c, &j) < 0)
		cmd_check_bad(c, what, j.err.text);
	else
		cmd_check_good(c, what, "");
	fflush(stdout);
	job_done(&j);
}

/* In public mode nobody else may change them. */
static void
open_file(struct check *c, const char *what, const char *message)
{
	if (c->conf->mode == CONF_MODE_PUBLIC)
		cmd_check_bad(c, what, message);
	else
		cmd_check_warn(c, what, message);
}

static void
open_named(void *ctx, const char *message)
{
	open_file(ctx, "files that it names", message);
}

static void
check_conf_file(struct check *c)
{
	struct job j;

	job_init(&j, NULL, c->conf);
	if (conf_file_is_safe(&j, c->conf->file, c->conf->user) == 0)
		cmd_check_good(c, "configuration file", "");
	else
		open_file(c, "configuration file", j.err.text);
	job_recover(&j);
	if (conf_files_check(&j, open_named, c) == 0)
		cmd_check_good(c, "files that it names", "");
	job_done(&j);
}

static void
bad_address(void *ctx, const char *message)
{
	cmd_check_bad(ctx, "addresses to listen on", message);
}

static void
check_addresses(struct check *c)
{
	struct job j;

	job_init(&j, NULL, c->conf);
	if (listen_check(&j, bad_address, c) == 0)
		cmd_check_good(c, "addresses to listen on", "");
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
	cmd_check_bad(ctx, "places to write", message);
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
			cmd_check_good(c, "places to write", "");
	}
	job_done(&j);
}

static int
check_database(struct check *c, struct job *j)
{
	struct store_login login;
	int result;

	(void)c;
	if (database_login(j, DATABASE_OWNER, &login) < 0 ||
	    store_open_as(j, &login, &j->store) < 0)
		return -1;
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
			cmd_check_bad(c, "records", j.err.text);
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
		cmd_check_bad(c, what, j.err.text);
	else if (advice != NULL)
		cmd_check_warn(c, what, advice);
	else
		cmd_check_good(c, what, "");
	job_done(&j);
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

/* Of the one that was loaded: does it end soon? */
static void
tell_end(struct check *c, struct job *j, const char *what, const char *file)
{
	if (tls_not_after() > j->now + TLS_SOON_SECS)
		cmd_check_good(c, what, "");
	else
		cmd_check_warn(c, what,
		    arena_printf(j->arena,
			"%s ends at %s: replace it and send countersignd "
			"SIGHUP",
			file, clock_rfc3339(j->arena, tls_not_after())));
}

/* A proxy that clients see has a certificate of its own. */
static void
check_tls(struct check *c)
{
	static const char what[] = "HTTPS certificate";
	const struct conf_web *w = &c->conf->web;
	const char *host;
	struct job j;

	job_init(&j, NULL, c->conf);
	host = host_of(&j, c->conf->base_url);
	if (w->tls_certificate == NULL) {
		cmd_check_good(c, what, "a proxy has it");
	} else if (tls_load(&j, w->tls_certificate, w->tls_key) < 0 ||
		   tls_check_dates(&j, w->tls_certificate, j.now) < 0) {
		cmd_check_bad(c, what, j.err.text);
	} else if (tls_check_host(&j, w->tls_certificate, host) < 0) {
		if (w->trusted_proxies.n > 0)
			cmd_check_warn(c, what, j.err.text);
		else
			cmd_check_bad(c, what, j.err.text);
	} else {
		tell_end(c, &j, what, w->tls_certificate);
	}
	job_done(&j);
}

/* By which names browsers reach it is the admin's affair. */
static void
check_admin_tls(struct check *c)
{
	static const char what[] = "certificate of the admin pages";
	const struct conf_admin *a = &c->conf->admin;
	struct job j;

	if (a->listen.n == 0)
		return;
	job_init(&j, NULL, c->conf);
	if (tls_load(&j, a->tls_certificate, a->tls_key) < 0 ||
	    tls_check_dates(&j, a->tls_certificate, j.now) < 0)
		cmd_check_bad(c, what, j.err.text);
	else
		tell_end(c, &j, what, a->tls_certificate);
	job_done(&j);
}

static int
check_disk(struct check *c, struct job *j)
{
	const char *folder;

	(void)c;
	return disk_room_check(j, &folder);
}

static void
warn_of_switched_off(struct check *c)
{
	const struct switched_off *s;
	char what[100];

	for (size_t i = 0; (s = switched_off_at(c->conf, i)) != NULL; i++) {
		snprintf(what, sizeof(what), "%s is %s", s->option, s->value);
		cmd_check_warn(c, what, s->effect);
	}
}

static void
check_all(struct check *c)
{
	const struct conf_sender *s = &c->conf->sender;

	warn_of_switched_off(c);
	check_conf_file(c);
	cmd_check_run(c, "user of the roles", check_user);
	check_places(c);
	cmd_check_upcoming(c);
	cmd_check_run(c, "database", check_database);
	check_records(c);
	check_logins(c);
	cmd_check_key_files(c);
	cmd_check_run(c, "seal key", cmd_check_seal);
	if (c->conf->issuer.audit_key != NULL)
		cmd_check_run(c, "audit key", cmd_check_audit_keys);
	if (c->conf->web.eab_key_file != NULL)
		cmd_check_run(c, "EAB key file", cmd_check_eab);
	if (c->conf->weak_keys != NULL)
		cmd_check_run(c, "weak keys", cmd_check_weak_keys);
	cmd_check_run(c, "issuing CA", cmd_check_ca);
	cmd_check_signer_files(c);
	if (c->conf->responder.key.module != NULL)
		cmd_check_responder_key(c);
	if (c->conf->external.kind != CONF_EXTERNAL_NONE)
		cmd_check_run(c, "other CA", cmd_check_other_ca);
	cmd_check_dues(c);
	if (c->conf->linter_count > 0)
		cmd_check_linters(c);
	check_addresses(c);
	check_tls(c);
	check_admin_tls(c);
	cmd_check_run(c, "DNS", cmd_check_resolver);
	if (c->conf->validator.dns_second_config != NULL)
		cmd_check_run(c, "second resolver", cmd_check_second);
	cmd_check_dkim(c);
	if (s->relay_signs)
		cmd_check_good(
		    c, "DKIM", "the configuration says that the relay signs");
	cmd_check_texts(c);
	if (s->smime_certificate != NULL)
		cmd_check_run(c, "S/MIME certificate", cmd_check_smime);
	cmd_check_run(c, "mail relay", cmd_check_relay);
	cmd_check_intakes(c);
	if (c->conf->validator.smime_roots != NULL ||
	    c->conf->validator.smime_crls.n > 0)
		cmd_check_run(
		    c, "S/MIME roots and lists", cmd_check_smime_trust);
	if (c->conf->mpic.perspective_count > 0)
		cmd_check_perspectives(c);
	cmd_check_run(c, "disk space", check_disk);
}

int
cmd_check(int argc, char **argv)
{
	static const struct command_option options[] = { { NULL, NULL, NULL } };
	struct check c = { .keep = NULL };
	const char *config;

	if (command_parse(argc, argv, check_usage, options, &config, 0) < 0)
		return EXIT_FAILURE;
	c.keep = arena_new();
	log_open("command", LOG_LEVEL_ERROR);
	if (conf_load(c.keep, config, conf_report_stderr, NULL, &c.conf) < 0) {
		cmd_check_bad(&c, "configuration", "see the lines above");
	} else {
		cmd_check_good(&c, "configuration", config);
		check_all(&c);
	}
	resolver_free(c.resolver);
	arena_free(c.keep);
	return c.remarks.wrong > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
