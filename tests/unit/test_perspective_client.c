/*
 * The client against perspectives that run: over TLS with certificates on both
 * sides, each of them well, ill, or somebody else (MP-1, PK-51, PK-52).
 */
#include "config.h"

#include "src/perspective_client.h"

#include "tests/unit/unit.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "src/perspective_exchange.h"
#include "tests/unit/peer.h"

#define PERSPECTIVES 5
#define DEADLINE_MS 10000

static const char *names[] = { "ca.example" };
static const struct conf_list issuers = { names, 1 };
static struct span permitting[] = { SPAN_INIT("\x00\x09issuemailca.example") };
static struct span forbidding[] = { SPAN_INIT("\x00\x09issuemail;") };
static const char *const codes[PERSPECTIVES] = { "a", "b", "c", "d", "e" };
static const char *const rirs[PERSPECTIVES] = { "ripe", "arin", "apnic", "ripe",
	"lacnic" };

/* What one of them is like. */
enum nature {
	AGREES,
	DENIES,
	DOWN,
	STRANGER,  /* a certificate of another authority */
	ELSEWHERE, /* a certificate for another host */
	PLAIN,     /* no TLS */
	SAYS_500,
	REDIRECTS,    /* to itself, where the answer would be */
	SAYS_NOTHING, /* a status, and no body */
	BROKEN,       /* not JSON */
	ENDLESS,
	SLOW,  /* an octet now and then, for ever */
	OTHER, /* an answer to another question */
	CHUNKED,
	CUT_CHUNKED,  /* ends before the last chunk */
	HUGE_CHUNK,   /* of 2^64 - 1 octets */
	CUT,          /* ends before its Content-Length */
	TALKATIVE,    /* one answer more on the same connection, a denial */
	CONTINUES,    /* "100 Continue", for ever */
	ENDLESS_HEAD, /* header fields, for ever */
	HEADLESS,     /* the body alone, as in HTTP/0.9 */
	DEEP,         /* arrays in arrays */
	TWICE,        /* a member that stands twice */
	HTML,         /* by its Content-Type */
};

struct lab {
	struct conf conf;
	struct conf_perspective perspectives[PERSPECTIVES];
	struct peer_tls *tls[PERSPECTIVES];
	struct peer *peers[PERSPECTIVES];
	struct perspective_client *client;
	struct question question;
};

static const char *
answer(struct job *j, const struct lab *lab, size_t i, enum nature nature)
{
	bool denies = nature == DENIES;
	struct dns_answer step = { .status = DNS_OK,
		.name = "example.org",
		.ttl = 60,
		.rdata = denies ? forbidding : permitting,
		.count = 1 };
	struct agent_answer a = {
		.id = nature == OTHER ? "BBBBBBBBBBBBBBBBBBBBBB"
				      : lab->question.request.id,
		.code = codes[i],
		.version = "test",
		.has_caa = true,
		.caa_decision = denies ? "deny" : "permit",
		.caa_reason = "test",
		.steps = &step,
		.step_count = 1,
	};

	return agent_answer_format(j, &a, 0);
}

static const char *
whole(struct job *j, const char *status, const char *fields, const char *body)
{
	return arena_printf(j->arena,
	    "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%s"
	    "Content-Length: %zu\r\n\r\n%s",
	    status, fields, strlen(body), body);
}

#define DEPTH (AGENT_ANSWER_MAX - 1)

static const char *
deep_body(struct job *j)
{
	char *body = arena_alloc(j->arena, DEPTH + 1);

	memset(body, '[', DEPTH);
	body[DEPTH] = '\0';
	return body;
}

/* What its HTTP does is wrong, or unusual. */
static const char *
strange_response(struct job *j, const char *body, enum nature nature)
{
	static const char chunked[] =
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

	if (nature == CHUNKED || nature == CUT_CHUNKED)
		return arena_printf(j->arena, "%s%zx\r\n%s\r\n%s", chunked,
		    strlen(body), body, nature == CHUNKED ? "0\r\n\r\n" : "");
	if (nature == HUGE_CHUNK)
		return arena_printf(
		    j->arena, "%sffffffffffffffff\r\n%s", chunked, body);
	if (nature == CUT)
		return arena_printf(j->arena,
		    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		    strlen(body) + 1, body);
	if (nature == HTML)
		return arena_printf(j->arena,
		    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
		    "Content-Length: %zu\r\n\r\n%s",
		    strlen(body), body);
	return nature == ENDLESS_HEAD ? "HTTP/1.1 200 OK\r\n" : body;
}

static const char *
response(struct job *j, const struct lab *lab, size_t i, enum nature nature)
{
	const char *body = answer(j, lab, i, nature);

	switch (nature) {
	case SAYS_500:
		return whole(j, "500 Internal Server Error", "", body);
	case REDIRECTS:
		return whole(
		    j, "307 Temporary Redirect", "Location: /other\r\n", body);
	case SAYS_NOTHING:
		return whole(j, "200 OK", "", "");
	case BROKEN:
		return whole(j, "200 OK", "", "{\"id\":");
	case ENDLESS:
	case SLOW:
		return "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
	case CHUNKED:
	case CUT_CHUNKED:
	case HUGE_CHUNK:
	case CUT:
	case ENDLESS_HEAD:
	case HEADLESS:
	case HTML:
		return strange_response(j, body, nature);
	case CONTINUES:
		return "HTTP/1.1 100 Continue\r\n\r\n";
	case TALKATIVE:
		return arena_printf(j->arena, "%s%s",
		    whole(j, "200 OK", "", body),
		    whole(j, "200 OK", "", answer(j, lab, i, DENIES)));
	case DEEP:
		return whole(j, "200 OK", "", deep_body(j));
	case TWICE:
		body = arena_printf(
		    j->arena, "{\"code\":\"%s\",%s", codes[i], body + 1);
		break;
	case AGREES:
	case DENIES:
	case DOWN:
	case STRANGER:
	case ELSEWHERE:
	case PLAIN:
	case OTHER:
		break;
	}
	return whole(j, "200 OK", "", body);
}

/* After its answer: what it goes on to say, and how it ends. */
static struct peer_step
last_step(enum nature nature)
{
	switch ((int)nature) {
	case ENDLESS:
		return (struct peer_step){ PEER_FLOOD, "0123456789" };
	case CONTINUES:
		return (struct peer_step){ PEER_FLOOD,
			"HTTP/1.1 100 Continue\r\n\r\n" };
	case ENDLESS_HEAD:
		return (struct peer_step){ PEER_FLOOD, "X-More: of it\r\n" };
	case SLOW:
		return (struct peer_step){ PEER_DRIP, "0123456789" };
	case CUT:
	case CUT_CHUNKED:
	case HEADLESS:
		return (struct peer_step){ PEER_END, NULL };
	default:
		return (struct peer_step){ PEER_SILENCE, NULL };
	}
}

static struct peer *
start_one(struct job *j, const struct lab *lab, size_t i, enum nature nature)
{
	struct peer_step steps[] = {
		{ PEER_TLS, NULL },
		{ PEER_EXPECT, "POST /countersign/perspective/1 HTTP/1.1\r\n" },
		{ PEER_LINES, "\r\n" },
		{ PEER_SEND, response(j, lab, i, nature) },
		last_step(nature),
		{ PEER_END, NULL },
	};

	return peer_start(nature == PLAIN ? steps + 1 : steps, lab->tls[i]);
}

static void
set_up(struct job *j, struct lab *lab, const enum nature natures[PERSPECTIVES])
{
	*lab = (struct lab){
		.question = { .request = { .id = "AAAAAAAAAAAAAAAAAAAAAA",
				  .ca = issuers,
				  .caa_domain = "example.org",
				  .account_url = "https://acme.example/1",
				  .method = "email-reply-00" },
		    .policy = { .issuer_domains = &issuers } },
	};
	for (size_t i = 0; i < PERSPECTIVES; i++)
		lab->tls[i] = peer_tls_new(
		    natures[i] == ELSEWHERE ? "other.example" : "127.0.0.1");
	for (size_t i = 0; i < PERSPECTIVES; i++) {
		struct conf_perspective *p = &lab->perspectives[i];
		int port;

		p->name = codes[i];
		p->rir = rirs[i];
		p->certificate = p->key = peer_tls_client_file(lab->tls[i]);
		p->ca_file = peer_tls_ca_file(
		    lab->tls[natures[i] == STRANGER ? (i + 1) % PERSPECTIVES
						    : i]);
		lab->peers[i] = start_one(j, lab, i, natures[i]);
		port = peer_port(lab->peers[i]);
		if (natures[i] == DOWN)
			peer_stop(lab->peers[i]);
		p->url = arena_printf(j->arena,
		    "https://127.0.0.1:%d/countersign/perspective/1", port);
	}
	lab->conf.mpic.perspectives = lab->perspectives;
	lab->conf.mpic.perspective_count = PERSPECTIVES;
	j->conf = &lab->conf;
	assert_int_equal(perspective_client_new(j, &lab->client), 0);
}

static void
tear_down(struct job *j, struct lab *lab)
{
	perspective_client_free(lab->client);
	for (size_t i = 0; i < PERSPECTIVES; i++) {
		peer_free(lab->peers[i]);
		peer_tls_free(lab->tls[i]);
	}
	j->conf = NULL;
}

static void
ask(struct job *j, struct lab *lab, struct round *r)
{
	struct inquiry i = { .question = &lab->question, .about = "a test" };

	assert_int_equal(perspective_client_ask(lab->client, j, &i, 1), 0);
	*r = i.round;
	assert_int_equal(r->n, PERSPECTIVES);
}

/* Each kind of fault in one of five: it counts as what it is, and the other
 * four reach the quorum. */
static void
test_one_ill(void **state)
{
	static const struct {
		enum nature nature;
		enum answer answer;
		bool alarms;
	} cases[] = {
		{ AGREES, ANSWER_AGREES, false },
		{ DENIES, ANSWER_DENIES, false },
		{ DOWN, ANSWER_SILENT, false },
		{ STRANGER, ANSWER_SILENT, true },
		{ ELSEWHERE, ANSWER_SILENT, true },
		{ PLAIN, ANSWER_SILENT, false },
		{ SAYS_500, ANSWER_SILENT, false },
		{ REDIRECTS, ANSWER_SILENT, true },
		{ SAYS_NOTHING, ANSWER_SILENT, false },
		{ BROKEN, ANSWER_SILENT, true },
		{ ENDLESS, ANSWER_SILENT, false },
		{ OTHER, ANSWER_SILENT, true },
		{ CHUNKED, ANSWER_AGREES, false },
		{ CUT_CHUNKED, ANSWER_SILENT, false },
		{ HUGE_CHUNK, ANSWER_SILENT, false },
		{ CUT, ANSWER_SILENT, false },
		{ TALKATIVE, ANSWER_AGREES, false },
		{ CONTINUES, ANSWER_SILENT, false },
		{ ENDLESS_HEAD, ANSWER_SILENT, false },
		{ HEADLESS, ANSWER_SILENT, false },
		{ DEEP, ANSWER_SILENT, true },
		{ TWICE, ANSWER_SILENT, true },
		{ HTML, ANSWER_AGREES, false },
	};
	struct job *j = unit_job();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum nature natures[PERSPECTIVES] = { cases[i].nature, AGREES,
			AGREES, AGREES, AGREES };
		struct late_answer late;
		struct testimony *t;
		struct round r;
		struct lab lab;

		unit_case("%zu", i);
		set_up(j, &lab, natures);
		ask(j, &lab, &r);
		assert_int_equal(round_count(j, &r).outcome, QUORUM_REACHED);
		t = &r.v[0];
		/* The others may have been enough before it was heard. */
		while (t->answer == ANSWER_PENDING) {
			if (perspective_client_late(lab.client, j, &late) == 0)
				continue;
			assert_string_equal(late.about, "a test");
			if (strcmp(late.testimony.code, codes[0]) == 0)
				t = &late.testimony;
		}
		assert_int_equal(t->answer, cases[i].answer);
		assert_int_equal(t->is_alarming, cases[i].alarms);
		assert_non_null(t->why);
		tear_down(j, &lab);
	}
}

/* The question goes out as it is, to everybody; no answer stands for two. */
static void
test_question(void **state)
{
	static const enum nature natures[PERSPECTIVES] = { AGREES, AGREES,
		AGREES, AGREES, AGREES };
	struct job *j = unit_job();
	const char *request;
	struct round r;
	struct lab lab;

	(void)state;
	set_up(j, &lab, natures);
	ask(j, &lab, &r);
	while (perspective_client_waits(lab.client)) {
		struct late_answer late;

		perspective_client_late(lab.client, j, &late);
	}
	request = agent_request_format(j, &lab.question.request);
	for (size_t i = 0; i < PERSPECTIVES; i++) {
		peer_stop(lab.peers[i]);
		assert_string_equal(peer_complaint(lab.peers[i]), "");
		assert_int_equal(peer_connections(lab.peers[i]), 1);
		assert_true(peer_heard(
		    lab.peers[i], "Content-Type: application/json\r\n"));
		assert_true(peer_heard(lab.peers[i], request));
	}
	tear_down(j, &lab);
}

/* PK-52: certain either way, nobody waits; ten seconds are the end (MP-1). */
static void
test_slow(void **state)
{
	static const enum nature denied[PERSPECTIVES] = { SLOW, DENIES, DENIES,
		AGREES, AGREES };
	static const enum nature open[PERSPECTIVES] = { SLOW, DOWN, AGREES,
		AGREES, AGREES };
	struct job *j = unit_job();
	int64_t began, took;
	struct round r;
	struct lab lab;

	(void)state;
	/* A machine may stand still for so long, but not each time. */
	for (int tries = 1;; tries++) {
		began = clock_mono_ms();
		set_up(j, &lab, denied);
		ask(j, &lab, &r);
		took = clock_mono_ms() - began;
		if (took < DEADLINE_MS || tries == 5)
			break;
		tear_down(j, &lab);
	}
	assert_true(took < DEADLINE_MS);
	assert_int_equal(round_count(j, &r).outcome, QUORUM_DENIED);
	assert_int_equal(r.v[0].answer, ANSWER_PENDING);
	assert_true(perspective_client_waits(lab.client));
	tear_down(j, &lab);

	began = clock_mono_ms();
	set_up(j, &lab, open);
	ask(j, &lab, &r);
	assert_int_equal(round_count(j, &r).outcome, QUORUM_SILENT);
	assert_int_equal(r.v[0].answer, ANSWER_SILENT);
	assert_in_range(
	    clock_mono_ms() - began, DEADLINE_MS - 100, 3 * DEADLINE_MS);
	tear_down(j, &lab);
}

/* Five rounds with two ill peers: how often each of these is connected to. */
static void
expect_connections(enum nature ill, int count)
{
	const enum nature natures[PERSPECTIVES] = { ill, ill, AGREES, AGREES,
		AGREES };
	struct job *j = unit_job();
	struct lab lab;

	set_up(j, &lab, natures);
	for (size_t i = 0; i < 5; i++) {
		struct round r;

		ask(j, &lab, &r);
		assert_int_equal(round_count(j, &r).outcome, QUORUM_SILENT);
		while (perspective_client_waits(lab.client)) {
			struct late_answer late;

			perspective_client_late(lab.client, j, &late);
		}
	}
	for (size_t i = 0; i < 2; i++) {
		peer_stop(lab.peers[i]);
		assert_int_equal(peer_connections(lab.peers[i]), count);
	}
	peer_stop(lab.peers[2]);
	assert_int_equal(peer_connections(lab.peers[2]), 5);
	tear_down(j, &lab);
}

/* PK-52: who was not reached three times is not asked again for a minute,
 * which makes the quorum no smaller; PK-49: and each round asks all anew. */
static void
test_skipped(void **state)
{
	(void)state;
	expect_connections(STRANGER, 3);
}

/* Who answers uselessly may have been asked about a zone that makes it so: the
 * next question is another one. */
static void
test_useless(void **state)
{
	(void)state;
	expect_connections(BROKEN, 5);
	expect_connections(SAYS_500, 5);
}

/* --- names that nobody resolves ------------------------------------------- */

/* 450 seconds for a name. */
#define RESOLV                                                                 \
	"nameserver 127.0.0.1\nnameserver 127.0.0.2\nnameserver 127.0.0.3\n"   \
	"options timeout:30 attempts:5\n"
#define LIMIT_MS 100000

static int
write_resolv(const char *path)
{
	FILE *f = fopen(path, "we");
	int result = f == NULL || fputs(RESOLV, f) < 0 ? -1 : 0;

	return f == NULL || fclose(f) != 0 ? -1 : result;
}

static int
raise_loopback(void)
{
	struct ifreq r = { .ifr_flags = IFF_UP };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int result;

	memcpy(r.ifr_name, "lo", sizeof("lo"));
	result = s < 0 ? -1 : ioctl(s, SIOCSIFFLAGS, &r);
	close(s);
	return result;
}

/* It hears every question, and says nothing. */
static int
deaf_name_server(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET,
		.sin_port = htons(53) };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return bind(s, (const struct sockaddr *)&any, sizeof(any));
}

/* A network and a resolv.conf of its own: 0, or -1 where there are none. */
static int
move_out(const char *resolv)
{
	return unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 &&
		       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		       write_resolv(resolv) == 0 &&
		       mount(resolv, "/etc/resolv.conf", NULL, MS_BIND, NULL) ==
			   0 &&
		       raise_loopback() == 0 && deaf_name_server() == 0
		   ? 0
		   : -1;
}

enum { IN_TIME, TOO_LATE, NO_NAMESPACES };

static int
ask_the_deaf(const char *resolv)
{
	const struct exchange_target to = {
		.url = "https://perspective.example.org/",
		.ca_file = "/dev/null",
		.answer_max = 1
	};
	struct exchanges *all;
	struct exchange *x;
	int64_t began;

	if (move_out(resolv) < 0)
		return NO_NAMESPACES;
	began = clock_mono_ms();
	all = exchanges_new();
	exchanges_hasten(all, 500);
	x = exchange_begin(all, &to, "{}");
	while (!x->is_done) {
		exchanges_wait(all);
		exchanges_collect(all);
	}
	if (!x->is_unreached)
		return TOO_LATE;
	exchange_end(all, x);
	exchanges_free(all);
	return clock_mono_ms() - began < LIMIT_MS ? IN_TIME : TOO_LATE;
}

/* MP-1: the deadline holds where a perspective's name is never resolved; the
 * other exchanges would wait as well. */
static void
test_deaf_resolver(void **state)
{
	char path[] = "/tmp/resolv-XXXXXX";
	int fd = mkstemp(path), status = 0;
	pid_t pid;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	pid = fork();
	if (pid == 0)
		_exit(ask_the_deaf(path));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unlink(path);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_NAMESPACES)
		UNIT_SKIP("needs root, and namespaces");
	assert_int_equal(WEXITSTATUS(status), IN_TIME);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_one_ill),
	cmocka_unit_test(test_question),
	cmocka_unit_test(test_slow),
	cmocka_unit_test(test_skipped),
	cmocka_unit_test(test_useless),
	cmocka_unit_test(test_deaf_resolver),
};

UNIT_MAIN(tests)
