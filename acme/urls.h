/*
 * PK-133: no certificate names a URL that nobody has seen answered.  In public
 * mode the web role asks at finalize, and the issuer before it takes a serial
 * number; countersign ca check-urls fetches and records.
 */
#ifndef ACME_URLS_H
#define ACME_URLS_H

#include <stddef.h>

struct job;

/* What certificates of the CA carry, and its own certificate. */
struct urls {
	const char *ca_label;
	const char *const *v;
	size_t n; /* 0: nothing is asked */
};

/* The first that was never answered: 1 and *out, 0, -1. */
int urls_missing(struct job *j, const struct urls *u, const char **out);

#endif
