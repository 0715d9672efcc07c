#include "config.h"

#include "db/store.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/log.h"
#include "mail/smime_signer.h"
#include "src/activation.h"
#include "src/bare_role.h"
#include "src/conf_file.h"
#include "src/database.h"
#include "src/key_files.h"
#include "src/pins.h"
#include "src/place_check.h"
#include "src/privilege.h"
#include "src/published.h"
#include "src/role_admin.h"
#include "src/role_issuer.h"
#include "src/role_linter.h"
#include "src/role_perspective.h"
#include "src/role_responder.h"
#include "src/role_sender.h"
#include "src/role_signer.h"
#include "src/role_upstream.h"
#include "src/role_validator.h"
#include "src/role_web.h"
#include "src/signer_files.h"
#include "src/single.h"
#include "src/supervisor.h"
#include "src/switched_off.h"
#include "src/wording.h"

#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_CONFIG CS_SYSCONFDIR "/countersign/countersign.conf"

struct options {
	const char *config;
	const char *role;
	const char *wake;
	const char *ready;
	const char *sockets;
	const char *intake;
	const char *linters;
	const char *signer;
	const char *ends;
	const char *ended_at;
	const char *live;
	const char *held;
	const char *pins;
	bool check_only;
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'f' },
	{ "check", no_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	/* perspective; others between the supervisor and its roles: */
	{ "role", required_argument, NULL, 'r' },
	{ "wake", required_argument, NULL, 'w' },
	{ "ready", required_argument, NULL, 'y' },
	{ "sockets", required_argument, NULL, 's' },
	{ "intake", required_argument, NULL, 'i' },
	{ "linters", required_argument, NULL, 'l' },
	{ "signer", required_argument, NULL, 'g' },
	{ "ends", required_argument, NULL, 'e' },
	{ "ended-at", required_argument, NULL, 'a' },
	{ "live", required_argument, NULL, 'v' },
	{ "held", required_argument, NULL, 'd' },
	{ "pins", required_argument, NULL, 'p' },
	{ NULL, 0, NULL, 0 },
};

/* Those that are texts. */
static const struct {
	int letter;
	size_t offset;
} text_options[] = {
	{ 'f', offsetof(struct options, config) },
	{ 'r', offsetof(struct options, role) },
	{ 'w', offsetof(struct options, wake) },
	{ 'y', offsetof(struct options, ready) },
	{ 's', offsetof(struct options, sockets) },
	{ 'i', offsetof(struct options, intake) },
	{ 'l', offsetof(struct options, linters) },
	{ 'g', offsetof(struct options, signer) },
	{ 'e', offsetof(struct options, ends) },
	{ 'a', offsetof(struct options, ended_at) },
	{ 'v', offsetof(struct options, live) },
	{ 'd', offsetof(struct options, held) },
	{ 'p', offsetof(struct options, pins) },
};

static const char usage_text[] =
    "usage: countersignd [-n] [-f FILE]\n"
    "       countersignd --role perspective [-n] [-f FILE]\n"
    "\n"
    "The Countersign server: ACME for S/MIME certificates (RFC 8555, 8823).\n"
    "\n"
    "  -f, --config FILE  configuration (default: " DEFAULT_CONFIG ")\n"
    "  -n, --check        check the configuration and end\n"
    "      --role perspective\n"
    "                     answer look-ups for a server elsewhere\n"
    "  -h, --help         this text\n"
    "  -V, --version      the version\n"
    "\n"
    "It runs in the foreground and logs to standard error.  SIGTERM ends it\n"
    "after what is begun is finished; SIGHUP reads the configuration again.\n"
    "See countersignd(8), countersign.conf(5) and countersign(1).\n";

static bool
take_text(int letter, struct options *o)
{
	for (size_t i = 0; i < COUNT(text_options); i++) {
		if (text_options[i].letter != letter)
			continue;
		memcpy((char *)o + text_options[i].offset, &optarg,
		    sizeof(optarg));
		return true;
	}
	return false;
}

static int
parse_options(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){ .config = DEFAULT_CONFIG };
	while (
	    (c = getopt_long(argc, argv, "f:nhV", long_options, NULL)) != -1) {
		switch (c) {
		case 'n':
			o->check_only = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(EXIT_SUCCESS);
		case 'V':
			puts(PACKAGE_STRING);
			exit(EXIT_SUCCESS);
		default:
			if (take_text(c, o))
				break;
			fputs(
			    "countersignd: see countersignd --help\n", stderr);
			return -1;
		}
	}
	if (optind < argc) {
		fprintf(stderr,
		    "countersignd: %s: takes no arguments; see "
		    "countersignd --help\n",
		    argv[optind]);
		return -1;
	}
	return 0;
}

/* One for each role: "3,4,5" */
static int
parse_wake(const char *text, int fds[ROLE_COUNT])
{
	struct span s = span_str(text);
	size_t from = 0;

	for (size_t i = 0; i < ROLE_COUNT; i++) {
		size_t comma = span_find(s, from, ',');
		int64_t n;

		if (span_to_int(span_cut(s, from, comma), 3, 1 << 20, &n) < 0)
			return -1;
		fds[i] = (int)n;
		from = comma + 1;
	}
	return 0;
}

/* NULL: -1. */
static int
parse_fd(const char *text, int *fd)
{
	int64_t n = -1;

	if (text != NULL && span_to_int(span_str(text), 3, 1 << 20, &n) < 0)
		return -1;
	*fd = (int)n;
	return 0;
}

static const struct role_ops *
ops_of(const char *name)
{
	static const struct role_ops *const all[] = { &web_ops, &sender_ops,
		&validator_ops, &issuer_ops, &upstream_ops, &admin_ops };

	for (size_t i = 0; i < COUNT(all); i++)
		if (strcmp(role_name(all[i]->role), name) == 0)
			return all[i];
	return NULL;
}

static bool
is_role(const struct options *o, enum role role)
{
	return o->role != NULL && strcmp(o->role, role_name(role)) == 0;
}

static int
run_role(const struct options *o)
{
	const struct role_ops *ops = ops_of(o->role);
	struct role_start start = { .conf_file = o->config,
		.intake = o->intake };
	struct bare_start bare = { .conf_file = o->config };
	int64_t sockets = 0, ends = 0;
	int ready = -1, pins = -1;
	bool is_linter = is_role(o, ROLE_LINTER);
	bool is_responder = is_role(o, ROLE_RESPONDER);
	bool is_ocsp_signer = is_role(o, ROLE_OCSP_SIGNER);
	bool is_signer = is_ocsp_signer || is_role(o, ROLE_SIGNER);

	if ((ops == NULL && !is_linter && !is_responder && !is_signer) ||
	    (is_linter && o->linters == NULL) ||
	    (is_signer && o->signer == NULL) ||
	    (is_responder && o->live == NULL) ||
	    (o->live != NULL && live_ends_parse(o->live, &start.live) < 0) ||
	    parse_fd(o->linters, &start.linters_fd) < 0 ||
	    parse_fd(o->signer, &start.signer_fd) < 0 || o->wake == NULL ||
	    o->ready == NULL || o->held == NULL ||
	    parse_fd(o->held, &start.held_fd) < 0 ||
	    parse_fd(o->pins, &pins) < 0 ||
	    parse_wake(o->wake, start.wake) < 0 ||
	    parse_fd(o->ready, &ready) < 0 ||
	    (o->ends != NULL &&
		span_to_int(span_str(o->ends), 0, INT32_MAX, &ends) < 0) ||
	    (o->ended_at != NULL && span_to_int(span_str(o->ended_at), 0,
					INT64_MAX, &start.ended_at) < 0) ||
	    (o->sockets != NULL && span_to_int(span_str(o->sockets), 0,
				       ACTIVATION_MAX, &sockets) < 0)) {
		fputs("countersignd: --role: perspective is the only one "
		      "that can be started so\n",
		    stderr);
		return EXIT_FAILURE;
	}
	bare.held_fd = start.held_fd;
	bare.ready_fd = ready;
	if (is_linter)
		return linter_main(&bare, start.linters_fd);
	if (is_signer)
		return signer_main(&bare,
		    is_ocsp_signer ? ROLE_OCSP_SIGNER : ROLE_SIGNER,
		    start.signer_fd, ends, pins);
	if (is_responder)
		return responder_main(
		    &bare, &start.live, start.signer_fd, start.wake);
	activation_adopt((int)sockets);
	start.ready_fd = ready;
	return role_main(ops, &start);
}

static void
bad_place(void *ctx, const char *message)
{
	(void)ctx;
	/* No role comes to what was not there when it started. */
	log_error("place not to be written",
	    "error=\"%s\" next=\"mend it, then start countersignd again\"",
	    message);
}

/* Found now, and not when the first list or answer is made.  Where it is a
 * former CA's, all others' are made. */
static int
check_places(struct job *j)
{
	if (place_check_here(j, bad_place, NULL) == 0)
		return 0;
	return job_fail(j, ERR_INTERNAL,
	    "the roles cannot write, or read, where they must");
}

static int
prepare_as_user(const struct conf *conf)
{
	const char *users[ROLE_COUNT];
	struct store_login owner;
	struct job j;
	int result;

	job_init(&j, NULL, conf);
	result = database_login(&j, DATABASE_OWNER, &owner);
	if (result == 0)
		result = database_users(&j, users);
	if (result == 0)
		result = privilege_drop(&j, conf->user);
	/* As the sender will read them. */
	if (result == 0 && wording_check(conf, conf_report_stderr, NULL) < 0)
		result = job_fail(
		    &j, ERR_INTERNAL, "the texts of the mails have mistakes");
	if (result == 0)
		result = check_places(&j);
	if (result == 0)
		result = store_migrate_as(&j, &owner, users);
	if (result < 0)
		log_error("cannot start", "error=\"%s\"", j.err.text);
	job_done(&j);
	return result;
}

/*
 * The schema is brought up to date once, and the logins of the roles are given
 * what they may do in it, before any role runs, by a process that has the
 * roles' rights: the file must belong to their user.  The same
 * process sees whether they can read what they need later.
 */
static int
prepare(const struct conf *conf)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(prepare_as_user(conf) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS ? 0
									: -1;
}

static int
start(const struct conf *conf, struct span text)
{
	struct arena *keep = arena_new();
	struct pins *pins;
	struct job j;
	int status = EXIT_FAILURE;

	/* Before there are PINs; the terminal may be asked for long. */
	privilege_no_dumps();
	job_init(&j, NULL, conf);
	switched_off_log(conf);
	if (key_files_demand(&j) < 0 || signer_files_demand(&j) < 0 ||
	    single_take(&j, conf->database) < 0 ||
	    pins_take(&j, keep, &pins) < 0)
		log_error("cannot start", "error=\"%s\"", j.err.text);
	else if (published_check(conf) == 0 && prepare(conf) == 0)
		status = supervisor_main(conf, text, pins);
	job_done(&j);
	arena_free(keep);
	return status;
}

/* What can be said of a file that anybody may read. */
static int
check_smime(const struct conf *conf)
{
	struct smime_files files = { .certificate =
					 conf->sender.smime_certificate };
	const struct smime_signer *s;
	struct job j;
	int result = 0;

	job_init(&j, NULL, conf);
	if (files.certificate != NULL)
		result = smime_signer_load(
		    &j, j.arena, &files, conf->sender.from, &s);
	if (result < 0)
		fprintf(stderr, "%s: sender.smime_certificate: %s\n",
		    conf->file, j.err.text);
	job_done(&j);
	return result;
}

static int
check(const struct conf *conf)
{
	bool good = wording_check(conf, conf_report_stderr, NULL) == 0;

	if (check_smime(conf) < 0 || !good)
		return EXIT_FAILURE;
	printf("%s: ok\n", conf->file);
	return EXIT_SUCCESS;
}

/* Whoever starts it may ignore some signals, as nohup does SIGHUP: what is
 * ignored is never read.  SIGINT is left to a shell that starts it in the
 * background.  A log whose reader has gone ends nobody. */
static void
hear_signals(void)
{
	static const int numbers[] = { SIGTERM, SIGHUP, SIGCHLD };
	struct sigaction action = { .sa_handler = SIG_DFL };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < COUNT(numbers); i++)
		sigaction(numbers[i], &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

int
main(int argc, char **argv)
{
	struct arena *keep;
	const struct conf *conf;
	struct span text;
	struct options o;
	int status = EXIT_FAILURE;

	fd_hold_standard();
	hear_signals();
	if (parse_options(argc, argv, &o) < 0)
		return EXIT_FAILURE;
	if (is_role(&o, ROLE_PERSPECTIVE))
		return perspective_main(o.config, o.check_only);
	if (o.role != NULL)
		return run_role(&o);
	/* A PIN that the configuration does not name, say. */
	fd_keep_inherited();
	pins_note_descriptors();
	log_open("supervisor", LOG_LEVEL_INFO);
	activation_take();
	keep = arena_new();
	if (conf_load_once(
		keep, o.config, conf_report_stderr, NULL, &text, &conf) < 0) {
		fputs("countersignd: nothing was started\n", stderr);
	} else if (o.check_only) {
		status = check(conf);
	} else {
		status = start(conf, text);
	}
	arena_free(keep);
	return status;
}
