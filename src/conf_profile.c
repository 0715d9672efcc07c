#include "config.h"

#include "src/conf_profile.h"

#include "lib/arena.h"
#include "lib/conf.h"
#include "pki/lint.h"
#include "pki/profile_conf.h"
#include "src/conf_linter.h"

struct section {
	struct arena *arena;
	const char *kind, *name;
	conf_check_fn *report;
	void *ctx;
};

/* "profile NAME: keys"; without an option, the section itself. */
static void
report_section(void *ctx, const char *option, const char *message)
{
	const struct section *s = ctx;

	s->report(s->ctx,
	    option == NULL
		? arena_printf(s->arena, "%s %s", s->kind, s->name)
		: arena_printf(s->arena, "%s %s: %s", s->kind, s->name, option),
	    message);
}

void
conf_profiles_make(
    struct arena *a, struct conf *c, conf_check_fn *report, void *ctx)
{
	size_t count = c->profile_section_count;
	struct profile *made = arena_calloc(a, count + 1, sizeof(*made));

	for (size_t i = 0; i < count; i++) {
		const struct conf_profile *p = &c->profile_sections[i];
		struct section s = { a, "profile", p->name, report, ctx };

		/* One with a mistake keeps its name, so that nothing else is
		 * said of it. */
		(void)profile_make(a, p, report_section, &s, &made[i]);
	}
	c->own_profiles = made;
	c->own_profile_count = count;
}

void
conf_allow_lints_check(
    struct arena *a, const struct conf *c, conf_check_fn *report, void *ctx)
{
	for (size_t i = 0; i < c->allow_lint_count; i++) {
		const struct conf_allow_lint *l = &c->allow_lints[i];
		struct section s = { a, "allow_lint", l->name, report, ctx };
		int64_t until;

		switch (conf_linter_of_lint(c, l->name) != NULL
			    ? LINT_WARNING
			    : lint_severity(l->name)) {
		case LINT_UNKNOWN:
			report_section(&s, "reason",
			    "there is no such lint; countersign.conf(5) says "
			    "which can be allowed");
			break;
		case LINT_ERROR:
			report_section(&s, "reason",
			    "this lint finds errors, and those are never "
			    "allowed; countersign.conf(5) says which can be");
			break;
		case LINT_WARNING:
			break;
		}
		if (l->until != NULL && lint_until(l->until, &until) < 0)
			report_section(
			    &s, "until", "must be a day, as 2027-03-31");
	}
}
