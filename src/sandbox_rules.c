#include "config.h"

#include "src/sandbox_rules.h"

#include "db/store_login.h"
#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "src/conf_table.h"
#include "src/intake.h"
#include "src/landlock.h"
#include "src/signer_files.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

static void
allow(struct sandbox_rules *r, const char *path, unsigned rights)
{
	/* One rule too few takes a right away, and gives none. */
	if (path != NULL && r->n < SANDBOX_RULES_MAX)
		r->v[r->n++] = (struct landlock_rule){ path, rights };
}

static void
allow_folder_of(struct sandbox_rules *r, const char *path, unsigned rights)
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
allow_replaced(struct sandbox_rules *r, const char *path)
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

/* Of a perspective: the front keeps its certificate, which is replaced while
 * it runs; the others only what the resolver reads for each question. */
static void
allow_perspective(
    struct sandbox_rules *r, const struct conf_agent *g, bool is_front)
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
allow_linters(struct sandbox_rules *r, const struct conf *c)
{
	static const char *const everywhere[] = { "/usr", "/lib", "/lib32",
		"/lib64", "/bin", "/sbin", "/opt" };
	static const char *const settings[] = { "/etc/ld.so.cache",
		"/etc/localtime", "/etc/ssl/openssl.cnf", "/dev/urandom",
		"/dev/random", "/dev/zero" };
	const unsigned programs = LANDLOCK_READ | LANDLOCK_EXECUTE;

	for (size_t i = 0; i < COUNT(everywhere); i++)
		allow(r, everywhere[i], programs);
	for (size_t i = 0; i < COUNT(settings); i++)
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
allow_options(
    struct sandbox_rules *r, const struct conf *c, const char *section)
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
allow_list(struct sandbox_rules *r, const struct conf_list *files)
{
	for (size_t i = 0; i < files->n; i++)
		allow(r, files->v[i], LANDLOCK_READ | LANDLOCK_WRITE);
}

/* What the modules need, as far as that is known. */
static void
allow_modules(struct sandbox_rules *r, const struct conf *c)
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
allow_module_of_responder(
    struct sandbox_rules *r, const struct conf_responder *c)
{
	allow_folder_of(r, c->key.module, LANDLOCK_READ);
	allow_list(r, &c->reach.files);
}

/* A Unix socket is removed at the end. */
static void
allow_sockets(struct sandbox_rules *r, const struct conf_list *listen)
{
	for (size_t i = 0; i < listen->n; i++)
		if (strncmp(listen->v[i], "unix:", 5) == 0)
			allow_folder_of(r, listen->v[i] + 5, LANDLOCK_REMOVE);
}

/* What everybody may see: the chain that certificates are downloaded with,
 * lists and answers. */
static void
allow_published(struct sandbox_rules *r, const struct conf *c)
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
allow_web(struct sandbox_rules *r, const struct conf *c)
{
	allow_sockets(r, &c->web.listen);
	allow_sockets(r, &c->web.status_listen);
	allow_published(r, c);
}

/* Its pages say how fresh these are. */
static void
allow_admin(struct sandbox_rules *r, const struct conf *c)
{
	allow_sockets(r, &c->admin.listen);
	allow_published(r, c);
}

/* Whose S/MIME signatures count; the issuer judges them again. */
static void
allow_signers(struct sandbox_rules *r, const struct conf_validator *v)
{
	allow_replaced(r, v->smime_roots);
	for (size_t i = 0; i < v->smime_crls.n; i++)
		allow_replaced(r, v->smime_crls.v[i]);
}

/* The issuer makes the folder for OCSP answers, and replaces files. */
static void
allow_issuer(struct sandbox_rules *r, const struct conf *c)
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
allow_upstream(struct sandbox_rules *r, const struct conf_upstream *c)
{
	allow_replaced(r, c->ca_file);
}

/* Read anew for each exchange. */
static void
allow_perspectives(struct sandbox_rules *r, const struct conf_mpic *m)
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
allow_ways_in(struct sandbox_rules *r, const struct conf_validator *v)
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
allow_system(struct sandbox_rules *r, bool networked_too)
{
	static const char *const everybody[] = { "/usr/lib", "/lib", "/lib64",
		"/usr/share/zoneinfo", "/etc/localtime", "/dev/urandom",
		"/dev/random", "/proc" };
	static const char *const networked[] = { "/etc", "/run", "/usr/share",
		"/usr/local/share", "/var/lib/unbound" };

	for (size_t i = 0; i < COUNT(everybody); i++)
		allow(r, everybody[i], LANDLOCK_READ);
	allow(r, "/dev/null", LANDLOCK_READ | LANDLOCK_WRITE);
	if (!networked_too)
		return;
	for (size_t i = 0; i < COUNT(networked); i++)
		allow(r, networked[i], LANDLOCK_READ);
}

/* Of the connection that was open when this process was confined: it must be
 * possible to make it again. */
static const char **connection_files;
static size_t connection_file_count;

static void
allow_database(struct sandbox_rules *r, const struct conf *c)
{
	allow_folder_of(
	    r, store_url_file(c->database), LANDLOCK_READ | LANDLOCK_WRITE);
	for (size_t i = 0; i < connection_file_count; i++)
		allow(r, connection_files[i], LANDLOCK_READ);
}

void
sandbox_rules_remember(struct job *j)
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

void
sandbox_rules_collect(struct sandbox_rules *r, const struct conf *c,
    enum role role, const char *intake)
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
