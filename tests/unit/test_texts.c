/*
 * The folder of texts (ER-18): what it replaces and adds, and what is said of
 * mistakes in it.
 */
#include "config.h"

#include "tests/unit/unit.h"
#include "tests/unit/unit_folder.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/count.h"
#include "mail/compose.h"
#include "mail/notice.h"
#include "mail/texts.h"

#define SAMPLES CS_TEST_DATA "/texts"
#define TEXT "{ca_name}: {mailbox}, {expires}. Say STOP, please.\n"
#define HTML "<p>{ca_name}: {mailbox}, {expires}. Say STOP, please.</p>\n"

static struct buf said;

static void
report(void *ctx, const char *message)
{
	(void)ctx;
	buf_addf(&said, "%s\n", message);
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(unit_path(name), "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

/* NULL if it was refused; `said` has what was said. */
static struct texts *
load_kind(enum texts_kind kind, const char *where, const char *language)
{
	struct texts_source source = { .kind = kind,
		.folder = where,
		.default_language = language,
		.ca_name = "Example Mail CA" };
	struct texts *t = NULL;
	int result;

	buf_init(&said, unit_job()->arena, 65536);
	result = texts_load(&source, report, NULL, &t);
	assert_int_equal(result == 0, said.n == 0);
	assert_int_equal(result == 0, t != NULL);
	return t;
}

static struct texts *
load(const char *where, const char *language)
{
	return load_kind(TEXTS_CHALLENGE, where, language);
}

static const char *
rendered(const struct texts *t, const char *accept)
{
	struct compose_input in = { .ca_name = "CA",
		.mailbox = "alice@user.test",
		.language = accept,
		.default_language = t->default_language,
		.texts = t,
		.expires_at = 1772532000 };
	struct compose_parts parts;

	assert_int_equal(compose_render(unit_job(), &in, &parts), 0);
	return span_dup(unit_job()->arena, parts.text);
}

static void
test_builtin(void **state)
{
	struct texts *t = load(NULL, "de-AT");

	(void)state;
	assert_non_null(t);
	assert_string_equal(texts_names(unit_job(), t), "de, en");
	assert_string_equal(t->default_language, "de");
	texts_free(t);
	texts_free(NULL);
	assert_null(load(NULL, "fr"));
	assert_string_equal(said.p,
	    "sender.default_language: there is no fr; there are de, en, and "
	    "fr.txt and fr.html in the folder sender.templates would add it\n");
}

static void
test_added(void **state)
{
	struct texts *t = load(SAMPLES, "fr");

	(void)state;
	if (t == NULL)
		fail_msg("%s", said.p);
	assert_string_equal(texts_names(unit_job(), t), "de, en, fr");
	assert_non_null(strstr(rendered(t, NULL), "Ce message"));
	assert_non_null(strstr(rendered(t, "fr-CA, de;q=0.5"), "Ce message"));
	/* No names of months are needed. */
	assert_non_null(
	    strstr(rendered(t, "fr"), "avant le 2026-03-03, 10:00 UTC."));
	assert_non_null(strstr(rendered(t, "de"), "Nachricht"));
	assert_non_null(strstr(rendered(t, "it"), "Ce message"));
	texts_free(t);
}

/* Editors on Windows: a mark at the beginning, CR LF; no line end at last. */
static void
test_replaced(void **state)
{
	struct texts *t;

	(void)state;
	put("de.txt", "\xef\xbb\xbfHallo {ca_name},\r\n\r\n    {mailbox}\r\n"
		      "bis {expires}. Oder STOP, bitte.");
	put("de.html", HTML);
	put("pt-br.txt", "Brasil\n" TEXT);
	put("pt-br.html", HTML);
	put(".fr.txt", "hidden");
	put("fr.txt~", "an editor's");
	t = load(unit_folder(), "en");
	if (t == NULL)
		fail_msg("%s", said.p);
	assert_string_equal(texts_names(unit_job(), t), "de, en, pt-br");
	assert_string_equal(rendered(t, "de-CH"),
	    "Hallo CA,\n\n    alice@user.test\n"
	    "bis 3. M\xc3\xa4rz 2026, 10:00 Uhr (UTC). Oder STOP, bitte.\n");
	/* A tag is cut at its end, as RFC 4647 section 3.4 has it. */
	assert_non_null(strstr(rendered(t, "pt-BR"), "Brasil"));
	assert_non_null(strstr(rendered(t, "pt-BR-x-1"), "Brasil"));
	assert_non_null(strstr(rendered(t, "pt"), "has been asked"));
	assert_null(strstr(rendered(t, "pt-PT"), "Brasil"));
	texts_free(t);
}

static void
test_mistakes(void **state)
{
	char *too_long = arena_alloc(unit_job()->arena, TEXTS_FILE_MAX + 2);

	(void)state;
	memset(too_long, 'x', TEXTS_FILE_MAX + 1);
	put("FR.txt", TEXT);
	put("x.html", HTML);
	put("it.TXT", TEXT);
	put("it.Html", HTML);
	put("german.txt", TEXT);
	put("fr.txt", TEXT "{mail}\n");
	put("fr.html", HTML "<img>\n");
	put("de.txt", TEXT);
	put("en.html", too_long);
	assert_null(load(unit_folder(), "xx"));
	assert_non_null(strstr(said.p, "/FR.txt: is not called after a "
				       "language; write its tag and the "
				       "ending in lower case"));
	assert_non_null(strstr(said.p, "/it.TXT: is not called after"));
	assert_non_null(strstr(said.p, "/it.Html: is not called after"));
	assert_non_null(strstr(said.p, "/german.txt: is not called after"));
	assert_non_null(strstr(said.p, "/x.html: is not called after"));
	assert_non_null(strstr(said.p, "/fr.txt:2: {mail} is no placeholder"));
	assert_non_null(strstr(said.p, "/fr.html:2: <img> is not allowed"));
	assert_non_null(strstr(said.p, "/de.html: cannot open: No such file "
				       "or directory; a language needs both"));
	assert_non_null(strstr(said.p, "/en.txt: cannot open"));
	assert_non_null(strstr(said.p, "/en.html: "));
	assert_non_null(
	    strstr(said.p, "sender.default_language: there is no xx"));
	assert_null(load("/nonexistent", "en"));
	assert_string_equal(said.p,
	    "/nonexistent: cannot be read: No such file or directory\n");
}

/* PK-191: both kinds lie in one folder, and none is in the other's way. */
static void
test_renewal(void **state)
{
	struct notice_input in = { .ca_name = "CA",
		.mailbox = "alice@user.test",
		.language = "fr",
		.default_language = "it",
		.deadline = 1772532000 };
	struct compose_parts parts;
	struct span subject;
	struct texts *t;

	(void)state;
	put("fr.txt", TEXT);
	put("fr.html", HTML);
	t = load_kind(TEXTS_RENEWAL, unit_folder(), "fr");
	assert_non_null(t);
	/* Ours, where the installation has written none of this kind. */
	assert_string_equal(texts_names(unit_job(), t), "de, en");
	assert_string_equal(t->default_language, "en");
	texts_free(t);

	put("renewal-fr.txt", "{ca_name}: {mailbox} jusqu'au {expires}.\n");
	put("renewal-fr.html", "<title>Votre certificat \xc3\xa0 "
			       "renouveler</title>\n{ca_name} {mailbox} "
			       "{expires}\n");
	t = load(unit_folder(), "fr");
	assert_non_null(t);
	assert_string_equal(texts_names(unit_job(), t), "de, en, fr");
	texts_free(t);
	t = load_kind(TEXTS_RENEWAL, unit_folder(), "fr");
	if (t == NULL)
		fail_msg("%s", said.p);
	assert_string_equal(texts_names(unit_job(), t), "de, en, fr");
	in.renewal_texts = t;
	assert_int_equal(
	    notice_render_renewal(unit_job(), &in, &subject, &parts), 0);
	assert_true(
	    span_eq_str(subject, "Votre certificat \xc3\xa0 renouveler"));
	assert_true(span_eq_str(parts.text,
	    "CA: alice@user.test jusqu'au 2026-03-03, 10:00 UTC.\n"));
	texts_free(t);
}

static void
test_renewal_mistakes(void **state)
{
	static const char *const titles[] = { "", "<title></title>\n",
		"<title>a &amp; b</title>\n", "<title>{ca_name}</title>\n",
		"<title>a\nb</title>\n" };

	(void)state;
	put("renewal-fr.txt", "{ca_name} {mailbox}.\n");
	put("renewal-x.txt", "x");
	for (size_t i = 0; i < COUNT(titles); i++) {
		unit_case("%s", titles[i]);
		put("renewal-fr.html",
		    arena_printf(unit_job()->arena,
			"%s{ca_name} {mailbox} {expires}\n", titles[i]));
		assert_null(load_kind(TEXTS_RENEWAL, unit_folder(), "en"));
		assert_non_null(strstr(
		    said.p, "/renewal-fr.html: needs a <title> in one line"));
	}
	assert_non_null(strstr(said.p,
	    "/renewal-x.txt: is not called after a language; write its tag and "
	    "the ending in lower case, as in renewal-fr.txt and "
	    "renewal-fr.html"));
	assert_non_null(strstr(said.p,
	    "/renewal-fr.txt: does not say until when the certificate is "
	    "valid; write {expires}"));
	assert_null(strstr(said.p, "STOP"));
	/* What is wrong with one kind keeps no other from being read. */
	texts_free(load(unit_folder(), "en"));
}

/* MA-63: a CA of this name cannot be served by the built-in texts either. */
static void
test_name(void **state)
{
	struct texts_source source = { .default_language = "en",
		.ca_name = "-----BEGIN ACME RESPONSE-----" };
	struct texts *t = NULL;

	(void)state;
	buf_init(&said, unit_job()->arena, 65536);
	assert_int_equal(texts_load(&source, report, NULL, &t), -1);
	assert_non_null(strstr(said.p, "en.txt: with this ca_name, a "));
	assert_non_null(strstr(said.p, "de.html: with this ca_name, a "));
}

static void
test_tags(void **state)
{
	static const struct {
		const char *tag;
		bool good;
	} cases[] = {
		{ "en", true },
		{ "pt-br", true },
		{ "zh-hant-tw", true },
		{ "de-ch-1996", true },
		{ "", false },
		{ "x", false },
		{ "x-private", false },
		{ "EN", false },
		{ "pt_br", false },
		{ "pt-", false },
		{ "-pt", false },
		{ "pt--br", false },
		{ "gsw-berne", true },
		{ "gsw-abcdefghi", false },
		{ "english", false },
		{ "notice-en", false },
		{ "../de", false },
		{ "ab-abcdefgh-abcdefgh-abcdefgh-abcdef", false },
		{ "ab-abcdefgh-abcdefgh-abcdefgh-abcde", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].tag);
		assert_int_equal(
		    language_is_tag(span_str(cases[i].tag)), cases[i].good);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_builtin),
	cmocka_unit_test(test_added),
	cmocka_unit_test(test_replaced),
	cmocka_unit_test(test_mistakes),
	cmocka_unit_test(test_renewal),
	cmocka_unit_test(test_renewal_mistakes),
	cmocka_unit_test(test_name),
	cmocka_unit_test(test_tags),
};
UNIT_MAIN(tests)
