/*
 * Moments as clients write them (RFC 3339 section 5.6, AC-92): any offset, a
 * fraction of any length, T and Z in either case, as the grammar has it.
 * Writing them is clock_format_rfc3339(): UTC and whole seconds (AC-20).
 */
#ifndef LIB_RFC3339_H
#define LIB_RFC3339_H

#include <stdint.h>

#include "lib/buf.h"

/*
 * 0 and the second since 1970 in which the moment lies (a fraction is cut
 * off), or -1: another form, a day that the month does not have, or a leap
 * second, for which there is no number.
 */
int rfc3339_parse(struct span text, int64_t *secs);

#endif
