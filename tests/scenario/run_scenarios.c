/*
 * Runs scenarios: small texts that order, move the clock, answer mails and say
 * what must be true.  See README.md for the commands.
 *
 *	run_scenarios FILE…
 *
 * Each is run on SQLite, and on PostgreSQL if COUNTERSIGN_TEST_PGSQL is set;
 * then once for every commit: all roles and the client stop there, start again
 * and must come to the same end.
 *
 * Prints TAP.
 */
#include "config.h"

#include "lib/clock.h"
#include "lib/job.h"
#include "lib/json.h"
#include "tests/scenario/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 12
#define LINE_LEN 500

struct script {
	const char *file;
	char lines[200][LINE_LEN];
	size_t count;
};

static int
read_script(const char *file, struct script *s)
{
	FILE *f = fopen(file, "r");

	if (f == NULL)
		return -1;
	s->file = file;
	s->count = 0;
	while (s->count < 200 && fgets(s->lines[s->count], LINE_LEN, f) != NULL)
		s->count++;
	fclose(f);
	return 0;
}

static size_t
split(char *line, const char *words[WORDS_MAX])
{
	size_t n = 0;
	char *save = NULL;

	for (char *w = strtok_r(line, " \t\r\n", &save);
	     w != NULL && w[0] != '#' && n < WORDS_MAX - 1;
	     w = strtok_r(NULL, " \t\r\n", &save))
		words[n++] = w;
	words[n] = NULL;
	return n;
}

static int
index_of(const char *word, const char *const *list)
{
	for (int i = 0; word != NULL && list[i] != NULL; i++)
		if (strcmp(list[i], word) == 0)
			return i;
	return -1;
}

/* --- expectations -------------------------------------------------------- */

/* The object's status, and the token of its error's type if one is named. */
static int
compare(struct world *w, const char *what, const char *body,
    const struct json *v, const char *status, const char *error)
{
	static const char prefix[] = "urn:ietf:params:acme:error:";
	struct span type = json_string(json_get(json_get(v, "error"), "type"));

	if (!span_eq_str(json_string(json_get(v, "status")), status))
		return world_fail(w, "%s is not %s: %s", what, status, body);
	if (error == NULL)
		return 0;
	if (strcmp(error, "-") == 0)
		return type.n == 0
			   ? 0
			   : world_fail(w, "%s has an error: %s", what, body);
	if (!span_starts(type, span_str(prefix)) ||
	    !span_eq_str(span_from(type, sizeof(prefix) - 1), error))
		return world_fail(
		    w, "%s has no error %s: %s", what, error, body);
	return 0;
}

static int
expect_object(struct world *w, const char *what, const char *url,
    const char *status, const char *error)
{
	const struct json *v;
	struct job j;
	char *body;
	int result;

	if (world_read(w, url, &body) < 0)
		return -1;
	job_init(&j, NULL, w->conf);
	if (json_parse_object(&j, span_str(body), "answer", &v) < 0)
		result = world_fail(w, "%s", j.err.text);
	else
		result = compare(w, what, body, v, status, error);
	job_done(&j);
	free(body);
	return result;
}

static int
expect_count(struct world *w, const char *what, const char *number)
{
	static const char *const names[] = { "submissions", "mails",
		"certificates", NULL };
	struct counts c;
	int expected = number != NULL ? atoi(number) : -1, got;
	int which = index_of(what, names);

	/* A client that was stopped may have ordered twice. */
	if (w->crash->stopped)
		return 0;
	if (world_count(w, &c) < 0)
		return -1;
	got = which == 0   ? c.submissions
	      : which == 1 ? c.mails
			   : c.certificates;
	return got == expected
		   ? 0
		   : world_fail(w, "%s: %d, not %d", what, got, expected);
}

/* A string of the order's object. */
static int
expect_member(
    struct world *w, const char *url, const char *name, const char *value)
{
	const struct json *v;
	struct job j;
	char *body;
	int result = 0;

	if (name == NULL || value == NULL)
		return world_fail(w, "expect member ORDER NAME VALUE");
	if (world_read(w, url, &body) < 0)
		return -1;
	job_init(&j, NULL, w->conf);
	if (json_parse_object(&j, span_str(body), "answer", &v) < 0 ||
	    !span_eq_str(json_string(json_get(v, name)), value))
		result = world_fail(w, "%s is not %s: %s", name, value, body);
	job_done(&j);
	free(body);
	return result;
}

/* The order's error names so many identifiers. */
static int
expect_refused(struct world *w, const char *url, const char *number)
{
	const struct json *v;
	struct job j;
	char *body;
	size_t named = 0;
	int result = 0;

	if (number == NULL || world_read(w, url, &body) < 0)
		return -1;
	job_init(&j, NULL, w->conf);
	if (json_parse_object(&j, span_str(body), "answer", &v) == 0) {
		const struct json *list =
		    json_get(json_get(v, "error"), "subproblems");

		for (size_t i = 0; list != NULL && i < json_count(list); i++)
			named +=
			    json_get(json_at(list, i), "identifier") != NULL;
	}
	if (named != (size_t)atoi(number))
		result = world_fail(w, "%zu are named, not %s", named, number);
	job_done(&j);
	free(body);
	return result;
}

static int
expect_validity(
    struct world *w, const char *order, const char *from, const char *until)
{
	char expected[64], *got;
	int result;

	if (from == NULL || until == NULL)
		return world_fail(w, "expect validity ORDER FROM UNTIL");
	if (world_validity(w, order, &got) < 0)
		return -1;
	snprintf(expected, sizeof(expected), "%s %s", from, until);
	result = strcmp(got, expected) == 0
		     ? 0
		     : world_fail(w, "%s: valid %s", order, got);
	free(got);
	return result;
}

/* Whatever has stopped, what was revoked is on the list (AC-159). */
static int
expect_listed(struct world *w, int expected)
{
	int got = world_listed(w);

	return got == expected
		   ? 0
		   : world_fail(w, "listed: %d, not %d", got, expected);
}

static int
do_expect(struct world *w, const char **a)
{
	struct known_order *o;
	struct known_mailbox *m;

	if (a[0] != NULL && strcmp(a[0], "ended") == 0)
		return world_expect_ended(w);
	if (a[0] == NULL || a[1] == NULL)
		return world_fail(w, "expect what?");
	if (strcmp(a[0], "listed") == 0)
		return expect_listed(w, atoi(a[1]));
	if (strcmp(a[0], "mails") == 0 || strcmp(a[0], "submissions") == 0 ||
	    strcmp(a[0], "certificates") == 0)
		return expect_count(w, a[0], a[1]);
	o = world_find(w, a[1]);
	if (o == NULL || a[2] == NULL)
		return -1;
	if (strcmp(a[0], "member") == 0)
		return expect_member(w, o->url, a[2], a[3]);
	if (strcmp(a[0], "refused") == 0)
		return expect_refused(w, o->url, a[2]);
	if (strcmp(a[0], "validity") == 0)
		return expect_validity(w, a[1], a[2], a[3]);
	if (strcmp(a[0], "order") == 0)
		return expect_object(w, a[1], o->url, a[2], a[3]);
	m = world_find_mailbox(o, a[2]);
	if (m == NULL || a[3] == NULL)
		return world_fail(w, "no mailbox %s", a[2]);
	if (strcmp(a[0], "authz") == 0)
		return expect_object(w, a[2], m->authz_url, a[3], a[4]);
	if (strcmp(a[0], "challenge") == 0)
		return expect_object(w, a[2], m->challenge_url, a[3], a[4]);
	return world_fail(w, "expect %s: not known", a[0]);
}

/* --- commands ------------------------------------------------------------ */

static int
do_mood(struct world *w, const char **a)
{
	static const char *const dns[] = { "ok", "fail", "bogus", NULL };
	static const char *const caa[] = { "none", "forbid", "fail", NULL };
	static const char *const relay[] = { "accept", "tempfail", "permfail",
		"unknown", NULL };
	int i;

	if (strcmp(a[0], "dns") == 0 && (i = index_of(a[1], dns)) >= 0)
		w->dns = (enum dns_mood)i;
	else if (strcmp(a[0], "caa") == 0 && (i = index_of(a[1], caa)) >= 0)
		w->caa = (enum caa_mood)i;
	else if (strcmp(a[0], "relay") == 0 && (i = index_of(a[1], relay)) >= 0)
		w->relay = (enum relay_mood)i;
	else
		return world_fail(w, "%s %s: not known", a[0], a[1]);
	return 0;
}

static int
do_command(struct world *w, const char **a, size_t n)
{
	if (strcmp(a[0], "account") == 0)
		return world_account(w);
	if (strcmp(a[0], "rekey") == 0 && n == 1)
		return world_rekey(w);
	if (strcmp(a[0], "leave") == 0 && n == 1)
		return world_leave(w);
	if (strcmp(a[0], "order") == 0 && n >= 3)
		return world_order(w, a[1], a + 2, n - 2);
	if (strcmp(a[0], "roles") == 0)
		return world_roles(w);
	if (strcmp(a[0], "post") == 0 && n == 3)
		return world_post(w, a[1], a[2]);
	if (strcmp(a[0], "authorize") == 0 && n == 3)
		return world_authorize(w, a[1], a[2]);
	if (strcmp(a[0], "deactivate") == 0 && n == 3)
		return world_deactivate(w, a[1], a[2]);
	if (strcmp(a[0], "finalize") == 0 && n == 2)
		return world_finalize(w, a[1]);
	if (strcmp(a[0], "revoke") == 0 && n == 3)
		return world_revoke(w, a[1], a[2]);
	if (strcmp(a[0], "forge") == 0 && n == 4)
		return world_forge(w, a[1], a[2], a[3]);
	if (strcmp(a[0], "reply") == 0 && n == 4)
		return world_reply(w, a[1], a[2], a[3]);
	if (strcmp(a[0], "expect") == 0)
		return do_expect(w, a + 1);
	if (strcmp(a[0], "advance") == 0 && n == 2) {
		w->now += atoi(a[1]);
		clock_set(w->now);
		return 0;
	}
	return do_mood(w, a);
}

/* `set policy_option value` lines come first: they are the configuration. */
static void
collect_settings(const struct script *s, struct world *w)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++) {
		char line[LINE_LEN];
		const char *words[WORDS_MAX];

		snprintf(line, sizeof(line), "%s", s->lines[i]);
		if (split(line, words) == 3 && strcmp(words[0], "set") == 0)
			n += (size_t)snprintf(w->settings + n,
			    sizeof(w->settings) - n, " %s = %s\n", words[1],
			    words[2]);
	}
}

static int
run_lines(const struct script *s, struct world *w)
{
	for (size_t i = 0; i < s->count; i++) {
		char line[LINE_LEN], why[sizeof(w->error)];
		const char *words[WORDS_MAX];
		size_t n;

		snprintf(line, sizeof(line), "%s", s->lines[i]);
		n = split(line, words);
		if (n == 0 || strcmp(words[0], "set") == 0)
			continue;
		if (do_command(w, words, n) < 0) {
			snprintf(why, sizeof(why), "%s", w->error);
			return world_fail(
			    w, "%s:%zu: %.900s", s->file, i + 1, why);
		}
	}
	return world_check_invariants(w);
}

/* One run; *points says how many places there are to stop at. */
static int
run_once(const struct script *s, bool pgsql, int stop_at, int *points,
    char *why, size_t why_max)
{
	struct world *w = calloc(1, sizeof(*w));
	int result;

	if (w == NULL)
		abort();
	collect_settings(s, w);
	result = world_open(w, pgsql);
	if (result == 0) {
		w->crash->stop_at = stop_at;
		result = run_lines(s, w);
		*points = w->crash->points;
	}
	snprintf(why, why_max, "%s", w->error);
	world_close(w);
	free(w);
	return result;
}

static int tests_run, tests_failed;

static void
report(int result, const char *name, const char *variant, const char *why)
{
	const char *base = strrchr(name, '/');

	tests_run++;
	tests_failed += result < 0;
	printf("%sok %d - %s (%s)\n", result < 0 ? "not " : "", tests_run,
	    base != NULL ? base + 1 : name, variant);
	if (result < 0)
		printf("# %s\n", why);
	fflush(stdout);
}

/* Each point, or one in so many: sanitizers make forks slow. */
static int
crash_step(void)
{
	const char *text = getenv("COUNTERSIGN_CRASH_STEP");
	int step = text != NULL ? atoi(text) : 1;

	return step > 1 ? step : 1;
}

static void
run_crashes(const struct script *s)
{
	char why[1200], variant[60];
	int points = 0, unused, result, step = crash_step();

	result = run_once(s, false, 0, &points, why, sizeof(why));
	for (int at = step; result == 0 && at <= points; at += step) {
		result = run_once(s, false, at, &unused, why, sizeof(why));
		snprintf(variant, sizeof(variant), "stopped at point %d of %d",
		    at, points);
		if (result < 0)
			report(result, s->file, variant, why);
	}
	snprintf(variant, sizeof(variant), "stopped at %d of %d points",
	    points / step, points);
	if (result == 0)
		report(0, s->file, variant, "");
}

static void
run_straight(const struct script *s, bool pgsql, const char *variant)
{
	char why[1200];
	int points, result = run_once(s, pgsql, 0, &points, why, sizeof(why));

	report(result, s->file, variant, why);
}

int
main(int argc, char **argv)
{
	static struct script s;

	for (int i = 1; i < argc; i++) {
		if (read_script(argv[i], &s) < 0) {
			report(-1, argv[i], "cannot be read", "");
			continue;
		}
		run_straight(&s, false, "SQLite");
		if (getenv("COUNTERSIGN_TEST_PGSQL") != NULL)
			run_straight(&s, true, "PostgreSQL");
		else
			printf("ok %d - %s # SKIP no PostgreSQL\n", ++tests_run,
			    s.file);
		run_crashes(&s);
	}
	printf("1..%d\n", tests_run);
	return tests_failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
