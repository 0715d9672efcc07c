#include "config.h"

#include "src/supervisor_replace.h"

#include "lib/clock.h"
#include "lib/log.h"

#include <stdlib.h>
#include <sys/wait.h>

/* One that is not ready may not hear it yet; one that somebody has stopped
 * hears it only when it goes on. */
static void
tell_end(struct child *c, int number, int64_t end_ms)
{
	c->is_replaced = true;
	c->end_ms = end_ms;
	kill(c->pid, c->is_ready ? number : SIGKILL);
	kill(c->pid, SIGCONT);
}

void
supervisor_replace_linters(struct child *c)
{
	/* Each linter has a time of its own (PK-140). */
	if (c->pid > 0)
		tell_end(c, SIGHUP, INT64_MAX);
}

void
supervisor_tell_role(const struct supervisor *s, struct child *c)
{
	/* The next one reads what there is then. */
	if (c->is_replaced)
		return;
	/* The password is read before the rights to do so are given up: it
	 * would else fail when it connects next. */
	if (c->role >= ROLE_COUNT ||
	    !database_password_is_new(s->conf, c->role, &c->password)) {
		kill(c->pid, SIGHUP);
		return;
	}
	log_info("role starts anew",
	    "which=%s why=\"the file of its database_password has changed\"",
	    role_name(c->role));
	tell_end(c, SIGTERM, clock_mono_ms() + DRAIN_MS);
}

enum replaced
supervisor_replaced(struct child *c, int status)
{
	bool in_order = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (!c->is_replaced)
		return REPLACED_NOT;
	c->is_replaced = false;
	if (in_order)
		c->ended_at = clock_now();
	/* Before it was ready it was killed. */
	return in_order || !c->is_ready ? REPLACED_DONE : REPLACED_LATE;
}

int64_t
supervisor_replace_due(const struct supervisor *s, int64_t now)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < s->child_count; i++) {
		struct child *c = &s->children[i];

		if (c->pid == 0 || !c->is_replaced)
			continue;
		if (c->end_ms <= now) {
			log_warning("role did not end in time",
			    "which=%s next=\"it is killed; what it had begun "
			    "goes on after its next start\"",
			    role_name(c->role));
			kill(c->pid, SIGKILL);
			c->end_ms = now + DRAIN_MS;
		}
		if (c->end_ms < next)
			next = c->end_ms;
	}
	return next;
}
