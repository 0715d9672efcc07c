/*
 * The list of the CA above the issuing one (issuer.root_crl).  Its key is
 * never here, so somebody has to make the next list in time: from 60 days
 * before the end there is a reminder, every day, until the new list is in its
 * place (PK-212).
 */
#ifndef SRC_ROOT_LIST_H
#define SRC_ROOT_LIST_H

#include <stdint.h>

struct issuer;
struct job;

#define ROOT_LIST_SECS ((int64_t)60 * 86400)

/*
 * Looks at the file: 0 and *problem, in the job's memory: what is wrong with
 * it and what to do, or NULL; and *next_update, 0 if it cannot be read.  1:
 * there is none in the configuration, or another CA issues.
 */
int root_list_look(struct job *j, const char **problem, int64_t *next_update);

/* The issuer's, once a day: an alarm in the log.  Always 0. */
int root_list_step(struct issuer *i, struct job *j);

#endif
