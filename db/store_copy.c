#include "config.h"

#include "db/store_copy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/store_private.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/hex.h"
#include "lib/rnd.h"

#define SQLITE_SCHEME "sqlite:"
#define NAME_OCTETS 8

static int
script(struct job *j, const char *text)
{
	return j->store->driver->script(j, j->store->sql, text) == 0 ? 0 : -1;
}

/* --- SQLite -------------------------------------------------------------- */

static const char *
file_of(struct job *j, const struct store_copy *c)
{
	return arena_printf(j->arena, "%s/store", c->place);
}

static const char *
doubled(struct job *j, const char *text)
{
	struct buf b;

	buf_init(&b, j->arena, 2 * strlen(text) + 1);
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			buf_add_char(&b, '\'');
		buf_add_char(&b, *text);
	}
	return b.p;
}

static int
make_file(
    struct job *j, const struct store_login *login, struct store_copy *out)
{
	char *folder = arena_printf(j->arena, "%s.rehearsal-XXXXXX",
	    login->url + strlen(SQLITE_SCHEME));
	const char *file;

	if (mkdtemp(folder) == NULL)
		return job_fail(
		    j, ERR_INTERNAL, "%s: %s", folder, strerror(errno));
	out->place = folder;
	file = file_of(j, out);
	if (script(j, arena_printf(
			  j->arena, "VACUUM INTO '%s'", doubled(j, file))) < 0)
		return -1;
	if (chmod(file, 0600) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "%s: %s", file, strerror(errno));
	return store_open(
	    j, arena_printf(j->arena, SQLITE_SCHEME "%s", file), &out->store);
}

static int
remove_file(struct job *j, const struct store_copy *c)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < COUNT(ends); i++)
		(void)unlink(
		    arena_printf(j->arena, "%s%s", file_of(j, c), ends[i]));
	if (rmdir(c->place) < 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: %s: remove the copy of the database by hand", c->place,
		    strerror(errno));
	return 0;
}

/* --- PostgreSQL ---------------------------------------------------------- */

static int
check_schema(struct job *j, const struct store_copy *c)
{
	struct store *ours = j->store;
	const char *name = NULL;
	struct query q;
	int found;

	j->store = c->store;
	found = query_first(&q, j, "SELECT current_schema()", NO_ARGS);
	if (found == 1)
		name = query_text(&q);
	query_end(&q);
	j->store = ours;
	if (found < 0)
		return -1;
	if (name == NULL || strcmp(name, c->place) != 0)
		return job_fail(j, ERR_INTERNAL,
		    "the connection does not look into the copy's schema: a "
		    "direct connection, not one through a pooler, would be "
		    "right");
	return 0;
}

/* A connection that is made again must look there too: the schema is part of
 * the connection string. */
static int
make_schema(
    struct job *j, const struct store_login *login, struct store_copy *out)
{
	uint8_t octets[NAME_OCTETS];
	struct store_login copy = *login;

	if (strstr(login->url, "://") != NULL ||
	    strstr(login->url, ":/") != NULL)
		return job_fail(j, ERR_MALFORMED,
		    "database: to rehearse, write it with keywords, as "
		    "postgresql:host=… dbname=…");
	rnd_bytes(octets, sizeof(octets));
	out->place = arena_printf(j->arena, "rehearsal_%s",
	    hex_dup(j->arena, span_mem(octets, sizeof(octets))));
	if (script(j,
		arena_printf(j->arena,
		    "BEGIN ISOLATION LEVEL REPEATABLE READ; "
		    "CREATE SCHEMA %s; "
		    "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename "
		    "FROM pg_tables WHERE schemaname = current_schema() LOOP "
		    "EXECUTE format('CREATE TABLE %s.%%I (LIKE %%I INCLUDING "
		    "ALL)', t, t); "
		    "IF t NOT IN ('secret', 'part1', 'spool') THEN "
		    "EXECUTE format('INSERT INTO %s.%%I SELECT * FROM %%I', t, "
		    "t); END IF; END LOOP; END $$; COMMIT",
		    out->place, out->place, out->place)) < 0) {
		struct err why = j->err;

		job_recover(j);
		(void)script(j, "ROLLBACK");
		job_recover(j);
		j->err = why;
		out->place = NULL;
		return job_context(j, "a schema for the copy");
	}
	copy.url = arena_printf(
	    j->arena, "%s options='-c search_path=%s'", login->url, out->place);
	if (store_open_as(j, &copy, &out->store) < 0)
		return -1;
	return check_schema(j, out);
}

static int
remove_schema(struct job *j, const struct store_copy *c)
{
	if (script(j, arena_printf(j->arena,
			  "SET client_min_messages TO warning; "
			  "DROP SCHEMA %s CASCADE; RESET client_min_messages",
			  c->place)) == 0)
		return 0;
	return job_context(j, "schema %s: remove the copy by hand", c->place);
}

/* --- both ---------------------------------------------------------------- */

static bool
is_file(const struct job *j)
{
	return j->store->driver == &sql_sqlite;
}

int
store_copy_make(
    struct job *j, const struct store_login *login, struct store_copy *out)
{
	*out = (struct store_copy){ .store = NULL };
	return is_file(j) ? make_file(j, login, out)
			  : make_schema(j, login, out);
}

int
store_copy_drop(struct job *j, struct store_copy *c)
{
	store_close(c->store);
	c->store = NULL;
	if (c->place == NULL)
		return 0;
	return is_file(j) ? remove_file(j, c) : remove_schema(j, c);
}

/* --- what was signed ------------------------------------------------------ */

int
store_copy_set_list(
    struct job *j, const char *ca_label, int64_t number, struct span der)
{
	return store_change_one(j, "CRL of",
	    "UPDATE crl SET der = $3 WHERE ca_label = $1 AND number = $2",
	    ARGS(v_text(ca_label), v_int(number), v_bytes(der)));
}

int
store_copy_drop_answers(struct job *j, const char *ca_label)
{
	return store_change(j, NULL,
	    "DELETE FROM ocsp_segment WHERE ca_label = $1",
	    ARGS(v_text(ca_label)));
}
