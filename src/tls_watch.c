#include "config.h"

#include "src/tls_watch.h"

#include <stdbool.h>
#include <stdio.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/job.h"
#include "lib/log.h"
#include "src/tls.h"

#define LOOK_MS 60000
#define DAY 86400

static bool
is_due(struct tls_watch *w, const struct job *j)
{
	if (w->told_end == tls_not_after() && j->now - w->told_at < DAY)
		return false;
	w->told_end = tls_not_after();
	w->told_at = j->now;
	return true;
}

static void
look(struct tls_watch *w, struct job *j, const char *file)
{
	struct log_text text;

	w->trouble[0] = '\0';
	if (tls_check_dates(j, file, j->now) < 0) {
		snprintf(w->trouble, sizeof(w->trouble), "%s", j->err.text);
		job_recover(j);
		if (is_due(w, j))
			log_error("HTTPS certificate not valid", "next=%s",
			    log_text(&text, w->trouble));
	} else if (tls_not_after() <= j->now + TLS_SOON_SECS && is_due(w, j)) {
		log_warning("HTTPS certificate ends soon",
		    "file=%s end=%s next=\"replace it and send countersignd "
		    "SIGHUP\"",
		    log_text(&text, file),
		    clock_rfc3339(j->arena, tls_not_after()));
	}
}

const char *
tls_watch(struct tls_watch *w, struct job *j, const char *file)
{
	int64_t now_ms = clock_mono_ms();

	/* A configuration names one, and the process that loads it is not
	 * started yet. */
	if (tls_kept() == 0)
		return NULL;
	if (w->looked_ms == 0 || now_ms - w->looked_ms >= LOOK_MS ||
	    w->end != tls_not_after()) {
		w->looked_ms = now_ms;
		w->end = tls_not_after();
		look(w, j, file);
	}
	return w->trouble[0] != '\0' ? w->trouble : NULL;
}
