#include "config.h"

#include "lib/job.h"

#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/rnd.h"

_Static_assert(
    sizeof(((struct job *)0)->id) == RND_ID_LEN + 1, "a job's id is an id");

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_WEB] = "web",
	[ROLE_SENDER] = "sender",
	[ROLE_VALIDATOR] = "validator",
	[ROLE_ISSUER] = "issuer",
	[ROLE_UPSTREAM] = "upstream",
	[ROLE_ADMIN] = "admin",
};

const char *
role_name(enum role role)
{
	if (role == ROLE_PERSPECTIVE)
		return "perspective";
	if (role == ROLE_LINTER)
		return "linter";
	if (role == ROLE_RESPONDER)
		return "responder";
	if (role == ROLE_SIGNER)
		return "signer";
	if (role == ROLE_OCSP_SIGNER)
		return "ocsp-signer";
	return role < ROLE_COUNT ? role_names[role] : "unknown";
}

int
role_parse(const char *name, enum role *role)
{
	for (int i = 0; i < ROLE_COUNT; i++) {
		if (strcmp(name, role_names[i]) == 0) {
			*role = (enum role)i;
			return 1;
		}
	}
	return 0;
}

static void
begin(struct job *j)
{
	j->err = (struct err){ .kind = ERR_NONE };
	j->now = clock_now();
	j->wake = 0;
	j->keep = false;
	rnd_id(j->id);
}

void
job_init(struct job *j, struct store *store, const struct conf *conf)
{
	*j = (struct job){ .arena = arena_new(), .store = store, .conf = conf };
	begin(j);
}

void
job_done(struct job *j)
{
	arena_free(j->arena);
	j->arena = NULL;
}

void
job_reset(struct job *j)
{
	arena_clear(j->arena);
	begin(j);
}

int
job_fail(struct job *j, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (j->err.kind != ERR_NONE)
		return -1;
	va_start(ap, fmt);
	err_vset(&j->err, kind, fmt, ap);
	va_end(ap);
	return -1;
}

int
job_fail_status(
    struct job *j, enum err_kind kind, int http_status, const char *fmt, ...)
{
	va_list ap;

	if (j->err.kind != ERR_NONE)
		return -1;
	va_start(ap, fmt);
	err_vset(&j->err, kind, fmt, ap);
	va_end(ap);
	j->err.http_status = http_status;
	return -1;
}

static void set_text(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
set_text(struct err *e, const char *fmt, ...)
{
	int http_status = e->http_status;
	va_list ap;

	va_start(ap, fmt);
	err_vset(e, e->kind, fmt, ap);
	va_end(ap);
	e->http_status = http_status;
}

int
job_context(struct job *j, const char *fmt, ...)
{
	char before[ERR_TEXT_MAX];
	char text[ERR_TEXT_MAX];
	va_list ap;

	if (j->err.kind == ERR_NONE)
		return -1;
	va_start(ap, fmt);
	vsnprintf(before, sizeof(before), fmt, ap);
	va_end(ap);
	memcpy(text, j->err.text, sizeof(text));
	set_text(&j->err, "%s: %s", before, text);
	return -1;
}

void
job_recover(struct job *j)
{
	j->err = (struct err){ .kind = ERR_NONE };
}

struct arena *
job_try(struct job *j)
{
	struct arena *before = j->arena;

	j->arena = arena_new();
	return before;
}

static void
release_arena(void *a)
{
	arena_free(a);
}

void
job_tried(struct job *j, struct arena *before, bool keep)
{
	struct arena *tried = j->arena;

	j->arena = before;
	if (keep)
		arena_own(before, tried, release_arena);
	else
		arena_free(tried);
}
