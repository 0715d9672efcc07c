/* countersign admin (PK-206). */
#include "config.h"

#include "db/store_admin.h"
#include "db/store_audit.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "pki/statement.h"
#include "src/admin_factors.h"
#include "src/admin_list.h"
#include "src/admin_login.h"
#include "src/command.h"
#include "src/console.h"
#include "src/two_persons.h"
#include "src/worker.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_FILE_MAX 65536
#define LINE_OCTETS 4096
#define FIRST_COMMAND "countersign --admin %s --admin-key FILE admin list"

struct options {
	const char *config;
	const char *role, *client_key, *password_file, *password_fd;
	bool json;
};

static const char usage[] =
    "usage: countersign admin add --role ROLE --client-key FILE\n"
    "           [--password-file FILE | --password-fd NUMBER] [-f FILE] NAME\n"
    "       countersign admin approve [-f FILE] NAME\n"
    "       countersign admin disable [-f FILE] NAME\n"
    "       countersign admin key --client-key FILE [-f FILE] NAME\n"
    "       countersign admin passwd\n"
    "           [--password-file FILE | --password-fd NUMBER] [-f FILE] NAME\n"
    "       countersign admin list [--json] [-f FILE]\n"
    "       countersign admin verify [-f FILE] NAME\n"
    "\n"
    "Who may give the commands that change something: with a password and a\n"
    "client key.  The first admin is made by whoever can write the database;\n"
    "after that one asks for another, and an approver approves, or an "
    "approver\n"
    "asks and another approves.  An account counts from its first command "
    "on.\n"
    "\n"
    "add: asks for another admin.  approve: says yes to that.  disable: locks\n"
    "somebody out, at once and for ever.  key: a new client key, one's own, "
    "or\n"
    "another's before there are two; the one before works until the new one "
    "has\n"
    "signed a command.\n"
    "passwd: a new password, one's own.  list: all of them, and whose\n"
    "certificate ends soon.  verify: looks at the signatures in the records "
    "of\n"
    "an admin's logins.\n"
    "\n"
    "  --role ROLE            auditor (reads), operator, approver\n"
    "  --client-key FILE      client certificate or public key, PEM\n"
    "  --password-file FILE   the new password, in a file of mode 0400, or\n"
    "  --password-fd NUMBER   from an open descriptor; else it is asked for\n"
    "  --json                 one JSON object a line\n"
    "  -f, --config FILE      configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n"
    "\n"
    "Who gives the command stands before it: countersign --help.\n";

/* --- add ------------------------------------------------------------------ */

static int
new_password(struct job *j, const struct options *o, struct password_hash *out)
{
	struct span password = { NULL, 0 }, again = { NULL, 0 };
	int got =
	    admin_read_secret(j, o->password_file, o->password_fd, &password);

	if (got == 0) {
		got = console_ask_secret(j, "New password: ", &password);
		if (got == 1)
			got = console_ask_secret(j, "Once more: ", &again);
		if (got == 1 && !ct_equal(password, again))
			return job_fail(
			    j, ERR_MALFORMED, "the two are not the same");
	}
	if (got == 0)
		return job_fail(j, ERR_MALFORMED,
		    "no password: there is no terminal; use --password-file "
		    "or --password-fd");
	return got < 0 ? -1 : password_hash(j, password, out);
}

static int
read_key(struct job *j, const struct options *o, struct admin_key *out)
{
	struct span pem = { NULL, 0 };

	*out = (struct admin_key){ .spki = { NULL, 0 } };
	if (o->client_key == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "--client-key: give the file of a client certificate or "
		    "a public key");
	if (file_read(j, o->client_key, KEY_FILE_MAX, &pem) < 0)
		return -1;
	if (statement_key_read(j, pem, &out->spki, &out->not_after) < 0)
		return job_context(j, "--client-key %s", o->client_key);
	return 0;
}

static int
read_wishes(
    struct job *j, const struct options *o, const char *name, struct admin *a)
{
	*a = (struct admin){ .name = name };
	if (!admin_name_is_good(name))
		return job_fail(j, ERR_MALFORMED,
		    "%s: a name is of a-z, 0-9, '.', '_' and '-', begins with "
		    "a letter and has at most %d characters",
		    name, ADMIN_NAME_MAX);
	if (o->role == NULL || admin_role_parse(o->role, &a->role) == 0)
		return job_fail(j, ERR_MALFORMED,
		    "--role: give auditor, operator or approver");
	if (read_key(j, o, &a->next) < 0)
		return -1;
	return new_password(j, o, &a->password);
}

/* `role` NULL: it is about the key alone. */
static const char *
describe(struct job *j, const char *role, const struct admin_key *key)
{
	uint8_t hash[SHA256_LEN];
	struct json_out w;
	struct buf b;

	sha256(key->spki, hash);
	buf_init(&b, j->arena, LINE_OCTETS);
	json_out_init(&w, &b);
	json_object_begin(&w);
	if (role != NULL)
		json_member_str(&w, "role", role);
	json_member_str(
	    &w, "key", hex_dup(j->arena, span_mem(hash, sizeof(hash))));
	if (key->not_after != 0)
		json_member_time(&w, "key_not_after", key->not_after);
	json_object_end(&w);
	return b.p;
}

static int
record(struct job *j, const char *name, const char *event, const char *detail)
{
	return store_audit_add(
	    j, command_operator(j), event, admin_actor(j, name), "ok", detail);
}

/*
 * Until there are two who can do what needs two, whoever there is makes the
 * next one alone; they cannot become fewer again (disable()).  The audit record
 * comes first: it makes others who would be the first wait.
 */
static int
add(struct job *j, struct admin *a, bool *is_asked)
{
	int pair, exists;

	if (record(j, a->name, "admin asked for",
		describe(j, admin_role_name(a->role), &a->next)) < 0)
		return -1;
	exists = store_admin_exists(j);
	pair = store_admin_is_pair(j, NULL);
	if (exists < 0 || pair < 0)
		return -1;
	if (exists == 1 && command_admin() == NULL)
		return job_fail(j, ERR_CONFLICT,
		    "meanwhile there is a first admin; give the command as "
		    "that one");
	/* The one before has shown nothing, and may have got the wrong key. */
	if (exists == 0 && store_admin_forget_unproven(j) < 0)
		return -1;
	if (exists == 0 && a->role == ADMIN_AUDITOR)
		return job_fail(j, ERR_MALFORMED,
		    "an auditor as the first admin could add no other, and "
		    "nobody could change anything; begin with an operator or "
		    "an approver");
	if (exists == 1)
		a->asked_by = command_operator(j);
	if (pair == 0) {
		a->approved_at = j->now;
		a->approved_by = exists == 1 ? a->asked_by : NULL;
	}
	*is_asked = pair == 1;
	if (store_admin_add(j, a) < 0)
		return -1;
	return pair == 1 ? 0
			 : record(j, a->name,
			       exists == 1 ? "admin added by one alone"
					   : "first admin added",
			       NULL);
}

static int
admin_add(struct job *j, const struct options *o, const char *name)
{
	struct admin a;
	bool is_asked = false;

	if (read_wishes(j, o, name, &a) < 0 || store_begin(j) < 0)
		return -1;
	if (add(j, &a, &is_asked) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	if (is_asked)
		printf("%s: asked for; an approver must give the command "
		       "countersign admin approve %s\n",
		    name, name);
	else
		printf("%s: added, with the role %s; counts from the first "
		       "command on, as " FIRST_COMMAND "\n",
		    name, admin_role_name(a.role), name);
	return 0;
}

/* --- approve, disable, passwd, key ---------------------------------------- */

static int
find(struct job *j, const char *name, struct admin *out)
{
	int found = store_admin_by_name(j, name, out);

	if (found == 0)
		return job_fail(j, ERR_MALFORMED,
		    "%s: there is no such admin; countersign admin list shows "
		    "who there is",
		    name);
	return found < 0 ? -1 : 0;
}

static int
approve(struct job *j, const char *name)
{
	struct admin a;

	if (find(j, name, &a) < 0)
		return -1;
	if (a.approved_at != 0 || a.disabled_at != 0)
		return job_fail(
		    j, ERR_CONFLICT, "%s: does not wait for approval", name);
	if (request_may_confirm(j, a.asked_by) < 0)
		return job_context(j, "%s", name);
	if (store_admin_approve(j, name, command_operator(j)) < 0)
		return -1;
	return record(j, name, "admin approved",
	    describe(j, admin_role_name(a.role), &a.next));
}

/* An operator can lock somebody out at once, but not so that what needs two
 * is left to one.  The audit record comes first: two that are disabled at once
 * would each be counted on for the other. */
static int
disable(struct job *j, const char *name)
{
	struct admin a;
	int pair;

	if (record(j, name, "admin disabled", NULL) < 0 ||
	    find(j, name, &a) < 0)
		return -1;
	pair = store_admin_is_pair(j, name);
	if (pair < 0)
		return -1;
	/* Who has never given a command was not counted. */
	if (pair == 0 && admin_is_live(&a) && a.key.spki.n > 0 &&
	    a.role != ADMIN_AUDITOR)
		return job_fail(j, ERR_CONFLICT,
		    "%s: without this one no two would be left, of whom one is "
		    "an approver; add another first",
		    name);
	return store_admin_disable(j, name, command_operator(j));
}

typedef int change_fn(struct job *j, const char *name);

static int
change(struct job *j, change_fn *how, const char *name, const char *done)
{
	if (store_begin(j) < 0)
		return -1;
	if (how(j, name) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	printf("%s: %s\n", name, done);
	return 0;
}

static int
admin_approve(struct job *j, const struct options *o, const char *name)
{
	(void)o;
	return change(j, approve, name, "approved");
}

static int
admin_disable(struct job *j, const struct options *o, const char *name)
{
	(void)o;
	return change(j, disable, name, "disabled");
}

static int
admin_passwd(struct job *j, const struct options *o, const char *name)
{
	const struct admin *self = command_admin();
	struct password_hash hash = { .n = 0 };

	if (self == NULL || strcmp(self->name, name) != 0)
		return job_fail(j, ERR_UNAUTHORIZED,
		    "%s: only that admin changes the password; for one who has "
		    "lost it disable that name and add another",
		    name);
	if (new_password(j, o, &hash) < 0 || store_begin(j) < 0)
		return -1;
	if (store_admin_set_password(j, name, &hash) < 0 ||
	    record(j, name, "admin password changed", NULL) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	printf("%s: has a new password\n", name);
	return 0;
}

/* The audit record comes first: who becomes the second of two meanwhile is
 * waited for. */
static int
set_key(struct job *j, const char *name, const struct admin_key *key)
{
	struct admin a;

	if (record(j, name, "admin key set", describe(j, NULL, key)) < 0 ||
	    find(j, name, &a) < 0 || key_may_be_named(j, name) < 0)
		return -1;
	if (!admin_is_live(&a))
		return job_fail(j, ERR_CONFLICT,
		    "%s: is disabled, or waits for approval; add another",
		    name);
	return store_admin_key_set(j, name, key, command_operator(j));
}

static int
admin_key(struct job *j, const struct options *o, const char *name)
{
	struct admin_key key;

	if (read_key(j, o, &key) < 0 || store_begin(j) < 0)
		return -1;
	if (set_key(j, name, &key) < 0)
		return worker_undo(j);
	if (store_commit(j) < 0)
		return -1;
	printf("%s: the new key takes the place of the one before with the "
	       "first command that it signs, as " FIRST_COMMAND "\n",
	    name, name);
	return 0;
}

/* --- list, verify --------------------------------------------------------- */

static int
admin_list(struct job *j, const struct options *o, const char *unused)
{
	(void)unused;
	return admin_list_print(j, o->json);
}

static int
admin_check(struct job *j, const struct options *o, const char *name)
{
	struct admin a;
	int64_t rows;
	size_t count;

	(void)o;
	if (find(j, name, &a) < 0 || store_audit_verify(j, &rows) < 0 ||
	    admin_verify(j, name, &count) < 0)
		return -1;
	printf(
	    "%s: %zu signed commands, each by a key of this admin's; the chain "
	    "of %" PRId64 " records is whole\n",
	    name, count, rows);
	return 0;
}

/* --- the command ---------------------------------------------------------- */

static const struct {
	const char *name;
	int (*run)(struct job *j, const struct options *o, const char *name);
	bool has_name;
	const char *takes; /* as command_takes_only() */
	enum act act, of_another;
} verbs[] = {
	{ "add", admin_add, true, "role client-key password-file password-fd",
	    ACT_ADMIN_ADD, ACT_ADMIN_ADD },
	{ "approve", admin_approve, true, "", ACT_ADMIN_APPROVE,
	    ACT_ADMIN_APPROVE },
	{ "disable", admin_disable, true, "", ACT_ADMIN_DISABLE,
	    ACT_ADMIN_DISABLE },
	{ "key", admin_key, true, "client-key", ACT_ADMIN_KEY,
	    ACT_ADMIN_KEY_OTHER },
	{ "list", admin_list, false, "json", ACT_ADMIN_LIST, ACT_ADMIN_LIST },
	{ "passwd", admin_passwd, true, "password-file password-fd",
	    ACT_ADMIN_PASSWD, ACT_ADMIN_PASSWD },
	{ "verify", admin_check, true, "", ACT_ADMIN_VERIFY, ACT_ADMIN_VERIFY },
};

#define VERB_COUNT COUNT(verbs)

static int
run(size_t verb, const struct options *o, const char *name)
{
	struct command c;

	if (command_open(&c, o->config,
		name == NULL || command_is_by(name)
		    ? verbs[verb].act
		    : verbs[verb].of_another) < 0)
		return EXIT_FAILURE;
	return command_end(&c, verbs[verb].run(&c.job, o, name));
}

int
cmd_admin(int argc, char **argv)
{
	struct options o = { .config = NULL };
	const struct command_option options[] = {
		{ "role", NULL, &o.role },
		{ "client-key", NULL, &o.client_key },
		{ "password-file", NULL, &o.password_file },
		{ "password-fd", NULL, &o.password_fd },
		{ "json", &o.json, NULL },
		{ NULL, NULL, NULL },
	};

	if (command_parse(argc, argv, usage, options, &o.config, -1) < 0)
		return EXIT_FAILURE;
	for (size_t i = 0; optind < argc && i < VERB_COUNT; i++) {
		if (strcmp(argv[optind], verbs[i].name) != 0)
			continue;
		if (command_counts(argc, argv, usage, 1 + verbs[i].has_name) <
			0 ||
		    command_takes_only(options, verbs[i].name, verbs[i].takes) <
			0)
			return EXIT_FAILURE;
		return run(i, &o, argv[optind + 1]);
	}
	command_misused(usage, "give add, approve, disable, key, list, passwd "
			       "or verify");
	return EXIT_FAILURE;
}
