#include "config.h"

#include "lib/addr.h"
#include "lib/arena.h"
#include "lib/digest.h"
#include "lib/fdio.h"
#include "lib/hex.h"
#include "lib/log.h"
#include "lib/made.h"
#include "lib/rnd.h"
#include "mail/dkim_sign.h"
#include "pki/head_key.h"
#include "pki/key.h"
#include "src/command.h"
#include "src/conf_file.h"
#include "src/conf_table.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_MAX (128 * 1024)
#define SETTINGS_MAX 100

struct setting {
	struct span name;  /* "web.listen" */
	struct span value; /* as written: with its quotes or braces */
	bool used;
};

struct init {
	const char *dir;
	const char *organization;
	const char *country;
	const char *common_name;
	const char *key_type;
	struct setting settings[SETTINGS_MAX];
	size_t setting_count;
	bool has_audit_key; /* one of their own, elsewhere */
};

static const char init_usage[] =
    "usage: countersign init --dir DIR --name NAME --organization O\n"
    "           --country CC [--key-type TYPE] [--set OPTION=VALUE]...\n"
    "\n"
    "Makes a demonstration CA (a root and an issuing CA, private mode), the\n"
    "keys that seal verdicts, sign mails and encrypt the secrets of external\n"
    "account binding, and a configuration file with a comment on every\n"
    "option, all in DIR, which must not hold them yet.\n"
    "\n"
    "  --dir DIR           where everything goes\n"
    "  --name NAME         name of the CA: in its certificates, in mails\n"
    "  --organization O    organization in the CA's certificates\n"
    "  --country CC        two letters\n"
    "  --key-type TYPE     p256, p384 (default), rsa3072 or rsa4096\n"
    "  --set OPTION=VALUE  an option of countersign.conf(5), such as\n"
    "                      sender.from=acme@ca.example; lists with commas\n"
    "\n"
    "Needed with --set: base_url, web.listen, web.tls_certificate,\n"
    "web.tls_key, sender.from, sender.relay_host, issuer.crl_url, and\n"
    "validator.imap_host, validator.imap_user and validator.imap_password,\n"
    "or validator.lmtp_listen or validator.maildir.\n";

static const struct setting *
use_setting(struct init *in, const struct conf_option *o, struct arena *a)
{
	const struct setting *found = NULL;
	const char *name = o->section[0] == '\0'
			       ? o->name
			       : arena_printf(a, "%s.%s", o->section, o->name);

	/* The last one wins, as on any command line. */
	for (size_t i = 0; i < in->setting_count; i++) {
		if (!span_eq_str(in->settings[i].name, name))
			continue;
		in->settings[i].used = true;
		found = &in->settings[i];
	}
	return found;
}

static int
add_setting(struct init *in, const char *text)
{
	struct span s = span_str(text);
	size_t equals = span_find(s, 0, '=');

	if (equals == s.n || in->setting_count == SETTINGS_MAX)
		return -1;
	in->settings[in->setting_count++] =
	    (struct setting){ .name = span_cut(s, 0, equals),
		    .value = span_from(s, equals + 1) };
	return 0;
}

/* A setting that the user did not give. */
static void
add_default(
    struct init *in, struct arena *a, const char *name, const char *value)
{
	for (size_t i = 0; i < in->setting_count; i++)
		if (span_eq_str(in->settings[i].name, name))
			return;
	if (in->setting_count < SETTINGS_MAX)
		in->settings[in->setting_count++] =
		    (struct setting){ .name = span_str(arena_strdup(a, name)),
			    .value = span_str(arena_strdup(a, value)) };
}

static void
add_quoted(struct buf *b, struct span text)
{
	buf_add_char(b, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\' || text.p[i] == '$')
			buf_add_char(b, '\\');
		buf_add_char(b, text.p[i]);
	}
	buf_add_char(b, '"');
}

static void
add_list(struct buf *b, struct span text)
{
	size_t from = 0;

	buf_add_str(b, "{ ");
	while (from < text.n) {
		size_t comma = span_find(text, from, ',');

		if (from > 0)
			buf_add_str(b, ", ");
		add_quoted(b, span_trim(span_cut(text, from, comma)));
		from = comma + 1;
	}
	buf_add_str(b, " }");
}

static void
add_comment(struct buf *b, const char *indent, const char *text)
{
	size_t column = 0;

	for (const char *word = text; *word != '\0';) {
		size_t n = strcspn(word, " ");

		if (column == 0 || column + n + 1 > 74) {
			buf_addf(b, "%s%s#", column ? "\n" : "", indent);
			column = strlen(indent) + 1;
		}
		buf_addf(b, " %.*s", (int)n, word);
		column += n + 1;
		word += n + (word[n] == ' ');
	}
	buf_add_char(b, '\n');
}

static void
add_option(struct buf *b, struct init *in, const struct conf_option *o,
    const char *indent)
{
	const struct setting *s = use_setting(in, o, b->arena);
	struct span value = s != NULL ? s->value : span_str(o->initial);

	add_comment(b, indent, o->meaning);
	if (o->choices != NULL)
		buf_addf(b, "%s# One of %s.\n", indent, o->choices);
	buf_addf(b, "%s%s%s = ", indent, s == NULL ? "#" : "", o->name);
	if (o->type == CONF_LIST)
		add_list(b, value);
	else
		add_quoted(b, value);
	buf_add_str(b, "\n\n");
}

/* Every option with its sentence: what is set, and as a comment what
 * could be. */
static int
write_config(struct job *j, struct init *in, const char *path)
{
	const char *section = "";
	struct buf b;

	buf_init(&b, j->arena, CONFIG_MAX);
	buf_add_str(&b, "# Countersign's configuration; see "
			"countersign.conf(5).\n"
			"# Options that are commented out show their "
			"defaults.\n\n");
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		/* Sections with a title are for the exceptional; a
		 * perspective has a file of its own. */
		if (conf_section_find(o->section) != NULL ||
		    strcmp(o->section, "agent") == 0)
			continue;
		if (strcmp(o->section, section) != 0) {
			if (section[0] != '\0')
				buf_add_str(&b, "}\n\n");
			section = o->section;
			buf_addf(&b, "%s {\n", section);
		}
		add_option(&b, in, o, section[0] != '\0' ? "\t" : "");
	}
	buf_add_str(&b, "}\n");
	for (size_t i = 0; i < in->setting_count; i++)
		if (!in->settings[i].used)
			return job_fail(j, ERR_INTERNAL,
			    "--set %.*s: there is no such option; "
			    "countersign.conf(5) lists them all",
			    (int)in->settings[i].name.n,
			    in->settings[i].name.p);
	if (!buf_ok(&b))
		return job_fail(j, ERR_INTERNAL, "configuration too long");
	return file_create(j, path, 0644, buf_span(&b));
}

static int
make_key_file(struct job *j, const char *path, mode_t mode)
{
	uint8_t octets[32];
	char text[2 * sizeof(octets) + 1];
	int result;

	rnd_bytes(octets, sizeof(octets));
	hex_format(text, span_mem(octets, sizeof(octets)));
	result = file_create(j, path, mode, span_str(text));
	wipe(octets, sizeof(octets));
	wipe(text, sizeof(text));
	return result;
}

/* The folder of the database belongs to the roles' user. */
static int
make_state_folder(struct job *j, const char *path, const struct init *in)
{
	const struct passwd *pw = NULL;

	if (made_folder(j, path, 0700) < 0)
		return -1;
	for (size_t i = 0; i < in->setting_count; i++)
		if (span_eq_str(in->settings[i].name, "user"))
			pw =
			    getpwnam(span_dup(j->arena, in->settings[i].value));
	if (pw == NULL || geteuid() != 0)
		return 0;
	if (chown(path, pw->pw_uid, pw->pw_gid) < 0)
		return job_fail(
		    j, ERR_INTERNAL, "%s: %s", path, strerror(errno));
	return 0;
}

static const char *
setting_text(struct init *in, struct arena *a, const char *name)
{
	for (size_t i = in->setting_count; i > 0; i--)
		if (span_eq_str(in->settings[i - 1].name, name))
			return span_dup(a, in->settings[i - 1].value);
	return NULL;
}

static void
add_defaults(struct init *in, struct arena *a, const char *dir)
{
	add_default(in, a, "ca_name", in->common_name);
	add_default(in, a, "database",
	    arena_printf(a, "sqlite:%s/state/countersign.db", dir));
	add_default(in, a, "seal_key", "seal.key");
	add_default(in, a, "web.eab_key_file", "eab.key");
	add_default(in, a, "sender.dkim_rsa_selector", "cs-rsa");
	add_default(in, a, "sender.dkim_rsa_key", "dkim-rsa.pem");
	add_default(in, a, "sender.dkim_ed25519_selector", "cs-ed25519");
	add_default(in, a, "sender.dkim_ed25519_key", "dkim-ed25519.pem");
	/* Of the CA that is made here. */
	if (setting_text(in, a, "issuer.ca_certificate") == NULL)
		add_default(in, a, "issuer.root_crl", "ca/root.crl");
	add_default(in, a, "issuer.ca_certificate", "ca/issuing.pem");
	add_default(in, a, "issuer.ca_chain", "ca/root.pem");
	add_default(in, a, "issuer.ca_key", "ca/issuing-key.pem");
	add_default(in, a, "issuer.ca_key_passphrase", "ca/ca-passphrase");
	add_default(in, a, "issuer.crl_file", "state/issuing.crl");
	in->has_audit_key = setting_text(in, a, "issuer.audit_key") != NULL;
	if (!in->has_audit_key) {
		add_default(in, a, "issuer.audit_key", "audit-key.pem");
		add_default(
		    in, a, "issuer.audit_public_keys", "audit-public.pem");
	}
}

/* "http://host/ca.crl" → "http://host/NAME": beside the issuing CA's list. */
static const char *
sibling_url(struct arena *a, const char *url, const char *name)
{
	const char *slash = url != NULL ? strrchr(url, '/') : NULL;

	return slash == NULL
		   ? NULL
		   : arena_printf(a, "%.*s/%s", (int)(slash - url), url, name);
}

static int
make_audit_key(struct job *j, const struct init *in, const char *dir)
{
	if (in->has_audit_key)
		return 0;
	return head_key_create(j,
	    arena_printf(j->arena, "%s/audit-key.pem", dir),
	    arena_printf(j->arena, "%s/audit-public.pem", dir));
}

static int
make_keys(struct job *j, struct init *in, const char *dir)
{
	const char *crl_url = setting_text(in, j->arena, "issuer.crl_url");
	struct ca_init ca = {
		.dir = arena_printf(j->arena, "%s/ca", dir),
		.organization = in->organization,
		.country = in->country,
		.common_name = in->common_name,
		.key_type = in->key_type,
		.root_crl_url = sibling_url(j->arena, crl_url, "root.crl"),
		.root_url = sibling_url(j->arena, crl_url, "root.cer"),
	};

	if (made_folder(j, ca.dir, 0755) < 0 || ca_init_create(j, &ca) < 0 ||
	    make_key_file(j, arena_printf(j->arena, "%s/seal.key", dir), 0400) <
		0 ||
	    make_key_file(j, arena_printf(j->arena, "%s/eab.key", dir), 0600) <
		0 ||
	    make_audit_key(j, in, dir) < 0 ||
	    dkim_key_create(
		j, arena_printf(j->arena, "%s/dkim-rsa.pem", dir), false) < 0 ||
	    dkim_key_create(j,
		arena_printf(j->arena, "%s/dkim-ed25519.pem", dir), true) < 0)
		return -1;
	return make_state_folder(
	    j, arena_printf(j->arena, "%s/state", dir), in);
}

static int
add_record(struct job *j, struct buf *b, const char *from, const char *file,
    const char *selector)
{
	const struct dkim_signer *signer;

	if (file == NULL)
		return 0;
	if (dkim_signer_load(j, j->arena, file, selector, &signer) < 0)
		return -1;
	buf_addf(b, "%s._domainkey.%s. TXT %s\n", selector,
	    addr_domain_of(from), dkim_signer_record(j, signer));
	return 0;
}

/* The records to publish, on the screen and in a file. */
static int
tell_records(struct job *j, const struct conf *conf, const char *dir)
{
	const struct conf_sender *s = &conf->sender;
	const char *path = arena_printf(j->arena, "%s/dkim-records.txt", dir);
	struct buf b;

	buf_init(&b, j->arena, 8192);
	if (add_record(j, &b, s->from, s->dkim_rsa_key, s->dkim_rsa_selector) <
		0 ||
	    add_record(j, &b, s->from, s->dkim_ed25519_key,
		s->dkim_ed25519_selector) < 0 ||
	    file_create(j, path, 0644, buf_span(&b)) < 0)
		return -1;
	printf("CA, keys and configuration are in %s.\n", dir);
	printf("Publish these DNS records (also in %s):\n\n%s\n"
	       "In a zone file a value stands in double quotes, since a "
	       "semicolon begins a\ncomment there, and in several strings, as "
	       "one holds 255 octets: \"v=DKIM1; …\" \"…\".\n\n",
	    path, b.p);
	return 0;
}

/* The configuration comes first: what is wrong in it is told of before a key is
 * made. */
static int
make_all(struct job *j, struct init *in)
{
	const struct conf *conf;
	const char *config;
	char *dir;

	if (made_folder(j, in->dir, 0755) < 0)
		return -1;
	if ((dir = realpath(in->dir, NULL)) == NULL)
		return job_fail(
		    j, ERR_INTERNAL, "%s: %s", in->dir, strerror(errno));
	in->dir = arena_strdup(j->arena, dir);
	free(dir);
	config = arena_printf(j->arena, "%s/countersign.conf", in->dir);
	if (access(config, F_OK) == 0)
		return job_fail(j, ERR_CONFLICT,
		    "%s exists: nothing was changed; give an empty folder",
		    config);
	add_defaults(in, j->arena, in->dir);
	if (write_config(j, in, config) < 0)
		return -1;
	if (conf_load(j->arena, config, conf_report_stderr, NULL, &conf) < 0)
		return job_fail(j, ERR_MALFORMED,
		    "nothing was made; give the options above as they should "
		    "be, each with --set OPTION=VALUE");
	if (make_keys(j, in, in->dir) < 0 || tell_records(j, conf, in->dir) < 0)
		return -1;
	printf("Then: countersign check -f %s\n"
	       "      countersignd -f %s\n",
	    config, config);
	return 0;
}

/* Part of it would only be in the way of the next try. */
static int
run(struct job *j, struct init *in)
{
	const char *left;

	made_begin(j);
	if (make_all(j, in) == 0)
		return 0;
	left = made_undo(j);
	if (left != NULL)
		command_fail("%s: was made and cannot be removed", left);
	return -1;
}

static const char *
missing_option(const struct init *in)
{
	if (in->dir == NULL)
		return "--dir";
	if (in->common_name == NULL)
		return "--name";
	if (in->organization == NULL)
		return "--organization";
	return in->country == NULL ? "--country" : NULL;
}

static int
parse_arguments(int argc, char **argv, struct init *in)
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "name", required_argument, NULL, 'n' },
		{ "organization", required_argument, NULL, 'o' },
		{ "country", required_argument, NULL, 'c' },
		{ "key-type", required_argument, NULL, 'k' },
		{ "set", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			in->dir = optarg;
			break;
		case 'n':
			in->common_name = optarg;
			break;
		case 'o':
			in->organization = optarg;
			break;
		case 'c':
			in->country = optarg;
			break;
		case 'k':
			in->key_type = optarg;
			break;
		case 's':
			if (add_setting(in, optarg) < 0) {
				command_fail(
				    "--set %s: write OPTION=VALUE", optarg);
				return -1;
			}
			break;
		case 'h':
			fputs(init_usage, stdout);
			exit(EXIT_SUCCESS);
		default:
			return command_refused(argv);
		}
	}
	return missing_option(in) == NULL
		   ? command_counts(argc, argv, init_usage, 0)
		   : command_misused(
			 init_usage, "%s is missing", missing_option(in));
}

int
cmd_init(int argc, char **argv)
{
	struct init in = { .key_type = "p384" };
	struct job j;
	int result;

	if (parse_arguments(argc, argv, &in) < 0)
		return EXIT_FAILURE;
	log_open("command", LOG_LEVEL_WARNING);
	job_init(&j, NULL, NULL);
	result = run(&j, &in);
	if (result < 0)
		command_fail("%s", j.err.text);
	job_done(&j);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
