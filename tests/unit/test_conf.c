/*
 * Mistakes of the configuration file: all of them are reported at once, with
 * file, line, option and what would be right.  PK-12 (the re-use of a
 * validation stays below 30 days), PK-27 (the age of a CAA check below 8
 * hours), PK-89, PK-204, MA-31.
 */
#include "config.h"

#include <string.h>

#include "lib/count.h"
#include "src/conf_file.h"
#include "tests/unit/conf_lab.h"

static const struct conf_wrong wrongs[] = {
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
	    "hands out: https, lower-case host, perhaps a port; no path, no "
	    "slash at the end.\n" },
	{ "policy {\n\tmax_identifiers = 10\n}", "listen = { \"x\" }\n\n",
	    "conf:5: listen: there is no such option; did you mean "
	    "web.listen?\n" },
	{ "policy {\n\tmax_identifiers = 10\n}", "web.listen = x\n\n",
	    "conf:5: web.listen: an option of a section is written "
	    "web { listen = … }\n" },
	{ "policy {\n\tmax_identifiers = 10\n}", "imap.host = x\n\n",
	    "conf:5: imap.host: an option of a section is written "
	    "imap NAME { host = … }\n" },
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
	    "s, m, h, d); give 1h to 30d\n" },
	{ "max_identifiers = 10", "order_life = 59m",
	    "conf:6: policy.order_life: 59m is out of range; give 1h to "
	    "30d (seconds, or with s, m, h, d)\n" },
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
	    "conf:6: policy.authz_valid_life: 30d is out of range; give 0s to "
	    "719h (seconds, or with s, m, h, d)\n" },
	/* PK-5 */
	{ "max_identifiers = 10", "authz_pending_life = 25h",
	    "conf:6: policy.authz_pending_life: 25h is out of range; give "
	    "10m to 1d (seconds, or with s, m, h, d)\n" },
	{ "\ttls_key", "\tmax_body = 1G\n\ttls_key",
	    "conf:11: web.max_body: 1G is not a number (octets, or with K, "
	    "M); give 16384 to 262144\n" },
	{ "\ttls_key", "\tmax_body = 1M\n\ttls_key",
	    "conf:11: web.max_body: 1M is out of range; give 16384 to "
	    "262144 (octets, or with K, M)\n" },
	/* PK-27 */
	{ "\tcrl_file", "\tcaa_max_age = 9h\n\tcrl_file",
	    "conf:29: issuer.caa_max_age: 9h is out of range; give 1m to "
	    "8h (seconds, or with s, m, h, d)\n" },
	/* PK-38: CAA is looked up for every domain, whatever a contract with
	 * the holder of a constrained CA says. */
	{ "max_identifiers = 10", "caa_contract_waiver = yes",
	    "conf:6: caa_contract_waiver: there is no such option "
	    "here; countersign.conf(5) lists them all\n" },
	{ "max_identifiers = 10", "caa_exempt = { \"example.org\" }",
	    "conf:6: caa_exempt: there is no such option here; "
	    "countersign.conf(5) lists them all\n" },
	{ "\tcrl_file", "\tcaa_max_age = 0\n\tcrl_file",
	    "conf:29: issuer.caa_max_age: 0 is out of range; give 1m to "
	    "8h (seconds, or with s, m, h, d)\n" },
	/* PK-54: what perspectives said is not kept for 398 days. */
	{ "policy {\n", "mpic {\n\tcaa_reuse = 398d\n}\npolicy {\n",
	    "conf:6: caa_reuse: there is no such option here; "
	    "countersign.conf(5) lists them all\n" },
	{ "\tcrl_file", "\tcaa_max_age = 398d\n\tcrl_file",
	    "conf:29: issuer.caa_max_age: 398d is out of range; give 1m to "
	    "8h (seconds, or with s, m, h, d)\n" },
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
	    "conf:5: admin.session_idle: 1d is out of range; give 10s to "
	    "1h (seconds, or with s, m, h, d)\n"
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
	{ "{ \"127.0.0.1:443\" }", "127.0.0.1:1\n\tlisten = 127.0.0.1:2",
	    "conf:10: web.listen: is set already in line 9; keep one of "
	    "them\n" },
	{ "\"127.0.0.1:443\" }",
	    "127.0.0.1:1 }\n\tlisten = { 127.0.0.1:1, 127.0.0.1:2 }",
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
	    "conf:5: the { of this line has no }\n" },
	{ "policy {", "policy {\n\tdeny = { a.example,\n\t    b.example\n",
	    "conf:5: the { of this line has no }\n" },
	{ "policy {", "domain a.example {\n\tsmime = hard\npolicy {",
	    "conf:5: the { of this line has no }\n" },
	{ "\tmax_identifiers = 10", "\tmax_identifiers = { 10, 11 }",
	    "conf:6: the option of this line takes one value, without "
	    "braces\n" },
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
};

static void
test_mistakes(void **state)
{
	(void)state;
	conf_lab_mistakes(wrongs, COUNT(wrongs));
}

/* An administrator mends all of them at once, not one a start. */
static void
test_all_at_once(void **state)
{
	const char *text = conf_lab_base;
	const struct conf *c;
	struct conf_reports r;

	(void)state;
	text = conf_lab_edit(text, "base_url =", "base_url");
	text = conf_lab_edit(text, "max_identifiers", "max_identifer");
	text = conf_lab_edit(text, "listen", "lisen");
	text = conf_lab_edit(text, "acme@ca.example", "acme");
	text = conf_lab_edit(text, "relay_signs = yes", "relay_signs = maybe");
	text = conf_lab_edit(text, "\timap_user = acme\n", "\n");
	text = conf_lab_edit(text, "ca_chain = root.pem", "serial_octet = 0");
	text = conf_lab_edit(text, "crl_file", "= crl_file");
	assert_int_equal(conf_lab_load(span_str(text), &r, &c), -1);
	assert_string_equal(r.text.p,
	    "conf:1: missing equal sign after option 'base_url'\n"
	    "conf:6: max_identifer: there is no such option; did you mean "
	    "policy.max_identifiers?\n"
	    "conf:9: lisen: there is no such option; did you mean "
	    "web.listen?\n"
	    "conf:29: unexpected token '='\n"
	    "conf: base_url: is missing. Prefix of every URL that the server "
	    "hands out: https, lower-case host, perhaps a port; no path, no "
	    "slash at the end.\n"
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

static void
test_not_text(void **state)
{
	static const char nul[] = "base_url = a\0b\n";
	const struct conf *c;
	struct conf_reports r;

	(void)state;
	assert_int_equal(
	    conf_lab_load(span_mem(nul, sizeof(nul) - 1), &r, &c), -1);
	assert_string_equal(
	    r.text.p, "conf: holds a NUL byte; it must be plain text\n");
	assert_int_equal(conf_lab_load(span_str(conf_lab_edit(conf_lab_base,
					   "Example", "M\xfcller")),
			     &r, &c),
	    -1);
	assert_string_equal(
	    r.text.p, "conf:2: is not UTF-8; save the file in that encoding\n");
	conf_reports_init(&r);
	assert_int_equal(
	    conf_load(unit_job()->arena, "/nonexistent/countersign.conf",
		conf_lab_note, &r, &c),
	    -1);
	assert_int_equal(r.count, 1);
	assert_non_null(strstr(r.text.p, "/nonexistent/countersign.conf"));
	assert_non_null(strstr(r.text.p, "No such file"));
	assert_non_null(strstr(r.text.p, "; -f FILE names another\n"));
}

/* The file of a key or a password, by mistake: nothing of it is said. */
static void
test_secret_is_not_repeated(void **state)
{
	static const char *const cases[] = {
		"0d3ca54819269cfb54956b979369f3e87baf253ed58ac8a93b3426ed2ecb",
		"ecl240t9Ju9fkobT5_Jb6ygUGer8_mVQ4Oj2pwftnH8\n",
		"hunter\n",
		"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIM6H79\n",
	};
	const struct conf *c;
	struct conf_reports r;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		unit_case("%s", cases[i]);
		assert_int_equal(conf_lab_load(span_str(cases[i]), &r, &c), -1);
		assert_non_null(strstr(
		    r.text.p, "conf:1: what stands here is no option; "));
		for (size_t k = 0; k + 6 <= strlen(cases[i]); k++)
			assert_null(strstr(r.text.p,
			    span_dup(unit_job()->arena,
				span_cut(span_str(cases[i]), k, k + 6))));
	}
}

static const struct CMUnitTest tests[] = {
	WITH_FOLDER(test_mistakes),
	WITH_FOLDER(test_all_at_once),
	WITH_FOLDER(test_not_text),
	WITH_FOLDER(test_secret_is_not_repeated),
};

UNIT_MAIN(tests)
