/*
 * For the tests of the lints for subscriber certificates: a good one is taken
 * apart, a part is changed, and it is put together and signed again.
 */
#ifndef TESTS_UNIT_LINT_LAB_H
#define TESTS_UNIT_LINT_LAB_H

#include "pki/csr.h"
#include "pki/issue.h"

#define LINT_LAB_EXTENSIONS_MAX 12

/* Where each extension of a good one stands. */
enum { AKI, SKI, KU, POLICIES, SAN, EKU, CRL_DP, AIA };

struct lint_lab_certificate {
	struct job *j;
	struct issue_input in; /* what lint_certificate() is told */
	struct csr csr;
	struct span version; /* with [0] */
	struct span serial;  /* content */
	struct span inner, outer;
	struct span issuer;
	struct span validity;
	struct span subject;
	struct span spki;
	struct span unique_id;
	struct span extensions[LINT_LAB_EXTENSIONS_MAX];
	size_t extension_count;
	struct span after; /* behind everything */
	int64_t now;
};

/* The field of these times. */
struct span lint_lab_validity(struct job *j, int64_t from, int64_t to);

/* A good lint certificate, taken apart: for a profile, or for LAB_PROFILE; key,
 * usage and mailboxes as for issue_lab_input(). */
void lint_lab_good_for(struct job *j, const struct profile *profile,
    struct lint_lab_certificate *c, EVP_PKEY *key, int usage,
    const char *const *mailboxes, size_t count);
void lint_lab_good(struct job *j, struct lint_lab_certificate *c, EVP_PKEY *key,
    int usage, const char *const *mailboxes, size_t count);

/* Another value (hex) for the extension at this place, or other names. */
void lint_lab_set_extension(struct lint_lab_certificate *c, size_t i,
    struct span oid, bool critical, const char *hex);
void lint_lab_set_names(struct lint_lab_certificate *c, struct span names);

/* Put together, and signed by the CA "p256". */
struct span lint_lab_build(const struct lint_lab_certificate *c);

/* The result that the report gives for a lint; "" if it did not run. */
const char *lint_lab_result(struct job *j, const char *report, const char *id);

#endif
