/*
 * kill -9 while the issuer works, at random and before each thing that it
 * makes durable, with its key in a file and in a token: one certificate for
 * one order, no signature without a row (PK-143, PK-144, PK-145).
 *
 * COUNTERSIGN_TEST_KILLS=N and COUNTERSIGN_TEST_SEED=N in the environment: how
 * often at random (15; 1000 with `./run-tests --long`), and which.
 */
#include "config.h"

#include "tests/unit/role_lab.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/store_audit.h"
#include "db/store_cert.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "pki/ca.h"
#include "pki/certview.h"
#include "pki/issue.h"
#include "tests/unit/issuer_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/token_lab.h"

#define MAILBOX "mailbox0@example.org"
#define ORDERS 2
#define KILLS 15
#define KILLS_LONG 1000
#define KILLS_PER_BATCH 10
#define TRIES_MAX 20
#define LEASE_SECS 121
#define PLACES 8 /* of those where it may be killed; all with --long */

/* --- orders --------------------------------------------------------------- */

struct batch {
	struct job *j;
	bool in_token;
	struct role_lab labs[ORDERS];
};

static void
order_one(struct batch *b, struct role_lab *lab)
{
	struct lab_csr c;

	role_lab_init(lab, b->j);
	lab->conf.share_keys = true;
	issuer_lab_prove(lab);
	c = lab_csr(b->j, lab_key(KEY_TYPE_P256, 0), MAILBOX);
	role_lab_request_take(lab, lab_csr_make(b->j, &c));
}

static const char *
signatures_file(void)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/signatures", lab_folder());
	return path;
}

static void
begin(struct batch *b, struct job *j, bool in_token)
{
	*b = (struct batch){ .j = j, .in_token = in_token };
	issuer_lab_clean(j);
	for (size_t k = 0; k < ORDERS; k++)
		order_one(b, &b->labs[k]);
	fixture_sql(j, "UPDATE orders SET profile = 'mailbox-multipurpose'");
	issuer_lab_conf(j, &b->labs[0].conf.issuer);
	b->labs[0].conf.issuer.max_per_hour = 1000000;
	/* The list is made anew, too. */
	fixture_sql(j, "DELETE FROM crl");
	(void)unlink(signatures_file());
}

/* --- the process that is killed ------------------------------------------- */

/* Says what is about to be signed before it is: whatever the key has signed is
 * there, also where the signature was lost. */
struct witness {
	const struct signing_key *key;
	int fd;
};

static int
sign(struct job *j, void *context, const struct sig_alg *alg,
    struct span message, unsigned char out[SIGNATURE_MAX], size_t *out_len)
{
	const struct witness *w = context;
	uint8_t hash[SHA256_LEN];

	sha256(message, hash);
	if (span_has(message, SPAN(MAILBOX)) &&
	    write(w->fd, hash, sizeof(hash)) != sizeof(hash))
		_exit(90);
	return signing_key_use(j, w->key, alg, message, out, out_len);
}

static int
is_ready(struct job *j, void *context)
{
	const struct witness *w = context;

	return w->key->ready == NULL ? 0 : w->key->ready(j, w->key->context);
}

static int
load_ca(struct job *j, const struct batch *b, const struct ca **ca)
{
	const char *folder = lab_ca_folder("p256");
	struct token_place place = token_lab_place("issuing", "0a");
	struct ca_files files = {
		.certificate = arena_printf(j->arena, "%s/issuing.pem", folder),
		.chain = arena_printf(j->arena, "%s/root.pem", folder),
		.token = &place,
	};

	if (!b->in_token) {
		*ca = lab_ca("p256");
		return 0;
	}
	return ca_load(j, j->arena, &files, ca);
}

/* The issuer as it starts, until it has nothing to do. */
static int
work(struct job *j, void *ctx)
{
	const struct batch *b = ctx;
	struct issuer issuer = b->labs[0].issuer;
	struct witness w = { .fd = open(signatures_file(),
				 O_WRONLY | O_CREAT | O_APPEND, 0600) };
	struct signing_key key = {
		.sign = sign, .ready = is_ready, .context = &w
	};
	const struct ca *loaded;
	struct ca ca;
	int result;

	j->conf = &b->labs[0].conf;
	if (w.fd < 0 || load_ca(j, b, &loaded) < 0)
		return 91;
	ca = *loaded;
	w.key = ca.signer.key;
	ca.signer.key = &key;
	issuer.ca = &ca;
	if (store_order_recover(j) < 0)
		return 92;
	while ((result = issuer_step(&issuer, j)) > 0)
		job_recover(j);
	return result == 0 ? 0 : 93;
}

static int
start(struct batch *b, fixture_child_fn *how)
{
	if (b->in_token)
		token_lab_restore();
	return fixture_fork(how, b);
}

/* --- what must hold ------------------------------------------------------- */

static size_t
read_rows(const struct batch *b, struct cert rows[ORDERS])
{
	size_t count = 0;

	for (size_t k = 0; k < ORDERS; k++)
		if (store_cert_by_order(
			b->j, b->labs[k].order->id, &rows[count]) == 1)
			count++;
	return count;
}

/* Each signature is that of a row, and the rows are as many as their numbers:
 * how many rows have one. */
static size_t
check_signatures(const struct batch *b)
{
	bool is_signed[ORDERS] = { false };
	struct span log = { NULL, 0 };
	struct cert rows[ORDERS];
	size_t count = read_rows(b, rows), signatures = 0;

	if (file_is_regular(signatures_file()))
		EXPECT(
		    b->j, file_read(b->j, signatures_file(), 1 << 20, &log), 0);
	for (size_t at = 0; at + SHA256_LEN <= log.n; at += SHA256_LEN) {
		bool found = false;

		for (size_t k = 0; k < count; k++) {
			uint8_t hash[SHA256_LEN];

			sha256(rows[k].tbs, hash);
			if (memcmp(log.p + at, hash, sizeof(hash)) != 0)
				continue;
			found = is_signed[k] = true;
		}
		if (!found)
			fail_msg("a signature without a row");
	}
	for (size_t k = 0; k < count; k++)
		signatures += is_signed[k];
	return signatures;
}

static void
check_end(const struct batch *b)
{
	struct cert rows[ORDERS];
	int64_t records;

	assert_int_equal(check_signatures(b), ORDERS);
	assert_int_equal(read_rows(b, rows), ORDERS);
	assert_int_equal(
	    fixture_count(b->j, "SELECT COUNT(*) FROM cert"), ORDERS);
	assert_int_equal(
	    fixture_count(b->j, "SELECT COUNT(DISTINCT serial) FROM cert"),
	    ORDERS);
	for (size_t k = 0; k < ORDERS; k++) {
		struct order *o = fixture_reread(b->j, b->labs[k].order);
		struct certview view;

		assert_null(o->error);
		assert_string_equal(o->cert_id, rows[k].id);
		assert_true(rows[k].issued_at > 0);
		assert_int_equal(certview_parse(rows[k].der, &view), 0);
		assert_true(span_eq(view.tbs, rows[k].tbs));
		assert_true(issue_is_ours(lab_ca("p256"), rows[k].der));
		assert_int_equal(
		    fixture_count(
			b->j, arena_printf(b->j->arena,
				  "SELECT COUNT(*) FROM audit WHERE result = "
				  "'issued' AND object = 'order:%s'",
				  o->id)),
		    1);
	}
	EXPECT(b->j, store_audit_verify(b->j, &records), 0);
}

/*
 * Runs to the end what was killed.  A database server may commit for a process
 * that is gone after the next one has given its leases back: then the order
 * waits until the lease ends.
 */
static void
finish(struct batch *b)
{
	static const char issued[] =
	    "SELECT COUNT(*) FROM cert WHERE issued_at > 0";

	for (int tries = 0; tries < TRIES_MAX; tries++) {
		assert_int_equal(fixture_wait(start(b, work)), 0);
		if (fixture_count(b->j, issued) == ORDERS)
			break;
		role_lab_at(&b->labs[0], b->j->now + LEASE_SECS);
	}
	check_end(b);
}

/* --- at random ------------------------------------------------------------ */

static long
number_of(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text == NULL ? otherwise : strtol(text, NULL, 10);
}

static bool
is_long(void)
{
	return getenv("COUNTERSIGN_TEST_LONG") != NULL;
}

/* How long one takes that is not disturbed. */
static int64_t
measure(struct batch *b)
{
	int64_t before = clock_mono_ms();

	assert_int_equal(fixture_wait(start(b, work)), 0);
	check_end(b);
	return clock_mono_ms() - before + 1;
}

static bool
run_and_kill(struct batch *b, int64_t within_ms)
{
	int pid = start(b, work);
	int status;

	usleep((useconds_t)(random() % (within_ms * 1000)));
	(void)kill(pid, SIGKILL);
	status = fixture_wait(pid);
	if (status != 0 && status != 128 + SIGKILL)
		fail_msg("the issuer ended with %d", status);
	(void)check_signatures(b);
	return status != 0;
}

static void
kill_at_random(struct job *j, bool in_token)
{
	long kills =
	    number_of("COUNTERSIGN_TEST_KILLS", is_long() ? KILLS_LONG : KILLS);
	long seed = number_of("COUNTERSIGN_TEST_SEED", (long)getpid());
	struct batch b;
	int64_t ms;

	srandom((unsigned)seed);
	begin(&b, j, in_token);
	ms = measure(&b);
	for (long killed = 0; killed < kills;) {
		unit_case("seed %ld, after %ld kills", seed, killed);
		begin(&b, j, in_token);
		for (int k = 0; k < KILLS_PER_BATCH && killed < kills; k++) {
			if (!run_and_kill(&b, ms))
				break;
			killed++;
		}
		finish(&b);
	}
}

/* PK-144: also what the server still does for a process that is gone. */
static void
test_random(struct job *j)
{
	kill_at_random(j, false);
}

static void
test_random_token(struct job *j)
{
	NEEDS_TOKEN;
	kill_at_random(j, true);
}

/* --- before each thing that it makes durable ------------------------------ */

/* Until then a kill leaves what the one before it has left. */
static bool
is_place(long number)
{
	static const long places[] = {
		SYS_write,
		SYS_pwrite64,
		SYS_fsync,
		SYS_fdatasync,
		SYS_ftruncate,
		SYS_renameat,
		SYS_renameat2,
		SYS_unlinkat,
#ifdef SYS_rename
		SYS_rename,
		SYS_unlink,
#endif
	};

	for (size_t k = 0; k < COUNT(places); k++)
		if (places[k] == number)
			return true;
	return false;
}

static int
work_traced(struct job *j, void *ctx)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		return 95;
	raise(SIGSTOP);
	return work(j, ctx);
}

/* Runs it up to the place with this number, from 0 on, and kills it there: the
 * number of places that it came to, or -1: it may not be traced here. */
static long
kill_at(struct batch *b, long place)
{
	int pid = start(b, work_traced);
	struct __ptrace_syscall_info info;
	long seen = 0;
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 95)
		return -1;
	assert_true(WIFSTOPPED(status));
	ptrace(PTRACE_SETOPTIONS, pid, NULL,
	    (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status))
			break;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80) ||
		    ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info),
			&info) <= 0 ||
		    info.op != PTRACE_SYSCALL_INFO_ENTRY ||
		    !is_place((long)info.entry.nr))
			continue;
		if (seen++ == place)
			(void)kill(pid, SIGKILL);
	}
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return seen;
}

/* PK-144: between each pair of steps: the row and its commit, the signature,
 * the list, the certificate and its commit. */
static void
kill_everywhere(struct job *j, bool in_token)
{
	struct batch b;
	long places, stride;

	begin(&b, j, in_token);
	places = kill_at(&b, INT32_MAX);
	if (places < 0)
		UNIT_SKIP("processes may not be traced here");
	check_end(&b);
	assert_true(places > PLACES);
	stride = is_long() ? 1 : places / PLACES;
	for (long k = 0; k < places; k += stride) {
		unit_case("place %ld of %ld", k, places);
		begin(&b, j, in_token);
		(void)kill_at(&b, k);
		(void)check_signatures(&b);
		finish(&b);
	}
}

static void
test_everywhere(struct job *j)
{
	kill_everywhere(j, false);
}

static void
test_everywhere_token(struct job *j)
{
	NEEDS_TOKEN;
	kill_everywhere(j, true);
}

/* --- all ------------------------------------------------------------------ */

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_random),
	STORE_TEST_SQLITE(test_random_token),
	STORE_TEST_SQLITE(test_everywhere),
	STORE_TEST_SQLITE(test_everywhere_token),
};

int
main(void)
{
	EVP_PKEY *key;

	token_lab_start_empty();
	if (token_lab_is_there()) {
		key = lab_ca_key("p256");
		token_lab_import("issuing", "0a", key);
		token_lab_save();
		EVP_PKEY_free(key);
	}
	return unit_run(tests, COUNT(tests));
}
