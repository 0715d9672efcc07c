#include "config.h"

#include "src/key_files.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/database.h"
#include "src/role.h"
#include "src/sandbox.h"
#include "src/supervisor.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#define WEB (1u << ROLE_WEB)
#define SENDER (1u << ROLE_SENDER)
#define VALIDATOR (1u << ROLE_VALIDATOR)
#define ISSUER (1u << ROLE_ISSUER)
#define UPSTREAM (1u << ROLE_UPSTREAM)
#define ADMIN (1u << ROLE_ADMIN)
#define SIGNER (1u << ROLE_SIGNER)
#define OCSP_SIGNER (1u << ROLE_OCSP_SIGNER)

#define GROUPS_MAX 64

struct key_file {
	const char *option;
	const char *path; /* NULL: not set */
	unsigned roles;   /* whose it is */
};

/* Whose files other roles' could be. */
static const enum role reading[] = { ROLE_WEB, ROLE_SENDER, ROLE_VALIDATOR,
	ROLE_ISSUER, ROLE_UPSTREAM, ROLE_ADMIN, ROLE_SIGNER, ROLE_OCSP_SIGNER };
#define READER_COUNT COUNT(reading)

/* Whom the roles run as. */
struct reader {
	uid_t uid;
	gid_t groups[GROUPS_MAX];
	int group_count;
};

struct check {
	struct job *job;
	struct reader readers[READER_COUNT];
	key_files_fn *report;
	void *ctx;
	unsigned count;
};

/* Without an option `user`, they run as who starts them. */
static void
reader_find(struct reader *r, const char *user)
{
	const struct passwd *pw = user != NULL ? getpwnam(user) : NULL;

	*r = (struct reader){ .uid = geteuid(), .group_count = GROUPS_MAX };
	if (pw == NULL) {
		r->group_count = getgroups(GROUPS_MAX, r->groups);
		return;
	}
	r->uid = pw->pw_uid;
	if (getgrouplist(user, pw->pw_gid, r->groups, &r->group_count) < 0)
		r->group_count = GROUPS_MAX;
}

static bool
modes_let(const struct reader *r, const struct stat *st)
{
	if (st->st_uid == r->uid)
		return (st->st_mode & S_IRUSR) != 0;
	for (int i = 0; i < r->group_count; i++)
		if (r->groups[i] == st->st_gid)
			return (st->st_mode & S_IRGRP) != 0;
	return (st->st_mode & S_IROTH) != 0;
}

/* Root, who starts the roles, or who they become. */
static bool
is_ours(const struct check *c, uid_t owner)
{
	bool ours = owner == 0 || owner == geteuid();

	for (size_t i = 0; i < READER_COUNT; i++)
		ours = ours || owner == c->readers[i].uid;
	return ours;
}

/* Root reads it all the same, so nothing else would tell. */
static void
tell_owner(struct check *c, const struct key_file *k, uid_t owner)
{
	const struct passwd *pw = getpwuid(owner);
	struct arena *a = c->job->arena;

	c->count++;
	c->report(c->ctx,
	    arena_printf(a,
		"%s: %s belongs to %s, who can read it and put another in its "
		"place: chown root %s",
		k->option, k->path,
		pw != NULL ? pw->pw_name
			   : arena_printf(a, "uid %u", (unsigned)owner),
		k->path));
}

static void
look_at(struct check *c, const struct key_file *k)
{
	struct stat st;

	if (k->path == NULL || stat(k->path, &st) < 0)
		return;
	if (!is_ours(c, st.st_uid)) {
		tell_owner(c, k, st.st_uid);
		return;
	}
	for (size_t i = 0; i < READER_COUNT; i++) {
		enum role role = reading[i];

		if ((k->roles & (1u << role)) != 0 ||
		    !modes_let(&c->readers[i], &st) ||
		    !supervisor_has_role(c->job->conf, role) ||
		    !sandbox_lets_read(c->job->conf, role, k->path))
			continue;
		c->count++;
		c->report(c->ctx,
		    arena_printf(c->job->arena,
			"%s: %s is open to the user of the roles, and nothing "
			"keeps it from %s: start countersignd as root with the "
			"option user, and let the file belong to root with "
			"mode 0400; or put it into a folder of its own that is "
			"not in /etc",
			k->option, k->path, role_name(role)));
		return;
	}
}

static void
look_at_mailboxes(struct check *c)
{
	const struct conf_validator *v = &c->job->conf->validator;

	for (size_t i = 0; i < v->imap_count; i++) {
		const struct key_file k = { arena_printf(c->job->arena,
						"imap %s.password",
						v->imaps[i].name),
			v->imaps[i].password_file, VALIDATOR };

		look_at(c, &k);
	}
}

static void
look_at_perspectives(struct check *c)
{
	const struct conf_mpic *m = &c->job->conf->mpic;

	for (size_t i = 0; i < m->service_count; i++) {
		const struct key_file k = { arena_printf(c->job->arena,
						"open_mpic %s.key",
						m->services[i].name),
			m->services[i].key, VALIDATOR };

		look_at(c, &k);
	}
	for (size_t i = 0; i < m->perspective_count; i++) {
		const struct key_file k = { arena_printf(c->job->arena,
						"perspective %s.key",
						m->perspectives[i].name),
			m->perspectives[i].key, VALIDATOR };

		look_at(c, &k);
	}
}

static void
look_at_formers(struct check *c)
{
	const struct conf *conf = c->job->conf;

	for (size_t i = 0; i < conf->former_count; i++) {
		const struct conf_issuer *f = &conf->formers[i].issuer;
		const char *paths[] = { f->ca_key, f->ca_key_passphrase_file,
			f->key.pin_file };
		static const char *const names[] = { "ca_key",
			"ca_key_passphrase", "key_pin" };

		for (size_t n = 0; n < COUNT(paths); n++) {
			const struct key_file k = {
				arena_printf(c->job->arena, "former_ca %s.%s",
				    conf->formers[i].name, names[n]),
				paths[n],
				paths[n] == f->key.pin_file ? SIGNER : ISSUER
			};

			look_at(c, &k);
		}
	}
}

/* Who logs in as the owner of the tables, for want of a login. */
static unsigned
without_login(const struct conf *conf)
{
	unsigned roles = 0;

	for (enum role role = 0; role < ROLE_COUNT; role++)
		if (database_conf(conf, role) == NULL)
			roles |= 1u << role;
	return roles;
}

/* Tokens that a program renews while the roles run are not among them: these
 * must be open to the user. */
unsigned
key_files_check(struct job *j, key_files_fn *report, void *ctx)
{
	const struct conf *conf = j->conf;
	const struct key_file all[] = {
		{ "seal_key", conf->seal_key_file, VALIDATOR | ISSUER },
		{ "database_password", conf->database_password_file,
		    without_login(conf) },
		{ "web.tls_key", conf->web.tls_key, WEB },
		{ "admin.tls_key", conf->admin.tls_key, ADMIN },
		{ "admin.database_password", conf->admin.login.password_file,
		    ADMIN },
		{ "web.eab_key_file", conf->web.eab_key_file, WEB },
		{ "web.database_password", conf->web.login.password_file, WEB },
		{ "sender.dkim_rsa_key", conf->sender.dkim_rsa_key, SENDER },
		{ "sender.dkim_ed25519_key", conf->sender.dkim_ed25519_key,
		    SENDER },
		{ "sender.smime_key", conf->sender.smime_key, SENDER },
		{ "sender.relay_password", conf->sender.relay_password_file,
		    SENDER },
		{ "sender.database_password", conf->sender.login.password_file,
		    SENDER },
		{ "validator.imap_password", conf->validator.imap.password_file,
		    VALIDATOR },
		{ "validator.database_password",
		    conf->validator.login.password_file, VALIDATOR },
		{ "issuer.ca_key", conf->issuer.ca_key, ISSUER },
		{ "issuer.ca_key_passphrase",
		    conf->issuer.ca_key_passphrase_file, ISSUER },
		{ "issuer.key_pin", conf->issuer.key.pin_file, SIGNER },
		{ "responder.key_pin", conf->responder.key.pin_file,
		    OCSP_SIGNER },
		{ "issuer.audit_key", conf->issuer.audit_key, ISSUER },
		{ "external.account_key", conf->external.account_key,
		    UPSTREAM },
		{ "external.eab_key", conf->external.eab_key_file, UPSTREAM },
		{ "external.cmp_key", conf->external.cmp_key, UPSTREAM },
		{ "external.database_password",
		    conf->external.login.password_file, UPSTREAM },
		{ "issuer.database_password", conf->issuer.login.password_file,
		    ISSUER },
	};
	struct check c = { .job = j, .report = report, .ctx = ctx };

	for (size_t i = 0; i < READER_COUNT; i++)
		reader_find(&c.readers[i], role_user(conf, reading[i]));
	for (size_t i = 0; i < COUNT(all); i++)
		look_at(&c, &all[i]);
	look_at_mailboxes(&c);
	look_at_perspectives(&c);
	look_at_formers(&c);
	return c.count;
}

static void
report_open(void *ctx, const char *message)
{
	(void)ctx;
	log_error("key open to another role", "error=\"%s\"", message);
}

int
key_files_demand(struct job *j)
{
	if (j->conf->mode != CONF_MODE_PUBLIC ||
	    key_files_check(j, report_open, NULL) == 0)
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "mode = public: roles, or others, could read keys that are not "
	    "theirs");
}
