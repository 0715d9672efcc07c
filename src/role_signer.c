#include "config.h"

#include "src/role_signer.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "src/bare_role.h"
#include "src/conf_file.h"
#include "src/sign_service.h"

bool
signer_is_wanted(const struct conf *conf)
{
	bool wanted = conf->issuer.key_module != NULL;

	for (size_t i = 0; i < conf->former_count; i++)
		wanted |= conf->formers[i].issuer.key_module != NULL;
	return wanted;
}

/* With the rights of root, who alone should be able to read the PIN: nothing of
 * the modules' runs yet. */
static int
open_keys(struct job *j, struct arena *keep, void *ctx)
{
	bare_role_take_hangups();
	return sign_service_open(j, keep, ctx);
}

/* With the rights that all later logins have (PK-200). */
static int
log_in(struct job *j, struct arena *keep, void *ctx)
{
	(void)keep;
	return sign_service_log_in(j, ctx);
}

/* SIGHUP: an admin may have raised the ceilings (PK-204). */
static void
read_limits(struct sign_service *s, const struct conf *conf)
{
	struct arena *a = arena_new();
	const struct conf *fresh;

	if (conf_load(a, conf->file, conf_report_log, NULL, &fresh) == 0)
		sign_service_limits(s, fresh);
	arena_free(a);
}

static void
serve(struct arena *keep, const struct conf *conf, void *ctx)
{
	struct sign_service *s = ctx;
	int found;

	(void)keep;
	sign_service_limits(s, conf);
	sign_service_resume(s);
	while ((found = bare_role_wait(s->fd)) >= 0) {
		if (found == 0)
			read_limits(s, conf);
		else if (sign_service_step(s, conf) < 0)
			return;
	}
}

int
signer_main(const char *conf_file, int fd, int64_t ends, int ready_fd)
{
	struct sign_service s = { .fd = fd, .ends = ends };
	const struct bare_role role = { .role = ROLE_SIGNER,
		.open = open_keys,
		.begin = log_in,
		.serve = serve,
		.ctx = &s };

	fd_set_cloexec(fd, true);
	return bare_role_main(&role, conf_file, ready_fd);
}
