#include "config.h"

#include "db/store_challenge.h"

#include "db/store_private.h"

#define SUBJECT_COLUMNS                                                        \
	AUTHZ_COLUMNS ", t.thumbprint, t.deactivated_at, t.revoked_at, "       \
		      "c.token_part1_sha256"
#define SUBJECT_TABLES AUTHZ_TABLES " JOIN account t ON t.id = a.account_id"

static void
subject_read(struct query *q, struct challenge_subject *out)
{
	authz_read(q, &out->authz);
	out->account_thumbprint = query_text(q);
	out->account_is_valid = query_int(q) == 0;
	out->account_is_valid = query_int(q) == 0 && out->account_is_valid;
	out->token_part1_hash = query_bytes(q);
}

/* By a column of which there is one: `sql` asks for it as $1. */
static int
subject_by(struct job *j, const char *sql, struct sql_value key,
    struct challenge_subject *out)
{
	struct query q;
	int found = query_first(&q, j, sql, ARGS(key));

	if (found == 1)
		subject_read(&q, out);
	query_end(&q);
	return found;
}

int
store_challenge_by_part1_hash(
    struct job *j, struct span hash, struct challenge_subject *out)
{
	return subject_by(j,
	    "SELECT " SUBJECT_COLUMNS " FROM " SUBJECT_TABLES
	    " WHERE c.token_part1_sha256 = $1",
	    v_bytes(hash), out);
}

/* An address that several challenges share says nothing (ER-24). */
int
store_challenge_by_address(
    struct job *j, const char *address, struct challenge_subject *out)
{
	struct query q;
	int found = query_first(&q, j,
	    "SELECT " SUBJECT_COLUMNS " FROM " SUBJECT_TABLES
	    " WHERE c.reply_to = $1 UNION ALL "
	    "SELECT " SUBJECT_COLUMNS " FROM " SUBJECT_TABLES
	    " WHERE c.from_address = $1 AND c.reply_to IS NULL LIMIT 2",
	    ARGS(v_text(address)));

	if (found == 1) {
		int more;

		subject_read(&q, out);
		more = query_next(&q);
		if (more != 0)
			found = more < 0 ? -1 : 0;
	}
	query_end(&q);
	return found;
}

int
store_challenge_by_message_id(
    struct job *j, const char *message_id, struct challenge_subject *out)
{
	return subject_by(j,
	    "SELECT " SUBJECT_COLUMNS " FROM " SUBJECT_TABLES
	    " WHERE c.message_id = $1",
	    v_text(message_id), out);
}
