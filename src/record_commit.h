/*
 * Some items of the queue (src/record_queue.h), in their order: verdicts
 * together, and after them what the mailbox has put away.
 */
#ifndef SRC_RECORD_COMMIT_H
#define SRC_RECORD_COMMIT_H

#include <stdint.h>

struct record_item;
struct store;

/*
 * Commits up to RECORD_BATCH_MAX verdicts: 0; or -1, which the log has said,
 * and *failed_uid is that of a message whose own fault it may be, else 0.  What
 * came before it is committed.  `store`: the caller's thread's; NULL for that
 * of each item.
 */
int record_commit(
    struct record_item *first, struct store *store, int64_t *failed_uid);

#endif
