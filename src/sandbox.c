#include "config.h"

#include "src/sandbox.h"

#include "db/store_login.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "src/calls.h"
#include "src/intake.h"
#include "src/landlock.h"
#include "src/nss.h"
#include "src/sandbox_rules.h"
#include "src/signer_files.h"

#include <stdlib.h>
#include <string.h>

/* Below this version a message could not be renamed from one folder of a
 * Maildir to another, and a database could not be given a new journal. */
#define LANDLOCK_VERSION_MIN 2

static bool
starts_programs(const struct conf *c, enum role role)
{
	const struct conf_validator *v = &c->validator;

	if (role == ROLE_SENDER)
		return c->sender.relay_token_command.n > 0;
	if (role == ROLE_UPSTREAM)
		return c->external.kind == CONF_EXTERNAL_HOOK;
	if (role != ROLE_VALIDATOR)
		return false;
	for (size_t i = 0; i < v->imap_count; i++)
		if (v->imaps[i].token_command.n > 0)
			return true;
	return v->imap.token_command.n > 0;
}

static bool
is_lmtp(const struct conf *c, const char *name)
{
	char room[INTAKE_NAME_MAX];
	struct intake found;

	return name != NULL && intake_find(c, name, &found, room) &&
	       found.kind == INTAKE_LMTP;
}

/* Programs have no network all the same (calls_leash()), and whoever asks a
 * service gives up what is here first (src/lint_service.h). */
static struct calls
calls_of_linters(const struct conf *c)
{
	struct calls calls = { .signals = true };

	for (size_t i = 0; i < c->linter_count; i++) {
		calls.executes |= c->linters[i].exec.n > 0;
		calls.sockets |= c->linters[i].url != NULL;
	}
	return calls;
}

/* The maker of a PKCS#11 module decides what else it needs. */
static struct calls
calls_of_module(const struct conf_signer *reach)
{
	return (struct calls){ .signals = true,
		.sockets = reach->network != CONF_NETWORK_NONE,
		.local_only = reach->network == CONF_NETWORK_LOCAL };
}

static struct calls
calls_of(const struct conf *c, enum role role, const char *intake)
{
	bool is_remote;

	/* One half takes connections, the other makes them. */
	if (role == ROLE_PERSPECTIVE)
		return (struct calls){ .sockets = intake != NULL,
			.accepts = intake == NULL };
	if (role == ROLE_LINTER)
		return calls_of_linters(c);
	if (role == ROLE_RESPONDER)
		return (struct calls){ .short_list = true };
	if (role == ROLE_SIGNER)
		return calls_of_module(&c->signer);
	if (role == ROLE_OCSP_SIGNER)
		return calls_of_module(&c->responder.reach);
	is_remote = store_url_file(c->database) == NULL;
	return (struct calls){
		.short_list = role == ROLE_ISSUER,
		.sockets = is_remote || role == ROLE_SENDER ||
			   role == ROLE_VALIDATOR || role == ROLE_UPSTREAM,
		/* The sender stands between libesmtp and the relay, by a
		 * connection to itself. */
		.accepts = role == ROLE_WEB || role == ROLE_ADMIN ||
			   role == ROLE_SENDER || is_lmtp(c, intake),
		.executes = starts_programs(c, role),
		/* It ends what it started. */
		.signals = starts_programs(c, role),
	};
}

/* What was given to this process, in words; NULL: not confined. */
static char *given;
static enum role given_role;
static const char *given_intake;

static const char *
in_words(
    struct arena *a, const struct sandbox_rules *r, const struct calls *calls)
{
	struct buf b;

	buf_init(&b, a, 1024 * 1024);
	buf_addf(
	    &b, "%d %d %d\n", calls->sockets, calls->accepts, calls->executes);
	for (size_t i = 0; i < r->n; i++)
		buf_addf(&b, "%u %s\n", r->v[i].rights, r->v[i].path);
	return buf_ok(&b) ? b.p : "";
}

bool
sandbox_is_outgrown(const struct conf *fresh)
{
	struct arena *a;
	struct sandbox_rules r;
	bool outgrown;

	if (given == NULL)
		return false;
	a = arena_new();
	r = (struct sandbox_rules){ .arena = a };
	sandbox_rules_collect(&r, fresh, given_role, given_intake);
	const struct calls calls = calls_of(fresh, given_role, given_intake);
	outgrown = strcmp(given, in_words(a, &r, &calls)) != 0;
	arena_free(a);
	return outgrown;
}

static int
limit_files(struct job *j, enum role role, const char *intake,
    const struct calls *calls)
{
	struct sandbox_rules r = { .arena = j->arena };

	sandbox_rules_remember(j);
	sandbox_rules_collect(&r, j->conf, role, intake);
	if (landlock_enter(j, r.v, r.n) < 0)
		return -1;
	given = xstrdup(in_words(j->arena, &r, calls));
	return 0;
}

/* Its name for the log, or NULL: the kernel has all of it. */
static const char *
missing(void)
{
	if (landlock_version() < LANDLOCK_VERSION_MIN)
		return calls_supported() ? "Landlock" : "Landlock and seccomp";
	return calls_supported() ? NULL : "seccomp";
}

static bool
knows_modules(const struct conf *c)
{
	struct arena *a = arena_new();
	struct conf_list files;
	bool does = signer_files(a, c, &files);

	arena_free(a);
	return does;
}

/* What somebody else's program reads and writes is not known here; of a CA's
 * module the configuration may say it, and of the responder's it has to: CAs'
 * tokens may be files of the same user (PK-177). */
static bool
confines_files(const struct conf *c, enum role role)
{
	return landlock_version() >= LANDLOCK_VERSION_MIN &&
	       !starts_programs(c, role) &&
	       (role != ROLE_SIGNER || knows_modules(c));
}

/* Is `path` that folder or file, or beneath it? */
static bool
is_beneath(const char *path, const char *rule)
{
	char *real = realpath(rule, NULL);
	size_t n = real != NULL ? strlen(real) : 0;
	bool found = real != NULL && strncmp(path, real, n) == 0 &&
		     (path[n] == '\0' || path[n] == '/' || n == 1);

	free(real);
	return found;
}

bool
sandbox_lets_read(const struct conf *c, enum role role, const char *path)
{
	struct arena *a;
	struct sandbox_rules r;
	bool found = false;
	char *real;

	if (c->isolation == CONF_ISOLATION_OFF || !confines_files(c, role))
		return true;
	real = realpath(path, NULL);
	if (real == NULL)
		return false;
	a = arena_new();
	r = (struct sandbox_rules){ .arena = a };
	sandbox_rules_collect(&r, c, role, NULL);
	for (size_t i = 0; i < r.n && !found; i++)
		found = (r.v[i].rights & LANDLOCK_READ) != 0 &&
			is_beneath(real, r.v[i].path);
	arena_free(a);
	free(real);
	return found;
}

int
sandbox_enter(struct job *j, enum role role, const char *intake)
{
	const struct conf *c = j->conf;
	const struct calls calls = calls_of(c, role, intake);
	const char *lacks = missing();
	bool files = confines_files(c, role);

	given_role = role;
	given_intake = intake;
	if (c->isolation == CONF_ISOLATION_OFF) {
		log_warning("not confined",
		    "next=\"isolation = off is for looking for faults; take "
		    "it out\"");
		return 0;
	}
	if (lacks != NULL && c->isolation == CONF_ISOLATION_REQUIRE)
		return job_fail(j, ERR_INTERNAL,
		    "isolation = require, and this kernel has no %s: start "
		    "another kernel, or set isolation = use",
		    lacks);
	/* The database may be on a machine whose name is looked up later. */
	if (calls.short_list && calls.sockets)
		nss_preload(j, NSS_CONF);
	if (files && limit_files(j, role, intake, &calls) < 0)
		return -1;
	if (calls_supported() && calls_limit(j, &calls) < 0)
		return -1;
	log_info("confined", "files=%s calls=%s", files ? "yes" : "no",
	    calls_supported() ? "yes" : "no");
	return 0;
}
