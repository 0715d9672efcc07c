#include "config.h"

#include "lib/arena.h"
#include "lib/fdio.h"
#include "lib/log.h"
#include "pki/ceremony.h"
#include "pki/ceremony_bundle.h"
#include "src/ca_linters.h"
#include "src/check_urls.h"
#include "src/command.h"
#include "src/privilege.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define ANSWER_MAX 1024
#define PERMITTED_MAX 32

static const char ca_usage[] =
    "usage: countersign ca ACT --dir DIR [OPTION...]\n"
    "\n"
    "  init          root and issuing CA, in DIR/root and DIR/issuing\n"
    "  init-root     a root alone: key, certificate, first list\n"
    "  request       key of an issuing CA and a request for its certificate\n"
    "  sign          the root signs a request\n"
    "  import        the issuing CA takes its certificate\n"
    "  root-crl      the root's next list\n"
    "  verify        is the transcript in DIR whole?\n"
    "  bundle        all that may be shown, as one tar file: --out FILE\n"
    "  verify-bundle FILE  is such a file whole, without anything else?\n"
    "  check-urls [-f FILE]  are the URLs in certificates answered?\n"
    "\n"
    "Acts of the root (init, init-root, sign, root-crl):\n"
    "  --first NAME, --second NAME  the two persons who confirm each step\n"
    "  --private            the CA is for policy.mode = private; then also:\n"
    "  --single-operator    one person alone\n"
    "  --online-root        on a machine with network\n"
    "  --linters FILE       sections linter that judge what is to be signed\n"
    "Names (init, init-root, request):\n"
    "  --name NAME --organization O --country CC\n"
    "  --key-type TYPE      p384 (default) or rsa4096\n"
    "  --rehearse           a rehearsal: every name says so\n"
    "Signing (init, sign):\n"
    "  --crl-url URL        where the root's list will be\n"
    "  --root-url URL       where the root's certificate will be\n"
    "  --permit HOST        name constraint; may be repeated\n"
    "  --request FILE --out FILE, --renew   (sign)\n"
    "Others:\n"
    "  --certificate FILE --root FILE       (import)\n"
    "  --revoke FILE --reason NUMBER        (root-crl)\n";

struct ca_options {
	const char *dir, *first, *second, *name, *organization, *country;
	const char *key_type, *crl_url, *root_url, *request, *out;
	const char *certificate, *root, *revoke, *reason, *linters_file;
	struct ca_linters *linters; /* NULL: none */
	const char *permitted[PERMITTED_MAX];
	size_t permitted_count;
	bool is_private, is_single, is_online, is_rehearsal, is_renewal;
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

static struct ceremony
ceremony_of(struct job *j, const struct ca_options *o, const char *dir)
{
	return (struct ceremony){ .j = j,
		.dir = dir,
		.first = o->first,
		.second = o->is_single ? NULL : o->second,
		.is_private = o->is_private,
		.is_online = o->is_online,
		.ask = ask,
		.tell = tell,
		.lint = o->linters != NULL ? ca_linters_ask : NULL,
		.context = o->linters };
}

static int
need(struct job *j, const char *value, const char *option)
{
	return value != NULL
		   ? 0
		   : job_fail(j, ERR_INTERNAL, "%s is missing", option);
}

static int
subject_of(struct job *j, const struct ca_options *o, const char *suffix,
    struct ca_subject *s)
{
	if (need(j, o->name, "--name") < 0 ||
	    need(j, o->organization, "--organization") < 0 ||
	    need(j, o->country, "--country") < 0)
		return -1;
	*s = (struct ca_subject){ o->country, o->organization,
		arena_printf(j->arena, "%s%s%s",
		    o->is_rehearsal ? CEREMONY_REHEARSAL : "", o->name,
		    suffix) };
	return 0;
}

static int
init_root_in(struct job *j, const struct ca_options *o, const char *dir,
    const char *suffix)
{
	struct ceremony c = ceremony_of(j, o, dir);
	struct ca_subject subject;

	if (subject_of(j, o, suffix, &subject) < 0)
		return -1;
	return ceremony_init_root(&c, &subject, o->key_type);
}

static int
request_in(struct job *j, const struct ca_options *o, const char *dir,
    const char *suffix)
{
	struct ceremony c = ceremony_of(j, o, dir);
	struct ca_subject subject;

	if (subject_of(j, o, suffix, &subject) < 0)
		return -1;
	return ceremony_request(&c, &subject, o->key_type);
}

static int
sign_in(struct job *j, const struct ca_options *o, const char *dir,
    const char *request, const char *out)
{
	struct ceremony c = ceremony_of(j, o, dir);
	const struct ceremony_sign in = { .request = request,
		.out = out,
		.crl_url = o->crl_url,
		.ca_issuers_url = o->root_url,
		.permitted = o->permitted,
		.permitted_count = o->permitted_count,
		.is_renewal = o->is_renewal };

	if (need(j, request, "--request") < 0 || need(j, out, "--out") < 0 ||
	    need(j, o->crl_url, "--crl-url") < 0 ||
	    need(j, o->root_url, "--root-url") < 0)
		return -1;
	return ceremony_sign(&c, &in);
}

static int
import_in(struct job *j, const struct ca_options *o, const char *dir,
    const char *certificate, const char *root)
{
	struct ceremony c = ceremony_of(j, o, dir);

	if (need(j, certificate, "--certificate") < 0 ||
	    need(j, root, "--root") < 0)
		return -1;
	return ceremony_import(&c, certificate, root);
}

static int
act_init_root(struct job *j, const struct ca_options *o)
{
	return init_root_in(j, o, o->dir, "");
}

static int
act_request(struct job *j, const struct ca_options *o)
{
	return request_in(j, o, o->dir, "");
}

static int
act_sign(struct job *j, const struct ca_options *o)
{
	return sign_in(j, o, o->dir, o->request, o->out);
}

static int
act_import(struct job *j, const struct ca_options *o)
{
	return import_in(j, o, o->dir, o->certificate, o->root);
}

static int
act_root_crl(struct job *j, const struct ca_options *o)
{
	struct ceremony c = ceremony_of(j, o, o->dir);
	int64_t reason = 0;

	if (o->revoke != NULL &&
	    (o->reason == NULL ||
		span_to_int(span_str(o->reason), 1, 9, &reason) < 0))
		return job_fail(j, ERR_INTERNAL,
		    "--reason: 2 for a compromised CA key, 3, 4, 5 or 9 "
		    "(PK-158)");
	return ceremony_root_crl(&c, o->revoke, (int)reason);
}

static int
act_verify(struct job *j, const struct ca_options *o)
{
	struct transcript t;

	if (transcript_open(
		j, arena_printf(j->arena, "%s/transcript", o->dir), &t) < 0)
		return -1;
	if (t.count == 0)
		return job_fail(
		    j, ERR_INTERNAL, "%s: no transcript here", t.path);
	printf(
	    "%zu lines, whole; compare with the paper: %s\n", t.count, t.last);
	return 0;
}

static int
act_bundle(struct job *j, const struct ca_options *o)
{
	struct bundle *b = arena_alloc(j->arena, sizeof(*b));
	struct span tar;

	if (need(j, o->out, "--out") < 0 ||
	    ceremony_bundle_make(j, o->dir, b, &tar) < 0 ||
	    file_create(j, o->out, 0444, tar) < 0)
		return -1;
	printf("%s: %zu files; write down: %s\n", o->out, b->n, b->sha256);
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
act_init(struct job *j, const struct ca_options *o)
{
	const char *root = arena_printf(j->arena, "%s/root", o->dir);
	const char *issuing = arena_printf(j->arena, "%s/issuing", o->dir);
	const char *root_pem = arena_printf(j->arena, "%s/root.pem", root);
	const char *list = arena_printf(j->arena, "%s/root.crl", root);
	const char *csr = arena_printf(j->arena, "%s/issuing.csr", issuing);
	const char *signed_pem =
	    arena_printf(j->arena, "%s/signed.pem", issuing);

	if (access(arena_printf(j->arena, "%s/issuing.pem", issuing), F_OK) ==
	    0)
		return job_fail(j, ERR_CONFLICT,
		    "%s holds a whole CA: nothing was changed", o->dir);
	if (need(j, o->crl_url, "--crl-url") < 0 ||
	    need(j, o->root_url, "--root-url") < 0)
		return -1;
	if (mkdir(o->dir, 0700) < 0 && errno != EEXIST)
		return job_fail(
		    j, ERR_INTERNAL, "%s: %s", o->dir, strerror(errno));
	if (access(list, F_OK) != 0 && init_root_in(j, o, root, " Root CA") < 0)
		return -1;
	if (request_in(j, o, issuing, " Issuing CA") < 0 ||
	    sign_in(j, o, root, csr, signed_pem) < 0)
		return -1;
	return import_in(j, o, issuing, signed_pem, root_pem);
}

static const struct {
	const char *name;
	int (*run)(struct job *j, const struct ca_options *o);
	bool signs; /* the root does */
} acts[] = {
	{ "init", act_init, true },
	{ "init-root", act_init_root, true },
	{ "request", act_request, false },
	{ "sign", act_sign, true },
	{ "import", act_import, false },
	{ "root-crl", act_root_crl, true },
	{ "verify", act_verify, false },
	{ "bundle", act_bundle, false },
};

/* Their parent is there before a key is opened, and has none (PK-136). */
static int
run_act(struct ca_options *o, size_t i)
{
	struct ca_linters linters = { .fd = -1 };
	struct job j;
	int result = 0;

	if (o->linters_file != NULL && !acts[i].signs)
		return command_fail("--linters: only where the root signs: "
				    "init, init-root, sign, root-crl");
	/* Secrets and an open key of the root (PK-201) */
	privilege_no_dumps();
	log_open("command", LOG_LEVEL_WARNING);
	job_init(&j, NULL, NULL);
	if (o->linters_file != NULL) {
		result = ca_linters_open(&j, o->linters_file, &linters);
		o->linters = &linters;
	}
	if (result == 0)
		result = acts[i].run(&j, o);
	if (result < 0)
		command_fail("%s", j.err.text);
	ca_linters_close(&linters);
	o->linters = NULL;
	job_done(&j);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --- the command line ---------------------------------------------------- */

struct ca_option {
	const char *name;
	const char **text; /* NULL: a flag */
	bool *flag;
};

static int
take_option(struct ca_options *o, const struct ca_option *option)
{
	if (option->flag != NULL)
		*option->flag = true;
	else if (option->text != NULL)
		*option->text = optarg;
	else if (o->permitted_count == PERMITTED_MAX)
		return command_fail("--permit: at most %d", PERMITTED_MAX);
	else
		o->permitted[o->permitted_count++] = optarg;
	return 0;
}

static int
parse(int argc, char **argv, struct ca_options *o)
{
	const struct ca_option table[] = {
		{ "dir", &o->dir, NULL },
		{ "first", &o->first, NULL },
		{ "second", &o->second, NULL },
		{ "name", &o->name, NULL },
		{ "organization", &o->organization, NULL },
		{ "country", &o->country, NULL },
		{ "key-type", &o->key_type, NULL },
		{ "crl-url", &o->crl_url, NULL },
		{ "root-url", &o->root_url, NULL },
		{ "request", &o->request, NULL },
		{ "out", &o->out, NULL },
		{ "certificate", &o->certificate, NULL },
		{ "root", &o->root, NULL },
		{ "revoke", &o->revoke, NULL },
		{ "reason", &o->reason, NULL },
		{ "linters", &o->linters_file, NULL },
		{ "permit", NULL, NULL },
		{ "private", NULL, &o->is_private },
		{ "single-operator", NULL, &o->is_single },
		{ "online-root", NULL, &o->is_online },
		{ "rehearse", NULL, &o->is_rehearsal },
		{ "renew", NULL, &o->is_renewal },
	};
	enum { COUNT = sizeof table / sizeof table[0] };
	struct option list[COUNT + 2] = { { "help", no_argument, NULL, 'h' } };
	int c;

	for (int i = 0; i < COUNT; i++)
		list[i + 1] = (struct option){ table[i].name,
			table[i].flag != NULL ? no_argument : required_argument,
			NULL, 256 + i };
	while ((c = getopt_long(argc, argv, "h", list, NULL)) != -1) {
		if (c == 'h') {
			fputs(ca_usage, stdout);
			exit(EXIT_SUCCESS);
		}
		if (c < 256 || take_option(o, &table[c - 256]) != 0)
			return -1;
	}
	if (optind < argc || o->dir == NULL)
		return command_misused(ca_usage);
	return 0;
}

static int
cmd_verify_bundle(int argc, char **argv)
{
	struct job j;
	int result;

	if (argc != 2 || argv[1][0] == '-') {
		command_misused(ca_usage);
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
	struct ca_options o = { .key_type = "p384" };
	const char *name = argc > 1 ? argv[1] : "-";

	if (strcmp(name, "check-urls") == 0)
		return cmd_ca_check_urls(argc - 1, argv + 1);
	if (strcmp(name, "verify-bundle") == 0)
		return cmd_verify_bundle(argc - 1, argv + 1);
	if (name[0] == '-')
		return parse(argc, argv, &o) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
		if (strcmp(name, acts[i].name) != 0)
			continue;
		if (parse(argc - 1, argv + 1, &o) < 0)
			return EXIT_FAILURE;
		if (o.is_single && o.second != NULL)
			return command_fail(
			    "--single-operator and --second exclude each "
			    "other");
		return run_act(&o, i);
	}
	command_misused(ca_usage);
	return EXIT_FAILURE;
}
