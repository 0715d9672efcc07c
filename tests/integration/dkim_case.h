/*
 * What the DKIM oracles read on standard input: cases, one after another.
 *
 *	case DOMAIN NOW RECORDS LENGTH [NOTE]
 *	NAME<tab>TEXT              so many RECORDS
 *	…                          LENGTH octets of message
 *
 * One line per case comes out: "pass", or why not.  A signer writes each
 * message with its signature instead, the same way: "LENGTH", a line end, and
 * so many octets.
 */
#ifndef TESTS_INTEGRATION_DKIM_CASE_H
#define TESTS_INTEGRATION_DKIM_CASE_H

#include <stddef.h>

#define DKIM_CASE_RECORDS 16

struct dkim_case {
	char domain[256];
	long long now;
	size_t record_count;
	char *names[DKIM_CASE_RECORDS], *texts[DKIM_CASE_RECORDS];
	char *message;
	size_t message_len;
};

/* 1, or 0 at the end of input; leaves the program if the input is broken. */
int dkim_case_read(struct dkim_case *c);
void dkim_case_free(struct dkim_case *c);
/* The text at a name, compared without case, or NULL. */
const char *dkim_case_text(const struct dkim_case *c, const char *name);

#endif
