/*
 * Which files the modules of CAs' tokens read and write (PK-202): what
 * signer.files says, or, of modules that are known here, what they say
 * themselves.  A module's needs are its maker's secret, and a wrong guess would
 * stop it: of others there is none.
 *
 * Known is SoftHSM: its configuration (SOFTHSM2_CONF, or
 * /etc/softhsm/softhsm2.conf), and the folder of tokens that this names; but
 * not where there is one below HOME, which SoftHSM may prefer.
 */
#ifndef SRC_SIGNER_FILES_H
#define SRC_SIGNER_FILES_H

#include <stdbool.h>

struct arena;
struct conf;
struct conf_list;
struct job;

/* Is it known?  Then *out, in the arena. */
bool signer_files(struct arena *a, const struct conf *c, struct conf_list *out);
/*
 * Why no start is possible, where there has to be a list (isolation = require,
 * and public mode) and there is none; NULL: it is.  In the arena.
 */
const char *signer_files_problem(struct arena *a, const struct conf *c);
/* 0, or -1 ERR_INTERNAL with it. */
int signer_files_demand(struct job *j);

#endif
