/*
 * PK-202 and the table of roles in architecture.md: what each role may not do
 * any more once it is confined, tried.  Every attempt is made by a process of
 * its own, for there is no way back.
 */
#include "config.h"

#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "src/calls.h"
#include "src/landlock.h"
#include "src/role_perspective.h"
#include "src/sandbox.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

static const char *folder;
static struct conf conf;
static struct arena *keep;
static const char *command[] = { "/bin/true" };
static const char *lmtp[] = { "127.0.0.1:1" };

static const char *
in_folder(struct job *j, const char *name)
{
	return arena_printf(j->arena, "%s/%s", folder, name);
}

/* --- what is tried: 0 if it works ----------------------------------------- */

static int
tried(int result)
{
	return result < 0 ? errno : 0;
}

static int
make_socket(int family, int type)
{
	return tried(socket(family, type, 0));
}

static int
try_unix(struct job *j)
{
	(void)j;
	return make_socket(AF_UNIX, SOCK_STREAM);
}

static int
try_inet(struct job *j)
{
	(void)j;
	return make_socket(AF_INET, SOCK_STREAM);
}

static int
try_packet(struct job *j)
{
	(void)j;
	return make_socket(AF_PACKET, SOCK_RAW);
}

/* Nobody listens there: what the other side refuses was let out. */
static int
connect_to(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int e = fd < 0 ? errno
		       : tried(connect(fd, (struct sockaddr *)&a, sizeof(a)));

	return e == ECONNREFUSED ? 0 : e;
}

static int
try_elsewhere(struct job *j)
{
	(void)j;
	return connect_to(9);
}

static int
try_listen(struct job *j)
{
	(void)j;
	/* An inherited socket: what a parent had opened. */
	return tried(listen(100, 1));
}

static int
try_exec(struct job *j)
{
	(void)j;
	execl("/bin/true", "true", (char *)NULL);
	return errno;
}

static int
try_passwd(struct job *j)
{
	(void)j;
	return tried(open("/etc/passwd", O_RDONLY));
}

static int
try_home(struct job *j)
{
	return tried(open(in_folder(j, "other/secret"), O_RDONLY));
}

static int
try_database(struct job *j)
{
	return tried(open(in_folder(j, "db/x.db-wal"), O_RDWR | O_CREAT, 0600));
}

static int
try_list(struct job *j)
{
	return tried(open(in_folder(j, "lists/new"), O_RDWR | O_CREAT, 0600)) ||
	       tried(rename(in_folder(j, "lists/new"),
		   in_folder(j, "lists/issuing.crl")));
}

static int
try_write_conf(struct job *j)
{
	return tried(open(in_folder(j, "etc/x.conf"), O_WRONLY));
}

static int
try_read_conf(struct job *j)
{
	return tried(open(in_folder(j, "etc/x.conf"), O_RDONLY));
}

static int
try_tmp(struct job *j)
{
	return tried(open(in_folder(j, "tmp"), O_RDWR | O_CREAT, 0600));
}

static int
try_certificate(struct job *j)
{
	return tried(open(in_folder(j, "tls/cert.pem"), O_RDONLY));
}

static int
try_code(struct job *j)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)j;
	return p == MAP_FAILED ? errno : 0;
}

static int
try_fork(struct job *j)
{
	pid_t pid = fork();

	(void)j;
	if (pid == 0)
		_exit(0);
	return tried(pid);
}

static int
try_parent(struct job *j)
{
	(void)j;
	return tried(kill(getppid(), 0));
}

static int
try_ptrace(struct job *j)
{
	(void)j;
	return tried((int)ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
try_keys(struct job *j)
{
	(void)j;
	return tried((int)syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

/* --- the table ------------------------------------------------------------ */

enum expected {
	WORKS,
	REFUSED,
	KILLED,
};

/* Who is confined: roles, and those whose configuration asks for more. */
enum who {
	ISSUER,
	WEB,
	SENDER,
	VALIDATOR,
	WITH_LMTP,
	WITH_COMMAND,
	ISSUER_POSTGRESQL,
	UPSTREAM_ACME,
	UPSTREAM_HOOK,
	PERSPECTIVE,
	LOOKUPS,
	ISSUER_TOKEN,
	SIGNER,
	SIGNER_ANY,
	SIGNER_CLOSED,
	OCSP_SIGNER,
	ADMIN,
	WHO_COUNT
};

static const char *const names[] = { "issuer", "web", "sender", "validator",
	"validator (LMTP)", "sender (token command)", "issuer (PostgreSQL)",
	"upstream (ACME)", "upstream (hook)", "perspective",
	"perspective (look-ups)", "issuer (token)", "signer",
	"signer (any network)", "signer (no network, files)", "ocsp-signer",
	"admin" };

static const struct attempt {
	const char *what;
	int (*try)(struct job *j);
	enum expected expected[WHO_COUNT];
} attempts[] = {
#define W WORKS
#define R REFUSED
#define K KILLED
	/* issuer, web, sender, validator, LMTP, command, PostgreSQL,
	 * upstream by ACME, by a hook, perspective, its look-ups, issuer with
	 * a token, signer, with any network, with none and files, the one of
	 * the responder's key (PK-177), admin */
	{ "a Unix socket", try_unix,
	    { R, R, W, W, W, W, W, W, W, R, W, R, W, W, R, W, R } },
	{ "a TCP socket", try_inet,
	    { R, R, W, W, W, W, W, W, W, R, W, R, R, W, R, R, R } },
	{ "a connection", try_elsewhere,
	    { R, R, W, W, W, W, W, W, W, R, W, R, R, W, R, R, R } },
	{ "a raw socket", try_packet,
	    { R, R, R, R, R, R, R, R, R, R, R, R, R, R, R, R, R } },
	{ "listening", try_listen,
	    { R, W, W, R, W, W, R, R, R, W, R, R, R, R, R, R, W } },
	{ "a program", try_exec,
	    { R, R, R, R, R, W, R, R, W, R, R, R, R, R, R, R, R } },
	{ "/etc/passwd", try_passwd,
	    { R, W, W, W, W, W, W, W, W, W, W, R, W, W, R, R, W } },
	{ "another folder", try_home,
	    { R, R, R, R, R, W, R, R, W, R, R, R, W, W, R, R, R } },
	{ "the database", try_database,
	    { W, W, W, W, W, W, R, W, W, R, R, W, W, W, R, R, W } },
	{ "the list", try_list,
	    { W, R, R, R, R, W, W, R, W, R, R, W, W, W, R, R, R } },
	{ "reading the configuration", try_read_conf,
	    { R, R, R, R, R, W, R, R, W, R, R, R, W, W, R, R, R } },
	{ "writing the configuration", try_write_conf,
	    { R, R, R, R, R, W, R, R, W, R, R, R, W, W, R, R, R } },
	{ "a file elsewhere", try_tmp,
	    { R, R, R, R, R, W, R, R, W, R, R, R, W, W, R, R, R } },
	{ "the web's certificate", try_certificate,
	    { R, W, R, R, R, W, R, R, W, W, R, R, W, W, W, W, W } },
	{ "new code", try_code,
	    { R, W, W, W, W, W, R, W, W, W, W, R, W, W, W, W, W } },
	{ "another process", try_fork,
	    { R, W, W, W, W, W, R, W, W, W, W, R, W, W, W, W, W } },
	{ "debugging", try_ptrace,
	    { K, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K } },
	{ "the kernel's keys", try_keys,
	    { K, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K, K } },
#undef W
#undef R
#undef K
};

static enum role
configure(enum who who)
{
	static const enum role roles[] = { ROLE_ISSUER, ROLE_WEB, ROLE_SENDER,
		ROLE_VALIDATOR, ROLE_VALIDATOR, ROLE_SENDER, ROLE_ISSUER,
		ROLE_UPSTREAM, ROLE_UPSTREAM, ROLE_PERSPECTIVE,
		ROLE_PERSPECTIVE, ROLE_ISSUER, ROLE_SIGNER, ROLE_SIGNER,
		ROLE_SIGNER, ROLE_OCSP_SIGNER, ROLE_ADMIN };
	static const char *files[1];

	conf.sender.relay_token_command =
	    (struct conf_list){ command, who == WITH_COMMAND };
	conf.validator.lmtp_listen =
	    (struct conf_list){ lmtp, who == WITH_LMTP };
	conf.external.kind =
	    who == UPSTREAM_HOOK ? CONF_EXTERNAL_HOOK : CONF_EXTERNAL_ACME;
	conf.issuer.key.module =
	    who >= ISSUER_TOKEN && who != ADMIN ? "/usr/lib/module.so" : NULL;
	/* The PIN is the signer's alone. */
	conf.issuer.key.pin_file =
	    who == ISSUER_TOKEN ? arena_printf(keep, "%s/other/secret", folder)
				: NULL;
	conf.signer.network = who == SIGNER_ANY      ? CONF_NETWORK_ANY
			      : who == SIGNER_CLOSED ? CONF_NETWORK_NONE
						     : CONF_NETWORK_LOCAL;
	files[0] = arena_printf(keep, "%s/tls", folder);
	conf.signer.files = (struct conf_list){ files, who == SIGNER_CLOSED };
	conf.responder.key.module = "/usr/lib/module.so";
	conf.responder.reach.network = CONF_NETWORK_LOCAL;
	conf.responder.reach.files = (struct conf_list){ files, 1 };
	conf.database = who == ISSUER_POSTGRESQL
			    ? "postgresql:"
			    : arena_printf(keep, "sqlite:%s/db/x.db", folder);
	return roles[who];
}

/* In the child: the exit status is what came of it. */
static void
attempt(enum role role, const char *intake, int (*try)(struct job *j))
{
	struct job *j = unit_job();
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	dup2(listener, 100);
	j->conf = &conf;
	if (sandbox_enter(j, role, intake) < 0) {
		fprintf(stderr, "%s\n", j->err.text);
		_exit(9);
	}
	_exit(try(j) == 0 ? WORKS : REFUSED);
}

static enum expected
outcome(enum role role, const char *intake, const struct attempt *a)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		attempt(role, intake, a->try);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGSYS);
		return KILLED;
	}
	assert_true(WEXITSTATUS(status) != 9);
	return WEXITSTATUS(status) == 0 ? WORKS : REFUSED;
}

static bool
is_unable(int version)
{
	/* The sanitizers need more than the product does. */
	return UNIT_IS_SANITIZED || !calls_supported() ||
	       landlock_version() < version;
}

static const char *
intake_of(enum who who)
{
	if (who == WITH_LMTP)
		return "lmtp";
	return who == LOOKUPS ? PERSPECTIVE_LOOKUPS : NULL;
}

/* PK-202 */
static void
test_roles(void **state)
{
	(void)state;
	if (is_unable(2))
		UNIT_SKIP("needs seccomp, Landlock 2 and no sanitizers");
	for (enum who who = 0; who < WHO_COUNT; who++) {
		enum role role = configure(who);

		for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]);
		     i++) {
			unit_case("%s: %s", names[who], attempts[i].what);
			assert_int_equal(
			    outcome(role, intake_of(who), &attempts[i]),
			    attempts[i].expected[who]);
		}
	}
}

/* --- signals -------------------------------------------------------------- */

static int
try_tgkill(struct job *j)
{
	(void)j;
	return tried((int)syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int
try_tkill(struct job *j)
{
	(void)j;
	return tried((int)syscall(SYS_tkill, getppid(), 0));
}

static int
try_pidfd(struct job *j)
{
	(void)j;
	return tried((int)syscall(SYS_pidfd_open, getppid(), 0));
}

static int
try_owner(struct job *j)
{
	(void)j;
	return tried(fcntl(100, F_SETOWN, getppid()));
}

/* The kernel looks at half of it. */
static int
try_owner_long(struct job *j)
{
	(void)j;
	return tried(
	    (int)syscall(SYS_fcntl, 100, (long)F_SETOWN | 1L << 32, getppid()));
}

static int
try_owner_ioctl(struct job *j)
{
	int pid = getppid();

	(void)j;
	return tried(ioctl(100, FIOSETOWN, &pid));
}

static int
try_limit(struct job *j)
{
	struct rlimit limit;

	(void)j;
	return tried(prlimit(getppid(), RLIMIT_CPU, NULL, &limit));
}

/* As it is now: that of the same user's processes may be set. */
static int
try_priority(struct job *j)
{
	(void)j;
	return tried(setpriority(PRIO_PROCESS, (id_t)getppid(),
	    getpriority(PRIO_PROCESS, (id_t)getppid())));
}

static int
try_affinity(struct job *j)
{
	cpu_set_t set;

	(void)j;
	return tried(sched_getaffinity(getppid(), sizeof(set), &set)) ||
	       tried(sched_setaffinity(getppid(), sizeof(set), &set));
}

static int
try_policy(struct job *j)
{
	struct sched_param p;

	(void)j;
	return tried(sched_getparam(getppid(), &p)) ||
	       tried(sched_setscheduler(
		   getppid(), sched_getscheduler(getppid()), &p));
}

static int
try_own(struct job *j)
{
	struct rlimit limit;

	(void)j;
	return tried((int)syscall(
		   SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), 0)) ||
	       tried(getrlimit(RLIMIT_CPU, &limit)) ||
	       tried(fcntl(100, F_SETFL, O_NONBLOCK)) ||
	       tried(fcntl(100, F_SETFD, FD_CLOEXEC));
}

/* With the filter alone: newer Landlocks refuse some of them as well. */
static enum expected
filtered(const struct calls *calls, const struct attempt *a)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct job *j = unit_job();

		if (dup2(socket(AF_INET, SOCK_STREAM, 0), 100) < 0 ||
		    calls_limit(j, calls) < 0)
			_exit(9);
		_exit(a->try(j) == 0 ? WORKS : REFUSED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) != 9);
	return WEXITSTATUS(status) == 0 ? WORKS : REFUSED;
}

/* PK-202, PK-204: none ends another, whose counts would begin anew, or keeps it
 * from its work.  Those that start programs end them; the signer's module is
 * its maker's. */
static void
test_no_signals(void **state)
{
	static const enum who confined[] = { ISSUER, WEB, SENDER, VALIDATOR,
		WITH_LMTP, ISSUER_POSTGRESQL, UPSTREAM_ACME, PERSPECTIVE,
		LOOKUPS, ISSUER_TOKEN };
	static const struct attempt ways[] = {
		{ .what = "kill", .try = try_parent },
		{ .what = "tgkill", .try = try_tgkill },
		{ .what = "tkill", .try = try_tkill },
		{ .what = "pidfd_open", .try = try_pidfd },
		{ .what = "F_SETOWN", .try = try_owner },
		{ .what = "F_SETOWN, 64 bits", .try = try_owner_long },
		{ .what = "FIOSETOWN", .try = try_owner_ioctl },
		{ .what = "prlimit", .try = try_limit },
		{ .what = "setpriority", .try = try_priority },
		{ .what = "sched_setaffinity", .try = try_affinity },
		{ .what = "sched_setscheduler", .try = try_policy },
	};
	static const struct attempt own = { .what = "own", .try = try_own };
	static const struct calls lists[] = { { .short_list = true },
		{ .sockets = true }, { .signals = true } };
	(void)state;

	if (is_unable(2))
		UNIT_SKIP("needs seccomp, Landlock 2 and no sanitizers");
	for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
		unit_case("list %zu: own", k);
		assert_int_equal(filtered(&lists[k], &own), WORKS);
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
			unit_case("list %zu: %s", k, ways[i].what);
			assert_int_equal(filtered(&lists[k], &ways[i]),
			    lists[k].signals ? WORKS : REFUSED);
		}
	}
	for (size_t k = 0; k < sizeof(confined) / sizeof(confined[0]); k++) {
		enum role role = configure(confined[k]);
		const char *intake = intake_of(confined[k]);

		unit_case("%s: own", names[confined[k]]);
		assert_int_equal(outcome(role, intake, &own), WORKS);
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
			unit_case("%s: %s", names[confined[k]], ways[i].what);
			assert_int_equal(
			    outcome(role, intake, &ways[i]), REFUSED);
		}
	}
}

/* What is said beforehand is what happens. */
static void
test_foretold(void **state)
{
	static const struct {
		const char *name;
		int (*try)(struct job *j);
	} files[] = { { "other/secret", try_home },
		{ "etc/x.conf", try_read_conf },
		{ "tls/cert.pem", try_certificate } };

	(void)state;
	if (is_unable(2))
		UNIT_SKIP("needs seccomp, Landlock 2 and no sanitizers");
	for (enum who who = 0; who < WHO_COUNT; who++) {
		enum role role = configure(who);

		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			const struct attempt a = { files[i].name, files[i].try,
				{ 0 } };
			enum expected e =
			    outcome(role, who == WITH_LMTP ? "lmtp" : NULL, &a);

			unit_case("%s: %s", names[who], files[i].name);
			assert_int_equal(
			    sandbox_lets_read(&conf, role,
				in_folder(unit_job(), files[i].name)),
			    e == WORKS);
		}
		assert_false(sandbox_lets_read(&conf, role,
				 in_folder(unit_job(), "other/nothing")) &&
			     who != WITH_COMMAND && who != UPSTREAM_HOOK &&
			     who != SIGNER && who != SIGNER_ANY);
	}
}

static void
test_signals(void **state)
{
	static const struct attempt parent = { "kill", try_parent, { 0 } };

	(void)state;
	if (is_unable(6))
		UNIT_SKIP("needs seccomp, Landlock 6 and no sanitizers");
	for (enum who who = ISSUER; who <= WITH_LMTP; who++)
		assert_int_equal(
		    outcome(configure(who), NULL, &parent), REFUSED);
	assert_int_equal(
	    outcome(configure(UPSTREAM_ACME), NULL, &parent), REFUSED);
}

static void
test_off(void **state)
{
	enum role role = configure(ISSUER);

	(void)state;
	conf.isolation = CONF_ISOLATION_OFF;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		if (attempts[i].try == try_home || attempts[i].try == try_exec)
			assert_int_equal(
			    outcome(role, NULL, &attempts[i]), WORKS);
	conf.isolation = CONF_ISOLATION_USE;
}

/* --- set-up --------------------------------------------------------------- */

static void
make_file(const char *name)
{
	int fd = open(arena_printf(keep, "%s/%s", folder, name),
	    O_WRONLY | O_CREAT, 0600);

	if (fd < 0)
		abort();
	close(fd);
}

static void
set_up(void)
{
	static const char *const folders[] = { "db", "lists", "etc", "other",
		"tls" };

	keep = arena_new();
	folder = unit_folder_new();
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (mkdir(arena_printf(keep, "%s/%s", folder, folders[i]),
			0700) != 0)
			abort();
	make_file("etc/x.conf");
	make_file("other/secret");
	make_file("tls/cert.pem");
	conf =
	    (struct conf){ .file = arena_printf(keep, "%s/etc/x.conf", folder),
		    .issuer.crl_file =
			arena_printf(keep, "%s/lists/issuing.crl", folder),
		    .web.tls_certificate =
			arena_printf(keep, "%s/tls/cert.pem", folder),
		    .admin.tls_certificate =
			arena_printf(keep, "%s/tls/cert.pem", folder),
		    .agent.tls_certificate =
			arena_printf(keep, "%s/tls/cert.pem", folder),
		    .sender.relay_port = 25 };
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_roles),
	cmocka_unit_test(test_no_signals),
	cmocka_unit_test(test_foretold),
	cmocka_unit_test(test_signals),
	cmocka_unit_test(test_off),
};

int
main(void)
{
	int result;

	set_up();
	result = unit_run(tests, sizeof(tests) / sizeof(tests[0]));
	arena_free(keep);
	return result;
}
