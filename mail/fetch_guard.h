/*
 * What a server sends is looked at before libetpan reads it: with lists inside
 * of lists, thousands deep, its parser runs out of stack, and a BADCHARSET with
 * its list makes it read from nowhere.  Both end the process, and the first
 * line comes before TLS (STARTTLS), from whoever is on the way.
 *
 * Octets are judged as they come, in pieces of any size.  The literals of
 * messages are passed over: whatever is in a mail is none of this.  The words
 * of a BYE are kept, which libetpan calls an answer that it cannot read.
 */
#ifndef MAIL_FETCH_GUARD_H
#define MAIL_FETCH_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"

#define FETCH_GUARD_HEAD 120

/* All zero before the first octet. */
struct fetch_guard {
	char head[FETCH_GUARD_HEAD]; /* how the line begins */
	uint32_t head_n;
	uint32_t opened;  /* lists that were in it so far */
	uint32_t matched; /* octets of BADCHARSET */
	bool in_string, is_escaped;
	bool in_number, is_number;
	char last; /* that is no blank */
	uint64_t number;
	uint64_t literal; /* octets of one that are still to come */
	/* Of all lines: why the server ends the session, "BYE" and its words;
	 * empty if it does not say.  Last, as the rest is of one line. */
	char farewell[FETCH_GUARD_HEAD];
};

/* NULL, or what is wrong with it. */
const char *fetch_guard_see(struct fetch_guard *g, struct span octets);

#endif
