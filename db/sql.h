/*
 * What the store asks of a database: a connection, transactions, statements.
 *
 * A driver translates and nothing else.  Statements are static text with
 * $1 … $n for parameters; a driver prepares each once per connection and
 * knows it again by its address.  A value is bound as one of three types,
 * and a statement always gets the same types.
 *
 * Failures go to the job: ERR_BUSY (locked, deadlock, connection lost: another
 * try may succeed), ERR_CONFLICT (a unique constraint), ERR_INTERNAL.
 */
#ifndef DB_SQL_H
#define DB_SQL_H

#include "lib/buf.h"

struct job;
struct sql;      /* a connection; each driver has its own */
struct sql_rows; /* a statement that runs */

enum sql_type { SQL_INT, SQL_TEXT, SQL_BYTES };

struct sql_value {
	enum sql_type type;
	bool is_null;
	int64_t i;
	struct span s;
};

/* More parameters than any statement has. */
#define SQL_PARAMS_MAX 32

/* What is refused before it is changed. */
#define SQL_OF_ANOTHER_PROGRAM                                                 \
	"database: its file has tables of another program, and nothing was "   \
	"changed: name another file, which is made if it is not there, in "    \
	"the option database"

struct sql_driver {
	const char *scheme; /* "sqlite:" */

	/* Texts that cannot be the same for both.  has_table: one row, the
	 * number of tables named $1.  any_tables: the number of all; NULL
	 * where other programs may have some beside ours.  migration_lock: held
	 * until the end of the transaction; NULL if beginning one is lock
	 * enough. */
	const char *has_table;
	const char *any_tables;
	const char *migration_lock;
	/* As store_expect_many(); NULL: nothing to do. */
	const char *many;
	/* A number that is another one once another connection has committed;
	 * NULL: nobody waits for the end of another's transaction. */
	const char *version;

	/* `password` may be NULL. */
	int (*open)(struct job *j, const char *where, const char *password,
	    bool create, struct sql **out);
	void (*close)(struct sql *c);
	/* As store_be_patient(); NULL: nothing to do. */
	void (*be_patient)(struct sql *c, bool (*is_ending)(void));
	/* As store_files(); NULL: none. */
	void (*files)(struct job *j, const struct sql *c, const char ***out,
	    size_t *count);

	int (*begin)(struct job *j, struct sql *c);
	int (*commit)(struct job *j, struct sql *c);
	void (*rollback)(struct sql *c);
	/* One statement without parameters and results, of static text, that
	 * is run often: about savepoints. */
	int (*command)(struct job *j, struct sql *c, const char *text);
	/* Such statements that are not, separated by ';'. */
	int (*script)(struct job *j, struct sql *c, const char *text);

	/* Values are borrowed until end(). */
	int (*start)(struct job *j, struct sql *c, const char *text,
	    const struct sql_value *values, size_t count,
	    struct sql_rows **out);
	int (*next)(struct job *j, struct sql_rows *r); /* 1 row, 0 done, -1 */
	/* Of the current row; NULL is 0, or a span whose p is NULL. */
	bool (*is_null)(const struct sql_rows *r, int column);
	int64_t (*column_int)(const struct sql_rows *r, int column);
	struct span (*column_bytes)(const struct sql_rows *r, int column);
	/* Rows changed, once next() has returned 0. */
	int64_t (*changed)(const struct sql_rows *r);
	void (*end)(struct sql_rows *r); /* NULL-safe */

	/* Tests: the texts prepared so far. */
	void (*each_statement)(const struct sql *c,
	    void (*each)(void *ctx, const char *text), void *ctx);
};

extern const struct sql_driver sql_sqlite;
extern const struct sql_driver sql_pgsql;

#endif
