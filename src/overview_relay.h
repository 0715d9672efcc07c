/*
 * Of how the service stands (src/overview.h): challenge mails that the relay
 * does not take.
 */
#ifndef SRC_OVERVIEW_RELAY_H
#define SRC_OVERVIEW_RELAY_H

#include <stddef.h>

struct job;
struct order;
struct remarks;

/* Nothing is said of mails that were asked for a short while ago: a relay may
 * put one off. */
#define OVERVIEW_RELAY_SECS 900

/* Of these orders, which are pending. */
void overview_relay(
    struct job *j, struct remarks *r, const struct order *orders, size_t count);

#endif
