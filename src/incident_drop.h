/*
 * After a faulty validation the live authorizations of an incident's accounts
 * and mailboxes are dropped: replacements need a new reply (PK-187).
 */
#ifndef SRC_INCIDENT_DROP_H
#define SRC_INCIDENT_DROP_H

#include <stddef.h>

struct id_range;
struct job;

/* Those of these certificates, inside a transaction; *dropped grows.  0, -1. */
int incident_drop(struct job *j, const char *incident_id,
    const struct id_range *range, size_t *dropped);
/* Those of the whole set. */
int incident_drop_all(struct job *j, const char *incident_id, size_t *dropped);

#endif
