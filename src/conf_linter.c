#include "config.h"

#include "src/conf_linter.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "pki/linter.h"
#include "src/hook.h"
#include "src/lint_url.h"

#include <string.h>

struct section {
	struct arena *arena;
	const struct conf_linter *linter;
	conf_check_fn *report;
	void *ctx;
};

static void
wrong(const struct section *s, const char *option, const char *message)
{
	s->report(s->ctx,
	    arena_printf(s->arena, "linter %s: %s", s->linter->name, option),
	    message);
}

static void
check_command(
    const struct section *s, const char *option, const struct conf_list *list)
{
	if (list->n == 0)
		return;
	if (list->v[0][0] != '/')
		wrong(s, option,
		    arena_printf(
			s->arena, "%s must be an absolute path", list->v[0]));
	if (list->n > HOOK_WORDS_MAX)
		wrong(s, option,
		    arena_printf(
			s->arena, "has more than %d words", HOOK_WORDS_MAX));
}

/* Programs and services have not the same options. */
static void
check_way(const struct section *s)
{
	const struct conf_linter *l = s->linter;

	if ((l->exec.n > 0) == (l->url != NULL))
		wrong(s, "exec",
		    "set either it or url: the program or the service that "
		    "judges");
	if (l->exec.n > 0 && l->version.n == 0)
		wrong(s, "version",
		    "is missing. Program, by absolute path, and its "
		    "arguments, that prints the linter's version.");
	if (l->exec.n == 0 && (l->version.n > 0 || l->read.n > 0))
		wrong(s, l->version.n > 0 ? "version" : "read",
		    "is of a program: only with exec");
	if (l->url != NULL && lint_url_base(s->arena, l->url) == NULL)
		wrong(s, "url", LINT_URL_RULE);
	check_command(s, "exec", &l->exec);
	check_command(s, "version", &l->version);
}

static bool
takes_certificates(const struct conf_linter *l)
{
	return linter_takes(l, LINT_STRICT);
}

static void
check_kinds(const struct section *s)
{
	const struct conf_linter *l = s->linter;

	for (size_t i = 0; i < l->lints.n; i++)
		if (!linter_kind_is_known(l->lints.v[i]))
			wrong(s, "lints",
			    arena_printf(s->arena,
				"%s is nothing that is judged; there are "
				"certificate, responder, ca, crl, root-crl "
				"and ocsp",
				l->lints.v[i]));
	if (!conf_list_has(&l->exec, LINTER_TEMPLATE_WORD))
		return;
	for (enum lint_object what = 0; what < LINT_OBJECTS; what++)
		if (linter_takes(l, what) && linter_template(what) == NULL) {
			wrong(s, "lints",
			    arena_printf(s->arena,
				"%s has no template for the word %s in "
				"exec: give it a section of its own",
				linter_kind(what), LINTER_TEMPLATE_WORD));
			return;
		}
}

static void
check_one(const struct section *s)
{
	const struct conf_linter *l = s->linter;

	if (!linter_name_is_good(span_str(l->name)) ||
	    strchr(l->name, ':') != NULL)
		wrong(s, "exec",
		    "the linter's name must be at most 64 letters, digits, "
		    "-, . and _");
	check_way(s);
	check_kinds(s);
	/* With another profile's template it would judge by the wrong rules. */
	if (l->output == CONF_LINTER_PKILINT && l->exec.n > 0 &&
	    takes_certificates(l) &&
	    !conf_list_has(&l->exec, LINTER_TEMPLATE_WORD))
		wrong(s, "exec",
		    "must hold the word " LINTER_TEMPLATE_WORD
		    ", which stands for the template: lint, -t, %t, -s, "
		    "WARNING, -f, JSON, -");
	for (size_t i = 0; i < l->read.n; i++)
		if (l->read.v[i][0] != '/')
			wrong(s, "read",
			    arena_printf(s->arena,
				"%s must be an absolute path", l->read.v[i]));
}

void
conf_linters_check(
    struct arena *a, const struct conf *c, conf_check_fn *report, void *ctx)
{
	for (size_t i = 0; i < c->linter_count; i++) {
		const struct section s = { a, &c->linters[i], report, ctx };

		check_one(&s);
		if (i == LINTERS_MAX)
			wrong(&s, "exec",
			    arena_printf(a, "at most %d linters", LINTERS_MAX));
	}
}

const struct conf_linter *
conf_linter_of_lint(const struct conf *c, const char *lint)
{
	const char *colon = strchr(lint, ':');

	if (colon == NULL || !linter_name_is_good(span_str(colon + 1)))
		return NULL;
	for (size_t i = 0; i < c->linter_count; i++)
		if (span_eq_str(span_mem(lint, (size_t)(colon - lint)),
			c->linters[i].name))
			return &c->linters[i];
	return NULL;
}
