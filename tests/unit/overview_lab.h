/* How the service stands, as an admin sees it. */
#ifndef TESTS_UNIT_OVERVIEW_LAB_H
#define TESTS_UNIT_OVERVIEW_LAB_H

#include "tests/unit/role_lab.h"

/* A server whose configuration has what is looked at. */
void overview_start(struct role_lab *lab, struct job *j);
/* What is printed now, and how many lines are WRONG. */
const char *overview_look(struct job *j, bool json, unsigned *wrong);
/* The line is there, from its first character on; or this text nowhere. */
void expect_line(struct job *j, const char *line);
void expect_no_line(struct job *j, const char *line);

#endif
