#include "config.h"

#include "src/conf_files.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/count.h"
#include "lib/job.h"
#include "src/conf_owner.h"
#include "src/conf_table.h"
#include "src/role.h"

#include <string.h>
#include <unistd.h>

struct said {
	const char *text;
	const struct said *before;
};

struct check {
	struct job *job;
	conf_files_fn *report;
	void *ctx;
	const struct said *said;
	unsigned count;
};

/* Lists whose values are files, or begin with a program. */
static const struct file_list {
	const char *section;
	const char *name;
	bool is_command;
} file_lists[] = {
	{ "sender", "relay_token_command", true },
	{ "validator", "imap_token_command", true },
	{ "validator", "smime_crls", false },
	{ "imap", "token_command", true },
	{ "linter", "exec", true },
	{ "linter", "version", true },
	{ "issuer", "alternate_chains", false },
	{ "external", "hook", true },
};

/* What others write while the roles run, and what the roles write. */
static const char *const written[] = { "relay_token", "imap_token_file",
	"token_file", "crl_file", "ocsp_folder" };

static bool
is_written(const char *name)
{
	for (size_t i = 0; i < COUNT(written); i++)
		if (strcmp(written[i], name) == 0)
			return true;
	return false;
}

static bool
is_said(const struct check *c, const char *text)
{
	for (const struct said *s = c->said; s != NULL; s = s->before)
		if (strcmp(s->text, text) == 0)
			return true;
	return false;
}

/* `title`: of the section, "" if it has none. */
static void
look_at(struct check *c, const struct conf_option *o, const char *title,
    const char *path)
{
	const struct conf *conf = c->job->conf;
	struct arena *a = c->job->arena;
	struct said *s;
	enum role role =
	    strcmp(o->section, "external") == 0 ? ROLE_UPSTREAM : ROLE_ISSUER;

	if (access(path, F_OK) < 0 ||
	    conf_file_is_safe(c->job, path, role_user(conf, role)) == 0)
		return;
	s = arena_calloc(a, 1, sizeof(*s));
	*s = (struct said){ arena_printf(a, "%s", c->job->err.text), c->said };
	job_recover(c->job);
	if (is_said(c, s->text))
		return;
	c->said = s;
	c->count++;
	c->report(
	    c->ctx, arena_printf(a, "%s%s%s%s%s: %s", o->section,
			title[0] != '\0' ? " " : "", title,
			o->section[0] != '\0' ? "." : "", o->name, s->text));
}

static void
look_at_list(struct check *c, const struct conf_option *o, const char *title,
    const struct conf_list *list)
{
	for (size_t i = 0; i < COUNT(file_lists); i++) {
		const struct file_list *f = &file_lists[i];

		if (strcmp(f->section, o->section) != 0 ||
		    strcmp(f->name, o->name) != 0)
			continue;
		for (size_t n = 0; n < list->n && (n == 0 || !f->is_command);
		     n++)
			look_at(c, o, title, list->v[n]);
	}
}

/* `values`: the struct conf, or that of a section. */
static void
look_at_option(struct check *c, const struct conf_option *o, const char *title,
    const char *values)
{
	const char *path;

	if (o->type == CONF_LIST) {
		look_at_list(c, o, title, (const void *)(values + o->offset));
	} else if (o->type == CONF_PATH && !is_written(o->name)) {
		memcpy(&path, values + o->offset, sizeof(path));
		if (path != NULL)
			look_at(c, o, title, path);
	}
}

static void
look_at_sections(
    struct check *c, const struct conf_option *o, const struct conf_section *s)
{
	const char *conf = (const void *)c->job->conf, *structs, *name;
	size_t count;

	memcpy(&structs, conf + s->array_offset, sizeof(structs));
	memcpy(&count, conf + s->count_offset, sizeof(count));
	for (size_t i = 0; i < count; i++) {
		memcpy(&name, structs + i * s->size, sizeof(name));
		look_at_option(c, o, name, structs + i * s->size);
	}
}

unsigned
conf_files_check(struct job *j, conf_files_fn *report, void *ctx)
{
	struct check c = { .job = j, .report = report, .ctx = ctx };

	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];
		const struct conf_section *s = conf_section_find(o->section);

		if (s != NULL)
			look_at_sections(&c, o, s);
		else
			look_at_option(&c, o, "", (const void *)j->conf);
	}
	return c.count;
}
