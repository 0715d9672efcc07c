#include "config.h"

#include "src/database.h"

#include "lib/arena.h"
#include "lib/fdio.h"

#include <string.h>

#define PASSWORD_MAX 1024

const char *
database_section(enum role role)
{
	return role == ROLE_UPSTREAM ? "external" : role_name(role);
}

const struct conf_login *
database_conf(const struct conf *c, enum role role)
{
	const struct conf_login *l = NULL;

	switch (role) {
	case ROLE_WEB:
		l = &c->web.login;
		break;
	case ROLE_SENDER:
		l = &c->sender.login;
		break;
	case ROLE_VALIDATOR:
		l = &c->validator.login;
		break;
	case ROLE_ISSUER:
		l = &c->issuer.login;
		break;
	case ROLE_UPSTREAM:
		l = &c->external.login;
		break;
	case ROLE_ADMIN:
		l = &c->admin.login;
		break;
	case ROLE_COUNT:
	case ROLE_PERSPECTIVE: /* have none */
	case ROLE_LINTER:
	case ROLE_RESPONDER:
	case ROLE_SIGNER:
	case ROLE_OCSP_SIGNER:
		break;
	}
	return l == NULL || l->database == NULL ? NULL : l;
}

int
database_login(struct job *j, enum role role, struct store_login *out)
{
	const struct conf_login *own = database_conf(j->conf, role);
	const char *file =
	    own != NULL ? own->password_file : j->conf->database_password_file;
	struct span password;
	char *text;

	*out = (struct store_login){
		own != NULL ? own->database : j->conf->database, NULL
	};
	if (file == NULL)
		return 0;
	if (file_read_secret(j, file, PASSWORD_MAX, &password) < 0)
		return -1;
	if (password.n == 0 || span_find(password, 0, '\0') != password.n)
		return job_fail(j, ERR_INTERNAL,
		    "%s: must hold the password, in one line", file);
	text = arena_alloc_secret(j->arena, password.n + 1);
	memcpy(text, password.p, password.n);
	out->password = text;
	return 0;
}

int
database_users(struct job *j, const char *users[ROLE_COUNT])
{
	for (enum role role = 0; role < ROLE_COUNT; role++) {
		const struct conf_login *own = database_conf(j->conf, role);
		struct store_url url;

		users[role] = NULL;
		if (own == NULL)
			continue;
		if (store_url_read(j, own->database, &url) < 0)
			return -1;
		users[role] = url.user;
	}
	return 0;
}
