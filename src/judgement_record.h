/*
 * From a judgement to its row, and all that follows from the verdict in the
 * same transaction: more checks, a mailbox that wants no more mails, a notice
 * that has come back, limits, the audit record.
 */
#ifndef SRC_JUDGEMENT_RECORD_H
#define SRC_JUDGEMENT_RECORD_H

struct job;
struct judgement;

/* Inside a transaction: 0, and g->applied is the verdict as it was recorded;
 * or -1, after which the caller rolls back. */
int judgement_record(struct job *j, struct judgement *g);

/* After the commit. */
void judgement_log(const struct judgement *g);

#endif
