#include "config.h"

#include "src/enroll_options.h"

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/rfc3339.h"
#include "src/command.h"
#include "src/conf_listen.h"
#include "src/enroll_help.h"
#include "src/https_client.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define MAILBOXES_MAX 100
#define TIMEOUT_MAX (30 * 86400)
#define TIMEOUT_AUTOMATIC 900
/* As long as a challenge can live. */
#define TIMEOUT_MANUAL 86400

enum option_id {
	OPT_HELP = 'h',
	OPT_DIRECTORY = 256,
	OPT_CA_FILE,
	OPT_MAILBOX,
	OPT_ACCOUNT_KEY,
	OPT_CONTACT,
	OPT_ACCEPT_TERMS,
	OPT_EAB_KID,
	OPT_EAB_KEY_FILE,
	OPT_LANGUAGE,
	OPT_OUT,
	OPT_KEY,
	OPT_KEY_TYPE,
	OPT_USAGE,
	OPT_PROFILE,
	OPT_NOT_BEFORE,
	OPT_NOT_AFTER,
	OPT_RENEW,
	OPT_P12,
	OPT_P12_PASSWORD_FILE,
	OPT_FORCE,
	OPT_IMAP,
	OPT_IMAP_TLS,
	OPT_IMAP_USER,
	OPT_IMAP_PASSWORD_FILE,
	OPT_IMAP_FOLDER,
	OPT_SMTP,
	OPT_SMTP_TLS,
	OPT_SMTP_USER,
	OPT_SMTP_PASSWORD_FILE,
	OPT_MAIL_CA_FILE,
	OPT_DNS_CONFIG,
	OPT_DNS_TRUST_ANCHOR,
	OPT_MANUAL,
	OPT_TIMEOUT,
	OPT_JSON,
};

static const struct option long_options[] = {
	{ "directory", required_argument, NULL, OPT_DIRECTORY },
	{ "ca-file", required_argument, NULL, OPT_CA_FILE },
	{ "mailbox", required_argument, NULL, OPT_MAILBOX },
	{ "account-key", required_argument, NULL, OPT_ACCOUNT_KEY },
	{ "contact", required_argument, NULL, OPT_CONTACT },
	{ "accept-terms", no_argument, NULL, OPT_ACCEPT_TERMS },
	{ "eab-kid", required_argument, NULL, OPT_EAB_KID },
	{ "eab-key-file", required_argument, NULL, OPT_EAB_KEY_FILE },
	{ "language", required_argument, NULL, OPT_LANGUAGE },
	{ "out", required_argument, NULL, OPT_OUT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "key-type", required_argument, NULL, OPT_KEY_TYPE },
	{ "usage", required_argument, NULL, OPT_USAGE },
	{ "profile", required_argument, NULL, OPT_PROFILE },
	{ "not-before", required_argument, NULL, OPT_NOT_BEFORE },
	{ "not-after", required_argument, NULL, OPT_NOT_AFTER },
	{ "renew", required_argument, NULL, OPT_RENEW },
	{ "p12", required_argument, NULL, OPT_P12 },
	{ "p12-password-file", required_argument, NULL, OPT_P12_PASSWORD_FILE },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "imap", required_argument, NULL, OPT_IMAP },
	{ "imap-tls", required_argument, NULL, OPT_IMAP_TLS },
	{ "imap-user", required_argument, NULL, OPT_IMAP_USER },
	{ "imap-password-file", required_argument, NULL,
	    OPT_IMAP_PASSWORD_FILE },
	{ "imap-folder", required_argument, NULL, OPT_IMAP_FOLDER },
	{ "smtp", required_argument, NULL, OPT_SMTP },
	{ "smtp-tls", required_argument, NULL, OPT_SMTP_TLS },
	{ "smtp-user", required_argument, NULL, OPT_SMTP_USER },
	{ "smtp-password-file", required_argument, NULL,
	    OPT_SMTP_PASSWORD_FILE },
	{ "mail-ca-file", required_argument, NULL, OPT_MAIL_CA_FILE },
	{ "dns-config", required_argument, NULL, OPT_DNS_CONFIG },
	{ "dns-trust-anchor", required_argument, NULL, OPT_DNS_TRUST_ANCHOR },
	{ "manual", no_argument, NULL, OPT_MANUAL },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

struct parser {
	struct arena *arena;
	struct enroll_options *o;
	enum conf_tls imap_tls, smtp_tls;
	const char *imap, *smtp; /* HOST[:PORT] */
	bool failed;
};

static void complain(struct parser *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
complain(struct parser *p, const char *fmt, ...)
{
	struct buf b;
	va_list ap;

	buf_init(&b, p->arena, 2000);
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	command_fail("%s", b.p);
	p->failed = true;
}

/* --- values -------------------------------------------------------------- */

static void
take_tls(
    struct parser *p, const char *option, const char *value, enum conf_tls *out)
{
	if (strcmp(value, "implicit") == 0)
		*out = CONF_TLS_IMPLICIT;
	else if (strcmp(value, "starttls") == 0)
		*out = CONF_TLS_STARTTLS;
	else if (strcmp(value, "none") == 0 && out == &p->smtp_tls)
		*out = CONF_TLS_NONE;
	else
		complain(p, "%s %s: write implicit%s", option, value,
		    out == &p->smtp_tls ? ", starttls or none"
					: " or starttls");
}

static void
take_timeout(struct parser *p, const char *value)
{
	if (span_to_int(span_str(value), 1, TIMEOUT_MAX, &p->o->timeout_secs) <
	    0)
		complain(p, "--timeout %s: write seconds, from 1 to %d", value,
		    TIMEOUT_MAX);
}

static void
take_key_type(struct parser *p, const char *value)
{
	p->o->has_key_type = true;
	if (!enroll_key_type_parse(value, &p->o->key_type))
		complain(p,
		    "--key-type %s: write p256, p384, rsa2048 or rsa3072",
		    value);
}

static void
take_usage(struct parser *p, const char *value)
{
	if (!enroll_usage_parse(value, &p->o->usage))
		complain(p, "--usage %s: write both, sign or encrypt", value);
}

static void
take_time(struct parser *p, const char *option, const char *value, int64_t *out)
{
	if (rfc3339_parse(span_str(value), out) < 0)
		complain(p, "%s %s: write a time as 2027-01-31T12:00:00Z",
		    option, value);
}

/* It becomes a header field of each request. */
static void
take_language(struct parser *p, const char *value)
{
	struct span s = span_str(value);

	if (s.n == 0 || s.n > 100 || span_has_control(s) || !span_is_ascii(s))
		complain(p, "--language: write a language tag such as de");
	else
		p->o->language = value;
}

static void
take_contact(struct parser *p, const char *value)
{
	if (!span_casestarts(span_str(value), SPAN("mailto:")))
		complain(p, "--contact %s: write mailto:ADDRESS", value);
	else if (p->o->contact_count == MAILBOXES_MAX)
		complain(p, "--contact: too many");
	else
		p->o->contacts[p->o->contact_count++] = value;
}

static void
take_mailbox(struct parser *p, const char *value)
{
	if (p->o->mailbox_count == MAILBOXES_MAX)
		complain(p, "--mailbox: too many");
	else
		p->o->mailboxes[p->o->mailbox_count++] = value;
}

/* Where an option's text simply goes, or NULL. */
static const char **
text_of(struct parser *p, int id)
{
	struct enroll_options *o = p->o;

	switch (id) {
	case OPT_DIRECTORY:
		return &o->directory;
	case OPT_CA_FILE:
		return &o->ca_file;
	case OPT_ACCOUNT_KEY:
		return &o->account_key;
	case OPT_EAB_KID:
		return &o->eab_kid;
	case OPT_EAB_KEY_FILE:
		return &o->eab_key_file;
	case OPT_OUT:
		return &o->out;
	case OPT_KEY:
		return &o->key;
	case OPT_PROFILE:
		return &o->profile;
	case OPT_RENEW:
		return &o->renew;
	case OPT_P12:
		return &o->p12;
	case OPT_P12_PASSWORD_FILE:
		return &o->p12_password_file;
	case OPT_IMAP:
		return &p->imap;
	case OPT_IMAP_USER:
		return &o->imap.user;
	case OPT_IMAP_PASSWORD_FILE:
		return &o->imap.password_file;
	case OPT_IMAP_FOLDER:
		return &o->imap_folder;
	case OPT_SMTP:
		return &p->smtp;
	case OPT_SMTP_USER:
		return &o->smtp.user;
	case OPT_SMTP_PASSWORD_FILE:
		return &o->smtp.password_file;
	case OPT_MAIL_CA_FILE:
		return &o->mail_ca_file;
	case OPT_DNS_CONFIG:
		return &o->dns_config;
	case OPT_DNS_TRUST_ANCHOR:
		return &o->dns_trust_anchor;
	default:
		return NULL;
	}
}

static void
take(struct parser *p, int id, const char *value)
{
	const char **text = text_of(p, id);

	if (text != NULL) {
		*text = value;
		return;
	}
	switch (id) {
	case OPT_MAILBOX:
		take_mailbox(p, value);
		break;
	case OPT_CONTACT:
		take_contact(p, value);
		break;
	case OPT_ACCEPT_TERMS:
		p->o->accept_terms = true;
		break;
	case OPT_LANGUAGE:
		take_language(p, value);
		break;
	case OPT_KEY_TYPE:
		take_key_type(p, value);
		break;
	case OPT_USAGE:
		take_usage(p, value);
		break;
	case OPT_NOT_BEFORE:
		take_time(p, "--not-before", value, &p->o->not_before);
		break;
	case OPT_NOT_AFTER:
		take_time(p, "--not-after", value, &p->o->not_after);
		break;
	case OPT_FORCE:
		p->o->force = true;
		break;
	case OPT_IMAP_TLS:
		take_tls(p, "--imap-tls", value, &p->imap_tls);
		break;
	case OPT_SMTP_TLS:
		take_tls(p, "--smtp-tls", value, &p->smtp_tls);
		break;
	case OPT_MANUAL:
		p->o->manual = true;
		break;
	case OPT_TIMEOUT:
		take_timeout(p, value);
		break;
	case OPT_JSON:
		p->o->json = true;
		break;
	default:
		p->failed = true; /* getopt has said why */
		break;
	}
}

/* --- what belongs together ----------------------------------------------- */

static void
need(struct parser *p, const char *value, const char *option, const char *why)
{
	if (value == NULL)
		complain(p, "%s is missing: %s", option, why);
}

static void
split_server(struct parser *p, const char *option, const char *text,
    int64_t usual_port, struct enroll_server *out)
{
	const char *port;
	struct span s = span_str(text);

	if (text == NULL)
		return;
	out->port = usual_port;
	if (conf_parse_host_port(p->arena, text, &out->host, &port) == 0)
		span_to_int(span_str(port), 1, 65535, &out->port);
	else if (s.n > 0 && (span_find(s, 0, ':') == s.n || s.p[0] == '['))
		out->host = text;
	else
		complain(p, "%s %s: write HOST:PORT", option, text);
}

static int64_t
smtp_port(enum conf_tls tls)
{
	switch (tls) {
	case CONF_TLS_NONE:
		return 25;
	case CONF_TLS_IMPLICIT:
		return 465;
	case CONF_TLS_STARTTLS:
		break;
	}
	return 587;
}

static void
check_mail(struct parser *p)
{
	struct enroll_options *o = p->o;

	if (o->manual) {
		if (p->imap != NULL || p->smtp != NULL)
			complain(p, "--manual needs no --imap and --smtp: you "
				    "read and write the mail yourself");
		return;
	}
	need(p, p->imap, "--imap",
	    "where your mailbox is read (or --manual, to send the reply "
	    "yourself)");
	need(p, p->smtp, "--smtp", "where your mail is submitted");
	need(p, o->imap.password_file, "--imap-password-file",
	    "a file with the password of --imap-user");
	o->imap.tls = p->imap_tls;
	o->smtp.tls = p->smtp_tls;
	split_server(p, "--imap", p->imap,
	    o->imap.tls == CONF_TLS_IMPLICIT ? 993 : 143, &o->imap);
	split_server(p, "--smtp", p->smtp, smtp_port(o->smtp.tls), &o->smtp);
	if (o->imap.user == NULL && o->mailbox_count > 0)
		o->imap.user = o->mailboxes[0];
	if (o->smtp.user == NULL && o->smtp.password_file != NULL)
		o->smtp.user = o->imap.user;
	if (o->smtp.user != NULL)
		need(p, o->smtp.password_file, "--smtp-password-file",
		    "a file with the password of --smtp-user");
}

/* alice.pem → alice-key.pem */
static const char *
key_beside(struct arena *a, const char *out)
{
	struct span s = span_str(out);

	if (span_ends(s, SPAN(".pem")))
		s.n -= 4;
	return arena_printf(a, "%.*s-key.pem", (int)s.n, s.p);
}

static void
check_binding(struct parser *p)
{
	const struct enroll_options *o = p->o;

	if (o->eab_kid != NULL)
		need(p, o->eab_key_file, "--eab-key-file",
		    "a file with the key of --eab-kid");
	else if (o->eab_key_file != NULL)
		need(p, o->eab_kid, "--eab-kid",
		    "the name of the key in --eab-key-file");
}

static void
check_files(struct parser *p)
{
	struct enroll_options *o = p->o;

	if (o->out == NULL)
		o->out = o->renew;
	need(p, o->out, "--out", "the file that the certificate goes to");
	if (o->out == NULL)
		return;
	if (o->key == NULL)
		o->key = key_beside(p->arena, o->out);
	if (strcmp(o->key, o->out) == 0)
		complain(p, "--key and --out are one file: the certificate "
			    "would replace the key");
	if (o->account_key != NULL && strcmp(o->key, o->account_key) == 0)
		complain(p, "--key and --account-key are one file: the "
			    "account needs a key of its own");
	if (o->p12 != NULL)
		need(p, o->p12_password_file, "--p12-password-file",
		    "a file with the password for --p12");
	else if (o->p12_password_file != NULL)
		complain(p, "--p12-password-file is for --p12, which is "
			    "missing");
}

int
enroll_options_parse(
    struct arena *a, int argc, char **argv, struct enroll_options *out)
{
	struct parser p = { .arena = a,
		.o = out,
		.imap_tls = CONF_TLS_IMPLICIT,
		.smtp_tls = CONF_TLS_STARTTLS };
	int id;

	*out = (struct enroll_options){ .imap_folder = "INBOX" };
	out->mailboxes = arena_calloc(a, MAILBOXES_MAX, sizeof(char *));
	out->contacts = arena_calloc(a, MAILBOXES_MAX, sizeof(char *));
	optind = 1;
	while ((id = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (id == OPT_HELP) {
			fputs(enroll_help, stdout);
			return 0;
		}
		take(&p, id, optarg);
	}
	if (optind < argc)
		complain(&p, "%s: is not an option", argv[optind]);
	need(&p, out->directory, "--directory",
	    "the https URL of the ACME server's directory");
	if (out->directory != NULL && !https_url_is_good(out->directory))
		complain(&p,
		    "--directory %s: write the https URL of the server's "
		    "directory, such as https://acme.ca.example/directory",
		    out->directory);
	if (out->mailbox_count == 0 && out->renew == NULL)
		need(&p, NULL, "--mailbox",
		    "the address that the certificate is for");
	if (out->not_after != 0 && out->not_after <= out->not_before)
		complain(&p, "--not-after is not after --not-before");
	check_binding(&p);
	check_files(&p);
	check_mail(&p);
	if (out->timeout_secs == 0)
		out->timeout_secs =
		    out->manual ? TIMEOUT_MANUAL : TIMEOUT_AUTOMATIC;
	if (p.failed)
		fputs("countersign enroll --help says more\n", stderr);
	return p.failed ? -1 : 1;
}
