/*
 * A service that speaks the Open MPIC API over TLS (MP-1, MP-3), and two of
 * them (MP-11).
 */
#include "config.h"

#include "src/perspective_client.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/count.h"
#include "tests/unit/mpic_lab.h"
#include "tests/unit/peer.h"

/* --- the whole ------------------------------------------------------------ */

#define REMOTES 5

/* What they say. */
enum kind { PASS, OTHERS, FAIL, SICK };

static const struct mpic_view views[] = {
	[PASS] = { "true", "true", SAW("[" US "]") },
	[OTHERS] = { "true", "true",
	    SAW("[\"0 issuemail \\\"ca.example; "
		"accounturi=https://other.example/2\\\"\"]") },
	[FAIL] = { "true", "false", SAW("[" US "]") },
	[SICK] = { "false", "true", SAW("[" US "]") },
};

static const char *
element(const char *code, enum kind kind)
{
	return mpic_element(code, &views[kind]);
}

static const char *const codes[] = { "a", "b", "c", "d", "e", "z" };
static const char *const rirs[REMOTES] = { "ripe", "arin", "apnic", "ripe",
	"lacnic" };

struct service {
	const char *list[REMOTES + 2]; /* elements, joined; NULL ends */
	const char *status;
	const char *from, *to; /* in the answer */
	bool takes_flat;
	enum quorum_outcome outcome;
	size_t agree;
};

static const char *
body_of(const struct service *s)
{
	const char *text = mpic_good, *list = "";

	for (size_t i = 0; i < COUNT(s->list) && s->list[i] != NULL; i++)
		list = arena_printf(unit_job()->arena, "%s%s%s", list,
		    i > 0 ? "," : "", s->list[i]);
	text = mpic_edit(text, "{\"perspective_code\":\"a\"}", list);
	return s->from != NULL ? mpic_edit(text, s->from, s->to) : text;
}

static const char *
write_key(void)
{
	static char path[] = "test-key-XXXXXX";
	int fd;

	memcpy(path, "test-key-XXXXXX", sizeof(path));
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "secret-key\n", 11), 11);
	close(fd);
	return path;
}

static void
try_service(const struct service *s, bool is_bearer)
{
	struct job *j = unit_job();
	const char *body = body_of(s);
	struct peer_step steps[] = {
		{ PEER_TLS, NULL },
		{ PEER_EXPECT, "POST /base/mpic HTTP/1.1\r\n" },
		{ PEER_LINES, "\r\n" },
		{ PEER_SEND,
		    arena_printf(j->arena,
			"HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
			"Content-Length: %zu\r\n\r\n%s",
			s->status != NULL ? s->status : "200 OK", strlen(body),
			body) },
		{ PEER_SILENCE, NULL },
		{ PEER_END, NULL },
	};
	struct peer_tls *tls = peer_tls_new("127.0.0.1");
	struct peer *peer = peer_start(steps, tls);
	struct conf_perspective p[REMOTES];
	struct conf_open_mpic service = { .name = "a service",
		.ca_file = peer_tls_ca_file(tls),
		.key = write_key(),
		.is_bearer = is_bearer };
	struct conf conf = { .mpic = { .perspectives = p,
				 .perspective_count = REMOTES,
				 .services = &service,
				 .service_count = 1 } };
	struct question q = mpic_question();
	struct inquiry i = { .question = &q, .about = "a test" };
	struct perspective_client *c;
	struct corroborated round;
	struct quorum counted;
	struct round r;

	for (size_t k = 0; k < REMOTES; k++)
		p[k] = (struct conf_perspective){ .name = codes[k],
			.rir = rirs[k] };
	service.url = arena_printf(
	    j->arena, "https://127.0.0.1:%d/base", peer_port(peer));
	j->conf = &conf;
	q.takes_flat = s->takes_flat;
	assert_int_equal(perspective_client_new(j, &c), 0);
	assert_int_equal(perspective_client_ask(c, j, &i, 1), 0);
	r = i.round;
	counted = round_count(j, &r);
	assert_int_equal(counted.outcome, s->outcome);
	assert_int_equal(counted.agree, s->agree);
	assert_int_equal(counted.pending, 0);
	/* And from what is written down, the same again (MP-10). */
	assert_int_equal(corroboration_verify(
			     j, corroboration_add(j, "{}", &q, &r), &q, &round),
	    1);
	assert_int_equal(round.counted.outcome, s->outcome);
	assert_string_equal(round.service, "a service");
	assert_int_equal(round.took_flat, s->takes_flat);
	perspective_client_free(c);
	peer_stop(peer);
	assert_true(
	    peer_heard(peer, is_bearer ? "Authorization: Bearer secret-key\r\n"
				       : "x-api-key: secret-key\r\n"));
	assert_true(peer_heard(peer, "\"certificate_type\":\"s-mime\""));
	peer_free(peer);
	peer_tls_free(tls);
	unlink(service.key);
	j->conf = NULL;
}

static void
test_service(void **state)
{
	const char *a = element("a", PASS), *b = element("b", PASS),
		   *c = element("c", PASS), *d = element("d", PASS),
		   *e = element("e", PASS), *z = element("z", PASS);
	const char *b_no = element("b", FAIL), *c_no = element("c", FAIL);
	const char *b_sick = element("b", SICK), *c_sick = element("c", SICK);
	const char *e_other = element("e", OTHERS);
	const char *e_old =
	    mpic_edit(e, "\"timestamp_ns\":", "\"timestamp_ns\":1,\"x\":");
	const char *e_torn = "{\"perspective_code\":\"e\"}";
	const char *d_flat = mpic_element_flat("d", &views[PASS]);
	const char *e_flat = mpic_element_flat("e", &views[PASS]);
	const char *d_flat_no = mpic_element_flat("d", &views[FAIL]);
	const struct service table[] = {
		{ .list = { a, b, c, d, e },
		    .outcome = QUORUM_REACHED,
		    .agree = 5 },
		{ .list = { a, b, c, d, e_other },
		    .outcome = QUORUM_REACHED,
		    .agree = 4 },
		{ .list = { a, b_no, c, d, e },
		    .outcome = QUORUM_REACHED,
		    .agree = 4 },
		{ .list = { a, b_no, c_no, d, e },
		    .outcome = QUORUM_DENIED,
		    .agree = 3 },
		{ .list = { a, b_no, c, d, e_other },
		    .outcome = QUORUM_DENIED,
		    .agree = 3 },
		{ .list = { a, b_sick, c_sick, d, e },
		    .outcome = QUORUM_FAILED,
		    .agree = 3 },
		/* missing, unknown, twice, of another time */
		{ .list = { a, b, c, d },
		    .outcome = QUORUM_REACHED,
		    .agree = 4 },
		{ .list = { a, b, c, z },
		    .outcome = QUORUM_SILENT,
		    .agree = 3 },
		/* MP-3: twice the same counts once … */
		{ .list = { a, b, c, d, d },
		    .outcome = QUORUM_REACHED,
		    .agree = 4 },
		{ .list = { a, b, c, c, d, d },
		    .outcome = QUORUM_REACHED,
		    .agree = 4 },
		{ .list = { a, b, c, c, c, z, z },
		    .outcome = QUORUM_SILENT,
		    .agree = 3 },
		{ .list = { a, b_no, b_no, c, d, e },
		    .outcome = QUORUM_REACHED,
		    .agree = 4 },
		{ .list = { a, b_no, b_no, c_sick, d, e },
		    .outcome = QUORUM_DENIED,
		    .agree = 3 },
		{ .list = { a, b_sick, b_sick, c_sick, d, e },
		    .outcome = QUORUM_FAILED,
		    .agree = 3 },
		/* … and as dissent if they differ, in whatever */
		{ .list = { a, b, b_no, c, d, e },
		    .outcome = QUORUM_REACHED,
		    .agree = 4 },
		{ .list = { a, b, b_no, c, d },
		    .outcome = QUORUM_DENIED,
		    .agree = 3 },
		{ .list = { a, b_no, b, c, d },
		    .outcome = QUORUM_DENIED,
		    .agree = 3 },
		{ .list = { a, b, b_sick, c, d },
		    .outcome = QUORUM_DENIED,
		    .agree = 3 },
		{ .list = { a, b, b, b_no, c, d },
		    .outcome = QUORUM_DENIED,
		    .agree = 3 },
		{ .list = { a, b, c, d, e, e_old },
		    .outcome = QUORUM_REACHED,
		    .agree = 4 },
		{ .list = { a, b, c, e_old, e },
		    .outcome = QUORUM_DENIED,
		    .agree = 3 },
		{ .list = { a, b, c, e, e_torn },
		    .outcome = QUORUM_DENIED,
		    .agree = 3 },
		{ .list = { a, b, c, e_old, e_old, d },
		    .outcome = QUORUM_REACHED,
		    .agree = 4 },
		{ .list = { a, b, c, e_old },
		    .outcome = QUORUM_SILENT,
		    .agree = 3 },
		/* the flat form: where it is not wanted, and where it is */
		{ .list = { a, b, c, d_flat, e_flat },
		    .outcome = QUORUM_SILENT,
		    .agree = 3 },
		{ .list = { a, b, c, d_flat, e_flat },
		    .takes_flat = true,
		    .outcome = QUORUM_REACHED,
		    .agree = 5 },
		{ .list = { a, b, c, d_flat, d_flat },
		    .takes_flat = true,
		    .outcome = QUORUM_REACHED,
		    .agree = 4 },
		{ .list = { a, b, c, d, d_flat_no },
		    .takes_flat = true,
		    .outcome = QUORUM_DENIED,
		    .agree = 3 },
		{ .list = { a, b, c, d_flat, e_flat },
		    .from = TRACE,
		    .to = "baaaaaaaaaaaaaaaaaaaaaaaaa",
		    .takes_flat = true,
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d_flat, e_flat },
		    .from = "\"is_valid\":true",
		    .to = "\"is_valid\":false",
		    .takes_flat = true,
		    .outcome = QUORUM_SILENT },
		/* too few passes, although it says valid; and not valid */
		{ .list = { a }, .outcome = QUORUM_SILENT, .agree = 1 },
		{ .list = { a, b, c, d, e },
		    .from = "\"is_valid\":true",
		    .to = "\"is_valid\":false",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .from = "\"mpic_completed\":true",
		    .to = "\"mpic_completed\":false",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .from = TRACE,
		    .to = "baaaaaaaaaaaaaaaaaaaaaaaaa",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .from = "{\"mpic",
		    .to = "{{",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .status = "400 Bad Request",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .status = "429 Too Many Requests",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .status = "500 Internal Server Error",
		    .outcome = QUORUM_SILENT },
		{ .list = { a, b, c, d, e },
		    .status = "302 Found\r\nLocation: /other",
		    .outcome = QUORUM_SILENT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		unit_case("%zu", i);
		try_service(&table[i], i % 2 == 1);
	}
}

/* --- two services: MP-11 -------------------------------------------------- */

static struct peer *
start_service(struct peer_tls *tls, const char *status, const char *body)
{
	struct peer_step steps[] = {
		{ PEER_TLS, NULL },
		{ PEER_EXPECT, "POST /mpic HTTP/1.1\r\n" },
		{ PEER_LINES, "\r\n" },
		{ PEER_SEND,
		    arena_printf(unit_job()->arena,
			"HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
			"Content-Length: %zu\r\n\r\n%s",
			status, strlen(body), body) },
		{ PEER_SILENCE, NULL },
		{ PEER_END, NULL },
	};

	return peer_start(steps, tls);
}

/* How the first of them is ill. */
enum illness {
	ANSWERS, /* as the table says */
	DOWN,
	STRANGER, /* a certificate of another authority */
	PLAIN,    /* no TLS */
	RESETS,
	SLOW, /* an octet now and then */
	ENDLESS,
	NO_LOGIN, /* its key cannot be read … */
	EMPTY_LOGIN,
	LONG_LOGIN, /* … or is none */
	NO_ANCHOR,
};

static struct peer *
start_ill(enum illness how, struct peer_tls *tls, const char *status,
    const char *body)
{
	struct peer_step steps[] = {
		{ PEER_TLS, NULL },
		{ PEER_EXPECT, "POST /mpic HTTP/1.1\r\n" },
		{ PEER_LINES, "\r\n" },
		{ PEER_SEND,
		    "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" },
		{ how == RESETS   ? PEER_RESET
		    : how == SLOW ? PEER_DRIP
				  : PEER_FLOOD,
		    "{\"mpic_completed\":true,\"is_valid\":true,\"x\":\"" },
		{ PEER_END, NULL },
	};

	if (how == PLAIN)
		return peer_start(steps + 1, tls);
	if (how == RESETS || how == SLOW || how == ENDLESS)
		return peer_start(steps, tls);
	return start_service(tls, status, body);
}

static const char *
write_login(enum illness how)
{
	static char path[] = "test-login-XXXXXX";
	FILE *f;

	memcpy(path, "test-login-XXXXXX", sizeof(path));
	f = fdopen(mkstemp(path), "w");
	assert_non_null(f);
	for (int i = 0; how == LONG_LOGIN && i < 5000; i++)
		assert_true(fputc('a', f) != EOF);
	assert_int_equal(fclose(f), 0);
	if (how == NO_LOGIN)
		unlink(path);
	return path;
}

struct pair {
	struct conf conf;
	struct conf_open_mpic services[2];
	struct conf_perspective p[2 * REMOTES];
	struct peer_tls *tls[2];
	struct peer *peers[2];
	struct perspective_client *client;
	struct question q;
};

/* The first is ill, in that way. */
static void
pair_init(
    struct pair *w, enum illness how, const char *status, const char *body)
{
	const struct service good_one = {
		.list = { element("a", PASS), element("b", PASS),
		    element("c", PASS), element("d", PASS), element("e", PASS) }
	};
	struct job *j = unit_job();

	*w = (struct pair){ .q = mpic_question(),
		.conf.mpic = { .services = w->services,
		    .service_count = 2,
		    .perspectives = w->p,
		    .perspective_count = REMOTES } };
	for (size_t i = 0; i < 2; i++) {
		w->tls[i] = peer_tls_new("127.0.0.1");
		w->peers[i] = i == 0 ? start_ill(how, w->tls[0], status, body)
				     : start_service(w->tls[1], "200 OK",
					   body_of(&good_one));
		w->services[i] = (struct conf_open_mpic){
			.name = i == 0 ? "first" : "second",
			.ca_file = peer_tls_ca_file(w->tls[i]),
			.url = arena_printf(j->arena, "https://127.0.0.1:%d",
			    peer_port(w->peers[i]))
		};
	}
	for (size_t i = 0; i < REMOTES; i++)
		w->p[i] = (struct conf_perspective){ .name = codes[i],
			.rir = rirs[i] };
	if (how == DOWN)
		peer_stop(w->peers[0]);
	if (how == STRANGER)
		w->services[0].ca_file = w->services[1].ca_file;
	if (how == NO_ANCHOR)
		w->services[0].ca_file = "test-no-such-file";
	if (how == NO_LOGIN || how == EMPTY_LOGIN || how == LONG_LOGIN)
		w->services[0].key = write_login(how);
	j->conf = &w->conf;
	assert_int_equal(perspective_client_new(j, &w->client), 0);
}

static void
pair_done(struct pair *w, int first, int second)
{
	const int expected[] = { first, second };

	perspective_client_free(w->client);
	if (w->services[0].key != NULL)
		unlink(w->services[0].key);
	for (size_t i = 0; i < 2; i++) {
		peer_stop(w->peers[i]);
		if (expected[i] >= 0)
			assert_int_equal(
			    peer_connections(w->peers[i]), expected[i]);
		peer_free(w->peers[i]);
		peer_tls_free(w->tls[i]);
	}
	unit_job()->conf = NULL;
}

/* So many at the same time: each has the same outcome, from one service. */
static void
ask_pair(
    struct pair *w, size_t n, const char *service, enum quorum_outcome outcome)
{
	struct inquiry all[3];
	struct job *j = unit_job();
	struct corroborated kept;

	for (size_t i = 0; i < n; i++)
		all[i] =
		    (struct inquiry){ .question = &w->q, .about = "a test" };
	assert_int_equal(perspective_client_ask(w->client, j, all, n), 0);
	for (size_t i = 0; i < n; i++) {
		const struct round *r = &all[i].round;

		assert_string_equal(r->service, service);
		assert_int_equal(round_count(j, r).outcome, outcome);
		assert_int_equal(round_count(j, r).pending, 0);
		assert_int_equal(
		    corroboration_verify(
			j, corroboration_add(j, "{}", &w->q, r), &w->q, &kept),
		    1);
		assert_string_equal(kept.service, service);
	}
}

/* MP-11: a round goes to one of them; when it is silent, in whatever way, the
 * next one goes to the other, and stays there. */
static void
test_two_services(void **state)
{
	const struct service few = { .list = { element("a", PASS),
					 element("b", PASS),
					 element("c", PASS) } };
	static const char unreached[] =
	    "{\"perspective_code\":\"%s\",\"check_response\":{"
	    "\"check_completed\":false,\"check_passed\":false,\"errors\":[{"
	    "\"error_type\":\"mpic_error:coordinator:communication\"}],"
	    "\"timestamp_ns\":%lld000000}}";
	struct service alone = { 0 };
	const struct {
		const char *name;
		enum illness how;
		const char *status, *body;
		int connections; /* -1: whatever */
	} ills[] = {
		{ "500", ANSWERS, "500 Internal Server Error", "", 1 },
		{ "503", ANSWERS, "503 Service Unavailable", "{}", 1 },
		{ "400", ANSWERS, "400 Bad Request",
		    "{\"error\":\"x\",\"validation_issues\":[]}", 1 },
		{ "401", ANSWERS, "401 Unauthorized", "", 1 },
		{ "403", ANSWERS, "403 Forbidden", "", 1 },
		{ "429", ANSWERS, "429 Too Many Requests", "", 1 },
		{ "elsewhere", ANSWERS, "302 Found\r\nLocation: /other", "",
		    1 },
		{ "no content", ANSWERS, "200 OK", "", 1 },
		{ "no JSON", ANSWERS, "200 OK", "no JSON", 1 },
		{ "no object", ANSWERS, "200 OK", "[]", 1 },
		{ "half of it", ANSWERS, "200 OK", "{\"mpic_completed\":tr",
		    1 },
		{ "not completed", ANSWERS, "200 OK",
		    mpic_edit(mpic_good, "\"mpic_completed\":true",
			"\"mpic_completed\":false"),
		    1 },
		{ "another answer", ANSWERS, "200 OK",
		    mpic_edit(mpic_good, TRACE, "baaaaaaaaaaaaaaaaaaaaaaaaa"),
		    1 },
		{ "few of them", ANSWERS, "200 OK", body_of(&few), 1 },
		{ "none reached", ANSWERS, "200 OK", NULL, 1 },
		{ "refused", DOWN, "200 OK", "", 0 },
		{ "stranger", STRANGER, "200 OK", "", -1 },
		{ "no TLS", PLAIN, "200 OK", "", -1 },
		{ "reset", RESETS, NULL, NULL, 1 },
		{ "slow", SLOW, NULL, NULL, 1 },
		{ "endless", ENDLESS, NULL, NULL, 1 },
		{ "no login", NO_LOGIN, "200 OK", "", 0 },
		{ "an empty login", EMPTY_LOGIN, "200 OK", "", 0 },
		{ "a login too long", LONG_LOGIN, "200 OK", "", 0 },
		{ "no anchor", NO_ANCHOR, "200 OK", "", -1 },
	};

	(void)state;
	for (size_t k = 0; k < REMOTES; k++)
		alone.list[k] = arena_printf(unit_job()->arena, unreached,
		    codes[k], (long long)clock_now_ms());
	for (size_t i = 0; i < COUNT(ills); i++) {
		enum illness how = ills[i].how;
		struct pair w;

		unit_case("%s", ills[i].name);
		pair_init(&w, how, ills[i].status,
		    ills[i].body != NULL ? ills[i].body : body_of(&alone));
		if (how == SLOW)
			perspective_client_hasten(w.client, 300);
		ask_pair(&w, 1, "first", QUORUM_SILENT);
		perspective_client_hasten(w.client, 10000);
		ask_pair(&w, 1, "second", QUORUM_REACHED);
		ask_pair(&w, 2, "second", QUORUM_REACHED);
		pair_done(&w, ills[i].connections, 3);
	}
}

/* MP-11: one that cannot be asked is left at once, also by others that are
 * asked for at the same time. */
static void
test_unasked_at_once(void **state)
{
	struct inquiry all[2];
	struct pair w;
	struct job *j = unit_job();

	(void)state;
	pair_init(&w, NO_LOGIN, "200 OK", "");
	for (size_t i = 0; i < COUNT(all); i++)
		all[i] =
		    (struct inquiry){ .question = &w.q, .about = "a test" };
	assert_int_equal(
	    perspective_client_ask(w.client, j, all, COUNT(all)), 0);
	assert_string_equal(all[0].round.service, "first");
	assert_int_equal(round_count(j, &all[0].round).outcome, QUORUM_SILENT);
	assert_string_equal(all[1].round.service, "second");
	assert_int_equal(round_count(j, &all[1].round).outcome, QUORUM_REACHED);
	pair_done(&w, 0, 1);
}

/* MP-11: the second is ill, too: back to the first, which is well again. */
static void
test_to_and_fro(void **state)
{
	struct pair w;

	(void)state;
	pair_init(&w, NO_LOGIN, "200 OK", "");
	ask_pair(&w, 1, "first", QUORUM_SILENT);
	w.services[1].key = w.services[0].key;
	ask_pair(&w, 1, "second", QUORUM_SILENT);
	ask_pair(&w, 1, "first", QUORUM_SILENT);
	w.services[1].key = NULL;
	ask_pair(&w, 1, "second", QUORUM_REACHED);
	pair_done(&w, 0, 1);
}

/* MP-11: dissent and look-ups that fail are answers: nobody else is asked until
 * one pleases. */
static void
test_answers_stay(void **state)
{
	static const enum kind kinds[] = { FAIL, SICK };

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct service all = { 0 };
		struct pair w;
		enum quorum_outcome outcome =
		    kinds[i] == FAIL ? QUORUM_DENIED : QUORUM_FAILED;

		unit_case("%zu", i);
		for (size_t k = 0; k < REMOTES; k++)
			all.list[k] = element(codes[k], kinds[i]);
		pair_init(&w, ANSWERS, "200 OK", body_of(&all));
		ask_pair(&w, 1, "first", outcome);
		ask_pair(&w, 1, "first", outcome);
		pair_done(&w, 2, 0);
	}
}

/* Three of the first's and two of the second's are no round of five (MP-7), and
 * several rounds that find the first silent at once turn to the other once. */
static void
test_not_mixed(void **state)
{
	const struct service few = { .list = { element("a", PASS),
					 element("b", PASS),
					 element("c", PASS) } };
	struct pair w;

	(void)state;
	pair_init(&w, ANSWERS, "200 OK", body_of(&few));
	ask_pair(&w, 3, "first", QUORUM_SILENT);
	ask_pair(&w, 1, "second", QUORUM_REACHED);
	/* Each has codes of its own. */
	w.conf.mpic.perspective_count = REMOTES + 2;
	for (size_t i = 0; i < REMOTES; i++)
		w.p[i].service = "first";
	for (size_t i = 0; i < 2; i++)
		w.p[REMOTES + i] = (struct conf_perspective){
			.name = codes[i], .rir = rirs[i], .service = "second"
		};
	ask_pair(&w, 1, "second", QUORUM_SILENT);
	ask_pair(&w, 1, "first", QUORUM_SILENT);
	pair_done(&w, 4, 2);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_two_services),
	cmocka_unit_test(test_not_mixed),
	cmocka_unit_test(test_unasked_at_once),
	cmocka_unit_test(test_to_and_fro),
	cmocka_unit_test(test_answers_stay),
	cmocka_unit_test(test_service),
};

UNIT_MAIN(tests)
