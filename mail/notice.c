#include "config.h"

#include "mail/notice.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/count.h"
#include "lib/digest.h"
#include "lib/hex.h"
#include "lib/job.h"
#include "lib/markup.h"
#include "mail/compose.h"
#include "mail/template.h"
#include "mail/texts.h"

#define ID_OCTETS 16
#define TEXT_MAX ((size_t)24 * 1024)

static const struct {
	const char *tag, *text, *html;
} notices[] = {
	{ "de", "notice-de.txt", "notice-de.html" },
	{ "en", "notice-en.txt", "notice-en.html" },
};
#define NOTICE_COUNT COUNT(notices)
#define ENGLISH 1

/* Without its Subject. */
static struct compose_head
head_of(const struct notice_input *in)
{
	return (struct compose_head){ .from = in->from,
		.to = in->mailbox,
		.message_id = in->message_id,
		.auto_submitted = "auto-generated",
		.date = in->date };
}

static int
render(struct job *j, const struct notice_input *in, const struct language *l,
    struct compose_parts *out)
{
	const struct template_values values = {
		.v = { in->ca_name, in->mailbox,
		    language_date(j, l, in->deadline), in->help_url }
	};

	out->language = l->tag;
	return template_text(j, l->text, &values, &out->text) < 0 ||
		       template_html(j, l->html, &values, &out->html) < 0
		   ? -1
		   : 0;
}

/* --- incidents ----------------------------------------------------------- */

static const struct language *
choose(struct language *v, const struct notice_input *in)
{
	const struct language *fallback;

	for (size_t i = 0; i < NOTICE_COUNT; i++)
		v[i] = (struct language){ .tag = notices[i].tag,
			.date = language_date_form(notices[i].tag),
			.text = embed_find(compose_templates, notices[i].text)
				    ->bytes,
			.html = embed_find(compose_templates, notices[i].html)
				    ->bytes };
	fallback =
	    language_find(v, NOTICE_COUNT, span_str(in->default_language));
	return language_choose(v, NOTICE_COUNT, in->language,
	    fallback != NULL ? fallback : &v[ENGLISH]);
}

int
notice_compose(struct job *j, const struct notice_input *in, struct span *out)
{
	struct compose_head head = head_of(in);
	struct language v[NOTICE_COUNT];
	const struct language *l = choose(v, in);
	struct compose_parts parts;

	if (render(j, in, l, &parts) < 0)
		return -1;
	head.subject = compose_subject(j, template_title(l->html));
	return compose_message(j, &head, &parts, out);
}

/* --- renewal ------------------------------------------------------------- */

/* Beside the language of the order the installation's own. */
static const struct language *
choose_renewal(const struct notice_input *in, const struct texts *texts)
{
	const struct language *fallback = language_find(
	    texts->v, texts->count, span_str(in->default_language));

	if (fallback == NULL)
		fallback = language_find(
		    texts->v, texts->count, span_str(texts->default_language));
	return language_choose(texts->v, texts->count, in->language, fallback);
}

int
notice_render_renewal(struct job *j, const struct notice_input *in,
    struct span *subject, struct compose_parts *out)
{
	const struct texts *texts = in->renewal_texts;
	const struct language *l;
	struct texts builtin;

	if (texts == NULL) {
		texts_builtin(&builtin, TEXTS_RENEWAL);
		texts = &builtin;
	}
	l = choose_renewal(in, texts);
	*subject = template_title(l->html);
	return render(j, in, l, out);
}

int
notice_compose_renewal(
    struct job *j, const struct notice_input *in, struct span *out)
{
	struct compose_head head = head_of(in);
	struct compose_parts parts;
	struct span subject;

	if (notice_render_renewal(j, in, &subject, &parts) < 0)
		return -1;
	head.subject = compose_subject(j, subject);
	return compose_message(j, &head, &parts, out);
}

/* --- reports ------------------------------------------------------------- */

/* "report:12:answer" */
static const char *
report_subject(struct job *j, const char *about)
{
	struct span rest = span_from(span_str(about), 7);
	size_t colon = span_find(rest, 0, ':');

	return arena_printf(j->arena, "Problem report %.*s: %s", (int)colon,
	    rest.p,
	    span_eq_str(span_from(rest, colon + 1), "answer")
		? "preliminary answer"
		: "decision");
}

int
notice_compose_report(
    struct job *j, const struct notice_input *in, struct span *out)
{
	const char *subject = report_subject(j, in->about);
	struct compose_head head = head_of(in);
	struct compose_parts parts = { .language = "en" };
	struct buf text, html;

	buf_init(&text, j->arena, TEXT_MAX);
	buf_addf(&text,
	    "%s\n\n%s\n\nThis is about a report that a certificate of %s "
	    "has a problem.\n",
	    subject, in->words, in->ca_name);
	buf_init(&html, j->arena, 6 * TEXT_MAX);
	buf_add_str(&html, "<!DOCTYPE html>\n<html lang=\"en\"><body><pre>\n");
	/* What the operator pasted is no element. */
	buf_add_markup(&html, buf_span(&text));
	buf_add_str(&html, "</pre></body></html>\n");
	if (!buf_ok(&text) || !buf_ok(&html))
		return job_fail(j, ERR_INTERNAL, "mail: the text is too long");
	parts.text = buf_span(&text);
	parts.html = buf_span(&html);
	head.subject = span_str(subject);
	return compose_message(j, &head, &parts, out);
}

const char *
notice_message_id(struct job *j, const struct notice_input *in)
{
	struct sha256_ctx *c = sha256_new(j->arena);
	uint8_t hash[SHA256_LEN];

	sha256_add(c, span_str("notice "));
	sha256_add(c, span_str(in->about));
	sha256_add(c, span_str(" "));
	sha256_add(c, span_str(in->mailbox));
	sha256_add(c,
	    span_str(arena_printf(j->arena, " %lld", (long long)in->deadline)));
	sha256_finish(c, hash);
	return arena_printf(j->arena, "<%s@%s>",
	    hex_dup(j->arena, span_mem(hash, ID_OCTETS)),
	    addr_domain_of(in->from));
}
