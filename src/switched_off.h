/*
 * The rules that an operator may switch off in private mode, each by a key of
 * its own, and no others (pki.md section 0, its mark ◦).  Public mode refuses
 * these values (src/conf_check_policy.c).
 */
#ifndef SRC_SWITCHED_OFF_H
#define SRC_SWITCHED_OFF_H

#include <stddef.h>

struct conf;

struct switched_off {
	const char *rule;   /* "PK-25" */
	const char *option; /* its full name, as in conf_check.h */
	const char *value;  /* that switches the rule off */
	const char *effect; /* for people: what no longer holds */
};

/* The i-th that the configuration switches off; NULL after the last. */
const struct switched_off *switched_off_at(const struct conf *conf, size_t i);

/* One warning for each of them. */
void switched_off_log(const struct conf *conf);

#endif
