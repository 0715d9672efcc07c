/*
 * The first list of a CA: the one of its ceremony, the service's own, and what
 * is served where the database was emptied: PK-153, PK-156, PK-182, PK-209.
 */
#include "config.h"

#include "tests/unit/store_fixture.h"

#include <string.h>
#include <unistd.h>

#include "db/store_crl.h"
#include "lib/conf.h"
#include "lib/fdio.h"
#include "pki/ca.h"
#include "pki/crl.h"
#include "src/role_issuer.h"
#include "src/status_answer.h"
#include "tests/unit/list_lab.h"
#include "tests/unit/status_lab.h"

#define HOUR 3600
#define DAY (24 * HOUR)

/* As a ceremony makes it (PK-209, step 10). */
static void
ceremony_list(struct list_lab *lab, struct crl *out)
{
	struct job *j = lab->j;
	const struct crl_input in = { .number = CRL_NUMBER_OF_CEREMONY,
		.this_update = j->now,
		.next_update = crl_next_update(j->now) };

	*out = (struct crl){ .ca_label = ca_key_label(lab->issuer.ca),
		.number = (int64_t)in.number,
		.this_update = in.this_update,
		.next_update = in.next_update };
	EXPECT(j, crl_sign(j, lab->issuer.ca, &in, &out->der), 0);
}

static int
import(struct job *j, const struct crl *list)
{
	int result;

	EXPECT(j, store_begin(j), 0);
	result = store_crl_import(j, list);
	EXPECT(j, store_commit(j), 0);
	return result;
}

/* PK-209: who never heard of the ceremony makes no second list of its number;
 * told late, it changes nothing. */
static void
test_not_imported(struct job *j)
{
	struct crl first;
	struct list_lab lab;

	list_lab_init(&lab, j);
	ceremony_list(&lab, &first);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	status_lab_at(j, FIXTURE_NOW + HOUR);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_int_equal(list_lab_number(j, "MIN"), 2);
	assert_int_equal(import(j, &first), 1);
	assert_int_equal(list_lab_publish(&lab), 0);
	assert_false(span_eq(list_lab_file(&lab, 0), first.der));
	status_lab_at(j, FIXTURE_NOW + 2 * DAY);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_int_equal(list_lab_number(j, "MAX"), 3);
	assert_int_equal(list_lab_number(j, "COUNT"), 3);
}

/* PK-209, PK-156: it is published as it is, until the next one is due. */
static void
test_imported(struct job *j)
{
	struct crl first, other;
	struct list_lab lab;

	list_lab_init(&lab, j);
	ceremony_list(&lab, &first);
	assert_int_equal(import(j, &first), 1);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	status_lab_at(j, FIXTURE_NOW + HOUR);
	assert_int_equal(list_lab_publish(&lab), 0);
	assert_true(span_eq(list_lab_file(&lab, 0), first.der));
	/* given again, and another one of this number */
	assert_int_equal(import(j, &first), 0);
	ceremony_list(&lab, &other);
	assert_int_equal(import(j, &other), CRL_IS_OTHER);
	status_lab_at(j, FIXTURE_NOW + DAY);
	assert_int_equal(list_lab_publish(&lab), 1);
	assert_int_equal(list_lab_number(j, "MAX"), 2);
	assert_false(span_eq(list_lab_file(&lab, 0), first.der));
	/* long ago: the octets of an old list are not kept */
	fixture_sql(j, "UPDATE crl SET der = NULL WHERE number = 1");
	assert_int_equal(import(j, &first), CRL_IS_UNKNOWN);
}

static size_t
published(struct job *j)
{
	return (size_t)fixture_count(j, "SELECT COUNT(*) FROM audit WHERE "
					"event = 'revocation list published'");
}

/* PK-156, PK-182: the service begins days later.  The list is not late, since
 * nobody waited; and once it is over it is not put out, whether the next one
 * can be made or not. */
static void
test_imported_old(struct job *j)
{
	struct crl_input out;
	struct crl first;
	struct list_lab lab;

	list_lab_init(&lab, j);
	ceremony_list(&lab, &first);
	assert_int_equal(import(j, &first), 1);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	status_lab_at(j, first.next_update - 1);
	unit_log_begin();
	EXPECT(j, issuer_list_step(&lab.issuer, j), 1);
	assert_null(strstr(unit_log_end(), "late"));
	assert_true(span_eq(list_lab_file(&lab, 0), first.der));
	assert_int_equal(published(j), 1);

	/* a process that knows nothing of it, and cannot make another */
	assert_int_equal(unlink(lab.conf.issuer.crl_file), 0);
	lab.issuer.written[0] = 0;
	status_lab_revoke(j, list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY), 4);
	fixture_sql(j, "ALTER TABLE blocked_key RENAME TO away");
	status_lab_at(j, first.next_update);
	unit_log_begin();
	assert_int_equal(issuer_list_step(&lab.issuer, j), -1);
	assert_null(strstr(unit_log_end(), "late"));
	job_recover(j);
	EXPECT(j, issuer_list_restore(&lab.issuer, j), 0);
	assert_false(file_is_regular(lab.conf.issuer.crl_file));
	assert_int_equal(published(j), 1);
	fixture_sql(j, "ALTER TABLE away RENAME TO blocked_key");
	assert_int_equal(list_lab_publish(&lab), 1);
	EXPECT(j, crl_read(j, lab.issuer.ca, list_lab_file(&lab, 0), &out), 0);
	assert_true(out.number > CRL_NUMBER_OF_CEREMONY);
	assert_int_equal(published(j), 2);
}

/* PK-153: what is served knows more than a database that was emptied.  The
 * list of a ceremony is no reason to refuse one that is new. */
static void
test_emptied(struct job *j)
{
	static const char empty[] =
	    "DELETE FROM crl; DELETE FROM crl_shard; DELETE FROM cert";
	struct crl first;
	struct list_lab lab;
	const char *id;

	list_lab_init(&lab, j);
	status_lab_at(j, FIXTURE_NOW - HOUR);
	ceremony_list(&lab, &first);
	status_lab_at(j, FIXTURE_NOW);
	EXPECT(j, file_write(j, lab.conf.issuer.crl_file, 0644, first.der), 0);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	fixture_sql(j, "DELETE FROM crl_shard");
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	id = list_lab_cert(&lab, FIXTURE_NOW + 365 * DAY);
	assert_int_equal(list_lab_publish(&lab), 1);
	status_lab_at(j, FIXTURE_NOW + HOUR);
	status_lab_revoke(j, id, 1);
	assert_int_equal(list_lab_publish(&lab), 1);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
	fixture_sql(j, empty);
	assert_int_equal(issuer_list_start(&lab.issuer, j), -1);
	assert_non_null(strstr(j->err.text,
	    "the database knows nothing of this CA, which has signed list "
	    "number 3 in "));
	assert_non_null(strstr(j->err.text, "restore the database"));
	job_recover(j);
	assert_int_equal(fixture_count(j, "SELECT count(*) FROM crl_shard"), 0);
	assert_int_equal(
	    unlink(status_shard_file(j->arena, &lab.conf.issuer, 0)), 0);
	EXPECT(j, issuer_list_start(&lab.issuer, j), 0);
}

static const struct CMUnitTest tests[] = {
	STORE_TEST(test_not_imported),
	STORE_TEST(test_imported),
	STORE_TEST(test_imported_old),
	STORE_TEST(test_emptied),
};
UNIT_MAIN(tests)
