/*
 * The store: the only place with SQL.  Callers speak the domain
 * (store_order_create, store_outbox_lease); they never see SQL, a row or a
 * column number.
 *
 * A store is one database connection, opened after exec, used by one thread.
 * Reading operations may run at any time.  **Writing operations run inside a
 * transaction** that the caller begins and commits (an assertion says so);
 * side effects — a mail, a signature, a wake-up — come after the commit.
 *
 *	store_begin(j);
 *	store_order_create(j, …);
 *	store_audit_add(j, …);
 *	store_commit(j);      on failure: store_rollback(j)
 *
 * Results: look-ups return 1 / 0 / -1 (found, nothing there, failure);
 * changes return 0 / -1, with ERR_CONFLICT when the row was no longer in the
 * state that the statement named, ERR_BUSY when another try may succeed, and
 * ERR_INTERNAL otherwise.  What is returned lives in the job's arena.
 *
 * After ERR_BUSY, ERR_INTERNAL or a lost connection the caller rolls back (the
 * transaction, or its savepoint); the next store_begin() connects again.
 *
 * Operations that make work for a role set its bit in j->wake.  Audit records
 * come last in a transaction: they make other writers wait.  Text that is not
 * UTF-8 is stored with U+FFFD for each octet that fits nowhere, so that no
 * stranger's text can make a row unwritable.
 *
 * Facts are stored, statuses are computed (acme/status.h).  Moments are
 * seconds since 1970; 0 means "has not happened".
 */
#ifndef DB_STORE_H
#define DB_STORE_H

#include "lib/buf.h"

struct job;
struct store;

/*
 * "sqlite:/path/to/file" or "postgresql:<conninfo>": 0, or -1 with the
 * job's error saying what was tried and why it failed.  Does not change the
 * schema; refuses a schema older or newer than the program's.
 */
int store_open(struct job *j, const char *url, struct store **out);
void store_close(struct store *s); /* NULL-safe */

/* Applies the migrations that are missing, each in its own transaction,
 * under a lock.  Creates the database file (mode 0600) if there is none. */
int store_migrate(struct job *j, const char *url);

/* For a process that changes many rows in one transaction: what of the
 * database it touches stays in memory meanwhile (up to 8 MiB), and is brought
 * into the file less often.  0 or -1. */
int store_expect_many(struct job *j);

/*
 * For a process on which nobody waits, and whose work would be done again if
 * it could not be written down: where another one has the lock, store_begin()
 * waits for it for two minutes rather than for ten seconds, unless the process
 * is to end.  SQLite only.
 */
void store_be_patient(struct job *j, bool (*is_ending)(void));

/* All of these use j->store. */
int store_begin(struct job *j); /* SQLite: BEGIN IMMEDIATE */
/* May processes on other machines work on the same database? */
bool store_is_shared(const struct job *j);
/* Does a transaction, from its begin on, keep every other writer out? */
bool store_writes_alone(const struct job *j);
/* Has another connection committed since this was asked with the same *seen,
 * which is -1 at first?  1, 0 or -1; outside of a transaction.  Always 0 where
 * several write at a time. */
int store_others_wrote(struct job *j, int64_t *seen);
/* Does the transaction keep every other writer out until it ends?  Then what
 * it has read stays true. */
bool store_is_exclusive(const struct job *j);
int store_commit(struct job *j);
void store_rollback(struct job *j); /* harmless without a transaction */
/* One request inside a group commit: begin, then keep or undo it. */
int store_savepoint(struct job *j);
int store_savepoint_keep(struct job *j);
int store_savepoint_undo(struct job *j);

/* Tests: called before and after each commit of this process; the crash
 * runner ends the process there. */
typedef void store_commit_hook_fn(void *ctx, bool after);
void store_set_commit_hook(store_commit_hook_fn *hook, void *ctx);

/* Is the database reachable, and does its disk take a write?  For
 * `countersign check`. */
int store_ping(struct job *j);

#endif
