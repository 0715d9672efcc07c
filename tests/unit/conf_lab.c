#include "config.h"

#include "tests/unit/conf_lab.h"

#include <stdio.h>
#include <string.h>

#include "src/conf_file.h"
#include "tests/unit/unit_folder.h"

const char conf_lab_base[] =
    /* 1 */ "base_url = \"https://acme.ca.example\"\n"
	    /* 2 */ "ca_name = \"Example CA\"\n"
	    /* 3 */ "database = \"sqlite:/var/lib/db\"\n"
	    /* 4 */ "seal_key = seal.key\n"
	    /* 5 */ "policy {\n"
	    /* 6 */ "\tmax_identifiers = 10\n"
	    /* 7 */ "}\n"
	    /* 8 */ "web {\n"
	    /* 9 */ "\tlisten = { \"127.0.0.1:443\" }\n"
	    /* 10 */ "\ttls_certificate = web.pem\n"
	    /* 11 */ "\ttls_key = /keys/web.key\n"
	    /* 12 */ "}\n"
	    /* 13 */ "sender {\n"
	    /* 14 */ "\tfrom = \"acme@ca.example\"\n"
	    /* 15 */ "\trelay_host = localhost\n"
	    /* 16 */ "\trelay_signs = yes\n"
	    /* 17 */ "}\n"
	    /* 18 */ "validator {\n"
	    /* 19 */ "\timap_host = imap.ca.example\n"
	    /* 20 */ "\timap_user = acme\n"
	    /* 21 */ "\timap_password = imap.pw\n"
	    /* 22 */ "}\n"
	    /* 23 */ "issuer {\n"
	    /* 24 */ "\tca_certificate = ca.pem\n"
	    /* 25 */ "\tca_chain = root.pem\n"
	    /* 26 */ "\tca_key = ca.key\n"
	    /* 27 */ "\tca_key_passphrase = ca.pass\n"
	    /* 28 */ "\tcrl_url = \"http://crl.ca.example/ca.crl\"\n"
	    /* 29 */ "\tcrl_file = ca.crl\n"
	    /* 30 */ "}\n";

char conf_lab_path[300];

int
conf_lab_make(void **state)
{
	(void)state;
	snprintf(conf_lab_path, sizeof(conf_lab_path), "%s/countersign.conf",
	    unit_folder());
	return 0;
}

void
conf_lab_write(struct span text)
{
	FILE *f = fopen(conf_lab_path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	assert_int_equal(fclose(f), 0);
}

void
conf_lab_note(void *ctx, const char *message)
{
	struct conf_reports *r = ctx;
	size_t n = strlen(conf_lab_path);

	if (strncmp(message, conf_lab_path, n) == 0) {
		buf_add_str(&r->text, "conf");
		message += n;
	}
	buf_addf(&r->text, "%s\n", message);
	r->count++;
}

void
conf_reports_init(struct conf_reports *r)
{
	buf_init(&r->text, unit_job()->arena, 1 << 20);
	r->count = 0;
}

int
conf_lab_load(struct span text, struct conf_reports *r, const struct conf **out)
{
	conf_lab_write(text);
	conf_reports_init(r);
	return conf_load(
	    unit_job()->arena, conf_lab_path, conf_lab_note, r, out);
}

const char *
conf_lab_edit(const char *text, const char *from, const char *to)
{
	const char *at = from != NULL ? strstr(text, from) : text;
	size_t n = from != NULL ? strlen(from) : 0;

	if (at == NULL)
		fail_msg("the text holds no %s", from);
	return arena_printf(
	    unit_job()->arena, "%.*s%s%s", (int)(at - text), text, to, at + n);
}

const struct conf *
conf_lab_good(const char *text)
{
	const struct conf *c = NULL;
	struct conf_reports r;

	if (conf_lab_load(span_str(text), &r, &c) < 0)
		fail_msg("%s", r.text.p);
	assert_int_equal(r.count, 0);
	return c;
}

const char *
conf_lab_with(const char *more)
{
	return conf_lab_edit(conf_lab_base, "issuer {",
	    arena_printf(unit_job()->arena, "%sissuer {", more));
}

int
conf_lab_reload(
    const struct conf *old, struct conf_reports *r, const struct conf **now)
{
	struct arena *a = unit_job()->arena;
	const struct conf *fresh;

	if (conf_load(a, old->file, conf_lab_note, r, &fresh) < 0)
		return -1;
	*now = conf_keep(a, old, fresh, conf_lab_note, r);
	return 0;
}

void
conf_lab_mistakes(const struct conf_wrong *wrongs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct conf_wrong *w = &wrongs[i];
		const struct conf *c;
		struct conf_reports r;

		unit_case("%zu: %s", i, w->to);
		assert_int_equal(
		    conf_lab_load(
			span_str(conf_lab_edit(conf_lab_base, w->from, w->to)),
			&r, &c),
		    -1);
		assert_string_equal(r.text.p, w->expected);
	}
}
