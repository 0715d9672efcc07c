/*
 * For the tests of src/sandbox.h: each role in a process of its own, confined
 * as it is with one configuration or another, tries something.
 */
#ifndef TESTS_UNIT_SANDBOX_LAB_H
#define TESTS_UNIT_SANDBOX_LAB_H

#include "lib/conf.h"
#include "src/sandbox.h"
#include "tests/unit/unit.h"

enum sandbox_lab_outcome {
	WORKS,
	REFUSED,
	KILLED,
};

/* Who is confined: roles, and those whose configuration asks for more. */
enum sandbox_lab_who {
	ISSUER,
	WEB,
	SENDER,
	VALIDATOR,
	WITH_LMTP,
	WITH_COMMAND,
	ISSUER_POSTGRESQL,
	UPSTREAM_ACME,
	UPSTREAM_HOOK,
	PERSPECTIVE,
	LOOKUPS,
	ISSUER_TOKEN,
	SIGNER,
	SIGNER_ANY,
	SIGNER_CLOSED,
	OCSP_SIGNER,
	ADMIN,
	WHO_COUNT
};

extern const char *const sandbox_lab_names[];

struct sandbox_lab_attempt {
	const char *what;
	int (*try)(struct job *j);
	enum sandbox_lab_outcome expected[WHO_COUNT];
};

/* What all of them are configured by, but for what sandbox_lab_configure() sets
 * for one of them: its files are in a folder of this program. */
extern struct conf sandbox_lab_conf;
const char *sandbox_lab_path(struct job *j, const char *name);

enum role sandbox_lab_configure(enum sandbox_lab_who who);
/* What its role takes in, as sandbox_enter() has it. */
const char *sandbox_lab_intake(enum sandbox_lab_who who);

/* What comes of it in a process of that role.  Descriptor 100 is a socket. */
enum sandbox_lab_outcome sandbox_lab_try(
    enum role role, const char *intake, const struct sandbox_lab_attempt *a);

/* For an attempt: 0, or errno of what a system call has returned. */
int sandbox_lab_tried(int result);

/* Without what it takes: seccomp, and this version of Landlock. */
bool sandbox_lab_is_unable(int version);

/* As unit_run(), with these files. */
int sandbox_lab_run(const struct CMUnitTest *tests, size_t count);

#endif
