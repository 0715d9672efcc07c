#include "config.h"

#include "src/database.h"

#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/log.h"

#include <string.h>
#include <sys/stat.h>

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

static const char *
password_file(const struct conf *c, enum role role)
{
	const struct conf_login *own = database_conf(c, role);

	return own != NULL ? own->password_file : c->database_password_file;
}

int
database_login(struct job *j, enum role role, struct store_login *out)
{
	const struct conf_login *own = database_conf(j->conf, role);
	const char *file = password_file(j->conf, role);
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

/* Where and when, not what. */
static bool
look(const char *file, struct database_password *out)
{
	struct stat st;

	*out = (struct database_password){ .is_known = false };
	if (file == NULL || stat(file, &st) != 0)
		return false;
	out->device = st.st_dev;
	out->number = st.st_ino;
	out->changed_at = st.st_ctim;
	return true;
}

static bool
is_untouched(
    const struct database_password *a, const struct database_password *b)
{
	return a->is_known && a->device == b->device &&
	       a->number == b->number &&
	       a->changed_at.tv_sec == b->changed_at.tv_sec &&
	       a->changed_at.tv_nsec == b->changed_at.tv_nsec;
}

/* Of the password no more is kept than the sum. */
static int
sum_up(struct job *j, const char *file, struct database_password *out)
{
	struct span password;

	if (file_read_secret(j, file, PASSWORD_MAX, &password) < 0)
		return -1;
	sha256(password, out->sha256);
	out->is_known = true;
	return 0;
}

void
database_password_note(
    const struct conf *c, enum role role, struct database_password *out)
{
	const char *file = password_file(c, role);
	struct job j;

	if (!look(file, out))
		return;
	job_init(&j, NULL, c);
	/* Who needs it says why not. */
	(void)sum_up(&j, file, out);
	job_done(&j);
}

bool
database_password_is_new(
    const struct conf *c, enum role role, struct database_password *known)
{
	const char *file = password_file(c, role);
	struct database_password now;
	struct job j;
	bool is_new;

	if (file == NULL || (look(file, &now) && is_untouched(known, &now)))
		return false;
	job_init(&j, NULL, c);
	if (sum_up(&j, file, &now) < 0)
		log_warning("password not read",
		    "which=%s error=\"%s\" next=\"mend it and send SIGHUP; the "
		    "role goes on with what it has\"",
		    role_name(role), j.err.text);
	is_new = now.is_known &&
		 (!known->is_known ||
		     memcmp(known->sha256, now.sha256, SHA256_LEN) != 0);
	if (now.is_known && !is_new)
		*known = now;
	job_done(&j);
	return is_new;
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
