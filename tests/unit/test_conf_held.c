/*
 * The configuration in use: every role reads what the supervisor has taken,
 * whatever the file says by then, and none of them can change it.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/conf.h"
#include "src/conf_held.h"

#define TEXT(url, limit)                                                       \
	"base_url = \"https://" url "\"\n"                                     \
	"ca_name = \"Example CA\"\n"                                           \
	"database = \"sqlite:/var/lib/db\"\n"                                  \
	"seal_key = seal.key\n"                                                \
	"policy {\n\tmax_identifiers = " limit "\n}\n"                         \
	"web {\n\tlisten = { \"unix:/run/acme\" }\n}\n"                        \
	"sender {\n\tfrom = \"acme@ca.example\"\n"                             \
	"\trelay_host = localhost\n\trelay_signs = yes\n}\n"                   \
	"validator {\n\timap_host = imap.ca.example\n"                         \
	"\timap_user = acme\n\timap_password = imap.pw\n}\n"                   \
	"issuer {\n\tca_certificate = ca.pem\n\tca_chain = root.pem\n"         \
	"\tca_key = ca.key\n\tca_key_passphrase = ca.pass\n"                   \
	"\tcrl_url = \"http://crl.ca.example/ca.crl\"\n"                       \
	"\tcrl_file = ca.crl\n}\n"

static const struct span first = SPAN_INIT(TEXT("one.example", "10"));
static const struct span other = SPAN_INIT(TEXT("two.example", "20"));

static void
note(void *ctx, const char *message)
{
	buf_addf(ctx, "%s\n", message);
}

/* What a role has that starts now; NULL: it cannot. */
static const struct conf *
load(int fd, const char **said)
{
	const struct conf *c = NULL;
	struct buf b;

	buf_init(&b, unit_job()->arena, 10000);
	buf_add_str(&b, "");
	if (conf_held_load(unit_job()->arena, fd, "/etc/x/countersign.conf",
		note, &b, &c) < 0)
		c = NULL;
	*said = b.p;
	return c;
}

static void
expect(int fd, int64_t max_identifiers)
{
	const char *said;
	const struct conf *c = load(fd, &said);

	assert_string_equal(said, "");
	assert_non_null(c);
	assert_int_equal(c->max_identifiers, max_identifiers);
	/* Only a restart of the supervisor can apply another. */
	assert_string_equal(c->base_url, "https://one.example");
	assert_string_equal(c->file, "/etc/x/countersign.conf");
	assert_string_equal(c->seal_key_file, "/etc/x/seal.key");
}

static void
test_newest(void **state)
{
	struct conf_held h;

	(void)state;
	assert_int_equal(conf_held_open(unit_job(), &h, first), 0);
	expect(h.fd, 10);
	conf_held_put(&h, other);
	expect(h.fd, 20);
	conf_held_put(&h, first);
	expect(h.fd, 10);
}

/* Nor by opening it again, as a process of the same user could. */
static void
expect_closed(int fd)
{
	assert_int_equal(pwrite(fd, "x", 1, 4096), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_ptr_equal(
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
	    MAP_FAILED);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

static void
test_closed(void **state)
{
	struct conf_held h;
	char path[64];
	int fd;

	(void)state;
	assert_int_equal(conf_held_open(unit_job(), &h, first), 0);
	expect_closed(h.fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", h.fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		expect_closed(fd);
	close(fd);
	expect(h.fd, 10);
}

static void
test_no_text(void **state)
{
	struct conf_held h;
	const char *said;

	(void)state;
	assert_int_equal(conf_held_open(unit_job(), &h, first), 0);
	/* Half of another one. */
	memcpy(h.room + 4096, other.p, other.n / 2);
	assert_null(load(h.fd, &said));
	assert_string_equal(
	    said, "what the supervisor holds is no configuration\n");
	assert_null(load(open("/dev/null", O_RDONLY | O_CLOEXEC), &said));
	assert_string_equal(
	    said, "what the supervisor holds is no configuration\n");
}

struct writer {
	const struct conf_held *held;
	atomic_bool stop;
};

static void *
write_always(void *ctx)
{
	struct writer *w = ctx;

	while (!atomic_load(&w->stop)) {
		conf_held_put(w->held, other);
		conf_held_put(w->held, first);
		usleep(100);
	}
	return NULL;
}

/* While another one is put there: the one or the other, never parts of both. */
static void
test_meanwhile(void **state)
{
	struct conf_held h;
	struct writer w = { .held = &h };
	pthread_t thread;

	(void)state;
	assert_int_equal(conf_held_open(unit_job(), &h, first), 0);
	assert_int_equal(pthread_create(&thread, NULL, write_always, &w), 0);
	for (int i = 0; i < 200; i++) {
		const char *said;
		const struct conf *c = load(h.fd, &said);

		assert_string_equal(said, "");
		assert_non_null(c);
		assert_true(
		    c->max_identifiers == 10 || c->max_identifiers == 20);
		job_reset(unit_job());
	}
	atomic_store(&w.stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Octets in use; under the sanitizers nobody counts them. */
static size_t
octets_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* A role that runs for years keeps every configuration that it ever took. */
static void
test_small(void **state)
{
	struct arena *keep = arena_new();
	const struct conf *c = NULL;
	struct conf_held h;
	struct buf said;
	size_t before = 0;

	(void)state;
	buf_init(&said, unit_job()->arena, 10000);
	assert_int_equal(conf_held_open(unit_job(), &h, first), 0);
	conf_held_put(&h, other);
	/* What libraries allocate once is not counted. */
	for (int i = 0; i < 2; i++) {
		before = octets_in_use();
		assert_int_equal(
		    conf_held_load(
			keep, h.fd, "/etc/x/countersign.conf", note, &said, &c),
		    0);
	}
	assert_true(octets_in_use() - before < (size_t)200 * 1024);
	arena_free(keep);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_newest),
	cmocka_unit_test(test_closed),
	cmocka_unit_test(test_no_text),
	cmocka_unit_test(test_meanwhile),
	cmocka_unit_test(test_small),
};

UNIT_MAIN(tests)
