/* Of how the service stands (src/overview.h): is in use what the configuration
 * file says, and was the last SIGHUP taken? */
#ifndef SRC_OVERVIEW_CONF_H
#define SRC_OVERVIEW_CONF_H

#include <stdbool.h>

struct job;
struct remarks;

/* `is_file`: j->conf is what the file says now, not what is in use.  0, -1. */
int overview_conf(struct job *j, struct remarks *r, bool is_file);

#endif
