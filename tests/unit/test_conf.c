/*
 * Mistakes of the configuration file: all of them are reported at once, with
 * file, line, option and what would be right.  PK-12 (the re-use of a
 * validation stays below 30 days), PK-27 (the age of a CAA check below 8
 * hours), PK-89, PK-195, PK-204, MA-31.
 */
#include "config.h"

#include <string.h>

#include "pki/profile.h"
#include "src/conf_file.h"
#include "src/conf_table.h"
#include "tests/unit/conf_lab.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define SHA256_TEXT                                                            \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

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
}

static const struct CMUnitTest tests[] = {
	WITH_FOLDER(test_mistakes),
	WITH_FOLDER(test_all_at_once),
	WITH_FOLDER(test_not_text),
};

UNIT_MAIN(tests)
