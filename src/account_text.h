/*
 * An account on standard output: for people, or as one JSON object a line
 * (countersign accounts, countersign account).
 */
#ifndef SRC_ACCOUNT_TEXT_H
#define SRC_ACCOUNT_TEXT_H

#include <stdbool.h>

struct account;
struct job;

/* What a list says of it. */
void account_print_line(struct job *j, const struct account *a, bool json);
/*
 * All of it, with its former keys, and with `orders` those of its orders that
 * have not failed, the newest thousand: 0, or -1 with the job's error.
 */
int account_show(
    struct job *j, const struct account *a, bool json, bool orders);

#endif
