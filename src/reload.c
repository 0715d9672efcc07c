#include "config.h"

#include "src/reload.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/conf_trial.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longer than any that is reported. */
#define MISTAKE_MAX 4096

int
reload_open(
    struct job *j, struct reload *r, const struct conf *conf, struct span text)
{
	*r = (struct reload){ .start = conf, .current = conf, .why = -1 };
	conf_note_open(&r->note, conf);
	return conf_held_open(j, &r->held, text);
}

static void
forget_fresh(struct reload *r)
{
	arena_free(r->fresh_arena);
	r->fresh_arena = NULL;
	r->fresh = NULL;
	r->trial = 0;
	if (r->why >= 0)
		close(r->why);
	r->why = -1;
}

void
reload_close(struct reload *r)
{
	forget_fresh(r);
	arena_free(r->arena);
	r->arena = NULL;
	r->current = r->start;
}

static void
refuse(struct reload *r, const char *why)
{
	log_error("configuration not reloaded",
	    "error=\"%s\" next=\"mend it and send SIGHUP again; the old "
	    "configuration stays in use, in all roles\"",
	    why);
	conf_note_refused(&r->note, why);
	forget_fresh(r);
}

/* The first mistake stands in the line that says what becomes of it. */
static void
note_first(void *ctx, const char *message)
{
	struct buf *first = ctx;

	conf_report_log(NULL, message);
	if (first->n == 0)
		buf_add(first, span_str(message));
}

static void
note_restart(void *ctx, const char *name)
{
	struct reload *r = ctx;

	log_error("configuration",
	    "error=\"%s: %s: changed, but only a restart can apply it; the old "
	    "value stays in use\"",
	    r->start->file, name);
	buf_addf(&r->restart, "%s%s", r->restart.n > 0 ? ", " : "", name);
}

void
reload_begin(struct reload *r)
{
	struct buf first;

	r->again = r->trial > 0;
	if (r->again)
		return;
	log_info("reloading", "file=%s", r->start->file);
	r->fresh_arena = arena_new();
	buf_init(&first, r->fresh_arena, MISTAKE_MAX);
	/* Nothing that is put into the file's place from now on counts. */
	if (conf_load_once(r->fresh_arena, r->start->file, note_first, &first,
		&r->fresh_text, &r->fresh) < 0) {
		refuse(r, first.n > 0 ? first.p : "it cannot be read");
		return;
	}
	buf_init(&r->restart, r->fresh_arena, CONF_NOTE_NAMES_MAX);
	r->fresh =
	    conf_keep(r->fresh_arena, r->start, r->fresh, note_restart, r);
	r->trial = conf_trial_start(r->fresh, r->current->sha256, &r->why);
	if (r->trial < 0)
		refuse(r, "no process to try it in");
}

/* "": it came to no end, or has said nothing. */
static void
read_why(const struct reload *r, char why[ERR_TEXT_MAX])
{
	ssize_t n = read(r->why, why, ERR_TEXT_MAX - 1);

	why[n > 0 ? n : 0] = '\0';
}

bool
reload_end(struct reload *r, int status)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
		char why[ERR_TEXT_MAX];

		read_why(r, why);
		refuse(r,
		    why[0] != '\0'
			? why
			: "the process that tries it did not come to its end");
		return false;
	}
	conf_held_put(&r->held, r->fresh_text);
	log_info("configuration taken", "file=%s sha256=%s before=%s",
	    r->fresh->file, r->fresh->sha256, r->current->sha256);
	arena_free(r->arena);
	r->arena = r->fresh_arena;
	r->current = r->fresh;
	conf_note_taken(&r->note, r->current,
	    buf_ok(&r->restart) ? r->restart.p : "several options");
	r->fresh_arena = NULL;
	forget_fresh(r);
	return true;
}

void
reload_next(struct reload *r)
{
	if (r->again)
		reload_begin(r);
}
