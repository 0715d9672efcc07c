/*
 * Where an admin's two factors come from, and that nothing of them is left
 * when the command begins: PK-206, PK-199, PK-202.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/store_admin.h"
#include "db/store_audit.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/rnd.h"
#include "pki/ossl.h"
#include "pki/statement.h"
#include "src/admin_enter.h"
#include "src/admin_factors.h"
#include "tests/unit/admin_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/token_lab.h"

#define PASSWORD "correct horse battery"

static const char *const words[] = { "stop", "issuance" };
static const struct command_line line = { 2, (char **)(uintptr_t)words };

static const char *
path_of(struct job *j, const char *name)
{
	return arena_printf(j->arena, "%s/%s", lab_folder(), name);
}

static const char *
write_file(struct job *j, const char *name, mode_t mode, struct span text)
{
	const char *path = path_of(j, name);

	EXPECT(j, file_write(j, path, mode, text), 0);
	return path;
}

/* A descriptor behind which this can be read, as an option has it. */
static const char *
fd_with(struct job *j, struct span text)
{
	const char *path = write_file(j, "through-a-descriptor", 0600, text);
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	(void)unlink(path);
	return arena_printf(j->arena, "%d", fd);
}

static void
close_fd(const char *fd)
{
	close(atoi(fd)); /* NOLINT(cert-err34-c): ours */
}

/* --- --admin-password-fd, --admin-password-file --------------------------- */

static void
expect_secret(struct job *j, struct span text, const char *expected)
{
	struct admin_options o = { .name = "alice" };
	struct span got = { NULL, 0 };

	o.password_fd = fd_with(j, text);
	EXPECT(j, admin_password_get(j, &o, &got), 0);
	assert_span_equal(got, expected);
	close_fd(o.password_fd);
}

static void
test_pk_206_password_fd(void **state)
{
	struct job *j = unit_job();
	struct admin_options o = { .name = "alice" };
	struct span got = { NULL, 0 }, next = { NULL, 0 };
	char most[1024 + 1] = { 0 };

	(void)state;
	memset(most, 'x', sizeof(most) - 1);
	expect_secret(j, SPAN(PASSWORD), PASSWORD);
	expect_secret(j, SPAN(PASSWORD "\n"), PASSWORD);
	expect_secret(j, SPAN(PASSWORD "\r\n"), PASSWORD);
	expect_secret(j, SPAN(" " PASSWORD " \nmore"), " " PASSWORD " ");
	expect_secret(j, SPAN(""), "");
	expect_secret(j, SPAN("\nnot this one"), "");
	expect_secret(j, span_str(most), most);
	/* What follows the first line is for whoever reads next. */
	o.password_fd = o.passphrase_fd = fd_with(j, SPAN("one\ntwo\n"));
	EXPECT(j, admin_password_get(j, &o, &got), 0);
	assert_int_equal(admin_read_secret(j, NULL, o.passphrase_fd, &next), 1);
	assert_span_equal(got, "one");
	assert_span_equal(next, "two");
	/* Programs that are started later have it no more. */
	assert_true(fcntl(atoi(o.password_fd), F_GETFD) & FD_CLOEXEC);
	close_fd(o.password_fd);
}

static void
expect_no_secret(struct job *j, const struct admin_options *o, const char *says)
{
	struct span got = { NULL, 0 };

	assert_int_equal(admin_password_get(j, o, &got), -1);
	unit_case("%s", j->err.text);
	assert_non_null(strstr(j->err.text, says));
	assert_null(strstr(j->err.text, "xxxx"));
	job_recover(j);
}

static void
test_pk_206_password_wrongly_given(void **state)
{
	static const char *const numbers[] = { "", "x", "-1", "3x", "99999" };
	struct job *j = unit_job();
	struct admin_options o = { .name = "alice" };
	char much[2000] = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		o.password_fd = numbers[i];
		expect_no_secret(j, &o, "give the number of an open");
	}
	/* Closed. */
	o.password_fd = fd_with(j, SPAN(PASSWORD));
	close_fd(o.password_fd);
	expect_no_secret(j, &o, "give the number of an open");
	/* Open, but not for reading; and a folder. */
	o.password_fd = arena_printf(
	    j->arena, "%d", open("/dev/null", O_WRONLY | O_CLOEXEC));
	expect_no_secret(j, &o, "Bad file descriptor");
	close_fd(o.password_fd);
	memset(much, 'x', sizeof(much) - 1);
	o.password_fd = fd_with(j, span_str(much));
	expect_no_secret(j, &o, "at most 1024 octets");
	close_fd(o.password_fd);
	o.password_file = write_file(j, "password", 0400, SPAN(PASSWORD));
	expect_no_secret(j, &o, "not both");
	o.password_fd = NULL;
	(void)chmod(o.password_file, 0444);
	expect_no_secret(j, &o, "others than its owner can read");
	(void)chmod(o.password_file, 0600);
	expect_no_secret(j, &o, "0400");
	o.password_file = path_of(j, "nothing");
	expect_no_secret(j, &o, "nothing");
}

/* --- --admin-token -------------------------------------------------------- */

static void
add_admin(struct job *j, struct span spki)
{
	admin_lab_add(j, "alice", ADMIN_OPERATOR,
	    &(struct admin_key){ .spki = spki }, SPAN(PASSWORD));
}

/* The keys of this test's token, as labels and ids. */
static struct span first_key, second_key;

static struct admin_options
token_options(struct job *j, const char *label, const char *id)
{
	struct token_place place = token_lab_place(label, id);

	return (struct admin_options){ .name = "alice",
		.password_fd = fd_with(j, SPAN(PASSWORD "\n")),
		.token_module = place.module,
		.token = place.token,
		.token_label = label,
		.token_id = id,
		.token_pin_file = place.pin_file };
}

static int
enter(struct job *j, const struct admin_options *o)
{
	enum admin_role role = ADMIN_AUDITOR;
	int result = admin_enter(
	    j, o, act_row(ACT_STOP), &line, "operator:tester", &role);

	if (result == 0)
		assert_int_equal(role, ADMIN_OPERATOR);
	close_fd(o->password_fd);
	return result;
}

/* What is wrong with the token is told on standard error, which is not looked
 * at here; the record says that there was no signature. */
static void
expect_not_entered(struct job *j, const struct admin_options *o)
{
	struct audit_row *rows;
	size_t n;

	assert_int_equal(enter(j, o), -1);
	assert_job_error(j, ERR_UNAUTHORIZED, NULL);
	assert_non_null(strstr(j->err.text, "not accepted"));
	job_recover(j);
	EXPECT(j, store_audit_list(j, "admin:alice", &rows, &n), 0);
	assert_non_null(strstr(rows[n - 1].detail, "no signature"));
	fixture_sql(j, "DELETE FROM admin_try");
}

static void
test_pk_206_token(struct job *j)
{
	struct admin_options o;
	size_t count;

	NEEDS_TOKEN;
	add_admin(j, first_key);
	o = token_options(j, "first", "01");
	EXPECT(j, enter(j, &o), 0);
	/* The next one, in the same token; then the first one is nobody's. */
	COMMITTED(
	    j, store_admin_key_set(j, "alice",
		   &(struct admin_key){ .spki = second_key }, "admin:alice"));
	o = token_options(j, "first", "01");
	EXPECT(j, enter(j, &o), 0);
	o = token_options(j, "second", "02");
	EXPECT(j, enter(j, &o), 0);
	o = token_options(j, "first", "01");
	expect_not_entered(j, &o);
	EXPECT(j, admin_verify(j, "alice", &count), 0);
	assert_int_equal(count, 3);
}

static void
test_pk_206_token_wrongly_given(struct job *j)
{
	struct admin_options o;

	NEEDS_TOKEN;
	add_admin(j, first_key);
	/* The key of somebody else, and one that is not there. */
	o = token_options(j, "second", "02");
	expect_not_entered(j, &o);
	o = token_options(j, "third", "03");
	expect_not_entered(j, &o);
	/* The token is not there, nor is the module. */
	o = token_options(j, "first", "01");
	o.token = "another";
	expect_not_entered(j, &o);
	o = token_options(j, "first", "01");
	o.token_module = "/nothing.so";
	expect_not_entered(j, &o);
	/* Something is missing; two ways at once. */
	o = token_options(j, "first", "01");
	o.token_pin_file = NULL;
	expect_not_entered(j, &o);
	o = token_options(j, "first", "01");
	o.key = "/nothing.pem";
	expect_not_entered(j, &o);
	o = token_options(j, "first", "01");
	(void)chmod(o.token_pin_file, 0444);
	expect_not_entered(j, &o);
	(void)chmod(o.token_pin_file, 0400);
	o = token_options(j, "first", "01");
	EXPECT(j, enter(j, &o), 0);
}

/* PK-199: one try; the right one does not help until a person has looked. */
static void
test_pk_206_pk_199_token_pin(struct job *j)
{
	struct admin_options o;

	NEEDS_TOKEN;
	add_admin(j, first_key);
	token_lab_save();
	token_lab_write("pin", 0400, "not-the-pin\n");
	o = token_options(j, "first", "01");
	expect_not_entered(j, &o);
	token_lab_write("pin", 0400, TOKEN_PIN "\n");
	o = token_options(j, "first", "01");
	expect_not_entered(j, &o);
	token_lab_restore();
	o = token_options(j, "first", "01");
	EXPECT(j, enter(j, &o), 0);
}

/* --- what is left of them ------------------------------------------------- */

/* The secrets are written down with their bits turned, so that neither the
 * test nor its children hold what they look for. */
#define TURNED 0xa5
#define NEEDLES 3 /* password, passphrase, the key's number */
#define NEEDLE_LEN 32

struct needles {
	unsigned char v[NEEDLES][NEEDLE_LEN];
};

static void
turn(unsigned char out[NEEDLE_LEN], const void *secret, bool backwards)
{
	const unsigned char *p = secret;

	for (size_t i = 0; i < NEEDLE_LEN; i++)
		out[i] = p[backwards ? NEEDLE_LEN - 1 - i : i] ^ TURNED;
}

/* As it lies in memory: the lowest octet first. */
static void
turn_number(EVP_PKEY *key, unsigned char out[NEEDLE_LEN])
{
	unsigned char octets[NEEDLE_LEN];
	BIGNUM *number = NULL;

	assert_int_equal(
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
	assert_int_equal(BN_bn2binpad(number, octets, NEEDLE_LEN), NEEDLE_LEN);
	turn(out, octets, true);
	BN_clear_free(number);
	OPENSSL_cleanse(octets, sizeof(octets));
}

static void
random_text(char out[NEEDLE_LEN + 1])
{
	uint8_t octets[NEEDLE_LEN / 2];

	rnd_bytes(octets, sizeof(octets));
	for (size_t i = 0; i < sizeof(octets); i++)
		snprintf(out + 2 * i, 3, "%02x", octets[i]);
	OPENSSL_cleanse(octets, sizeof(octets));
}

/* Makes the factors, in files; what else it knows ends with it. */
static int
make_factors(struct job *j, void *unused)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char password[NEEDLE_LEN + 1], passphrase[NEEDLE_LEN + 1];
	struct password_hash hash;
	struct needles n;

	(void)unused;
	random_text(password);
	random_text(passphrase);
	write_file(j, "needle-password", 0400, span_str(password));
	write_file(j, "needle-passphrase", 0400, span_str(passphrase));
	write_file(j, "needle-spki", 0600, lab_spki(j, key));
	assert_int_equal(
	    password_hash_at(j, span_str(password), 16, 1, &hash), 0);
	write_file(j, "needle-salt", 0600, hash.salt);
	write_file(j, "needle-hash", 0600, hash.hash);
	write_file(j, "needle-key", 0600,
	    admin_lab_pem(j, key, span_str(passphrase)).secret);
	turn(n.v[0], password, false);
	turn(n.v[1], passphrase, false);
	turn_number(key, n.v[2]);
	write_file(j, "needles", 0600, span_mem(&n, sizeof(n)));
	EVP_PKEY_free(key);
	return 0;
}

static bool
is_there(const unsigned char *p, size_t n, const unsigned char *needle)
{
	for (size_t i = 0; i + NEEDLE_LEN <= n; i++) {
		size_t k = 0;

		while (k < NEEDLE_LEN && (p[i + k] ^ TURNED) == needle[k])
			k++;
		if (k == NEEDLE_LEN)
			return true;
	}
	return false;
}

#define PIECE ((size_t)1 << 20)

static int
look_through(int memory, off_t from, off_t to, const struct needles *n,
    unsigned char *room)
{
	int found = 0;

	while (from < to) {
		size_t want =
		    to - from < (off_t)PIECE ? (size_t)(to - from) : PIECE;
		ssize_t got = pread(memory, room, want, from);

		for (int i = 0; got > 0 && i < NEEDLES; i++)
			if (is_there(room, (size_t)got, n->v[i]))
				found |= 1 << i;
		/* What lies across the border is seen the next time. */
		from += (off_t)want < (off_t)PIECE
			    ? (off_t)want
			    : (off_t)(PIECE - NEEDLE_LEN);
	}
	return found;
}

/* In a child, as a program that a command starts begins: bits of what its
 * memory holds. */
static int
search_memory(const struct needles *n)
{
	static unsigned char room[PIECE];
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	FILE *maps = fopen("/proc/self/maps", "r");
	char text[1024], rights[5];
	unsigned long long from, to;
	int found = 0;

	assert_true(memory >= 0 && maps != NULL);
	while (fgets(text, sizeof(text), maps) != NULL)
		if (sscanf(text, "%llx-%llx %4s", &from, &to, rights) == 3 &&
		    rights[0] == 'r' && rights[1] == 'w')
			found |= look_through(
			    memory, (off_t)from, (off_t)to, n, room);
	fclose(maps);
	close(memory);
	return found;
}

static int
search_in_child(const struct needles *n)
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(search_memory(n));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static struct span
read_back(struct job *j, const char *name)
{
	struct span out = { NULL, 0 };

	EXPECT(j, file_read(j, path_of(j, name), 4096, &out), 0);
	return out;
}

static void
test_pk_206_no_secret_is_inherited(struct job *j)
{
	const struct admin_options o = { .name = "alice",
		.password_file = path_of(j, "needle-password"),
		.key = path_of(j, "needle-key"),
		.passphrase_file = path_of(j, "needle-passphrase") };
	struct admin a = { .name = "alice",
		.role = ADMIN_OPERATOR,
		.approved_at = j->now,
		.password = { .n = 16, .r = 8, .p = 1 } };
	const struct span nobody[ADMIN_KEYS] = { { NULL, 0 } };
	struct span got = { NULL, 0 };
	struct needles n;

#if defined(__SANITIZE_ADDRESS__)
	UNIT_SKIP(
	    "the address sanitizer's memory is too large to look through");
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	UNIT_SKIP(
	    "the address sanitizer's memory is too large to look through");
#endif
#endif
	for (size_t i = 0; i < 2; i++)
		(void)unlink(i == 0 ? o.password_file : o.passphrase_file);
	assert_int_equal(fixture_wait(fixture_fork(make_factors, NULL)), 0);
	memcpy(&n, read_back(j, "needles").p, sizeof(n));
	a.next.spki = read_back(j, "needle-spki");
	a.password.salt = read_back(j, "needle-salt");
	a.password.hash = read_back(j, "needle-hash");
	admin_lab_conf(j);
	COMMITTED(j, store_admin_add(j, &a));
	assert_int_equal(search_in_child(&n), 0);
	EXPECT(j,
	    admin_enter(j, &o, act_row(ACT_AUDIT_SAMPLE), &line,
		"operator:tester", &a.role),
	    0);
	assert_int_equal(search_in_child(&n), 0);
	/* It would be seen: as they lie in a job that has not ended. */
	EXPECT(j, admin_password_get(j, &o, &got), 0);
	assert_int_equal(search_in_child(&n), 1);
	EXPECT(j,
	    admin_signature_get(
		j, &o, nobody, SPAN(STATEMENT_FIRST_LINE "{}\n"), &got),
	    0);
	assert_int_equal(search_in_child(&n), 7);
}

/* --- the program that signs ----------------------------------------------- */

/* It is started before a password is read, and gets no descriptor of it. */
static void
test_pk_206_signer_gets_no_password(struct job *j)
{
	const char *program = write_file(j, "signer", 0700,
	    SPAN("#!/bin/sh\nls /proc/self/fd | tr -d '\\n'\n"));
	struct admin_options o = { .name = "alice",
		.password_fd = fd_with(j, SPAN(PASSWORD "\n")),
		.signer = program };
	const struct span nobody[ADMIN_KEYS] = { { NULL, 0 } };
	struct span got = { NULL, 0 };

	EXPECT(j,
	    admin_signature_get(
		j, &o, nobody, SPAN(STATEMENT_FIRST_LINE "{}\n"), &got),
	    0);
	/* Its standard three, and the folder that ls reads. */
	assert_span_equal(got, "0123");
	close_fd(o.password_fd);
}

static void
start(void)
{
	struct job *j = unit_job();
	EVP_PKEY *keys[] = { EVP_EC_gen("P-256"), EVP_RSA_gen(2048) };
	static char first[128], second[512];

	token_lab_start_empty();
	if (!token_lab_is_there())
		return;
	token_lab_import("first", "01", keys[0]);
	token_lab_import("second", "02", keys[1]);
	first_key = lab_spki(j, keys[0]);
	second_key = lab_spki(j, keys[1]);
	memcpy(first, first_key.p, first_key.n);
	memcpy(second, second_key.p, second_key.n);
	first_key.p = first;
	second_key.p = second;
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_pk_206_password_fd),
	cmocka_unit_test(test_pk_206_password_wrongly_given),
	STORE_TEST_SQLITE(test_pk_206_no_secret_is_inherited),
	STORE_TEST_SQLITE(test_pk_206_signer_gets_no_password),
	STORE_TEST_SQLITE(test_pk_206_pk_199_token_pin),
	STORE_TEST(test_pk_206_token),
	STORE_TEST_SQLITE(test_pk_206_token_wrongly_given),
};

int
main(void)
{
	start();
	return unit_run(tests, COUNT(tests));
}
