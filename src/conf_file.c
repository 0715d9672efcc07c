#include "config.h"

#include "src/conf_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/conf_check.h"
#include "src/conf_linter.h"
#include "src/conf_parse.h"
#include "src/conf_perspective.h"
#include "src/conf_profile.h"
#include "src/conf_reading.h"
#include "src/conf_text.h"

void
conf_report_log(void *ctx, const char *message)
{
	(void)ctx;
	log_error("configuration", "error=\"%s\"", message);
}

void
conf_report_stderr(void *ctx, const char *message)
{
	(void)ctx;
	fprintf(stderr, "%s\n", message);
}

static int
check_text(struct conf_reading *r, struct span text)
{
	int line;
	const char *fault = conf_text_fault(text, &line);

	if (fault == NULL)
		return 0;
	conf_mistake(r, line, "%s", fault);
	return -1;
}

static const char *
hash_of(struct arena *a, struct span text)
{
	uint8_t hash[SHA256_LEN];

	sha256(text, hash);
	return hex_dup(a, span_mem(hash, sizeof(hash)));
}

/* Whoever has put the file elsewhere is told how to say so. */
static const char *
unreadable(struct conf_reading *r, const char *why)
{
	return access(r->path, F_OK) < 0 && errno == ENOENT
		   ? arena_printf(r->arena, "%s; -f FILE names another", why)
		   : why;
}

static char *
read_text(struct conf_reading *r)
{
	struct job j;
	struct span text = { NULL, 0 };
	char *copy = NULL;

	job_init(&j, NULL, NULL);
	if (r->octets != NULL)
		text = *r->octets;
	if (r->octets == NULL &&
	    file_read(&j, r->path, CONF_TEXT_MAX, &text) < 0) {
		r->report(r->ctx, unreadable(r, j.err.text));
		r->mistakes++;
	} else if (memchr(text.p, '\0', text.n) != NULL) {
		conf_mistake(r, 0, "holds a NUL byte; it must be plain text");
	} else if (conf_text_strange_line(text) > 0) {
		conf_mistake(r, conf_text_strange_line(text),
		    "is not UTF-8; save the file in that encoding");
	} else {
		r->sha256 = hash_of(r->arena, text);
		/* Some editors begin with a byte order mark. */
		if (span_starts(text, SPAN("\xef\xbb\xbf")))
			text = span_from(text, 3);
		copy = span_dup(r->arena, text);
	}
	job_done(&j);
	return copy;
}

static const char *
folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL
		   ? "."
		   : arena_printf(a, "%.*s", (int)(slash - path), path);
}

/* What stands in the file, option by option: NULL if it cannot be read. */
static struct conf *
load(struct conf_reading *r)
{
	struct conf *c;
	char *text;

	r->untitled = *conf_place_new(r->arena, "", NULL);
	r->folder = folder_of(r->arena, r->path);
	text = read_text(r);
	if (text == NULL)
		return NULL;
	conf_text_blank_comments(text);
	if (check_text(r, span_str(text)) < 0)
		return NULL;
	c = conf_parse(r, text);
	if (c == NULL)
		return NULL;
	c->file = arena_strdup(r->arena, r->path);
	c->sha256 = r->sha256;
	return c;
}

static int
load_server(struct conf_reading *r, const struct conf **out)
{
	struct conf *c = load(r);

	if (c == NULL)
		return -1;
	conf_profiles_make(r->arena, c, conf_report_check, r);
	conf_check(r->arena, c, conf_report_check, r);
	conf_allow_lints_check(r->arena, c, conf_report_check, r);
	conf_linters_check(r->arena, c, conf_report_check, r);
	if (r->mistakes > 0)
		return -1;
	*out = c;
	return 0;
}

int
conf_load(struct arena *keep, const char *path, conf_report_fn *report,
    void *ctx, const struct conf **out)
{
	struct conf_reading r = {
		.arena = keep, .path = path, .report = report, .ctx = ctx
	};

	return load_server(&r, out);
}

int
conf_load_text(struct arena *keep, const char *path, struct span text,
    conf_report_fn *report, void *ctx, const struct conf **out)
{
	struct conf_reading r = { .arena = keep,
		.path = path,
		.octets = &text,
		.report = report,
		.ctx = ctx };

	return load_server(&r, out);
}

int
conf_load_perspective(struct arena *keep, const char *path,
    conf_report_fn *report, void *ctx, const struct conf **out)
{
	struct conf_reading r = { .arena = keep,
		.path = path,
		.report = report,
		.ctx = ctx,
		.is_perspective = true };
	struct conf *c = load(&r);

	if (c == NULL)
		return -1;
	conf_agent_check(keep, c, conf_report_check, &r);
	if (r.mistakes > 0)
		return -1;
	*out = c;
	return 0;
}

int
conf_load_linters(struct arena *keep, const char *path, conf_report_fn *report,
    void *ctx, const struct conf **out)
{
	struct conf_reading r = { .arena = keep,
		.path = path,
		.report = report,
		.ctx = ctx,
		.is_of_linters = true };
	struct conf *c = load(&r);

	if (c == NULL)
		return -1;
	conf_allow_lints_check(keep, c, conf_report_check, &r);
	conf_linters_check(keep, c, conf_report_check, &r);
	if (r.mistakes > 0)
		return -1;
	*out = c;
	return 0;
}
