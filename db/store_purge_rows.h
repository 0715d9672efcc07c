/*
 * The steps of db/store_purge.c: each looks at one row, or takes some of a
 * kind, in the caller's transaction.  For db/ only.
 */
#ifndef DB_STORE_PURGE_ROWS_H
#define DB_STORE_PURGE_ROWS_H

#include "db/store_purge.h"
#include "lib/buf.h"

#define PURGE_DAY INT64_C(86400)

/* When the row may go; what something still holds comes up again in a day. */
typedef int purge_due_fn(struct job *j, const char *id,
    const struct purge_rules *rules, int64_t *due);
typedef int purge_delete_fn(
    struct job *j, const char *id, const struct purge_rules *rules);
purge_due_fn purge_order_due, purge_authz_due, purge_incident_due,
    purge_report_due;
purge_delete_fn purge_order_delete, purge_authz_delete, purge_incident_delete,
    purge_report_delete;

/* At most `max` rows whose date has come: 0 and *count, or -1. */
typedef int purge_some_fn(struct job *j, const struct purge_rules *rules,
    int64_t max, int64_t *count);
purge_some_fn purge_strays, purge_tokens, purge_lists, purge_list_numbers,
    purge_responders, purge_segments, purge_caa_reports, purge_withdrawals;

int purge_audit(struct job *j, const struct purge_rules *rules, int64_t max,
    struct purge_walk *w);

/* PK-143 */
int purge_serial_note(struct job *j, const char *ca_label, const char *serial);

/* How long what came to nothing stays. */
static inline int64_t
purge_final_secs(const struct purge_rules *rules)
{
	return rules->at_once ? 0 : rules->retain_final;
}

static inline int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

#endif
