/*
 * Reading the configuration file: parsed, checked against the option table
 * (src/conf_table.h), const afterwards.
 *
 * conf_load() reports every mistake as "file:line: option: what, and what
 * would be right", all of them, not only the first.
 */
#ifndef SRC_CONF_FILE_H
#define SRC_CONF_FILE_H

#include "lib/conf.h"

struct arena;

/*
 * Reads `path` into the arena `keep`: 0 and *out, or -1.  Each mistake goes
 * to `report`.  Relative file names are meant from the file's folder.
 */
typedef void conf_report_fn(void *ctx, const char *message);
int conf_load(struct arena *keep, const char *path, conf_report_fn *report,
    void *ctx, const struct conf **out);

/* The same for the file of a perspective (countersignd --role perspective):
 * user, isolation, log_level and the section agent, and nothing else. */
int conf_load_perspective(struct arena *keep, const char *path,
    conf_report_fn *report, void *ctx, const struct conf **out);

/* The same for a file that is read for its linters (countersign ca --linters):
 * user, isolation, log_level and the sections linter and allow_lint; nothing
 * else in it counts, and nothing else is missed. */
int conf_load_linters(struct arena *keep, const char *path,
    conf_report_fn *report, void *ctx, const struct conf **out);

/*
 * For SIGHUP: reads the file again.  Options that cannot change while
 * running keep their old value, and `report` names each that differs.  -1,
 * with everything as before, if the file has a mistake.
 */
int conf_reload(struct arena *keep, const struct conf *old,
    conf_report_fn *report, void *ctx, const struct conf **out);

/* Do all sections of that kind say the same in both? */
bool conf_sections_same(
    const struct conf *a, const struct conf *b, const char *kind);

/* Reports to the log, as errors. */
void conf_report_log(void *ctx, const char *message);
/* Reports to standard error, as they are. */
void conf_report_stderr(void *ctx, const char *message);

#endif
