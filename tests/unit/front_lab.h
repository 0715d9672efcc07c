/*
 * For the tests of the pages for admins: two admins who may get in, and a
 * browser's requests.  All text lives as long as the test's job.
 */
#ifndef TESTS_UNIT_FRONT_LAB_H
#define TESTS_UNIT_FRONT_LAB_H

#include "acme/response.h"
#include "src/admin_front.h"
#include "tests/unit/role_lab.h"

#define PASSWORD "correct horse battery"
#define PASSWORD_FORM "password=correct+horse%20battery"
#define ALICE SPAN("the key of alice")
#define BOB SPAN("the key of bob")
#define IDLE INT64_C(900)

extern struct front_lab {
	struct role_lab role; /* one order, and what happens to it */
	struct admin_front *front;
} front_lab;

/* Begins again, with alice and bob. */
void front_lab_start(struct job *j);
void front_lab_add(
    struct job *j, const char *name, struct span key, bool is_proven);

struct response front_lab_ask(struct job *j, struct admin_query q);
struct response front_lab_post(struct job *j, const char *path, struct span key,
    const char *cookie, const char *form);
struct response front_lab_get(
    struct job *j, const char *target, struct span key, const char *cookie);

/* A field of the answer, or "". */
const char *front_lab_field(const struct response *r, const char *name);
/* The cookie as the browser sends it back. */
const char *front_lab_cookie(struct job *j, const struct response *r);

/* Right name, key and password: the cookie. */
const char *front_lab_log_in(struct job *j, const char *name, struct span key);
/* What alice sees. */
const char *front_lab_page(
    struct job *j, const char *target, const char *cookie);
void front_lab_expect(const char *text, const char *what);

#endif
