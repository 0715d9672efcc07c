#include "config.h"

#include "src/ca_check.h"

#include "db/store_destroyed.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/job.h"
#include "pki/ca_key_end.h"
#include "src/ca_left.h"
#include "src/ca_urls.h"
#include "src/former_rest.h"
#include "src/root_list.h"

struct telling {
	struct job *j;
	ca_check_fn *tell;
	void *ctx;
};

static void
wrong(const struct telling *t, const char *what)
{
	t->tell(t->ctx, REMARK_WRONG, what, t->j->err.text);
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
		t->tell(t->ctx, REMARK_OK, what, "");
	else
		t->tell(t->ctx, is_public ? REMARK_WRONG : REMARK_WARN, what,
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
			t->tell(t->ctx, REMARK_WARN, what,
			    "nobody reminds of its end: set issuer.root_crl");
		return;
	}
	clock_format_rfc3339(at, end);
	if (problem != NULL)
		t->tell(t->ctx, REMARK_WRONG, what, problem);
	else
		t->tell(t->ctx, REMARK_OK, what,
		    arena_printf(t->j->arena, "good until %s", end));
}

/* PK-156, PK-207 */
static const char *
look_at_former(
    const struct telling *t, const struct conf_former *f, enum remark *level)
{
	struct job *j = t->j;
	char end[CLOCK_RFC3339_MAX];
	struct ca_key_facts facts;
	struct former_rest r;
	const char *problem;
	int gone;

	*level = REMARK_WRONG;
	if (ca_key_facts(j, f->issuer.ca_certificate, &facts) < 0)
		return j->err.text;
	if (facts.not_after < j->now) {
		*level = REMARK_WARN;
		return "has ended: remove the section former_ca";
	}
	gone = store_destroyed_is(j, span_mem(facts.sha256, SHA256_LEN));
	if (gone < 0 || former_rest(j, facts.label, &f->issuer, &r) < 0)
		return j->err.text;
	problem = gone == 1 ? former_rest_problem(j, &r) : NULL;
	if (problem != NULL)
		return problem;
	if (gone == 0 && f->issuer.ca_key == NULL &&
	    f->issuer.key.module == NULL)
		return "set ca_key or key_module: its key is not on record as "
		       "destroyed";
	clock_format_rfc3339(r.list_end, end);
	if (gone == 0 && r.cert_end >= j->now && r.list_end <= j->now)
		return arena_printf(j->arena,
		    "its list ended at %s: nobody can tell any more what is "
		    "revoked; the issuer's log says what keeps the next one",
		    end);
	*level = REMARK_OK;
	return arena_printf(j->arena, "%slist good until %s",
	    gone == 1 ? "its key was destroyed, nothing is signed; last " : "",
	    end);
}

static void
check_formers(const struct telling *t)
{
	const struct conf *conf = t->j->conf;

	for (size_t k = 0; k < conf->former_count; k++) {
		const struct conf_former *f = &conf->formers[k];
		enum remark level;
		const char *text = look_at_former(t, f, &level);

		t->tell(t->ctx, level,
		    arena_printf(t->j->arena, "former CA %s", f->name), text);
		job_recover(t->j);
	}
}

/* Labels of the CAs that have a section: how many; 0 where one of them cannot
 * be read, which is told elsewhere. */
static size_t
read_known(struct job *j, const char **known)
{
	const struct conf *conf = j->conf;
	struct ca_key_facts facts;
	size_t n = 0;

	for (size_t k = 0; k <= conf->former_count; k++) {
		const struct conf_issuer *c =
		    k == 0 ? &conf->issuer : &conf->formers[k - 1].issuer;

		if (ca_key_facts(j, c->ca_certificate, &facts) < 0) {
			job_recover(j);
			return 0;
		}
		known[n++] = facts.label;
	}
	return n;
}

/* PK-156 */
static void
check_left(const struct telling *t)
{
	struct job *j = t->j;
	const char **known =
	    /* NOLINTNEXTLINE(bugprone-sizeof-expression): a row of pointers */
	    arena_calloc(j->arena, j->conf->former_count + 1, sizeof(*known));
	size_t count = 0, n = read_known(j, known);
	struct ca_end left[CA_LEFT_MAX];

	if (n > 0 && ca_left_find(j, known, n, left, &count) < 0) {
		t->tell(t->ctx, REMARK_WRONG, "former CAs", j->err.text);
		job_recover(j);
	}
	for (size_t k = 0; k < count; k++)
		t->tell(t->ctx, REMARK_WRONG,
		    arena_printf(j->arena, "CA %s", left[k].ca_label),
		    ca_left_text(j, &left[k]));
}

void
ca_check(struct job *j, ca_check_fn *tell, void *ctx)
{
	const struct telling t = { j, tell, ctx };

	check_urls(&t);
	check_root_list(&t);
	check_formers(&t);
	check_left(&t);
}
