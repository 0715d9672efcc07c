/*
 * Reading the configuration file: parsed, checked against the option table
 * (src/conf_table.h), const afterwards.
 *
 * conf_load() reports every mistake as "file:line: option: what, and what
 * would be right", all of them, not only the first.
 */
#ifndef SRC_CONF_FILE_H
#define SRC_CONF_FILE_H

#include "lib/buf.h"
#include "lib/conf.h"

struct arena;

/* Octets of a file. */
#define CONF_TEXT_MAX ((size_t)256 * 1024)

/*
 * Reads `path` into the arena `keep`: 0 and *out, or -1.  Each mistake goes
 * to `report`.  Relative file names are meant from the file's folder.
 */
typedef void conf_report_fn(void *ctx, const char *message);
int conf_load(struct arena *keep, const char *path, conf_report_fn *report,
    void *ctx, const struct conf **out);

/* The same with the file's octets, of which it keeps nothing, at hand; `path`
 * is for messages and relative names. */
int conf_load_text(struct arena *keep, const char *path, struct span text,
    conf_report_fn *report, void *ctx, const struct conf **out);

/* The same, and *text is what was read, in `keep`: for whoever hands it on. */
int conf_load_once(struct arena *keep, const char *path, conf_report_fn *report,
    void *ctx, struct span *text, const struct conf **out);

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
 * For SIGHUP: `fresh`, but what cannot change while running is that of `old`,
 * and `report`, if there is one, gets the name of each option that differs, or
 * "the sections imap".  The result needs what both of them are made of.
 */
const struct conf *conf_keep(struct arena *keep, const struct conf *old,
    const struct conf *fresh, conf_report_fn *report, void *ctx);

/* Do all sections of that kind say the same in both? */
bool conf_sections_same(
    const struct conf *a, const struct conf *b, const char *kind);

/* Reports to the log, as errors. */
void conf_report_log(void *ctx, const char *message);
/* Reports to standard error, as they are. */
void conf_report_stderr(void *ctx, const char *message);

#endif
