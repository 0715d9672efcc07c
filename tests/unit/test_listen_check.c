/* Addresses that the host does not have, and those that somebody else has. */
#include "config.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "src/listen_check.h"
#include "src/single.h"
#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

static void
note(void *ctx, const char *message)
{
	buf_add_str(ctx, message);
	buf_add_char(ctx, '\n');
}

static unsigned
look_at(const struct conf *conf, const char **said)
{
	struct job *j = unit_job();
	unsigned count;
	struct buf b;

	buf_init(&b, j->arena, 10000);
	j->conf = conf;
	count = listen_check(j, note, &b);
	j->conf = NULL;
	*said = b.p;
	return count;
}

static unsigned
look(const char *database, const char *address, const char **said)
{
	const char *list[] = { address };
	struct conf conf = { .database = database, .web.listen = { list, 1 } };

	return look_at(&conf, said);
}

#define SAYS(said, text) assert_non_null(strstr(said, text))

/* A socket that listens on a port of its own. */
static int
listen_somewhere(char text[32])
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	snprintf(text, 32, "127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
	return fd;
}

static void
test_not_ours(void **state)
{
	const char *said;

	(void)state;
	/* RFC 5737: no host has it. */
	assert_int_equal(look("postgresql:", "192.0.2.77:44300", &said), 1);
	SAYS(said, "web.listen: 192.0.2.77:44300: this host does not have");
	assert_int_equal(look("postgresql:", "unix:/run/x.sock", &said), 0);
	assert_int_equal(look("postgresql:", "systemd", &said), 0);
}

/* Each option that names addresses. */
static void
test_options(void **state)
{
	const char *list[] = { "192.0.2.77:44300" };
	const struct conf_list one = { list, 1 };
	const struct conf conf = { .database = "postgresql:",
		.web = { .listen = one, .status_listen = one },
		.admin.listen = one,
		.validator.lmtp_listen = one };
	const char *said;

	(void)state;
	assert_int_equal(look_at(&conf, &said), 4);
	SAYS(said, "web.status_listen: 192.0.2.77:44300: ");
	SAYS(said, "admin.listen: 192.0.2.77:44300: ");
	SAYS(said, "validator.lmtp_listen: 192.0.2.77:44300: ");
}

/* An IPv4 address in the clothes of an IPv6 one. */
static void
test_mapped(void **state)
{
	const char *said;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	(void)state;
	if (fd < 0)
		UNIT_SKIP("this host has no IPv6");
	close(fd);
	assert_int_equal(
	    look("postgresql:", "[::ffff:127.0.0.1]:44300", &said), 1);
	SAYS(said, ": write an IPv4 address as one");
}

static void
test_taken(void **state)
{
	const char *database =
	    arena_printf(unit_job()->arena, "sqlite:%s", unit_path("x.db"));
	char address[32];
	const char *said;
	int fd = listen_somewhere(address);

	(void)state;
	assert_int_equal(look(database, address, &said), 1);
	SAYS(said, ": another program has it");
	/* countersignd itself may have it. */
	assert_int_equal(single_take(unit_job(), database), 0);
	assert_int_equal(look(database, address, &said), 0);
	single_leave();
	assert_int_equal(look(database, address, &said), 1);
	assert_int_equal(look("postgresql:", address, &said), 0);
	close(fd);
}

static int looking;

static void
has_looked(int number)
{
	(void)number;
	close(looking);
}

/* A command that looks whether a server runs keeps none from starting. */
static void
test_looked_at(void **state)
{
	const char *database =
	    arena_printf(unit_job()->arena, "sqlite:%s", unit_path("y.db"));
	const char *path = unit_path("y.db.lock");
	const struct itimerval soon = { .it_value = { .tv_usec = 120000 } };
	struct sigaction action = { .sa_handler = has_looked };

	(void)state;
	looking = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(looking >= 0);
	assert_int_equal(flock(looking, LOCK_SH), 0);
	sigemptyset(&action.sa_mask);
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(single_take(unit_job(), database), 0);
	single_leave();
}

/* A server that runs does. */
static void
test_two(void **state)
{
	const char *database =
	    arena_printf(unit_job()->arena, "sqlite:%s", unit_path("z.db"));
	const char *path = unit_path("z.db.lock");
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(single_take(unit_job(), database), -1);
	SAYS(unit_job()->err.text, "another countersignd works on this");
	close(fd);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_looked_at),
	cmocka_unit_test(test_two),
	cmocka_unit_test(test_not_ours),
	cmocka_unit_test(test_options),
	cmocka_unit_test(test_mapped),
	cmocka_unit_test(test_taken),
};

UNIT_MAIN(tests)
