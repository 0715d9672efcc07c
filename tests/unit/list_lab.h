/*
 * For the tests of revocation lists: an issuer that has made none yet, its
 * certificates, and its lists as they lie in files.
 */
#ifndef TESTS_UNIT_LIST_LAB_H
#define TESTS_UNIT_LIST_LAB_H

#include "lib/conf.h"
#include "src/role_issuer.h"

struct job;

#define LIST_LAB_SPKI SPAN("the key") /* of all certificates */

struct list_lab {
	struct job *j;
	struct conf conf;
	struct issuer issuer;
	const char *account;
	const char *cert_url; /* of the list that list_lab_cert() names */
	unsigned certs;
};

/* At FIXTURE_NOW; the job's configuration is the laboratory's from now on. */
void list_lab_init(struct list_lab *lab, struct job *j);

/* A certificate of this issuer that ends then: its id, cert1, cert2, ...; their
 * numbers are 0101, 0102, ... */
const char *list_lab_cert(struct list_lab *lab, int64_t not_after);
/* One of this number, which is its id too, from now until then. */
void list_lab_issue(
    struct list_lab *lab, const char *serial, int64_t not_after);
/* Rows c1, c2, ... of this issuer that are nobody's certificates, revoked with
 * reason 4 and due since FIXTURE_NOW; their numbers are 01100001, 01100002, ...
 */
void list_lab_revoked_rows(struct list_lab *lab, const char *count);

/* Until nothing is due: how many lists were signed. */
int64_t list_lab_publish(struct list_lab *lab);
/* When the next one is. */
int64_t list_lab_due(struct list_lab *lab);

/* What OpenSSL finds in the file of the only list: "0101:4 0103:0". */
const char *list_lab_listed(struct list_lab *lab);
/* The file of this one, as it is. */
struct span list_lab_file(struct list_lab *lab, int64_t shard);
bool list_lab_has(struct list_lab *lab, int64_t shard, const char *serial);
/* "MIN", "MAX" or "COUNT" of the numbers of all lists. */
int64_t list_lab_number(struct job *j, const char *which);

#endif
