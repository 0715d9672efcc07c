/*
 * The configuration file: every mistake of a file is reported at once, with
 * file, line, option and what would be right; a reload keeps what cannot
 * change.  PK-12 (the re-use of a validation stays below 30 days), PK-27 (the
 * age of a CAA check below 8 hours), PK-89, PK-195, PK-204, MA-31.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/conf.h"
#include "pki/profile.h"
#include "src/conf_file.h"
#include "src/conf_listen.h"
#include "src/conf_table.h"
#include "src/intake.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The smallest good file; the numbers of its lines stand in the cases. */
#define SHA256_TEXT                                                            \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char base[] =
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

static char folder[64];
static char path[96];

static int
make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_conf.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/countersign.conf", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void
write_conf(struct span text)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	assert_int_equal(fclose(f), 0);
}

/* Every report, one a line, with "conf" for the file's name. */
struct reports {
	struct buf text;
	size_t count;
};

static void
note(void *ctx, const char *message)
{
	struct reports *r = ctx;
	size_t n = strlen(path);

	if (strncmp(message, path, n) == 0) {
		buf_add_str(&r->text, "conf");
		message += n;
	}
	buf_addf(&r->text, "%s\n", message);
	r->count++;
}

static void
reports_init(struct reports *r)
{
	buf_init(&r->text, unit_job()->arena, 1 << 20);
	r->count = 0;
}

static int
load(struct span text, struct reports *r, const struct conf **out)
{
	write_conf(text);
	reports_init(r);
	return conf_load(unit_job()->arena, path, note, r, out);
}

/* `text` with the first `from` replaced by `to`; from NULL: added before. */
static const char *
edit(const char *text, const char *from, const char *to)
{
	const char *at = from != NULL ? strstr(text, from) : text;
	size_t n = from != NULL ? strlen(from) : 0;

	if (at == NULL)
		fail_msg("the text holds no %s", from);
	return arena_printf(
	    unit_job()->arena, "%.*s%s%s", (int)(at - text), text, to, at + n);
}

static const struct conf *
load_good(const char *text)
{
	const struct conf *c = NULL;
	struct reports r;

	if (load(span_str(text), &r, &c) < 0)
		fail_msg("%s", r.text.p);
	assert_int_equal(r.count, 0);
	return c;
}

/* --- mistakes ------------------------------------------------------------ */

struct wrong {
	const char *from, *to;
	const char *expected;
};

#define A10 "aaaaaaaaaa"
#define A100 A10 A10 A10 A10 A10 A10 A10 A10 A10 A10

#define CRL_URL "\tcrl_url = \"http://crl.ca.example/ca.crl\"\n"
#define OWN_CA                                                                 \
	"\tca_key = ca.key\n\tca_key_passphrase = ca.pass\n" CRL_URL           \
	"\tcrl_file = ca.crl\n"

static const struct wrong wrongs[] = {
	/* ER-18 */
	{ "relay_signs", "default_language = fr\n\trelay_signs",
	    "conf:16: sender.default_language: there is no fr; there are de "
	    "and en, and a folder in sender.templates can add others\n" },
	{ "relay_signs",
	    "templates = t\n\tdefault_language = Fran\xc3\xa7"
	    "ais\n\trelay_signs",
	    "conf:17: sender.default_language: Fran\xc3\xa7"
	    "ais is not the tag of a language; write \"en\" or "
	    "\"pt-br\"\n" },
	/* unknown names */
	{ "max_identifiers", "max_identifier",
	    "conf:6: max_identifier: there is no such option; did you mean "
	    "policy.max_identifiers?\n" },
	{ "base_url", "colour_scheme",
	    "conf:1: colour_scheme: there is no such option here; "
	    "countersign.conf(5) lists them all\n"
	    "conf: base_url: is missing. Prefix of every URL that the server "
	    "hands out: https, lower-case host, no slash at the end.\n" },
	{ "policy {\n\tmax_identifiers = 10\n}", "listen = { \"x\" }\n\n",
	    "conf:5: listen: there is no such option; did you mean "
	    "web.listen?\n" },
	{ "policy {\n", "include(\"/etc/passwd\")\npolicy {\n",
	    "conf:5: include: there is no such option here; "
	    "countersign.conf(5) lists them all\n" },

	/* numbers, with and without units */
	{ "= 10", "= 101",
	    "conf:6: policy.max_identifiers: 101 is out of range; give 1 to "
	    "100\n" },
	{ "= 10", "= 0",
	    "conf:6: policy.max_identifiers: 0 is out of range; give 1 to "
	    "100\n" },
	{ "= 10", "= ten",
	    "conf:6: policy.max_identifiers: ten is not a number; give 1 to "
	    "100\n" },
	{ "= 10", "= -1",
	    "conf:6: policy.max_identifiers: -1 is not a number; give 1 to "
	    "100\n" },
	{ "= 10", "= \"\"",
	    "conf:6: policy.max_identifiers:  is not a number; give 1 to "
	    "100\n" },
	{ "= 10", "= 10s",
	    "conf:6: policy.max_identifiers: 10s is not a number; give 1 to "
	    "100\n" },
	{ "= 10", "= 99999999999999999999999",
	    "conf:6: policy.max_identifiers: 99999999999999999999999 is not "
	    "a number; give 1 to 100\n" },
	{ "max_identifiers = 10", "order_life = 1w",
	    "conf:6: policy.order_life: 1w is not a number (seconds, or with "
	    "s, m, h, d); give 3600 to 2592000\n" },
	{ "max_identifiers = 10", "order_life = 59m",
	    "conf:6: policy.order_life: 59m is out of range; give 3600 to "
	    "2592000 (seconds, or with s, m, h, d)\n" },
	/* PK-12 */
	{ "max_identifiers = 10", "retention = 1y11m",
	    "conf:6: policy.retention: 1y11m is out of range; give 2y to "
	    "30y, in years, months, weeks and days as in 2y6m\n" },
	{ "max_identifiers = 10", "retention = 31y",
	    "conf:6: policy.retention: 31y is out of range; give 2y to "
	    "30y, in years, months, weeks and days as in 2y6m\n" },
	{ "max_identifiers = 10", "retention = 730d",
	    "conf:6: policy.retention: 730d is out of range; give 2y to "
	    "30y, in years, months, weeks and days as in 2y6m\n" },
	{ "max_identifiers = 10", "retention = 2",
	    "conf:6: policy.retention: 2 is not a period; give 2y to "
	    "30y, in years, months, weeks and days as in 2y6m\n" },
	{ "max_identifiers = 10", "retention = 6m2y",
	    "conf:6: policy.retention: 6m2y is not a period; give 2y to "
	    "30y, in years, months, weeks and days as in 2y6m\n" },
	{ "max_identifiers = 10", "retention = 2y6",
	    "conf:6: policy.retention: 2y6 is not a period; give 2y to "
	    "30y, in years, months, weeks and days as in 2y6m\n" },
	{ "max_identifiers = 10", "retention = 2y6h",
	    "conf:6: policy.retention: 2y6h is not a period; give 2y to "
	    "30y, in years, months, weeks and days as in 2y6m\n" },
	{ "max_identifiers = 10", "retention = 2y2y",
	    "conf:6: policy.retention: 2y2y is not a period; give 2y to "
	    "30y, in years, months, weeks and days as in 2y6m\n" },
	{ "max_identifiers = 10", "retention = 100001y",
	    "conf:6: policy.retention: 100001y is not a period; give 2y to "
	    "30y, in years, months, weeks and days as in 2y6m\n" },
	{ "max_identifiers = 10", "authz_valid_life = 30d",
	    "conf:6: policy.authz_valid_life: 30d is out of range; give 0 to "
	    "2588400 (seconds, or with s, m, h, d)\n" },
	/* PK-5 */
	{ "max_identifiers = 10", "authz_pending_life = 25h",
	    "conf:6: policy.authz_pending_life: 25h is out of range; give "
	    "600 to 86400 (seconds, or with s, m, h, d)\n" },
	{ "\ttls_key", "\tmax_body = 1G\n\ttls_key",
	    "conf:11: web.max_body: 1G is not a number (octets, or with K, "
	    "M); give 16384 to 262144\n" },
	{ "\ttls_key", "\tmax_body = 1M\n\ttls_key",
	    "conf:11: web.max_body: 1M is out of range; give 16384 to "
	    "262144 (octets, or with K, M)\n" },
	/* PK-27 */
	{ "\tcrl_file", "\tcaa_max_age = 9h\n\tcrl_file",
	    "conf:29: issuer.caa_max_age: 9h is out of range; give 60 to "
	    "28800 (seconds, or with s, m, h, d)\n" },
	/* PK-38: CAA is looked up for every domain, whatever a contract with
	 * the holder of a constrained CA says. */
	{ "max_identifiers = 10", "caa_contract_waiver = yes",
	    "conf:6: caa_contract_waiver: there is no such option "
	    "here; countersign.conf(5) lists them all\n" },
	{ "max_identifiers = 10", "caa_exempt = { \"example.org\" }",
	    "conf:6: caa_exempt: there is no such option here; "
	    "countersign.conf(5) lists them all\n" },
	{ "\tcrl_file", "\tcaa_max_age = 0\n\tcrl_file",
	    "conf:29: issuer.caa_max_age: 0 is out of range; give 60 to "
	    "28800 (seconds, or with s, m, h, d)\n" },
	/* PK-54: what perspectives said is not kept for 398 days. */
	{ "policy {\n", "mpic {\n\tcaa_reuse = 398d\n}\npolicy {\n",
	    "conf:6: caa_reuse: there is no such option here; "
	    "countersign.conf(5) lists them all\n" },
	{ "\tcrl_file", "\tcaa_max_age = 398d\n\tcrl_file",
	    "conf:29: issuer.caa_max_age: 398d is out of range; give 60 to "
	    "28800 (seconds, or with s, m, h, d)\n" },
	/* PK-89, PK-204 */
	{ "\tcrl_file", "\tserial_octet = 128\n\tmax_per_hour = 0\n\tcrl_file",
	    "conf:29: issuer.serial_octet: 128 is out of range; give 1 to "
	    "127\n"
	    "conf:30: issuer.max_per_hour: 0 is out of range; give 1 to "
	    "1000000\n" },

	/* hosts, and what only one socket can have */
	{ "relay_host = localhost", "relay_host = \"foo bar\"",
	    "conf:15: sender.relay_host: \"foo bar\" is neither the name of a "
	    "host nor an address; write mail.example.org, 192.0.2.1 or "
	    "2001:db8::1, without a port\n" },
	{ "imap_host = imap.ca.example", "imap_host = \"imap.ca.example:993\"",
	    "conf:19: validator.imap_host: \"imap.ca.example:993\" is neither "
	    "the name of a host nor an address; write mail.example.org, "
	    "192.0.2.1 or 2001:db8::1, without a port\n" },
	{ "{ \"127.0.0.1:443\" }", "{ \"[::1]:443\", \"[0::1]:0443\" }",
	    "conf:9: web.listen: [0::1]:0443 is in web.listen already; each "
	    "needs an address or a port of its own\n" },
	{ "\ttls_key", "\tstatus_listen = { \"127.0.0.1:443\" }\n\ttls_key",
	    "conf:11: web.status_listen: 127.0.0.1:443 is in web.listen "
	    "already; "
	    "each needs an address or a port of its own\n" },

	/* PK-206: pages for admins */
	{ NULL, "admin {\n\tlisten = { 8443 }\n}\n",
	    "conf:2: admin.listen: 8443 is not an address and a port; write "
	    "\"127.0.0.1:8443\" or \"unix:/run/countersign/admin.sock\"\n"
	    "conf: admin.tls_certificate: is missing: HTTPS needs a PEM "
	    "chain\n"
	    "conf: admin.tls_key: is missing: HTTPS needs a PEM key\n" },
	{ NULL,
	    "admin {\n\tlisten = { \"127.0.0.1:443\" }\n"
	    "\ttls_certificate = a\n\ttls_key = b\n}\n",
	    "conf:2: admin.listen: 127.0.0.1:443 is in web.listen already; "
	    "each needs an address or a port of its own\n" },
	{ NULL,
	    "admin {\n\tlisten = { \"unix:x\" }\n\ttls_certificate = a\n"
	    "\ttls_key = b\n\tsession_idle = 1d\n}\n",
	    "conf:5: admin.session_idle: 1d is out of range; give 10 to "
	    "3600 (seconds, or with s, m, h, d)\n"
	    "conf:2: admin.listen: unix:x is not an absolute file name; write "
	    "\"unix:/run/countersign/admin.sock\"\n" },

	/* booleans, choices, texts */
	{ "relay_signs = yes", "relay_signs = 1",
	    "conf:16: sender.relay_signs: must be yes or no\n"
	    "conf: sender.dkim_rsa_key: is missing: challenge mails need a "
	    "DKIM signature; set it, or say relay_signs = yes if the relay "
	    "signs\n" },
	{ NULL, "mode = Private\n",
	    "conf:1: mode: must be one of private|public\n" },
	{ NULL, "log_level = loud\n",
	    "conf:1: log_level: must be one of error|warning|info|debug\n" },
	{ "max_identifiers = 10", "profile = strict",
	    "conf:6: policy.profile: strict is no profile; there are "
	    "mailbox-strict, mailbox-multipurpose, mailbox-signing, "
	    "mailbox-encryption\n" },
	/* AC-161: profiles that are offered, stopped, dated */
	{ "max_identifiers = 10",
	    "profiles = { mailbox-multipurpose, smime, mailbox-multipurpose }",
	    "conf:6: policy.profiles: smime is no profile; there are "
	    "mailbox-strict, mailbox-multipurpose, mailbox-signing, "
	    "mailbox-encryption\n"
	    "conf:6: policy.profiles: has mailbox-multipurpose twice\n"
	    "conf:6: policy.profiles: lacks mailbox-strict, which is "
	    "policy.profile: add it, or make one of the list the default "
	    "(mailbox-strict, mailbox-multipurpose, mailbox-signing, "
	    "mailbox-encryption)\n" },
	{ "max_identifiers = 10", "profiles = { mailbox-multipurpose }",
	    "conf:6: policy.profiles: lacks mailbox-strict, which is "
	    "policy.profile: add it, or make one of the list the default "
	    "(mailbox-strict, mailbox-multipurpose, mailbox-signing, "
	    "mailbox-encryption)\n" },
	{ "max_identifiers = 10", "profiles_stopped = { x }",
	    "conf:6: policy.profiles_stopped: x is no profile; there are "
	    "mailbox-strict, mailbox-multipurpose, mailbox-signing, "
	    "mailbox-encryption\n" },
	{ "max_identifiers = 10", "profiles_stopped = { mailbox-strict }",
	    "conf:6: policy.profiles_stopped: mailbox-strict is still "
	    "offered; stop offering it first\n" },
	{ "max_identifiers = 10",
	    "profiles = { mailbox-strict, mailbox-multipurpose }\n"
	    "profiles_stopped = { mailbox-signing, mailbox-strict }",
	    "conf:7: policy.profiles_stopped: mailbox-strict is still "
	    "offered; stop offering it first\n" },
	{ "max_identifiers = 10", "allow_not_after = { all }",
	    "conf:6: policy.allow_not_after: all is no profile; there are "
	    "mailbox-strict, mailbox-multipurpose, mailbox-signing, "
	    "mailbox-encryption\n" },
	{ "\"Example CA\"", "\"\"",
	    "conf:2: ca_name: needs 1 to 60 characters\n" },
	{ "\"Example CA\"",
	    "\"0123456789012345678901234567890123456789012345678901234567890"
	    "\"",
	    "conf:2: ca_name: needs 1 to 60 characters\n" },
	{ "\"Example CA\"", "\"Example\\nCA\"",
	    "conf:2: ca_name: holds a control character; use printable text "
	    "only\n" },

	/* twice, missing */
	{ "\ttls_key", "\tthreads = 2\n\tthreads = 3\n\ttls_key",
	    "conf:12: web.threads: is set already in line 11; keep one of "
	    "them\n" },
	{ "\ttls_key", "\tthreads = 2 threads = 3\n\ttls_key",
	    "conf:11: web.threads: is set already in line 11; keep one of "
	    "them\n" },
	{ "\timap_user",
	    "\timap_port = 1\n\timap_port = 2\n\timap_user\n\timap_user",
	    "conf:21: validator.imap_port: is set already in line 20; keep "
	    "one of them\n"
	    "conf:22: missing equal sign after option 'imap_user'\n" },
	{ "{ \"127.0.0.1:443\" }",
	    "{ \"127.0.0.1:443\",\n\"[::1]:443\" }\n\tlisten = { x }",
	    "conf:11: web.listen: is set already in line 9; keep one of "
	    "them\n"
	    "conf:9: web.listen: x is not an address and a port; write "
	    "\"127.0.0.1:443\" or \"[::1]:443\"\n" },
	{ "{ \"127.0.0.1:443\" }", "a:1\n\tlisten = b:1",
	    "conf:10: web.listen: is set already in line 9; keep one of "
	    "them\n" },
	{ "\"127.0.0.1:443\" }", "a:1 }\n\tlisten = { a:1, b:1 }",
	    "conf:10: web.listen: is set already in line 9; keep one of "
	    "them\n" },
	{ "issuer {", "web { tls_key = a }\nissuer {",
	    "conf:23: web.tls_key: is set already in line 11; keep one of "
	    "them\n" },
	{ "\tlisten = { \"127.0.0.1:443\" }", "\tlisten = {}",
	    "conf: web.listen: is missing. Addresses and ports of the "
	    "HTTPS server.\n" },
	{ "\tlisten = { \"127.0.0.1:443\" }", "",
	    "conf: web.listen: is missing. Addresses and ports of the "
	    "HTTPS server.\n" },

	/* open ends */
	{ "\tmax_identifiers = 10\n}", "\tmax_identifiers = 10\n",
	    "conf:23: the { of this line has no }\n" },
	{ "policy {", "}\npolicy {", "conf:5: a } without its {\n" },
	{ "\"Example CA\"", "\"Example CA",
	    "conf:28: the quotation mark of this line is not closed\n" },
	{ "ca.crl\n}", "ca.crl\n", "conf:23: the { of this line has no }\n" },
	{ "policy {", "/* rules\npolicy {",
	    "conf:5: the /* of this line has no */; put a value that holds it "
	    "in quotes\n" },
	{ "ca.crl\n}\n", "ca.crl\n}\nlog_level = \n\n",
	    "conf:31: the option of this line has no value\n" },
	{ "ca.crl\n}\n", "ca.crl\n}\nlog_level\n# end\n",
	    "conf:31: the option of this line has no value\n" },
	/* one mistake, though the brace of its line is not read */
	{ "policy {", "wob {",
	    "conf:5: wob: there is no such option here; "
	    "countersign.conf(5) lists them all\n" },
	{ "policy {", "policy p {",
	    "conf:5: missing opening brace for section 'policy'\n" },
	/* the second word of a value, and of a list */
	{ "\"Example CA\"", "Example CA",
	    "conf:2: CA: is not expected behind the value before it; a value "
	    "with blanks needs quotation marks, a list braces and commas: "
	    "{ a, b }\n"
	    "conf: ca_name: is missing. Who asks, in the words of the "
	    "challenge mail.\n" },
	{ "policy {", "policy {\n\tdeny = { a.example b.example }",
	    "conf:6: b.example: is not expected behind the value before it; a "
	    "value with blanks needs quotation marks, a list braces and "
	    "commas: { a, b }\n" },
	{ "policy {", "policy {\n\tdeny = a.example, b.example",
	    "conf:6: ,: is not expected behind the value before it; a value "
	    "with blanks needs quotation marks, a list braces and commas: "
	    "{ a, b }\n" },
	/* nothing comes from the environment */
	{ "web.key", "${HOME}/web.key",
	    "conf:11: ${…} is not replaced by a variable; put a value that "
	    "holds it in single quotes\n" },
	{ "\"Example CA\"", "\"${NAME:-CA}\"",
	    "conf:2: ${…} is not replaced by a variable; put a value that "
	    "holds it in single quotes\n" },

	/* AC-62, AC-68: pages that clients are sent to */
	{ "seal_key",
	    "tos_url = x\ntos_change_url = \"https:///y\"\n"
	    "website_url = \"javascript:1\"\nseal_key",
	    "conf:4: tos_url: must be the URL of a page, percent-encoded "
	    "where needed (https://ca.example/page)\n"
	    "conf:5: tos_change_url: must be the URL of a page, "
	    "percent-encoded where needed (https://ca.example/page)\n"
	    "conf:6: website_url: must be the URL of a page, percent-encoded "
	    "where needed (https://ca.example/page)\n" },
	{ "policy {",
	    "limits {\n\thelp_url = \"https://ca.example/a>;rel=\\\"next\"\n}\n"
	    "policy {\n\trenewal_explanation_url = \"http://ca.example/a b\"",
	    "conf:9: policy.renewal_explanation_url: must be the URL of a "
	    "page, percent-encoded where needed (https://ca.example/page)\n"
	    "conf:6: limits.help_url: must be the URL of a page, "
	    "percent-encoded where needed (https://ca.example/page)\n" },
	/* AC-181 */
	{ "policy {",
	    "limits {\n\tfailed_authentications = \"100/10m 5/1m\"\n}\n"
	    "policy {",
	    "conf:6: limits.failed_authentications: takes one number and "
	    "time, as in \"100/10m\", or none\n" },

	/* values that do not fit each other */
	{ "seal_key", "tos_binding = yes\nseal_key",
	    "conf:4: tos_binding: needs tos_url: the terms that are "
	    "binding\n" },
	{ "seal_key",
	    "tos_url = \"https://ca.example/t\"\ntos_sha256 = "
	    "ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789\n"
	    "seal_key",
	    "conf:5: tos_sha256: must be 64 hexadecimal digits in lower case, "
	    "as sha256sum prints them\n" },
	{ "policy {", "policy {\n\teab_required = yes",
	    "conf:6: policy.eab_required: needs web.eab_key_file: the key "
	    "that the secrets in the database are encrypted with\n" },
	{ "https://acme.ca.example", "http://acme.ca.example",
	    "conf:1: base_url: must begin with https://\n" },
	{ "https://acme.ca.example", "https://acme.ca.example/",
	    "conf:1: base_url: must be https:// and a lower-case host, "
	    "perhaps with a port; no path, no slash at the end "
	    "(https://acme.ca.example)\n" },
	{ "https://acme.ca.example", "https://Acme.ca.example",
	    "conf:1: base_url: must be https:// and a lower-case host, "
	    "perhaps with a port; no path, no slash at the end "
	    "(https://acme.ca.example)\n" },
	{ "sqlite:/var/lib/db", "sqlite:db",
	    "conf:3: database: must be sqlite: and an absolute file name, or "
	    "postgresql: and a connection string\n" },
	{ "\"127.0.0.1:443\"", "\"127.0.0.1:443\", \"::1:443\", \"a:0\"",
	    "conf:9: web.listen: ::1:443 is not an address and a port; write "
	    "\"127.0.0.1:443\" or \"[::1]:443\"\n"
	    "conf:9: web.listen: a:0 is not an address and a port; write "
	    "\"127.0.0.1:443\" or \"[::1]:443\"\n" },
	{ "\"127.0.0.1:443\"", "\"unix:acme.sock\", \"systemd\"",
	    "conf:9: web.listen: unix:acme.sock is not an absolute file "
	    "name; write \"unix:/run/countersign/acme.sock\"\n" },
	{ "\"127.0.0.1:443\"", "\"unix:/" A100 "12345678\"",
	    "conf:9: web.listen: unix:/" A100 "12345678 is too long; a "
	    "socket's file name may have 107 octets\n" },
	{ "\tlisten = {",
	    "\ttrusted_proxies = { \"10.0.0.0/8\", "
	    "\"10.0.0.1/8\" }\n\tlisten = {",
	    "conf:9: web.trusted_proxies: 10.0.0.1/8 is not a network; write "
	    "\"192.0.2.1\" or \"2001:db8::/32\", with no bits set behind "
	    "the prefix\n" },
	{ "\ttls_certificate = web.pem\n\ttls_key = /keys/web.key\n", "",
	    "conf: web.tls_certificate: is missing: HTTPS needs a PEM chain\n"
	    "conf: web.tls_key: is missing: HTTPS needs a PEM key\n" },
	{ "\"127.0.0.1:443\" }\n\ttls_certificate = web.pem\n",
	    "\"unix:/run/x\" }\n",
	    "conf:10: web.tls_key: is set, but web.tls_certificate is not; "
	    "set both or neither\n" },
	{ "acme@ca.example", "acme+x@ca.example",
	    "conf:14: sender.from: holds a +, which the tag of each "
	    "challenge needs\n" },
	{ "acme@ca.example", "acme@CA.example",
	    "conf:14: sender.from: write it as acme@ca.example\n" },
	{ "acme@ca.example", "a234567890123456789012345678901234567@ca.example",
	    "conf:14: sender.from: has no room for a tag of 27 characters; "
	    "the local part may have 36\n" },
	{ "\trelay_host = localhost",
	    "\trelay_host = mx.ca.example\n\trelay_tls = none",
	    "conf:16: sender.relay_tls: none is allowed for a relay on this "
	    "host only; use starttls\n" },
	{ "\trelay_signs", "\trelay_user = acme\n\trelay_signs",
	    "conf:16: sender.relay_user: is set, but there is no secret for "
	    "it; set sender.relay_password, or for OAuth sender.relay_token or "
	    "sender.relay_token_command\n" },
	{ "\trelay_signs", "\trelay_token = t\n\trelay_signs",
	    "conf: sender.relay_user: is missing: whose password or access "
	    "token it is\n" },
	{ "\trelay_signs",
	    "\trelay_user = acme\n\trelay_password = p\n"
	    "\trelay_token = t\n\trelay_signs",
	    "conf:16: sender.relay_user: has more than one secret; set one of "
	    "relay_password, relay_token and relay_token_command\n" },
	{ NULL, "signer {\n\tnetwork = all\n\tfiles = { \"hsm\" }\n}\n",
	    "conf:2: signer.network: must be one of local|any|none\n"
	    "conf:3: signer.files: hsm must be an absolute path\n" },
	{ "\trelay_signs",
	    "\trelay_user = acme\n"
	    "\trelay_token_command = { \"token\" }\n\trelay_signs",
	    "conf:17: sender.relay_token_command: must begin with an absolute "
	    "file name; there is no shell and no search path\n" },
	{ "\trelay_signs", "\trelay_auth = plain\n\trelay_signs",
	    "conf:16: sender.relay_auth: is set, but relay_user is not; set "
	    "both or neither\n" },
	{ "\trelay_signs",
	    "\trelay_user = acme\n\trelay_password = p\n"
	    "\trelay_auth = xoauth2\n\trelay_signs",
	    "conf:18: sender.relay_auth: this one takes an access token; set "
	    "relay_token or relay_token_command instead of relay_password\n" },
	{ "\trelay_signs",
	    "\trelay_user = acme\n\trelay_token = t\n"
	    "\trelay_auth = scram\n\trelay_signs",
	    "conf:18: sender.relay_auth: this one takes a password, not an "
	    "access token; use auto, xoauth2 or oauthbearer\n" },
	{ "relay_signs = yes", "dkim_rsa_key = k.pem",
	    "conf:16: sender.dkim_rsa_key: is set, but "
	    "sender.dkim_rsa_selector is not; set both or neither\n" },
	{ "relay_signs", "tagged = no\n\tsmime_key = k.pem\n\trelay_signs",
	    "conf:17: sender.smime_key: is set, but "
	    "sender.smime_certificate is not; set both or neither\n" },
	{ "relay_signs", "tagged = no\n\tsmime_certificate = c\n\trelay_signs",
	    "conf:17: sender.smime_certificate: is set, but "
	    "sender.smime_key is not; set both or neither\n" },
	/* MA-102: a tag would be in From, but not in the certificate. */
	{ "relay_signs",
	    "smime_certificate = c\n\tsmime_key = k\n\trelay_signs",
	    "conf:16: sender.smime_certificate: stands for acme@ca.example "
	    "only, and with tagged = yes no mail comes from it; set "
	    "sender.tagged to no\n" },
	{ "relay_signs", "smime_header_protection = both\n\trelay_signs",
	    "conf:16: sender.smime_header_protection: must be one of "
	    "combined|wrapped\n" },
	{ "\timap_user", "\timap_tls = none\n\timap_user",
	    "conf:20: validator.imap_tls: none would send the password in "
	    "clear; use implicit or starttls\n" },
	{ "\timap_user", "\tprocessed_folder = INBOX\n\timap_user",
	    "conf:20: validator.processed_folder: must be another folder "
	    "than imap_folder\n" },
	{ "\timap_user",
	    "\tlmtp_listen = { \"192.0.2.1:24\", \"[::1]:24\" }\n\timap_user",
	    "conf:20: validator.lmtp_listen: 192.0.2.1:24 is not an address "
	    "of this host itself and a port; write \"127.0.0.1:2424\" or "
	    "\"unix:/run/countersign/lmtp\"\n" },
	{ "\timap_user", "\tlmtp_listen = { systemd }\n\timap_user",
	    "conf:20: validator.lmtp_listen: systemd is not an address of "
	    "this host itself and a port; write \"127.0.0.1:2424\" or "
	    "\"unix:/run/countersign/lmtp\"\n" },
	{ "\timap_user", "\tlmtp_listen = { \"unix:lmtp\" }\n\timap_user",
	    "conf:20: validator.lmtp_listen: unix:lmtp is not an absolute "
	    "file name; write \"unix:/run/countersign/lmtp\"\n" },
	{ "\timap_user",
	    "\tlmtp_listen = { \"127.0.0.1:24\" }\n"
	    "\tlmtp_group = postfix\n\timap_user",
	    "conf:21: validator.lmtp_group: is for Unix sockets, but "
	    "validator.lmtp_listen names none\n" },
	{ "\timap_host = imap.ca.example\n\timap_user = acme\n"
	  "\timap_password = imap.pw\n",
	    "",
	    "conf: validator.imap_host: is missing: replies have no way in; "
	    "set it, or lmtp_listen, or maildir\n" },
	/* MA-3 */
	{ "\timap_user", "\tmaildir = { \"/var/mail/acme\" }\n\timap_user",
	    "conf: validator.maildir_line_ends: is missing: lf for what "
	    "Postfix, Exim and other mail servers write on Unix, crlf for "
	    "files that keep the line ends of the mail\n" },
	{ "\timap_user",
	    "\tmaildir_line_ends = lf\n"
	    "\tmaildir = { acme, \"/a/\", \"/b\", \"/b\" }\n"
	    "\tprocessed_folder = \"x/y\"\n\timap_user",
	    "conf:21: validator.maildir: acme must be an absolute path\n"
	    "conf:21: validator.maildir: write /a/ without the slash at its "
	    "end\n"
	    "conf:21: validator.maildir: has /b twice\n"
	    "conf:22: validator.processed_folder: a folder of a Maildir has "
	    "no / in its name and does not begin with a dot\n" },
	{ "\timap_user", "\tmaildir_line_ends = cr\n\timap_user",
	    "conf:20: validator.maildir_line_ends: must be one of lf|crlf\n" },
	/* MA-30 */
	{ "\timap_user", "\tdns_try_ms = 30000\n\timap_user",
	    "conf: validator.dns_total_ms: must be at least dns_try_ms\n" },
	{ "http://crl.ca.example", "https://crl.ca.example",
	    "conf:28: issuer.crl_url: must be an http:// URL\n" },
	{ "ca.example/ca.crl", "ca.example:80/ca.crl",
	    "conf:28: issuer.crl_url: needs a host name with a dot, without "
	    "a port\n" },
	{ "ca.example/ca.crl", "ca.example/ca.crl?x=1",
	    "conf:28: issuer.crl_url: must hold neither ? nor @\n" },
	/* A login for each role, and no password in this file. */
	{ "sqlite:/var/lib/db", "postgresql:no such",
	    "conf:3: database: missing \"=\" after \"no\" in connection info "
	    "string\n" },
	{ "sqlite:/var/lib/db\"\n",
	    "sqlite:/var/lib/db\"\ndatabase_password = x\n",
	    "conf:4: database_password: is for postgresql: only\n" },
	{ "\timap_user", "\tdatabase_password = x\n\timap_user",
	    "conf:20: validator.database_password: needs database in the same "
	    "section: whose password it is\n" },
	{ "\timap_user", "\tdatabase = \"sqlite:/x\"\n\timap_user",
	    "conf:3: database: must be postgresql: where roles have logins of "
	    "their own\n"
	    "conf:20: validator.database: must be postgresql: and a connection "
	    "string: SQLite knows no users\n" },
	{ "sqlite:/var/lib/db\"\n",
	    "postgresql://o:s3cret@db/x\"\nweb {\n\tdatabase = "
	    "\"postgresql:password=s3cret\"\n}\n",
	    "conf:3: database: must not hold the password where roles have "
	    "logins of their own, since every role reads this file: put it "
	    "into a file and name that in database_password\n"
	    "conf:5: web.database: must name the user (user=…), who gets the "
	    "rights of this role\n"
	    "conf:5: web.database: must not hold the password, since every "
	    "role reads this file: put it into a file and name that in "
	    "database_password\n" },
	/* Another CA issues (pki.md section 17). */
	{ NULL, "external {\n\tkind = est\n}\n",
	    "conf:2: external.kind: must be one of none|hook|acme|cmp\n" },
	/* PK-221 */
	{ OWN_CA,
	    "}\nexternal {\n\tkind = hook\n\thook = { /ca.sh }\n\tuser = "
	    "ca\n}\nissuer {\n" CRL_URL,
	    "conf:30: external.user: needs external.database: a SQLite file "
	    "belongs to the user of the other roles, and so does their "
	    "login\n" },
	/* PK-222 */
	{ OWN_CA,
	    "}\nexternal {\n\tkind = cmp\n\tcmp_url = \"ftp://ca.example\"\n"
	    "\tcmp_key = k\n}\nissuer {\n" CRL_URL,
	    "conf:29: external.cmp_url: must be an http:// or https:// URL\n"
	    "conf: external.cmp_certificate: is missing. CMP messages are "
	    "signed, both ways.\n"
	    "conf: external.cmp_server: is missing. CMP messages are signed, "
	    "both ways.\n" },
	/* PK-112 */
	{ OWN_CA,
	    "}\nexternal {\n\tkind = hook\n\thook = { /ca.sh }\n}\n"
	    "profile p {\n\tsubject_number = yes\n}\nissuer {\n" CRL_URL,
	    "conf: profile.subject_number: must not be set (profile p) where "
	    "another CA issues (external.kind): the subject is that CA's\n" },
	{ NULL, "external {\n\tkind = hook\n\thook = { ca.sh }\n}\n",
	    "conf:3: external.hook: ca.sh must be an absolute path\n"
	    "conf:30: issuer.ca_key: must not be set where another CA issues "
	    "(external.kind): key, lists and OCSP answers are that CA's\n"
	    "conf:33: issuer.crl_file: must not be set where another CA issues "
	    "(external.kind): key, lists and OCSP answers are that CA's\n" },
	{ OWN_CA,
	    "}\nexternal {\n\tkind = acme\n\tdirectory = "
	    "\"http://ca.example\"\n\teab_kid = a\n}\nissuer {\n" CRL_URL,
	    "conf:29: external.directory: must be an https:// URL\n"
	    "conf: external.account_key: is missing. File with the key of the "
	    "account there.\n"
	    "conf:30: external.eab_kid: eab_kid and eab_key_file go "
	    "together\n" },
	/* PK-9: nobody else may have done the validation. */
	{ OWN_CA,
	    "}\nmode = public\ntos_url = \"https://ca.example/\"\n"
	    "tos_sha256 = \"" SHA256_TEXT "\"\ntos_binding = yes\npolicy {\n"
	    "\tcaa_identities = { ca.example }\n\tweak_keys = weak\n}\n"
	    "external {\n\tkind = hook\n\thook = { /ca.sh }\n}\nissuer "
	    "{\n" CRL_URL,
	    "conf: external.same_operator: must be yes in public mode: the "
	    "proof of control over a mailbox may not be delegated, so whoever "
	    "runs this server has to run that CA as well\n" },
	/* PK-195 */
	{ NULL, "mode = public\n",
	    "conf: policy.caa_identities: must not be empty in public mode\n"
	    "conf: policy.weak_keys: must be set in public mode: keys of "
	    "Debian's broken generator and published ones must be known "
	    "(PK-74)\n"
	    "conf: tos_url: must be set in public mode\n"
	    "conf: tos_sha256: must be set in public mode: which document "
	    "accounts agreed to is recorded (PK-10)\n"
	    "conf: tos_binding: must be yes in public mode: accounts agree to "
	    "the terms before they order (PK-10)\n"
	    "conf:27: issuer.ca_key: a key in a file cannot be used in "
	    "public mode: set issuer.key_module, or run with mode = "
	    "private\n" },
};

static void
test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrongs); i++) {
		const struct wrong *w = &wrongs[i];
		const struct conf *c;
		struct reports r;

		unit_case("%zu: %s", i, w->to);
		assert_int_equal(
		    load(span_str(edit(base, w->from, w->to)), &r, &c), -1);
		assert_string_equal(r.text.p, w->expected);
	}
}

/* An administrator mends all of them at once, not one a start. */
static void
test_all_at_once(void **state)
{
	const char *text = base;
	const struct conf *c;
	struct reports r;

	(void)state;
	text = edit(text, "base_url =", "base_url");
	text = edit(text, "max_identifiers", "max_identifer");
	text = edit(text, "listen", "lisen");
	text = edit(text, "acme@ca.example", "acme");
	text = edit(text, "relay_signs = yes", "relay_signs = maybe");
	text = edit(text, "\timap_user = acme\n", "\n");
	text = edit(text, "ca_chain = root.pem", "serial_octet = 0");
	text = edit(text, "crl_file", "= crl_file");
	assert_int_equal(load(span_str(text), &r, &c), -1);
	assert_string_equal(r.text.p,
	    "conf:1: missing equal sign after option 'base_url'\n"
	    "conf:6: max_identifer: there is no such option; did you mean "
	    "policy.max_identifiers?\n"
	    "conf:9: lisen: there is no such option; did you mean "
	    "web.listen?\n"
	    "conf:29: unexpected token '='\n"
	    "conf: base_url: is missing. Prefix of every URL that the server "
	    "hands out: https, lower-case host, no slash at the end.\n"
	    "conf: web.listen: is missing. Addresses and ports of the HTTPS "
	    "server.\n"
	    "conf:16: sender.relay_signs: must be yes or no\n"
	    "conf: issuer.ca_chain: is missing. PEM certificates above it, up "
	    "to the root.\n"
	    "conf:25: issuer.serial_octet: 0 is out of range; give 1 to 127\n"
	    "conf:14: sender.from: the mailbox is not local-part@domain\n"
	    "conf: sender.dkim_rsa_key: is missing: challenge mails need a "
	    "DKIM signature; set it, or say relay_signs = yes if the relay "
	    "signs\n"
	    "conf: validator.imap_user: is missing: the login at the IMAP "
	    "server\n"
	    "conf: issuer.crl_file: is missing. Where each new list is "
	    "written, for the web server behind crl_url.\n");
}

/* --- sections with a title ----------------------------------------------- */

#define IMAP_TWO                                                               \
	"imap two {\n host = imap.two.example\n user = acme\n"                 \
	" password = two.pw\n disposal = flag\n}\n"

static const char *
with(const char *more)
{
	return edit(base, "issuer {",
	    arena_printf(unit_job()->arena, "%sissuer {", more));
}

static void
test_titled(void **state)
{
	const struct conf *c = load_good(with(
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
	const char *text = edit(base,
	    "\timap_host = imap.ca.example\n\timap_user = acme\n"
	    "\timap_password = imap.pw\n",
	    "\tlmtp_listen = { \"unix:/run/x/lmtp\", \"[::1]:24\" }\n"
	    "\tlmtp_group = postfix\n");
	const struct conf *c = load_good(text);
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
	c = load_good(edit(with(IMAP_TWO), "\timap_user",
	    "\tlmtp_listen = { \"127.0.0.1:24\" }\n\timap_user"));
	assert_int_equal(intake_count(c), 4);
	assert_string_equal(intake_at(c, 1, room).name, "imap:two");
	assert_string_equal(intake_at(c, 2, room).name, "lmtp");
}

static void
test_maildir_alone(void **state)
{
	const char *text = edit(base,
	    "\timap_host = imap.ca.example\n\timap_user = acme\n"
	    "\timap_password = imap.pw\n",
	    "\tmaildir = { \"/a\", \"/b\" }\n\tmaildir_line_ends = crlf\n");
	const struct conf *c = load_good(text);
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
	const char *text = with("domain a.example {\n coverage = rfc\n}\n");
	const struct conf *c = load_good(
	    edit(text, "\timap_user", "\trequire_dnssec = yes\n\timap_user"));

	(void)state;
	assert_true(c->validator.domains[0].require_dnssec);
	assert_int_equal(c->validator.domains[0].coverage, CONF_COVERAGE_RFC);
}

/* Only further mailboxes: the validator's own is not needed. */
static void
test_titled_alone(void **state)
{
	const char *text = with(IMAP_TWO);
	const struct conf *c;
	char room[INTAKE_NAME_MAX];

	(void)state;
	text = edit(text, "\timap_host = imap.ca.example\n", "");
	text = edit(text, "\timap_user = acme\n", "");
	text = edit(text, "\timap_password = imap.pw\n", "");
	c = load_good(text);
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
	struct reports r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unit_case("%s", cases[i].text);
		assert_int_equal(
		    load(span_str(with(cases[i].text)), &r, &c), -1);
		assert_string_equal(r.text.p, cases[i].error);
	}
}

static int
reload(const struct conf *old, struct reports *r, const struct conf **now)
{
	struct arena *a = unit_job()->arena;
	const struct conf *fresh;

	if (conf_load(a, old->file, note, r, &fresh) < 0)
		return -1;
	*now = conf_keep(a, old, fresh, note, r);
	return 0;
}

static void
test_titled_reload(void **state)
{
	const struct conf *old = load_good(
	    with(IMAP_TWO "domain a.example {\n coverage = rfc\n}\n"));
	const struct conf *now = NULL;
	struct reports r;

	(void)state;
	write_conf(span_str(with("domain b.example {\n coverage = core\n}\n"
				 "domain a.example {\n}\n")));
	reports_init(&r);
	assert_int_equal(reload(old, &r, &now), 0);
	assert_int_equal(r.count, 1);
	assert_string_equal(r.text.p, "the sections imap\n");
	assert_int_equal(now->validator.imap_count, 1);
	assert_string_equal(now->validator.imaps[0].name, "two");
	assert_int_equal(now->validator.domain_count, 2);
	assert_string_equal(now->validator.domains[0].name, "b.example");
	/* The same again: nothing to say. */
	write_conf(span_str(with(IMAP_TWO)));
	reports_init(&r);
	assert_int_equal(reload(now, &r, &now), 0);
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
	struct reports r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = with(arena_printf(unit_job()->arena,
		    "domain a.example {\n\n%s\n}\n", cases[i].domain));

		unit_case("%zu", i);
		text = edit(text, "\timap_user",
		    arena_printf(unit_job()->arena, "\t%s\n\timap_user",
			cases[i].validator));
		if (cases[i].error == NULL) {
			(void)load_good(text);
			continue;
		}
		assert_int_equal(load(span_str(text), &r, &c), -1);
		assert_string_equal(r.text.p, cases[i].error);
	}
	c = load_good(base);
	assert_int_equal(c->validator.smime, CONF_SMIME_NOTE);
	assert_int_equal(c->validator.smime_revocation, CONF_REVOCATION_HARD);
	c = load_good(edit(with("domain a.example {\n}\n"), "\timap_user",
	    "\tsmime = ignore\n\timap_user"));
	assert_int_equal(c->validator.domains[0].smime, CONF_SMIME_IGNORE);
	assert_false(c->validator.domains[0].smime_instead_of_dkim);
}

/* For networks without DKIM, which the public is not. */
static void
test_smime_public(void **state)
{
	const char *text =
	    edit(with("domain a.example {\n smime_instead_of_dkim = yes\n}\n"),
		"\timap_user",
		"\tsmime_roots = r\n\tsmime_revocation = off\n\timap_user");
	const struct conf *c;
	struct reports r;

	(void)state;
	text = arena_printf(unit_job()->arena, "mode = public\n%s", text);
	assert_int_equal(load(span_str(text), &r, &c), -1);
	assert_non_null(strstr(r.text.p,
	    "domain a.example: smime_instead_of_dkim: must be no in public "
	    "mode\n"));
}

static void
test_not_text(void **state)
{
	static const char nul[] = "base_url = a\0b\n";
	const struct conf *c;
	struct reports r;

	(void)state;
	assert_int_equal(load(span_mem(nul, sizeof(nul) - 1), &r, &c), -1);
	assert_string_equal(
	    r.text.p, "conf: holds a NUL byte; it must be plain text\n");
	assert_int_equal(
	    load(span_str(edit(base, "Example", "M\xfcller")), &r, &c), -1);
	assert_string_equal(
	    r.text.p, "conf:2: is not UTF-8; save the file in that encoding\n");
	reports_init(&r);
	assert_int_equal(conf_load(unit_job()->arena,
			     "/nonexistent/countersign.conf", note, &r, &c),
	    -1);
	assert_int_equal(r.count, 1);
	assert_non_null(strstr(r.text.p, "/nonexistent/countersign.conf"));
	assert_non_null(strstr(r.text.p, "No such file"));
}

/* --- good files ---------------------------------------------------------- */

static void
test_values(void **state)
{
	const struct conf *c = load_good(base);

	(void)state;
	assert_string_equal(c->file, path);
	assert_string_equal(c->base_url, "https://acme.ca.example");
	assert_string_equal(c->ca_name, "Example CA");
	assert_int_equal(c->web.listen.n, 1);
	assert_string_equal(c->web.listen.v[0], "127.0.0.1:443");
	/* Relative names are meant from the file's folder. */
	assert_string_equal(c->seal_key_file,
	    arena_printf(unit_job()->arena, "%s/seal.key", folder));
	assert_string_equal(c->web.tls_key, "/keys/web.key");
	assert_true(c->sender.relay_signs);
	assert_null(c->user);
	assert_null(c->sender.dkim_rsa_key);
	assert_int_equal(c->deny.n, 0);
}

static void
test_defaults(void **state)
{
	const struct conf *c = load_good(base);

	(void)state;
	assert_int_equal(c->mode, CONF_MODE_PRIVATE);
	assert_int_equal(c->max_identifiers, 10);
	assert_true(c->utf8_mailboxes);
	assert_false(c->allow_reserved_domains);
	assert_int_equal(c->authz_pending_life, 86400);
	assert_int_equal(c->retention, INT64_C(918) * 86400);
	assert_int_equal(c->retain_final, 30 * 86400);
	assert_int_equal(c->authz_valid_life, 3 * 86400);
	assert_int_equal(c->challenge_mail_delay, 5);
	assert_true(c->caa_enforce);
	assert_int_equal(c->web.max_body, 65536);
	assert_int_equal(c->sender.relay_tls, CONF_TLS_STARTTLS);
	assert_true(c->sender.tagged);
	assert_int_equal(c->validator.imap.tls, CONF_TLS_IMPLICIT);
	assert_int_equal(c->validator.coverage, CONF_COVERAGE_CORE);
	assert_false(c->validator.require_dnssec); /* MA-31 */
	assert_int_equal(c->validator.dns_total_ms, 20000);
	assert_int_equal(c->issuer.caa_max_age, 3600);
	assert_int_equal(c->issuer.max_per_hour, 1000);
}

static void
test_units(void **state)
{
	static const struct {
		const char *text;
		int64_t secs;
	} cases[] = {
		{ "3600", 3600 },
		{ "3600s", 3600 },
		{ "60m", 3600 },
		{ "2h", 7200 },
		{ "30d", 2592000 },
		{ "1D", 86400 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *text =
		    edit(base, "max_identifiers = 10", "order_life = @");

		unit_case("%s", cases[i].text);
		text = edit(text, "@\n",
		    arena_printf(unit_job()->arena, "%s\n", cases[i].text));
		assert_int_equal(load_good(text)->order_life, cases[i].secs);
	}
	assert_int_equal(
	    load_good(edit(base, "\ttls_key", "\tmax_body = 128k\n\ttls_key"))
		->web.max_body,
	    131072);
}

/* PK-22 */
static void
test_periods(void **state)
{
	static const struct {
		const char *text;
		int64_t days;
	} cases[] = {
		{ "2y", 732 },
		{ "24m", 744 },
		{ "732d", 732 },
		{ "2Y1M1W1D", 771 },
		{ "110w", 770 },
		{ "30y", 10980 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *line = arena_printf(unit_job()->arena,
		    "retention = %s\n\tretain_final = 1d", cases[i].text);

		unit_case("%s", cases[i].text);
		assert_int_equal(
		    load_good(edit(base, "max_identifiers = 10", line))
			->retention,
		    cases[i].days * 86400);
	}
}

static void
test_lists(void **state)
{
	const struct conf *c = load_good(edit(base, "\tmax_identifiers = 10\n",
	    "\tallow = { \"a.example\",\n\t\t\"bob@b.example\",\n"
	    "\t\tc.example }\n\tdeny = { x.example }\n"
	    "\tdeny += { y.example }\n"));

	(void)state;
	assert_int_equal(c->allow.n, 3);
	assert_string_equal(c->allow.v[1], "bob@b.example");
	assert_string_equal(c->allow.v[2], "c.example");
	assert_int_equal(c->deny.n, 2);
}

/* Comments of each kind, where a line number counts after them. */
static void
test_comments(void **state)
{
	const char *text = edit(base, NULL,
	    "# one { \" ' }\n// two {\n/* three {\n * four \"\n */\n");
	const struct conf *c;
	struct reports r;

	(void)state;
	text = edit(text, "\"Example CA\"", "\"# is a // CA /* no */\"  # x {");
	c = load_good(text);
	assert_string_equal(c->ca_name, "# is a // CA /* no */");
	assert_int_equal(load(span_str(edit(text, "= 10", "= 0")), &r, &c), -1);
	assert_string_equal(r.text.p,
	    "conf:11: policy.max_identifiers: 0 is out of range; give 1 to "
	    "100\n");
}

/* What editors elsewhere make of it. */
static void
test_foreign(void **state)
{
	const struct conf *c;

	(void)state;
	c = load_good(edit(base, NULL, "\xef\xbb\xbf"));
	assert_string_equal(c->base_url, "https://acme.ca.example");
	c = load_good(
	    edit(base, "\"Example CA\"\n", "'${CA} M\xc3\xbcller'\r\n"));
	assert_string_equal(c->ca_name, "${CA} M\xc3\xbcller");
	c = load_good(edit(base, "Example", "\\${CA}"));
	assert_string_equal(c->ca_name, "${CA} CA");
}

/* The file ends anywhere: an answer, no crash, nothing twice. */
static void
test_cut(void **state)
{
	size_t whole = strlen(base), good = 0;

	(void)state;
	for (size_t n = 0; n < whole; n++) {
		const struct conf *c = NULL;
		struct reports r;

		unit_case("%zu octets", n);
		if (load(span_mem(base, n), &r, &c) == 0) {
			good++;
			assert_int_equal(r.count, 0);
			continue;
		}
		assert_true(r.count >= 1 && r.count < 25);
		job_reset(unit_job());
	}
	/* Only the last line end is not needed. */
	assert_int_equal(good, 1);
}

/* Each octet another one: an answer, no crash. */
static void
test_octets(void **state)
{
	static const char others[] = "\"'{}=,\\#/+(\n\x80";
	char text[sizeof(base)];

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(base); i += 3) {
		const struct conf *c = NULL;
		struct reports r;

		memcpy(text, base, sizeof(base));
		text[i] = others[i % (sizeof(others) - 1)];
		unit_case("octet %zu is %02x", i, (unsigned char)text[i]);
		if (load(span_str(text), &r, &c) == 0)
			assert_int_equal(r.count, 0);
		else
			assert_true(r.count >= 1 && r.count < 45);
		job_reset(unit_job());
	}
}

/* --- reload -------------------------------------------------------------- */

static void
test_reload(void **state)
{
	const struct conf *old = load_good(base), *now = NULL;
	struct reports r;
	const char *text = base;

	(void)state;
	text = edit(text, "Example CA", "Other CA");
	text = edit(text, "= 10", "= 20");
	text = edit(text, "https://acme", "https://other");
	text = edit(text, "\"127.0.0.1:443\"", "\"127.0.0.1:444\"");
	text = edit(text, "localhost", "127.0.0.1");
	text = edit(text, "\tcrl_file", "\tserial_octet = 2\n\tcrl_file");
	write_conf(span_str(text));
	reports_init(&r);
	assert_int_equal(reload(old, &r, &now), 0);
	assert_string_equal(r.text.p,
	    "base_url\nweb.listen\nsender.relay_host\n"
	    "issuer.serial_octet\n");
	assert_string_equal(now->ca_name, "Other CA");
	assert_int_equal(now->max_identifiers, 20);
	assert_string_equal(now->base_url, "https://acme.ca.example");
	assert_string_equal(now->web.listen.v[0], "127.0.0.1:443");
	assert_string_equal(now->sender.relay_host, "localhost");
	assert_int_equal(now->issuer.serial_octet, 1);
	assert_string_equal(old->ca_name, "Example CA");
}

static void
test_reload_refused(void **state)
{
	const struct conf *old = load_good(base), *now = NULL;
	struct reports r;

	(void)state;
	write_conf(span_str(edit(base, "= 10", "= 1000")));
	reports_init(&r);
	assert_int_equal(reload(old, &r, &now), -1);
	assert_int_equal(r.count, 1);
	assert_null(now);
	/* The same file again: nothing to say. */
	write_conf(span_str(base));
	reports_init(&r);
	assert_int_equal(reload(old, &r, &now), 0);
	assert_int_equal(r.count, 0);
}

/* --- the table itself ---------------------------------------------------- */

static bool
inherits(const struct conf_section *s)
{
	return s != NULL && s->inherit != NULL;
}

static void
test_table(void **state)
{
	const struct conf_section *section;

	(void)state;
	for (size_t i = 0; i < conf_option_count; i++) {
		const struct conf_option *o = &conf_options[i];

		unit_case("%s.%s", o->section, o->name);
		section = conf_section_find(o->section);
		assert_true(
		    o->offset <
		    (section != NULL ? section->size : sizeof(struct conf)));
		assert_true(strlen(o->meaning) > 10);
		/* What is required has no default; a choice has both. */
		assert_false(o->required && o->initial != NULL);
		if (o->type == CONF_CHOICE) {
			assert_non_null(o->choices);
			assert_true(o->initial != NULL || inherits(section));
		}
		if (o->type == CONF_INTEGER || o->type == CONF_SECONDS ||
		    o->type == CONF_PERIOD || o->type == CONF_OCTETS) {
			assert_true(o->initial != NULL || inherits(section));
			assert_true(o->max > o->min);
		}
		for (size_t k = 0; k < i; k++) {
			const struct conf_option *p = &conf_options[k];

			if (section == conf_section_find(p->section))
				assert_true(o->offset != p->offset);
			assert_false(strcmp(o->section, p->section) == 0 &&
				     strcmp(o->name, p->name) == 0);
		}
	}
}

/* PK-68, PK-109: sections make profiles, and change those that ship. */
static void
test_profile_sections(void **state)
{
	const struct conf *c = load_good(
	    edit(with("profile mailbox-signing {\n subject = \"cn+email\"\n}\n"
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
	c = load_good(base);
	assert_string_equal(c->profile, "mailbox-strict");
	assert_ptr_equal(profile_find(c, SPAN("mailbox-strict")), &profiles[0]);
	assert_null(profile_find(c, SPAN("modern")));
}

/* PK-139: what is tolerated, why and for how long. */
static void
test_allow_lint(void **state)
{
	const struct conf *c = load_good(
	    with("allow_lint L-40 {\n reason = \"ten long mailboxes\"\n"
		 " until = 2027-03-31\n}\n"));

	(void)state;
	assert_int_equal(c->allow_lint_count, 1);
	assert_string_equal(c->allow_lints[0].name, "L-40");
	assert_string_equal(c->allow_lints[0].reason, "ten long mailboxes");
	assert_string_equal(c->allow_lints[0].until, "2027-03-31");
}

static void
test_listen(void **state)
{
	static const struct {
		const char *text, *host, *port;
	} cases[] = {
		{ "127.0.0.1:443", "127.0.0.1", "443" },
		{ "[::1]:8443", "::1", "8443" },
		{ "host.example:65535", "host.example", "65535" },
		{ ":443", NULL, NULL },
		{ "127.0.0.1", NULL, NULL },
		{ "127.0.0.1:", NULL, NULL },
		{ "127.0.0.1:65536", NULL, NULL },
		{ "127.0.0.1:0", NULL, NULL },
		{ "127.0.0.1:+1", NULL, NULL },
		{ "::1:443", NULL, NULL },
		{ "[]:443", NULL, NULL },
		{ "", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *host = NULL, *port = NULL;
		int expected = cases[i].host != NULL ? 0 : -1;

		unit_case("%s", cases[i].text);
		assert_int_equal(conf_parse_listen(unit_job()->arena,
				     cases[i].text, &host, &port),
		    expected);
		if (expected < 0)
			continue;
		assert_string_equal(host, cases[i].host);
		assert_string_equal(port, cases[i].port);
	}
}

#define WITH_FOLDER(test)                                                      \
	cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

static const struct CMUnitTest tests[] = {
	WITH_FOLDER(test_mistakes),
	WITH_FOLDER(test_all_at_once),
	WITH_FOLDER(test_titled),
	WITH_FOLDER(test_lmtp_alone),
	WITH_FOLDER(test_maildir_alone),
	WITH_FOLDER(test_titled_inherits),
	WITH_FOLDER(test_titled_alone),
	WITH_FOLDER(test_titled_refused),
	WITH_FOLDER(test_titled_reload),
	WITH_FOLDER(test_smime),
	WITH_FOLDER(test_smime_public),
	WITH_FOLDER(test_not_text),
	WITH_FOLDER(test_values),
	WITH_FOLDER(test_defaults),
	WITH_FOLDER(test_units),
	WITH_FOLDER(test_periods),
	WITH_FOLDER(test_lists),
	WITH_FOLDER(test_comments),
	WITH_FOLDER(test_foreign),
	WITH_FOLDER(test_cut),
	WITH_FOLDER(test_octets),
	WITH_FOLDER(test_reload),
	WITH_FOLDER(test_reload_refused),
	cmocka_unit_test(test_table),
	WITH_FOLDER(test_profile_sections),
	WITH_FOLDER(test_allow_lint),
	cmocka_unit_test(test_listen),
};

UNIT_MAIN(tests)
