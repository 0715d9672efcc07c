/*
 * The event loop that libunbound runs in.  The library's own asynchronous mode
 * needs a thread or a process; given a loop it needs neither: it asks for
 * sockets to be watched and timers to be set, and its caller turns the loop
 * while a question is open.  Nothing happens between two turns.
 *
 * One loop belongs to one context and is freed after it.
 */
#ifndef DNS_UNBOUND_LOOP_H
#define DNS_UNBOUND_LOOP_H

#include <stdint.h>

struct ub_event_base;
struct unbound_loop;

struct unbound_loop *unbound_loop_new(void);
void unbound_loop_free(struct unbound_loop *loop); /* NULL-safe */

/* What ub_ctx_create_ub_event() wants; it lives as long as the loop. */
struct ub_event_base *unbound_loop_base(struct unbound_loop *loop);

/* One turn: waits wait_ms at most, and calls back for all that is ready or due.
 * 0; or -1, and errno says why poll() failed. */
int unbound_loop_turn(struct unbound_loop *loop, int64_t wait_ms);

#endif
