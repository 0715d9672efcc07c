/*
 * PK-199: the PIN of a token from an inherited descriptor, and from a person
 * at the terminal; what becomes of it in the supervisor, and in the signer.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "src/conf_pin.h"
#include "src/pins.h"

#define WAIT_MS 180000

static struct conf conf;
static struct conf_former formers[2];

/* The issuing CA's key in a token, and those of two former CAs. */
static struct job *
configured(void)
{
	static const struct conf_issuer token = { .key.module = "/m.so",
		.key.token = "ca",
		.key.label = "issuing",
		.key.id = "0a" };

	conf = (struct conf){
		.issuer = token, .formers = formers, .former_count = 2
	};
	formers[0] = (struct conf_former){ .name = "old", .issuer = token };
	formers[1] = (struct conf_former){ .name = "older", .issuer = token };
	formers[0].issuer.key.pin_file = "/etc/pin";
	formers[1].issuer.key.pin_file = "/etc/pin";
	unit_job()->conf = &conf;
	return unit_job();
}

/* One that holds this, as a shell's <<< makes it. */
static int
descriptor(const char *text, size_t n)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, n), (ssize_t)n);
	close(ends[1]);
	return ends[0];
}

static struct pins *
taken(struct job *j)
{
	struct pins *p = NULL;

	pins_note_descriptors();
	if (pins_take(j, j->arena, &p) < 0)
		fail_msg("%s", j->err.text);
	return p;
}

/* As a signer gets them that is started now. */
static struct pins_given
given(struct job *j, struct pins *p)
{
	struct pins_given g;
	int fd;

	assert_int_equal(pins_give(j, p, PINS_OF_CAS, &fd), 0);
	if (fd >= 0)
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(pins_receive(j, fd, &g), 0);
	return g;
}

static void
test_descriptor(void **state)
{
	struct job *j = configured();
	struct pins_given g;
	struct pins *p;

	(void)state;
	conf.issuer.key.pin_file = "/etc/pin";
	assert_null(taken(j));
	assert_int_equal(given(j, NULL).n, 0);
	conf.issuer.key.pin_file = NULL;
	conf.issuer.key.pin_fd = descriptor("1234\n", 5);
	formers[1].issuer.key.pin_file = NULL;
	formers[1].issuer.key.pin_fd = descriptor("a b", 3);
	p = taken(j);
	assert_non_null(p);
	/* Nobody reads it a second time, or inherits it. */
	assert_int_equal(fcntl((int)conf.issuer.key.pin_fd, F_GETFD), -1);
	/* Each signer gets them, until the token has refused one. */
	for (int i = 0; i < 3; i++) {
		g = given(j, p);
		assert_int_equal(g.n, 2);
		assert_span_equal(pins_find(&g, 0)->octets, "1234");
		assert_false(pins_find(&g, 0)->is_by_hand);
		assert_null(pins_find(&g, 1));
		assert_span_equal(pins_find(&g, 2)->octets, "a b");
	}
	pins_forget(p, PINS_OF_CAS);
	assert_int_equal(given(j, p).n, 0);
	pins_forget(NULL, PINS_OF_CAS);
}

/* Other roles are children, too. */
static void
test_no_child_has_it(void **state)
{
	struct job *j = configured();
	struct pins *p;
	int status;
	pid_t pid;

	(void)state;
	conf.issuer.key.pin_fd = descriptor("1234", 4);
	p = taken(j);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd;

		_exit(
		    pins_give(j, p, PINS_OF_CAS, &fd) == 0 && fd == -1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* PK-177: who has the responder's key has no CA's, and the other way; what one
 * token has refused is not forgotten for another. */
static void
test_apart(void **state)
{
	struct job *j = configured();
	struct pins_given g;
	struct pins *p;
	int fd;

	(void)state;
	conf.issuer.key.pin_fd = descriptor("1234", 4);
	conf.responder.key = conf.issuer.key;
	conf.responder.key.pin_fd = descriptor("5678", 4);
	p = taken(j);
	assert_true(pins_were_taken(p, PINS_OF_CAS));
	assert_true(pins_were_taken(p, PINS_OF_RESPONDER));
	g = given(j, p);
	assert_int_equal(g.n, 1);
	assert_span_equal(pins_find(&g, 0)->octets, "1234");
	assert_null(pins_find(&g, PINS_RESPONDER));
	assert_int_equal(pins_give(j, p, PINS_OF_RESPONDER, &fd), 0);
	assert_int_equal(pins_receive(j, fd, &g), 0);
	assert_int_equal(g.n, 1);
	assert_span_equal(pins_find(&g, PINS_RESPONDER)->octets, "5678");
	assert_null(pins_find(&g, 0));
	pins_forget(p, PINS_OF_RESPONDER);
	assert_true(pins_were_taken(p, PINS_OF_RESPONDER));
	assert_int_equal(pins_give(j, p, PINS_OF_RESPONDER, &fd), 0);
	assert_int_equal(fd, -1);
	g = given(j, p);
	assert_span_equal(pins_find(&g, 0)->octets, "1234");
	conf.responder.key.module = NULL;
}

static void
assert_not_taken(struct job *j, const char *text)
{
	struct pins *p;

	assert_int_equal(pins_take(j, j->arena, &p), -1);
	assert_null(p);
	assert_job_error(j, ERR_INTERNAL, text);
	job_recover(j);
}

static void
test_refused(void **state)
{
	struct job *j = configured();
	char long_pin[PINS_OCTETS_MAX + 1];
	int fd;

	(void)state;
	pins_note_descriptors();
	/* Opened by ourselves is not inherited. */
	fd = descriptor("1234", 4);
	conf.issuer.key.pin_fd = fd;
	assert_not_taken(
	    j, arena_printf(j->arena,
		   "key_pin_fd: descriptor %d is not open: start countersignd "
		   "with it, as in %d<FILE",
		   fd, fd));
	close(fd);
	conf.issuer.key.pin_fd = descriptor("\n", 1);
	pins_note_descriptors();
	assert_not_taken(
	    j, "the PIN of token ca has no octets: 1 to 256 are possible");
	memset(long_pin, '1', sizeof(long_pin));
	conf.issuer.key.pin_fd = descriptor(long_pin, sizeof(long_pin));
	pins_note_descriptors();
	assert_not_taken(j,
	    "the PIN of token ca has too many octets: 1 to 256 are possible");
	conf.issuer.key.pin_fd = descriptor(long_pin, sizeof(long_pin) - 1);
	assert_int_equal(given(j, taken(j)).v[0].octets.n, PINS_OCTETS_MAX);
	/* What is cut anywhere is no list of PINs, nor more of one. */
	for (size_t n = 1; n < 6; n++) {
		struct pins_given g;

		assert_int_equal(
		    pins_receive(j, descriptor("\0\0\0\0\1x", n), &g), -1);
		job_recover(j);
	}
}

/* --- at the terminal ------------------------------------------------------ */

/* What the program has shown, until it ends or waits. */
static void
see(int terminal, struct buf *shown, const char *until)
{
	struct pollfd p = { .fd = terminal, .events = POLLIN };
	char room[256];
	ssize_t n;

	while (strstr(shown->p, until) == NULL) {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = read(terminal, room, sizeof(room));
		if (n <= 0)
			return;
		buf_add(shown, span_mem(room, (size_t)n));
	}
}

/* In a process with a terminal of its own. */
static int
take_typed(struct job *j)
{
	struct pins_given g;
	struct pins *p;

	if (pins_take(j, j->arena, &p) < 0)
		return 2;
	g = given(j, p);
	if (g.n != 1 || !g.v[0].is_by_hand ||
	    !span_eq_str(g.v[0].octets, "12 34"))
		return 3;
	/* Later signers try one that was right. */
	g = given(j, p);
	return g.n == 1 && !g.v[0].is_by_hand ? 0 : 4;
}

static int
type(struct job *j, const char *keys, struct buf *shown, bool *echoes)
{
	struct termios t;
	int terminal, status;
	pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

	assert_true(pid >= 0);
	if (pid == 0) {
		/* A shell that starts us in the background ignores it. */
		(void)signal(SIGINT, SIG_DFL);
		_exit(take_typed(j));
	}
	buf_init(shown, j->arena, 10000);
	buf_add_str(shown, "");
	see(terminal, shown, "PIN of token ca, key issuing: ");
	assert_int_equal(
	    write(terminal, keys, strlen(keys)), (ssize_t)strlen(keys));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*echoes = tcgetattr(terminal, &t) == 0 && (t.c_lflag & ECHO) != 0;
	see(terminal, shown, "never shown");
	close(terminal);
	return status;
}

static void
test_typed(void **state)
{
	struct job *j = configured();
	struct buf shown;
	bool echoes;
	int status;

	(void)state;
	conf.issuer.key.pin_ask = true;
	assert_int_equal(type(j, "12 34\n", &shown, &echoes), 0);
	assert_null(strstr(shown.p, "12"));
	assert_true(echoes);
	/* Ctrl-C ends it, and leaves a terminal that shows what is typed. */
	status = type(j, "12\003", &shown, &echoes);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
	assert_true(echoes);
	/* No answer is none. */
	status = type(j, "\004", &shown, &echoes);
	assert_int_equal(WEXITSTATUS(status), 2);
}

/* What a command is told is in no core of it, and no debugger sees it. */
static void
test_asked(void **state)
{
	struct job *j = configured();
	int terminal, status;
	struct buf shown;
	pid_t pid;

	(void)state;
	conf.issuer.key.pin_ask = true;
	pid = forkpty(&terminal, NULL, NULL, NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		struct span pin;

		_exit(pins_ask(j, &conf.issuer.key, &pin) == 1 &&
			      span_eq_str(pin, "1234") &&
			      prctl(PR_GET_DUMPABLE) == 0
			  ? 0
			  : 1);
	}
	buf_init(&shown, j->arena, 10000);
	buf_add_str(&shown, "");
	see(terminal, &shown, "PIN of token ca, key issuing: ");
	assert_int_equal(write(terminal, "1234\n", 5), 5);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(terminal);
}

static void
test_no_terminal(void **state)
{
	struct job *j = configured();
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct pins *p;
		struct span pin;

		(void)setsid();
		conf.issuer.key.pin_ask = true;
		_exit(pins_take(j, j->arena, &p) == -1 &&
			      strncmp(j->err.text,
				  "key_pin_ask: there is no "
				  "terminal to ask at",
				  43) == 0 &&
			      pins_ask(j, &conf.issuer.key, &pin) == 0
			  ? 0
			  : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* --- the configuration ---------------------------------------------------- */

static void
test_one_way(void **state)
{
	static const struct {
		const char *file;
		int64_t fd, fd_of_former;
		bool ask, no_module;
		const char *problem; /* how it begins; NULL: none */
	} rows[] = {
		{ "/etc/pin", 0, 0, false, false, NULL },
		{ NULL, 3, 4, false, false, NULL },
		{ NULL, 0, 0, true, false, NULL },
		{ NULL, 0, 0, false, true, NULL },
		{ NULL, 0, 0, false, false, "set one of key_pin, " },
		{ "/etc/pin", 3, 0, false, false, "set one of key_pin, " },
		{ NULL, 3, 0, true, false, "set one of key_pin, " },
		{ "/etc/pin", 0, 0, true, false, "set one of key_pin, " },
		{ NULL, 2, 0, false, false, "key_pin_fd must be 3 or higher" },
		{ NULL, 3, 3, false, false, "each key_pin_fd has " },
		{ NULL, 3, 0, false, true, "must be set with key_module" },
		{ NULL, 0, 0, true, true, "must be set with key_module" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *found;

		unit_case("row %zu", i);
		(void)configured();
		conf.issuer.key.pin_file = rows[i].file;
		conf.issuer.key.pin_fd = rows[i].fd;
		conf.issuer.key.pin_ask = rows[i].ask;
		formers[1].issuer.key.pin_fd = rows[i].fd_of_former;
		if (rows[i].no_module)
			conf.issuer.key.module = NULL;
		found = conf_pin_problem(&conf, &conf.issuer.key);
		if (rows[i].problem == NULL)
			assert_null(found);
		else
			assert_memory_equal(
			    found, rows[i].problem, strlen(rows[i].problem));
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_descriptor),
	cmocka_unit_test(test_no_child_has_it),
	cmocka_unit_test(test_apart),
	cmocka_unit_test(test_refused),
	cmocka_unit_test(test_typed),
	cmocka_unit_test(test_asked),
	cmocka_unit_test(test_no_terminal),
	cmocka_unit_test(test_one_way),
};

UNIT_MAIN(tests)
