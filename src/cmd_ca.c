#include "config.h"

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/log.h"
#include "pki/ceremony.h"
#include "pki/ceremony_bundle.h"
#include "pki/policy_oid.h"
#include "src/ca_linters.h"
#include "src/ca_options.h"
#include "src/ceremony_record.h"
#include "src/check_urls.h"
#include "src/command.h"
#include "src/privilege.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define ANSWER_MAX 1024

struct run {
	struct ca_options *o;
	struct ca_linters *linters; /* NULL: none */
};

/* --- persons at the terminal --------------------------------------------- */

static int
ask(void *context, struct job *j, const char *prompt, bool is_secret,
    struct span *answer)
{
	struct termios shown = { 0 };
	bool is_hidden = is_secret && tcgetattr(STDIN_FILENO, &shown) == 0;
	struct buf b;
	char ch;
	ssize_t n;

	(void)context;
	if (is_hidden) {
		struct termios hidden = shown;

		hidden.c_lflag &= ~(tcflag_t)ECHO;
		if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) < 0)
			return job_fail(j, ERR_INTERNAL,
			    "the terminal cannot hide a secret");
	}
	fputs(prompt, stdout);
	fflush(stdout);
	/* Octet by octet: nothing of a secret stays in stdio's memory. */
	buf_init_secret(&b, j->arena, ANSWER_MAX);
	while ((n = read(STDIN_FILENO, &ch, 1)) == 1 && ch != '\n')
		buf_add_char(&b, ch);
	if (is_hidden) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
		putchar('\n');
	}
	if (n != 1)
		return job_fail(j, ERR_INTERNAL,
		    "stopped: no answer; give the same command to go on");
	if (!buf_ok(&b))
		return job_fail(j, ERR_INTERNAL, "the answer is too long");
	*answer = buf_span(&b);
	return 0;
}

static void
tell(void *context, const char *line)
{
	(void)context;
	puts(line);
}

/* --- acts ---------------------------------------------------------------- */

static struct ceremony_token *
token_of(struct ca_options *o, bool is_root)
{
	struct ceremony_token *t = is_root ? &o->root_key : &o->key;

	return t->module != NULL || t->token != NULL || t->label != NULL ||
		       t->id != NULL || t->statement != NULL ||
		       t->pin != NULL || t->quorum != NULL
		   ? t
		   : NULL;
}

/* In init, --no-backup is of the keys for which nothing else is said. */
static struct ceremony_backup *
backup_of(struct ca_options *o, bool is_root)
{
	struct ceremony_backup *b = is_root ? &o->root_backup : &o->backup;
	bool is_said = b->dir != NULL || b->token != NULL ||
		       b->module != NULL || b->pin != NULL;

	if (!is_said || o->act != CA_ACT_INIT)
		b->none = o->no_backup;
	return is_said || b->none != NULL ? b : NULL;
}

static struct ceremony
ceremony_of(struct job *j, const struct run *r, const char *dir, bool is_root)
{
	struct ca_options *o = r->o;

	return (struct ceremony){ .j = j,
		.dir = dir,
		.first = o->first,
		.second = o->is_single ? NULL : o->second,
		.is_single = o->is_single,
		.is_private = o->is_private,
		.is_online = o->is_online,
		.token = token_of(o, is_root),
		.backup = backup_of(o, is_root),
		.conf = o->linters_file,
		.ask = ask,
		.tell = tell,
		.lint = r->linters != NULL ? ca_linters_ask : NULL,
		.context = r->linters };
}

static int
need(struct job *j, const char *value, const char *option)
{
	return value != NULL
		   ? 0
		   : job_fail(j, ERR_INTERNAL, "%s is missing", option);
}

static int
subject_of(struct job *j, const struct run *r, const char *suffix,
    struct ca_subject *s)
{
	if (need(j, r->o->name, "--name") < 0 ||
	    need(j, r->o->organization, "--organization") < 0 ||
	    need(j, r->o->country, "--country") < 0)
		return -1;
	*s = (struct ca_subject){ r->o->country, r->o->organization,
		arena_printf(j->arena, "%s%s%s",
		    r->o->is_rehearsal ? CEREMONY_REHEARSAL : "", r->o->name,
		    suffix) };
	return 0;
}

static int
init_root_in(
    struct job *j, const struct run *r, const char *dir, const char *suffix)
{
	struct ceremony c = ceremony_of(j, r, dir, true);
	struct ca_subject subject;

	if (subject_of(j, r, suffix, &subject) < 0)
		return -1;
	return ceremony_init_root(&c, &subject, r->o->key_type);
}

static int
request_in(
    struct job *j, const struct run *r, const char *dir, const char *suffix)
{
	struct ceremony c = ceremony_of(j, r, dir, false);
	struct ca_subject subject;

	if (subject_of(j, r, suffix, &subject) < 0)
		return -1;
	return ceremony_request(&c, &subject, r->o->key_type);
}

static int
read_policies(struct job *j, const struct run *r, struct span *out)
{
	for (size_t i = 0; i < r->o->policy_count; i++) {
		const char *text = r->o->policies[i];
		const char *problem = policy_oid_read(j->arena, text, &out[i]);

		if (problem != NULL)
			return job_fail(j, ERR_INTERNAL,
			    "--policy %s %s (PK-123)", text, problem);
		for (size_t k = 0; k < i; k++)
			if (span_eq(out[k], out[i]))
				return job_fail(j, ERR_INTERNAL,
				    "--policy %s: is given twice", text);
	}
	return 0;
}

static int
sign_in(struct job *j, const struct run *r, const char *dir,
    const char *request, const char *out)
{
	struct ceremony c = ceremony_of(j, r, dir, true);
	struct span policies[CA_POLICIES_MAX];
	const struct ceremony_sign in = { .request = request,
		.out = out,
		.crl_url = r->o->crl_url,
		.ca_issuers_url = r->o->root_url,
		.permitted = r->o->permitted,
		.permitted_count = r->o->permitted_count,
		.client_auth = r->o->client_auth,
		.policies = policies,
		.policy_count = r->o->policy_count,
		.is_renewal = r->o->is_renewal };

	if (need(j, request, "--request") < 0 || need(j, out, "--out") < 0 ||
	    need(j, r->o->crl_url, "--crl-url") < 0 ||
	    need(j, r->o->root_url, "--root-url") < 0 ||
	    read_policies(j, r, policies) < 0)
		return -1;
	return ceremony_sign(&c, &in);
}

static int
import_in(struct job *j, const struct run *r, const char *dir,
    const char *certificate, const char *root)
{
	struct ceremony c = ceremony_of(j, r, dir, false);

	if (need(j, certificate, "--certificate") < 0 ||
	    need(j, root, "--root") < 0)
		return -1;
	return ceremony_import(&c, certificate, root);
}

static int
act_init_root(struct job *j, const struct run *r)
{
	return init_root_in(j, r, r->o->dir, "");
}

static int
act_request(struct job *j, const struct run *r)
{
	return request_in(j, r, r->o->dir, "");
}

static int
act_sign(struct job *j, const struct run *r)
{
	return sign_in(j, r, r->o->dir, r->o->request, r->o->out);
}

static int
act_import(struct job *j, const struct run *r)
{
	return import_in(j, r, r->o->dir, r->o->certificate, r->o->root);
}

/* PK-158: of a certificate of a CA, before anybody is asked for a secret. */
static int
reason_of(struct job *j, const struct ca_options *o, int64_t *reason)
{
	static const int64_t allowed[] = { 2, 3, 4, 5, 9 };

	*reason = 0;
	if (o->revoke == NULL)
		return o->reason == NULL
			   ? 0
			   : job_fail(j, ERR_INTERNAL,
				 "--reason is of the certificate that --revoke "
				 "names");
	if (o->reason != NULL &&
	    span_to_int(span_str(o->reason), 1, 9, reason) == 0)
		for (size_t i = 0; i < COUNT(allowed); i++)
			if (*reason == allowed[i])
				return 0;
	return job_fail(j, ERR_INTERNAL,
	    "--reason: 2 for a compromised CA key, 3, 4, 5 or 9 (PK-158)");
}

static int
act_root_crl(struct job *j, const struct run *r)
{
	struct ceremony c = ceremony_of(j, r, r->o->dir, true);
	int64_t reason;

	if (reason_of(j, r->o, &reason) < 0)
		return -1;
	return ceremony_root_crl(&c, r->o->revoke, (int)reason);
}

static int
act_backup(struct job *j, const struct run *r)
{
	bool is_root =
	    access(arena_printf(j->arena, "%s/root.crl", r->o->dir), F_OK) == 0;
	struct ceremony c = ceremony_of(j, r, r->o->dir, is_root);

	return ceremony_backup_act(&c);
}

static int
act_verify(struct job *j, const struct run *r)
{
	struct transcript t;

	if (transcript_open(
		j, arena_printf(j->arena, "%s/transcript", r->o->dir), &t) < 0)
		return -1;
	if (t.count == 0)
		return job_fail(
		    j, ERR_INTERNAL, "%s: no transcript here", t.path);
	printf(
	    "%zu lines, whole; compare with the paper: %s\n", t.count, t.last);
	return 0;
}

static int
act_bundle(struct job *j, const struct run *r)
{
	struct bundle *b = arena_alloc(j->arena, sizeof(*b));
	struct span tar;

	if (need(j, r->o->out, "--out") < 0 ||
	    ceremony_bundle_make(j, r->o->dir, b, &tar) < 0 ||
	    file_create(j, r->o->out, 0444, tar) < 0)
		return -1;
	printf("%s: %zu files; write down: %s\n", r->o->out, b->n, b->sha256);
	return 0;
}

/* Needs no folder: whoever was given the file looks at it anywhere. */
static int
verify_bundle(struct job *j, const char *path)
{
	struct bundle *b = arena_alloc(j->arena, sizeof(*b));
	const char *lints;
	struct span tar;

	if (file_read(j, path, BUNDLE_MAX, &tar) < 0)
		return -1;
	if (ceremony_bundle_check(j, tar, b, &lints) < 0)
		return job_context(j, "%s", path);
	fputs(lints, stdout);
	printf("%s: %zu files, whole; compare with the paper: %s\n", path, b->n,
	    b->sha256);
	return 0;
}

/* Everything on one machine; each part is skipped when it is done. */
static int
act_init(struct job *j, const struct run *r)
{
	const char *root = arena_printf(j->arena, "%s/root", r->o->dir);
	const char *issuing = arena_printf(j->arena, "%s/issuing", r->o->dir);
	const char *root_pem = arena_printf(j->arena, "%s/root.pem", root);
	const char *csr = arena_printf(j->arena, "%s/issuing.csr", issuing);
	const char *signed_pem =
	    arena_printf(j->arena, "%s/signed.pem", issuing);

	int is_done = ceremony_is_done(j, issuing, CEREMONY_IMPORT);

	if (is_done < 0)
		return -1;
	if (is_done == 1)
		return job_fail(j, ERR_CONFLICT,
		    "%s holds a whole CA: nothing was changed", r->o->dir);
	if (need(j, r->o->crl_url, "--crl-url") < 0 ||
	    need(j, r->o->root_url, "--root-url") < 0)
		return -1;
	if (mkdir(r->o->dir, 0700) < 0 && errno != EEXIST)
		return job_fail(
		    j, ERR_INTERNAL, "%s: %s", r->o->dir, strerror(errno));
	is_done = ceremony_is_done(j, root, CEREMONY_ROOT);
	if (is_done < 0 ||
	    (is_done == 0 && init_root_in(j, r, root, " Root CA") < 0))
		return -1;
	if (request_in(j, r, issuing, " Issuing CA") < 0 ||
	    sign_in(j, r, root, csr, signed_pem) < 0)
		return -1;
	return import_in(j, r, issuing, signed_pem, root_pem);
}

static const struct {
	enum ca_act act;
	int (*run)(struct job *j, const struct run *r);
} acts[] = {
	{ CA_ACT_INIT, act_init },
	{ CA_ACT_INIT_ROOT, act_init_root },
	{ CA_ACT_REQUEST, act_request },
	{ CA_ACT_SIGN, act_sign },
	{ CA_ACT_IMPORT, act_import },
	{ CA_ACT_ROOT_CRL, act_root_crl },
	{ CA_ACT_BACKUP, act_backup },
	{ CA_ACT_VERIFY, act_verify },
	{ CA_ACT_BUNDLE, act_bundle },
};

/* The linters' parent is there before a key is opened, and has none (PK-136).
 */
static int
run_act(struct ca_options *o, size_t i)
{
	struct ca_linters linters = { .fd = -1 };
	struct run r = { .o = o };
	struct job j;
	int result = 0;

	/* Secrets and an open key of the root (PK-201) */
	privilege_no_dumps();
	log_open("command", LOG_LEVEL_WARNING);
	job_init(&j, NULL, NULL);
	if (o->linters_file != NULL) {
		result = ca_linters_open(&j, o->linters_file, &linters);
		r.linters = &linters;
	}
	if (result == 0)
		result = acts[i].run(&j, &r);
	if (result < 0)
		command_fail("%s", j.err.text);
	ca_linters_close(&linters);
	job_done(&j);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int
cmd_verify_bundle(int argc, char **argv)
{
	struct job j;
	int result;

	if (argc != 2 || argv[1][0] == '-') {
		command_misused(ca_usage,
		    "verify-bundle takes the name of one file, and no option");
		return EXIT_FAILURE;
	}
	job_init(&j, NULL, NULL);
	result = verify_bundle(&j, argv[1]);
	if (result < 0)
		command_fail("%s", j.err.text);
	job_done(&j);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int
cmd_ca(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "-";
	struct ca_options o;

	if (strcmp(name, "check-urls") == 0)
		return cmd_ca_check_urls(argc - 1, argv + 1);
	if (strcmp(name, "record") == 0)
		return cmd_ca_record(argc - 1, argv + 1);
	if (strcmp(name, "verify-bundle") == 0)
		return cmd_verify_bundle(argc - 1, argv + 1);
	if (name[0] == '-')
		return ca_options_parse(argc, argv, &o) < 0 ? EXIT_FAILURE
							    : EXIT_SUCCESS;
	for (size_t i = 0; i < COUNT(acts); i++)
		if (ca_act_of(name) == (unsigned)acts[i].act)
			return ca_options_parse(argc - 1, argv + 1, &o) < 0
				   ? EXIT_FAILURE
				   : run_act(&o, i);
	command_misused(ca_usage, "%s: there is no such act", name);
	return EXIT_FAILURE;
}
