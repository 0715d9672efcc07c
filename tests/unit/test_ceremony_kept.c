/*
 * What a root signs with only when all that it has signed before is there
 * (PK-135, PK-209): after a backup was put back in parts.
 */
#include "config.h"

#include <dirent.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/fdio.h"
#include "pki/ceremony_root.h"
#include "tests/unit/ceremony_lab.h"
#include "tests/unit/pki_lab.h"
#include "tests/unit/unit.h"

#define LIST_MAX (64 * 1024)

struct made {
	struct job *j;
	struct ceremony root;
	const char *request; /* the folder with it */
	const char *out;
};

static struct made
make(void)
{
	struct job *j = lab_job();
	const char *dir = ceremony_lab_dir(j);
	struct made m = { .j = j,
		.root = ceremony_lab(j, arena_printf(j->arena, "%s/root", dir)),
		.request = arena_printf(j->arena, "%s/issuing", dir),
		.out = arena_printf(j->arena, "%s/again.pem", dir) };

	ceremony_lab_whole(j, dir, NULL, NULL);
	m.root.j = j;
	return m;
}

static void
refused(struct made *m, int result, const char *text)
{
	assert_int_equal(result, -1);
	if (strstr(m->j->err.text, text) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", text, m->j->err.text);
	job_recover(m->j);
}

static int
sign(struct made *m)
{
	struct ceremony_sign in = ceremony_lab_sign(m->j, m->request, m->out);

	return ceremony_sign(&m->root, &in);
}

static struct span
the_list(struct made *m)
{
	struct span list;

	if (file_read(
		m->j, ceremony_path(&m->root, "root.crl"), LIST_MAX, &list) < 0)
		fail_msg("%s", m->j->err.text);
	return list;
}

static uint64_t
number(struct made *m)
{
	struct ceremony_cert root;
	struct crl_input list;

	assert_int_equal(ceremony_cert_read(
			     m->j, ceremony_path(&m->root, "root.pem"), &root),
	    0);
	assert_int_equal(ceremony_list_read(&m->root, "root.crl",
			     X509_get0_pubkey(root.x509), &list),
	    0);
	return list.number;
}

static const char *
issued(struct made *m)
{
	DIR *d = opendir(ceremony_path(&m->root, "issued"));
	const struct dirent *e;
	const char *name = NULL;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			name =
			    arena_printf(m->j->arena, "issued/%s", e->d_name);
	closedir(d);
	assert_non_null(name);
	return ceremony_path(&m->root, name);
}

/* PK-135: without it, name and key would get a second certificate. */
static void
test_issued(void **state)
{
	struct made m = make();
	const char *path = issued(&m);
	const char *away = arena_printf(m.j->arena, "%s.away", m.out);
	(void)state;

	assert_int_equal(rename(path, away), 0);
	refused(
	    &m, sign(&m), "is missing, and the transcript has it; put back");
	refused(&m, ceremony_root_crl(&m.root, NULL, 0), "put back");
	assert_int_equal(access(m.out, F_OK), -1);
	assert_int_equal(rename(away, path), 0);
	assert_int_equal(sign(&m), 0);
}

/* PK-153: two lists with one number, of which the second lacks an entry. */
static void
test_older_list(void **state)
{
	struct made m = make();
	struct span first = the_list(&m), third;
	const char *path = ceremony_path(&m.root, "root.crl");
	(void)state;

	assert_int_equal(
	    ceremony_root_crl(&m.root, ceremony_path(&m.root, "root.pem"), 4),
	    -1);
	job_recover(m.j);
	assert_int_equal(ceremony_root_crl(&m.root, issued(&m), 4), 0);
	assert_int_equal(ceremony_root_crl(&m.root, NULL, 0), 0);
	assert_int_equal(number(&m), 3);
	third = the_list(&m);
	assert_int_equal(file_write(m.j, path, 0444, first), 0);
	refused(&m, ceremony_root_crl(&m.root, NULL, 0),
	    "is older than the root's last list; put back");
	assert_true(span_eq(the_list(&m), first));
	assert_int_equal(unlink(path), 0);
	refused(&m, ceremony_init_root(&m.root, &ceremony_lab_root, "p384"),
	    "is missing, and was not the first; put back");
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(file_write(m.j, path, 0444, third), 0);
	assert_int_equal(ceremony_root_crl(&m.root, NULL, 0), 0);
	assert_int_equal(number(&m), 4);
}

/* PK-153: an empty one takes the place of the only one, with its own number. */
static void
test_only_list(void **state)
{
	struct made m = make();
	(void)state;

	assert_int_equal(number(&m), 1);
	assert_int_equal(unlink(ceremony_path(&m.root, "root.crl")), 0);
	assert_int_equal(
	    ceremony_init_root(&m.root, &ceremony_lab_root, "p384"), 0);
	assert_int_equal(number(&m), 2);
}

/* An act that was stopped between a list and its line goes on. */
static void
test_stopped(void **state)
{
	struct made m = make();
	struct span transcript =
	    ceremony_lab_read(m.j, m.root.dir, "transcript");
	(void)state;

	assert_int_equal(ceremony_root_crl(&m.root, NULL, 0), 0);
	assert_int_equal(file_write(m.j, ceremony_path(&m.root, "transcript"),
			     0644, transcript),
	    0);
	assert_int_equal(ceremony_root_crl(&m.root, NULL, 0), 0);
	assert_int_equal(number(&m), 3);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_issued),
	cmocka_unit_test(test_older_list),
	cmocka_unit_test(test_only_list),
	cmocka_unit_test(test_stopped),
};
UNIT_MAIN(tests)
