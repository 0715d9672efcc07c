#include "config.h"

#include "src/sandbox.h"

#include "db/store_login.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/log.h"
#include "src/calls.h"
#include "src/conf_table.h"
#include "src/intake.h"
#include "src/landlock.h"
#include "src/nss.h"
#include "src/signer_files.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RULES_MAX 256
/* Below this version a message could not be renamed from one folder of a
 * Maildir to another, and a database could not be given a new journal. */
#define LANDLOCK_VERSION_MIN 2

struct rules {
	struct arena *arena;
	struct landlock_rule v[RULES_MAX];
	size_t n;
};

static void
allow(struct rules *r, const char *path, unsigned rights)
{
	/* One rule too few takes a right away, and gives none. */
	if (path != NULL && r->n < RULES_MAX)
		r->v[r->n++] = (struct landlock_rule){ path, rights };
}

static void
allow_folder_of(struct rules *r, const char *path, unsigned rights)
{
	char *copy;

	if (path == NULL)
		return;
	copy = arena_strdup(r->arena, path);
	allow(r, arena_strdup(r->arena, dirname(copy)), rights);
}

/* A file that is replaced while the role runs: its folder, and the folder of
 * what it is a symbolic link to (as ACME clients lay certificates out). */
static void
allow_replaced(struct rules *r, const char *path)
{
	char *real;

	if (path == NULL)
		return;
	real = realpath(path, NULL);
	allow_folder_of(r, path, LANDLOCK_READ);
	if (real != NULL)
		allow_folder_of(r, real, LANDLOCK_READ);
	free(real);
}

/* --- files ---------------------------------------------------------------- */

/* Of a perspective: the front keeps its certificate, which is replaced while
 * it runs; the others only what the resolver reads for each question. */
static void
allow_perspective(struct rules *r, const struct conf_agent *g, bool is_front)
{
	if (is_front) {
		allow_replaced(r, g->tls_certificate);
		allow_replaced(r, g->tls_key);
		return;
	}
	allow(r, g->dns_config, LANDLOCK_READ);
	allow(r, g->dns_trust_anchor, LANDLOCK_READ);
}

/* Programs of the admin's, and what they are made of: not /etc, where keys may
 * lie, and nothing to write to (PK-140). */
static void
allow_linters(struct rules *r, const struct conf *c)
{
	static const char *const everywhere[] = { "/usr", "/lib", "/lib32",
		"/lib64", "/bin", "/sbin", "/opt" };
	static const char *const settings[] = { "/etc/ld.so.cache",
		"/etc/localtime", "/etc/ssl/openssl.cnf", "/dev/urandom",
		"/dev/random", "/dev/zero" };
	const unsigned programs = LANDLOCK_READ | LANDLOCK_EXECUTE;

	for (size_t i = 0; i < sizeof(everywhere) / sizeof(everywhere[0]); i++)
		allow(r, everywhere[i], programs);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		allow(r, settings[i], LANDLOCK_READ);
	allow(r, "/dev/null", LANDLOCK_READ | LANDLOCK_WRITE);
	for (size_t i = 0; i < c->linter_count; i++) {
		const struct conf_linter *l = &c->linters[i];

		if (l->exec.n > 0) {
			allow(r, l->exec.v[0], programs);
			allow_folder_of(r, l->exec.v[0], programs);
		}
		if (l->version.n > 0)
			allow(r, l->version.v[0], programs);
		for (size_t k = 0; k < l->read.n; k++)
			allow(r, l->read.v[k], programs);
	}
}

static bool
is_sqlite(const struct conf *c)
{
	return store_url_file(c->database) != NULL;
}

/* What the issuer's section says of its token: only the signer reads it. */
static bool
is_of_signer(const struct conf_option *o)
{
	return strcmp(o->name, "key_module") == 0 ||
	       strcmp(o->name, "key_pin") == 0;
}

/* Its own files, as they stand in the option table: each role's section has
 * the role's name; `upstream` finds another CA's files when it begins, and
 * one again with each connection (allow_upstream()). */
static void
allow_options(struct rules *r, const struct conf *c, const char *section)
{
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];
		const char *path;

		if (o->type != CONF_PATH || strcmp(o->section, section) != 0 ||
		    is_of_signer(o))
			continue;
		memcpy(&path, (const char *)c + o->offset, sizeof(path));
		if (path == NULL)
			continue;
		if (o->reloads)
			allow_replaced(r, path);
		else
			allow(r, path, LANDLOCK_READ);
	}
}

static void
allow_list(struct rules *r, const struct conf_list *files)
{
	for (size_t i = 0; i < files->n; i++)
		allow(r, files->v[i], LANDLOCK_READ | LANDLOCK_WRITE);
}

/* What the modules need, as far as that is known. */
static void
allow_modules(struct rules *r, const struct conf *c)
{
	struct conf_list files;

	allow_folder_of(r, c->issuer.key.module, LANDLOCK_READ);
	for (size_t i = 0; i < c->former_count; i++)
		allow_folder_of(
		    r, c->formers[i].issuer.key.module, LANDLOCK_READ);
	if (signer_files(r->arena, c, &files))
		allow_list(r, &files);
}

/* Nothing of the CAs' (PK-177). */
static void
allow_module_of_responder(struct rules *r, const struct conf_responder *c)
{
	allow_folder_of(r, c->key.module, LANDLOCK_READ);
	allow_list(r, &c->reach.files);
}

/* A Unix socket is removed at the end. */
static void
allow_sockets(struct rules *r, const struct conf_list *listen)
{
	for (size_t i = 0; i < listen->n; i++)
		if (strncmp(listen->v[i], "unix:", 5) == 0)
			allow_folder_of(r, listen->v[i] + 5, LANDLOCK_REMOVE);
}

/* What everybody may see: the chain that certificates are downloaded with,
 * lists and answers. */
static void
allow_published(struct rules *r, const struct conf *c)
{
	allow_folder_of(r, c->issuer.crl_file, LANDLOCK_READ);
	allow_folder_of(r, c->issuer.ocsp_folder, LANDLOCK_READ);
	allow(r, c->issuer.ca_certificate, LANDLOCK_READ);
	allow(r, c->issuer.ca_chain, LANDLOCK_READ);
	allow_replaced(r, c->issuer.root_crl);
	for (size_t i = 0; i < c->former_count; i++) {
		const struct conf_issuer *f = &c->formers[i].issuer;

		allow_folder_of(r, f->crl_file, LANDLOCK_READ);
		allow_folder_of(r, f->ocsp_folder, LANDLOCK_READ);
		allow(r, f->ca_certificate, LANDLOCK_READ);
		allow(r, f->ca_chain, LANDLOCK_READ);
	}
	for (size_t i = 0; i < c->issuer.alternate_chains.n; i++)
		allow(r, c->issuer.alternate_chains.v[i], LANDLOCK_READ);
}

static void
allow_web(struct rules *r, const struct conf *c)
{
	allow_sockets(r, &c->web.listen);
	allow_sockets(r, &c->web.status_listen);
	allow_published(r, c);
}

/* Its pages say how fresh these are. */
static void
allow_admin(struct rules *r, const struct conf *c)
{
	allow_sockets(r, &c->admin.listen);
	allow_published(r, c);
}

/* Whose S/MIME signatures count; the issuer judges them again. */
static void
allow_signers(struct rules *r, const struct conf_validator *v)
{
	allow_replaced(r, v->smime_roots);
	for (size_t i = 0; i < v->smime_crls.n; i++)
		allow_replaced(r, v->smime_crls.v[i]);
}

/* The issuer makes the folder for OCSP answers, and replaces files. */
static void
allow_issuer(struct rules *r, const struct conf *c)
{
	allow_signers(r, &c->validator);
	allow_folder_of(r, c->issuer.crl_file, LANDLOCK_READ | LANDLOCK_WRITE);
	allow_folder_of(
	    r, c->issuer.ocsp_folder, LANDLOCK_READ | LANDLOCK_WRITE);
	for (size_t i = 0; i < c->former_count; i++) {
		const struct conf_issuer *f = &c->formers[i].issuer;

		allow_folder_of(r, f->crl_file, LANDLOCK_READ | LANDLOCK_WRITE);
		allow_folder_of(
		    r, f->ocsp_folder, LANDLOCK_READ | LANDLOCK_WRITE);
	}
}

/* The anchors of the other CA's TLS certificate. */
static void
allow_upstream(struct rules *r, const struct conf_upstream *c)
{
	allow_replaced(r, c->ca_file);
}

/* Read anew for each exchange. */
static void
allow_perspectives(struct rules *r, const struct conf_mpic *m)
{
	for (size_t i = 0; i < m->service_count; i++) {
		allow_replaced(r, m->services[i].ca_file);
		allow_replaced(r, m->services[i].key);
	}
	for (size_t i = 0; i < m->perspective_count; i++) {
		allow_replaced(r, m->perspectives[i].ca_file);
		allow_replaced(r, m->perspectives[i].certificate);
		allow_replaced(r, m->perspectives[i].key);
	}
}

static void
allow_ways_in(struct rules *r, const struct conf_validator *v)
{
	allow_signers(r, v);
	for (size_t i = 0; i < v->imap_count; i++) {
		allow(r, v->imaps[i].ca_file, LANDLOCK_READ);
		allow(r, v->imaps[i].password_file, LANDLOCK_READ);
		allow_replaced(r, v->imaps[i].token_file);
	}
	allow_replaced(r, v->imap.token_file);
	for (size_t i = 0; i < v->maildir.n; i++)
		allow(r, v->maildir.v[i], LANDLOCK_READ | LANDLOCK_WRITE);
	allow_sockets(r, &v->lmtp_listen);
}

/* What libraries read: themselves, and how names and certificates are looked
 * up on this machine. */
static void
allow_system(struct rules *r, bool networked_too)
{
	static const char *const everybody[] = { "/usr/lib", "/lib", "/lib64",
		"/usr/share/zoneinfo", "/etc/localtime", "/dev/urandom",
		"/dev/random", "/proc" };
	static const char *const networked[] = { "/etc", "/run", "/usr/share",
		"/usr/local/share", "/var/lib/unbound" };

	for (size_t i = 0; i < sizeof(everybody) / sizeof(everybody[0]); i++)
		allow(r, everybody[i], LANDLOCK_READ);
	allow(r, "/dev/null", LANDLOCK_READ | LANDLOCK_WRITE);
	if (!networked_too)
		return;
	for (size_t i = 0; i < sizeof(networked) / sizeof(networked[0]); i++)
		allow(r, networked[i], LANDLOCK_READ);
}

/* Of the connection that was open when this process was confined: it must be
 * possible to make it again. */
static const char **connection_files;
static size_t connection_file_count;

static void
allow_database(struct rules *r, const struct conf *c)
{
	allow_folder_of(
	    r, store_url_file(c->database), LANDLOCK_READ | LANDLOCK_WRITE);
	for (size_t i = 0; i < connection_file_count; i++)
		allow(r, connection_files[i], LANDLOCK_READ);
}

static void
collect(
    struct rules *r, const struct conf *c, enum role role, const char *intake)
{
	if (role == ROLE_PERSPECTIVE) {
		allow_system(r, true);
		allow_perspective(r, &c->agent, intake == NULL);
		return;
	}
	if (role == ROLE_LINTER) {
		allow_linters(r, c);
		return;
	}
	if (role == ROLE_SIGNER) {
		allow_system(r, c->signer.network == CONF_NETWORK_ANY);
		allow_modules(r, c);
		return;
	}
	if (role == ROLE_OCSP_SIGNER) {
		allow_system(r, c->responder.reach.network == CONF_NETWORK_ANY);
		allow_module_of_responder(r, &c->responder);
		return;
	}
	if (role == ROLE_RESPONDER) {
		allow_system(r, false);
		/* The folder itself may not be there yet. */
		allow_folder_of(r, c->issuer.ocsp_folder, LANDLOCK_READ);
		return;
	}
	allow_system(r, role != ROLE_ISSUER || !is_sqlite(c));
	allow_database(r, c);
	allow_options(r, c, role_name(role));
	if (role == ROLE_VALIDATOR)
		allow_ways_in(r, &c->validator);
	if (role == ROLE_VALIDATOR)
		allow(r, c->encrypt_to, LANDLOCK_READ);
	if (role == ROLE_VALIDATOR)
		allow_perspectives(r, &c->mpic);
	if (role == ROLE_SENDER)
		allow_replaced(r, c->sender.relay_token_file);
	if (role == ROLE_WEB)
		allow_web(r, c);
	if (role == ROLE_ADMIN)
		allow_admin(r, c);
	if (role == ROLE_ISSUER)
		allow_issuer(r, c);
	if (role == ROLE_UPSTREAM)
		allow_upstream(r, &c->external);
}

/* --- the rest of the table ------------------------------------------------ */

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
	is_remote = !is_sqlite(c);
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
in_words(struct arena *a, const struct rules *r, const struct calls *calls)
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
	struct rules r;
	bool outgrown;

	if (given == NULL)
		return false;
	a = arena_new();
	r = (struct rules){ .arena = a };
	collect(&r, fresh, given_role, given_intake);
	const struct calls calls = calls_of(fresh, given_role, given_intake);
	outgrown = strcmp(given, in_words(a, &r, &calls)) != 0;
	arena_free(a);
	return outgrown;
}

/* Kept as long as the process: which files are known from the connection. */
static void
remember_connection(struct job *j)
{
	const char **files;
	size_t count;

	if (j->store == NULL || connection_files != NULL)
		return;
	store_files(j, &files, &count);
	connection_files = xcalloc(count + 1, sizeof(*files));
	for (size_t i = 0; i < count; i++)
		connection_files[i] = xstrdup(files[i]);
	connection_file_count = count;
}

static int
limit_files(struct job *j, enum role role, const char *intake,
    const struct calls *calls)
{
	struct rules r = { .arena = j->arena };

	remember_connection(j);
	collect(&r, j->conf, role, intake);
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
	struct rules r;
	bool found = false;
	char *real;

	if (c->isolation == CONF_ISOLATION_OFF || !confines_files(c, role))
		return true;
	real = realpath(path, NULL);
	if (real == NULL)
		return false;
	a = arena_new();
	r = (struct rules){ .arena = a };
	collect(&r, c, role, NULL);
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
