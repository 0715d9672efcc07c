/*
 * Does From say that a list wrote it (MA-47, decisions 0058 and 0063)?  Where
 * the poster's domain lets nobody else send for it, a list writes its own
 * address there (RFC 7960 section 4.1.3.1), and who wrote into the name or
 * behind it: "Mallory via Friends", "Friends (on behalf of Mallory)".  Its
 * domain signs that, and From is always signed.
 */
#ifndef MAIL_REPLY_VIA_H
#define MAIL_REPLY_VIA_H

#include <stdbool.h>

#include "lib/buf.h"

struct job;

/* `from` is the field's body, in which addr_list_from() has read `address`. */
bool reply_via_list(struct job *j, struct span from, const char *address);

#endif
