/*
 * Sections with a title in the configuration file: mailboxes, domains, profiles
 * (PK-68, PK-109), lints that are allowed (PK-139), linters; and what the
 * sections on S/MIME need (MA-70, MA-73, MA-76).
 */
#include "config.h"

#include <string.h>

#include "lib/count.h"
#include "pki/profile.h"
#include "src/conf_table.h"
#include "src/intake.h"
#include "tests/unit/conf_lab.h"

/* --- sections with a title ----------------------------------------------- */

#define IMAP_TWO                                                               \
	"imap two {\n host = imap.two.example\n user = acme\n"                 \
	" password = two.pw\n disposal = flag\n}\n"

static void
test_titled(void **state)
{
	const struct conf *c = conf_lab_good(conf_lab_with(
	    "domain example.org {\n coverage = rfc\n}\n" IMAP_TWO
	    "domain \"xn--bcher-kva.example\" {\n require_dnssec = yes\n}\n"));
	const struct conf_validator *v = &c->validator;
	char room[INTAKE_NAME_MAX];
	struct intake in;

	(void)state;
	assert_int_equal(v->imap_count, 1);
	assert_string_equal(v->imaps[0].name, "two");
	assert_string_equal(v->imaps[0].host, "imap.two.example");
	assert_int_equal(v->imaps[0].port, 993);
	assert_string_equal(v->imaps[0].folder, "INBOX");
	assert_int_equal(v->imaps[0].disposal, CONF_DISPOSAL_FLAG);
	assert_int_equal(v->imap.disposal, CONF_DISPOSAL_MOVE);
	assert_int_equal(v->domain_count, 2);
	assert_string_equal(v->domains[0].name, "example.org");
	assert_int_equal(v->domains[0].coverage, CONF_COVERAGE_RFC);
	assert_false(v->domains[0].require_dnssec);
	/* What is not set there is as in the section validator. */
	assert_int_equal(v->domains[1].coverage, CONF_COVERAGE_CORE);
	assert_true(v->domains[1].require_dnssec);

	assert_int_equal(intake_count(c), 2);
	assert_string_equal(intake_at(c, 0, room).name, "imap");
	assert_true(intake_find(c, "imap:two", &in, room));
	assert_ptr_equal(in.imap, &v->imaps[0]);
	assert_false(intake_find(c, "imap:three", &in, room));
}

/* LMTP alone is a way in; what it defers has a process of its own. */
static void
test_lmtp_alone(void **state)
{
	const char *text = conf_lab_edit(conf_lab_base,
	    "\timap_host = imap.ca.example\n\timap_user = acme\n"
	    "\timap_password = imap.pw\n",
	    "\tlmtp_listen = { \"unix:/run/x/lmtp\", \"[::1]:24\" }\n"
	    "\tlmtp_group = postfix\n");
	const struct conf *c = conf_lab_good(text);
	char room[INTAKE_NAME_MAX];
	struct intake in;

	(void)state;
	assert_int_equal(c->validator.lmtp_listen.n, 2);
	assert_string_equal(c->validator.lmtp_group, "postfix");
	assert_int_equal(intake_count(c), 2);
	assert_true(intake_find(c, "lmtp", &in, room));
	assert_int_equal(in.kind, INTAKE_LMTP);
	assert_true(intake_find(c, "deferred", &in, room));
	assert_int_equal(in.kind, INTAKE_DEFERRED);
	assert_false(intake_find(c, "imap", &in, room));
	/* Beside mailboxes. */
	c = conf_lab_good(conf_lab_edit(conf_lab_with(IMAP_TWO), "\timap_user",
	    "\tlmtp_listen = { \"127.0.0.1:24\" }\n\timap_user"));
	assert_int_equal(intake_count(c), 4);
	assert_string_equal(intake_at(c, 1, room).name, "imap:two");
	assert_string_equal(intake_at(c, 2, room).name, "lmtp");
}

static void
test_maildir_alone(void **state)
{
	const char *text = conf_lab_edit(conf_lab_base,
	    "\timap_host = imap.ca.example\n\timap_user = acme\n"
	    "\timap_password = imap.pw\n",
	    "\tmaildir = { \"/a\", \"/b\" }\n\tmaildir_line_ends = crlf\n");
	const struct conf *c = conf_lab_good(text);
	char room[INTAKE_NAME_MAX];
	struct intake in;

	(void)state;
	assert_int_equal(intake_count(c), 2);
	assert_true(intake_find(c, "maildir:2", &in, room));
	assert_int_equal(in.kind, INTAKE_MAILDIR);
	assert_string_equal(in.maildir, "/b");
	assert_false(intake_find(c, "maildir:3", &in, room));
	assert_false(intake_find(c, "lmtp", &in, room));
}

static void
test_titled_inherits(void **state)
{
	const char *text =
	    conf_lab_with("domain a.example {\n coverage = rfc\n}\n");
	const struct conf *c = conf_lab_good(conf_lab_edit(
	    text, "\timap_user", "\trequire_dnssec = yes\n\timap_user"));

	(void)state;
	assert_true(c->validator.domains[0].require_dnssec);
	assert_int_equal(c->validator.domains[0].coverage, CONF_COVERAGE_RFC);
}

/* Only further mailboxes: the validator's own is not needed. */
static void
test_titled_alone(void **state)
{
	const char *text = conf_lab_with(IMAP_TWO);
	const struct conf *c;
	char room[INTAKE_NAME_MAX];

	(void)state;
	text = conf_lab_edit(text, "\timap_host = imap.ca.example\n", "");
	text = conf_lab_edit(text, "\timap_user = acme\n", "");
	text = conf_lab_edit(text, "\timap_password = imap.pw\n", "");
	c = conf_lab_good(text);
	assert_int_equal(intake_count(c), 1);
	assert_string_equal(intake_at(c, 0, room).name, "imap:two");
}

static void
test_titled_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "imap two {\n host = a.example\n}\n",
		    "conf: imap two: user: is missing. Login at the IMAP "
		    "server.\n"
		    "conf: imap two: password: is missing: the file with "
		    "the password for the IMAP server; or set imap two: "
		    "token_file or imap two: token_command\n" },
		{ "imap two {\n host = a.example\n user = acme\n"
		  " password = x\n token_file = y\n}\n",
		    "conf:26: imap two: password: only one of password, "
		    "token_file and token_command can be used\n" },
		{ "imap two {\n host = a.example\n user = acme\n"
		  " password = x\n auth = xoauth2\n}\n",
		    "conf:27: imap two: auth: a password needs auto, plain, "
		    "login or scram\n" },
		{ "imap two {\n host = a.example\n user = acme\n"
		  " token_file = x\n auth = scram\n}\n",
		    "conf:27: imap two: auth: a token needs auto, xoauth2 or "
		    "oauthbearer\n" },
		{ "imap two {\n host = a.example\n user = acme\n"
		  " token_command = {\"token\", \"acme\"}\n}\n",
		    "conf:26: imap two: token_command: must begin with the "
		    "absolute name of a program: there is no shell and no "
		    "search for it\n" },
		{ IMAP_TWO "imap two {\n host = a.example\n}\n",
		    "conf:29: two: there is a section with this title "
		    "already; keep one of them\n" },
		{ "imap two {\n host = imap.ca.example\n user = acme\n"
		  " password = x\n tls = none\n port = 0\n}\n",
		    "conf:28: imap two: port: 0 is out of range; give 1 to "
		    "65535\n"
		    "conf:27: imap two: tls: none would send the password in "
		    "clear; use implicit or starttls\n"
		    "conf:24: imap two: host: this mailbox is watched already "
		    "by the section validator\n" },
		{ "imap two {\n host = imap.ca.example\n user = acme\n"
		  " password = x\n}\n",
		    "conf:24: imap two: host: this mailbox is watched already "
		    "by the section validator\n" },
		{ "imap \"a b\" {\n host = a.example\n user = acme\n"
		  " password = x\n}\n",
		    "conf:24: imap a b: host: the section's name must be 1 to "
		    "32 letters, digits, -, _ or .\n" },
		{ "domain Example.org {\n coverage = rfc\n}\n",
		    "conf:24: domain Example.org: write the section's name as "
		    "example.org\n" },
		{ "domain \"a b\" {\n coverage = all\n coverage = core\n}\n",
		    "conf:25: domain a b: coverage: is set already in line 24; "
		    "keep one of them\n"
		    "conf:24: domain a b: the section's name is no domain "
		    "(example.org)\n" },
		{ "profile Mine {\n subject = both\n use = { sign }\n"
		  " client_auth = yes\n policy = 2.5.29.32.0\n}\n",
		    "conf:24: profile Mine: subject: must be one of "
		    "cn|email|cn+email|empty\n"
		    "conf:25: profile Mine: the section's name must be 1 to "
		    "32 lower-case letters, digits and -, and not begin with "
		    "-\n"
		    "conf:25: profile Mine: use: sign is none of signing, "
		    "encryption, dual\n"
		    "conf:27: profile Mine: policy: 2.5.29.32.0 is not an OID "
		    "of your own; the reserved ones are there without it, "
		    "and anyPolicy is forbidden\n"
		    "conf:26: profile Mine: client_auth: the strict "
		    "generation is for mail only; set generation to "
		    "multipurpose\n" },
		{ "profile mine {\n validity_days = 819\n}\n",
		    "conf:24: profile mine: validity_days: 819 is out of "
		    "range; give 1 to 818\n" },
		{ "allow_lint L-31 {\n reason = \"a short while\"\n"
		  " until = 2027-02-30\n}\n",
		    "conf:24: allow_lint L-31: reason: this lint finds "
		    "errors, and those are never allowed; "
		    "countersign.conf(5) says which can be\n"
		    "conf:25: allow_lint L-31: until: must be a day, as "
		    "2027-03-31\n" },
		{ "allow_lint L-99 {\n reason = \"a short while\"\n"
		  " until = 2027-02-28\n}\n",
		    "conf:24: allow_lint L-99: reason: there is no such lint; "
		    "countersign.conf(5) says which can be allowed\n" },
		{ "allow_lint L-40 {\n}\n",
		    "conf: allow_lint L-40: reason: is missing. Why; it is "
		    "written into the audit.\n"
		    "conf: allow_lint L-40: until: is missing. The day from "
		    "which it is refused again, as 2027-03-31.\n" },
		{ "linter a {\n}\n",
		    "conf: linter a: exec: set either it or url: the program "
		    "or the service that judges\n" },
		{ "linter a {\n exec = /bin/a\n url = "
		  "\"http://127.0.0.1:80\"\n version = /bin/a\n}\n",
		    "conf:24: linter a: exec: set either it or url: the "
		    "program "
		    "or the service that judges\n" },
		{ "linter a {\n url = \"http://localhost:8080\"\n}\n",
		    "conf:24: linter a: url: must be the http URL of a service "
		    "on this machine, by an address of the loopback and "
		    "without a name, as http://127.0.0.1:8080 or "
		    "http://[::1]:8080\n" },
		{ "linter a {\n exec = /bin/a\n version = /bin/a\n lints = { "
		  "crl, crls }\n}\n",
		    "conf:26: linter a: lints: crls is nothing that is judged; "
		    "there are certificate, responder, ca, crl, root-crl and "
		    "ocsp\n" },
		{ "linter a {\n exec = { /bin/a, \"%t\" }\n version = /bin/a\n "
		  "lints = { crl, ocsp }\n}\n",
		    "conf:26: linter a: lints: ocsp has no template for the "
		    "word "
		    "%t in exec: give it a section of its own\n" },
		{ "domain a.example {\n coverag = rfc\n}\n",
		    "conf:24: coverag: there is no such option; did you mean "
		    "validator.coverage?\n" },
	};
	const struct conf *c;
	struct conf_reports r;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i].text);
		assert_int_equal(
		    conf_lab_load(
			span_str(conf_lab_with(cases[i].text)), &r, &c),
		    -1);
		assert_string_equal(r.text.p, cases[i].error);
	}
}

static void
test_titled_reload(void **state)
{
	const struct conf *old = conf_lab_good(
	    conf_lab_with(IMAP_TWO "domain a.example {\n coverage = rfc\n}\n"));
	const struct conf *now = NULL;
	struct conf_reports r;

	(void)state;
	conf_lab_write(
	    span_str(conf_lab_with("domain b.example {\n coverage = core\n}\n"
				   "domain a.example {\n}\n")));
	conf_reports_init(&r);
	assert_int_equal(conf_lab_reload(old, &r, &now), 0);
	assert_int_equal(r.count, 1);
	assert_string_equal(r.text.p, "the sections imap\n");
	assert_int_equal(now->validator.imap_count, 1);
	assert_string_equal(now->validator.imaps[0].name, "two");
	assert_int_equal(now->validator.domain_count, 2);
	assert_string_equal(now->validator.domains[0].name, "b.example");
	/* The same again: nothing to say. */
	conf_lab_write(span_str(conf_lab_with(IMAP_TWO)));
	conf_reports_init(&r);
	assert_int_equal(conf_lab_reload(now, &r, &now), 0);
	assert_int_equal(r.count, 0);
}

/* MA-70, MA-73, MA-76: what decides must have what it needs. */
static void
test_smime(void **state)
{
#define NO_ROOTS "needs validator.smime_roots: the PEM file of the roots\n"
#define NO_LISTS                                                               \
	"needs validator.smime_crls, since validator.smime_revocation is "     \
	"hard: name the revocation lists, or choose soft or off\n"
	static const struct {
		const char *validator, *domain, *error;
	} cases[] = {
		{ "smime = require", "",
		    "conf:20: validator.smime: " NO_ROOTS
		    "conf:20: validator.smime: " NO_LISTS },
		{ "smime = yes", "",
		    "conf:20: validator.smime: must be one of "
		    "ignore|note|require\n" },
		{ "smime_crls = { \"a.crl\" }", "",
		    "conf:20: validator.smime_crls: a.crl must be an absolute "
		    "path\n" },
		{ "smime_roots = r", "smime = require",
		    "conf:26: domain a.example: smime: " NO_LISTS },
		{ "smime_revocation = soft", "smime_instead_of_dkim = yes",
		    "conf:26: domain a.example: "
		    "smime_instead_of_dkim: " NO_ROOTS },
		{ "smime_roots = r smime_revocation = off smime = ignore",
		    "smime_instead_of_dkim = yes",
		    "conf:26: domain a.example: smime_instead_of_dkim: needs "
		    "smime to be note or require: what is ignored can stand "
		    "in for nothing\n" },
		{ "smime_roots = r smime_crls = { \"/a.crl\" }",
		    "smime_instead_of_dkim = yes", NULL },
		{ "smime_roots = r smime_revocation = off", "smime = require",
		    NULL },
	};
	const struct conf *c;
	struct conf_reports r;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *text = conf_lab_with(arena_printf(unit_job()->arena,
		    "domain a.example {\n\n%s\n}\n", cases[i].domain));

		unit_case("%zu", i);
		text = conf_lab_edit(text, "\timap_user",
		    arena_printf(unit_job()->arena, "\t%s\n\timap_user",
			cases[i].validator));
		if (cases[i].error == NULL) {
			(void)conf_lab_good(text);
			continue;
		}
		assert_int_equal(conf_lab_load(span_str(text), &r, &c), -1);
		assert_string_equal(r.text.p, cases[i].error);
	}
	c = conf_lab_good(conf_lab_base);
	assert_int_equal(c->validator.smime, CONF_SMIME_NOTE);
	assert_int_equal(c->validator.smime_revocation, CONF_REVOCATION_HARD);
	c = conf_lab_good(
	    conf_lab_edit(conf_lab_with("domain a.example {\n}\n"),
		"\timap_user", "\tsmime = ignore\n\timap_user"));
	assert_int_equal(c->validator.domains[0].smime, CONF_SMIME_IGNORE);
	assert_false(c->validator.domains[0].smime_instead_of_dkim);
}

/* For networks without DKIM, which the public is not. */
static void
test_smime_public(void **state)
{
	const char *text = conf_lab_edit(
	    conf_lab_with(
		"domain a.example {\n smime_instead_of_dkim = yes\n}\n"),
	    "\timap_user",
	    "\tsmime_roots = r\n\tsmime_revocation = off\n\timap_user");
	const struct conf *c;
	struct conf_reports r;

	(void)state;
	text = arena_printf(unit_job()->arena, "mode = public\n%s", text);
	assert_int_equal(conf_lab_load(span_str(text), &r, &c), -1);
	assert_non_null(strstr(r.text.p,
	    "domain a.example: smime_instead_of_dkim: must be no in public "
	    "mode\n"));
}

/* PK-68, PK-109: sections make profiles, and change those that ship. */
static void
test_profile_sections(void **state)
{
	const struct conf *c = conf_lab_good(conf_lab_edit(
	    conf_lab_with(
		"profile mailbox-signing {\n subject = \"cn+email\"\n}\n"
		"profile modern {\n keys = { p-384, ed25519 }\n"
		" use = { signing }\n non_repudiation = yes\n"
		" validity_days = 90\n}\n"),
	    "max_identifiers = 10",
	    "profile = modern\nprofiles = { modern, mailbox-signing }"));
	const struct profile *p = profile_find(c, SPAN("mailbox-signing"));

	(void)state;
	assert_string_equal(c->profile, "modern");
	assert_int_equal(p->subject, SUBJECT_CN_EMAIL);
	assert_int_equal(p->classes, profiles[2].classes);
	assert_int_equal(p->keys, profiles[2].keys);
	assert_string_equal(p->description, profiles[2].description);
	assert_int_equal(profile_days(c, p), 365);
	p = profile_find(c, SPAN("modern"));
	assert_int_equal(p->generation, GENERATION_STRICT);
	assert_int_equal(p->keys,
	    PROFILE_BIT(KEY_KIND_P384) | PROFILE_BIT(KEY_KIND_ED25519));
	assert_true(p->non_repudiation);
	assert_int_equal(profile_days(c, p), 90);
	assert_string_equal(profile_name(c, 3), "mailbox-encryption");
	assert_string_equal(profile_name(c, 4), "modern");
	assert_null(profile_name(c, 5));
	/* Without sections, those that ship; the strict one is the default. */
	c = conf_lab_good(conf_lab_base);
	assert_string_equal(c->profile, "mailbox-strict");
	assert_ptr_equal(profile_find(c, SPAN("mailbox-strict")), &profiles[0]);
	assert_null(profile_find(c, SPAN("modern")));
}

/* PK-139: what is tolerated, why and for how long. */
static void
test_allow_lint(void **state)
{
	const struct conf *c = conf_lab_good(conf_lab_with(
	    "allow_lint L-40 {\n reason = \"ten long mailboxes\"\n"
	    " until = 2027-03-31\n}\n"));

	(void)state;
	assert_int_equal(c->allow_lint_count, 1);
	assert_string_equal(c->allow_lints[0].name, "L-40");
	assert_string_equal(c->allow_lints[0].reason, "ten long mailboxes");
	assert_string_equal(c->allow_lints[0].until, "2027-03-31");
}

static const struct CMUnitTest tests[] = {
	WITH_FOLDER(test_titled),
	WITH_FOLDER(test_lmtp_alone),
	WITH_FOLDER(test_maildir_alone),
	WITH_FOLDER(test_titled_inherits),
	WITH_FOLDER(test_titled_alone),
	WITH_FOLDER(test_titled_refused),
	WITH_FOLDER(test_titled_reload),
	WITH_FOLDER(test_smime),
	WITH_FOLDER(test_smime_public),
	WITH_FOLDER(test_profile_sections),
	WITH_FOLDER(test_allow_lint),
};

UNIT_MAIN(tests)
