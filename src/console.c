#include "config.h"

#include "src/console.h"

#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct span
without_line_end(struct span s)
{
	if (s.n > 0 && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

int
console_read_line(struct job *j, int fd, struct span *out)
{
	struct buf b;
	ssize_t n;
	char c = 0;

	buf_init_secret(&b, j->arena, CONSOLE_SECRET_MAX + 2);
	while ((n = read(fd, &c, 1)) == 1 && c != '\n' && buf_ok(&b))
		buf_add_char(&b, c);
	if (n < 0)
		return job_fail(
		    j, ERR_INTERNAL, "descriptor %d: %s", fd, strerror(errno));
	wipe(&c, sizeof(c));
	if (!buf_ok(&b))
		return job_fail(j, ERR_MALFORMED,
		    "the answer is too long: at most %d octets",
		    CONSOLE_SECRET_MAX);
	*out = without_line_end(buf_span(&b));
	return 1;
}

/* --- the terminal --------------------------------------------------------- */

/* Those that would leave a terminal that shows nothing. */
static const int ending[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP };
#define ENDING_COUNT COUNT(ending)

static volatile sig_atomic_t ended;

static void
on_end(int number)
{
	ended = number;
}

struct guard {
	struct sigaction before[ENDING_COUNT];
	sigset_t mask;
};

/* They come in while the answer is waited for, and only then. */
static void
guard_begin(struct guard *g)
{
	struct sigaction action = { .sa_handler = on_end };
	sigset_t set;

	ended = 0;
	sigemptyset(&action.sa_mask);
	sigemptyset(&set);
	for (size_t i = 0; i < ENDING_COUNT; i++)
		sigaddset(&set, ending[i]);
	sigprocmask(SIG_BLOCK, &set, &g->mask);
	for (size_t i = 0; i < ENDING_COUNT; i++)
		sigaction(ending[i], &action, &g->before[i]);
}

/* Whoever ends by it does so now. */
static void
guard_end(const struct guard *g)
{
	for (size_t i = 0; i < ENDING_COUNT; i++)
		sigaction(ending[i], &g->before[i], NULL);
	if (ended != 0)
		(void)raise(ended);
	sigprocmask(SIG_SETMASK, &g->mask, NULL);
}

/* The line is there as a whole, or none of it. */
static int
wait_and_read(struct job *j, const struct guard *g, int fd, struct span *out)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (ended == 0)
		if (ppoll(&p, 1, NULL, &g->mask) > 0)
			return console_read_line(j, fd, out);
	return job_fail(j, ERR_INTERNAL, "stopped at the prompt");
}

static int
ask(struct job *j, int fd, const char *prompt, struct span *out)
{
	struct termios shown, hidden;
	struct guard g;
	int result = -1;

	guard_begin(&g);
	if (tcgetattr(fd, &shown) == 0) {
		hidden = shown;
		hidden.c_lflag &= ~(tcflag_t)ECHO;
		if (tcsetattr(fd, TCSAFLUSH, &hidden) == 0 &&
		    write(fd, prompt, strlen(prompt)) > 0)
			result = wait_and_read(j, &g, fd, out);
		(void)tcsetattr(fd, TCSAFLUSH, &shown);
		(void)!write(fd, "\n", 1);
	}
	guard_end(&g);
	return result < 0 ? job_fail(j, ERR_INTERNAL,
				"the terminal cannot hide a secret")
			  : result;
}

int
console_ask_secret(struct job *j, const char *prompt, struct span *out)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	int result;

	*out = SPAN("");
	if (fd < 0)
		return 0;
	result = ask(j, fd, prompt, out);
	close(fd);
	return result;
}
