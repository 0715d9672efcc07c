/*
 * What the audit is told of starts, crashes, configurations and profiles:
 * PK-19.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include "db/store_conf_use.h"
#include "db/store_life.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "pki/profile.h"
#include "src/conf_held.h"
#include "src/profile_watch.h"
#include "src/role.h"
#include "src/role_life.h"
#include "src/wake.h"
#include "src/worker.h"

#include <string.h>

#define NAME "validator imap"
#define BEFORE_AFTER(before, after)                                            \
	"'{\"before\":\"" before "\",\"after\":\"" after "\"}'"

static int64_t
events(struct job *j, const char *event)
{
	return fixture_count(
	    j, arena_printf(j->arena,
		   "SELECT COUNT(*) FROM audit WHERE event = '%s' AND object = "
		   "'role:" NAME "'",
		   event));
}

/* Of all roles: one each time, by whom and which. */
static int64_t
changes(struct job *j)
{
	int64_t all = fixture_count(j, "SELECT COUNT(*) FROM audit WHERE event "
				       "= 'configuration changed'");

	assert_int_equal(
	    all, fixture_count(j,
		     "SELECT COUNT(*) FROM audit WHERE event = "
		     "'configuration changed' AND object = 'configuration' AND "
		     "result = 'ok'"));
	return all;
}

static int64_t
changes_of(struct job *j, const char *actor, const char *detail)
{
	return fixture_count(
	    j, arena_printf(j->arena,
		   "SELECT COUNT(*) FROM audit WHERE event = "
		   "'configuration changed' AND actor = '%s' AND detail = %s",
		   actor, detail));
}

/* Starts it after one that the supervisor saw end in order, or (0) did not; was
 * the audit told? */
static bool
start_after(
    struct job *j, const char *name, const char *conf_sha256, int64_t ended_at)
{
	struct conf *c = arena_alloc(j->arena, sizeof(*c));
	bool told = false;

	*c = (struct conf){ .sha256 = conf_sha256 };
	j->conf = c;
	EXPECT(j, role_life_begin(j, name, ended_at, &told), 0);
	return told;
}

static bool
start(struct job *j, const char *name, const char *conf_sha256)
{
	return start_after(j, name, conf_sha256, 0);
}

static bool
starts(struct job *j, const char *conf_sha256)
{
	return start(j, NAME, conf_sha256);
}

static void
test_start_and_end(struct job *j)
{
	assert_string_equal(
	    role_life_name(j->arena, ROLE_VALIDATOR, "imap"), NAME);
	assert_string_equal(role_life_name(j->arena, ROLE_WEB, NULL), "web");
	/* Each start after an end is told of, however soon. */
	for (int i = 1; i <= 3; i++) {
		assert_true(starts(j, "aa"));
		EXPECT(j, role_life_end(j, NAME), 0);
		assert_int_equal(events(j, "role started"), i);
	}
	assert_int_equal(
	    fixture_count(j,
		"SELECT COUNT(*) FROM audit WHERE event = 'role started' AND "
		"detail = '{\"version\":\"" PACKAGE_VERSION
		"\",\"configuration_sha256\":\"aa\"}'"),
	    3);
	assert_int_equal(events(j, "role crashed"), 0);
	assert_int_equal(changes(j), 0);
}

static void
test_crashes(struct job *j)
{
	assert_true(starts(j, "aa"));
	/* A loop: one record a minute, which says how many. */
	for (int i = 0; i < 59; i++) {
		j->now++;
		assert_false(starts(j, "aa"));
	}
	assert_int_equal(events(j, "role crashed"), 1);
	assert_int_equal(events(j, "role started"), 1);
	j->now += 60;
	assert_true(starts(j, "aa"));
	assert_int_equal(events(j, "role crashed"), 2);
	assert_int_equal(events(j, "role started"), 2);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM audit WHERE detail LIKE "
			     "'%\"crashes\":59}'"),
	    1);
	/* A row of a clock that was ahead does not silence it. */
	j->now -= 86400;
	assert_true(starts(j, "aa"));
	assert_int_equal(events(j, "role crashed"), 3);
}

/* PK-19: one that ended as it was told to, and could not record it, has not
 * crashed; the one that follows it, and what knows of no such end, has. */
static void
test_ended_unrecorded(struct job *j)
{
	int64_t ended_at;

	assert_true(starts(j, "aa"));
	j->now += 5;
	ended_at = j->now;
	assert_true(start_after(j, NAME, "aa", ended_at));
	assert_int_equal(events(j, "role crashed"), 0);
	assert_int_equal(events(j, "role started"), 2);
	/* Killed in the same second, before it was ready: the supervisor still
	 * says the same. */
	assert_false(start_after(j, NAME, "aa", ended_at));
	assert_int_equal(events(j, "role crashed"), 1);
	j->now += 60;
	assert_true(starts(j, "aa"));
	assert_int_equal(events(j, "role crashed"), 2);
}

/* As another name has left it. */
static void
put_life(struct job *j, const char *host, const char *role, bool is_running,
    int64_t started_at)
{
	const struct role_life l = { .host = host,
		.role = role,
		.version = PACKAGE_VERSION,
		.conf_sha256 = "aa",
		.is_running = is_running,
		.started_at = started_at,
		.seen_at = started_at };
	const struct conf_use u = { .host = host,
		.file = "/c.conf",
		.used_sha256 = "aa",
		.file_sha256 = "aa",
		.restart = "",
		.refused = "" };

	EXPECT(j, store_begin(j), 0);
	EXPECT(j, store_life_put(j, &l), 0);
	EXPECT(j, store_conf_use_put(j, &u), 0);
	EXPECT(j, store_commit(j), 0);
}

static int64_t
hosts(struct job *j, const char *table)
{
	return fixture_count(
	    j, arena_printf(
		   j->arena, "SELECT COUNT(DISTINCT host) FROM %s", table));
}

/* A machine that has a new name and a database of its own: what it was before
 * is what it is; of machines that share one nobody knows. */
static void
test_renamed(struct job *j)
{
	put_life(j, "former", NAME, false, 5);
	put_life(j, "before", NAME, true, 7);
	put_life(j, "before", "sender", true, 7);
	put_life(j, "former", "web", true, 9);
	put_life(j, role_life_host(j), "web", false, 3);
	assert_true(starts(j, "aa"));
	if (fixture_is_pgsql()) {
		assert_int_equal(hosts(j, "role_life"), 3);
		assert_int_equal(hosts(j, "conf_use"), 3);
		assert_int_equal(events(j, "role crashed"), 0);
		return;
	}
	assert_int_equal(hosts(j, "role_life"), 1);
	assert_int_equal(hosts(j, "conf_use"), 1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM role_life"), 3);
	assert_int_equal(events(j, "role crashed"), 1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM role_life WHERE "
			     "is_running = 1 AND started_at = 7 AND "
			     "role = 'sender'"),
	    1);
	assert_int_equal(
	    fixture_count(j, "SELECT COUNT(*) FROM role_life WHERE "
			     "is_running = 0 AND role = 'web'"),
	    1);
}

static void
test_forget(struct job *j)
{
	put_life(j, "one", NAME, true, 5);
	put_life(j, "two", NAME, true, 5);
	EXPECT(j, store_begin(j), 0);
	assert_int_equal(store_life_forget(j, "three"), 0);
	assert_int_equal(store_life_forget(j, "one"), 1);
	assert_int_equal(store_life_forget(j, "one"), 0);
	EXPECT(j, store_commit(j), 0);
	assert_int_equal(hosts(j, "role_life"), 1);
	assert_int_equal(hosts(j, "conf_use"), 1);
}

/* By a start, a crash in between or not: the issuer tells of it. */
static void
test_configuration(struct job *j)
{
	assert_true(starts(j, "aa"));
	assert_true(start(j, "issuer", "aa"));
	assert_true(starts(j, "bb"));
	assert_int_equal(changes(j), 0);
	assert_true(start(j, "issuer", "bb"));
	assert_int_equal(changes(j), 1);
	assert_int_equal(changes_of(j, "issuer", BEFORE_AFTER("aa", "bb")), 1);
	EXPECT(j, role_life_end(j, "issuer"), 0);
	assert_true(start(j, "issuer", "bb"));
	assert_int_equal(changes(j), 1);
}

static void
change(struct job *j, const char *before)
{
	EXPECT(j, store_begin(j), 0);
	EXPECT(j, role_life_change(j, before), 0);
	EXPECT(j, store_commit(j), 0);
}

/* By SIGHUP: the supervisor does, once for all, and what roles do with it then
 * leaves no other. */
static void
test_reload(struct job *j)
{
	struct conf after = { .sha256 = "cc" };

	assert_true(starts(j, "bb"));
	assert_true(start(j, "issuer", "bb"));
	j->conf = &after;
	change(j, "bb");
	assert_int_equal(changes(j), 1);
	assert_int_equal(
	    changes_of(j, "supervisor", BEFORE_AFTER("bb", "cc")), 1);
	EXPECT(j, role_life_conf(j, NAME), 0);
	EXPECT(j, role_life_conf(j, "issuer"), 0);
	assert_int_equal(changes(j), 1);
	/* Killed before it took it, or after. */
	j->now++;
	assert_false(start(j, "issuer", "cc"));
	assert_int_equal(changes(j), 1);
	EXPECT(j, role_life_end(j, NAME), 0);
	assert_true(starts(j, "cc"));
	assert_int_equal(changes(j), 1);
	/* There and back again are two. */
	after.sha256 = "bb";
	j->conf = &after;
	change(j, "cc");
	assert_int_equal(
	    changes_of(j, "supervisor", BEFORE_AFTER("cc", "bb")), 1);
}

static int64_t
profile_events(struct job *j, const char *event)
{
	return fixture_count(
	    j, arena_printf(j->arena,
		   "SELECT COUNT(*) FROM audit WHERE event = 'profile %s'",
		   event));
}

static void
expect_profiles(
    struct job *j, int64_t introduced, int64_t changed, int64_t retired)
{
	/* The second look finds nothing. */
	for (int i = 0; i < 2; i++) {
		EXPECT(j, profile_watch(j), 0);
		assert_int_equal(profile_events(j, "introduced"), introduced);
		assert_int_equal(profile_events(j, "changed"), changed);
		assert_int_equal(profile_events(j, "retired"), retired);
	}
}

static void
test_profiles(struct job *j)
{
	struct profile own = profiles[0];
	struct conf conf = { .own_profiles = &own, .own_profile_count = 1 };
	int64_t ships = (int64_t)profile_count;

	own.name = "own";
	own.days = 100;
	j->conf = &conf;
	expect_profiles(j, ships + 1, 0, 0);
	own.days = 99;
	expect_profiles(j, ships + 1, 1, 0);
	/* Back again: the same text as at first. */
	own.days = 100;
	expect_profiles(j, ships + 1, 2, 0);
	conf.own_profile_count = 0;
	expect_profiles(j, ships + 1, 2, 1);
	conf.own_profile_count = 1;
	expect_profiles(j, ships + 2, 2, 1);
	assert_int_equal(fixture_count(j, "SELECT COUNT(*) FROM profile_text "
					  "WHERE name = 'own' AND text <> ''"),
	    2);
}

/* What a role with much to do has shown of itself since its last item. */
struct busy {
	struct role_env *env;
	int steps;
};

#define ITEMS 3

static int
busy_step(void *ctx, struct job *j)
{
	struct busy *b = ctx;

	/* It was long silent before this item, and is not any more. */
	assert_true(b->env->seen_ms > 0);
	assert_int_equal(
	    fixture_count(
		j, "SELECT COUNT(*) FROM role_life WHERE seen_at > 0"),
	    1);
	b->env->seen_ms = -ROLE_LIFE_SECS * 1000;
	fixture_sql(j, "UPDATE role_life SET seen_at = 0");
	if (++b->steps == ITEMS)
		role_stop(true);
	return 1;
}

static int
busy_due(void *ctx, struct job *j, int64_t *at)
{
	(void)ctx;
	(void)j;
	(void)at;
	return 0;
}

/* PK-19: one whose work does not end shows that it lives all the same. */
static void
test_busy(struct job *j)
{
	struct role_env env = { .name = "sender", .store = j->store };
	struct busy b = { .env = &env };

	start(j, "sender", "aa");
	env.conf = j->conf;
	env.role = &b;
	env.seen_ms = -ROLE_LIFE_SECS * 1000;
	fixture_sql(j, "UPDATE role_life SET seen_at = 0");
	assert_int_equal(
	    worker_loop(&env, ROLE_SENDER, busy_step, busy_due), 0);
	role_stop(false);
	assert_int_equal(b.steps, ITEMS);
}

static int64_t
troubles(struct job *j, const char *what)
{
	return fixture_count(j,
	    arena_printf(j->arena,
		"SELECT COUNT(*) FROM role_life WHERE role = '" NAME "' AND %s",
		what));
}

/* Written when it is another one, and gone with the next start. */
static void
test_trouble(struct job *j)
{
	struct role_env env = { .keep = j->arena,
		.conf = j->conf,
		.store = j->store,
		.name = NAME };

	starts(j, "aa");
	env.conf = j->conf;
	role_trouble(&env, NULL);
	assert_int_equal(troubles(j, "trouble IS NULL"), 1);
	role_trouble(&env, "login refused");
	assert_int_equal(troubles(j, "trouble = 'login refused'"), 1);
	fixture_sql(j, "UPDATE role_life SET trouble = 'as it was'");
	role_trouble(&env, "login refused");
	assert_int_equal(troubles(j, "trouble = 'as it was'"), 1);
	role_trouble(&env, "what \xff said");
	assert_int_equal(troubles(j, "trouble = 'its log says what'"), 1);
	role_trouble(&env, NULL);
	assert_int_equal(troubles(j, "trouble IS NULL AND trouble_at = 0"), 1);
	role_trouble(&env, "login refused");
	starts(j, "aa");
	assert_int_equal(troubles(j, "trouble IS NULL AND trouble_at = 0"), 1);
}

/* While it cannot be written a turn of the role's loop does not wait for that
 * each time; when it can, it is. */
static void
test_trouble_not_written(struct job *j)
{
	struct role_env env = {
		.keep = j->arena, .store = j->store, .name = NAME
	};

	starts(j, "aa");
	env.conf = j->conf;
	fixture_sql(j, "ALTER TABLE role_life RENAME TO away");
	role_trouble(&env, "login refused");
	fixture_sql(j, "ALTER TABLE away RENAME TO role_life");
	assert_in_range(
	    env.untold_ms, clock_mono_ms(), clock_mono_ms() + ROLE_OWED_MS);
	role_trouble(&env, "login refused");
	assert_int_equal(troubles(j, "trouble IS NULL"), 1);
	env.untold_ms = clock_mono_ms();
	role_trouble(&env, "login refused");
	assert_int_equal(troubles(j, "trouble = 'login refused'"), 1);
}

static const struct span held = SPAN_INIT(
    "base_url = \"https://acme.example\"\nca_name = \"Example CA\"\n"
    "database = \"sqlite:/var/lib/db\"\nseal_key = seal.key\n"
    "web {\n\tlisten = { \"unix:/run/acme\" }\n}\n"
    "sender {\n\tfrom = \"acme@ca.example\"\n"
    "\trelay_host = localhost\n\trelay_signs = yes\n}\n"
    "validator {\n\timap_host = imap.ca.example\n"
    "\timap_user = acme\n\timap_password = imap.pw\n}\n"
    "issuer {\n\tca_certificate = ca.pem\n\tca_chain = root.pem\n"
    "\tca_key = ca.key\n\tca_key_passphrase = ca.pass\n"
    "\tcrl_url = \"http://crl.ca.example/ca.crl\"\n\tcrl_file = ca.crl\n"
    "}\n");

/* Starts on record that say so. */
static int64_t
starts_with(struct job *j, const char *conf_sha256)
{
	return fixture_count(j,
	    arena_printf(j->arena,
		"SELECT COUNT(*) FROM audit WHERE event = 'role started' AND "
		"detail LIKE '%%\"configuration_sha256\":\"%s\"}'",
		conf_sha256));
}

/* Takes what is held, as on SIGHUP. */
static int64_t
notes_conf(struct job *j, struct role_env *env)
{
	role_hang_up();
	role_tend(env);
	assert_false(role_is_stopping());
	return troubles(
	    j, arena_printf(j->arena, "conf_sha256 = '%s'", env->conf->sha256));
}

/* What the row says of the one before is not lost while the start is not on
 * record: the start then says with which configuration it is. */
static void
test_reload_while_owed(struct job *j)
{
	struct conf before = { .sha256 = "bb", .file = "/etc/x/c.conf" };
	struct role_env env = { .keep = arena_new(),
		.store = j->store,
		.name = NAME,
		.is_owed = true };
	struct conf_held h;

	starts(j, "aa");
	EXPECT(j, conf_held_open(j, &h, held), 0);
	env.held_fd = h.fd;
	env.conf = &before;
	env.tried_ms = env.seen_ms = clock_mono_ms();
	assert_int_equal(notes_conf(j, &env), 0);
	assert_string_not_equal(env.conf->sha256, "bb");
	assert_int_equal(troubles(j, "conf_sha256 = 'aa'"), 1);
	env.tried_ms = clock_mono_ms() - ROLE_OWED_MS;
	role_tend(&env);
	assert_false(env.is_owed);
	assert_int_equal(starts_with(j, env.conf->sha256), 1);
	/* And as ever from then on. */
	fixture_sql(j, "UPDATE role_life SET conf_sha256 = 'aa'");
	assert_int_equal(notes_conf(j, &env), 1);
	arena_free(env.keep);
}

#define FAILING_STEPS 3

/* Fails so often that it is no passing trouble, then does its work. */
static int
failing_step(void *ctx, struct job *j)
{
	struct busy *b = ctx;

	wake_send(1u << ROLE_VALIDATOR);
	assert_int_equal(
	    troubles(j, "trouble IS NULL"), b->steps == FAILING_STEPS ? 0 : 1);
	if (b->steps++ < FAILING_STEPS)
		return job_fail(j, ERR_INTERNAL, "issuing.crl: cannot create");
	assert_int_equal(
	    troubles(j, "trouble = 'issuing.crl: cannot create'"), 1);
	role_stop(true);
	return 1;
}

/* So that countersign status tells of a list that cannot be written, say. */
static void
test_failing(struct job *j)
{
	struct role_env env = { .name = NAME, .store = j->store };
	struct busy b = { .env = &env };
	int fds[ROLE_COUNT];

	assert_int_equal(wake_create(fds), 0);
	wake_adopt(fds, ROLE_VALIDATOR);
	starts(j, "aa");
	env.conf = j->conf;
	env.role = &b;
	env.seen_ms = clock_mono_ms();
	assert_int_equal(
	    worker_loop(&env, ROLE_VALIDATOR, failing_step, busy_due), 0);
	role_stop(false);
	assert_int_equal(b.steps, FAILING_STEPS + 1);
	assert_int_equal(troubles(j, "trouble IS NULL"), 1);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_start_and_end),
	STORE_TEST(test_crashes),
	STORE_TEST(test_ended_unrecorded),
	STORE_TEST(test_renamed),
	STORE_TEST(test_forget),
	STORE_TEST(test_configuration),
	STORE_TEST(test_reload),
	STORE_TEST(test_profiles),
	STORE_TEST(test_busy),
	STORE_TEST(test_trouble),
	STORE_TEST(test_trouble_not_written),
	STORE_TEST(test_reload_while_owed),
	STORE_TEST(test_failing),
};

UNIT_MAIN(tests)
