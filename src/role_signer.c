#include "config.h"

#include "src/role_signer.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "src/bare_role.h"
#include "src/sign_service.h"
#include "src/status_place.h"

struct signer {
	struct sign_service service;
	const struct bare_start *start;
	enum role role;
};

bool
signer_is_wanted(const struct conf *conf)
{
	bool wanted = conf->issuer.key.module != NULL;

	for (size_t i = 0; i < conf->former_count; i++)
		wanted |= conf->formers[i].issuer.key.module != NULL;
	return wanted;
}

bool
ocsp_signer_is_wanted(const struct conf *conf)
{
	return status_has_responder(conf) && conf->responder.key.module != NULL;
}

/* With the rights of root, who alone should be able to read the PIN: nothing of
 * the modules' runs yet. */
static int
open_keys(struct job *j, struct arena *keep, void *ctx)
{
	struct signer *s = ctx;

	bare_role_take_hangups();
	return s->role == ROLE_OCSP_SIGNER
		   ? sign_service_open_responder(j, keep, &s->service)
		   : sign_service_open(j, keep, &s->service);
}

/* With the rights that all later logins have (PK-200). */
static int
log_in(struct job *j, struct arena *keep, void *ctx)
{
	(void)keep;
	return sign_service_log_in(j, &((struct signer *)ctx)->service);
}

/* SIGHUP: an admin may have raised the ceilings (PK-204). */
static void
read_limits(struct signer *s)
{
	struct arena *a = arena_new();
	const struct conf *fresh;

	if (bare_role_conf(a, s->start, &fresh) == 0)
		sign_service_limits(&s->service, fresh);
	arena_free(a);
}

static void
serve(struct arena *keep, const struct conf *conf, void *ctx)
{
	struct signer *s = ctx;
	int found;

	(void)keep;
	sign_service_limits(&s->service, conf);
	sign_service_resume(&s->service);
	while ((found = bare_role_wait(s->service.fd)) >= 0) {
		if (found == 0)
			read_limits(s);
		else if (sign_service_step(&s->service, conf) < 0)
			return;
	}
}

int
signer_main(const struct bare_start *start, enum role role, int fd,
    int64_t ends, int pins_fd)
{
	struct signer s = {
		.service = { .fd = fd, .ends = ends, .pins_fd = pins_fd },
		.start = start,
		.role = role
	};
	const struct bare_role bare = { .role = role,
		.open = open_keys,
		.begin = log_in,
		.serve = serve,
		.ctx = &s };

	fd_set_cloexec(fd, true);
	return bare_role_main(&bare, start);
}
