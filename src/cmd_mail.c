#include "config.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "mail/compose.h"
#include "mail/notice.h"
#include "mail/texts.h"
#include "src/command.h"
#include "src/wording.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAILBOX "alice@example.org"
/* 32 characters, as token-part1 has, and no more. */
#define NO_TOKEN "NOT-A-REAL-TOKEN-ONLY-A-PREVIEW-"
/* When the window of a certificate of a year opens. */
#define REST_SECS ((int64_t)125 * 86400)

static const char usage[] =
    "usage: countersign mail preview [--language TAG] [--mailbox MAILBOX]\n"
    "           [--templates FOLDER] [--renewal] [--html | --source]\n"
    "           [-f FILE]\n"
    "\n"
    "Shows the challenge mail as people get it, with the texts of the\n"
    "configuration: its header, and its text as mail programs show it.\n"
    "Nothing is sent; no database and no key is needed.\n"
    "\n"
    "  --language TAG      en, de or one that sender.templates adds\n"
    "                      (default: sender.default_language)\n"
    "  --mailbox MAILBOX   whom it is for (default: " DEFAULT_MAILBOX ")\n"
    "  --templates FOLDER  try these texts in place of sender.templates\n"
    "  --renewal           the notice that a certificate can be renewed, in\n"
    "                      place of the challenge mail\n"
    "  --html              the HTML, for a browser\n"
    "  --source            the whole message, with a false token and without\n"
    "                      signatures\n"
    "  -f, --config FILE   configuration (default: " COMMAND_DEFAULT_CONFIG
    ")\n";

struct options {
	const char *config, *language, *mailbox, *templates;
	bool html, source, renewal;
};

static int
parse(int argc, char **argv, struct options *o)
{
	const struct command_option options[] = {
		{ "language", NULL, &o->language },
		{ "mailbox", NULL, &o->mailbox },
		{ "templates", NULL, &o->templates },
		{ "html", &o->html, NULL },
		{ "source", &o->source, NULL },
		{ "renewal", &o->renewal, NULL },
		{ NULL, NULL, NULL },
	};

	*o = (struct options){ .config = NULL };
	if (command_parse(argc, argv, usage, options, &o->config, 1) < 0)
		return -1;
	if (o->mailbox == NULL)
		o->mailbox = DEFAULT_MAILBOX;
	if (strcmp(argv[optind], "preview") != 0)
		return command_misused(usage, "%s: give preview", argv[optind]);
	if (o->html && o->source)
		return command_misused(usage, "give --html or --source");
	return 0;
}

/* The addresses with something where the tag of a challenge stands. */
struct addresses {
	const char *from, *reply_to;
};

static struct addresses
addresses_with(struct job *j, const struct conf_sender *s, const char *tag)
{
	struct addresses a = { s->from, s->reply_to };
	const char **answered = a.reply_to != NULL ? &a.reply_to : &a.from;
	const char *domain = addr_domain_of(*answered);

	if (s->tagged)
		*answered = arena_printf(j->arena, "%.*s+%s@%s",
		    (int)(domain - 1 - *answered), *answered, tag, domain);
	return a;
}

/* What stands above the text. */
static const char *
head_of(struct job *j, const struct addresses *a, const char *mailbox,
    const char *subject)
{
	return arena_printf(j->arena,
	    "From:     %s\nTo:       %s\n%s%s%sSubject:  %s\n", a->from,
	    mailbox, a->reply_to != NULL ? "Reply-To: " : "",
	    a->reply_to != NULL ? a->reply_to : "",
	    a->reply_to != NULL ? "\n" : "", subject);
}

/* 0 and its canonical form, or -1. */
static int
check_options(struct job *j, const struct options *o, const struct texts *texts,
    const char **mailbox)
{
	static const struct addr_policy policy = { .utf8_local = true,
		.reserved_domains = true };
	struct addr addr;

	if (addr_parse(j, span_str(o->mailbox), &policy, &addr) < 0)
		return job_context(j, "--mailbox %s", o->mailbox);
	*mailbox = addr.canonical;
	if (o->language != NULL && language_find(texts->v, texts->count,
				       span_str(o->language)) == NULL)
		return job_fail(j, ERR_MALFORMED,
		    "--language %s: there is none; there are %s", o->language,
		    texts_names(j, texts));
	return 0;
}

static void
put(struct span s)
{
	(void)fwrite(s.p, 1, s.n, stdout);
}

/* What there is of a mail, as it was asked for. */
static void
show(const struct options *o, const char *head, const struct span *whole,
    const struct compose_parts *parts)
{
	if (o->source) {
		put(*whole);
	} else if (o->html) {
		put(parts->html);
	} else {
		puts(head);
		put(parts->text);
	}
}

static int
show_challenge(struct job *j, const struct options *o,
    const struct texts *texts, const char *mailbox)
{
	const struct conf_sender *s = &j->conf->sender;
	const struct addresses to_read = addresses_with(j, s, "TAG");
	const struct addresses whole_ones = addresses_with(j, s, "preview");
	struct compose_input in = { .ca_name = j->conf->ca_name,
		.mailbox = mailbox,
		.from = whole_ones.from,
		.reply_to = whole_ones.reply_to,
		.message_id = arena_printf(
		    j->arena, "<preview@%s>", addr_domain_of(s->from)),
		.token_part1 = SPAN(NO_TOKEN),
		.language = o->language,
		.default_language = texts->default_language,
		.texts = texts,
		.help_url = s->help_url,
		.date = j->now,
		.expires_at = j->now + j->conf->authz_pending_life };
	struct compose_parts parts = { .language = NULL };
	struct span whole = SPAN("");

	if (compose_challenge(j, &in, &whole) < 0 ||
	    compose_render(j, &in, &parts) < 0)
		return -1;
	show(o, head_of(j, &to_read, mailbox, "ACME: TOKEN"), &whole, &parts);
	return 0;
}

static int
show_renewal(struct job *j, const struct options *o, const struct texts *texts,
    const char *mailbox)
{
	const struct conf_sender *s = &j->conf->sender;
	struct notice_input in = { .ca_name = j->conf->ca_name,
		.mailbox = mailbox,
		.from = s->from,
		.message_id = arena_printf(
		    j->arena, "<preview@%s>", addr_domain_of(s->from)),
		.language = o->language,
		.default_language = s->default_language,
		.renewal_texts = texts,
		.help_url = s->help_url,
		.date = j->now,
		.deadline = j->now + REST_SECS };
	struct compose_parts parts = { .language = NULL };
	struct span whole = SPAN(""), subject = SPAN("");

	if (notice_compose_renewal(j, &in, &whole) < 0 ||
	    notice_render_renewal(j, &in, &subject, &parts) < 0)
		return -1;
	show(o,
	    head_of(j, &(const struct addresses){ .from = s->from }, mailbox,
		span_dup(j->arena, subject)),
	    &whole, &parts);
	return 0;
}

static int
preview(const struct conf *given, const struct options *o)
{
	struct conf conf = *given;
	struct texts *texts = NULL;
	const char *mailbox = NULL;
	struct job j;
	int result;

	if (o->templates != NULL)
		conf.sender.templates = o->templates;
	if (wording_load(&conf, o->renewal ? TEXTS_RENEWAL : TEXTS_CHALLENGE,
		conf_report_stderr, NULL, &texts) < 0)
		return -1;
	job_init(&j, NULL, &conf);
	result = check_options(&j, o, texts, &mailbox);
	if (result == 0)
		result = o->renewal ? show_renewal(&j, o, texts, mailbox)
				    : show_challenge(&j, o, texts, mailbox);
	if (result < 0)
		command_fail("%s", j.err.text);
	job_done(&j);
	texts_free(texts);
	return result;
}

int
cmd_mail(int argc, char **argv)
{
	struct arena *keep;
	const struct conf *conf;
	struct options o;
	int result;

	if (parse(argc, argv, &o) < 0)
		return EXIT_FAILURE;
	log_open("command", LOG_LEVEL_WARNING);
	keep = arena_new();
	result = conf_load(keep, o.config, conf_report_stderr, NULL, &conf);
	if (result == 0)
		result = preview(conf, &o);
	arena_free(keep);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
