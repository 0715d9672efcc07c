#include "config.h"

#include "src/enroll_options.h"

#include "lib/arena.h"
#include "lib/buf.h"
#include "src/command.h"
#include "src/conf_check.h"
#include "src/https_client.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define MAILBOXES_MAX 100
#define TIMEOUT_MAX (30 * 86400)
#define TIMEOUT_AUTOMATIC 900
/* As long as a challenge can live. */
#define TIMEOUT_MANUAL 86400

static const char usage_text[] =
    "usage: countersign enroll --directory URL --mailbox ADDRESS --out FILE\n"
    "           --imap HOST:PORT --imap-password-file FILE\n"
    "           --smtp HOST:PORT [OPTION...]\n"
    "       countersign enroll --manual --directory URL --mailbox ADDRESS\n"
    "           --out FILE [OPTION...]\n"
    "\n"
    "Gets an S/MIME certificate for a mailbox from an ACME server (RFC 8823).\n"
    "The server sends a mail to the mailbox, and a reply to it proves that "
    "the\n"
    "mailbox is yours.  With --imap and --smtp the reply is sent for you; "
    "with\n"
    "--manual you are told what to copy into a reply that you send yourself.\n"
    "The key is made here and stays here.\n"
    "\n"
    "The server and you:\n"
    "  --directory URL           directory of the ACME server (https)\n"
    "  --ca-file FILE            trust these certificates for it, instead of\n"
    "                            the system's\n"
    "  --mailbox ADDRESS         the mailbox; several times for several in "
    "one\n"
    "                            certificate\n"
    "  --account-key FILE        key of your account at the server; made if "
    "it\n"
    "                            is not there (default: a file for each "
    "server\n"
    "                            in $XDG_STATE_HOME/countersign)\n"
    "  --contact mailto:ADDRESS  where the server's operator can reach you\n"
    "  --accept-terms            you have read the server's terms of service\n"
    "                            and agree\n"
    "  --eab-kid KID             where the server wants new accounts to be\n"
    "  --eab-key-file FILE       bound: what its operator gave you; the file\n"
    "                            holds the key in base64url\n"
    "  --language TAG            language of the server's mail, such as de\n"
    "\n"
    "The certificate:\n"
    "  --out FILE                where the certificate and its chain go (PEM)\n"
    "  --key FILE                its private key; made if it is not there\n"
    "                            (default: beside --out, NAME-key.pem)\n"
    "  --key-type TYPE           p256 (default), p384, rsa2048 or rsa3072\n"
    "  --usage USE               both (default), sign or encrypt\n"
    "  --p12 FILE                also write key and chain as PKCS#12, for "
    "mail\n"
    "                            programs\n"
    "  --p12-password-file FILE  the password for it\n"
    "  --force                   overwrite --out and --p12\n"
    "\n"
    "Your mail server, unless --manual:\n"
    "  --imap HOST[:PORT]        where the mailbox is read\n"
    "  --imap-tls HOW            implicit (default, port 993) or starttls "
    "(143)\n"
    "  --imap-user NAME          default: the mailbox\n"
    "  --imap-password-file FILE\n"
    "  --imap-folder NAME        default: INBOX\n"
    "  --smtp HOST[:PORT]        where the reply is submitted\n"
    "  --smtp-tls HOW            starttls (default, port 587), implicit "
    "(465),\n"
    "                            or none (25; on this machine only)\n"
    "  --smtp-user NAME          default: --imap-user, if there is a password\n"
    "  --smtp-password-file FILE\n"
    "  --mail-ca-file FILE       trust these certificates for both\n"
    "  --dns-config FILE         check the DKIM signature of the server's "
    "mail,\n"
    "                            with this unbound.conf\n"
    "  --dns-trust-anchor FILE   check it, with this DNSSEC trust anchor\n"
    "\n"
    "Running:\n"
    "  --manual                  you send the reply yourself\n"
    "  --timeout SECONDS         give up after (default 900; with --manual a\n"
    "                            day)\n"
    "  --json                    end with one line of JSON on standard "
    "output;\n"
    "                            all else goes to standard error\n"
    "  --help                    this text\n"
    "\n"
    "Files with keys and passwords must not be readable by others.  Exit\n"
    "status 0: the certificate is there and was checked.  After any failure\n"
    "the same command can be run again; see countersign-enroll(1).\n";

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

/* --- values ----------------------------------------------------------------
 */

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

/* --- what belongs together -------------------------------------------------
 */

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
	if (conf_parse_listen(p->arena, text, &out->host, &port) == 0)
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
			fputs(usage_text, stdout);
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
	if (out->mailbox_count == 0)
		need(&p, NULL, "--mailbox",
		    "the address that the certificate is for");
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
