#include "config.h"

#include "src/signer_files.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/job.h"

#define SOFTHSM_CONF "/etc/softhsm/softhsm2.conf"
#define SOFTHSM_HOME_CONF ".config/softhsm2/softhsm2.conf"
#define SOFTHSM_TOKENS SPAN("directories.tokendir")
#define SOFTHSM_FILES 2
#define LINE_MAX_OCTETS 4096

/* --- a module that is known ----------------------------------------------- */

static bool
is_softhsm(const char *module)
{
	char *real = realpath(module, NULL);
	const char *path = real != NULL ? real : module;
	const char *slash = strrchr(path, '/');
	bool is = strncmp(slash != NULL ? slash + 1 : path, "libsofthsm2",
		      sizeof("libsofthsm2") - 1) == 0;

	free(real);
	return is;
}

/* SoftHSM takes it, if it can read it, before the one in /etc: whose it will be
 * is known to the process that has the user of the roles. */
static bool
is_at_home(struct arena *a)
{
	const char *home = getenv("HOME");
	const struct passwd *pw = home == NULL ? getpwuid(getuid()) : NULL;

	if (pw != NULL)
		home = pw->pw_dir;
	return home != NULL &&
	       access(arena_printf(a, "%s/" SOFTHSM_HOME_CONF, home), F_OK) ==
		   0;
}

/* NULL: which one it takes is not known. */
static const char *
softhsm_conf(struct arena *a)
{
	const char *path = getenv("SOFTHSM2_CONF");

	if (path != NULL)
		return arena_strdup(a, path);
	return is_at_home(a) ? NULL : SOFTHSM_CONF;
}

/* "directories.tokendir = /var/lib/softhsm/tokens/ # where they are" */
static const char *
tokens_in(struct arena *a, struct span line)
{
	size_t equals = span_find(line, 0, '=');

	return equals < line.n && span_eq(span_trim(span_cut(line, 0, equals)),
				      SOFTHSM_TOKENS)
		   ? span_dup(a, span_trim(span_from(line, equals + 1)))
		   : NULL;
}

static const char *
softhsm_tokens(struct arena *a, const char *conf)
{
	FILE *f = fopen(conf, "re");
	char line[LINE_MAX_OCTETS];
	const char *found = NULL;

	/* The last one counts. */
	while (f != NULL && fgets(line, sizeof line, f)) {
		const char *tokens;

		line[strcspn(line, "#\r\n")] = '\0';
		tokens = tokens_in(a, span_trim(span_str(line)));
		if (tokens != NULL)
			found = tokens;
	}
	if (f != NULL)
		(void)fclose(f);
	return found != NULL && found[0] == '/' ? found : NULL;
}

/* All of them are, or none is confined. */
static bool
is_known(const struct conf *c)
{
	if (c->issuer.key.module != NULL && !is_softhsm(c->issuer.key.module))
		return false;
	for (size_t i = 0; i < c->former_count; i++)
		if (c->formers[i].issuer.key.module != NULL &&
		    !is_softhsm(c->formers[i].issuer.key.module))
			return false;
	return true;
}

static const char *
first_module(const struct conf *c)
{
	const char *module = c->issuer.key.module;

	for (size_t i = 0; i < c->former_count && module == NULL; i++)
		module = c->formers[i].issuer.key.module;
	return module;
}

/* --- what there is -------------------------------------------------------- */

bool
signer_files(struct arena *a, const struct conf *c, struct conf_list *out)
{
	const char **files;
	const char *conf, *tokens;

	*out = c->signer.files;
	if (out->n > 0)
		return true;
	if (first_module(c) == NULL || !is_known(c) ||
	    (conf = softhsm_conf(a)) == NULL ||
	    (tokens = softhsm_tokens(a, conf)) == NULL)
		return false;
	files = arena_calloc(a, SOFTHSM_FILES, sizeof *files);
	files[0] = conf;
	files[1] = tokens;
	*out = (struct conf_list){ .v = files, .n = SOFTHSM_FILES };
	return true;
}

const char *
signer_files_problem(struct arena *a, const struct conf *c)
{
	bool has_to =
	    c->isolation == CONF_ISOLATION_REQUIRE ||
	    (c->mode == CONF_MODE_PUBLIC && c->isolation != CONF_ISOLATION_OFF);
	const char *module = first_module(c);
	struct conf_list files;

	if (!has_to || module == NULL || signer_files(a, c, &files))
		return NULL;
	return arena_printf(a,
	    "signer.files: must be set with isolation = require and in public "
	    "mode (PK-202): the files and folders that the PKCS#11 modules "
	    "read and write besides themselves and the system's libraries; "
	    "their documentation names them, and strace -f -e trace=%%file,"
	    "connect pkcs11-tool --module %s --login --list-objects shows what "
	    "is opened; a module that needs none is given its own path",
	    module);
}

int
signer_files_demand(struct job *j)
{
	const char *problem = signer_files_problem(j->arena, j->conf);

	return problem == NULL ? 0 : job_fail(j, ERR_INTERNAL, "%s", problem);
}
