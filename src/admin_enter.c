#include "config.h"

#include "src/admin_enter.h"

#include "lib/arena.h"
#include "lib/job.h"
#include "src/admin_factors.h"
#include "src/command.h"

/* A key that does not sign is a factor that is not there: the refusal is
 * recorded, and says no more than others. */
static void
sign(struct job *j, const struct admin_options *o, const struct admin_login *l,
    struct span *signature)
{
	struct span keys[ADMIN_KEYS] = { SPAN_INIT(""), SPAN_INIT("") };

	if (l->is_known) {
		keys[0] = l->admin.key.spki;
		keys[1] = l->admin.next.spki;
	}
	if (admin_signature_get(j, o, keys, l->statement, signature) == 0)
		return;
	command_fail("%s", j->err.text);
	job_recover(j);
	*signature = SPAN("");
}

/* A program that signs is started while no secret is known. */
static int
get_factors(struct job *j, const struct admin_options *o,
    const struct admin_login *l, struct span *password, struct span *signature)
{
	if (o->signer == NULL && admin_password_get(j, o, password) < 0)
		return -1;
	sign(j, o, l, signature);
	return o->signer == NULL ? 0 : admin_password_get(j, o, password);
}

static int
enter(struct job *j, const struct admin_options *o, const struct act_row *act,
    const struct command_line *line, const char *by, enum admin_role *role)
{
	struct span password = { NULL, 0 }, signature = { NULL, 0 };
	struct admin_login l;

	if (admin_login_begin(j, o->name, act, line, by, &l) < 0 ||
	    get_factors(j, o, &l, &password, &signature) < 0 ||
	    admin_login_finish(j, &l, password, signature, by) < 0)
		return -1;
	*role = l.admin.role;
	return 0;
}

int
admin_enter(struct job *j, const struct admin_options *options,
    const struct act_row *act, const struct command_line *line, const char *by,
    enum admin_role *role)
{
	struct job secret;
	int result;

	job_init(&secret, j->store, j->conf);
	result = enter(&secret, options, act, line, by, role);
	if (result < 0)
		job_fail(j, secret.err.kind, "%s", secret.err.text);
	job_done(&secret);
	return result;
}
