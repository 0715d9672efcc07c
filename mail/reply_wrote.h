/*
 * "Mallory wrote:" names nobody's mailbox and no time, and yet says whose text
 * follows (MA-61, decision 0036).
 */
#ifndef MAIL_REPLY_WROTE_H
#define MAIL_REPLY_WROTE_H

#include "lib/buf.h"

/* Do the words, without the colon behind them, end as attributions do in one
 * of many languages, or begin as those of Horde ("Quoting Mallory:"), with
 * what may be a name? */
bool reply_says_wrote(struct span words);

#endif
