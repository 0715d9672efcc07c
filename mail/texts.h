/*
 * The texts of our mails in all languages (ER-18): English and German are built
 * in, and an installation's folder replaces them or adds others: LANG.txt and
 * LANG.html, both of them, so that both say the same; of the notice that a
 * certificate can be renewed renewal-LANG.txt and renewal-LANG.html.
 *
 *	texts_load(&where, report, ctx, &t);
 *	in.texts = t;
 *	…
 *	texts_free(t);
 */
#ifndef MAIL_TEXTS_H
#define MAIL_TEXTS_H

#include "lib/embed.h"
#include "mail/language.h"

/* mail/templates */
extern const struct embed compose_templates[];

#define TEXTS_MAX 64
#define TEXTS_FILE_MAX 16384

enum texts_kind { TEXTS_CHALLENGE, TEXTS_RENEWAL };

struct texts {
	struct arena *arena; /* NULL: nothing is owned */
	struct language v[TEXTS_MAX];
	size_t count;
	const char *default_language; /* one of them */
};

struct texts_source {
	enum texts_kind kind;
	const char *folder; /* NULL: the built-in ones only */
	const char *default_language;
	const char *ca_name;
	const char *help_url; /* or NULL */
};

typedef void texts_report_fn(void *ctx, const char *message);

/* English and German; English is the default. */
void texts_builtin(struct texts *t, enum texts_kind kind);
/*
 * Reads the folder and checks everything: 0 and *out, or -1; each mistake
 * goes to `report`.  Languages are in the order of their tags.
 */
int texts_load(const struct texts_source *source, texts_report_fn *report,
    void *ctx, struct texts **out);
void texts_free(struct texts *t);
/* "de, en", for messages. */
const char *texts_names(struct job *j, const struct texts *t);

#endif
