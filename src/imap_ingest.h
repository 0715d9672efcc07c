/*
 * From a mailbox to verdicts: everything new in the selected folder is listed,
 * loaded in groups, judged in its order, recorded (src/record_queue.h), and put
 * away once its verdict is committed (ER-21).
 */
#ifndef SRC_IMAP_INGEST_H
#define SRC_IMAP_INGEST_H

struct role_env;
struct validator;

/* Everything new, oldest first, and what was left over before: 0; or -1, which
 * the log has said, and the connection is to be made anew. */
int imap_ingest(struct validator *v, struct role_env *env);

#endif
