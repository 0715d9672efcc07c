/* How many perspectives are asked at a time (MP-9). */
#include "config.h"

#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/count.h"
#include "src/perspective_client.h"
#include "src/perspective_exchange.h"
#include "tests/unit/peer.h"

static const char *const rirs[] = { "ripe", "arin", "apnic", "lacnic" };

#define QUESTIONS 2
#define MANY 10

static int
listener(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 2 * EXCHANGES_MAX), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static bool
is_there(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/* In a process of its own: two questions to ten perspectives. */
static void
ask_many(int port)
{
	static const char *names[] = { "ca.example" };
	static const struct conf_list issuers = { names, 1 };
	struct job *j = unit_job();
	struct peer_tls *tls = peer_tls_new("127.0.0.1");
	struct conf_perspective p[MANY];
	struct conf conf = { .mpic = { .perspectives = p,
				 .perspective_count = MANY } };
	const struct question q = {
		.request = { .id = "AAAAAAAAAAAAAAAAAAAAAA",
		    .ca = issuers,
		    .caa_domain = "example.org",
		    .account_url = "https://acme.example/1",
		    .method = "email-reply-00" },
		.policy = { .issuer_domains = &issuers },
	};
	struct inquiry all[QUESTIONS];
	struct late_answer late;
	struct perspective_client *c;

	for (size_t i = 0; i < MANY; i++) {
		p[i] = (struct conf_perspective){ .name = arena_printf(
						      j->arena, "p%zu", i),
			.rir = rirs[i % COUNT(rirs)],
			.ca_file = peer_tls_ca_file(tls) };
		p[i].url = arena_printf(j->arena,
		    "https://127.0.0.1:%d/countersign/perspective/1", port);
		p[i].certificate = p[i].key = peer_tls_client_file(tls);
	}
	for (size_t i = 0; i < QUESTIONS; i++)
		all[i] = (struct inquiry){ .question = &q, .about = "a test" };
	j->conf = &conf;
	if (perspective_client_new(j, &c) < 0 ||
	    perspective_client_ask(c, j, all, QUESTIONS) < 0)
		_exit(1);
	while (perspective_client_waits(c))
		perspective_client_late(c, j, &late);
	perspective_client_free(c);
	peer_tls_free(tls);
	_exit(0);
}

/* MP-9: different domains in parallel, at most 16 exchanges at a time. */
static void
test_at_one_time(void **state)
{
	int open[QUESTIONS * MANY], port, fd = listener(&port), status;
	size_t n = 0;
	pid_t child;

	(void)state;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGPIPE, SIG_IGN); /* as the programs do */
		ask_many(port);
	}
	while (n < EXCHANGES_MAX) {
		assert_true(is_there(fd, 60000));
		open[n++] = accept(fd, NULL, NULL);
	}
	/* No other while these are open. */
	assert_false(is_there(fd, 200));
	for (size_t i = 0; i < n; i++)
		close(open[i]);
	while (n < COUNT(open)) {
		assert_true(is_there(fd, 60000));
		open[n++] = accept(fd, NULL, NULL);
		close(open[n - 1]);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(fd);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_at_one_time),
};

UNIT_MAIN(tests)
