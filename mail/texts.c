#include "config.h"

#include "mail/texts.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/count.h"
#include "lib/fdio.h"
#include "lib/job.h"
#include "mail/template_check.h"

static const char *const builtin[] = { "de", "en" };
#define BUILTIN_COUNT COUNT(builtin)

/* Before the language in the name of a file. */
static const char *const prefixes[] = {
	[TEXTS_CHALLENGE] = "", [TEXTS_RENEWAL] = "renewal-"
};

static struct language
builtin_language(enum texts_kind kind, size_t i)
{
	static const struct {
		const char *text, *html;
	} names[][BUILTIN_COUNT] = {
		[TEXTS_CHALLENGE] = { { "de.txt", "de.html" },
		    { "en.txt", "en.html" } },
		[TEXTS_RENEWAL] = { { "renewal-de.txt", "renewal-de.html" },
		    { "renewal-en.txt", "renewal-en.html" } },
	};

	return (struct language){ .tag = builtin[i],
		.date = language_date_form(builtin[i]),
		.text =
		    embed_find(compose_templates, names[kind][i].text)->bytes,
		.html =
		    embed_find(compose_templates, names[kind][i].html)->bytes };
}

void
texts_builtin(struct texts *t, enum texts_kind kind)
{
	*t = (struct texts){ .count = BUILTIN_COUNT, .default_language = "en" };
	for (size_t i = 0; i < BUILTIN_COUNT; i++)
		t->v[i] = builtin_language(kind, i);
}

void
texts_free(struct texts *t)
{
	if (t == NULL)
		return;
	arena_free(t->arena);
	free(t);
}

const char *
texts_names(struct job *j, const struct texts *t)
{
	struct buf b;

	buf_init(&b, j->arena, TEXTS_MAX * (LANGUAGE_TAG_MAX + 2));
	for (size_t i = 0; i < t->count; i++)
		buf_addf(&b, "%s%s", i == 0 ? "" : ", ", t->v[i].tag);
	return b.p;
}

/* --- reading ------------------------------------------------------------- */

struct loading {
	struct job j; /* dies at the end; what stays is in texts->arena */
	const struct texts_source *source;
	struct texts *texts;
	texts_report_fn *report;
	void *ctx;
	unsigned mistakes;
};

static void
wrong(struct loading *l, const char *message)
{
	l->report(l->ctx, message);
	l->mistakes++;
}

/* Editors on Windows write CR LF, and a mark at the beginning. */
static struct span
normalized(struct arena *a, struct span s)
{
	static const struct span bom = SPAN_INIT("\xef\xbb\xbf");
	struct buf b;

	if (span_starts(s, bom))
		s = span_from(s, bom.n);
	buf_init(&b, a, s.n + 1);
	buf_reserve(&b, s.n + 1);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\r' || i + 1 == s.n || s.p[i + 1] != '\n')
			buf_add_char(&b, s.p[i]);
	if (b.n > 0 && b.p[b.n - 1] != '\n')
		buf_add_char(&b, '\n');
	return buf_span(&b);
}

static struct span
read_template(struct loading *l, const char *path)
{
	struct span bytes = SPAN("");

	if (file_read(&l->j, path, TEXTS_FILE_MAX, &bytes) < 0) {
		wrong(
		    l, arena_printf(l->j.arena,
			   "%s; a language needs both, a text and the same as "
			   "HTML, of at most %d octets",
			   l->j.err.text, TEXTS_FILE_MAX));
		job_recover(&l->j);
		return bytes;
	}
	return normalized(l->texts->arena, bytes);
}

static const char *
path_of(struct loading *l, const char *tag, const char *suffix)
{
	return arena_printf(l->j.arena, "%s/%s%s%s", l->source->folder,
	    prefixes[l->source->kind], tag, suffix);
}

static struct language *
add_language(struct loading *l, const char *tag)
{
	struct texts *t = l->texts;

	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->v[i].tag, tag) == 0)
			return &t->v[i];
	if (t->count == TEXTS_MAX) {
		wrong(l, arena_printf(l->j.arena, "%s: more than %d languages",
			     l->source->folder, TEXTS_MAX));
		return NULL;
	}
	t->v[t->count] = (struct language){ .tag = arena_strdup(t->arena, tag),
		.date = language_date_form(tag) };
	return &t->v[t->count++];
}

static void
load_language(struct loading *l, const char *tag)
{
	bool is_renewal = l->source->kind == TEXTS_RENEWAL;
	struct template_file text = { .name = path_of(l, tag, ".txt"),
		.is_renewal = is_renewal };
	struct template_file html = { .name = path_of(l, tag, ".html"),
		.is_html = true,
		.is_renewal = is_renewal };
	struct language *language = add_language(l, tag);
	unsigned before = l->mistakes;

	if (language == NULL)
		return;
	text.bytes = read_template(l, text.name);
	html.bytes = read_template(l, html.name);
	if (l->mistakes > before)
		return;
	l->mistakes += template_check(&l->j, &text, l->report, l->ctx);
	l->mistakes += template_check(&l->j, &html, l->report, l->ctx);
	language->text = text.bytes;
	language->html = html.bytes;
}

/* --- the folder ---------------------------------------------------------- */

struct tags {
	const char *v[TEXTS_MAX + 1];
	size_t count;
};

/* Both files of a language lead here. */
static void
add_tag(struct loading *l, struct tags *tags, struct span tag)
{
	for (size_t i = 0; i < tags->count; i++)
		if (span_eq_str(tag, tags->v[i]))
			return;
	if (tags->count <= TEXTS_MAX)
		tags->v[tags->count++] = span_dup(l->j.arena, tag);
}

/* Is it a text of this kind?  Then without what stands before the language. */
static bool
is_of_kind(const struct loading *l, struct span *name)
{
	struct span renewal = span_str(prefixes[TEXTS_RENEWAL]);
	bool is_renewal = span_starts(*name, renewal);

	if (is_renewal)
		*name = span_from(*name, renewal.n);
	return is_renewal == (l->source->kind == TEXTS_RENEWAL);
}

/* In letters of any case: fr.TXT is meant as fr.txt. */
static bool
has_ending(struct span name, struct span ending)
{
	return name.n >= ending.n &&
	       span_caseeq(span_from(name, name.n - ending.n), ending);
}

/* Files with other endings (notes, what editors leave) are nobody's. */
static void
take_name(struct loading *l, struct tags *tags, const char *name)
{
	static const struct span endings[] = { SPAN_INIT(".txt"),
		SPAN_INIT(".html") };
	const char *prefix = prefixes[l->source->kind];
	struct span s = span_str(name);
	bool is_lower;

	if (name[0] == '.' || !is_of_kind(l, &s))
		return;
	for (size_t i = 0; i < 2; i++) {
		if (!has_ending(s, endings[i]))
			continue;
		is_lower = span_ends(s, endings[i]);
		s.n -= endings[i].n;
		if (is_lower && language_is_tag(s))
			add_tag(l, tags, s);
		else
			wrong(l,
			    arena_printf(l->j.arena,
				"%s/%s: is not called after a language; write "
				"its tag and the ending in lower case, as in "
				"%sfr.txt and "
				"%sfr.html or %spt-br.txt and %spt-br.html",
				l->source->folder, name, prefix, prefix, prefix,
				prefix));
		return;
	}
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
load_folder(struct loading *l)
{
	struct tags tags = { .count = 0 };
	DIR *folder = opendir(l->source->folder);
	struct dirent *entry;

	if (folder == NULL) {
		wrong(l, arena_printf(l->j.arena, "%s: cannot be read: %s",
			     l->source->folder, strerror(errno)));
		return;
	}
	while ((entry = readdir(folder)) != NULL)
		take_name(l, &tags, entry->d_name);
	closedir(folder);
	qsort(tags.v, tags.count, sizeof(tags.v[0]), by_text);
	for (size_t i = 0; i < tags.count; i++)
		load_language(l, tags.v[i]);
}

static int
by_tag(const void *a, const void *b)
{
	const struct language *x = a, *y = b;

	return strcmp(x->tag, y->tag);
}

/* With what the configuration puts in; the built-in ones too. */
static void
check_values(struct loading *l)
{
	const struct texts_source *s = l->source;
	const char *prefix = prefixes[s->kind];

	for (size_t i = 0; i < l->texts->count; i++) {
		const struct language *language = &l->texts->v[i];
		struct template_values values = {
			.v = { s->ca_name, NULL,
			    language_date(&l->j, language, l->j.now),
			    s->help_url },
		};
		struct template_file text = {
			.name = arena_printf(
			    l->j.arena, "%s%s.txt", prefix, language->tag),
			.bytes = language->text,
		};
		struct template_file html = {
			.name = arena_printf(
			    l->j.arena, "%s%s.html", prefix, language->tag),
			.bytes = language->html,
			.is_html = true,
		};

		l->mistakes += template_check_values(
		    &l->j, &text, &values, l->report, l->ctx);
		l->mistakes += template_check_values(
		    &l->j, &html, &values, l->report, l->ctx);
	}
}

static void
set_default(struct loading *l)
{
	struct texts *t = l->texts;
	const char *wanted = l->source->default_language;
	const struct language *found =
	    language_find(t->v, t->count, span_str(wanted));

	if (found != NULL)
		t->default_language = found->tag;
	else if (l->source->kind != TEXTS_CHALLENGE)
		/* English, where an installation has not written its own. */
		;
	else
		wrong(
		    l, arena_printf(l->j.arena,
			   "sender.default_language: there is no %s; there are "
			   "%s, and %s.txt and %s.html in the folder "
			   "sender.templates would add it",
			   wanted, texts_names(&l->j, t), wanted, wanted));
}

int
texts_load(const struct texts_source *source, texts_report_fn *report,
    void *ctx, struct texts **out)
{
	struct loading l = { .source = source, .report = report, .ctx = ctx };

	job_init(&l.j, NULL, NULL);
	l.texts = xmalloc(sizeof(*l.texts));
	texts_builtin(l.texts, source->kind);
	l.texts->arena = arena_new();
	if (source->folder != NULL)
		load_folder(&l);
	qsort(l.texts->v, l.texts->count, sizeof(l.texts->v[0]), by_tag);
	if (l.mistakes == 0)
		check_values(&l);
	set_default(&l);
	job_done(&l.j);
	if (l.mistakes > 0) {
		texts_free(l.texts);
		return -1;
	}
	*out = l.texts;
	return 0;
}
