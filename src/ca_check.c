#include "config.h"

#include "src/ca_check.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/job.h"
#include "src/ca_urls.h"
#include "src/root_list.h"

struct telling {
	struct job *j;
	ca_check_fn *tell;
	void *ctx;
};

static void
wrong(const struct telling *t, const char *what)
{
	t->tell(t->ctx, CA_CHECK_WRONG, what, t->j->err.text);
	job_recover(t->j);
}

/* PK-133: in private mode it is advice. */
static void
check_urls(const struct telling *t)
{
	static const char what[] = "URLs in certificates";
	bool is_public = t->j->conf->mode == CONF_MODE_PUBLIC;
	const char *url = NULL;
	struct urls urls;
	int missing;

	if (t->j->conf->external.kind != CONF_EXTERNAL_NONE)
		return;
	missing = ca_urls_of_issuer(t->j, t->j->arena, t->j->conf, &urls) < 0
		      ? -1
		      : urls_missing(t->j, &urls, &url);
	if (missing < 0)
		wrong(t, what);
	else if (missing == 0)
		t->tell(t->ctx, CA_CHECK_OK, what, "");
	else
		t->tell(t->ctx, is_public ? CA_CHECK_WRONG : CA_CHECK_WARN,
		    what,
		    arena_printf(t->j->arena,
			"%s was never seen to be answered: run countersign ca "
			"check-urls%s",
			url,
			is_public ? "; no certificate is issued before" : ""));
}

/* PK-212 */
static void
check_root_list(const struct telling *t)
{
	static const char what[] = "list of the CA above";
	char end[CLOCK_RFC3339_MAX];
	const char *problem;
	int64_t at;

	if (root_list_look(t->j, &problem, &at) != 0) {
		if (t->j->conf->external.kind == CONF_EXTERNAL_NONE)
			t->tell(t->ctx, CA_CHECK_WARN, what,
			    "nobody reminds of its end: set issuer.root_crl");
		return;
	}
	clock_format_rfc3339(at, end);
	if (problem != NULL)
		t->tell(t->ctx, CA_CHECK_WRONG, what, problem);
	else
		t->tell(t->ctx, CA_CHECK_OK, what,
		    arena_printf(t->j->arena, "good until %s", end));
}

void
ca_check(struct job *j, ca_check_fn *tell, void *ctx)
{
	const struct telling t = { j, tell, ctx };

	check_urls(&t);
	check_root_list(&t);
}
