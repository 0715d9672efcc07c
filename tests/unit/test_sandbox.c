/*
 * PK-202 and the table of roles in architecture.md: what each role may not do
 * any more once it is confined, tried.  Every attempt is made by a process of
 * its own, for there is no way back.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "src/landlock.h"
#include "src/sandbox.h"
#include "tests/unit/sandbox_lab.h"
#include "tests/unit/unit.h"

/* --- what is tried: 0 if it works ----------------------------------------- */

static int
make_socket(int family, int type)
{
	return sandbox_lab_tried(socket(family, type, 0));
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
		       : sandbox_lab_tried(
			     connect(fd, (struct sockaddr *)&a, sizeof(a)));

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
	return sandbox_lab_tried(listen(100, 1));
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
	return sandbox_lab_tried(open("/etc/passwd", O_RDONLY));
}

static int
try_home(struct job *j)
{
	return sandbox_lab_tried(
	    open(sandbox_lab_path(j, "other/secret"), O_RDONLY));
}

static int
try_database(struct job *j)
{
	return sandbox_lab_tried(
	    open(sandbox_lab_path(j, "db/x.db-wal"), O_RDWR | O_CREAT, 0600));
}

static int
try_list(struct job *j)
{
	return sandbox_lab_tried(open(
		   sandbox_lab_path(j, "lists/new"), O_RDWR | O_CREAT, 0600)) ||
	       sandbox_lab_tried(rename(sandbox_lab_path(j, "lists/new"),
		   sandbox_lab_path(j, "lists/issuing.crl")));
}

static int
try_write_conf(struct job *j)
{
	return sandbox_lab_tried(
	    open(sandbox_lab_path(j, "etc/x.conf"), O_WRONLY));
}

static int
try_read_conf(struct job *j)
{
	return sandbox_lab_tried(
	    open(sandbox_lab_path(j, "etc/x.conf"), O_RDONLY));
}

static int
try_tmp(struct job *j)
{
	return sandbox_lab_tried(
	    open(sandbox_lab_path(j, "tmp"), O_RDWR | O_CREAT, 0600));
}

static int
try_certificate(struct job *j)
{
	return sandbox_lab_tried(
	    open(sandbox_lab_path(j, "tls/cert.pem"), O_RDONLY));
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
	return sandbox_lab_tried(pid);
}

static int
try_ptrace(struct job *j)
{
	(void)j;
	return sandbox_lab_tried((int)ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int
try_keys(struct job *j)
{
	(void)j;
	return sandbox_lab_tried((int)syscall(SYS_keyctl, 0, 0, 0, 0, 0));
}

/* --- the table ------------------------------------------------------------ */

static const struct sandbox_lab_attempt attempts[] = {
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

/* PK-202 */
static void
test_roles(void **state)
{
	(void)state;
	if (sandbox_lab_is_unable(2))
		UNIT_SKIP("needs seccomp, Landlock 2 and no sanitizers");
	for (enum sandbox_lab_who who = 0; who < WHO_COUNT; who++) {
		enum role role = sandbox_lab_configure(who);

		for (size_t i = 0; i < COUNT(attempts); i++) {
			unit_case(
			    "%s: %s", sandbox_lab_names[who], attempts[i].what);
			assert_int_equal(
			    sandbox_lab_try(
				role, sandbox_lab_intake(who), &attempts[i]),
			    attempts[i].expected[who]);
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
	if (sandbox_lab_is_unable(2))
		UNIT_SKIP("needs seccomp, Landlock 2 and no sanitizers");
	for (enum sandbox_lab_who who = 0; who < WHO_COUNT; who++) {
		enum role role = sandbox_lab_configure(who);

		for (size_t i = 0; i < COUNT(files); i++) {
			const struct sandbox_lab_attempt a = { files[i].name,
				files[i].try, { 0 } };
			enum sandbox_lab_outcome e = sandbox_lab_try(
			    role, who == WITH_LMTP ? "lmtp" : NULL, &a);

			unit_case(
			    "%s: %s", sandbox_lab_names[who], files[i].name);
			assert_int_equal(
			    sandbox_lets_read(&sandbox_lab_conf, role,
				sandbox_lab_path(unit_job(), files[i].name)),
			    e == WORKS);
		}
		assert_false(
		    sandbox_lets_read(&sandbox_lab_conf, role,
			sandbox_lab_path(unit_job(), "other/nothing")) &&
		    who != WITH_COMMAND && who != UPSTREAM_HOOK &&
		    who != SIGNER && who != SIGNER_ANY);
	}
}

static void
test_off(void **state)
{
	enum role role = sandbox_lab_configure(ISSUER);

	(void)state;
	sandbox_lab_conf.isolation = CONF_ISOLATION_OFF;
	for (size_t i = 0; i < COUNT(attempts); i++)
		if (attempts[i].try == try_home || attempts[i].try == try_exec)
			assert_int_equal(
			    sandbox_lab_try(role, NULL, &attempts[i]), WORKS);
	sandbox_lab_conf.isolation = CONF_ISOLATION_USE;
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_roles),
	cmocka_unit_test(test_foretold),
	cmocka_unit_test(test_off),
};

int
main(void)
{
	return sandbox_lab_run(tests, COUNT(tests));
}
