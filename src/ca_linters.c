#include "config.h"

#include "src/ca_linters.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "src/conf_file.h"
#include "src/linters.h"
#include "src/role_linter.h"

static int
check_conf(struct job *j, const char *file, const struct conf *conf)
{
	if (conf->linter_count == 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: has no section linter: name what judges, or leave "
		    "--linters out",
		    file);
	if (linters_count(conf, LINT_ISSUING) == 0)
		return job_fail(j, ERR_INTERNAL,
		    "%s: none of its linters judges certificates of CAs: lints "
		    "= ca (PK-136)",
		    file);
	return 0;
}

int
ca_linters_open(struct job *j, const char *file, struct ca_linters *out)
{
	*out = (struct ca_linters){ .keep = arena_new(), .fd = -1 };
	if (conf_load_linters(
		out->keep, file, conf_report_stderr, NULL, &out->conf) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "%s: see above: nothing was done", file);
	if (check_conf(j, file, out->conf) < 0)
		return -1;
	j->conf = out->conf;
	if (linter_start(j, &out->pid, &out->fd) < 0)
		return -1;
	j->conf = NULL;
	return 0;
}

void
ca_linters_close(struct ca_linters *l)
{
	linter_stop(l->pid, l->fd);
	arena_free(l->keep);
	*l = (struct ca_linters){ .fd = -1 };
}

int
ca_linters_ask(void *context, struct job *j, enum lint_object what,
    struct span der, const char **line, const char **report)
{
	const struct ca_linters *l = context;
	const struct linters_question q = { l->fd, what, der, true };
	const struct linters_verdict own = { .report = "{\"lints\":[]}" };
	struct linters_verdict all;
	const struct conf *before = j->conf;
	int result;

	j->conf = l->conf;
	result = linters_check(j, &q, &own, &all);
	j->conf = before;
	if (result < 0)
		return job_context(j,
		    "nothing was signed; mend it and give the same "
		    "command again");
	*line = all.line != NULL ? all.line : "none judges it";
	*report = all.report;
	return 0;
}
