/*
 * A linting service on the loopback (PK-140), asked as the issuer asks: a
 * server of the test's own with the API of pkimetal, good and bad.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/conf.h"
#include "lib/count.h"
#include "src/calls.h"
#include "src/lint_url.h"
#include "src/linters.h"
#include "src/role_linter.h"
#include "tests/unit/linter_lab.h"

#define LISTED                                                                 \
	"[{\"Name\":\"zlint\",\"Instances\":1,\"Version\":\"v3.7.3\","         \
	"\"Url\":\"u\"}]\n"
#define HEAD                                                                   \
	"{\"Linter\":\"pkimetal\",\"Finding\":\"Profile: "                     \
	"sbr_leaf_smime_mv_strict; Version: v1.20.0\",\"Severity\":\"meta\"}"
#define DONE                                                                   \
	"{\"Linter\":\"zlint\",\"Finding\":\"Queued: 1ms; Runtime: 2ms; "      \
	"Version: v3.7.3\",\"Severity\":\"meta\"}"
#define REQUEST_MAX 65536

/* --- the server ---------------------------------------------------------- */

enum mode {
	PASS,
	FINDS,
	SILENT,
	HUGE_ANSWER,
	NOT_WHOLE,
	STATUS,
	REDIRECTS,
	HTML,
	CLOSES, /* after the first answer */
	NO_HTTP
};

static void
say(int fd, int status, const char *type, const char *more, const char *body)
{
	dprintf(fd,
	    "HTTP/1.1 %d Words\r\nContent-Type: %s\r\n%sContent-Length: "
	    "%zu\r\n\r\n%s",
	    status, type, more, strlen(body), body);
}

/* A whole request, NUL-terminated: false at the end. */
static bool
take(int fd, char *room)
{
	size_t n = 0, whole = REQUEST_MAX;
	char *end;

	do {
		ssize_t got = read(fd, room + n, REQUEST_MAX - 1 - n);

		if (got <= 0)
			return false;
		n += (size_t)got;
		room[n] = '\0';
		end = strstr(room, "\r\n\r\n");
		if (end != NULL && whole == REQUEST_MAX) {
			const char *length = strstr(room, "Content-Length: ");

			whole =
			    (size_t)(end - room) + 4 +
			    (length == NULL ? 0
					    : strtoul(length + 16, NULL, 10));
		}
	} while (n < whole);
	return true;
}

static void
answer_post(int fd, enum mode mode, const char *request)
{
	static char huge[100000];

	if (strncmp(request, "POST /x/lintcert HTTP/1.1\r\n", 27) != 0 ||
	    strstr(request, "Content-Type: "
			    "application/x-www-form-urlencoded\r\n") == NULL ||
	    strstr(request, "\r\n\r\nformat=json&severity=meta&profile="
			    "sbr_leaf_smime_mv_strict&b64input="
			    "%2D%2D%2D%2D%2DBEGIN") == NULL) {
		say(fd, 400, "text/plain", "", "not what was agreed");
		return;
	}
	memset(huge, ' ', sizeof(huge) - 1);
	if (mode == SILENT)
		(void)pause();
	else if (mode == FINDS)
		say(fd, 200, "application/json; charset=UTF-8", "",
		    "[" HEAD ",{\"Linter\":\"zlint\",\"Finding\":\"x\","
		    "\"Code\":\"w_a\",\"Severity\":\"warning\"}," DONE "]");
	else if (mode == NOT_WHOLE)
		say(fd, 200, "application/json", "", "[" HEAD "]");
	else if (mode == STATUS)
		say(fd, 503, "application/json", "", "[" HEAD "," DONE "]");
	else if (mode == REDIRECTS)
		say(fd, 302, "application/json",
		    "Location: http://127.0.0.1:1/\r\n", "");
	else if (mode == HTML)
		say(fd, 200, "text/html", "", "[" HEAD "," DONE "]");
	else if (mode == HUGE_ANSWER)
		say(fd, 200, "application/json", "", huge);
	else
		say(fd, 200, "application/json", "", "[" HEAD "," DONE "]");
}

static void
serve_one(int fd, enum mode mode)
{
	char *room = malloc(REQUEST_MAX);

	while (room != NULL && take(fd, room)) {
		if (mode == NO_HTTP)
			dprintf(fd, "what?\r\n\r\n");
		else if (strncmp(room, "GET /x/linters HTTP/1.1\r\n", 25) == 0)
			say(fd, 200, "application/json", "", LISTED);
		else
			answer_post(fd, mode, room);
		if (mode == CLOSES || mode == NO_HTTP)
			break;
	}
	free(room);
	close(fd);
}

struct server {
	pid_t pid;
	char url[64];
};

static void
start(struct server *s, enum mode mode)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, n), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d/x/",
	    ntohs(in.sin_port));
	s->pid = fork();
	if (s->pid == 0) {
		for (;;) {
			int one = accept(fd, NULL, NULL);

			if (one >= 0)
				serve_one(one, mode);
		}
	}
	assert_true(s->pid > 0);
	close(fd);
}

static void
stop(const struct server *s)
{
	kill(s->pid, SIGKILL);
	assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

/* --- asking -------------------------------------------------------------- */

static void
add(struct job *j, struct conf *conf, const char *url, int64_t secs)
{
	linter_lab_add(j, conf, "service", "exit 1", secs);
	conf->linters[conf->linter_count - 1].exec.n = 0;
	conf->linters[conf->linter_count - 1].version.n = 0;
	conf->linters[conf->linter_count - 1].url = url;
}

static size_t
ask(struct job *j, const struct conf *conf, struct lint_answer a[LINTERS_MAX])
{
	struct linters_question q = {
		.object = LINT_STRICT, .der = linter_lab_der(), .is_ours = true
	};
	size_t count;
	pid_t pid;

	j->conf = conf;
	assert_int_equal(linter_start(j, &pid, &q.fd), 0);
	count = linters_ask(j, &q, a);
	linter_stop(pid, q.fd);
	return count;
}

/* PK-140: version, findings and all that it said. */
static void
test_verdicts(void **state)
{
	struct job *j = unit_job();
	struct lint_answer a[LINTERS_MAX];

	(void)state;
	for (enum mode mode = PASS; mode <= FINDS; mode++) {
		struct conf conf = { .isolation = CONF_ISOLATION_USE };
		struct server s;

		start(&s, mode);
		add(j, &conf, s.url, 60);
		assert_int_equal(ask(j, &conf, a), 1);
		stop(&s);
		if (a[0].has_failed)
			fail_msg("%.*s", (int)a[0].detail.n, a[0].detail.p);
		assert_span_equal(a[0].version, "v1.20.0");
		assert_true(span_starts(a[0].output, SPAN("[" HEAD)));
		assert_int_equal(a[0].findings.n, mode == FINDS);
		if (mode == FINDS)
			assert_span_equal(a[0].findings.v[0].lint, "zlint:w_a");
	}
}

/* PK-136, PK-140: whatever else it does is no verdict; it gets one connection
 * and no other. */
static void
test_failures(void **state)
{
	static const struct {
		enum mode mode;
		int64_t secs;
		const char *why;
	} cases[] = {
		{ SILENT, 1, "no answer" },
		{ HUGE_ANSWER, 60, "larger" },
		{ NOT_WHOLE, 60, "none of its linters" },
		{ STATUS, 60, "status 503" },
		{ REDIRECTS, 60, "status 302" },
		{ HTML, 60, "text/html" },
		{ CLOSES, 60, "no answer" },
		{ NO_HTTP, 60, "/x/linters" },
	};
	struct job *j = unit_job();
	struct lint_answer a[LINTERS_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		/* Another connection is refused by the filter. */
		if (cases[i].mode == CLOSES && !calls_supported())
			continue;
		struct conf conf = { .isolation = CONF_ISOLATION_USE };
		struct server s;
		const char *detail;

		start(&s, cases[i].mode);
		add(j, &conf, s.url, cases[i].secs);
		assert_int_equal(ask(j, &conf, a), 1);
		stop(&s);
		detail = span_dup(j->arena, a[0].detail);
		if (!a[0].has_failed || strstr(detail, cases[i].why) == NULL)
			fail_msg("%zu: %s", i, detail);
		assert_int_equal(a[0].output.n, 0);
	}
}

/* PK-140: nobody is there. */
static void
test_nobody(void **state)
{
	struct conf conf = { .isolation = CONF_ISOLATION_USE };
	struct job *j = unit_job();
	struct lint_answer a[LINTERS_MAX];
	struct server s;

	(void)state;
	start(&s, PASS);
	stop(&s);
	add(j, &conf, s.url, 60);
	assert_int_equal(ask(j, &conf, a), 1);
	assert_true(a[0].has_failed);
	assert_non_null(strstr(span_dup(j->arena, a[0].detail), "no answer"));
}

/* PK-140: a program has no network where its parent has one for a service. */
static void
test_confined(void **state)
{
	struct conf conf = { .isolation = CONF_ISOLATION_USE };
	struct job *j = unit_job();
	struct lint_answer a[LINTERS_MAX];
	struct server s;

	(void)state;
	if (!calls_supported())
		UNIT_SKIP("this kernel has no seccomp");
	start(&s, PASS);
	add(j, &conf, s.url, 60);
	linter_lab_add_network(j, &conf);
	assert_int_equal(ask(j, &conf, a), 2);
	stop(&s);
	for (size_t i = 0; i < 2; i++)
		if (a[i].has_failed)
			fail_msg(
			    "%zu: %.*s", i, (int)a[i].detail.n, a[i].detail.p);
}

/* PK-140: addresses of this machine alone. */
static void
test_urls(void **state)
{
	static const char *const good[] = { "http://127.0.0.1",
		"http://127.0.0.1:8080", "http://127.9.9.9:1/",
		"http://[::1]:8080/a/b", "http://[::1]" };
	static const char *const bad[] = { "", "http://", "https://127.0.0.1",
		"http://localhost", "http://localhost:8080",
		"http://128.0.0.1:80", "http://10.0.0.1", "http://0.0.0.0",
		"http://[::]:80", "http://[::ffff:127.0.0.1]:80", "http://::1",
		"http://[::1", "http://[::1]x", "http://127.0.0.1:0",
		"http://127.0.0.1:65536",
		"http://127.0.0.1:", "http://127.0.0.1:80x", "http://127.1",
		"http://2130706433", "http://127.0.0.1@example.com",
		"http://a@127.0.0.1", "http://127.0.0.1.example.com",
		"http://127.0.0.1/?a", "http://127.0.0.1/#a",
		"http://127.0.0.1/ a", "http://127.0.0.1/%0a",
		"http://127.0.0.1\\example.com" };
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (lint_url_base(j->arena, good[i]) == NULL)
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (lint_url_base(j->arena, bad[i]) != NULL)
			fail_msg("%s", bad[i]);
	assert_string_equal(lint_url_base(j->arena, "http://[::1]:8080/a/"),
	    "http://[::1]:8080/a");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_verdicts),
	cmocka_unit_test(test_failures),
	cmocka_unit_test(test_nobody),
	cmocka_unit_test(test_confined),
	cmocka_unit_test(test_urls),
};

UNIT_MAIN(tests)
